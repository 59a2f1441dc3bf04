"""Clips that moderators see first: shown once, decided once, paid once, on both databases."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from bot.domain.billing.ledger import EntryKind, LedgerAccount
from bot.domain.errors import ChannelUnavailable, LeaseLost
from bot.domain.guild import GuildRules, ReviewScope
from bot.domain.jobs.job import Job, JobState, Outcome, ReviewState
from bot.domain.jobs.request import GenerationMode
from bot.domain.moderation.clip_review import ReviewDecision
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.jobs import task_pool
from bot.services.moderation.clip_reviews import ClipReviewService
from bot.store.billing.verification import verify_ledger
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.tables.moderation import reviews_table
from tests.fakes.world import GUILD, MEMBER, PRICE, SimulatedProcess, SimulatedWorld
from tests.harness.waiting import eventually

STAFF, OTHER_STAFF, MODERATOR = 555, 556, 42


async def require_review(world: SimulatedWorld, staff_channel: int | None = STAFF) -> None:
    rules = GuildRules(GUILD, review_scope=ReviewScope.EVERYONE, staff_channel=staff_channel)
    await world.guilds.save_rules(rules, actor_id=MODERATOR, now=world.clock.now())


async def wait_for_review(world: SimulatedWorld, job: Job) -> Job:
    async def find_waiting() -> Job | None:
        current = await world.get_job(job.id)
        return current if current.review is ReviewState.WAITING else None

    waiting = await eventually(find_waiting)
    assert waiting is not None
    return waiting


def build_service(
    process: SimulatedProcess, keep_for: timedelta | None = None
) -> ClipReviewService:
    world = process.world
    return ClipReviewService(
        reviews=world.reviews,
        jobs=world.jobs,
        messages=world.review_messages,
        server_rules=ServerRulesService(guilds=world.guilds, clock=world.clock),
        worker=process.worker,
        clock=world.clock,
        keep_for=keep_for,
    )


async def decide(process: SimulatedProcess, job: Job, decision: ReviewDecision) -> bool:
    earlier = await build_service(process).decide(
        job.id, decision, actor_id=MODERATOR, guild_id=GUILD, message=None
    )
    return earlier is None


async def test_a_waiting_clip_has_no_owner_no_post_and_no_reader(world: SimulatedWorld) -> None:
    """It takes no place among the jobs at once, is adopted by nobody, and is posted once."""
    await require_review(world)
    process = await world.start_process()
    job = await process.submit_job(1)
    waiting = await wait_for_review(world, job)
    assert (waiting.state, waiting.owner) == (JobState.POSTING, None)
    assert world.discord.messages == []
    [clip] = await world.clips.list_for_job(job.id)
    assert await world.clips.get(clip.id) is None
    assert await world.clips.find_for_link(clip.id) == clip
    assert clip.withheld
    assert await world.clips.list_history(user_id=MEMBER, guild_id=None, limit=5) == []
    assert await world.clips.list_lineage(clip.id, limit=5) == []
    assert await world.jobs.adopt_orphans("another", limit=10) == []

    assert await decide(process, job, ReviewDecision.POST)
    ended = await world.wait_for_end(job, JobState.DONE)
    assert ended.outcome is Outcome.DELIVERED
    assert len(world.discord.messages) == 1
    assert len(world.review_messages.posts) == 1
    shown = await world.clips.get(clip.id)
    assert shown is not None
    assert (shown.withheld, shown.spoiler) == (False, False)
    assert await world.clips.find_for_link(clip.id) == shown
    [(_, review, decided_by)] = world.review_messages.decided
    assert (review, decided_by) == (ReviewState.POST, MODERATOR)


@pytest.mark.parametrize(
    ("decision", "state", "outcome", "paid"),
    [
        (ReviewDecision.REFUSE, JobState.FAILED, Outcome.REVIEW_REFUSED, 0),
        (ReviewDecision.REFUSE_CHARGED, JobState.DONE, Outcome.REVIEW_REFUSED, PRICE),
        (ReviewDecision.WITHDRAW, JobState.DONE, Outcome.REVIEW_WITHDRAWN, PRICE),
    ],
)
async def test_a_clip_that_is_not_posted_is_deleted_and_settled(
    world: SimulatedWorld, decision: ReviewDecision, state: JobState, outcome: Outcome, paid: int
) -> None:
    await require_review(world)
    process = await world.start_process()
    job = await wait_for_review(world, await process.submit_job(1))
    assert await decide(process, job, decision)
    ended = await world.wait_for_end(job)
    assert (ended.state, ended.outcome) == (state, outcome)
    assert world.discord.messages == []
    assert await world.clips.list_for_job(job.id) == []
    postings = [entry.posting for entry in await world.ledger.list_entries(job.id)]
    assert paid == sum(
        posting.amount.micros
        for posting in postings
        if posting.kind is EntryKind.SETTLE
        or (posting.kind is EntryKind.ADJUST and posting.account is LedgerAccount.MEMBER)
    )
    assert await world.ledger.sum_reserved() == 0
    assert (await verify_ledger(world.database)).mismatches == ()
    [notified] = world.discord.notified_jobs
    assert notified.outcome is outcome
    [entry, *_] = await ShowcaseSettingsStore(world.database).list_audit_entries(GUILD, limit=5)
    assert entry.action == f"review_{decision}"


async def test_links_to_a_refused_clip_end_with_the_decision(world: SimulatedWorld) -> None:
    """And not with its file and its row, which the job's task deletes afterwards."""
    await require_review(world)
    process = await world.start_process()
    job = await wait_for_review(world, await process.submit_job(1))
    [clip] = await world.clips.list_for_job(job.id)
    decided = await world.reviews.decide(
        job.id,
        ReviewDecision.REFUSE,
        actor_id=MODERATOR,
        owner="a process that does not go on",
        now=world.clock.now(),
    )
    assert decided is not None
    assert await world.clips.list_for_job(job.id) == [clip]
    assert await world.clips.find_for_link(clip.id) is None


