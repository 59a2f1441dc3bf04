"""Operations that outlived their time limit: asked about rarely, and brought home after all."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from bot.domain.billing.ledger import balance
from bot.domain.billing.limits import NOTHING, Amount, Limits, Policy
from bot.domain.errors import GoogleBusy, RemoteGone, SubmitUncertain
from bot.domain.jobs.job import KEPT_BY_GOOGLE, Job, JobState, Outcome
from bot.domain.jobs.request import Route
from bot.domain.ports import Failed, Pending
from bot.services.jobs.job_steps import Timing
from tests.fakes.google import FakeGoogle, Step
from tests.fakes.world import GUILD, MEMBER, PRICE, Process, World
from tests.harness.waiting import eventually

ALL, LATER = Amount(PRICE, 1, 8), timedelta(seconds=61)


@pytest.fixture
def world(world: World) -> World:
    world.timing = Timing(poll_interval_s=10.0, time_limit_s=25.0)
    return world


async def ended(world: World, job: Job, state: JobState) -> Job:
    async def over() -> Job | None:
        found = await world.job(job.id)
        return found if found.state is state and found.owner is None else None

    found = await eventually(over)
    assert found is not None
    return found


async def lost(world: World, process: Process, *, cancelled: bool = False) -> Job:
    """Return a job that Google did not end in time."""
    world.google.answer = Pending()
    world.google.gate = asyncio.Event()
    job = await process.submit(1)
    await eventually(lambda: world.google.submits)
    if cancelled:
        await world.jobs.cancel(job.id, owner=None, now=world.clock.now())
    world.google.gate.set()
    after = await ended(world, job, JobState.UNKNOWN)
    assert after.outcome is Outcome.OPERATION_LOST
    world.google.answer = world.google.gate = None
    return after


async def look(world: World, process: Process, *answers: Step) -> None:
    world.clock.skip(LATER)
    world.google.poll_script.extend(answers)
    await process.lost.look()


async def sums(world: World, job: Job) -> tuple[Amount, Amount]:
    """Return what the member and what the budgets count of a job; nothing may be reserved."""
    found = balance([entry.posting for entry in await world.ledger.entries(job.id)])
    assert found.reserved == NOTHING
    return found.member, found.house


@pytest.fixture
async def process(world: World) -> Process:
    """Give one process at work."""
    one = world.process()
    await one.worker.start()
    return one


async def test_a_success_after_the_refund_is_charged_and_delivered(
    world: World, process: Process
) -> None:
    job = await lost(world, process)
    assert await sums(world, job) == (NOTHING, ALL)
    assert [told.outcome for told in world.discord.told] == [Outcome.OPERATION_LOST]
    await look(world, process)
    after = await ended(world, job, JobState.DONE)
    assert after.outcome is Outcome.DELIVERED
    assert await sums(world, job) == (ALL, ALL)
    [(nonce, message_id, _)] = world.discord.messages
    assert (nonce, message_id) == (job.nonce, after.posted_message_id)
    assert world.google.submits == [job.id]
    assert len(world.discord.told) == 1
    assert world.discord.closed == [job.id]


async def test_it_is_asked_about_rarely_and_by_one_process(world: World, process: Process) -> None:
    job = await lost(world, process)
    other = world.process()
    asked = world.google.polled.total()
    await look(world, process, Pending())
    await process.lost.look()
    await other.lost.look()
    assert not world.google.poll_script
    assert world.google.polled.total() == asked, "nobody asks again before it is time"
    assert (await world.job(job.id)).state is JobState.UNKNOWN


async def test_another_process_takes_it_up_after_a_restart(world: World, process: Process) -> None:
    job = await lost(world, process)
    await process.worker.stop(5.0)
    later = world.process()
    await later.worker.start()
    await look(world, later)
    assert (await ended(world, job, JobState.DONE)).outcome is Outcome.DELIVERED
    assert await sums(world, job) == (ALL, ALL)


async def test_a_crash_after_it_was_found_costs_nothing(world: World, process: Process) -> None:
    job = await lost(world, process)
    taken = await world.jobs.reopen(job, owner="dead")
    assert taken is not None
    assert taken.reopened
    process.worker.attend(0)  # the tending adopts it
    assert (await ended(world, job, JobState.DONE)).outcome is Outcome.DELIVERED
    assert await sums(world, job) == (ALL, ALL)


async def test_what_google_refused_after_all_is_given_back_to_the_budgets(
    world: World, process: Process
) -> None:
    job = await lost(world, process)
    blocked = Failed(Outcome.BLOCKED, "Sensitive words.")
    await look(world, process, blocked, blocked)
    after = await ended(world, job, JobState.FAILED)
    assert (after.outcome, after.detail) == (Outcome.BLOCKED, "Sensitive words.")
    assert await sums(world, job) == (NOTHING, NOTHING)
    outcomes = [told.outcome for told in world.discord.told]
    assert outcomes == [Outcome.OPERATION_LOST, Outcome.BLOCKED]


async def test_one_that_was_cancelled_is_charged_and_not_posted(
    world: World, process: Process
) -> None:
    job = await lost(world, process, cancelled=True)
    assert job.cancel_requested
    await look(world, process)
    after = await ended(world, job, JobState.CANCELLED)
    assert after.outcome is Outcome.CANCELLED
    assert await sums(world, job) == (ALL, ALL)
    assert not world.discord.messages


async def test_a_found_clip_that_cannot_be_fetched_stays_on_the_house(
    world: World, process: Process
) -> None:
    job = await lost(world, process)
    world.google.fetch_script.append(RemoteGone("404"))
    await look(world, process)
    assert (await ended(world, job, JobState.FAILED)).outcome is Outcome.DOWNLOAD_FAILED
    assert await sums(world, job) == (NOTHING, ALL)


@pytest.mark.parametrize("fault", [RemoteGone("404"), GoogleBusy("503"), KeyError("ours")])
async def test_no_answer_changes_nothing(world: World, process: Process, fault: Exception) -> None:
    job = await lost(world, process)
    if isinstance(fault, KeyError):
        with pytest.raises(KeyError):
            await look(world, process, fault)
    else:
        await look(world, process, fault)
    assert (await world.job(job.id)).state is JobState.UNKNOWN
    await look(world, process)
    assert (await ended(world, job, JobState.DONE)).outcome is Outcome.DELIVERED


async def test_the_looking_ends_with_googles_files(world: World, process: Process) -> None:
    job = await lost(world, process)
    world.clock.skip(KEPT_BY_GOOGLE)
    await look(world, process)
    assert (await world.job(job.id)).state is JobState.UNKNOWN
    assert [each.id for each in await world.jobs.unknown(GUILD)] == [job.id]


@pytest.mark.parametrize("charge", [True, False])
async def test_a_judgement_ends_the_looking(world: World, process: Process, charge: bool) -> None:
    job = await lost(world, process)
    await world.jobs.judge(job.id, charge=charge, by=1, now=world.clock.now())
    await look(world, process)
    assert (await world.job(job.id)).state is (JobState.DONE if charge else JobState.FAILED)
    assert await world.jobs.reopen(job, owner="w") is None
    assert not world.discord.messages
    wanted = ALL if charge else NOTHING
    assert await sums(world, job) == (wanted, wanted)


async def test_a_name_that_came_too_late_finds_the_clip(world: World, process: Process) -> None:
    """Google had started it, the answer was lost, and the name arrived after the job had ended."""
    world.google.submit_script.append(SubmitUncertain("connection lost"))
    job = await ended(world, await process.submit(1), JobState.UNKNOWN)
    await look(world, process)
    assert (await world.job(job.id)).state is JobState.UNKNOWN, "there is nothing to ask for"
    operation = await world.google.submit(job.plan, job_id=job.id)
    assert not await world.jobs.name_late(job, operation)
    await look(world, process)
    assert (await ended(world, job, JobState.DONE)).outcome is Outcome.DELIVERED
    assert await sums(world, job) == (ALL, ALL)


async def test_a_lost_submit_is_looked_for_in_the_bucket(world: World) -> None:
    world.google = google = FakeGoogle(route=Route.VERTEX)
    world.findable = frozenset({Route.VERTEX})
    process = world.process()
    await process.worker.start()
    google.submit_script.append(SubmitUncertain("connection lost"))
    job = await ended(world, await process.submit(1, route=Route.VERTEX), JobState.UNKNOWN)
    google._finds = True
    google.submits.append(job.id)
    await look(world, process)
    assert (await ended(world, job, JobState.DONE)).outcome is Outcome.DELIVERED
    assert await sums(world, job) == (ALL, ALL)


def _limits(allowed: int) -> Sequence[Policy]:
    return (Policy(guild=Limits(clips_per_day=allowed)), Policy(bot=Limits(clips_per_day=allowed)))


async def test_the_budgets_have_no_room_for_it_twice(world: World, process: Process) -> None:
    """While it may yet be billed, nobody else may spend its place in the budgets."""
    await lost(world, process)
    for policy in _limits(1):
        standing = await world.ledger.standing((await world.job(1)).origin, policy=policy)
        assert [line.left for line in standing.lines] == [0]
    member = Policy(member=Limits(clips_per_day=1))
    standing = await world.ledger.standing((await world.job(1)).origin, policy=member)
    assert [line.left for line in standing.lines] == [1]
    assert (await world.job(1)).origin.user_id == MEMBER
