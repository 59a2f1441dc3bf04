"""Discord's REST API v10, as far as a bot that posts clips uses it. Other routes are 404.

A module for each resource: it parses requests, calls ``sandbox.discord`` and serializes results.
"""

from aiohttp import web

from sandbox.discord.rest import (
    applications,
    channels,
    commands,
    guilds,
    interactions,
    messages,
    reactions,
    threads,
    users,
    webhooks,
)
from sandbox.discord.rest.routing import RouteFactory
from sandbox.discord.world import DiscordWorld

__all__ = ["build_routes"]


def build_routes(world: DiscordWorld) -> list[web.RouteDef]:
    """Every route, with its ``/api/v10`` prefix."""
    wire = RouteFactory(world)
    resources = (
        applications,
        channels,
        commands,
        guilds,
        interactions,
        messages,
        reactions,
        threads,
        users,
        webhooks,
    )
    return [route for resource in resources for route in resource.build_routes(wire)]
