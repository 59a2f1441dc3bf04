"""A sandbox inside the test's own loop, on a clock that stands still until a test moves it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.clock import Clock
from sandbox.server import Sandbox
from tests.harness import conformance

NOON = 1_790_000_000.0
"""A moment in 2026: snowflakes and signed links need one after Discord's epoch."""


@pytest.fixture
def clock() -> Clock:
    return Clock(frozen_at=NOON)


@pytest_asyncio.fixture
async def sandbox(clock: Clock, tmp_path: Path) -> AsyncIterator[Sandbox]:
    running = await Sandbox.start(directory=tmp_path, clock=clock)
    yield running
    await running.close()
    assert running.health.internal_errors == 0, list(running.health.latest)
    report = conformance.check_requests(
        entry.to_json(bodies=True) for entry in running.traffic.after(0)
    )
    assert not report.problems, str(report)


@pytest.fixture
def gateway_url(sandbox: Sandbox) -> str:
    return sandbox.environment()["DISCORD_GATEWAY_URL"]
