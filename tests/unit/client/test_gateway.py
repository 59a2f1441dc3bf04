"""The client's connections to the sandbox's gateway, with a clock that passes instantly."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import discord
import pytest
import yarl
from structlog.testing import capture_logs

from bot.discord.client import DiscordClient
from bot.discord.session_starts import RESERVED_STARTS
from bot.discord.user_install import TokenCipher
from sandbox.discord.gateway_faults import GatewayFault
from sandbox.server import SandboxServer
from tests.fakes.clock import VirtualClock
from tests.harness.waiting import eventually

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


class GatewayStage:
    """A client that is connecting, and what it logged."""

    def __init__(self, sandbox: SandboxServer) -> None:
        self.sandbox = sandbox
        self.clock = VirtualClock(start=datetime(2026, 11, 1, tzinfo=UTC))
        self.client = DiscordClient(
            clock=self.clock, shard_count=1, token_cipher=TokenCipher("secret")
        )
        # discord.py is ready when no guild has arrived for this long; these tests have one at most
        self.client._connection.guild_ready_timeout = 0.05
        self.running: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Log in and begin to connect, without waiting for it."""
        await self.client.log_in_with_retry(self.sandbox.world.token)
        self.running = asyncio.create_task(self.client.connect())

    async def connect_fully(self) -> None:
        await self.connect()
        await eventually(lambda: self.client.is_connected)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for the condition; the connection must not have ended."""
        await eventually(lambda: condition() or (self.running is not None and self.running.done()))
        assert self.running is not None
        assert not self.running.done(), self.running.exception()

    async def close(self) -> None:
        await self.client.close()
        if self.running is not None:
            await asyncio.gather(self.running, return_exceptions=True)


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[GatewayStage]:
    sandbox = await SandboxServer.start(directory=tmp_path, ratelimit_scale=None)
    environment = sandbox.bot_environment()
    gateway = yarl.URL(environment["DISCORD_GATEWAY_URL"])
    monkeypatch.setattr(discord.http.Route, "BASE", environment["DISCORD_API_URL"])
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
    made = GatewayStage(sandbox)
    yield made
    await made.close()
    await sandbox.close()


def fail_gateway(stage: GatewayStage, **order: Any) -> None:
    stage.sandbox.gateway.faults.add_fault(GatewayFault.parse(order))


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"at": "connect"}, id="cut-before-hello"),
        pytest.param({"at": "connect", "code": 4000}, id="closed-before-hello"),
        pytest.param({"at": "connect", "code": 1000}, id="closed-normally-before-hello"),
        pytest.param({"at": "identify", "effect": "invalid_session"}, id="op-9-at-identify"),
        pytest.param({"at": "identify", "code": 4009}, id="closed-at-identify"),
    ],
)
async def test_waits_grow_while_the_gateway_ends_every_connection(
    stage: GatewayStage, fault: dict[str, Any]
) -> None:
    """A day of this makes some hundred connections and log lines, not 1,000 sessions.

    [discord-D04]
    """
    fail_gateway(stage, **fault, times=None)
    with capture_logs() as logs:
        await stage.connect()
        await stage.until(lambda: stage.clock.monotonic() > HOUR_S / 3)
        counters = stage.sandbox.gateway.counters
        assert counters.connected < 10 + stage.clock.monotonic() / 40
        assert counters.identify_attempts < 10 + stage.clock.monotonic() / 400
        lines = [line for line in logs if line["event"].startswith("gateway.")]
        assert abs(len(lines) - counters.connected) <= 2
        waits_s = [line["retry_in_s"] for line in lines]
        assert waits_s[0] < 10
        assert max(waits_s) > 4 * waits_s[0]
    stage.sandbox.gateway.faults.remove_all()
    await stage.until(lambda: stage.client.is_connected)


@pytest.mark.parametrize("code", [None, 4000, 4009])
async def test_waits_grow_while_resumes_are_refused(stage: GatewayStage, code: int | None) -> None:
    """The session is kept meanwhile and resumed at the end. [discord-D04]"""
    await stage.connect_fully()
    fail_gateway(stage, at="resume", code=code, times=None)
    stage.sandbox.gateway.disconnect_clients()
    started_at = stage.clock.monotonic()
    await stage.until(lambda: stage.clock.monotonic() - started_at > HOUR_S / 3)
    counters = stage.sandbox.gateway.counters
    assert counters.connected < 10 + stage.clock.monotonic() / 40
    assert counters.identify_attempts == 1
    stage.sandbox.gateway.faults.remove_all()
    await stage.until(lambda: counters.resumed)
    await stage.until(lambda: stage.client.is_connected)


async def test_an_ordinary_reconnect_does_not_wait(stage: GatewayStage) -> None:
    """Discord asks for one every few hours."""
    await stage.connect_fully()
    stage.clock.jump_ahead(HOUR_S)
    before = stage.clock.monotonic()
    stage.sandbox.gateway.request_reconnect()
    await stage.until(lambda: stage.sandbox.gateway.counters.resumed == 1)
    assert stage.clock.monotonic() == before


async def test_the_last_identifies_of_a_day_are_never_used(stage: GatewayStage) -> None:
    """Beyond 1,000 Discord resets the token. [discord-D04, discord-S9]"""
    starts = stage.sandbox.world.session_starts
    starts.set_remaining(RESERVED_STARTS, DAY_S)
    token = stage.sandbox.world.token
    with capture_logs() as logs:
        await stage.connect()
        await stage.until(lambda: stage.clock.monotonic() > DAY_S / 2)
    used_up = [line for line in logs if line["event"] == "gateway.session_starts_used_up"]
    assert used_up[0]["remaining"] == RESERVED_STARTS
    assert stage.sandbox.gateway.counters.connected == 0
    starts.set_remaining(1000)
    await stage.until(lambda: stage.client.is_connected)
    assert stage.sandbox.world.token == token


async def test_a_rate_limit_of_hours_is_slept_through(stage: GatewayStage) -> None:
    """At the login, at the gateway's address, from Discord and from the edge. [discord-D04]"""
    body = {"message": "You are being rate limited.", "retry_after": 5 * HOUR_S, "global": False}
    inject = stage.sandbox.fault_injector.add_fault
    inject({"server": "discord", "path": "/users/@me$", "status": 429, "body": body})
    inject(
        {
            "server": "discord",
            "path": "/users/@me$",
            "status": 429,
            "body": "<html>error code: 1015</html>",
            "headers": {"Retry-After": 2 * HOUR_S},
        }
    )
    inject({"server": "discord", "path": "/gateway/bot$", "status": 429, "body": body})
    with capture_logs() as logs:
        await stage.connect_fully()
    waits_h = [round(line["retry_in_s"] / HOUR_S) for line in logs if "retry_in_s" in line]
    assert waits_h == [5, 2, 5]
    assert "html" not in str(logs)


async def test_what_discord_py_cannot_parse_is_dropped_and_logged_once(
    stage: GatewayStage,
) -> None:
    """An event of any type, and a frame that is not JSON. [discord-D01]"""
    await stage.connect_fully()
    gateway = stage.sandbox.gateway
    parsers = sorted(stage.client._connection.parsers)
    assert len(parsers) > 50
    with capture_logs() as logs:
        for _ in range(3):
            for name in parsers:
                if name not in {"READY", "RESUMED"}:
                    gateway.send_event(name, {"type": "?"})
            gateway.send_text("{")
            gateway.send_text("[]")
        gateway.send_event("LAST_EVENT", {})
        await stage.until(lambda: gateway_is_read(stage))
    dropped = Counter((line["type"], line["where"]) for line in logs if "where" in line)
    assert len(dropped) > 40
    assert dropped.most_common(1)[0][1] == 1
    assert ("unreadable frame") in {name for name, _ in dropped}
    assert gateway.counters.connected == 1


def gateway_is_read(stage: GatewayStage) -> bool:
    """Whether the client has read all events that were sent."""
    (session,) = stage.sandbox.gateway.sessions
    shard = stage.client.client_shards.by_id[0]
    return shard.ws.sequence == session.sequence