async def test_what_is_made_from_a_clip_behind_a_spoiler_is_behind_one(
    world: SimulatedWorld,
) -> None:
    await require_review(world)
    process = await world.start_process()
    job = await wait_for_review(world, await process.submit_job(1))
    assert await decide(process, job, ReviewDecision.SPOILER)
    await world.wait_for_end(job, JobState.DONE)
    [clip] = await world.clips.list_for_job(job.id)
    assert (clip.withheld, clip.spoiler) == (False, True)

    await world.guilds.save_rules(
        GuildRules(GUILD, review_scope=ReviewScope.OFF), actor_id=MODERATOR, now=world.clock.now()
    )
    extension = await process.submit_job(2, mode=GenerationMode.EXTENSION, source=clip.as_source())
    await world.wait_for_end(extension, JobState.DONE)
    [extended] = await world.clips.list_for_job(extension.id)
    assert extended.spoiler


async def test_of_decisions_at_once_in_two_processes_one_counts(world: SimulatedWorld) -> None:
    await require_review(world)
    first, second = await world.start_process(), await world.start_process()
    job = await wait_for_review(world, await first.submit_job(1))
    answers = await asyncio.gather(
        decide(first, job, ReviewDecision.POST),
        decide(second, job, ReviewDecision.REFUSE),
        decide(first, job, ReviewDecision.SPOILER),
        decide(second, job, ReviewDecision.REFUSE_CHARGED),
    )
    assert answers.count(True) == 1
    ended = await world.wait_for_end(job)
    assert len(world.discord.messages) == (ended.outcome is Outcome.DELIVERED)
    assert await world.ledger.sum_reserved() == 0
    entries = await ShowcaseSettingsStore(world.database).list_audit_entries(GUILD, limit=9)
    assert len(entries) == 1


async def test_a_decision_before_the_record_of_the_message_fences_its_process(
    world: SimulatedWorld,
) -> None:
    """The process that showed the clip changes nothing more, and the message is known."""
    await require_review(world)
    process = await world.start_process()
    job = await wait_for_review(world, await process.submit_job(1))
    [again] = await world.reviews.ask_again(GUILD, staff_channel=OTHER_STAFF, owner="elsewhere")
    assert again.review is ReviewState.DUE
    decided = await world.reviews.decide(
        job.id,
        ReviewDecision.POST,
        actor_id=MODERATOR,
        owner="third",
        now=world.clock.now(),
        message=(OTHER_STAFF, 1),
    )
    assert decided is not None
    with pytest.raises(LeaseLost):
        await world.reviews.begin_waiting(again)
    review = await world.reviews.get(job.id)
    assert review is not None
    assert review.decided_by == MODERATOR


