"""The composition of the sandbox: one process, one port, a Discord and a Google on it.

The only module that knows all the parts. The middlewares are ordered from the outside in: who may
call at all, the log (which must see everything), Discord's limits, the answers to what goes wrong,
and last the faults, so that an ordered error looks to all the others like the handler's own.
"""

import asyncio
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Final

from aiohttp import web

from sandbox.answers import Health
from sandbox.clock import Clock
from sandbox.control import Desk, loopback_only
from sandbox.discord import cdn, control, rest, seed
from sandbox.discord.gateway import HEARTBEAT_INTERVAL_S, Gateway
from sandbox.discord.ratelimits import RateLimits
from sandbox.discord.world import World
from sandbox.faults import Faults
from sandbox.google import control_routes
from sandbox.google import routes as google_routes
from sandbox.google.google import Google
from sandbox.traffic import LARGEST_REQUEST, Traffic

SHUTDOWN_S = 0.5
# Nothing costs anything here, so the settings that keep a real account's bill small are lifted;
# whoever tries limits sets them over these.
_PLAY_MONEY: Final = {
    **{
        f"{whose}_{what}": "none"
        for whose in ("DEFAULT_MEMBER", "DEFAULT_SERVER", "BOT")
        for what in (
            *("CLIPS_PER_DAY", "SECONDS_PER_DAY", "USD_PER_DAY", "USD_PER_MONTH"),
            "JOBS_AT_ONCE",
        )
    },
    "MAX_CONCURRENT_JOBS": "none",
    "CONFIRM_ABOVE_USD": "none",
}


class Sandbox:
    """A running sandbox; made by ``start``, ended by ``close``."""

    def __init__(
        self,
        *,
        base: str,
        runner: web.AppRunner,
        desk: Desk,
        world: World,
        google: Google,
        temporary: Path | None,
    ) -> None:
        self.base = base
        self.clock = desk.clock
        self.traffic = desk.traffic
        self.faults = desk.faults
        self.gateway = desk.gateway
        self.limits = desk.limits
        self.health = desk.health
        self.world = world
        self.google = google
        self._runner = runner
        self._temporary = temporary

    @classmethod
    async def start(
        cls,
        *,
        port: int = 0,
        directory: Path | None = None,
        clips: Path | None = None,
        clock: Clock | None = None,
        planted: bool = True,
        heartbeat_interval_s: float = HEARTBEAT_INTERVAL_S,
        ratelimit_scale: float | None = 1.0,
    ) -> "Sandbox":
        """Builds every part and listens on loopback.

        ``port`` 0 takes a free one; without ``directory`` files live in a temporary one that goes
        away on ``close``; ``clips`` is where finished clips are kept, for several sandboxes if
        wanted (``None``: in ``directory``); ``planted`` starts with the default server of people
        and channels. Raises OSError when the port is taken.
        """
        listener = _listen(port)
        base = f"http://127.0.0.1:{listener.getsockname()[1]}"
        temporary = None
        if directory is None:
            directory = temporary = Path(tempfile.mkdtemp(prefix="clapper-sandbox-"))
        clock = clock or Clock()
        world = World(directory / "discord", clock, public_base=base)
        if planted:
            seed.plant(world)
        google = await Google.start(directory, clock, base, clip_cache=clips)
        gateway = Gateway(
            world,
            clock,
            public_url=base.replace("http", "ws") + "/gateway",
            heartbeat_interval_s=heartbeat_interval_s,
        )
        desk = Desk(
            clock=clock,
            traffic=Traffic(clock),
            faults=Faults(clock),
            gateway=gateway,
            limits=RateLimits(clock, scale=ratelimit_scale),
            health=Health(),
        )
        runner = web.AppRunner(
            _application(desk, world, google), access_log=None, shutdown_timeout=SHUTDOWN_S
        )
        await runner.setup()
        await web.SockSite(runner, listener).start()
        return cls(
            base=base,
            runner=runner,
            desk=desk,
            world=world,
            google=google,
            temporary=temporary,
        )

    def environment(self) -> dict[str, str]:
        """The settings by which a bot finds this Discord and this Google.

        It is the Gemini route's key that is given: with a project beside it, the cheapest model
        of both routes would answer a request. Where Vertex AI is does no harm to know.
        """
        return {
            "DISCORD_TOKEN": self.world.token,
            "DISCORD_API_URL": f"{self.base}/api/v10",
            "DISCORD_GATEWAY_URL": f"{self.base.replace('http', 'ws')}/gateway",
            **self.google.environment(),
            "VERTEX_API_URL": self.google.environment_vertex()["VERTEX_API_URL"],
            **_PLAY_MONEY,
            "WEB_PORT": "0",  # any free one: several bots may run beside each other
        }

    async def close(self) -> None:
        """Hangs up on everyone and stops; within two seconds."""
        self.gateway.close()
        await self._runner.cleanup()
        await self.google.close()
        if self._temporary is not None:
            await asyncio.to_thread(shutil.rmtree, self._temporary, ignore_errors=True)


def _application(desk: Desk, world: World, google: Google) -> web.Application:
    app = web.Application(
        client_max_size=LARGEST_REQUEST,
        middlewares=[
            loopback_only,
            desk.traffic.middleware,
            desk.limits.middleware,
            desk.health.middleware,
            desk.faults.middleware,
        ],
    )
    for table in (
        rest.routes(world, desk.clock),
        cdn.routes(world, desk.clock),
        control.routes(world, desk.clock),
        google_routes(google),
        control_routes(google),
        desk.gateway.routes(),
        desk.routes(),
    ):
        app.add_routes(table)
    return app


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
