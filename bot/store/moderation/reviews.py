"""Clips that moderators see first: what they are shown, and the one decision about each.

A decision is one change of a job that nobody has decided about yet. So of two moderators only one
decides, whichever process receives the press. It gives the job a new owner and epoch. A process
that was still showing the clip to the moderators then changes nothing more.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import LeaseLost
from bot.domain.jobs.job import UNDECIDED_REVIEWS, Job, JobState, ReviewState
from bot.domain.moderation.clip_review import ReviewDecision
from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.store.engine.database import Store
from bot.store.engine.types import database_time
from bot.store.engine.upserts import insert_if_absent
from bot.store.jobs.transitions import fetch_job
from bot.store.showcase.audit_log import write_audit_entry
from bot.store.tables.core import clips_table, guilds_table, jobs_table, reposts_table
from bot.store.tables.moderation import reviews_table
from bot.store.tables.row_mapping import jobs_from_rows

_jobs = jobs_table.c
_reviews = reviews_table.c
_guilds = guilds_table.c
_LETTING_PASS = (ReviewDecision.POST, ReviewDecision.SPOILER)


@dataclass(frozen=True, slots=True)
class ClipReview:
    """The message for the moderators, if it was posted, and who decided.

    ``decided_by`` is `None` before a decision, and if no person made it.
    """

    job_id: int
    guild_id: int
    requested_at: datetime
    channel_id: int | None = None
    message_id: int | None = None
    decided_by: int | None = None
    decided_at: datetime | None = None


class ReviewStore(Store):
    """The rows of reviews; ``jobs.review`` has the state of each."""

    async def get(self, job_id: int) -> ClipReview | None:
        rows = await self._db.read_rows(select(reviews_table).where(_reviews.job_id == job_id))
        return ClipReview(**rows[0]) if rows else None

    async def record_message(self, job_id: int, channel_id: int, message_id: int) -> None:
        """Record the message for the moderators, whoever owns the job by now.

        It is deleted with the clip, as the other messages that show it are.
        """

        await self._db.write(
            lambda connection: _record_message(connection, job_id, channel_id, message_id)
        )

    async def end_check(
        self, job: Job, review: ReviewState | None, *, finding: str | None = None
    ) -> Job:
        """Record what follows the check of a job's clips; `None` lets them pass.

        Raises `LeaseLost`.
        """
        is_own = and_(_is_same(job), _jobs.owner == job.owner)

        async def write_review(connection: AsyncConnection) -> Job:
            checked = await fetch_job(
                connection,
                update(jobs_table)
                .where(is_own, _jobs.review == ReviewState.CHECK)
                .values(review=review, detail=finding)
                .returning(*_jobs),
            )
            if checked is None:  # the answer to an earlier attempt may have been lost
                is_written = _jobs.review.is_not_distinct_from(review)
                checked = await fetch_job(connection, select(jobs_table).where(is_own, is_written))
            if checked is None:
                raise LeaseLost(f"job {job.id} is no longer to be checked under {job.epoch}")
            if review is None:
                await _show_clips(connection, job.id)
            elif review is ReviewState.DUE:
                await insert_review(connection, job)
            return checked

        return await self._db.write(write_review)

    async def begin_waiting(self, job: Job) -> Job:
        """Leave the job to the moderators, without an owner. Raises `LeaseLost`."""

        async def give_up_job(connection: AsyncConnection) -> Job:
            is_own = and_(_jobs.owner == job.owner, _jobs.review == ReviewState.DUE)
            waiting = await fetch_job(
                connection,
                update(jobs_table)
                .where(_is_same(job), is_own)
                .values(owner=None, review=ReviewState.WAITING)
                .returning(*_jobs),
            )
            if waiting is None:  # the answer to an earlier attempt may have been lost
                has_left = and_(_jobs.owner.is_(None), _jobs.review == ReviewState.WAITING)
                waiting = await fetch_job(
                    connection, select(jobs_table).where(_is_same(job), has_left)
                )
            if waiting is None:
                raise LeaseLost(f"job {job.id} is no longer to be reviewed under {job.epoch}")
            return waiting

        return await self._db.write(give_up_job)

    async def decide(
        self,
        job_id: int,
        decision: ReviewDecision,
        *,
        actor_id: int | None,
        owner: str,
        now: datetime,
        message: tuple[int, int] | None = None,
    ) -> Job | None:
        """Decide about a clip and give its job to the worker ``owner``.

        ``message`` is the moderators' (channel, message), which may not be recorded yet. Returns
        `None` if the clip is not under review (any more).
        """

        async def write_decision(connection: AsyncConnection) -> Job | None:
            job = await fetch_job(
                connection,
                update(jobs_table)
                .where(
                    _jobs.id == job_id,
                    _jobs.state == JobState.POSTING,
                    _jobs.review.in_(UNDECIDED_REVIEWS),
                )
                .values(review=decision.state, owner=owner, epoch=_jobs.epoch + 1)
                .returning(*_jobs),
            )
            if job is None:
                return None
            await connection.execute(
                update(reviews_table)
                .where(_reviews.job_id == job_id)
                .values(decided_by=actor_id, decided_at=now)
            )
            if message is not None:
                await _record_message(connection, job_id, *message, only_if_none=True)
            if decision in _LETTING_PASS:
                await _show_clips(connection, job_id, spoiler=decision is ReviewDecision.SPOILER)
            if job.origin.guild_id is not None:
                clip_id = await connection.scalar(
                    select(func.min(clips_table.c.id)).where(clips_table.c.job_id == job_id)
                )
                entry = AuditEntry(
                    job.origin.guild_id,
                    actor_id,
                    AuditAction(f"review_{decision}"),
                    now,
                    clip_id=clip_id,
                    target_user_id=job.origin.user_id,
                )
                await write_audit_entry(connection, entry)
            return job

        return await self._db.write(write_decision)

    async def ask_again(self, guild_id: int, *, staff_channel: int, owner: str) -> list[Job]:
        """Let clips be shown again that have no message in the staff channel; return their jobs."""
        is_shown = and_(
            _reviews.job_id == _jobs.id,
            _reviews.message_id.is_not(None),
            _reviews.channel_id == staff_channel,
        )
        unseen = and_(_jobs.guild_id == guild_id, ~select(1).where(is_shown).exists())
        return await self._reclaim(unseen, owner)

    async def list_unseen_guilds(self) -> list[tuple[int, int]]:
        """Return servers with clips that no moderator was shown, and their staff channels."""
        query = (
            select(_jobs.guild_id, _guilds.staff_channel)
            .join(reviews_table, _reviews.job_id == _jobs.id)
            .join(guilds_table, _guilds.id == _jobs.guild_id)
            .where(_is_waiting(), _reviews.message_id.is_(None), _guilds.staff_channel.is_not(None))
            .distinct()
        )
        return [(row["guild_id"], row["staff_channel"]) for row in await self._db.read_rows(query)]

    async def list_expired(self, *, after_s: float) -> list[int]:
        """Return the jobs that wait for longer than ``after_s``, by the database's clock."""
        query = (
            select(_jobs.id)
            .join(reviews_table, _reviews.job_id == _jobs.id)
            .where(_is_waiting(), _reviews.requested_at < database_time(-after_s))
        )
        return await self._db.read_scalars(query)

    async def count_waiting(self, guild_id: int) -> tuple[int, int]:
        """Return how many clips of a server wait, and how many of these no moderator was shown."""
        query = (
            select(_reviews.message_id)
            .join(jobs_table, _reviews.job_id == _jobs.id)
            .where(_is_waiting(), _jobs.guild_id == guild_id)
        )
        message_ids = await self._db.read_scalars(query)
        return len(message_ids), message_ids.count(None)

    async def forget_channel(self, channel_id: int) -> None:
        """Record that a channel and its messages are gone."""
        await self._db.execute(
            update(reviews_table)
            .where(_reviews.channel_id == channel_id, _reviews.decided_at.is_(None))
            .values(channel_id=None, message_id=None)
        )

    async def _reclaim(self, condition: ColumnElement[bool], owner: str) -> list[Job]:
        statement = (
            update(jobs_table)
            .where(_is_waiting(), condition)
            .values(review=ReviewState.DUE, owner=owner, epoch=_jobs.epoch + 1)
            .returning(*_jobs)
        )

        async def take_jobs(connection: AsyncConnection) -> Sequence[Any]:
            return (await connection.execute(statement)).mappings().all()

        return jobs_from_rows(await self._db.write(take_jobs))


