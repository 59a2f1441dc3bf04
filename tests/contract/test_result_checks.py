"""Frames of results are checked before members see them: once, and no clip is lost by an outage."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from bot.domain.billing.ledger import build_check_comment
from bot.domain.errors import CheckFailed, DatabaseUnavailable
from bot.domain.guild import GuildRules, ReviewScope
from bot.domain.jobs.job import Job, JobState, Outcome, ReviewState
from bot.domain.moderation.clip_review import ReviewDecision
from bot.domain.moderation.content_check import ContentVerdict
from bot.services.jobs import task_pool
from bot.store.billing.verification import verify_ledger
from bot.store.tables.core import ledger_table
from tests.contract.test_job_lifecycle import sum_charged, sum_member_charged
from tests.contract.test_process_failures import expire_lease
from tests.fakes.judge import BILLED, FREE, HATE, FakeJudge, build_checks
from tests.fakes.world import GUILD, MEMBER, PRICE, SimulatedProcess, SimulatedWorld
from tests.harness.waiting import eventually

STAFF, MODERATOR = 555, 42
AWAY = CheckFailed("answered 503 UNAVAILABLE", may_be_billed=False)


async def start_checking(
    world: SimulatedWorld, judge: FakeJudge, *, keep_for: timedelta | None = None, **changes: Any
) -> SimulatedProcess:
    """Start a process that lets ``judge`` rate results."""
    return await world.start_process(
        build_checks=lambda sections: build_checks(
            world, judge, critical_sections=sections, **changes
        ),
        keep_for=keep_for,
    )


async def set_staff_channel(
    world: SimulatedWorld, review_scope: ReviewScope = ReviewScope.OFF
) -> None:
    rules = GuildRules(GUILD, review_scope=review_scope, staff_channel=STAFF)
    await world.guilds.save_rules(rules, actor_id=MODERATOR, now=world.clock.now())


async def wait_for_review(world: SimulatedWorld, job: Job, review: ReviewState) -> Job:
    async def find_job() -> Job | None:
        current = await world.get_job(job.id)
        return current if current.review is review else None

    found = await eventually(find_job)
    assert found is not None
    return found


async def wait_for_retry(world: SimulatedWorld) -> None:
    """Wait until the member is told when the check is repeated."""

    async def is_told() -> bool:
        return any(
            progress.job.review is ReviewState.CHECK and progress.retry_at is not None
            for progress in world.discord.shown_progress
        )

    await eventually(is_told)


async def sum_checks(world: SimulatedWorld) -> int:
    """Return what checks cost the budgets."""
    rows = await world.database.read_rows(select(ledger_table))
    checks = [row for row in rows if row["comment"] == build_check_comment("a-model")]
    assert all((row["account"], row["job_id"]) == ("house", None) for row in checks)
    assert (await verify_ledger(world.database)).mismatches == ()
    return sum(row["micros"] for row in checks)


async def test_a_clip_is_seen_by_nobody_until_its_frames_pass(world: SimulatedWorld) -> None:
    judge = FakeJudge()
    judge.may_answer.clear()
    process = await start_checking(world, judge)
    job = await process.submit_job(1)

    async def is_asked() -> bool:
        return bool(judge.asked)

    await eventually(is_asked)
    assert (await world.get_job(job.id)).review is ReviewState.CHECK
    assert await world.clips.list_history(user_id=MEMBER, guild_id=None, limit=5) == []
    judge.may_answer.set()
    ended = await world.wait_for_end(job, JobState.DONE)
    assert (ended.outcome, ended.review) == (Outcome.DELIVERED, None)
    assert len(await world.clips.list_history(user_id=MEMBER, guild_id=None, limit=5)) == 1
    assert len(world.discord.messages) == 1
    assert [len(pictures) for pictures in judge.shown] == [3]
    assert await sum_checks(world) == BILLED


@pytest.mark.parametrize(("verdict", "detail"), [(HATE, "hate"), (ContentVerdict(None), "google")])
async def test_without_moderators_a_refused_clip_is_deleted_and_refunded(
    world: SimulatedWorld, verdict: ContentVerdict, detail: str
) -> None:
    judge = FakeJudge(verdict)
    process = await start_checking(world, judge)
    job = await process.submit_job(1)
    ended = await world.wait_for_end(job)
    assert (ended.state, ended.outcome) == (JobState.FAILED, Outcome.RESULT_REFUSED)
    assert ended.detail == detail
    assert [told.detail for told in world.discord.notified_jobs] == [detail]
    assert world.discord.messages == []
    assert await world.clips.list_for_job(job.id) == []
    assert await sum_checks(world) == BILLED
    assert await sum_charged(world) == PRICE + BILLED
    assert await sum_member_charged(world) == 0
    assert await world.ledger.sum_reserved() == 0


async def test_moderators_decide_about_a_refused_clip_and_read_why(world: SimulatedWorld) -> None:
    """Whatever the server has set for reviews."""
    await set_staff_channel(world)
    process = await start_checking(world, FakeJudge(HATE))
    job = await process.submit_job(1)
    waiting = await wait_for_review(world, job, ReviewState.WAITING)
    assert (waiting.detail, waiting.owner) == ("hate", None)
    assert len(world.review_messages.posts) == 1
    assert world.discord.messages == []
    decided = await world.reviews.decide(
        job.id,
        ReviewDecision.POST,
        actor_id=MODERATOR,
        owner=process.worker.worker_id,
        now=world.clock.now(),
    )
    assert decided is not None
    process.worker.resume_jobs()
    ended = await world.wait_for_end(job, JobState.DONE)
    assert (ended.outcome, ended.detail) == (Outcome.DELIVERED, None)
    assert len(world.discord.messages) == 1


async def test_a_clip_that_passes_is_reviewed_if_the_server_wants_that(
    world: SimulatedWorld,
) -> None:
    await set_staff_channel(world, ReviewScope.EVERYONE)
    process = await start_checking(world, FakeJudge())
    waiting = await wait_for_review(world, await process.submit_job(1), ReviewState.WAITING)
    assert waiting.detail is None
    assert len(world.review_messages.posts) == 1


async def test_an_outage_of_the_model_only_delays_a_clip(world: SimulatedWorld) -> None:
    judge = FakeJudge(AWAY)
    process = await start_checking(world, judge, keep_for=timedelta(days=1))
    job = await process.submit_job(1)
    await wait_for_retry(world)
    assert world.discord.messages == []
    judge.answer = FREE
    ended = await world.wait_for_end(job, JobState.DONE)
    assert ended.outcome is Outcome.DELIVERED
    assert len(judge.asked) >= 2
    assert await sum_checks(world) == BILLED


async def test_without_a_verdict_moderators_decide_if_there_are_any(world: SimulatedWorld) -> None:
    process = await start_checking(world, FakeJudge(AWAY))
    job = await process.submit_job(1)
    await wait_for_retry(world)
    await set_staff_channel(world)
    waiting = await wait_for_review(world, job, ReviewState.WAITING)
    assert waiting.detail == "away"
    assert await sum_checks(world) == 0


async def test_the_operator_may_accept_unchecked_clips(world: SimulatedWorld) -> None:
    process = await start_checking(world, FakeJudge(AWAY), accepts_unchecked=True)
    ended = await world.wait_for_end(await process.submit_job(1), JobState.DONE)
    assert ended.outcome is Outcome.DELIVERED


async def test_nothing_is_asked_while_paid_calls_are_forbidden(world: SimulatedWorld) -> None:
    judge = FakeJudge()
    process = await start_checking(world, judge, paid_calls=False)
    await process.submit_job(1)
    await wait_for_retry(world)
    assert judge.asked == []


async def test_a_clip_that_stays_unchecked_ends_with_its_file(world: SimulatedWorld) -> None:
    process = await start_checking(world, FakeJudge(AWAY), keep_for=timedelta(days=-30))
    job = await process.submit_job(1)
    ended = await world.wait_for_end(job)
    assert (ended.state, ended.outcome) == (JobState.FAILED, Outcome.RESULT_UNCHECKED)
    assert await world.ledger.sum_reserved() == 0
    assert await sum_charged(world) == PRICE
    assert await sum_member_charged(world) == 0


async def test_a_member_withdraws_a_clip_that_waits_for_its_check(world: SimulatedWorld) -> None:
    process = await start_checking(world, FakeJudge(AWAY))
    job = await process.submit_job(1)
    await wait_for_retry(world)
    assert (
        await process.request_service.cancel(job.id, user_id=MEMBER, moderator=False) == "withdrawn"
    )
    ended = await world.wait_for_end(job)
    assert ended.outcome is Outcome.REVIEW_WITHDRAWN
    assert world.discord.messages == []


async def test_a_kill_between_the_verdict_and_its_record_asks_once(
    world: SimulatedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, reached = FakeJudge(HATE), asyncio.Event()
    end_check = world.reviews.end_check

    async def hang(*_: object, **__: object) -> Job:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(world.reviews, "end_check", hang)
    process = await start_checking(world, judge)
    job = await process.submit_job(1)
    await reached.wait()
    await process.worker.crash()
    await expire_lease(world, process.worker.worker_id)
    monkeypatch.setattr(world.reviews, "end_check", end_check)
    await start_checking(world, judge)
    ended = await world.wait_for_end(job)
    assert ended.outcome is Outcome.RESULT_REFUSED
    assert len(judge.asked) == 1
    assert await sum_checks(world) == BILLED


async def test_a_lost_answer_of_the_database_neither_asks_nor_decides_twice(
    world: SimulatedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge, end_check = FakeJudge(), world.reviews.end_check
    lost = [DatabaseUnavailable("the answer was lost")]

    async def lose_answer(*arguments: Any, **options: Any) -> Job:
        job = await end_check(*arguments, **options)
        if lost:
            raise lost.pop()
        return job

    monkeypatch.setattr(world.reviews, "end_check", lose_answer)
    process = await start_checking(world, judge)
    await world.wait_for_end(await process.submit_job(1), JobState.DONE)
    assert len(judge.asked) == 1
    assert len(world.discord.messages) == 1


@pytest.mark.parametrize("has_staff", [False, True])
async def test_a_check_that_always_fails_by_a_bug_shows_no_clip(
    world: SimulatedWorld, monkeypatch: pytest.MonkeyPatch, has_staff: bool
) -> None:
    monkeypatch.setattr(task_pool, "MAX_UNEXPECTED_FAILURES", 1)
    if has_staff:
        await set_staff_channel(world)

    async def fail(*_: object, **__: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(world.transcoder, "extract_frames", fail)
    process = await start_checking(world, FakeJudge())
    job = await process.submit_job(1)
    if has_staff:
        await wait_for_review(world, job, ReviewState.WAITING)
    else:
        ended = await world.wait_for_end(job)
        assert ended.outcome is Outcome.RESULT_UNCHECKED
    assert world.discord.messages == []
