"""The jobs table's queries: admission, the fenced life of a job, adoption, the queue."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import (
    LedgerPosting,
    Settlement,
    build_resettlement,
    build_settlement,
    build_unknown_settlement,
)
from bot.domain.billing.limits import SpendingPolicy, UsageAmount
from bot.domain.clips.clip import Clip
from bot.domain.errors import RequestRefused
from bot.domain.jobs.job import (
    ACTIVE_STATES,
    ENDED_STATES,
    GOOGLE_FILE_LIFETIME,
    IN_FLIGHT_STATES,
    Job,
    JobState,
    Outcome,
)
from bot.domain.jobs.queue import MemberActivity, QueuedJob
from bot.domain.stores import AdmissionRequest, NewClip
from bot.store.billing.entries import load_entries, write_entries
from bot.store.engine.database import Database
from bot.store.engine.types import DatabaseClock, database_now, database_time
from bot.store.jobs import admission, claims, transitions
from bot.store.jobs.clips import write_clips
from bot.store.jobs.transitions import apply_transition, require_transition
from bot.store.tables.core import clips, jobs, workers
from bot.store.tables.row_mapping import guild_id_to_column, job_from_row, jobs_from_rows

_CANCELLABLE_STATES: Final = IN_FLIGHT_STATES - {JobState.POSTING}


class JobStore:
    """`bot.domain.stores.Jobs` over SQLAlchemy."""

    def __init__(self, database: Database, *, now: DatabaseClock = database_now) -> None:
        self._db = database
        self._now = now

    async def admit_requests(
        self, requests: Sequence[AdmissionRequest], *, policy: SpendingPolicy, owner: str | None
    ) -> list[Job | RequestRefused]:
        """Decide, reserve and write in one transaction."""
        return await self._db.write(
            partial(
                admission.admit_requests,
                requests=requests,
                policy=policy,
                owner=owner,
                clock=self._now,
            )
        )

    async def get(self, job_id: int) -> Job | None:
        """Return the job, if there is one."""
        found = await self._select_jobs(select(jobs).where(jobs.c.id == job_id))
        return found[0] if found else None

    async def attach_status(self, job_id: int, message_id: int) -> None:
        """Record the status message; the first one stays."""
        statement = (
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.status_message_id.is_(None))
            .values(status_message_id=message_id)
        )
        await self._db.write_one(lambda connection: connection.execute(statement))

    # -- the fenced life of a job

    async def requeue(
        self, job: Job, *, retry_at: datetime | None, waiting_for: Outcome | None
    ) -> Job:
        """Put a job back whose submit started nothing."""
        return await self._apply_transition(
            job,
            JobState.QUEUED,
            only_unsent=job.unsent,
            unsent=False,
            retry_at=retry_at,
            outcome=waiting_for,
            submitted_at=None,
        )

    async def begin_sending(self, job: Job) -> Job:
        """Record that a byte may be at Google; for one caller and one attempt only."""
        return await self._db.write_one(partial(transitions.begin_sending, job=job))

    async def begin_polling(self, job: Job, operation: str | None) -> Job:
        """Save the operation's name."""
        return await self._apply_transition(job, JobState.POLLING, operation=operation)

    async def record_late_operation(self, job: Job, operation: str) -> bool:
        """Save the name without the fence: only this one attempt can know it.

        A job that was already called unknown keeps it too, for whoever judges it.
        """
        statement = (
            update(jobs)
            .where(
                jobs.c.id == job.id,
                jobs.c.attempts == job.attempts,
                jobs.c.state.in_({JobState.SUBMITTING, JobState.UNKNOWN}),
                jobs.c.operation.is_(None),
            )
            .values(operation=operation)
            .returning(jobs.c.state)
        )

        async def save_operation(connection: AsyncConnection) -> bool:
            named: str | None = await connection.scalar(statement)
            return named == JobState.SUBMITTING

        return await self._db.write_one(save_operation)

    async def begin_fetching(self, job: Job, videos_made: int) -> Job:
        """Record that Google has made it, and how many videos."""
        return await self._apply_transition(job, JobState.FETCHING, videos_made=videos_made)

    async def save_clips(self, job: Job, new_clips: Sequence[NewClip]) -> tuple[Job, list[Clip]]:
        """Write the clips and move on to posting."""

        async def write_and_advance(connection: AsyncConnection) -> tuple[Job, list[Clip]]:
            kept, _ = await apply_transition(connection, job, JobState.POSTING)
            return kept, await write_clips(connection, kept, new_clips)

        return await self._db.write(write_and_advance)

    async def finish_job(
        self,
        job: Job,
        state: JobState,
        *,
        outcome: Outcome,
        postings: Sequence[LedgerPosting],
        now: datetime,
        detail: str | None = None,
        message_id: int | None = None,
    ) -> Job:
        """End the job and its reservation; mark its clips as posted."""

        async def write_end(connection: AsyncConnection) -> Job:
            ended, moved = await apply_transition(
                connection,
                job,
                state,
                outcome=outcome,
                detail=detail,
                finished_at=now,
                posted_message_id=message_id,
            )
            if moved:
                await _write_final_entries(connection, job, postings, now)
                if message_id is not None:
                    await connection.execute(
                        update(clips).where(clips.c.job_id == job.id).values(message_id=message_id)
                    )
            return ended

        return await self._db.write(write_end)

    async def mark_announced(self, job: Job) -> None:
        """Record that nothing is left to do for an ended job."""
        statement = (
            update(jobs)
            .where(
                jobs.c.id == job.id,
                jobs.c.state.in_(ENDED_STATES),
                jobs.c.owner == job.owner,
                jobs.c.epoch == job.epoch,
            )
            .values(owner=None, visit_token=None)
        )
        await self._db.write_one(lambda connection: connection.execute(statement))

    # -- the queue

    async def claim_jobs(self, owner: str, *, policy: SpendingPolicy, limit: int) -> list[Job]:
        """Move queued jobs that may start to ``submitting``, in fair order."""
        if policy.paused or limit <= 0:
            return []

        return await self._db.write(
            partial(claims.claim_jobs, owner=owner, policy=policy, clock=self._now, limit=limit)
        )

    async def load_queue(self) -> tuple[list[QueuedJob], dict[int, MemberActivity]]:
        """Return everything queued, and what its members have had lately."""

        async def fetch_queue(
            connection: AsyncConnection,
        ) -> tuple[list[QueuedJob], dict[int, MemberActivity]]:
            queue = await claims.load_waiting_jobs(connection, claims.is_queued())
            now = await self._now(connection)
            served = await claims.load_served_members(
                connection, {job.user_id for job in queue}, now
            )
            return queue, served

        return await self._db.read(fetch_queue)

    async def find_next_retry(self, *, after: datetime) -> datetime | None:
        """Return when the next waiting job may be tried again."""
        query = select(func.min(jobs.c.retry_at)).where(
            jobs.c.state == JobState.QUEUED, jobs.c.retry_at > after
        )
        return await self._db.read(lambda connection: connection.scalar(query))

    async def cancel(self, job_id: int, *, owner: str | None, now: datetime) -> Job | None:
        """Cancel a queued job with a refund, or flag one that Google works on."""

        async def cancel_or_flag(connection: AsyncConnection) -> Job | None:
            queued = await _fetch_job(
                connection,
                update(jobs)
                .where(jobs.c.id == job_id, jobs.c.state == JobState.QUEUED)
                .values(
                    state=JobState.CANCELLED,
                    outcome=Outcome.CANCELLED,
                    cancel_requested=True,
                    finished_at=now,
                    # somebody has to announce it
                    owner=func.coalesce(jobs.c.owner, owner),
                )
                .returning(*jobs.c),
            )
            if queued is not None:
                refund = build_settlement(UsageAmount.from_plan(queued.plan), Settlement.REFUND)
                await write_entries(connection, queued, refund, now)
                return queued
            flagged = await _fetch_job(
                connection,
                update(jobs)
                .where(jobs.c.id == job_id, jobs.c.state.in_(_CANCELLABLE_STATES))
                .values(cancel_requested=True)
                .returning(*jobs.c),
            )
            return flagged or await _fetch_job(connection, select(jobs).where(jobs.c.id == job_id))

        return await self._db.write(cancel_or_flag)

    async def list_cancel_requests(self, owner: str) -> list[int]:
        """Return the running jobs of ``owner`` that somebody wants cancelled."""
        query = select(jobs.c.id).where(
            jobs.c.owner == owner, jobs.c.state.in_(_CANCELLABLE_STATES), jobs.c.cancel_requested
        )

        async def fetch_ids(connection: AsyncConnection) -> list[int]:
            return list(await connection.scalars(query))

        return await self._db.read(fetch_ids)

    # -- whose job it is

    async def adopt_orphans(self, owner: str, *, limit: int) -> list[Job]:
        """Take over jobs of dead workers."""
        living = select(workers.c.id).where(workers.c.lease_until > database_time())
        orphans = jobs.c.owner.is_not(None) & (jobs.c.owner != owner) & jobs.c.owner.not_in(living)
        ownerless = jobs.c.owner.is_(None) & jobs.c.state.in_(IN_FLIGHT_STATES)
        free = (
            select(jobs.c.id)
            .where(or_(orphans, ownerless))
            .order_by(jobs.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)  # silent on SQLite, which has one writer
            .cte("free")
        )
        statement = (
            update(jobs)
            .where(jobs.c.id.in_(select(free.c.id)))
            .values(owner=owner, epoch=jobs.c.epoch + 1)
            .returning(*jobs.c)
        )

        async def take_jobs(connection: AsyncConnection) -> list[Job]:
            return jobs_from_rows((await connection.execute(statement)).mappings().all())

        return await self._db.write(take_jobs)

    async def list_owned(self, owner: str) -> list[int]:
        """Return the jobs that ``owner`` has claimed or must still announce."""
        query = select(jobs.c.id).where(jobs.c.owner == owner, jobs.c.state != JobState.QUEUED)

        async def fetch_ids(connection: AsyncConnection) -> list[int]:
            return list(await connection.scalars(query))

        return await self._db.read(fetch_ids)

    # -- what people ask for

    async def list_running(self, *, user_id: int) -> list[Job]:
        """Return the jobs of a member that have not ended."""
        return await self._select_jobs(
            select(jobs).where(jobs.c.user_id == user_id, jobs.c.state.in_(ACTIVE_STATES))
        )

    async def list_unknown(self, guild_id: int | None) -> list[Job]:
        """Return the jobs of a server that wait for a judgement."""
        return await self._select_jobs(
            select(jobs).where(
                jobs.c.guild_id == guild_id_to_column(guild_id), jobs.c.state == JobState.UNKNOWN
            )
        )

    async def list_all_unknown(self) -> list[Job]:
        """Return all jobs that wait for a judgement."""
        return await self._select_jobs(
            select(jobs).where(jobs.c.state == JobState.UNKNOWN).order_by(jobs.c.id)
        )

    async def claim_unknown_due(self, *, interval: timedelta, limit: int) -> list[Job]:
        """Return unknown jobs that Google should be asked about now, each for one process.

        Those of members who were forgotten are left alone: there is nobody to bring a clip to.
        """

        async def take_due(connection: AsyncConnection) -> list[Job]:
            now = await self._now(connection)
            never_asked = jobs.c.retry_at.is_(None) & (jobs.c.finished_at <= now - interval)
            due = (
                select(jobs.c.id)
                .where(
                    jobs.c.state == JobState.UNKNOWN,
                    jobs.c.owner.is_(None),
                    jobs.c.user_id > 0,
                    jobs.c.submitted_at > now - GOOGLE_FILE_LIFETIME,
                    or_(never_asked, jobs.c.retry_at <= now),
                )
                .order_by(jobs.c.id)
                .limit(limit)
                .with_for_update(skip_locked=True)
                .cte("due")
            )
            statement = (
                update(jobs)
                .where(jobs.c.id.in_(select(due.c.id)))
                .values(retry_at=now + interval)
                .returning(*jobs.c)
            )
            return jobs_from_rows((await connection.execute(statement)).mappings().all())

        return await self._db.write(take_due)

    async def reopen(self, job: Job, *, owner: str) -> Job | None:
        """Take an unknown job up again; its first end stays in ``finished_at``."""
        require_transition(job, JobState.POLLING)
        statement = (
            update(jobs)
            .where(
                jobs.c.id == job.id,
                jobs.c.state == JobState.UNKNOWN,
                jobs.c.owner.is_(None),
                jobs.c.epoch == job.epoch,
            )
            .values(
                state=JobState.POLLING,
                owner=owner,
                epoch=jobs.c.epoch + 1,
                retry_at=None,
                outcome=None,
                detail=None,
            )
            .returning(*jobs.c)
        )
        return await self._db.write_one(lambda connection: _fetch_job(connection, statement))

    async def settle_unknown(
        self, job_id: int, *, charge: bool, actor_id: int, now: datetime
    ) -> Job | None:
        """Charge or refund an unknown job and end it."""

        async def settle_job(connection: AsyncConnection) -> Job | None:
            job = await _fetch_job(
                connection,
                update(jobs)
                .where(jobs.c.id == job_id, jobs.c.state == JobState.UNKNOWN)
                .values(state=JobState.DONE if charge else JobState.FAILED, finished_at=now)
                .returning(*jobs.c),
            )
            if job is not None:
                before = [entry.posting for entry in await load_entries(connection, job_id)]
                corrections = build_unknown_settlement(
                    before, UsageAmount.from_plan(job.plan), charge=charge
                )
                await write_entries(connection, job, corrections, now, actor_id=actor_id)
            return job

        return await self._db.write(settle_job)

    async def _apply_transition(
        self, job: Job, to: JobState, *, only_unsent: bool = False, **columns: Any
    ) -> Job:
        async def change_row(connection: AsyncConnection) -> Job:
            changed, _ = await apply_transition(
                connection, job, to, only_unsent=only_unsent, **columns
            )
            return changed

        return await self._db.write_one(change_row)

    async def _select_jobs(self, query: Select[Any]) -> list[Job]:
        async def fetch_jobs(connection: AsyncConnection) -> list[Job]:
            return jobs_from_rows((await connection.execute(query)).mappings().all())

        return await self._db.read(fetch_jobs)


async def _write_final_entries(
    connection: AsyncConnection, job: Job, postings: Sequence[LedgerPosting], now: datetime
) -> None:
    if job.was_reopened:
        before = [entry.posting for entry in await load_entries(connection, job.id)]
        postings = build_resettlement(before, UsageAmount.from_plan(job.plan), postings)
    await write_entries(connection, job, postings, now)


async def _fetch_job(connection: AsyncConnection, statement: Any) -> Job | None:
    row: Mapping[Any, Any] | None = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else job_from_row(row)
