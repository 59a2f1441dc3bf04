"""The queries of jobs: admission, fenced changes, adoption, the queue."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import Select, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import UnknownJobsReading
from bot.domain.billing.ledger import (
    LedgerPosting,
    build_resettlement,
)
from bot.domain.billing.limits import SpendingPolicy, UsageAmount
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip, NewClip
from bot.domain.errors import LeaseLost, RequestRefused
from bot.domain.jobs.job import (
    ACTIVE_STATES,
    IN_FLIGHT_STATES,
    AdmissionRequest,
    Job,
    JobState,
    Outcome,
    ReviewState,
)
from bot.domain.jobs.queue import MemberActivity, QueuedJob, RunningOperation
from bot.domain.showcase.post import AuditEntry
from bot.store.billing.entries import load_entries, write_entries
from bot.store.engine.database import Database
from bot.store.engine.row_changes import RowChange
from bot.store.engine.types import DatabaseClock, UtcTime, database_now, database_time
from bot.store.jobs import admission, claims, transitions, unknown_jobs
from bot.store.jobs.admission import Admission
from bot.store.jobs.cancellation import cancel_queued_jobs
from bot.store.jobs.clips import write_clips
from bot.store.jobs.transitions import apply_transition, fetch_job
from bot.store.moderation.reviews import insert_review
from bot.store.showcase.audit_log import write_audit_entry
from bot.store.tables.core import clips_table, jobs_table, workers_table
from bot.store.tables.row_mapping import jobs_from_rows

_jobs = jobs_table.c
_CANCELLABLE_STATES: Final = IN_FLIGHT_STATES - {JobState.POSTING}
_NEXT_RETRY_QUERY: Final = (
    select(_jobs.retry_at)
    .where(_jobs.state == JobState.QUEUED, _jobs.retry_at > bindparam("now", type_=UtcTime()))
    .order_by(_jobs.retry_at)
    .limit(1)
)


class JobStore:
    """Writes and reads jobs; every change of a job is fenced, see `bot.store`."""

    def __init__(self, database: Database, *, now: DatabaseClock = database_now) -> None:
        self._db = database
        self._now = now

    async def admit_requests(
        self, requests: Sequence[AdmissionRequest], *, policy: SpendingPolicy, owner: str | None
    ) -> list[Admission | RequestRefused]:
        """Decide, reserve and insert in one transaction; return each admission or refusal."""
        return await self._db.write(
            partial(
                admission.admit_requests,
                requests=requests,
                policy=policy,
                owner=owner,
                clock=self._now,
            )
        )

    async def preview_admission(
        self, request: AdmissionRequest, *, policy: SpendingPolicy
    ) -> RequestRefused | None:
        """Return why ``request`` would be refused now, or `None`; nothing is written."""
        return await self._db.read(
            partial(admission.preview_admission, request=request, policy=policy, clock=self._now)
        )

    async def find_by_key(self, key: str) -> Job | None:
        """Return the job with a dedupe key, if its interaction or message was accepted."""
        jobs = await self._select_jobs(select(jobs_table).where(_jobs.dedupe_key == key))
        return jobs[0] if jobs else None

    async def get(self, job_id: int) -> Job | None:
        jobs = await self._select_jobs(select(jobs_table).where(_jobs.id == job_id))
        return jobs[0] if jobs else None

    async def list_takes(self, job: Job) -> list[Job]:
        """Return all drafts of the request of ``job``, in order; only the job if it is none."""
        if job.takes_key is None:
            return [job]
        return await self._select_jobs(select(jobs_table).where(_jobs.takes_key == job.takes_key))

    async def attach_status(self, job_id: int, message_id: int) -> None:
        """Record the status message, unless one is recorded already."""
        fence, values = {"status_message_id": None}, {"status_message_id": message_id}
        await self._db.write_together(RowChange(jobs_table, job_id, fence, values))

    # -- fenced changes

    async def requeue(
        self, job: Job, *, retry_at: datetime | None, waiting_for: Outcome | None
    ) -> Job:
        """Queue a job again of which Google has started nothing.

        A job that has an operation is queued again only if Google says that it made nothing because
        of its quota.
        """
        return await self._apply_transition(
            job,
            JobState.QUEUED,
            only_unsent=job.unsent,
            unsent=False,
            retry_at=retry_at,
            outcome=waiting_for,
            submitted_at=None,
            operation=None,
        )

    async def begin_sending(self, job: Job) -> Job:
        """Record that bytes may be sent from now on; only one caller per attempt succeeds.

        Raises `LeaseLost` for the others.
        """
        if not await self._db.write_together(transitions.build_sending(job)):
            raise LeaseLost(f"job {job.id} must not be sent under epoch {job.epoch}")
        return replace(job, unsent=False)

    async def begin_polling(self, job: Job, operation: str | None) -> Job:
        """Save the name of Google's operation."""
        return await self._apply_transition(job, JobState.POLLING, operation=operation)

    async def record_late_operation(self, job: Job, operation: str) -> bool:
        """Save the operation's name without the fence, because only this attempt can know it.

        It is also saved for a job that is unknown by now, so that Google can be asked about it.
        Returns whether the job was still waiting for it.
        """
        statement = (
            update(jobs_table)
            .where(
                _jobs.id == job.id,
                _jobs.attempts == job.attempts,
                _jobs.state.in_({JobState.SUBMITTING, JobState.UNKNOWN}),
                _jobs.operation.is_(None),
            )
            .values(operation=operation)
            .returning(_jobs.state)
        )

        async def save_operation(connection: AsyncConnection) -> bool:
            state: str | None = await connection.scalar(statement)
            return state == JobState.SUBMITTING

        return await self._db.write_one(save_operation)

    async def begin_fetching(self, job: Job, videos_made: int, billed: Micros | None = None) -> Job:
        """Record that Google has finished, how many videos it made, and any bill."""
        return await self._apply_transition(
            job, JobState.FETCHING, videos_made=videos_made, billed_micros=billed
        )

    async def save_clips(
        self, job: Job, new_clips: Sequence[NewClip], *, review: ReviewState | None = None
    ) -> tuple[Job, list[Clip]]:
        """Insert the clips and move the job to ``posting``.

        With a ``review`` they are withheld until it lets them pass.
        """

        async def write_and_advance(connection: AsyncConnection) -> tuple[Job, list[Clip]]:
            # a reopened job may have a reason why it ended before
            changes = {"review": review, "detail": None}
            posting, _ = await apply_transition(connection, job, JobState.POSTING, **changes)
            if posting.review is ReviewState.DUE:
                await insert_review(connection, job)
            return posting, await write_clips(connection, posting, new_clips)

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
        possible_at: datetime | None = None,
        billed: Micros | None = None,
    ) -> Job:
        """End the job and its reservation; record the message of its clips.

        ``possible_at`` is when the request can be made again. ``billed`` is Google's bill for a
        stopped operation.
        """

        async def write_end(connection: AsyncConnection) -> Job:
            ended, moved = await apply_transition(
                connection,
                job,
                state,
                outcome=outcome,
                detail=detail,
                finished_at=now,
                posted_message_id=message_id,
                retry_at=possible_at,
                billed_micros=job.billed_micros if billed is None else billed,
            )
            if moved:
                await _write_final_entries(connection, job, postings, now)
                if message_id is not None:
                    await connection.execute(
                        update(clips_table)
                        .where(clips_table.c.job_id == job.id)
                        .values(message_id=message_id)
                    )
            return ended

        return await self._db.write(write_end)

    async def mark_announced(self, job: Job, *, status_message_id: int | None = None) -> None:
        """Record that an ended job was announced, so that nothing is left to do.

        ``status_message_id`` is the message that says how it ended and replaces the status message.
        """
        values: dict[str, Any] = {"owner": None, "reply_token": None}
        if status_message_id is not None:
            values["status_message_id"] = status_message_id
        # not its state, which an admin may have changed: a job that has ended under an epoch can
        # only be reopened under the next one
        fence = {"owner": job.owner, "epoch": job.epoch}
        await self._db.write_together(RowChange(jobs_table, job.id, fence, values))

    # -- the queue

    async def claim_jobs(self, owner: str, *, policy: SpendingPolicy, limit: int) -> list[Job]:
        """Move queued jobs that may start to ``submitting``, in fair order."""
        if policy.paused or limit <= 0:
            return []
        return await self._db.write(
            partial(claims.claim_jobs, owner=owner, policy=policy, clock=self._now, limit=limit)
        )

    async def load_queue(self) -> tuple[list[QueuedJob], dict[int, MemberActivity]]:
        """Return all queued jobs, and the activity of their members in the last hour."""

        async def fetch_queue(
            connection: AsyncConnection,
        ) -> tuple[list[QueuedJob], dict[int, MemberActivity]]:
            queue = await claims.load_waiting_jobs(connection)
            now = await self._now(connection)
            served = await claims.load_served_members(
                connection, {job.user_id for job in queue}, now
            )
            return queue, served

        return await self._db.read(fetch_queue)

    async def find_queue_place(self, job: Job) -> int | None:
        """Return a job's position from 1 in the fair order, as of its admission."""
        return await self._db.read_one(
            partial(claims.find_queue_place, job_id=job.id, now=job.created_at)
        )

    async def list_running_operations(self) -> list[RunningOperation]:
        """Return what is running at Google now, over all processes."""
        query = select(_jobs.model, _jobs.submitted_at).where(
            _jobs.state.in_(claims.AT_GOOGLE_STATES), _jobs.submitted_at.is_not(None)
        )
        rows = await self._db.read_rows(query)
        return [RunningOperation(row["model"], row["submitted_at"]) for row in rows]

    async def find_retry_delay(self) -> float | None:
        """Return the seconds until the next queued job may be retried, by the database's clock."""

        async def compare_times(connection: AsyncConnection) -> float | None:
            now = await self._now(connection)
            retry_at = await connection.scalar(_NEXT_RETRY_QUERY, {"now": now})
            return None if retry_at is None else (retry_at - now).total_seconds()

        return await self._db.read(compare_times)

    async def cancel(
        self,
        job_id: int,
        *,
        owner: str | None,
        now: datetime,
        audit_entry: AuditEntry | None = None,
    ) -> Job | None:
        """Cancel a queued job with a refund, or mark a running one; return the job.

        ``audit_entry`` is added to the server's audit log if the job was not canceled before.
        """

        async def cancel_or_flag(connection: AsyncConnection) -> Job | None:
            is_job = _jobs.id == job_id
            for queued in await cancel_queued_jobs(connection, is_job, owner=owner, now=now):
                if audit_entry is not None:
                    await write_audit_entry(connection, audit_entry)
                return queued
            is_cancellable = is_job & _jobs.state.in_(_CANCELLABLE_STATES)
            if audit_entry is not None:
                is_new = is_cancellable & ~_jobs.cancel_requested
                query = select(_jobs.id).where(is_new).with_for_update()
                if await connection.scalar(query) is not None:
                    await write_audit_entry(connection, audit_entry)
            flagged = await fetch_job(
                connection,
                update(jobs_table)
                .where(is_cancellable)
                .values(cancel_requested=True)
                .returning(*_jobs),
            )
            return flagged or await fetch_job(connection, select(jobs_table).where(is_job))

        return await self._db.write(cancel_or_flag)

    async def list_cancel_requests(self, owner: str) -> list[int]:
        """Return the ids of the running jobs of ``owner`` whose cancellation was requested."""
        query = select(_jobs.id).where(
            _jobs.owner == owner, _jobs.state.in_(_CANCELLABLE_STATES), _jobs.cancel_requested
        )
        return await self._db.read_scalars(query)

    # -- ownership

    async def adopt_orphans(self, owner: str, *, limit: int) -> list[Job]:
        """Take over the jobs of dead workers, and running ones without an owner.

        Those that wait for moderators stay without one.
        """
        living = select(workers_table.c.id).where(workers_table.c.lease_until > database_time())
        # Almost every job has ended and has no owner. SQLite finds those that have one by the index
        # only as greater than "". Coalesce keeps the databases from looking by index for those
        # without one, and the sum from going through all jobs in order.
        orphans = (_jobs.owner > "") & (_jobs.owner != owner) & _jobs.owner.not_in(living)
        ownerless = (func.coalesce(_jobs.owner, "") == "") & _jobs.state.in_(IN_FLIGHT_STATES)
        ownerless &= func.coalesce(_jobs.review, "") != ReviewState.WAITING
        free = (
            select(_jobs.id)
            .where(or_(orphans, ownerless))
            .order_by(_jobs.id + 0)
            .limit(limit)
            .with_for_update(skip_locked=True)  # no effect on SQLite, which has one writer
            .cte("free")
        )
        statement = (
            update(jobs_table)
            .where(_jobs.id.in_(select(free.c.id)))
            .values(owner=owner, epoch=_jobs.epoch + 1)
            .returning(*_jobs)
        )

        async def take_jobs(connection: AsyncConnection) -> list[Job]:
            return jobs_from_rows((await connection.execute(statement)).mappings().all())

        return await self._db.write(take_jobs)

    async def list_owned(self, owner: str) -> list[int]:
        """Return the ids of the jobs that ``owner`` has claimed or must still announce."""
        query = select(_jobs.id).where(_jobs.owner == owner, _jobs.state != JobState.QUEUED)
        return await self._db.read_scalars(query)

    # -- queries, and unknown jobs

    async def list_running(self, *, user_id: int) -> list[Job]:
        """Return the jobs of a member that have not ended."""
        return await self._select_jobs(
            select(jobs_table).where(_jobs.user_id == user_id, _jobs.state.in_(ACTIVE_STATES))
        )

    async def list_unknown(self, guild_id: int | None) -> list[Job]:
        """Return the unknown jobs of a server, or of direct messages (`None`)."""
        return await self._select_jobs(
            select(jobs_table).where(_jobs.guild_id == guild_id, _jobs.state == JobState.UNKNOWN)
        )

    async def list_all_unknown(self) -> list[Job]:
        return await self._select_jobs(
            select(jobs_table).where(_jobs.state == JobState.UNKNOWN).order_by(_jobs.id)
        )

    async def claim_unknown_due(self, *, interval: timedelta, limit: int) -> list[Job]:
        """Return unknown jobs to ask Google about now; each job is returned to one process only."""
        return await self._db.write(
            partial(unknown_jobs.claim_due, interval=interval, limit=limit, clock=self._now)
        )

    async def reopen(self, job: Job, *, owner: str) -> Job | None:
        """Reopen an unknown job; ``finished_at`` keeps the time of its first end."""
        return await self._db.write_one(partial(unknown_jobs.reopen, job=job, owner=owner))

    async def summarize_unknown(self) -> UnknownJobsReading | None:
        """Return how many jobs are unknown and which became so last; `None` if there are none."""
        return await self._db.read(unknown_jobs.summarize)

    async def settle_unknown(
        self, job_id: int, *, charge: bool, actor_id: int, now: datetime
    ) -> Job | None:
        """Charge or refund an unknown job and end it."""
        return await self._db.write(
            partial(unknown_jobs.settle, job_id=job_id, charge=charge, actor_id=actor_id, now=now)
        )

    async def _apply_transition(
        self, job: Job, to: JobState, *, only_unsent: bool = False, **columns: Any
    ) -> Job:
        change = transitions.build_transition(job, to, only_unsent=only_unsent, **columns)
        if await self._db.write_together(change):
            return replace(job, state=to, **columns)
        return await self._db.read_one(partial(transitions.find_moved, job=job, to=to))

    async def _select_jobs(self, query: Select[Any]) -> list[Job]:
        return jobs_from_rows(await self._db.read_rows(query))


async def _write_final_entries(
    connection: AsyncConnection, job: Job, postings: Sequence[LedgerPosting], now: datetime
) -> None:
    if job.was_reopened:
        before = [entry.posting for entry in await load_entries(connection, job.id)]
        postings = build_resettlement(before, UsageAmount.from_plan(job.plan), postings)
    await write_entries(connection, job, postings, now)
