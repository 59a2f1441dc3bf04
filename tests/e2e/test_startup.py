"""Startup errors are one readable line; services that are down are waited for."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.stage import UNLIMITED_SETTINGS
from tests.harness.bot import BotProcess
from tests.harness.process import ProgramProcess
from tests.harness.sandbox import SandboxProcess
from tests.harness.waiting import eventually

# Started as operators do, which takes two seconds of a processor longer.
not_forked = pytest.mark.usefixtures("without_fork_server")


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
        (
            {"DATABASE_URL": "postgresql+asyncpg://root:hunter22@/x?host=a,b:1"},
            "DATABASE_URL is malformed: it must look like postgresql+asyncpg://USER:PASSWORD@HOST",
        ),
        ({"MODELS_FILE": "/does/not/exist.toml"}, "MODELS_FILE cannot be read"),
        ({"WORD_LIST_FILE": "/does/not/exist.txt"}, "WORD_LIST_FILE cannot be read"),
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
    assert await bot.wait_ended(timeout=60) == 2
    lines = bot.read_log().strip().splitlines()
    assert len(lines) == 1
    assert words in lines[0]
    assert "hunter22" not in lines[0]


@not_forked
async def test_a_refused_token_is_one_line_and_status_1(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    bot = bot_of(sandbox, tmp_path, DISCORD_TOKEN="not.the.token")
    await bot.launch()
    assert await bot.wait_ended(timeout=60) == 1
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
        assert await second.wait_ended(timeout=60) == 1
        assert "use PostgreSQL" in second.read_log()
        assert len(second.read_log().strip().splitlines()) == 1


async def test_unavailable_discord_is_retried(sandbox: SandboxProcess, tmp_path: Path) -> None:
    await sandbox.control.fault("discord", path=r"/users/@me$", drop="before", times=2)
    await sandbox.control.fault("discord", path=r"/gateway/bot$", status=503, times=1)
    bot = bot_of(sandbox, tmp_path)
    try:
        await bot.start()
        said = bot.read_log()
        assert "discord.unreachable" in said
        assert "retry_in_s" in said
        assert "Traceback" not in said
    finally:
        await bot.close()


@pytest.mark.parametrize("path", [r"/users/@me$", r"/gateway/bot$"])
async def test_a_rate_limit_of_hours_is_slept_through(
    sandbox: SandboxProcess, tmp_path: Path, unused_tcp_port: int, path: str
) -> None:
    """An earlier retry would prolong it; the web server answers meanwhile. [discord-D04]"""
    body = {"message": "You are being rate limited.", "retry_after": 7200.0, "global": False}
    await sandbox.control.fault("discord", path=path, status=429, body=body, times=None)
    bot = bot_of(sandbox, tmp_path, WEB_PORT=str(unused_tcp_port))
    await bot.launch()
    try:

        async def waits() -> str | None:
            lines = bot.read_log().splitlines()
            return next((line for line in lines if "discord.unreachable" in line), None)

        line = await eventually(waits)
        assert json.loads(line or "{}")["retry_in_s"] >= 7200
        asked = len(await sandbox.control.requests(path=path))
        async with (
            aiohttp.ClientSession() as http,
            http.get(f"http://127.0.0.1:{unused_tcp_port}/healthz") as answer,
        ):
            assert answer.status == 200
        assert len(await sandbox.control.requests(path=path)) == asked == 1
        assert await bot.terminate(timeout=10) == 0
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
            return "gateway.unreachable" in bot.read_log()

        await eventually(waits)
        await sandbox.control.gateway("up")
        await bot.wait_ready()
        said = bot.read_log()
        assert "AttributeError" not in said
        assert "Traceback" not in said
    finally:
        await bot.close()


@not_forked
async def test_signal_stops_bot_while_waiting(sandbox: SandboxProcess, tmp_path: Path) -> None:
    await sandbox.control.fault("discord", path=r"/users/@me$", status=503, times=None)
    bot = bot_of(sandbox, tmp_path)
    await bot.launch()
    try:

        async def waits() -> bool:
            return "discord.unreachable" in bot.read_log()

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


class FailingBot:
    """A bot whose clean-up of files fails some times, observed through its web server."""

    def __init__(self, bot: BotProcess, failures: int) -> None:
        bot.module = "tests.e2e.failing_loop"
        bot.environment |= {"FAILURES": str(failures)}
        self.bot = bot

    async def read_page(self, path: str) -> tuple[int, str]:
        """Return status and body of one of the pages for operators."""
        url = next(
            line["url"]
            for line in map(json.loads, self.bot.read_log().splitlines())
            if line["event"] == "gallery.opened"
        )
        async with aiohttp.ClientSession(url) as session, session.get(path) as answer:
            return answer.status, await answer.text()

    async def read_checks(self) -> tuple[int, set[str]]:
        """Return the status of /readyz, and the checks that failed."""
        status, body = await self.read_page("/readyz")
        return status, {name for name, passed in json.loads(body)["checks"].items() if not passed}

    async def count_failures(self) -> dict[str, float]:
        """Return how often each background task failed."""
        _, body = await self.read_page("/metrics")
        return {
            sample.labels["task"]: sample.value
            for family in text_string_to_metric_families(body)
            for sample in family.samples
            if sample.name == "clapper_background_failures_total"
        }


async def test_background_loop_that_raises_once_is_restarted(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    failing = FailingBot(bot_of(sandbox, tmp_path), 1)
    async with failing.bot as bot:

        async def has_recovered() -> bool:
            return await failing.read_checks() == (200, set())

        await eventually(has_recovered)
        counts = await failing.count_failures()
        assert counts.pop("file_retention") == 1
        assert set(counts.values()) == {0}
        assert {"measurements", "model_directory", "heartbeat", "maintenance"} <= counts.keys()
        (failed,) = (
            line
            for line in map(json.loads, bot.read_log().splitlines())
            if line["event"] == "background_task.failed"
        )
        assert failed["task"] == "file_retention"
        assert "ValueError: a value that nobody knows" in failed["exception"]
        assert "failing_loop.py" in failed["exception"]
        assert await bot.terminate(timeout=10) == 0


async def test_background_loop_that_keeps_failing_is_named_by_readyz(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    failing = FailingBot(bot_of(sandbox, tmp_path), 1_000)
    async with failing.bot as bot:

        async def is_named() -> bool:
            return await failing.read_checks() == (503, {"file_retention"})

        await eventually(is_named)  # the gateway is ready too by then

        async def has_failed_twice() -> bool:
            return (await failing.count_failures())["file_retention"] >= 2

        await eventually(has_failed_twice)
        assert await is_named()
        assert await bot.terminate(timeout=10) == 0
        assert "was never retrieved" not in bot.read_log()
        assert "was destroyed" not in bot.read_log()


LOADED_WHEN_NEEDED = {
    "google.genai": "the first clip's file",
    "av": "the first clip",
    "PIL": "a process of its own",
    "alembic": "tables of another version",
    "asyncpg": "PostgreSQL",
    "sqlalchemy.dialects.postgresql": "PostgreSQL",
    "sqlalchemy.orm": "nothing here",
    "pycares": "nothing here",
    "google.auth": "Vertex AI",
    "cryptography": "an interaction where the bot is not a member",
    "jinja2": "the first visitor of the gallery",
    "obstore": "clips in a bucket",
    "rich.console": "clapper status",
}
"""Libraries by what needs them (docs/decisions/0028-load-libraries-when-needed.md)."""


@not_forked
async def test_a_start_loads_only_what_this_operator_needs(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    bot = bot_of(sandbox, tmp_path)
    bot.environment["PYTHONPROFILEIMPORTTIME"] = "1"  # Python logs each module that it imports
    await bot.start()  # creates the tables
    await bot.close()
    before = len(bot.read_log())
    await bot.start()

    async def is_online() -> bool:
        return '"bot.online"' in bot.read_log()[before:]

    await eventually(is_online)
    await bot.close()
    lines = bot.read_log()[before:].splitlines()
    loaded = {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}
    assert "discord" in loaded
    assert loaded & LOADED_WHEN_NEEDED.keys() == set()
