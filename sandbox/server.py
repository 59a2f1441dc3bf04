"""Combines Discord, Google and the control API in one process with one port.

The middlewares run in this order: loopback and origin checks, request log (which must see all that
the bot sends), Discord's rate limits, error responses, injected faults. The faults are last,
because the others must treat them like the handler's own responses.
"""

import asyncio
import shutil
import socket
import tempfile
from pathlib import Path

from aiohttp import web

from sandbox.certificates import create_loopback_tls
from sandbox.clock import SandboxClock
from sandbox.discord import cdn, control, fixtures, rest
from sandbox.discord.gateway import HEARTBEAT_INTERVAL_S, Gateway
from sandbox.discord.ratelimits import RateLimiter
from sandbox.discord.world import DiscordWorld
from sandbox.error_responses import InternalErrorLog
from sandbox.fault_injection import FaultInjector
from sandbox.google import build_control_routes
from sandbox.google import build_routes as google_routes
from sandbox.google.renderer import RenderWorkers
from sandbox.google.service import SandboxGoogle
from sandbox.google.settings import GoogleSettings
from sandbox.play import Play, build_origin_check
from sandbox.project_settings import read_project_settings
from sandbox.request_log import MAX_REQUEST_BYTES, RequestLog
from sandbox.server_control import ServerControlApi, require_loopback

SHUTDOWN_TIMEOUT_S = 0.5


class SandboxServer:
    """A running sandbox. Create it with ``start`` and end it with ``close``."""

    def __init__(
        self,
        *,
        base: str,
        runner: web.AppRunner,
        control_api: ServerControlApi,
        world: DiscordWorld,
        google: SandboxGoogle,
        play: Play,
        temporary: Path | None,
        authority: Path | None,
        project_settings: dict[str, str],
    ) -> None:
        self.base = base
        self.clock = control_api.clock
        self.request_log = control_api.request_log
        self.fault_injector = control_api.fault_injector
        self.gateway = control_api.gateway
        self.rate_limits = control_api.rate_limits
        self.error_log = control_api.error_log
        self.world = world
        self.google = google
        self._play = play
        self._runner = runner
        self._temporary = temporary
        self._authority = authority
        self._project_settings = project_settings

    @classmethod
    async def start(
        cls,
        *,
        port: int = 0,
        directory: Path | None = None,
        clip_cache: Path | None = None,
        clock: SandboxClock | None = None,
        with_default_world: bool = True,
        heartbeat_interval_s: float = HEARTBEAT_INTERVAL_S,
        ratelimit_scale: float | None = 1.0,
        with_tls: bool = False,
        google_settings: GoogleSettings | None = None,
        with_manifests: bool = True,
        render_workers: RenderWorkers | None = None,
    ) -> "SandboxServer":
        """Build every part and listen on loopback. Raises OSError if the port is taken.

        Raises ValueError if the project's table of settings is malformed.

        ``port`` 0 takes a free one. Without ``directory`` files live in a temporary one, removed by
        ``close``. ``clip_cache`` keeps rendered clips and may be shared (None: in ``directory``).
        ``with_default_world`` starts with the guild Test Server, its channels and members.
        ``google_settings`` are those that a reset goes back to. ``with_manifests`` signs clips.
        ``render_workers`` are closed with the sandbox.
        """
        project_settings = read_project_settings()
        listener = _open_listener(port)
        temporary = None
        if directory is None:
            directory = temporary = Path(tempfile.mkdtemp(prefix="clapper-sandbox-"))
        tls = None
        if with_tls:
            tls = await asyncio.to_thread(create_loopback_tls, directory / "tls")
        scheme = "http" if tls is None else "https"
        base = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
        clock = clock or SandboxClock()
        world = DiscordWorld(directory / "discord", clock, public_base=base)
        if with_default_world:
            fixtures.populate_world(world)
        google = await SandboxGoogle.start(
            directory,
            clock,
            base,
            clip_cache=clip_cache,
            settings=google_settings,
            with_manifests=with_manifests,
            render_workers=render_workers,
        )
        gateway = Gateway(
            world,
            public_url=base.replace("http", "ws") + "/gateway",
            heartbeat_interval_s=heartbeat_interval_s,
        )
        control_api = ServerControlApi(
            clock=clock,
            request_log=RequestLog(clock),
            fault_injector=FaultInjector(clock),
            gateway=gateway,
            rate_limits=RateLimiter(clock, scale=ratelimit_scale),
            error_log=InternalErrorLog(),
        )
        play = Play(world, gateway, control_api.request_log, base=base, folder=directory / "play")
        runner = web.AppRunner(
            _build_application(control_api, world, google, play, base=base),
            access_log=None,
            shutdown_timeout=SHUTDOWN_TIMEOUT_S,
        )
        await runner.setup()
        context = None if tls is None else tls.context
        await web.SockSite(runner, listener, ssl_context=context).start()
        return cls(
            base=base,
            runner=runner,
            control_api=control_api,
            world=world,
            google=google,
            play=play,
            temporary=temporary,
            authority=None if tls is None else tls.authority_path,
            project_settings=project_settings,
        )

    def bot_environment(self) -> dict[str, str]:
        """Return the settings with which a bot uses this Discord and this Google's Gemini API.

        Vertex AI is left unconfigured but for its address: with both routes configured, the bot
        would choose the cheapest model of either. What a bot needs besides is the project's:
        `read_project_settings`.
        """
        return {
            **self._project_settings,
            "DISCORD_TOKEN": self.world.token,
            "DISCORD_API_URL": f"{self.base}/api/v10",
            "DISCORD_GATEWAY_URL": f"{self.base.replace('http', 'ws')}/gateway",
            **self.google.environment(),
            "VERTEX_API_URL": self.google.vertex_environment()["VERTEX_API_URL"],
            **self._authority_environment(),
        }

    def _authority_environment(self) -> dict[str, str]:
        """Return how OpenSSL (so Python, too) and Node are told to trust the authority."""
        if self._authority is None:
            return {}
        return dict.fromkeys(("SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"), str(self._authority))

    def list_routes(self) -> list[tuple[str, str]]:
        """Return the method and path of everything that is served."""
        routes = (
            (route.method, route.resource.canonical)
            for route in self._runner.app.router.routes()
            if route.resource is not None
        )
        return sorted(set(routes))

    async def close(self) -> None:
        """Close all connections and stop, within two seconds."""
        self.gateway.close()
        await self._play.close()
        await self._runner.cleanup()
        await self.google.close()
        if self._temporary is not None:
            await asyncio.to_thread(shutil.rmtree, self._temporary, ignore_errors=True)


def _build_application(
    control_api: ServerControlApi,
    world: DiscordWorld,
    google: SandboxGoogle,
    play: Play,
    *,
    base: str,
) -> web.Application:
    app = web.Application(
        client_max_size=MAX_REQUEST_BYTES,
        middlewares=[
            require_loopback,
            build_origin_check(base),
            control_api.request_log.middleware,
            control_api.rate_limits.middleware,
            control_api.error_log.middleware,
            control_api.fault_injector.middleware,
        ],
    )
    for table in (
        rest.build_routes(world),
        cdn.build_routes(world),
        control.build_routes(world),
        google_routes(google),
        build_control_routes(google),
        control_api.gateway.build_routes(),
        control_api.build_routes(),
        play.build_routes(),
    ):
        app.add_routes(table)
    return app


def _open_listener(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener
