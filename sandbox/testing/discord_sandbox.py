"""One sandbox for a test: its world, its people, what goes wrong, and its clock."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from sandbox.server import SandboxServer
from sandbox.testing.calls import WITHIN_S, ControlCalls, Json, wait_for_result
from sandbox.testing.people import SandboxPeople


class WorldState:
    """Servers, channels, messages and commands, and what the bot has sent."""

    def __init__(self, calls: ControlCalls) -> None:
        self._calls = calls

    async def read(self) -> Json:
        """Return the application, and servers with channels, roles and members."""
        world: Json = await self._calls.send("GET", "world")
        return world

    async def add_server(self, name: str, **settings: Any) -> Json:
        """Create a server; ``owner``, ``channels``, ``members``, ``permissions``, …"""
        server: Json = await self._calls.send("POST", "guilds", {"name": name, **settings})
        return server

    async def add_channel(self, server: str, name: str, **settings: Any) -> Json:
        """Create a channel; ``kind``, ``nsfw``, ``permissions`` (of the bot), …"""
        body = {"guild": server, "name": name, **settings}
        channel: Json = await self._calls.send("POST", "channels", body)
        return channel

    async def list_messages(self, channel: str, *, seen_by: str | None = None) -> list[Json]:
        """Return a channel's messages, oldest first; ``seen_by`` adds those for this person."""
        messages: list[Json] = await self._calls.send(
            "GET", f"channels/{channel}/messages", user=seen_by
        )
        return messages

    async def wait_for_message(
        self, channel: str, containing: str, *, within_s: float = WITHIN_S
    ) -> Json:
        """Return the oldest message with these words, as soon as there is one."""

        async def find() -> Json | None:
            messages = await self.list_messages(channel)
            return next((each for each in messages if containing in each["content"]), None)

        what = f"message with {containing!r} in {channel}"
        return await wait_for_result(find, within_s=within_s, what=what)

    async def wait_for_commands(self, *names: str, within_s: float = WITHIN_S) -> None:
        """Wait until the bot is connected and has registered these commands."""

        async def find() -> bool | None:
            registered = {each["name"] for each in await self._calls.send("GET", "commands")}
            connected = (await self._calls.send("GET", "sessions"))["connected"]
            return (bool(connected) and registered >= set(names)) or None

        what = f"connected bot with the commands {', '.join(names)}"
        await wait_for_result(find, within_s=within_s, what=what)

    async def list_requests(self, path: str | None = None, *, wait_s: float = 0) -> list[Json]:
        """Return the bot's requests, oldest first; ``path`` is a regular expression.

        If there is none yet, wait up to ``wait_s`` seconds for it.
        """
        wait = f"{wait_s:g}" if wait_s else None
        requests: list[Json] = await self._calls.send("GET", "requests", path=path, wait=wait)
        return requests


class FaultOrders:
    """What goes wrong: requests, the gateway, Google."""

    def __init__(self, calls: ControlCalls) -> None:
        self._calls = calls

    async def add(self, path: str, *, server: str = "discord", **fault: Any) -> None:
        """Let the next request to ``path`` (regular expression) fail.

        ``status``, ``code``, ``delay_s``, ``drop``, ``times``, …: "Kinds of faults" in the docs.
        """
        await self._calls.send("POST", "faults", {"server": server, "path": path, **fault})

    async def clear(self) -> None:
        """Remove all faults of requests."""
        await self._calls.send("DELETE", "faults")

    async def disturb_gateway(self, action: str, **more: Any) -> None:
        """``disconnect``, ``reconnect``, ``invalid_session``, ``down`` or ``up``, and others."""
        await self._calls.send("POST", "gateway", {"action": action, **more})

    async def change_google(self, **settings: Any) -> None:
        """Change Google's mood: ``seconds``, ``outcome``, ``reason``, ``quota``, …"""
        await self._calls.send("PUT", "google", settings)


class ClockControl:
    """The time of Discord and Google, which goes on by itself."""

    def __init__(self, calls: ControlCalls) -> None:
        self._calls = calls

    async def advance(self, seconds: float) -> None:
        """Move the time forward at once."""
        await self._calls.send("POST", "clock", {"advance_s": seconds})


class DiscordSandbox:
    """A running sandbox. ``env`` is the environment of a bot, ``url`` the page for a person."""

    def __init__(self, server: SandboxServer) -> None:
        self.url = server.base
        self.env = server.bot_environment()
        self.env_vertex = server.google.vertex_environment()
        self.calls = ControlCalls(f"{server.base}/control", authority=self.env.get("SSL_CERT_FILE"))
        self.world = WorldState(self.calls)
        self.people = SandboxPeople(self.calls)
        self.faults = FaultOrders(self.calls)
        self.clock = ClockControl(self.calls)

    @property
    def token(self) -> str:
        """The bot's token."""
        return self.env["DISCORD_TOKEN"]


@contextmanager
def run_sandbox_in_thread(**options: Any) -> Iterator[DiscordSandbox]:
    """Run a sandbox with the options of `SandboxServer.start` until the body ends."""
    started: Future[tuple[SandboxServer, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        try:
            server = await SandboxServer.start(**options)
        except BaseException as error:
            started.set_exception(error)
            return
        ended = asyncio.Event()
        started.set_result((server, asyncio.get_running_loop(), ended))
        await ended.wait()
        await server.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="clapper-sandbox")
    thread.start()
    try:
        server, loop, ended = started.result()
        try:
            yield DiscordSandbox(server)
        finally:
            loop.call_soon_threadsafe(ended.set)
    finally:
        thread.join()
