"""A wrong setup is reported in one line with what to do; a working start is logged."""

import json
import re
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from bot.cli.main import SUBCOMMANDS
from bot.cli.old_programs import OLD_PROGRAMS
from sandbox.discord.permissions import POSTING_BOT_PERMISSIONS
from tests.chaos.cluster import PostgresCluster, PostgresNotInstalled
from tests.e2e.stage import UNLIMITED_SETTINGS, BotStage, Json, open_stage
from tests.harness.bot import BotProcess
from tests.harness.process import ROOT, ProgramProcess, run_to_end
from tests.harness.sandbox import SandboxProcess
from tests.harness.waiting import eventually

pytestmark = pytest.mark.asyncio

SIDE_PROGRAMS: Final = (
    "after-restore",
    "ledger verify",
    "pause",
    "resume",
    "settle",
    "status --once",
)


@pytest_asyncio.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[SandboxProcess]:
    """Return a running sandbox."""
    async with SandboxProcess(tmp_path / "sandbox") as running:
        yield running


async def run_program(module: str, *words: str, **environment: str) -> tuple[int, str]:
    """Run a program with these settings only; return its status and all that it printed."""
    folder = Path(environment.pop("cwd", str(ROOT)))
    return await run_to_end(module, *words, folder=folder, environment=environment)


def settings_for(directory: Path, **more: str) -> dict[str, str]:
    """Return settings with which a program starts as far as its database."""
    return {
        "DISCORD_TOKEN": "nothing",
        "GEMINI_API_KEY": "nothing",
        "DATA_DIR": str(directory / "data"),
        "cwd": str(directory),
        **more,
    }


def read_events(bot: ProgramProcess) -> list[Json]:
    return [json.loads(line) for line in bot.read_log().splitlines() if line.startswith("{")]


async def find_event(bot: ProgramProcess, event: str) -> Json:
    """Wait for an event in the log and return it."""

    async def find() -> Json | None:
        return next((line for line in read_events(bot) if line["event"] == event), None)

    found = await eventually(find, timeout=60, what=event)
    assert found is not None
    return found


def assert_one_line(output: str, *words: str) -> None:
    lines = output.strip().splitlines()
    assert len(lines) == 1, output[-3000:]
    for word in words:
        assert word in lines[0]


# -- what is right


async def test_the_log_says_who_is_online_where_and_how_to_invite_it(tmp_path: Path) -> None:
    """[people-O4]"""
    sandbox, bot = await open_stage(tmp_path)
    try:
        await bot.start()
        stage = BotStage(sandbox, bot)
        await stage.load_world()
        line = await find_event(bot, "bot.online")
        world = await stage.control.world()
        assert line["servers"] == len([guild for guild in world["guilds"] if guild["bot"]])
        assert line["name"]
        assert line["google"] == "gemini answers, omni answers"
        assert line["gallery"].startswith("http://")
        link = re.fullmatch(r"https://discord\.com/oauth2/authorize\?(.+)", line["invite"])
        assert link is not None
        assert f"permissions={POSTING_BOT_PERMISSIONS.value}" in link[1]
        await bot.restart()  # the commands are already registered, and the line is still logged
        assert [e["event"] for e in read_events(bot)].count("bot.online") >= 1
    finally:
        await bot.close()
        await sandbox.close()


async def test_a_key_that_google_refuses_is_named(sandbox: SandboxProcess, tmp_path: Path) -> None:
    """[people-O13]"""
    refusal = {
        "error": {
            "code": 400,
            "message": "API key not valid. Please pass a valid API key.",
            "status": "INVALID_ARGUMENT",
        }
    }
    await sandbox.control.fault("google", path=r"/models/", status=400, times=None, body=refusal)
    bot = BotProcess(
        sandbox.control, sandbox.environment_for_bot, tmp_path / "bot", settings=UNLIMITED_SETTINGS
    )
    try:
        await bot.start()
        line = await find_event(bot, "google.access_refused")
        assert line["check"] == "GEMINI_API_KEY"
        assert "API key not valid" in line["reason"]
        assert (await find_event(bot, "bot.online"))["google"] == "gemini refused, omni refused"
    finally:
        await bot.close()


@pytest.mark.parametrize("program", ["bot", *OLD_PROGRAMS])
@pytest.mark.parametrize("option", ["--help", "--version"])
async def test_every_program_tells_how_it_is_used(
    tmp_path: Path, program: str, option: str
) -> None:
    """Asking for help starts nothing. [people-O5]"""
    status, output = await run_program(program, option, **settings_for(tmp_path))
    assert status == 0, output
    assert ("usage: clapper" if option == "--help" else "clapper ") in output
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("command", SUBCOMMANDS)
async def test_every_subcommand_tells_how_it_is_used(tmp_path: Path, command: str) -> None:
    """[people-O5]"""
    for option, words in (("--help", f"usage: clapper {command}"), ("--version", "clapper ")):
        status, output = await run_program("bot", command, option, **settings_for(tmp_path))
        assert (status, words in output) == (0, True), output