async def test_a_kill_after_the_decision_posts_once(world: SimulatedWorld) -> None:
    await require_review(world)
    process = await world.start_process()
    job = await wait_for_review(world, await process.submit_job(1))
    await process.worker.crash()
    await world.reviews.decide(
        job.id, ReviewDecision.POST, actor_id=1, owner="dead", now=world.clock.now()
    )
    await world.start_process()
    await world.wait_for_end(job, JobState.DONE)
    assert len(world.discord.messages) == 1


async def test_a_clip_that_cannot_be_shown_waits_for_another_staff_channel(
    world: SimulatedWorld,
) -> None:
    await require_review(world)
    world.review_messages.refusals.append(ChannelUnavailable("gone"))
    process = await world.start_process()
    job = await wait_for_review(world, await process.submit_job(1))
    service = build_service(process)
    assert (await service.load_status(GUILD)).unseen == 1
    status = await service.change_rules(GUILD, actor_id=MODERATOR, staff_channel=OTHER_STAFF)
    assert status.rules.staff_channel == OTHER_STAFF

    async def is_shown() -> bool:
        return bool(world.review_messages.posts)

    await eventually(is_shown)
    [(_, channel_id, _)] = world.review_messages.posts
    assert channel_id == OTHER_STAFF
    await wait_for_review(world, job)


async def test_an_age_restricted_clip_waits_for_an_age_restricted_staff_channel(
    world: SimulatedWorld,
) -> None:
    """The staff is told once, without the clip, and Discord being away changes nothing."""
    messages = world.review_messages
    messages.age_failures = 2
    await require_review(world)
    process = await world.start_process()
    job = await wait_for_review(world, await process.submit_job(1, age_restricted=True))
    service = build_service(process)
    assert messages.notices == [(job.id, STAFF)]
    assert (await service.load_status(GUILD)).unseen == 1
    await service.run_once()
    await wait_for_review(world, job)
    assert (messages.posts, len(messages.notices)) == ([], 1)

    messages.adult_channels.add(STAFF)
    await service.show_waiting(GUILD, OTHER_STAFF)
    assert (await world.get_job(job.id)).review is ReviewState.WAITING
    await service.show_waiting(GUILD, STAFF)

    async def is_shown() -> bool:
        return bool(messages.posts)

    await eventually(is_shown)
    await wait_for_review(world, job)
    assert (await service.load_status(GUILD)).unseen == 0
    assert messages.posts == [(job.id, STAFF, 7000)]
    assert messages.deleted == [(STAFF, 7501)]

    # in a channel for everybody it would be hidden, so it stays where it can be decided
    await service.change_rules(GUILD, actor_id=MODERATOR, staff_channel=OTHER_STAFF)
    await wait_for_review(world, job)
    assert (len(messages.posts), len(messages.notices)) == (1, 1)
    assert await decide(process, job, ReviewDecision.POST)
    await world.wait_for_end(job)
    assert messages.decided == [(7000, ReviewState.POST, MODERATOR)]


async def test_a_notice_about_a_hidden_clip_says_how_it_ended(world: SimulatedWorld) -> None:
    await require_review(world)
    process = await world.start_process()
    job = await wait_for_review(world, await process.submit_job(1, age_restricted=True))
    assert await decide(process, job, ReviewDecision.EXPIRE)
    await world.wait_for_end(job)
    assert [message for message, *_ in world.review_messages.decided] == [7501]


async def test_a_clip_nobody_decides_on_ends_with_its_file(world: SimulatedWorld) -> None:
    """Its member is refunded. With files that are kept for ever it waits for ever."""
    await require_review(world)
    process = await world.start_process()
    job = await wait_for_review(world, await process.submit_job(1))
    await build_service(process).run_once()
    assert (await world.get_job(job.id)).is_under_review
    await build_service(process, keep_for=timedelta(days=-30)).run_once()
    ended = await world.wait_for_end(job)
    assert (ended.state, ended.outcome) == (JobState.FAILED, Outcome.REVIEW_EXPIRED)
    assert await world.ledger.sum_reserved() == 0
    assert world.discord.messages == []


async def test_a_member_withdraws_by_canceling(world: SimulatedWorld) -> None:
    await require_review(world)
    process = await world.start_process()
    job = await wait_for_review(world, await process.submit_job(1))
    result = await process.request_service.cancel(job.id, user_id=MEMBER, moderator=False)
    assert result == "withdrawn"
    ended = await world.wait_for_end(job)
    assert ended.outcome is Outcome.REVIEW_WITHDRAWN