async def insert_review(connection: AsyncConnection, job: Job) -> None:
    """Write that moderators are asked about a job's clips."""
    row = {
        "job_id": job.id,
        "guild_id": job.origin.guild_id,
        "requested_at": database_time(),
    }
    await insert_if_absent(connection, reviews_table, row)


async def _show_clips(connection: AsyncConnection, job_id: int, **decided: bool) -> None:
    of_job = clips_table.c.job_id == job_id
    await connection.execute(update(clips_table).where(of_job).values(withheld=False, **decided))


async def _record_message(
    connection: AsyncConnection,
    job_id: int,
    channel_id: int,
    message_id: int,
    *,
    only_if_none: bool = False,
) -> None:
    of_job = _reviews.job_id == job_id
    await connection.execute(
        update(reviews_table)
        .where(of_job & _reviews.message_id.is_(None) if only_if_none else of_job)
        .values(channel_id=channel_id, message_id=message_id)
    )
    row = {"message_id": message_id, "job_id": job_id, "channel_id": channel_id}
    await insert_if_absent(connection, reposts_table, row)


def _is_waiting() -> ColumnElement[bool]:
    return and_(_jobs.state == JobState.POSTING, _jobs.review == ReviewState.WAITING)


def _is_same(job: Job) -> ColumnElement[bool]:
    return and_(_jobs.id == job.id, _jobs.state == JobState.POSTING, _jobs.epoch == job.epoch)
