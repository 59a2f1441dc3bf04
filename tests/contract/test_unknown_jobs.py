"""Unknown jobs are polled rarely and still delivered if Google finishes them."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot.domain.billing.ledger import compute_balance
from bot.domain.billing.limits import NO_USAGE, SpendingPolicy, UsageAmount, UsageLimits
from bot.domain.errors import (
    GoogleUnavailable,
    RemoteNotFound,
    SubmitUncertain,
    VideoNotFetchable,
)
from bot.domain.jobs.job import GOOGLE_FILE_LIFETIME, Job, JobState, Outcome
from bot.domain.jobs.request import GoogleRoute
from bot.domain.ports import OperationFailed, OperationPending
from bot.services.jobs.stages.running_job import PollingTimes
from tests.fakes.google import FakeGoogle, ScriptStep
from tests.fakes.world import GUILD, MEMBER, PRICE, SimulatedProcess, SimulatedWorld
from tests.harness.waiting import eventually

ALL, LATER = UsageAmount(PRICE, 1, 8), timedelta(seconds=6001)


@pytest.fixture
def world(world: SimulatedWorld) -> SimulatedWorld:
    world.polling_times = PollingTimes(poll_interval_s=10.0, time_limit_s=25.0)
    return world


async def make_lost_job(
    world: SimulatedWorld, process: SimulatedProcess, *, cancelled: bool = False
) -> Job:
    """Return a job that Google did not end in time."""
    world.google.default_poll = OperationPending()
    world.google.answer_gate = asyncio.Event()
    job = await process.submit_job(1)
    await eventually(lambda: world.google.submits)
    if cancelled:
        await world.jobs.cancel(job.id, owner=None, now=world.clock.now())
    world.google.answer_gate.set()
    after = await world.wait_for_end(job, JobState.UNKNOWN)
    assert after.outcome is Outcome.OPERATION_LOST
    world.google.default_poll = world.google.answer_gate = None
    return after


async def poll_later(
    world: SimulatedWorld, process: SimulatedProcess, *answers: ScriptStep
) -> None:
    world.clock.jump(LATER)
    world.google.poll_script.extend(answers)
    await process.unknown_job_poller.poll_once()


async def load_sums(world: SimulatedWorld, job: Job) -> tuple[UsageAmount, UsageAmount]:
    """Return what the member and what the budgets count of a job; nothing may be reserved."""
    balance = compute_balance([entry.posting for entry in await world.ledger.list_entries(job.id)])
    assert balance.reserved == NO_USAGE
    return balance.member, balance.budgets


@pytest.fixture
async def process(world: SimulatedWorld) -> SimulatedProcess:
    """Give one running process."""
    return await world.start_process()


async def test_a_success_after_the_refund_is_charged_and_delivered(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    job = await make_lost_job(world, process)
    assert await load_sums(world, job) == (NO_USAGE, ALL)
    assert [notified.outcome for notified in world.discord.notified_jobs] == [
        Outcome.OPERATION_LOST
    ]
    await poll_later(world, process)
    after = await world.wait_for_end(job, JobState.DONE)
    assert after.outcome is Outcome.DELIVERED
    assert await load_sums(world, job) == (ALL, ALL)
    [(nonce, message_id, _)] = world.discord.messages
    assert (nonce, message_id) == (job.post_nonce, after.posted_message_id)
    assert world.google.submits == [job.id]
    assert len(world.discord.notified_jobs) == 1
    assert world.discord.closed_status_jobs == [job.id]


async def test_unknown_job_is_polled_rarely_by_one_process(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    job = await make_lost_job(world, process)
    other = world.create_process()
    asked = world.google.poll_counts.total()
    await poll_later(world, process, OperationPending())
    await process.unknown_job_poller.poll_once()
    await other.unknown_job_poller.poll_once()
    assert not world.google.poll_script
    assert world.google.poll_counts.total() == asked, "polled again before it is due"
    assert (await world.get_job(job.id)).state is JobState.UNKNOWN


async def test_unknown_job_is_polled_after_restart(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    job = await make_lost_job(world, process)
    await process.worker.stop(5.0)
    later = await world.start_process()
    await poll_later(world, later)
    assert (await world.wait_for_end(job, JobState.DONE)).outcome is Outcome.DELIVERED
    assert await load_sums(world, job) == (ALL, ALL)


async def test_crash_after_finding_result_costs_nothing(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    job = await make_lost_job(world, process)
    taken = await world.jobs.reopen(job, owner="dead")
    assert taken is not None
    assert taken.was_reopened
    process.worker.notify_job_changed(0)  # the reconciliation adopts it
    assert (await world.wait_for_end(job, JobState.DONE)).outcome is Outcome.DELIVERED
    assert await load_sums(world, job) == (ALL, ALL)


async def test_late_refusal_is_refunded_to_budgets(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    job = await make_lost_job(world, process)
    blocked = OperationFailed(Outcome.BLOCKED, "Sensitive words.")
    await poll_later(world, process, blocked, blocked)
    after = await world.wait_for_end(job, JobState.FAILED)
    assert (after.outcome, after.detail) == (Outcome.BLOCKED, "Sensitive words.")
    assert await load_sums(world, job) == (NO_USAGE, NO_USAGE)
    outcomes = [notified.outcome for notified in world.discord.notified_jobs]
    assert outcomes == [Outcome.OPERATION_LOST, Outcome.BLOCKED]


async def test_late_result_of_cancelled_job_is_charged_not_posted(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    job = await make_lost_job(world, process, cancelled=True)
    assert job.cancel_requested
    await poll_later(world, process)
    after = await world.wait_for_end(job, JobState.CANCELLED)
    assert after.outcome is Outcome.CANCELLED
    assert await load_sums(world, job) == (ALL, ALL)
    assert not world.discord.messages


async def test_undownloadable_late_clip_stays_absorbed(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    job = await make_lost_job(world, process)
    world.google.fetch_script.append(VideoNotFetchable("gs://"))
    await poll_later(world, process)
    assert (await world.wait_for_end(job, JobState.FAILED)).outcome is Outcome.DOWNLOAD_FAILED
    assert await load_sums(world, job) == (NO_USAGE, ALL)


@pytest.mark.parametrize(
    "error", [RemoteNotFound("404"), GoogleUnavailable("503"), KeyError("ours")]
)
async def test_poll_without_answer_changes_nothing(
    world: SimulatedWorld, process: SimulatedProcess, error: Exception
) -> None:
    job = await make_lost_job(world, process)
    if isinstance(error, KeyError):
        with pytest.raises(KeyError):
            await poll_later(world, process, error)
    else:
        await poll_later(world, process, error)
    assert (await world.get_job(job.id)).state is JobState.UNKNOWN
    await poll_later(world, process)
    assert (await world.wait_for_end(job, JobState.DONE)).outcome is Outcome.DELIVERED


async def test_polling_ends_when_files_expire(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    job = await make_lost_job(world, process)
    world.clock.jump(GOOGLE_FILE_LIFETIME)
    await poll_later(world, process)
    assert (await world.get_job(job.id)).state is JobState.UNKNOWN
    assert [unknown.id for unknown in await world.jobs.list_unknown(GUILD)] == [job.id]


@pytest.mark.parametrize("charge", [True, False])
async def test_settlement_ends_polling(
    world: SimulatedWorld, process: SimulatedProcess, charge: bool
) -> None:
    job = await make_lost_job(world, process)
    await world.jobs.settle_unknown(job.id, charge=charge, actor_id=1, now=world.clock.now())
    await poll_later(world, process)
    assert (await world.get_job(job.id)).state is (JobState.DONE if charge else JobState.FAILED)
    assert await world.jobs.reopen(job, owner="w") is None
    assert not world.discord.messages
    expected = ALL if charge else NO_USAGE
    assert await load_sums(world, job) == (expected, expected)


async def test_late_operation_name_finds_clip(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """Google had started it, the answer was lost, and the name arrived after the job had ended."""
    world.google.submit_script.append(SubmitUncertain("connection lost"))
    job = await world.wait_for_end(await process.submit_job(1), JobState.UNKNOWN)
    await poll_later(world, process)
    assert (await world.get_job(job.id)).state is JobState.UNKNOWN, "there is no operation to poll"
    operation = await world.google.submit(job.plan, job_id=job.id)
    assert not await world.jobs.record_late_operation(job, operation)
    await poll_later(world, process)
    assert (await world.wait_for_end(job, JobState.DONE)).outcome is Outcome.DELIVERED
    assert await load_sums(world, job) == (ALL, ALL)


async def test_lost_submit_is_searched_in_bucket(world: SimulatedWorld) -> None:
    world.google = google = FakeGoogle(route=GoogleRoute.VERTEX)
    world.searchable_routes = frozenset({GoogleRoute.VERTEX})
    process = await world.start_process()
    google.submit_script.append(SubmitUncertain("connection lost"))
    job = await world.wait_for_end(
        await process.submit_job(1, route=GoogleRoute.VERTEX), JobState.UNKNOWN
    )
    google.can_find = True
    google.submits.append(job.id)
    await poll_later(world, process)
    assert (await world.wait_for_end(job, JobState.DONE)).outcome is Outcome.DELIVERED
    assert await load_sums(world, job) == (ALL, ALL)


def _limits(allowed: int) -> Sequence[SpendingPolicy]:
    return (
        SpendingPolicy(guild=UsageLimits(clips_per_day=allowed)),
        SpendingPolicy(bot=UsageLimits(clips_per_day=allowed)),
    )


async def test_unknown_job_still_counts_against_budgets(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """While it may still be billed, its price stays counted in the budgets."""
    await make_lost_job(world, process)
    for policy in _limits(1):
        status = await world.ledger.quota_status((await world.get_job(1)).origin, policy=policy)
        assert [line.remaining for line in status.lines] == [0]
    member = SpendingPolicy(member=UsageLimits(clips_per_day=1))
    status = await world.ledger.quota_status((await world.get_job(1)).origin, policy=member)
    assert [line.remaining for line in status.lines] == [1]
    assert (await world.get_job(1)).origin.user_id == MEMBER
