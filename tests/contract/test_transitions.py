"""Only its owner can change a job's state, from the expected state to a valid next one."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.billing.ledger import Settlement, build_settlement
from bot.domain.billing.limits import UsageAmount
from bot.domain.clips.clip import NewClip
from bot.domain.errors import LeaseLost
from bot.domain.jobs.job import ALLOWED_TRANSITIONS, ENDED_STATES, Job, JobState, Outcome
from bot.store.jobs.transitions import IllegalTransition, apply_transition
from tests.fakes.world import PRICE, SimulatedWorld, make_plan

CLIP = NewClip(
    index=0, width=1280, height=720, seconds=8, path="clips/a.mp4", sha256="0" * 64, size_bytes=9
)


async def claimed(world: SimulatedWorld, owner: str = "w") -> Job:
    job = await world.admit_job(1)
    [found] = await world.jobs.claim_jobs(owner, policy=world.policy, limit=9)
    assert found.id == job.id
    return found


async def at(world: SimulatedWorld, state: JobState) -> Job:
    """Bring a job to ``state`` by valid transitions."""
    if state is JobState.QUEUED:
        return replace(await world.admit_job(1), owner="w")
    job = await claimed(world)
    if state in (JobState.FAILED, JobState.CANCELLED, JobState.UNKNOWN):
        return await end(world, job, state)
    path = [JobState.POLLING, JobState.FETCHING, JobState.POSTING, JobState.DONE]
    for step in path[: path.index(state) + 1] if state is not JobState.SUBMITTING else []:
        match step:
            case JobState.POLLING:
                job = await world.jobs.begin_polling(job, "op")
            case JobState.FETCHING:
                job = await world.jobs.begin_fetching(job, 1)
            case JobState.POSTING:
                job, _ = await world.jobs.save_clips(job, [CLIP])
            case _:
                job = await end(world, job, step)
    return job


async def end(world: SimulatedWorld, job: Job, state: JobState = JobState.FAILED) -> Job:
    return await world.jobs.finish_job(
        job,
        state,
        outcome=Outcome.OPERATION_FAILED,
        postings=build_settlement(UsageAmount.from_plan(job.plan), Settlement.REFUND),
        now=world.clock.now(),
    )


@pytest.mark.parametrize("state", JobState)
async def test_no_illegal_transition_reaches_the_database(
    world: SimulatedWorld, state: JobState
) -> None:
    job = await at(world, state)
    before = await world.get_job(job.id)
    for to in frozenset(JobState) - ALLOWED_TRANSITIONS[state]:

        async def work(connection: Any, to: JobState = to) -> Any:
            return await apply_transition(connection, job, to)

        with pytest.raises(IllegalTransition):
            await world.database.write(work)
    assert await world.get_job(job.id) == before


async def test_claim_increments_epoch_and_attempt(world: SimulatedWorld) -> None:
    job = await claimed(world)
    assert (job.state, job.owner, job.epoch, job.attempts) == (JobState.SUBMITTING, "w", 1, 1)
    assert job.submitted_at is not None
    assert await world.get_job(job.id) == job
    assert await world.jobs.claim_jobs("v", policy=world.policy, limit=9) == []


@pytest.mark.parametrize(
    "stale",
    [
        {"owner": "somebody else"},
        {"epoch": 0},
        {"state": JobState.POLLING},
        {"id": 10**6},
    ],
    ids=lambda stale: next(iter(stale)),
)
async def test_only_owner_changes_job(world: SimulatedWorld, stale: dict[str, Any]) -> None:
    job = await claimed(world)
    with pytest.raises(LeaseLost):
        await end(world, replace(job, **stale))
    assert await world.get_job(job.id) == job
    assert await world.ledger.sum_reserved() == PRICE


async def test_after_adoption_the_old_owner_is_fenced_out(world: SimulatedWorld) -> None:
    job = await claimed(world, "old")
    [adopted] = await world.jobs.adopt_orphans("new", limit=9)
    assert (adopted.owner, adopted.epoch) == ("new", 2)
    with pytest.raises(LeaseLost):
        await world.jobs.begin_polling(job, "op")
    with pytest.raises(LeaseLost):
        await world.jobs.requeue(job, retry_at=None, waiting_for=None)
    with pytest.raises(LeaseLost):
        await end(world, job)
    assert await world.get_job(job.id) == adopted
    assert (await world.jobs.begin_polling(adopted, "op")).state is JobState.POLLING


async def test_repeated_transition_after_lost_answer_succeeds(world: SimulatedWorld) -> None:
    job = await claimed(world)
    first = await world.jobs.begin_polling(job, "op")
    assert await world.jobs.begin_polling(job, "op") == first
    fetching = await world.jobs.begin_fetching(first, 1)
    posting, clips = await world.jobs.save_clips(fetching, [CLIP])
    again, same_clips = await world.jobs.save_clips(fetching, [CLIP])
    assert (again, same_clips) == (posting, clips)
    for _ in range(2):
        done = await world.jobs.finish_job(
            posting,
            JobState.DONE,
            outcome=Outcome.DELIVERED,
            postings=build_settlement(UsageAmount.from_plan(job.plan), Settlement.CHARGE),
            now=world.clock.now(),
            message_id=55,
        )
    assert done.posted_message_id == 55
    kinds = [entry.posting.kind for entry in await world.ledger.list_entries(job.id)]
    assert kinds == ["reserve", "settle"]
    found = await world.clips.find_by_message(55)
    assert found is not None
    assert found.id == clips[0].id


async def test_one_attempt_is_sent_by_one_caller_only(world: SimulatedWorld) -> None:
    job = await claimed(world)
    assert job.unsent
    sending = await world.jobs.begin_sending(job)
    assert await world.get_job(job.id) == sending == replace(job, unsent=False)
    for stale in (job, sending):
        with pytest.raises(LeaseLost):
            await world.jobs.begin_sending(stale)


async def test_stale_requeue_after_send_is_rejected(world: SimulatedWorld) -> None:
    job = await claimed(world)
    sending = await world.jobs.begin_sending(job)
    with pytest.raises(LeaseLost):
        await world.jobs.requeue(job, retry_at=None, waiting_for=None)
    assert await world.get_job(job.id) == sending
    back = await world.jobs.requeue(sending, retry_at=None, waiting_for=None)
    assert (back.state, back.unsent) == (JobState.QUEUED, False)
    with pytest.raises(LeaseLost):
        await world.jobs.begin_sending(replace(job, state=JobState.QUEUED))


async def test_an_adopted_job_is_sent_by_nobody_before_it_is_claimed_anew(
    world: SimulatedWorld,
) -> None:
    job = await claimed(world, "old")
    [adopted] = await world.jobs.adopt_orphans("new", limit=9)
    assert adopted.unsent
    with pytest.raises(LeaseLost):
        await world.jobs.begin_sending(job)
    await world.jobs.requeue(adopted, retry_at=None, waiting_for=None)
    [again] = await world.jobs.claim_jobs("new", policy=world.policy, limit=9)
    assert (again.unsent, again.attempts) == (True, 2)
    with pytest.raises(LeaseLost):
        await world.jobs.begin_sending(job)
    assert not (await world.jobs.begin_sending(again)).unsent


async def test_requeued_jobs_wait_for_their_time(world: SimulatedWorld) -> None:
    job = await claimed(world)
    retry_at = world.clock.now() + timedelta(days=400)
    back = await world.jobs.requeue(job, retry_at=retry_at, waiting_for=Outcome.GOOGLE_QUOTA)
    assert (back.state, back.outcome) == (JobState.QUEUED, Outcome.GOOGLE_QUOTA)
    assert await world.jobs.claim_jobs("w", policy=world.policy, limit=9) == []
    delay_s = await world.jobs.find_retry_delay()
    assert delay_s == pytest.approx(timedelta(days=400).total_seconds(), abs=60)
    world.clock.jump(timedelta(days=401))
    [again] = await world.jobs.claim_jobs("w", policy=world.policy, limit=9)
    assert (again.attempts, again.outcome, again.retry_at) == (2, None, None)


async def test_announced_job_has_no_owner(world: SimulatedWorld) -> None:
    job = await end(world, await claimed(world))
    assert await world.jobs.list_owned("w") == [job.id]
    await world.jobs.mark_announced(job)
    assert await world.jobs.list_owned("w") == []
    assert await world.jobs.adopt_orphans("new", limit=9) == []


async def test_ended_states_are_final(world: SimulatedWorld) -> None:
    assert all(not ALLOWED_TRANSITIONS[state] for state in ENDED_STATES - {JobState.UNKNOWN}), (
        "an ended job changes no more"
    )


async def test_plan_round_trips(world: SimulatedWorld) -> None:
    rich = make_plan(prompt="静かな“heron” 🪶\n\0"[:-1], seed=0, negative_prompt="rain", videos=2)
    job = await world.admit_job(
        "rich",
        **{name: getattr(rich, name) for name in ("prompt", "seed", "negative_prompt", "videos")},
    )
    assert (await world.get_job(job.id)).plan == rich
