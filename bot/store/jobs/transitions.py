"""Fenced changes of a job: a process that no longer owns it changes nothing.

Every change is one ``UPDATE … WHERE id AND state AND owner AND epoch``. If it changes no row,
another process owns the job, or the answer to an earlier attempt was lost after its commit. In the
second case the row has the new state under the same owner and epoch. Only this process's task for
the job can have written that. The last change before a submit (`begin_sending`) is never repeated.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import Update, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import LeaseLost
from bot.domain.jobs.job import ALLOWED_TRANSITIONS, Job, JobState
from bot.store.tables.core import jobs_table
from bot.store.tables.row_mapping import job_from_row

_jobs = jobs_table.c


class IllegalTransition(ValueError):
    """A bug tried a change of state that is not allowed; the database was not changed."""


_FENCED_UPDATE = update(jobs_table).where(
    _jobs.id == bindparam("is_id"),
    _jobs.state == bindparam("is_state"),
    _jobs.owner == bindparam("is_owner"),
    _jobs.epoch == bindparam("is_epoch"),
)
_FENCED_UNSENT_UPDATE = _FENCED_UPDATE.where(_jobs.unsent)
_BEGIN_SENDING_UPDATE = _FENCED_UNSENT_UPDATE.values(unsent=False)


def require_transition(job: Job, to: JobState) -> None:
    """Raise `IllegalTransition` unless ``job`` may change to the state ``to``."""
    is_allowed = to in ALLOWED_TRANSITIONS[job.state]
    if job.state is JobState.POLLING and to is JobState.QUEUED:
        is_allowed = job.may_be_resubmitted
    if not is_allowed:
        raise IllegalTransition(f"job {job.id}: {job.state} → {to}")


async def apply_transition(
    connection: AsyncConnection,
    job: Job,
    to: JobState,
    *,
    only_unsent: bool = False,
    **columns: Any,
) -> tuple[Job, bool]:
    """Move ``job`` to the state ``to``; return the job, and whether this call moved it.

    Raises `LeaseLost` if another process owns the job, or if ``only_unsent`` is set and the job may
    have been sent.
    """
    require_transition(job, to)
    new = {"state": to, **columns}
    values = {f"to_{name}": value for name, value in new.items()}
    result = await connection.execute(
        _build_update(tuple(new), only_unsent=only_unsent), _build_fence(job) | values
    )
    if result.rowcount == 1:
        return replace(job, state=to, **columns), True
    query = select(jobs_table).where(
        _jobs.id == job.id, _jobs.owner == job.owner, _jobs.epoch == job.epoch
    )
    current = await fetch_job(connection, query)
    if current is None or current.state is not to:
        raise LeaseLost(f"job {job.id} is no longer {job.state} under epoch {job.epoch}")
    return current, False


async def begin_sending(connection: AsyncConnection, job: Job) -> Job:
    """Clear ``unsent``; raises `LeaseLost` for all but the first caller, so only one may submit."""
    result = await connection.execute(_BEGIN_SENDING_UPDATE, _build_fence(job))
    if result.rowcount != 1:
        raise LeaseLost(f"job {job.id} must not be sent under epoch {job.epoch}")
    return replace(job, unsent=False)


async def fetch_job(connection: AsyncConnection, statement: Any) -> Job | None:
    """Return the job that ``statement`` selects or changes, if there is one."""
    row: Mapping[Any, Any] | None = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else job_from_row(row)


@cache
def _build_update(names: tuple[str, ...], *, only_unsent: bool) -> Update:
    """Return the fenced update of these columns; building it costs as much as running it."""
    fence = _FENCED_UNSENT_UPDATE if only_unsent else _FENCED_UPDATE
    return fence.values({name: bindparam(f"to_{name}") for name in names})


def _build_fence(job: Job) -> dict[str, Any]:
    return {"is_id": job.id, "is_state": job.state, "is_owner": job.owner, "is_epoch": job.epoch}
