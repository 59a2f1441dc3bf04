"""Omni jobs: quota errors after the submit, cancellation at Google, and charges by its bill."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from bot.domain.billing.charges import compute_price_paid
from bot.domain.billing.ledger import compute_balance
from bot.domain.billing.limits import NO_USAGE, UsageAmount
from bot.domain.billing.money import Micros
from bot.domain.errors import GoogleQuotaExceeded, GoogleUnavailable, RemoteNotFound
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.jobs.request import GoogleRoute
from bot.domain.ports import (
    OperationCancelled,
    OperationFailed,
    OperationFinished,
    OperationNotStarted,
    OperationPending,
    PollResult,
)
from bot.services.jobs.requests import CancellationResult
from bot.services.jobs.stages.running_job import PollingTimes
from bot.store.jobs.restore import mark_pending_as_unknown
from bot.store.jobs.transitions import IllegalTransition
from bot.store.tables.core import submissions_table
from tests.contract.test_process_failures import start_successor
from tests.fakes.clock import FastClock
from tests.fakes.google import FakeGoogle
from tests.fakes.world import MEMBER, MODEL, PRICE, SimulatedProcess, SimulatedWorld
from tests.harness.waiting import eventually

ALL = UsageAmount(PRICE, 1, 8)
OVER_QUOTA = OperationNotStarted(GoogleQuotaExceeded("too_many_requests", retry_after_s=23.0))
LATER = timedelta(seconds=6001)


@pytest.fixture
def world(world: SimulatedWorld) -> SimulatedWorld:
    world.google = FakeGoogle(route=GoogleRoute.OMNI)
    world.google.can_cancel = True
    return world


@pytest.fixture
async def process(world: SimulatedWorld) -> SimulatedProcess:
    return await world.start_process()


async def submit(process: SimulatedProcess, key: int = 1, *, videos: int = 1) -> Job:
    return await process.submit_job(key, route=GoogleRoute.OMNI, videos=videos)


async def submit_endless(world: SimulatedWorld, process: SimulatedProcess) -> Job:
    """Return a job that Google works on until the test ends it."""
    world.google.default_poll = OperationPending()
    job = await submit(process)
    await world.wait_for_state(job, JobState.POLLING)
    return job


async def cancel(process: SimulatedProcess, job: Job) -> CancellationResult:
    return await process.request_service.cancel(job.id, user_id=MEMBER, moderator=False)


async def load_sums(world: SimulatedWorld, job: Job) -> tuple[UsageAmount, UsageAmount]:
    """Return what the member and what the budgets count of a job; nothing may be reserved."""
    balance = compute_balance([entry.posting for entry in await world.ledger.list_entries(job.id)])
    assert balance.reserved == NO_USAGE
    return balance.member, balance.budgets


async def count_submissions(world: SimulatedWorld) -> int:
    return len(await world.database.read_rows(select(submissions_table.c.id)))


class TestOverQuota:
    async def test_job_is_submitted_anew_and_paid_once(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        world.google.poll_script.append(OVER_QUOTA)
        job = await submit(process)
        await eventually(lambda: not world.google.poll_script)
        after = await world.wait_for_end(job)
        assert (after.outcome, after.attempts) == (Outcome.DELIVERED, 2)
        assert world.google.submits == [job.id, job.id]
        assert after.operation == f"v1_{job.id}-2"
        assert await count_submissions(world) == 2
        assert await load_sums(world, job) == (ALL, ALL)
        waits = [shown for shown in world.discord.shown_progress if shown.waiting_for]
        assert {shown.waiting_for for shown in waits} == {Outcome.GOOGLE_QUOTA}
        assert all(shown.retry_at is not None for shown in waits)

    async def test_model_waits_with_it(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        quota = GoogleQuotaExceeded("429", retry_after_s=1500.0)
        world.google.poll_script.append(OperationNotStarted(quota))
        job = await submit(process)
        await eventually(lambda: not world.google.poll_script)
        await world.wait_for_state(job, JobState.QUEUED)
        waiting = await world.get_job(job.id)
        assert (waiting.operation, waiting.submitted_at) == (None, None)
        assert waiting.outcome is Outcome.GOOGLE_QUOTA
        assert await world.jobs.list_running_operations() == []
        held = (await world.model_store.load_states())[MODEL]
        assert held.rate_limited_until == waiting.retry_at
        world.clock.jump(timedelta(seconds=1501))
        assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED

    @pytest.mark.parametrize(
        ("error", "attempts"),
        [
            pytest.param(GoogleQuotaExceeded("429", retry_after_s=1.0), 8, id="attempts-used-up"),
            pytest.param(GoogleQuotaExceeded("429", is_daily=True), 1, id="quota-of-the-day"),
            pytest.param(GoogleQuotaExceeded("429", retry_after_s=7200.0), 1, id="beyond-patience"),
        ],
    )
    async def test_patience_ends_with_a_refund(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        error: GoogleQuotaExceeded,
        attempts: int,
    ) -> None:
        world.google.default_poll = OperationNotStarted(error)
        job = await submit(process)
        after = await world.wait_for_end(job)
        assert (after.state, after.outcome) == (JobState.FAILED, Outcome.GOOGLE_QUOTA)
        assert (after.attempts, len(world.google.submits)) == (attempts, attempts)
        assert after.retry_at is not None, "the requester reads when it is possible again"
        assert await load_sums(world, job) == (NO_USAGE, NO_USAGE)

    async def test_cancelled_job_is_not_submitted_anew(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        world.google.can_cancel = False
        job = await submit_endless(world, process)
        await cancel(process, job)
        world.google.default_poll = OVER_QUOTA
        after = await world.wait_for_end(job)
        assert (after.state, after.attempts) == (JobState.CANCELLED, 1)
        assert await load_sums(world, job) == (NO_USAGE, NO_USAGE)

    async def test_cancel_while_it_waits_for_the_next_attempt(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        quota = GoogleQuotaExceeded("429", retry_after_s=1500.0)
        world.google.poll_script.append(OperationNotStarted(quota))
        job = await submit(process)
        await eventually(lambda: not world.google.poll_script)
        await world.wait_for_state(job, JobState.QUEUED)
        assert await cancel(process, job) is CancellationResult.CANCELLED
        after = await world.wait_for_end(job)
        assert (after.state, len(world.google.submits)) == (JobState.CANCELLED, 1)
        assert world.google.cancelled == []

    async def test_cancel_that_its_process_has_not_heard_of_yet(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        """It does not wait for the quota to reset."""
        job = await submit_endless(world, process)
        quota = GoogleQuotaExceeded("429", retry_after_s=1500.0)

        async def cancel_elsewhere_and_answer() -> PollResult:
            await world.jobs.cancel(job.id, owner=None, now=world.clock.now())
            return OperationNotStarted(quota)

        world.google.default_poll = cancel_elsewhere_and_answer
        after = await world.wait_for_end(job)
        assert after.state is JobState.CANCELLED
        assert after.finished_at is not None
        assert after.finished_at - after.created_at < timedelta(seconds=1400)
        assert len(world.google.submits) == 1
        assert await load_sums(world, job) == (NO_USAGE, NO_USAGE)

    async def test_process_that_adopted_it_submits_it_anew_once(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        job = await submit_endless(world, process)
        await process.worker.crash()
        world.google.default_poll = None
        world.google.poll_script.append(OVER_QUOTA)
        await start_successor(world, process)
        after = await world.wait_for_end(job)
        assert (after.outcome, after.attempts) == (Outcome.DELIVERED, 2)
        assert world.google.submits == [job.id, job.id]
        assert await load_sums(world, job) == (ALL, ALL)

    async def test_what_was_made_is_never_submitted_anew(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        world.google.fetch_script.extend([GoogleUnavailable("503")] * 1000)
        job = await submit(process)
        await world.wait_for_state(job, JobState.FETCHING)
        await process.worker.crash()
        world.google.fetch_script.clear()
        world.google.poll_script.extend([OVER_QUOTA, OVER_QUOTA])
        await start_successor(world, process)
        after = await world.wait_for_end(job)
        assert (after.outcome, after.attempts) == (Outcome.DELIVERED, 1)
        assert world.google.submits == [job.id]

    async def test_lost_job_that_made_nothing_stays_over(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        """The member was told that it is lost, so it ends without a charge."""
        job = await make_lost_job(world, process)
        world.google.default_poll = OVER_QUOTA
        world.clock.jump(LATER)
        await process.unknown_job_poller.poll_once()
        after = await world.wait_for_end(job, JobState.FAILED)
        assert (after.outcome, after.attempts) == (Outcome.GOOGLE_QUOTA, 1)
        assert world.google.submits == [job.id]
        assert await load_sums(world, job) == (NO_USAGE, NO_USAGE)

    async def test_restored_backup_submits_nothing_anew(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        """Another operation may have made the clip since the backup."""
        job = await submit_endless(world, process)
        await process.worker.crash()
        await world.workers.retire(process.worker.worker_id)
        await mark_pending_as_unknown(world.database)
        world.google.default_poll = OVER_QUOTA
        later = await world.start_process()
        after = await world.wait_for_end(job)
        assert (after.state, after.outcome) == (JobState.UNKNOWN, Outcome.SUBMIT_UNKNOWN)
        world.clock.jump(LATER)
        await later.unknown_job_poller.poll_once()
        assert (await world.get_job(job.id)).state is JobState.UNKNOWN
        assert world.google.submits == [job.id]
        assert await load_sums(world, job) == (NO_USAGE, ALL)

    async def test_store_refuses_what_was_settled(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        job = await make_lost_job(world, process)
        taken = await world.jobs.reopen(job, owner="w")
        assert taken is not None
        with pytest.raises(IllegalTransition):
            await world.jobs.requeue(taken, retry_at=None, waiting_for=None)


async def make_lost_job(world: SimulatedWorld, process: SimulatedProcess, *, key: int = 1) -> Job:
    """Return a job that Google did not end in time."""
    world.polling_times = times = PollingTimes(time_limit_s=20.0, omni_time_limit_s=25.0)
    await process.worker.stop(100.0)
    world.google.default_poll = OperationPending()
    successor = await world.start_process()
    assert successor.world.polling_times is times
    job = await world.wait_for_end(await submit(successor, key), JobState.UNKNOWN)
    assert job.outcome is Outcome.OPERATION_LOST
    return job


class TestCancel:
    @pytest.mark.parametrize(
        ("billed", "member", "budgets"),
        [
            pytest.param(150_000, UsageAmount(Micros(150_000)), 150_000, id="less"),
            pytest.param(0, NO_USAGE, 0, id="nothing"),
            pytest.param(500_000, UsageAmount(PRICE), 500_000, id="more"),
            pytest.param(None, NO_USAGE, PRICE, id="not-said"),
        ],
    )
    async def test_stopped_job_is_settled_by_the_bill(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        billed: int | None,
        member: UsageAmount,
        budgets: int,
    ) -> None:
        world.google.stopped_bill = None if billed is None else Micros(billed)
        job = await submit_endless(world, process)
        assert await cancel(process, job) is CancellationResult.STOPPING
        after = await world.wait_for_end(job)
        assert (after.state, after.outcome) == (JobState.CANCELLED, Outcome.CANCELLED)
        assert world.google.cancelled == [job.operation or after.operation]
        sums = await load_sums(world, job)
        assert (sums[0], sums[1].micros) == (member, budgets)
        assert after.billed_micros == billed
        assert world.discord.messages == []

    async def test_google_hears_of_it_at_once(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        """Omni can finish in 20 seconds, so the next poll would be too late."""
        world.polling_times = PollingTimes(poll_interval_s=100_000.0)
        slow = await world.start_process()
        await process.worker.stop(100.0)
        world.google.default_poll = OperationPending()
        job = await submit(slow)
        await eventually(lambda: world.google.poll_counts.total() > 0)
        await cancel(slow, job)
        await eventually(lambda: world.google.cancelled)

    async def test_cancel_before_the_first_byte_sends_nothing(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        """Uploading a copy of the source may take minutes before that."""
        world.google.send_gate = asyncio.Event()
        job = await submit(process)
        await world.wait_for_state(job, JobState.SUBMITTING)
        await cancel(process, job)
        world.google.send_gate.set()
        after = await world.wait_for_end(job)
        assert (after.state, after.outcome) == (JobState.CANCELLED, Outcome.CANCELLED)
        assert world.google.submits == []
        assert await load_sums(world, job) == (NO_USAGE, NO_USAGE)

    async def test_cancel_before_the_answer_to_the_submit(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        world.google.default_poll = OperationPending()
        world.google.answer_gate = asyncio.Event()
        job = await submit(process)
        await eventually(lambda: world.google.submits)
        assert await cancel(process, job) is CancellationResult.STOPPING
        world.google.answer_gate.set()
        after = await world.wait_for_end(job)
        assert after.state is JobState.CANCELLED
        assert world.google.cancelled == [f"v1_{job.id}-1"]

    async def test_cancel_after_it_was_made_stops_nothing(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        world.google.fetch_script.extend([GoogleUnavailable("503")] * 1000)
        job = await submit(process)
        await world.wait_for_state(job, JobState.FETCHING)
        assert await cancel(process, job) is CancellationResult.REQUESTED
        world.google.fetch_script.clear()
        after = await world.wait_for_end(job)
        assert after.state is JobState.CANCELLED
        assert world.google.cancelled == []
        assert await load_sums(world, job) == (ALL, ALL)

    async def test_clip_that_is_finished_all_the_same_is_kept_and_charged(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        world.google.can_cancel = False
        world.google.billed = Micros(390_000)
        job = await submit_endless(world, process)
        await cancel(process, job)
        await eventually(lambda: world.google.cancelled)
        world.google.default_poll = None
        after = await world.wait_for_end(job)
        assert (after.state, world.discord.messages) == (JobState.CANCELLED, [])
        assert len(await world.clips.list_for_job(job.id)) == 1
        assert (await load_sums(world, job))[0] == UsageAmount(Micros(390_000), 1, 8)

    async def test_it_is_asked_again_after_errors_and_not_in_between(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        world.google.cancel_script.extend(
            [GoogleUnavailable("503"), RemoteNotFound("404"), GoogleUnavailable("503")]
        )
        job = await submit_endless(world, process)
        asked_at = world.clock.monotonic()
        await cancel(process, job)
        after = await world.wait_for_end(job)
        assert after.state is JobState.CANCELLED
        assert not world.google.cancel_script
        assert len(world.google.cancelled) == 1
        assert world.clock.monotonic() - asked_at > 0.75 * (10 + 20 + 40)

    async def test_it_is_asked_once_while_google_takes_its_time(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        world.google.can_cancel = False
        job = await submit_endless(world, process)
        await cancel(process, job)
        await eventually(lambda: world.google.cancelled)
        polls = world.google.poll_counts.total()
        await eventually(lambda: world.google.poll_counts.total() > polls + 3)
        assert len(world.google.cancelled) == 1
        world.google.default_poll = OperationCancelled(Micros(0))
        assert (await world.wait_for_end(job)).state is JobState.CANCELLED

    async def test_process_that_adopted_it_asks_again(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        """It is unknown whether the dead process got an answer."""
        world.google.can_cancel = False
        job = await submit_endless(world, process)
        await cancel(process, job)
        await eventually(lambda: world.google.cancelled)
        await process.worker.crash()
        world.google.can_cancel = True
        world.google.stopped_bill = Micros(0)
        world.google.cancelled.clear()
        await start_successor(world, process)
        after = await world.wait_for_end(job)
        assert (after.state, len(world.google.cancelled)) == (JobState.CANCELLED, 1)
        assert await load_sums(world, job) == (NO_USAGE, NO_USAGE)

    async def test_what_google_stops_by_itself_costs_the_member_nothing(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        world.google.poll_script.append(OperationCancelled(Micros(100_000)))
        job = await submit(process)
        after = await world.wait_for_end(job)
        assert (after.state, after.outcome) == (JobState.FAILED, Outcome.OPERATION_FAILED)
        assert await load_sums(world, job) == (NO_USAGE, UsageAmount(Micros(100_000)))

    @pytest.mark.parametrize("outcome", [Outcome.BLOCKED, Outcome.ACCESS_REFUSED])
    @pytest.mark.parametrize("is_cancelled", [True, False])
    async def test_what_google_bills_for_nothing_is_the_operators(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        outcome: Outcome,
        is_cancelled: bool,
    ) -> None:
        world.google.can_cancel = False
        job = await submit_endless(world, process)
        if is_cancelled:
            await cancel(process, job)
        world.google.default_poll = OperationFailed(outcome, None, billed=Micros(500_000))
        after = await world.wait_for_end(job)
        assert after.outcome is (Outcome.CANCELLED if is_cancelled else outcome)
        member, budgets = await load_sums(world, job)
        assert (member, budgets.micros) == (NO_USAGE, 500_000)
        assert compute_price_paid(after, clips=0) == 0

    async def test_lost_job_that_was_stopped_is_settled_by_the_bill(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        job = await make_lost_job(world, process)
        world.google.default_poll = OperationCancelled(Micros(0))
        world.clock.jump(LATER)
        await world.processes[-1].unknown_job_poller.poll_once()
        after = await world.wait_for_end(job, JobState.FAILED)
        assert after.outcome is Outcome.OPERATION_FAILED
        assert await load_sums(world, job) == (NO_USAGE, NO_USAGE)

    async def test_veo_is_not_said_to_be_stopped(self, world: SimulatedWorld) -> None:
        world.google = FakeGoogle(route=GoogleRoute.VERTEX)
        process = await world.start_process()
        world.google.default_poll = OperationPending()
        job = await process.submit_job(1, route=GoogleRoute.VERTEX)
        await world.wait_for_state(job, JobState.POLLING)
        assert await cancel(process, job) is CancellationResult.REQUESTED
        world.google.default_poll = None
        assert (await world.wait_for_end(job)).state is JobState.CANCELLED
        assert await load_sums(world, job) == (ALL, ALL)


class TestBill:
    @pytest.mark.parametrize(
        ("billed", "member", "budgets"),
        [
            pytest.param(350_000, 350_000, 350_000, id="less"),
            pytest.param(470_000, PRICE, 470_000, id="more"),
            pytest.param(None, PRICE, PRICE, id="missing"),
        ],
    )
    async def test_delivered_clip_costs_what_google_bills(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        billed: int | None,
        member: int,
        budgets: int,
    ) -> None:
        world.google.billed = None if billed is None else Micros(billed)
        job = await submit(process)
        after = await world.wait_for_end(job)
        assert (after.outcome, after.billed_micros) == (Outcome.DELIVERED, billed)
        sums = await load_sums(world, job)
        assert (sums[0], sums[1].micros) == (UsageAmount(Micros(member), 1, 8), budgets)
        assert await world.ledger.sum_reserved() == 0

    async def test_bill_survives_a_restart(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        world.google.billed = Micros(350_000)
        world.google.fetch_script.extend([GoogleUnavailable("503")] * 1000)
        job = await submit(process)
        await world.wait_for_state(job, JobState.FETCHING)
        await process.worker.crash()
        world.google.fetch_script.clear()
        world.google.billed = None  # whatever it says later
        await start_successor(world, process)
        after = await world.wait_for_end(job)
        assert (after.outcome, after.billed_micros) == (Outcome.DELIVERED, 350_000)
        assert (await load_sums(world, job))[0].micros == 350_000

    async def test_videos_that_did_not_come_are_the_operators(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        """Two were made for $0.30, and one of them can be fetched."""
        world.google.billed = Micros(300_000)
        world.google.odd_downloads = 3
        job = await submit(process, videos=2)
        after = await world.wait_for_end(job)
        assert after.outcome is Outcome.DELIVERED
        member, budgets = await load_sums(world, job)
        assert (member, budgets.micros) == (UsageAmount(Micros(150_000), 1, 8), 300_000)

    async def test_late_clip_costs_what_google_bills(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        job = await make_lost_job(world, process)
        assert await load_sums(world, job) == (NO_USAGE, ALL)
        world.google.default_poll = None
        world.google.billed = Micros(450_000)
        world.clock.jump(LATER)
        await world.processes[-1].unknown_job_poller.poll_once()
        after = await world.wait_for_end(job, JobState.DONE)
        assert after.outcome is Outcome.DELIVERED
        member, budgets = await load_sums(world, job)
        assert (member, budgets.micros) == (ALL, 450_000)

    async def test_job_without_a_video_is_free(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        world.google.poll_script.append(OperationFinished((), ("Rephrase it.",)))
        job = await submit(process)
        after = await world.wait_for_end(job)
        assert after.outcome is Outcome.BLOCKED
        assert await load_sums(world, job) == (NO_USAGE, NO_USAGE)


class TestTime:
    async def test_omni_has_half_an_hour(self, world: SimulatedWorld) -> None:
        world.clock = FastClock(speed=1000)
        world.polling_times = PollingTimes(time_limit_s=60.0, poll_interval_s=60.0)
        process = await world.start_process(lease_s=60_000.0)
        world.google.default_poll = OperationPending()
        job = await submit(process)
        after = await world.wait_for_end(job)
        assert after.outcome is Outcome.OPERATION_LOST
        assert after.finished_at is not None
        assert after.finished_at - after.created_at >= timedelta(minutes=30)

    async def test_a_longer_limit_counts(self, world: SimulatedWorld) -> None:
        world.polling_times = PollingTimes(time_limit_s=80.0, omni_time_limit_s=40.0)
        process = await world.start_process()
        world.google.default_poll = OperationPending()
        after = await world.wait_for_end(await submit(process))
        assert after.finished_at is not None
        assert after.finished_at - after.created_at >= timedelta(seconds=80)

    async def test_quick_clip_is_noticed_after_seconds(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        world.polling_times = PollingTimes(poll_interval_s=100_000.0)
        slow = await world.start_process()
        await process.worker.stop(100.0)
        assert (await world.wait_for_end(await submit(slow))).outcome is Outcome.DELIVERED
