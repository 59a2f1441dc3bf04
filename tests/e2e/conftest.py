"""One sandbox and one bot per module: starting them is most of the time that a test takes.

The whole traffic with Discord, of these and of the sandboxes that a test starts for itself, is
held against Discord's own description.
"""

import warnings
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.e2e.stage import QUICK_GOOGLE, BotStage, open_stage
from tests.harness.conformance import check_requests
from tests.harness.drawing import drawn_once as drawn_once
from tests.harness.sandbox import ClosedSandbox, record_closed


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[BotStage]:
    """Return the stage of a module; ``BOT_SETTINGS`` of the module override the bot's settings.

    The routes of `open_stage` may be given as the fixture's parameter.
    """
    settings = getattr(request.module, "BOT_SETTINGS", {})
    routes = getattr(request, "param", "gemini")
    directory = tmp_path_factory.mktemp("stage")
    sandbox, bot = await open_stage(directory, settings=settings, routes=routes)
    try:
        # Discord's pace is tested where it is the matter
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


@pytest.fixture(autouse=True)
def check_conformance() -> Iterator[None]:
    """Hold against Discord's description what the sandboxes saw that a test has for itself."""
    with record_closed() as closed:
        yield
    assert_conforming(closed)


def assert_conforming(closed: list[ClosedSandbox]) -> None:
    """Fail where a request or an answer is not Discord's, or the sandbox was not well."""
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
    """Begin and end each test with a Google and a Discord in good health."""
    if "stage" not in request.fixturenames:
        yield
        return
    stage: BotStage = request.getfixturevalue("stage")
    await stage.control.google(**QUICK_GOOGLE)
    yield
    await stage.control.clear_faults()
    await stage.control.call("DELETE", "google")
