"""Discord's part of the control API: acting as people, configuring the world, querying it.

JSON over loopback; names and ids are accepted alike, ids are returned as strings. What Discord's
client would not allow is refused with ``{"error": kind, "message": reason}``.
"""

from aiohttp import web

from sandbox.discord.control import actions, configure, queries
from sandbox.discord.world import DiscordWorld

__all__ = ["build_routes"]


def build_routes(world: DiscordWorld) -> list[web.RouteDef]:
    """Every ``/control`` route of Discord's world."""
    return [
        *queries.build_routes(world),
        *actions.build_routes(world),
        *configure.build_routes(world),
    ]
