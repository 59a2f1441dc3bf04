"""Discord's part of the control API, which acts as people, configures the world and queries it.

It uses JSON over loopback, accepts names or ids, and returns ids as strings. What Discord's client
would not allow is refused with ``{"error": kind, "message": reason}``.
"""

from aiohttp import web

from sandbox.discord.control import actions, command_series, configure, queries
from sandbox.discord.world import DiscordWorld

__all__ = ["build_routes"]


def build_routes(world: DiscordWorld) -> list[web.RouteDef]:
    """Return every ``/control`` route of Discord's world."""
    return [
        *queries.build_routes(world),
        *actions.build_routes(world),
        *command_series.build_routes(world),
        *configure.build_routes(world),
    ]
