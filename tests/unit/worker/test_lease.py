"""The lease keeps being renewed whatever fails around it."""

import asyncio
from datetime import UTC, datetime, timedelta

from bot.services.jobs.lease import LeaseKeeper
from bot.store.jobs.workers import WorkerStore
from tests.fakes.clock import VirtualClock
from tests.harness.waiting import stretch_timeout


class ForgetfulWorkers(WorkerStore):
    """Knows no lease until ``known`` is set: another process has adopted everything."""

    def __init__(self) -> None:
        self.known = False

    async def register(self, worker_id: str, *, host: str, lease: timedelta) -> None:
        self.known = True

    async def renew(self, worker_id: str, *, lease: timedelta) -> bool:
        return self.known


async def test_a_failed_restart_after_a_lost_lease_is_tried_again() -> None:
    clock = VirtualClock(start=datetime(2026, 1, 1, tzinfo=UTC))
    keeper = LeaseKeeper(workers=ForgetfulWorkers(), clock=clock, length=timedelta(seconds=30))
    attempts = 0
    recovered = asyncio.Event()

    async def restart() -> None:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise RuntimeError("unforeseen")
        await keeper.register_as_new()
        recovered.set()

    renewal = asyncio.create_task(keeper.run_renewal(restart))
    await asyncio.wait_for(recovered.wait(), stretch_timeout(30))
    assert attempts == 2
    assert keeper.lease.remaining_s > 0
    renewal.cancel()
    await asyncio.gather(renewal, return_exceptions=True)
