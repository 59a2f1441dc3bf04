"""Deletions that are due at Google; they are stored in the transaction that deletes the clips."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.clips.remote_deletion import RemoteDeletion, compute_retry_delay
from bot.domain.jobs.job import JobState
from bot.domain.jobs.request import GoogleRoute
from bot.store.engine.database import Database
from bot.store.engine.types import DatabaseClock, database_now, database_time
from bot.store.engine.upserts import insert_if_absent
from bot.store.tables.core import clips_table, jobs_table, remote_deletions_table
from bot.store.tables.row_mapping import plan_from_json

_deletions = remote_deletions_table.c
_DELETABLE_STATES: Final = (JobState.POSTING, JobState.DONE, JobState.FAILED, JobState.CANCELLED)
"""The states of jobs whose operation has ended and is not needed again."""


class RemoteDeletionStore:
    def __init__(self, database: Database, *, now: DatabaseClock = database_now) -> None:
        self._db = database
        self._now = now

    async def claim_due(self, *, limit: int) -> list[RemoteDeletion]:
        """Return what to delete now, to one process only, and set when to retry."""

        async def take_due(connection: AsyncConnection) -> list[RemoteDeletion]:
            now = await self._now(connection)
            query = (
                select(remote_deletions_table)
                .where(or_(_deletions.retry_at.is_(None), _deletions.retry_at <= now))
                .order_by(_deletions.requested_at, _deletions.operation)
                .limit(limit)
                .with_for_update(skip_locked=True)  # no effect on SQLite, which has one writer
            )
            due = []
            for row in (await connection.execute(query)).mappings().all():
                attempts = row["attempts"] + 1
                retry_at = now + compute_retry_delay(attempts)
                await connection.execute(
                    update(remote_deletions_table)
                    .where(*_match_row(GoogleRoute(row["route"]), row["operation"]))
                    .values(attempts=attempts, retry_at=retry_at)
                )
                due.append(
                    RemoteDeletion(
                        GoogleRoute(row["route"]), row["operation"], row["requested_at"], attempts
                    )
                )
            return due

        return await self._db.write(take_due)

    async def forget(self, deletion: RemoteDeletion) -> None:
        """Remove a deletion that is done or given up."""
        statement = delete(remote_deletions_table).where(
            *_match_row(deletion.route, deletion.operation)
        )
        await self._db.execute(statement)


async def request_deletions(
    connection: AsyncConnection, job_ids: Collection[int], *, is_erasure: bool = False
) -> None:
    """Store what Google must delete of these jobs, in the transaction that deletes their clips.

    Unknown jobs are left out, because Google is still asked about them. An erasure includes them.
    """
    states = (*_DELETABLE_STATES, JobState.UNKNOWN) if is_erasure else _DELETABLE_STATES
    jobs, clips = jobs_table.c, clips_table.c
    ended = select(jobs.operation, jobs.plan).where(
        jobs.id.in_(job_ids), jobs.state.in_(states), jobs.operation.is_not(None)
    )
    made = select(clips.route, clips.interaction_id).where(
        clips.job_id.in_(job_ids), clips.interaction_id.is_not(None)
    )
    operations = {
        (GoogleRoute(route), interaction_id)
        for route, interaction_id in await connection.execute(made)
    }
    for operation, plan in await connection.execute(ended):
        route = plan_from_json(plan).route
        if route.is_omni:  # nothing can be deleted on Veo's routes
            operations.add((route, operation))
    for route, operation in sorted(operations):
        row = {"route": route, "operation": operation, "requested_at": database_time()}
        await insert_if_absent(connection, remote_deletions_table, row)


def _match_row(route: GoogleRoute, operation: str) -> tuple[ColumnElement[bool], ...]:
    return _deletions.route == route, _deletions.operation == operation
