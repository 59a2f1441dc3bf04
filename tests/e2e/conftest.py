"""Gives each module one sandbox and one bot, because starting them takes longer than most tests.

All Discord traffic, including that of sandboxes a test starts itself, is validated against
Discord's OpenAPI document.
"""

import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.chaos.cluster import PostgresCluster, PostgresNotInstalled
from tests.e2e.stage import QUICK_GOOGLE, BotStage, open_stage, run_stage
from tests.harness.bot import BotProcess
from tests.harness.conformance import check_requests
from tests.harness.drawing import drawn_once as drawn_once
from tests.harness.sandbox import ClosedSandbox, SandboxProcess, record_closed


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[BotStage]:
    """Return the module's stage; the module's ``BOT_SETTINGS`` override the bot's settings.

    The fixture's parameter, if any, are the routes of `open_stage`, or a database ("sqlite",
    "postgresql") for the routes of an API key.
    """
    settings = dict(getattr(request.module, "BOT_SETTINGS", {}))
    wanted = getattr(request, "param", "gemini")
    directory = tmp_path_factory.mktemp("stage")
    async with AsyncExitStack() as stack:
        if wanted == "postgresql":
            settings["DATABASE_URL"] = await open_database(stack)
        routes = "gemini" if wanted in ("sqlite", "postgresql") else wanted
        sandbox, bot = await open_stage(directory, settings=settings, routes=routes)
        async with play_stage(sandbox, bot) as stage:
            yield stage


@asynccontextmanager
async def play_stage(sandbox: SandboxProcess, bot: BotProcess) -> AsyncIterator[BotStage]:
    """Start a bot, yield its stage, and check its exit, log and traffic."""
    try:
        # rate limits have tests of their own
        await sandbox.control.scale_ratelimits(None)
        await bot.start()
        stage = BotStage(sandbox, bot)
        await stage.load_world()
        yield stage
        assert await bot.terminate(timeout=10) == 0, bot.read_log()[-4000:]
        log = bot.read_log()
    finally:
        await bot.close()
        with record_closed() as closed:
            await sandbox.close()
    assert "Traceback" not in log, log[-6000:]
    assert_conforming(closed)


async def open_database(stack: AsyncExitStack) -> str:
    """Start PostgreSQL until ``stack`` closes; return a database's url, or skip the test."""
    try:
        cluster = PostgresCluster(durable=False)
    except PostgresNotInstalled as error:
        pytest.skip(str(error))
    await stack.enter_async_context(cluster)
    return await cluster.create_database()


@pytest.fixture(autouse=True)
def check_conformance() -> Iterator[None]:
    """Validate the traffic of sandboxes that the test starts itself."""
    with record_closed() as closed:
        yield
    assert_conforming(closed)


def assert_conforming(closed: list[ClosedSandbox]) -> None:
    """Fail on requests or answers that differ from Discord's, and on errors of the sandbox."""
    for sandbox in closed:
        assert sandbox.health["internal_errors"] == 0, sandbox.health
        assert sandbox.health["unknown_routes"] == 0, sandbox.health
        report = check_requests(sandbox.traffic)
        assert not report.problems, str(report)
        assert not report.unlisted, report.unlisted
        if report.not_checked:
            warnings.warn(str(report), pytest.PytestWarning, stacklevel=1)


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def reset_faults(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Remove all faults before and after each test."""
    if "stage" not in request.fixturenames:
        yield
        return
    stage: BotStage = request.getfixturevalue("stage")
    await stage.control.google(**QUICK_GOOGLE)
    yield
    await stage.control.clear_faults()
    await stage.control.call("DELETE", "google")


@pytest_asyncio.fixture
async def fresh_stage(tmp_path: Path) -> AsyncIterator[BotStage]:
    """Return a separate stage, for tests that kill the bot or move the clock."""
    async with run_stage(tmp_path) as stage:
        yield stage
