"""Rules for every test: no leaks, and no real accounts.

A leaked task or thread, an exception that asyncio only logs, or a warning fails the test that
caused it, because each may be a lost job.
"""

import asyncio
import gc
import inspect
import logging
import os
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.cases.page import CasePage
from tests.harness.fork_server import ForkServer
from tests.harness.process import ProgramProcess, build_environment
from tests.harness.waiting import stretch_timeout

# Tests are deterministic. HYPOTHESIS_PROFILE=search tries new examples.
_LENIENT: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("steady", derandomize=True, **_LENIENT)
settings.register_profile("search", max_examples=3000, **_LENIENT)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

_SECRETS = ("DISCORD_TOKEN", "GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS")
_GRACE_S = 15.0  # longer on a busy machine
# Parts of the names of threads that may outlive a test: asyncio's executor, its wait for a shared
# child process, and those of pytest-xdist and pycares.
_SHARED_THREADS = ("asyncio_", "waitpid-", "execnet", "_run_safe_shutdown_loop")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that write `docs/cases.md`."""
    parser.addoption("--cases-page", type=Path, help="write the page of reported rows")
    parser.addoption("--cases-only", action="store_true", help="run only the tests of these rows")


def pytest_configure(config: pytest.Config) -> None:
    """Remove the developer's credentials and forbid paid calls."""
    gc.disable()  # until all tests are imported: it takes a fifth of that time and frees nothing
    page = config.getoption("--cases-page")
    if page is not None:
        only_rows = config.getoption("--cases-only")
        config.pluginmanager.register(CasePage(page, only_rows=only_rows))
    for name in _SECRETS:
        os.environ.pop(name, None)
    os.environ["PAID_CALLS"] = "forbid"
    _log_plain_tracebacks()


def _log_plain_tracebacks() -> None:
    """Leave variables out of logged tracebacks, because formatting them takes seconds."""
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], renderer])


_WAITING = (
    *("chaos", "web/test_browser.py", "e2e/test_startup.py", "e2e/test_webhooks.py"),
    *("e2e", "web"),
)
"""Where tests mostly wait for programs that they started, the longest first."""
_BUSY = ("unit/images", "unit/video", "unit/transcoding", "unit/project", "contract", "sandbox")
"""Where tests mostly use the processor, the longest first; all others follow."""
_WAITING_ENDS_AT = 0.9


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mix files that wait with files that compute, so that no processor is idle.

    The slow ones of both kinds come first, so that none runs alone at the end.
    """
    root = Path(__file__).parent
    files = list(dict.fromkeys(item.path for item in items))

    def find_rank(path: Path, places: tuple[str, ...]) -> int:
        inside = path.relative_to(root)
        ranks = (rank for rank, name in enumerate(places) if inside.is_relative_to(name))
        return next(ranks, len(places))

    waiting = [path for path in files if find_rank(path, _WAITING) < len(_WAITING)]
    busy = [path for path in files if path not in waiting]
    waiting.sort(key=lambda path: find_rank(path, _WAITING))
    busy.sort(key=lambda path: find_rank(path, _BUSY))
    places = {path: place * _WAITING_ENDS_AT / len(waiting) for place, path in enumerate(waiting)}
    places |= {path: place / len(busy) for place, path in enumerate(busy)}
    items.sort(key=lambda item: places[item.path])


def pytest_collection_finish() -> None:
    """Exclude imported modules from garbage collection, and let it begin."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def fork_server() -> Iterator[None]:
    """Let tests fork the programs that they start."""
    server = ForkServer(build_environment())
    ProgramProcess.fork_server = server
    yield
    ProgramProcess.fork_server = None
    server.close()


@pytest.fixture
def without_fork_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start programs without forking, as operators do."""
    monkeypatch.setattr(ProgramProcess, "fork_server", None)


class _AsyncioErrors(logging.Handler):
    """Records what asyncio only logs: exceptions never retrieved, tasks destroyed pending."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if record.exc_info else None
        self.messages.append(f"{record.getMessage()} {cause!r}" if cause else record.getMessage())


@pytest.fixture(autouse=True)
def check_leaks(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test when threads outlive it or asyncio logged an error."""
    before = set(threading.enumerate())
    errors = _AsyncioErrors()
    asyncio_log = logging.getLogger("asyncio")
    asyncio_log.addHandler(errors)
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("check_leaked_tasks")
    yield
    asyncio_log.removeHandler(errors)
    if errors.messages:
        pytest.fail("asyncio logged: " + "; ".join(errors.messages))
    deadline = time.monotonic() + stretch_timeout(_GRACE_S)
    while leaked := _find_leaked_threads(before):
        if time.monotonic() > deadline:
            pytest.fail(f"leaked threads: {', '.join(sorted(thread.name for thread in leaked))}")
        leaked[0].join(0.05)


def _find_leaked_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    return [
        thread
        for thread in threading.enumerate()
        if thread not in before
        and thread.is_alive()
        and not any(name in thread.name for name in _SHARED_THREADS)
    ]


@pytest.fixture
async def check_leaked_tasks() -> AsyncIterator[None]:
    """Fail the test when tasks outlive it and its fixtures by more than `_GRACE_S`."""
    yield
    loop = asyncio.get_running_loop()
    deadline = loop.time() + stretch_timeout(_GRACE_S)
    while leaked := asyncio.all_tasks() - {asyncio.current_task()}:
        if loop.time() > deadline:
            names = sorted(f"{task.get_name()} ({task.get_coro()!r})" for task in leaked)
            pytest.fail(f"leaked tasks: {', '.join(names)}")
        await asyncio.wait(leaked, timeout=0.05)
