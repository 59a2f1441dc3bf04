"""`clapper doctor` says whether alerts can be posted, without posting one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
import pytest
import pytest_asyncio

from bot.cli.doctor.alert_checks import check_alerts
from bot.cli.doctor.findings import CheckStatus, Finding
from bot.config.settings import read_settings
from sandbox.server import SandboxServer
from tests.harness.control import Control

pytestmark = pytest.mark.asyncio(loop_scope="module")

VIEW_CHANNEL, SEND_MESSAGES, SEND_IN_THREADS = 1 << 10, 1 << 11, 1 << 38
UNKNOWN_CHANNEL = "123456789012345678"


@dataclass(frozen=True)
class AlertPlace:
    """A sandbox with a server, in whose channels alerts may be posted or not."""

    control: Control
    guild: str
    member: str
    monkeypatch: pytest.MonkeyPatch

    async def open_channel(self, **more: Any) -> str:
        body = {"guild": self.guild, "name": "alerts", **more}
        return str((await self.control.call("POST", "channels", body))["channel"]["id"])

    async def check(self, channel: str) -> Finding:
        """Check a channel, and see that nothing was posted there."""
        self.monkeypatch.setenv("ALERT_CHANNEL", channel)
        [finding] = await check_alerts(read_settings())
        posts = await self.control.requests(server="discord", path="/messages$")
        assert [each for each in posts if each["method"] == "POST"] == []
        return finding


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SandboxServer]:
    server = await SandboxServer.start(
        directory=tmp_path_factory.mktemp("sandbox"), ratelimit_scale=None
    )
    yield server
    await server.close()


@pytest_asyncio.fixture(loop_scope="module")
async def place(
    sandbox: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AlertPlace]:
    monkeypatch.chdir(tmp_path)
    for name, value in (sandbox.bot_environment() | {"DATA_DIR": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)
    # the check lets discord.py use other servers, as the program does
    for owner, name in (
        (discord.http.Route, "BASE"),
        (discord.Asset, "BASE"),
        (discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY"),
    ):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    control = Control(f"{sandbox.base}/control")
    guild = (await control.world())["guilds"][0]
    member = next(each["id"] for each in guild["members"] if each["name"] == "Ada")
    yield AlertPlace(control, guild["id"], member, monkeypatch)
    await control.close()


async def test_a_channel_in_which_the_bot_may_write_is_well(place: AlertPlace) -> None:
    finding = await place.check(await place.open_channel())
    assert (finding.check, finding.status) == ("ALERT_CHANNEL", CheckStatus.OK)


async def test_a_channel_in_which_it_may_only_read_is_a_failure(place: AlertPlace) -> None:
    channel = await place.open_channel(permissions=VIEW_CHANNEL)
    finding = await place.check(channel)
    assert finding.status is CheckStatus.FAILED
    assert "Send Messages" in finding.message
    assert finding.cure


@pytest.mark.parametrize(
    ("permissions", "status"),
    [
        (VIEW_CHANNEL | SEND_IN_THREADS, CheckStatus.OK),
        (VIEW_CHANNEL | SEND_MESSAGES, CheckStatus.FAILED),
    ],
)
async def test_a_thread_needs_the_permission_of_threads(
    place: AlertPlace, permissions: int, status: CheckStatus
) -> None:
    channel = await place.open_channel(permissions=permissions)
    thread = await place.control.call(
        "POST", "threads", {"user": place.member, "channel": channel, "name": "alerts"}
    )
    assert (await place.check(str(thread["channel"]["id"]))).status is status


async def test_a_channel_that_is_not_there_is_a_failure(place: AlertPlace) -> None:
    finding = await place.check(UNKNOWN_CHANNEL)
    assert finding.status is CheckStatus.FAILED
    assert "10003" in finding.message


async def test_without_a_channel_and_with_a_server_nothing_is_sent(place: AlertPlace) -> None:
    [off] = await check_alerts(read_settings())
    assert (off.check, off.status) == ("alerts", CheckStatus.OK)
    place.monkeypatch.setenv("ALERT_URL", "https://alerts.invalid/key-in-the-path")
    [finding] = await check_alerts(read_settings())
    assert (finding.check, finding.status) == ("ALERT_URL", CheckStatus.OK)
    assert "key-in-the-path" not in finding.message
