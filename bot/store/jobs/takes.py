"""The drafts of one request: who posts them, the record of their message, canceling, and deletion.

Every change locks the rows of the set, oldest first, so that of two drafts that end at once only
one posts (docs/decisions/0053-takes.md).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.clips.clip import Clip
from bot.domain.errors import LeaseLost
from bot.domain.jobs.job import ACTIVE_STATES, IN_FLIGHT_STATES, Job, JobState
from bot.domain.jobs.takes import DRAFT_LIFETIME
from bot.domain.showcase.post import AuditEntry
from bot.store.engine.database import Store
from bot.store.engine.types import database_time
from bot.store.jobs.cancellation import cancel_queued_jobs
from bot.store.jobs.remote_deletions import request_deletions
from bot.store.moderation.report_rows import mark_cases_changed
from bot.store.showcase.audit_log import write_audit_entry
from bot.store.tables.core import clips_table, jobs_table
from bot.store.tables.row_mapping import clip_from_row, jobs_from_rows

_jobs = jobs_table.c
_clips = clips_table.c
_CLOSED: Final = 0
"""The value of ``takes_poster`` after everything was posted."""


class TakesStore(Store):
    async def choose_poster(self, job: Job) -> Sequence[Job] | None:
        """Return all drafts if ``job``, which has ended, posts for them.

        Otherwise another one will: then this records that ``job`` is announced, and returns `None`.
        Raises `LeaseLost`.
        """

        async def choose(connection: AsyncConnection) -> Sequence[Job] | None:
            takes = await _lock_takes(connection, job)
            elected = {take.takes_poster for take in takes}
            if elected == {job.id}:
                return takes
            if elected != {None} or any(
                _is_unfinished(take) for take in takes if take.id != job.id
            ):
                await _release(connection, job)
                return None
            await connection.execute(
                update(jobs_table)
                .where(_jobs.takes_key == job.takes_key)
                .values(takes_poster=job.id)
            )
            return takes

        return await self._db.write(choose)

    async def record_post(self, poster: Job, message_id: int) -> None:
        """Record the message of all drafts, which are kept for a day from now on.

        Raises `LeaseLost`.
        """

        async def write_message(connection: AsyncConnection) -> None:
            ids = [take.id for take in await _lock_takes(connection, poster)]
            await connection.execute(
                update(jobs_table).where(_jobs.id.in_(ids)).values(posted_message_id=message_id)
            )
            await connection.execute(
                update(clips_table)
                .where(_clips.job_id.in_(ids), _clips.draft_until.is_not(None))
                .values(
                    message_id=message_id,
                    draft_until=database_time(DRAFT_LIFETIME.total_seconds()),
                )
            )

        await self._db.write(write_message)

    async def close(self, poster: Job, *, status_message_id: int | None = None) -> None:
        """Record that all drafts are announced. ``status_message_id`` replaces the status.

        Raises `LeaseLost`.
        """

        async def close_all(connection: AsyncConnection) -> None:
            takes = await _lock_takes(connection, poster, is_fenced=False)
            if all(take.takes_poster == _CLOSED for take in takes):
                return  # the answer to an earlier attempt was lost
            _require_owned(takes, poster)
            await connection.execute(
                update(jobs_table)
                .where(_jobs.takes_key == poster.takes_key)
                .values(takes_poster=_CLOSED, reply_token=None)
            )
            if status_message_id is not None:
                await connection.execute(
                    update(jobs_table)
                    .where(_jobs.id == takes[0].id)
                    .values(status_message_id=status_message_id)
                )
            await _release(connection, poster)

        await self._db.write(close_all)

    async def cancel(
        self, job: Job, *, owner: str | None, now: datetime, audit_entry: AuditEntry | None
    ) -> list[Job]:
        """Cancel all drafts of a request: refund those that are queued, mark those that run.

        Returns all drafts. ``audit_entry`` is written if this canceled any.
        """
        is_take = _jobs.takes_key == job.takes_key

        async def cancel_all(connection: AsyncConnection) -> list[Job]:
            before = await _lock_takes(connection, job, is_fenced=False)
            cancelled = await cancel_queued_jobs(connection, is_take, owner=owner, now=now)
            flagged = await connection.execute(
                update(jobs_table)
                .where(
                    is_take,
                    _jobs.state.in_(IN_FLIGHT_STATES - {JobState.POSTING}),
                    ~_jobs.cancel_requested,
                )
                .values(cancel_requested=True)
            )
            if audit_entry is not None and (cancelled or flagged.rowcount):
                await write_audit_entry(connection, audit_entry)
            if not before:
                return []
            query = select(jobs_table).where(is_take)
            return jobs_from_rows((await connection.execute(query)).mappings().all())

        return await self._db.write(cancel_all)

    async def list_expired(self, now: datetime, *, limit: int) -> list[Clip]:
        """Return drafts whose day is over and whose set has nothing left to announce.

        ``now`` may be by any clock, because a day need not be exact, and the database's would keep
        it from using the index.
        """
        due = (
            select(clips_table)
            .where(_clips.draft_until < now)
            .order_by(_clips.draft_until)
            .limit(limit)
        )
        drafts = [clip_from_row(row) for row in await self._db.read_rows(due)]
        if not drafts:
            return []
        others = jobs_table.alias().c
        unfinished = select(1).where(
            others.takes_key == _jobs.takes_key,
            or_(others.state.in_(ACTIVE_STATES), others.owner.is_not(None)),
        )
        job_ids = {draft.job_id for draft in drafts}
        query = select(_jobs.id).where(_jobs.id.in_(job_ids), ~unfinished.exists())
        finished = set(await self._db.read_scalars(query))
        return [draft for draft in drafts if draft.job_id in finished]

    async def delete_draft(self, draft: Clip) -> bool:
        """Delete the row of a draft, and request the deletion at Google.

        Returns ``False`` if it was chosen or deleted meanwhile.
        """

        async def delete_row(connection: AsyncConnection) -> bool:
            is_draft = (_clips.id == draft.id) & _clips.draft_until.is_not(None)
            query = select(_clips.id).where(is_draft).with_for_update()
            if await connection.scalar(query) is None:
                return False
            await request_deletions(connection, [draft.job_id])
            await mark_cases_changed(connection, _clips.id == draft.id)
            await connection.execute(delete(clips_table).where(is_draft))
            return True

        return await self._db.write(delete_row)


def _is_unfinished(take: Job) -> bool:
    """Whether a draft has not ended, or its end has not been announced."""
    return not take.state.has_ended or take.owner is not None


async def _lock_takes(
    connection: AsyncConnection, job: Job, *, is_fenced: bool = True
) -> Sequence[Job]:
    """Lock and return all drafts. Raises `LeaseLost` if another process owns ``job``."""
    query = (
        select(jobs_table)
        .where(_jobs.takes_key == job.takes_key)
        .order_by(_jobs.id)
        .with_for_update()
    )
    takes = jobs_from_rows((await connection.execute(query)).mappings().all())
    if is_fenced:
        _require_owned(takes, job)
    return takes


def _require_owned(takes: Sequence[Job], job: Job) -> None:
    current = next((take for take in takes if take.id == job.id), None)
    if current is None or (current.owner, current.epoch) != (job.owner, job.epoch):
        raise LeaseLost(f"job {job.id} is owned by another process")


async def _release(connection: AsyncConnection, job: Job) -> None:
    """Record that ``job`` is announced. Its reply stays editable for the one that posts."""
    await connection.execute(
        update(jobs_table)
        .where(_jobs.id == job.id, _jobs.owner == job.owner, _jobs.epoch == job.epoch)
        .values(owner=None)
    )
