"""The control API's Discord side: acting as people, arranging the world, looking at it.

JSON over loopback; names and ids are accepted alike, ids are given as strings. A person's action
that Discord's client would not allow is refused with ``{"error": kind, "message": why}``.
"""

from aiohttp import web

from sandbox.clock import SandboxClock
from sandbox.discord.control import actions, configure, queries
from sandbox.discord.world import DiscordWorld

__all__ = ["build_routes"]


def build_routes(world: DiscordWorld, clock: SandboxClock) -> list[web.RouteDef]:
    """Every ``/control`` route that concerns Discord's world."""
    return [
        *queries.build_routes(world),
        *actions.build_routes(world, clock),
        *configure.build_routes(world),
    ]