async def test_withdrawing_too_late_leaves_the_clip_to_the_process_of_the_decision(
    world: SimulatedWorld,
) -> None:
    """Otherwise two processes would deliver it under one epoch."""
    await require_review(world)
    process = await world.start_process()
    job = await wait_for_review(world, await process.submit_job(1))
    await world.reviews.ask_again(GUILD, staff_channel=OTHER_STAFF, owner="another")
    due = await world.get_job(job.id)
    task = process.job_task_factory.build_job_task(due, process.worker.lease, just_claimed=False)
    task.running_job.request_cancel()
    await world.reviews.decide(
        job.id, ReviewDecision.POST, actor_id=1, owner="another", now=world.clock.now()
    )
    with pytest.raises(LeaseLost):
        await task.run()
    assert world.discord.messages == []


async def test_a_message_that_was_not_recorded_loses_its_clip_with_the_decision(
    world: SimulatedWorld,
) -> None:
    """The process died after the post. The member withdraws without pressing its buttons."""
    await require_review(world)
    process = await world.start_process()
    job = await wait_for_review(world, await process.submit_job(1))
    await world.database.write(
        lambda connection: connection.execute(
            update(reviews_table).values(channel_id=None, message_id=None)
        )
    )
    await process.request_service.cancel(job.id, user_id=MEMBER, moderator=False)
    await world.wait_for_end(job)
    [(_, _, message_id)] = world.review_messages.posts
    assert [shown for shown, *_ in world.review_messages.decided] == [message_id]


async def test_a_message_that_appears_after_the_decision_loses_its_clip(
    world: SimulatedWorld,
) -> None:
    """It was still being posted when the member withdrew."""
    await require_review(world)
    post_review = world.review_messages.post_review
    process = await world.start_process()

    async def withdraw_meanwhile(job: Job, *arguments: Any, **options: Any) -> int:
        await process.request_service.cancel(job.id, user_id=MEMBER, moderator=False)
        return await post_review(job, *arguments, **options)

    world.review_messages.post_review = withdraw_meanwhile  # type: ignore[method-assign]
    job = await process.submit_job(1)
    await world.wait_for_end(job)
    [(_, _, message_id)] = world.review_messages.posts
    assert (message_id, ReviewState.WITHDRAW) in [
        (shown, review) for shown, review, _ in world.review_messages.decided
    ]


async def test_pressing_a_button_that_was_left_over_takes_the_clip_away(
    world: SimulatedWorld,
) -> None:
    """Discord had not accepted the change of the message."""
    await require_review(world)
    process = await world.start_process()
    job = await wait_for_review(world, await process.submit_job(1))
    world.review_messages.edit_failures = 99
    assert await decide(process, job, ReviewDecision.REFUSE)
    await world.wait_for_end(job)
    assert world.review_messages.decided == []
    world.review_messages.edit_failures = 0
    earlier = await build_service(process).decide(
        job.id, ReviewDecision.POST, actor_id=7, guild_id=GUILD, message=(STAFF, 7000)
    )
    assert earlier is not None
    assert world.review_messages.decided == [(7000, ReviewState.REFUSE, MODERATOR)]
    assert world.discord.messages == []


@pytest.mark.parametrize("is_refused", [False, True])
async def test_a_bug_never_ends_in_a_charge_for_a_clip_that_nobody_can_see(
    world: SimulatedWorld, monkeypatch: pytest.MonkeyPatch, is_refused: bool
) -> None:
    """An undecided clip waits for its moderators, and a refused one is refunded."""
    monkeypatch.setattr(task_pool, "MAX_UNEXPECTED_FAILURES", 1)
    await require_review(world)

    async def fail(*_: object, **__: object) -> int:
        raise ValueError("a bug")

    process = await world.start_process()
    if is_refused:
        job = await wait_for_review(world, await process.submit_job(1))
        monkeypatch.setattr(world.clips, "delete_for_job", fail)
        assert await decide(process, job, ReviewDecision.REFUSE)
        ended = await world.wait_for_end(job)
        assert (ended.state, ended.outcome) == (JobState.FAILED, Outcome.REVIEW_REFUSED)
    else:
        monkeypatch.setattr(world.review_messages, "post_review", fail)
        job = await wait_for_review(world, await process.submit_job(1))
        assert (await build_service(process).load_status(GUILD)).unseen == 1
    assert world.discord.messages == []
