"""The control API's Discord side: acting as people, arranging the world, looking at it.

JSON over loopback; names and ids are accepted alike, ids are given as strings. A person's action
that Discord's client would not allow is refused with ``{"error": kind, "message": why}``.
"""

from aiohttp import web

from sandbox.clock import Clock
from sandbox.discord.control import acting, arranging, looking
from sandbox.discord.world import World

__all__ = ["routes"]


def routes(world: World, clock: Clock) -> list[web.RouteDef]:
    """Every ``/control`` route that concerns Discord's world."""
    return [
        *looking.routes(world),
        *acting.routes(world, clock),
        *arranging.routes(world),
    ]