async def test_files_are_nobody_elses(fresh_stage: BotStage) -> None:
    """Other accounts on the machine cannot read prompts or who requested them. [web-W24]"""
    room = await fresh_stage.open_channel()
    await fresh_stage.make_clip(room)
    data = Path(fresh_stage.bot.environment["DATA_DIR"])
    for path in (data, *data.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode & 0o077 == 0, f"{path}: {mode:o}"


# -- what is wrong


async def test_a_database_or_role_that_does_not_exist_is_one_line(tmp_path: Path) -> None:
    """[people-O9]"""
    try:
        cluster = PostgresCluster(durable=False)
    except PostgresNotInstalled as error:
        pytest.skip(str(error))
    async with cluster:
        url = await cluster.create_database()
        wrong = {
            url.rpartition("/")[0] + "/nowhere": ("does not exist", "createdb"),
            re.sub(r"//[^@]+@", "//nobody:hunter22@", url): ("refuses the role", "nobody"),
        }
        for address, words in wrong.items():
            for command in ("run", "after-restore", "pause", "settle", "status --once"):
                status, output = await run_program(
                    "bot", *command.split(), **settings_for(tmp_path, DATABASE_URL=address)
                )
                assert status == 2, output
                assert_one_line(output, *words)
                assert "hunter22" not in output


async def test_tables_of_a_newer_program_are_one_line(tmp_path: Path) -> None:
    """[people-O10]"""
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data" / "clapper.db")) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('9999')")
        database.commit()
    for command in ("run", *SIDE_PROGRAMS):
        status, output = await run_program("bot", *command.split(), **settings_for(tmp_path))
        assert status == 2, output
        assert_one_line(output, "newer than this program", "9999")


async def test_tables_of_an_older_program_are_left_to_the_bot(tmp_path: Path) -> None:
    """[people-O10]"""
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data" / "clapper.db")) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('0001')")
        database.commit()
    for command in ("pause", "settle", "status --once"):
        status, output = await run_program("bot", *command.split(), **settings_for(tmp_path))
        assert status == 2, output
        assert_one_line(output, "older than this program", "start the bot")


@pytest.mark.parametrize("damage", ["text", "middle"])
async def test_a_damaged_file_is_one_line(tmp_path: Path, damage: str) -> None:
    """[people-O10]"""
    file = tmp_path / "data" / "clapper.db"
    file.parent.mkdir()
    if damage == "text":
        file.write_bytes(b"this is a letter and no database" * 1000)
    else:
        with closing(sqlite3.connect(file)) as database:
            database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
            database.execute("INSERT INTO alembic_version VALUES ('0001')")
            database.commit()
        whole = bytearray(file.read_bytes())
        whole[100:] = b"\xff" * (len(whole) - 100)
        file.write_bytes(whole)
    for command in ("run", *SIDE_PROGRAMS):
        status, output = await run_program("bot", *command.split(), **settings_for(tmp_path))
        assert status == 2, output
        assert_one_line(output, "damaged", "restore a backup")


async def test_a_gateway_that_refuses_the_intents_is_one_line(
    sandbox: SandboxProcess, tmp_path: Path
) -> None:
    """[discord-D22]"""
    await sandbox.control.gateway("fail", at="identify", code=4014, times=99)
    bot = BotProcess(
        sandbox.control,
        sandbox.environment_for_bot,
        tmp_path / "bot",
        settings=UNLIMITED_SETTINGS | {"LOG_LEVEL": "ERROR"},
    )
    await bot.launch()
    try:
        assert await bot.wait_ended(timeout=60) == 1
        assert_one_line(bot.read_log(), "4014")
    finally:
        await bot.close()


async def test_a_misspelled_limit_is_reported_at_the_start(tmp_path: Path) -> None:
    """[people-O7]"""
    (tmp_path / ".env").write_text("DEFAULT_MEMBER_CLIP_PER_DAY=5\n", encoding="utf-8")
    settings = settings_for(tmp_path, BOT_IN_FLIGHT="0")
    status, output = await run_program("bot", **settings)
    assert status == 2
    first, second, *_ = output.splitlines()
    assert "Did you mean DEFAULT_MEMBER_CLIPS_PER_DAY?" in output
    assert "MAX_CONCURRENT_JOBS" in output
    assert "must be more than 0" in output
    assert first != second
