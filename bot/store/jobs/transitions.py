"""Fenced changes of a job: a process that no longer owns it changes nothing.

Every change has a fence (`bot.store.engine.row_changes`): the job's state, owner and epoch. If it
is refused, another process owns the job, or the answer to an earlier attempt was lost after its
commit. In the second case the row has the new state under the same owner and epoch. Only this
process's task for the job can have written that. The last change before a submit (`build_sending`)
is never repeated.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import LeaseLost
from bot.domain.jobs.job import ALLOWED_TRANSITIONS, Job, JobState
from bot.store.engine.row_changes import RowChange, apply_change
from bot.store.tables.core import jobs_table
from bot.store.tables.row_mapping import job_from_row

_jobs = jobs_table.c


class IllegalTransition(ValueError):
    """A bug tried a change of state that is not allowed; the database was not changed."""


def require_transition(job: Job, to: JobState) -> None:
    """Raise `IllegalTransition` unless ``job`` may change to the state ``to``."""
    is_allowed = to in ALLOWED_TRANSITIONS[job.state]
    if job.state is JobState.POLLING and to is JobState.QUEUED:
        is_allowed = job.may_be_resubmitted
    if not is_allowed:
        raise IllegalTransition(f"job {job.id}: {job.state} → {to}")


def build_transition(
    job: Job, to: JobState, *, only_unsent: bool = False, **columns: Any
) -> RowChange:
    """Return the change of ``job`` to the state ``to``.

    With ``only_unsent`` it is refused if the job may have been sent.
    """
    require_transition(job, to)
    fence = _build_fence(job) | ({"unsent": True} if only_unsent else {})
    return RowChange(jobs_table, job.id, fence, {"state": to, **columns})


async def apply_transition(
    connection: AsyncConnection, job: Job, to: JobState, **columns: Any
) -> tuple[Job, bool]:
    """Move ``job`` to the state ``to``; return the job, and whether this call moved it.

    Raises `LeaseLost` if another process owns the job.
    """
    if await apply_change(connection, build_transition(job, to, **columns)):
        return replace(job, state=to, **columns), True
    return await find_moved(connection, job, to), False


async def find_moved(connection: AsyncConnection, job: Job, to: JobState) -> Job:
    """Return the job if an earlier attempt of this process has moved it to ``to``.

    Raises `LeaseLost` if another process owns the job.
    """
    query = select(jobs_table).where(
        _jobs.id == job.id, _jobs.owner == job.owner, _jobs.epoch == job.epoch
    )
    current = await fetch_job(connection, query)
    if current is None or current.state is not to:
        raise LeaseLost(f"job {job.id} is no longer {job.state} under epoch {job.epoch}")
    return current


def build_sending(job: Job) -> RowChange:
    """Return the change that clears ``unsent``, which only the first caller may do."""
    return RowChange(jobs_table, job.id, _build_fence(job) | {"unsent": True}, {"unsent": False})


async def fetch_job(connection: AsyncConnection, statement: Any) -> Job | None:
    """Return the job that ``statement`` selects or changes, if there is one."""
    row: Mapping[Any, Any] | None = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else job_from_row(row)


def _build_fence(job: Job) -> dict[str, Any]:
    return {"state": job.state, "owner": job.owner, "epoch": job.epoch}
