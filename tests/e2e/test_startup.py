"""Starting and stopping: faults are one readable line, what is away is waited for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.e2e.stage import UNLIMITED_SETTINGS
from tests.harness.bot import BotProcess
from tests.harness.process import ProgramProcess
from tests.harness.sandbox import SandboxProcess
from tests.harness.waiting import eventually


@pytest_asyncio.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[SandboxProcess]:
    """Return a running sandbox."""
    async with SandboxProcess(tmp_path / "sandbox") as running:
        yield running


def bot_of(sandbox: SandboxProcess, directory: Path, **settings: str) -> BotProcess:
    """Return a bot that is not started yet."""
    return BotProcess(
        sandbox.control,
        sandbox.environment_for_bot,
        directory / "bot",
        settings=UNLIMITED_SETTINGS | settings,
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"DISCORD_TOKEN": ""}, "DISCORD_TOKEN is missing"),
        ({"DISCORD_TOKEN": "to\nken"}, "DISCORD_TOKEN is malformed"),
        ({"POLL_INTERVAL_S": "often"}, "POLL_INTERVAL_S is malformed"),
        ({"DATABASE_URL": "mysql://root:hunter22@db/x"}, "DATABASE_URL is malformed"),
        ({"MODELS_FILE": "/does/not/exist.toml"}, "MODELS_FILE cannot be read"),
        ({"GEMINI_API_KEY": ""}, "GEMINI_API_KEY or GOOGLE_CLOUD_PROJECT must be set"),
        ({"DATA_DIR": "/dev/null/x"}, "DATA_DIR cannot be written to"),
        ({"DATABASE_URL": "sqlite+aiosqlite:////dev/null/x.db"}, "DATABASE_URL cannot be opened"),
        ({"SHARD_COUNT": "2", "SHARD_IDS": "2"}, "SHARD_IDS must be below SHARD_COUNT"),
        (
            {"GOOGLE_APPLICATION_CREDENTIALS": "/does/not/exist.json"},
            "GOOGLE_APPLICATION_CREDENTIALS is malformed",
        ),
    ],
)
async def test_a_bad_setting_is_one_line_and_status_2(
    tmp_path: Path, changed: dict[str, str], words: str
) -> None:
    environment = {
        "DISCORD_TOKEN": "nothing",
        "GEMINI_API_KEY": "nothing",
        "DATA_DIR": str(tmp_path / "data"),
    }
    bot = ProgramProcess("bot", log=tmp_path / "bot.log", environment=environment | changed)
    await bot.launch()
    assert await bot.wait_ended() == 2
    lines = bot.read_log().strip().splitlines()
    assert len(lines) == 1
    assert words in lines[0]
    assert "hunter22" not in lines[0]


async def test_a_refused_token_is_one_line_and_status_1(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    bot = bot_of(sandbox, tmp_path, DISCORD_TOKEN="not.the.token")
    await bot.launch()
    assert await bot.wait_ended() == 1
    lines = bot.read_log().strip().splitlines()
    assert len(lines) == 1
    assert "DISCORD_TOKEN" in lines[0]
    assert "not.the.token" not in lines[0]


async def test_a_second_process_on_the_same_sqlite_file_is_refused(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    async with bot_of(sandbox, tmp_path):
        second = bot_of(sandbox, tmp_path, LOG_LEVEL="ERROR")
        second.log = tmp_path / "second.log"
        await second.launch()
        assert await second.wait_ended() == 1
        assert "use PostgreSQL" in second.read_log()
        assert len(second.read_log().strip().splitlines()) == 1


async def test_unavailable_discord_is_retried(sandbox: SandboxProcess, tmp_path: Path) -> None:
    await sandbox.control.fault("discord", path=r"/users/@me$", drop="before", times=2)
    await sandbox.control.fault("discord", path=r"/gateway/bot$", status=503, times=1)
    bot = bot_of(sandbox, tmp_path)
    try:
        await bot.start()
        said = bot.read_log()
        assert "Discord cannot be reached" in said
        assert "retry_in_s" in said
        assert "Traceback" not in said
    finally:
        await bot.close()


async def test_a_gateway_that_is_away_at_the_first_connect_is_waited_for(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    await sandbox.control.gateway("down")
    bot = bot_of(sandbox, tmp_path)
    try:
        await bot.launch()

        async def waits() -> bool:
            return "the gateway cannot be reached" in bot.read_log()

        await eventually(waits)
        await sandbox.control.gateway("up")
        await bot.wait_ready()
        said = bot.read_log()
        assert "AttributeError" not in said
        assert "Traceback" not in said
    finally:
        await bot.close()


async def test_signal_stops_bot_while_waiting(sandbox: SandboxProcess, tmp_path: Path) -> None:
    await sandbox.control.fault("discord", path=r"/users/@me$", status=503, times=None)
    bot = bot_of(sandbox, tmp_path)
    await bot.launch()
    try:

        async def waits() -> bool:
            return "Discord cannot be reached" in bot.read_log()

        await eventually(waits)
        assert await bot.terminate(timeout=10) == 0
    finally:
        await bot.close()


async def test_unavailable_database_is_retried(sandbox: SandboxProcess, tmp_path: Path) -> None:
    nobody = "postgresql+asyncpg://clapper:hunter22@127.0.0.1:1/clapper"
    bot = bot_of(sandbox, tmp_path, DATABASE_URL=nobody)
    await bot.launch()
    try:

        async def waits() -> bool:
            return bot.read_log().count("database.unavailable") >= 2

        await eventually(waits)
        assert await bot.terminate(timeout=10) == 0
        assert "hunter22" not in bot.read_log()
    finally:
        await bot.close()
