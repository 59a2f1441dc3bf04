"""What holds for every test: nothing may be left behind, and nothing may reach a real account.

A leaked task, a leaked thread, an exception that asyncio could only log or a warning fails the test
that caused it, because each of them is how a lost job looks from the inside.
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
from hypothesis import HealthCheck, settings

# A machine's mood decides nothing, and everybody tries the same examples; whoever looks for new
# ones says HYPOTHESIS_PROFILE=search.
_CALM: dict[str, Any] = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("steady", derandomize=True, **_CALM)
settings.register_profile("search", max_examples=3000, **_CALM)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

_SECRETS = ("DISCORD_TOKEN", "GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS")
_GRACE_S = 15.0
# Threads that end with something larger than the test, by parts of their names: asyncio's executor
# with the event loop, its wait for a child with a child that other tests share, and what
# pytest-xdist and pycares keep for the whole process.
_KEPT_THREADS = ("asyncio_", "waitpid-", "execnet", "_run_safe_shutdown_loop")


def pytest_configure() -> None:
    """Take away the developer's own accounts, and the switch that allows spending."""
    for name in _SECRETS:
        os.environ.pop(name, None)
    os.environ["PAID_CALLS"] = "forbid"


_LONGEST_FIRST = ("chaos", "e2e", "web", "contract", "sandbox")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that no process is left alone with it at the end."""
    order = {name: place for place, name in enumerate(_LONGEST_FIRST)}
    root = Path(__file__).parent

    def place(item: pytest.Item) -> int:
        return order.get(item.path.relative_to(root).parts[0], len(order))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Spare the garbage collector what was imported: it stays until the end anyway."""
    gc.collect()
    gc.freeze()


class _Complaints(logging.Handler):
    """Keeps what asyncio could only log: exceptions never retrieved, tasks destroyed pending."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        cause = record.exc_info[1] if record.exc_info else None
        self.heard.append(f"{record.getMessage()} {cause!r}" if cause else record.getMessage())


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test when threads outlive it or asyncio complained."""
    before = set(threading.enumerate())
    complaints = _Complaints()
    asyncio_log = logging.getLogger("asyncio")
    asyncio_log.addHandler(complaints)
    if inspect.iscoroutinefunction(request.function):
        request.getfixturevalue("no_task_left_behind")
    yield
    asyncio_log.removeHandler(complaints)
    if complaints.heard:
        pytest.fail("asyncio complained: " + "; ".join(complaints.heard))
    deadline = time.monotonic() + _GRACE_S
    while left := _leaked_threads(before):
        if time.monotonic() > deadline:
            pytest.fail(f"threads left behind: {', '.join(sorted(each.name for each in left))}")
        left[0].join(0.05)


def _leaked_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    return [
        thread
        for thread in threading.enumerate()
        if thread not in before
        and thread.is_alive()
        and not any(name in thread.name for name in _KEPT_THREADS)
    ]


@pytest.fixture
async def no_task_left_behind() -> AsyncIterator[None]:
    """Fail the test when tasks outlive it and its fixtures, after a moment to end in."""
    yield
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _GRACE_S
    while left := asyncio.all_tasks() - {asyncio.current_task()}:
        if loop.time() > deadline:
            names = sorted(f"{task.get_name()} ({task.get_coro()!r})" for task in left)
            pytest.fail(f"tasks left behind: {', '.join(names)}")
        await asyncio.wait(left, timeout=0.05)
