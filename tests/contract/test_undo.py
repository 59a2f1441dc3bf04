"""Requests by a reply reserve their price at once and start when the undo time is over."""

from datetime import timedelta

from bot.domain.jobs.job import AdmissionRequest, Job, JobState, Outcome
from bot.services.jobs.requests import CancellationResult
from bot.store.jobs.admission import Admission
from tests.fakes.world import (
    MEMBER,
    PRICE,
    SimulatedProcess,
    SimulatedWorld,
    make_origin,
    make_plan,
)


async def ask_by_reply(process: SimulatedProcess, number: int) -> Job:
    origin = make_origin(number, dedupe_key=f"message:{number}", request_message_id=number)
    return (await process.request_service.submit(make_plan(), origin)).job


async def test_a_command_is_not_held_back(world: SimulatedWorld) -> None:
    process = world.create_process(reply_undo_s=100.0)
    assert (await process.submit_job(1)).undo_until is None


async def test_undo_is_free_and_nothing_is_sent(world: SimulatedWorld) -> None:
    """The money is reserved, the status says until when, and undoing gives it back. [people-M3]"""
    process = await world.start_process(reply_undo_s=100_000.0)
    job = await ask_by_reply(process, 1)
    assert job.undo_until is not None
    assert await world.ledger.sum_reserved() == PRICE
    assert {shown.undo_until for shown in world.discord.shown_progress} == {job.undo_until}
    assert await world.jobs.claim_jobs("w", policy=world.policy, limit=9) == []
    result = await process.request_service.cancel(job.id, user_id=MEMBER, moderator=False)
    assert result is CancellationResult.CANCELLED
    after = await world.wait_for_end(job)
    assert (after.state, after.undo_until) == (JobState.CANCELLED, None)
    assert await world.ledger.sum_reserved() == 0


async def test_it_starts_by_itself_when_the_time_is_over(world: SimulatedWorld) -> None:
    process = await world.start_process(reply_undo_s=60.0)
    job = await ask_by_reply(process, 1)
    assert job.undo_until is not None
    after = await world.wait_for_end(job)
    assert after.outcome is Outcome.DELIVERED
    assert after.submitted_at is not None
    assert after.submitted_at >= job.undo_until


async def test_the_time_is_the_databases(world: SimulatedWorld) -> None:
    origin = make_origin(1, dedupe_key="message:1")
    [admission] = await world.jobs.admit_requests(
        [AdmissionRequest(make_plan(), origin, start_after_s=5000.0)],
        policy=world.policy,
        owner=None,
    )
    assert isinstance(admission, Admission)
    job = admission.job
    assert job.undo_until == job.created_at + timedelta(seconds=5000)
    delay_s = await world.jobs.find_retry_delay()
    assert delay_s is not None
    assert 0 < delay_s <= 5000
    world.clock.jump(timedelta(seconds=5001))
    assert await world.jobs.find_retry_delay() is None
    assert len(await world.jobs.claim_jobs("w", policy=world.policy, limit=9)) == 1
