"""A sandbox in the test's event loop, with a stopped clock."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from sandbox.clock import SandboxClock
from sandbox.server import SandboxServer
from tests.harness import conformance

NOON = 1_790_000_000.0
"""A moment in 2026: snowflakes and signed links need one after Discord's epoch."""


@pytest.fixture
def clock() -> SandboxClock:
    return SandboxClock(frozen_at=NOON)


@pytest_asyncio.fixture
async def sandbox(clock: SandboxClock, tmp_path: Path) -> AsyncIterator[SandboxServer]:
    running = await SandboxServer.start(directory=tmp_path, clock=clock)
    yield running
    await running.close()
    assert running.error_log.internal_errors == 0, list(running.error_log.latest_errors)
    report = conformance.check_requests(
        entry.to_json(bodies=True) for entry in running.request_log.entries_after(0)
    )
    assert not report.problems, str(report)


@pytest.fixture
def gateway_url(sandbox: SandboxServer) -> str:
    return sandbox.bot_environment()["DISCORD_GATEWAY_URL"]
