"""Admission: checks limits, reserves prices and inserts jobs in one transaction.

Requests that arrive together are decided one after the other in memory, in one transaction under a
lock that all processes share. So two requests cannot both use the last clip of a limit, and the
lock is taken once for many requests.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from itertools import product
from typing import Any, Final

from sqlalchemy import and_, bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from bot.domain.billing.ledger import build_reservation
from bot.domain.billing.limits import (
    NO_LIMITS,
    LimitExceeded,
    LimitRow,
    QuotaStatus,
    SpendingPolicy,
    UsageAmount,
    UsageTotals,
    build_quota_status,
    find_exceeded_limit,
    resolve_guild_limits,
    resolve_limits,
)
from bot.domain.errors import (
    AlreadyAccepted,
    LimitScope,
    RecordNotFound,
    RequestRefused,
    RequestsPaused,
)
from bot.domain.guild import WHOLE_BOT_ID
from bot.domain.jobs.job import AdmissionRequest, Job, JobState, Origin
from bot.domain.jobs.request import VideoPlan
from bot.domain.jobs.takes import split_plan
from bot.domain.moderation.request_block import RequestBlock
from bot.store.billing import usage_queries
from bot.store.billing.release_times import find_release_time
from bot.store.engine.database import take_lock
from bot.store.engine.types import DatabaseClock, UtcTime
from bot.store.moderation.questions import lock_allowed, mark_started
from bot.store.tables.core import (
    clips_table,
    guilds_table,
    job_inputs_table,
    jobs_table,
    ledger_table,
)
from bot.store.tables.moderation import request_blocks_table
from bot.store.tables.row_mapping import job_from_row, job_to_row, list_input_paths, posting_to_row

ADMISSION_LOCK: Final = 0x636C_6170_01


@dataclass(frozen=True, slots=True)
class Admission:
    """An accepted request, and the state of its limits by the sums of the decision.

    That state includes the request, but not when usage leaves its window. It is `None` if the
    decision was made earlier and its answer was lost.
    """

    job: Job
    quota_status: QuotaStatus | None


async def admit_requests(
    connection: AsyncConnection,
    requests: Sequence[AdmissionRequest],
    *,
    policy: SpendingPolicy,
    owner: str | None,
    clock: DatabaseClock,
) -> list[Admission | RequestRefused]:
    """Decide ``requests`` in order; return the admission or the refusal of each.

    The new jobs belong to the worker ``owner``. The result is `AlreadyAccepted` for a request whose
    ``dedupe_key`` exists already or occurs earlier among ``requests``. It is `RecordNotFound` for a
    request whose question is not allowed, or not any more.
    """
    await take_lock(connection, ADMISSION_LOCK)
    now = await clock(connection)  # under the lock, so that times are in the order of decisions
    answers: dict[int, Admission | RequestRefused | LimitExceeded] = {}
    known = await _find_accepted_jobs(
        connection, [request.origin.dedupe_key for request in requests]
    )
    totals = await _load_totals(connection, requests, policy, now)
    question_ids = {request.question_id for request in requests} - {None}
    allowed = await lock_allowed(connection, [each for each in question_ids if each is not None])
    accepted: dict[str, int] = {}
    quotas: dict[str, QuotaStatus] = {}
    for index, request in enumerate(requests):
        key = request.origin.dedupe_key
        if key in known:
            answers[index] = AlreadyAccepted(known[key])
        elif request.question_id is not None and request.question_id not in allowed:
            answers[index] = RecordNotFound("question")
        elif key not in accepted:
            decision = totals.admit_request(request)
            if isinstance(decision, QuotaStatus):
                accepted[key], quotas[key] = index, decision
            else:
                answers[index] = decision
    accepted_requests = [requests[index] for index in accepted.values()]
    written = await _insert_jobs(connection, accepted_requests, owner, now)
    await _keep_drafts(connection, accepted_requests)
    for index in accepted.values():
        question_id, key = requests[index].question_id, requests[index].origin.dedupe_key
        if question_id is not None:
            await mark_started(connection, question_id, written[key].id, now)
    for index, request in enumerate(requests):
        if index not in answers:
            key = request.origin.dedupe_key
            job = written[key]
            answers[index] = (
                Admission(job, quotas[key]) if accepted[key] == index else AlreadyAccepted(job)
            )
    return await _build_refusals(
        connection, requests, [answers[index] for index in range(len(requests))], now
    )


async def preview_admission(
    connection: AsyncConnection,
    request: AdmissionRequest,
    *,
    policy: SpendingPolicy,
    clock: DatabaseClock,
) -> RequestRefused | None:
    """Return why ``request`` would be refused now, or `None`; nothing is written or reserved."""
    now = await clock(connection)
    key = request.origin.dedupe_key
    if known := await _find_accepted_jobs(connection, [key]):
        return AlreadyAccepted(known[key])
    decision = (await _load_totals(connection, [request], policy, now)).admit_request(request)
    if isinstance(decision, QuotaStatus):
        return None
    [refusal] = await _build_refusals(connection, [request], [decision], now)
    return refusal if isinstance(refusal, RequestRefused) else None


class _AdmissionTotals:
    """The sums after each decision of this transaction; `None` is the server of direct messages."""

    def __init__(self, policy: SpendingPolicy) -> None:
        self.policy = policy
        self.pauses: dict[int | None, RequestsPaused] = {}
        self.blocks: dict[tuple[int | None, int], RequestBlock] = {}
        self.limits_by_guild: dict[int | None, list[LimitRow]] = {}
        self.member_usage: dict[tuple[int | None, int], UsageTotals] = {}
        self.usage_everywhere: dict[int, UsageTotals] = {}
        self.guild_usage: dict[int | None, UsageTotals] = {}
        self.bot_usage = UsageTotals()
        self.model_requests: dict[str, int] = {}

    def admit_request(
        self, request: AdmissionRequest
    ) -> QuotaStatus | RequestRefused | LimitExceeded:
        """Add ``request`` to the sums and return what is left, or return why it is refused."""
        guild_id, user_id = request.origin.guild_id, request.origin.user_id
        if self.policy.paused:
            return RequestsPaused(by_operator=True)
        for paused_id in (WHOLE_BOT_ID, guild_id):
            if paused_id in self.pauses:
                return self.pauses[paused_id]
        if (block := self.blocks.get((guild_id, user_id))) is not None:
            return block.as_error()
        amount = UsageAmount.from_plan(request.plan)
        limits = resolve_limits(
            self.limits_by_guild.get(guild_id, []),
            guild_id=guild_id,
            user_id=user_id,
            role_ids=request.origin.role_ids,
            policy=self.policy,
        )
        before = {
            LimitScope.MEMBER: self.member_usage.get((guild_id, user_id), UsageTotals()),
            LimitScope.EVERYWHERE: self.usage_everywhere.get(user_id, UsageTotals()),
            LimitScope.GUILD: self.guild_usage.get(guild_id, UsageTotals()),
            LimitScope.BOT: self.bot_usage,
        }
        for scope, usage in before.items():
            is_budget = scope in (LimitScope.GUILD, LimitScope.BOT)
            requested = amount + UsageAmount(request.extra) if is_budget else amount
            exceeded = find_exceeded_limit(scope, limits[scope], usage, requested)
            if exceeded is not None:
                return exceeded
        model, operations = request.plan.model, len(split_plan(request.plan))
        if (exceeded := self._check_model_limit(model, operations)) is not None:
            return exceeded
        after = {scope: usage.with_job(amount) for scope, usage in before.items()}
        self.member_usage[guild_id, user_id] = after[LimitScope.MEMBER]
        self.usage_everywhere[user_id] = after[LimitScope.EVERYWHERE]
        self.guild_usage[guild_id] = after[LimitScope.GUILD]
        self.bot_usage = after[LimitScope.BOT]
        self.model_requests[model] = self.model_requests.get(model, 0) + operations
        return build_quota_status(limits, after)

    def _check_model_limit(self, model: str, operations: int) -> LimitExceeded | None:
        allowed = self.policy.pace.requests_per_day
        used = self.model_requests.get(model, 0)
        if allowed is None or used + operations <= allowed:
            return None
        return LimitExceeded(LimitScope.MODEL, "requests_per_day", used, operations, allowed)


async def _load_totals(
    connection: AsyncConnection,
    requests: Sequence[AdmissionRequest],
    policy: SpendingPolicy,
    now: datetime,
) -> _AdmissionTotals:
    totals = _AdmissionTotals(policy)
    guild_ids = {request.origin.guild_id for request in requests}
    real_guild_ids = {guild_id for guild_id in guild_ids if guild_id is not None}
    user_ids = {request.origin.user_id for request in requests}
    parameters = {
        "guild_ids": [*real_guild_ids, WHOLE_BOT_ID],
        "user_ids": list(user_ids),
        "now": now,
    }
    for row in await connection.execute(_CLOSED_QUERY, parameters):
        if row.paused:
            by_operator = row.id == WHOLE_BOT_ID
            totals.pauses[row.id] = RequestsPaused(by_operator=by_operator, reason=row.pause_reason)
        if row.user_id is not None:
            totals.blocks[row.id, row.user_id] = RequestBlock(
                row.id, row.user_id, ends_at=row.ends_at, reason=row.reason
            )
    totals.limits_by_guild |= await usage_queries.load_limits(connection, real_guild_ids)
    active = await usage_queries.count_active_jobs(connection)
    members = await usage_queries.sum_member_usage(connection, user_ids, now)
    for key in product(guild_ids, user_ids):
        totals.member_usage[key] = replace(members.get(key, UsageTotals()), jobs=active.get(key, 0))
    for user_id in user_ids:
        totals.usage_everywhere[user_id] = usage_queries.sum_everywhere(members, active, user_id)
    if any(
        resolve_guild_limits(rows, policy=policy) != NO_LIMITS
        for rows in totals.limits_by_guild.values()
    ):
        totals.guild_usage |= await usage_queries.sum_guild_usage(connection, real_guild_ids, now)
    for guild_id in real_guild_ids:
        totals.guild_usage[guild_id] = replace(
            totals.guild_usage.get(guild_id, UsageTotals()),
            jobs=sum(
                count
                for (active_guild_id, _), count in active.items()
                if active_guild_id == guild_id
            ),
        )
    if policy.bot != NO_LIMITS:
        totals.bot_usage = await usage_queries.sum_bot_usage(connection, now)
    totals.bot_usage = replace(totals.bot_usage, jobs=sum(active.values()))
    if policy.pace.requests_per_day is not None:
        models = {request.plan.model for request in requests}
        totals.model_requests = await usage_queries.count_requests_today(connection, models, now)
    return totals


async def _find_accepted_jobs(connection: AsyncConnection, keys: Sequence[str]) -> dict[str, Job]:
    rows = (await connection.execute(_ACCEPTED_JOBS_QUERY, {"keys": keys})).mappings()
    return {row["dedupe_key"]: job_from_row(row) for row in rows}


@dataclass(frozen=True, slots=True)
class _NewJob:
    """A job to insert: one for each request, or one for each draft of a request for takes."""

    plan: VideoPlan
    origin: Origin
    retry_at: datetime | None
    takes_key: str | None = None
    take_number: int | None = None


def _list_new_jobs(request: AdmissionRequest, now: datetime) -> list[_NewJob]:
    retry_at, plans = _find_start(request, now), split_plan(request.plan)
    if request.plan.takes is None:
        return [_NewJob(request.plan, request.origin, retry_at)]
    key = request.origin.dedupe_key
    return [
        _NewJob(
            plan,
            request.origin
            if number == 1
            else replace(request.origin, dedupe_key=f"{key}+{number}"),
            retry_at,
            takes_key=key,
            take_number=number,
        )
        for number, plan in enumerate(plans, start=1)
    ]


async def _insert_jobs(
    connection: AsyncConnection,
    requests: Sequence[AdmissionRequest],
    owner: str | None,
    now: datetime,
) -> dict[str, Job]:
    """Insert the jobs with their reservations, and return them by their keys."""
    if not requests:
        return {}
    initial: dict[str, Any] = {
        "state": JobState.QUEUED,
        "owner": owner,
        "epoch": 0,
        "created_at": now,
        "attempts": 0,
    }
    new_jobs = [new_job for request in requests for new_job in _list_new_jobs(request, now)]
    rows = [
        job_to_row(new_job.plan, new_job.origin)
        | initial
        | {
            "retry_at": new_job.retry_at,
            "takes_key": new_job.takes_key,
            "take_number": new_job.take_number,
        }
        for new_job in new_jobs
    ]
    # Ids must be in the order of arrival, which is the order of the queue. SQLite inserts in this
    # order anyway. Asked for it, SQLAlchemy would insert one row at a time.
    statement = _build_jobs_insert(must_sort=connection.dialect.name == "postgresql")
    ids = {row.dedupe_key: row.id for row in await connection.execute(statement, rows)}
    written = {
        new_job.origin.dedupe_key: Job(
            id=ids[new_job.origin.dedupe_key],
            state=JobState.QUEUED,
            origin=new_job.origin,
            plan=new_job.plan,
            created_at=now,
            owner=owner,
            status_message_id=new_job.origin.user_install_reply.message_id
            if new_job.origin.user_install_reply
            else None,
            retry_at=new_job.retry_at,
            takes_key=new_job.takes_key,
            take_number=new_job.take_number,
        )
        for new_job in new_jobs
    }
    inputs = [
        {"job_id": job.id, "path": path}
        for job in written.values()
        for path in list_input_paths(job.plan)
    ]
    if inputs:
        await connection.execute(_INPUTS_INSERT, inputs)
    entries = [
        posting_to_row(posting)
        | {
            "recorded_at": now,
            "window_at": now,
            "job_id": job.id,
            "guild_id": job.origin.guild_id,
            "user_id": job.origin.user_id,
        }
        for job in written.values()
        for posting in build_reservation(UsageAmount.from_plan(job.plan))
    ]
    await connection.execute(_LEDGER_INSERT, entries)
    return written


async def _keep_drafts(connection: AsyncConnection, requests: Sequence[AdmissionRequest]) -> None:
    """Keep the drafts that are made in full: from now on they are clips like any other."""
    chosen = [each.plan.full_take for each in requests if each.plan.full_take is not None]
    if chosen:
        await connection.execute(
            update(clips_table).where(clips_table.c.id.in_(chosen)).values(draft_until=None)
        )


@cache
def _build_jobs_insert(*, must_sort: bool) -> ReturningInsert[tuple[int, str]]:
    return insert(jobs_table).returning(
        jobs_table.c.id, jobs_table.c.dedupe_key, sort_by_parameter_order=must_sort
    )


def _find_start(request: AdmissionRequest, now: datetime) -> datetime | None:
    return now + timedelta(seconds=request.start_after_s) if request.start_after_s > 0 else None


async def _build_refusals(
    connection: AsyncConnection,
    requests: Sequence[AdmissionRequest],
    answers: Sequence[Admission | RequestRefused | LimitExceeded],
    now: datetime,
) -> list[Admission | RequestRefused]:
    """Turn exceeded limits into refusals that say when enough becomes available."""
    times: dict[tuple[object, ...], datetime | None] = {}
    refusals: list[Admission | RequestRefused] = []
    for request, answer in zip(requests, answers, strict=True):
        if not isinstance(answer, LimitExceeded):
            refusals.append(answer)
            continue
        guild_id, user_id = request.origin.guild_id, request.origin.user_id
        key = (answer, guild_id, user_id, request.plan.model)
        if key not in times and not answer.is_unattainable:
            times[key] = await find_release_time(
                connection,
                answer.scope,
                answer.limit,
                guild_id=guild_id,
                user_id=user_id,
                model=request.plan.model,
                excess=answer.excess,
                now=now,
            )
        refusals.append(answer.as_error(times.get(key)))
    return refusals


# Built once, because building these costs more than running them.
_blocks = request_blocks_table.c
_CLOSED_QUERY = (
    select(
        guilds_table.c.id,
        guilds_table.c.paused,
        guilds_table.c.pause_reason,
        _blocks.user_id,
        _blocks.ends_at,
        _blocks.reason,
    )
    .outerjoin(
        request_blocks_table,
        and_(
            _blocks.guild_id == guilds_table.c.id,
            _blocks.user_id.in_(bindparam("user_ids", expanding=True)),
            or_(_blocks.ends_at.is_(None), _blocks.ends_at > bindparam("now", type_=UtcTime())),
        ),
    )
    .where(
        guilds_table.c.id.in_(bindparam("guild_ids", expanding=True)),
        or_(guilds_table.c.paused, _blocks.user_id.is_not(None)),
    )
)
_ACCEPTED_JOBS_QUERY = select(jobs_table).where(
    jobs_table.c.dedupe_key.in_(bindparam("keys", expanding=True))
)
_INPUTS_INSERT = insert(job_inputs_table)
_LEDGER_INSERT = insert(ledger_table)
