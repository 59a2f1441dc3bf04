"""Drafts of one request: accepted together, posted once by the last, and deleted after a day."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot.domain.billing.limits import SpendingPolicy, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.errors import LeaseLost, LimitReached
from bot.domain.jobs.job import AdmissionRequest, Job, JobState
from bot.domain.jobs.request import TakesOrder, VideoPlan
from bot.services.clips.draft_expiry import DraftExpiry
from bot.store.jobs.admission import Admission
from bot.store.jobs.takes import TakesStore
from bot.store.tables.core import clips_table
from tests.contract.test_process_failures import start_successor
from tests.fakes.world import PRICE, SimulatedProcess, SimulatedWorld, make_origin, make_plan
from tests.harness.waiting import eventually


def make_takes_plan(count: int = 3, **changes: Any) -> VideoPlan:
    order = TakesOrder(count, Micros(4 * PRICE))
    return make_plan(videos=count, price=Micros(count * PRICE), takes=order, **changes)


async def wait_for_post(world: SimulatedWorld, first: Job) -> list[Job]:
    """Wait until all drafts are announced, and return them."""

    async def find_closed() -> list[Job] | None:
        takes = await world.jobs.list_takes(first)
        return takes if all(take.takes_poster == 0 for take in takes) else None

    found = await eventually(find_closed, what="the drafts being announced")
    assert found is not None
    return found


async def make_takes(
    world: SimulatedWorld, process: SimulatedProcess, key: int = 1, count: int = 3
) -> list[Job]:
    origin = make_origin(key)
    accepted = await process.request_service.submit(make_takes_plan(count), origin)
    return await wait_for_post(world, accepted.job)


async def test_drafts_are_accepted_together_or_not_at_all(world: SimulatedWorld) -> None:
    """All count for the quota; together they are one of the jobs at once."""
    world.policy = SpendingPolicy(member=UsageLimits(clips_per_day=5, jobs_at_once=1))
    asked = AdmissionRequest(make_takes_plan(4), make_origin(1))
    [answer] = await world.jobs.admit_requests([asked], policy=world.policy, owner=None)
    assert isinstance(answer, Admission)
    takes = await world.jobs.list_takes(answer.job)
    assert [take.take_number for take in takes] == [1, 2, 3, 4]
    assert [take.price for take in takes] == [PRICE] * 4
    assert len({take.origin.dedupe_key for take in takes}) == 4
    world.policy = SpendingPolicy(member=UsageLimits(clips_per_day=5))
    other = AdmissionRequest(make_takes_plan(2), make_origin(2))
    [refusal] = await world.jobs.admit_requests([other], policy=world.policy, owner=None)
    assert isinstance(refusal, LimitReached)
    assert await world.jobs.find_by_key(make_origin(2).dedupe_key) is None


async def test_the_last_draft_posts_for_all_in_the_name_of_the_first(
    world: SimulatedWorld,
) -> None:
    takes = await make_takes(world, await world.start_process())
    [(nonce, message_id, clip_ids)] = world.discord.messages
    assert nonce == takes[0].post_nonce
    assert len(clip_ids) == 3
    assert {take.posted_message_id for take in takes} == {message_id}
    assert world.discord.mentioned_jobs == [takes[0].id]
    assert world.discord.closed_status_jobs == [takes[0].id]
    clips = await world.clips.list_for_request(takes[0])
    assert all(clip.message_id == message_id and clip.draft_until for clip in clips)
    assert await world.clips.find_by_message(message_id) is None


async def test_a_poster_that_dies_after_the_post_is_followed_by_one_that_finds_it(
    world: SimulatedWorld,
) -> None:
    dying = await world.start_process()
    world.discord.answer_gate = asyncio.Event()
    accepted = await dying.request_service.submit(make_takes_plan(), make_origin(1))
    await world.discord.post_made.wait()
    await dying.worker.crash()
    world.discord.answer_gate = None
    await start_successor(world, dying)
    await wait_for_post(world, accepted.job)
    assert len(world.discord.messages) == 1
    assert world.discord.mentioned_jobs == [accepted.job.id]


async def test_of_two_drafts_that_end_at_once_one_posts(world: SimulatedWorld) -> None:
    asked = AdmissionRequest(make_takes_plan(2), make_origin(1))
    [answer] = await world.jobs.admit_requests([asked], policy=world.policy, owner="w")
    assert isinstance(answer, Admission)
    store = TakesStore(world.database)
    ended = await store.cancel(answer.job, owner="w", now=world.clock.now(), audit_entry=None)
    assert {take.state for take in ended} == {JobState.CANCELLED}
    answers = await asyncio.gather(*(store.choose_poster(take) for take in ended))
    assert sorted(answer is None for answer in answers) == [False, True]
    poster = next(job for job, takes in zip(ended, answers, strict=True) if takes is not None)
    assert await store.choose_poster(poster) is not None
    with pytest.raises(LeaseLost):
        await store.record_post(replace(poster, epoch=poster.epoch + 1), 5)
    await store.close(poster)
    await store.close(poster)  # the answer to the first call was lost
    assert all(take.owner is None for take in await world.jobs.list_takes(poster))


class RecordedMessages:
    """Notes which clips are left in a message."""

    def __init__(self) -> None:
        self.kept: list[list[int]] = []

    async def remove_drafts(self, first: Job, kept: list[Clip]) -> None:
        self.kept.append([clip.id for clip in kept])


async def test_after_a_day_only_the_chosen_draft_is_kept(world: SimulatedWorld) -> None:
    process = await world.start_process()
    takes = await make_takes(world, process)
    clips = await world.clips.list_for_request(takes[0])
    full = make_plan(full_take=clips[1].id)
    await process.request_service.submit(full, make_origin("full"))
    messages = RecordedMessages()
    expiry = DraftExpiry(
        takes=TakesStore(world.database),
        jobs=world.jobs,
        clips=world.clips,
        messages=messages,  # type: ignore[arg-type]
        originals=AnyOriginals(),  # type: ignore[arg-type]
        clock=world.clock,
    )
    await expiry.run_once()
    assert messages.kept == []
    long_ago = clips[0].created_at - timedelta(days=2)
    is_draft = clips_table.c.draft_until.is_not(None)
    statement = update(clips_table).where(is_draft).values(draft_until=long_ago)
    await world.database.write(lambda connection: connection.execute(statement))
    await expiry.run_once()
    await expiry.run_once()
    assert messages.kept == [[clips[1].id]]
    assert [clip.id for clip in await world.clips.list_for_request(takes[0])] == [clips[1].id]


class AnyOriginals:
    """Deletes no files."""

    async def remove_files(self, clip: Clip) -> None:
        """Do nothing."""
