"""The requester is notified once and the status message is deleted, despite crashes and errors."""

import asyncio

import pytest

from bot.domain.errors import DiscordUnavailable, VideoRefused
from bot.domain.jobs.announcement import NotifyChoice
from bot.domain.jobs.job import JobState, Outcome
from tests.contract.test_process_failures import start_successor
from tests.fakes.world import MEMBER, SimulatedProcess, SimulatedWorld
from tests.harness.waiting import eventually


@pytest.fixture
async def process(world: SimulatedWorld) -> SimulatedProcess:
    return await world.start_process()


async def test_the_clips_own_post_mentions_once(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """[people-M2]"""
    job = await process.submit_job(1)
    await world.wait_for_end(job)
    assert world.discord.mentioned_jobs == [job.id]
    assert world.discord.direct_notices == []
    assert world.discord.closed_status_jobs == [job.id]


async def test_a_process_that_dies_after_the_post_leads_to_no_second_mention(
    world: SimulatedWorld,
) -> None:
    """The post is found, so neither it nor its mention is repeated. [people-M2]"""
    dying = await world.start_process()
    world.discord.answer_gate = asyncio.Event()
    job = await dying.submit_job(1)
    await world.discord.post_made.wait()
    await dying.worker.crash()
    world.discord.answer_gate = None
    await start_successor(world, dying)
    await world.wait_for_end(job)
    assert world.discord.mentioned_jobs == [job.id]
    assert world.discord.closed_status_jobs == [job.id]


async def test_a_status_that_cannot_be_deleted_now_is_deleted_later(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """The next process can do it too; the job has already ended and been charged."""
    world.discord.close_script.extend([DiscordUnavailable("503")] * 3)
    job = await process.submit_job(1)
    await world.wait_for_end(job)
    assert world.discord.closed_status_jobs == [job.id]

    world.discord.close_script.extend([DiscordUnavailable("503")] * 10_000)
    other = await process.submit_job(2)
    await world.wait_for_state(other, JobState.DONE)
    await process.worker.crash()
    world.discord.close_script.clear()
    await start_successor(world, process)
    await world.wait_for_end(other)
    assert world.discord.closed_status_jobs == [job.id, other.id]
    assert world.discord.mentioned_jobs == [job.id, other.id]


@pytest.mark.parametrize("is_blocked", [False, True])
async def test_the_members_choice_applies_to_clips_and_failures(
    world: SimulatedWorld, process: SimulatedProcess, is_blocked: bool
) -> None:
    """[people-M2]"""
    told: list[tuple[int, int]] = []
    for number, choice in enumerate(NotifyChoice):
        await world.member_preferences.save_notify_choice(MEMBER, choice)
        if is_blocked:
            error = VideoRefused("400", outcome=Outcome.BLOCKED, detail="no")
            world.google.submit_script.append(error)
        await world.wait_for_end(await process.submit_job(number))
        told.append((len(world.discord.mentioned_jobs), len(world.discord.direct_notices)))
        world.discord.mentioned_jobs.clear()
        world.discord.direct_notices.clear()
    assert told == [(1, 0), (0, 0), (0, 1), (1, 0)]


async def test_refused_direct_messages_are_remembered(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """The next clip mentions the member again; a choice made meanwhile stays. [people-M2]"""
    world.discord.accepts_direct_messages = False
    await world.member_preferences.save_notify_choice(MEMBER, NotifyChoice.DIRECT_MESSAGE)
    await world.wait_for_end(await process.submit_job(1))
    load = world.member_preferences.load_notify_choice
    assert await load(MEMBER) is NotifyChoice.DIRECT_MESSAGE_REFUSED
    await world.member_preferences.save_notify_choice(MEMBER, NotifyChoice.QUIET)
    await world.member_preferences.mark_direct_messages_refused(MEMBER)
    assert await load(MEMBER) is NotifyChoice.QUIET


async def test_cancelling_is_shown_at_once_and_pings_nobody(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """Even while Google is still working. [people-M12]"""
    world.google.answer_gate = asyncio.Event()
    job = await process.submit_job(1)
    await world.wait_for_state(job, JobState.SUBMITTING)
    await process.request_service.cancel(job.id, user_id=MEMBER, moderator=False)
    await eventually(lambda: world.discord.shown_progress[-1].job.cancel_requested)
    world.google.answer_gate.set()
    after = await world.wait_for_end(job)
    assert after.outcome is Outcome.CANCELLED
    assert world.discord.mentioned_jobs == []
