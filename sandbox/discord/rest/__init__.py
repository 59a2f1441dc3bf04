"""The parts of Discord's REST API v10 that a bot for clips needs. Other routes return 404.

Each resource has a module that parses requests, calls ``sandbox.discord`` and serializes results.
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
    """Return every route, with its ``/api/v10`` prefix."""
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
