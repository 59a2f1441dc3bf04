"""The one door for requests: limits checked, money reserved and jobs written, or nothing at all.

Requests that arrive together are decided together, one after the other in memory, inside one
transaction that every other door waits for. So two requests can never both take the last clip of a
limit, whatever process they came through, and the price of the lock is paid once for many.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import build_reservation
from bot.domain.billing.limits import (
    NO_LIMITS,
    LimitExceeded,
    LimitRow,
    SpendingPolicy,
    UsageAmount,
    UsageTotals,
    find_exceeded_limit,
    resolve_guild_limits,
    resolve_member_limits,
)
from bot.domain.errors import AlreadyAccepted, LimitScope, RequestRefused, RequestsPaused
from bot.domain.jobs.job import Job, JobState
from bot.domain.stores import AdmissionRequest
from bot.store.billing import usage_queries
from bot.store.engine.database import take_lock
from bot.store.engine.types import DatabaseClock
from bot.store.tables.core import guilds, jobs, ledger
from bot.store.tables.row_mapping import (
    guild_id_to_column,
    job_from_row,
    job_to_row,
    posting_to_row,
)

ADMISSION_LOCK: Final = 0x636C_6170_01
_WHOLE_BOT: Final = 0


async def admit_requests(
    connection: AsyncConnection,
    requests: Sequence[AdmissionRequest],
    *,
    policy: SpendingPolicy,
    owner: str | None,
    clock: DatabaseClock,
) -> list[Job | RequestRefused]:
    """Decide ``asks`` in order; see `bot.domain.stores.Jobs.admit`."""
    await take_lock(connection, ADMISSION_LOCK)
    now = await clock(connection)  # behind the lock, so that times follow the order of decisions
    answers: dict[int, Job | RequestRefused | LimitExceeded] = {}
    known = await _find_accepted_jobs(connection, [ask.origin.key for ask in requests])
    books = await _load_totals(connection, requests, policy, now)
    accepted: dict[str, int] = {}
    for place, ask in enumerate(requests):
        key = ask.origin.key
        if key in known:
            answers[place] = AlreadyAccepted(known[key])
        elif key not in accepted:
            answer = books.admit_request(ask)
            if answer is None:
                accepted[key] = place
            else:
                answers[place] = answer
    written = await _insert_jobs(
        connection, [requests[place] for place in accepted.values()], owner, now
    )
    for place, ask in enumerate(requests):
        if place not in answers:
            job = written[ask.origin.key]
            answers[place] = job if accepted[ask.origin.key] == place else AlreadyAccepted(job)
    return await _build_refusals(
        connection, requests, [answers[place] for place in range(len(requests))], now
    )


class _AdmissionTotals:
    """The sums as they stand after each decision of this transaction."""

    def __init__(self, policy: SpendingPolicy) -> None:
        self.policy = policy
        self.pauses: dict[int, RequestsPaused] = {}
        self.limits_by_guild: dict[int, list[LimitRow]] = {}
        self.member_usage: dict[tuple[int, int], UsageTotals] = {}
        self.guild_usage: dict[int, UsageTotals] = {}
        self.bot_usage = UsageTotals()
        self.model_requests: dict[str, int] = {}

    def admit_request(self, request: AdmissionRequest) -> RequestRefused | LimitExceeded | None:
        """Take ``ask`` into the books, or say why not."""
        guild_id, user_id = guild_id_to_column(request.origin.guild_id), request.origin.user_id
        if self.policy.paused:
            return RequestsPaused(by_operator=True)
        for place in (_WHOLE_BOT, guild_id):
            if place in self.pauses:
                return self.pauses[place]
        amount = UsageAmount.from_plan(request.plan)
        member = self.member_usage.get((guild_id, user_id), UsageTotals())
        guild = self.guild_usage.get(guild_id, UsageTotals())
        rows = self.limits_by_guild.get(guild_id, [])
        own = resolve_member_limits(
            rows, user_id=user_id, role_ids=request.origin.role_ids, policy=self.policy
        )
        budget = resolve_guild_limits(rows, policy=self.policy) if guild_id else NO_LIMITS
        found = (
            find_exceeded_limit(LimitScope.MEMBER, own, member, amount)
            or find_exceeded_limit(LimitScope.GUILD, budget, guild, amount)
            or find_exceeded_limit(LimitScope.BOT, self.policy.bot, self.bot_usage, amount)
            or self._check_model_limit(request.plan.model)
        )
        if found is not None:
            return found
        self.member_usage[guild_id, user_id] = member.with_job(amount)
        self.guild_usage[guild_id] = guild.with_job(amount)
        self.bot_usage = self.bot_usage.with_job(amount)
        self.model_requests[request.plan.model] = self.model_requests.get(request.plan.model, 0) + 1
        return None

    def _check_model_limit(self, model: str) -> LimitExceeded | None:
        allowed = self.policy.pace.requests_per_day
        used = self.model_requests.get(model, 0)
        if allowed is None or used < allowed:
            return None
        return LimitExceeded(LimitScope.MODEL, "requests_per_day", used, 1, allowed)


async def _load_totals(
    connection: AsyncConnection,
    requests: Sequence[AdmissionRequest],
    policy: SpendingPolicy,
    now: datetime,
) -> _AdmissionTotals:
    books = _AdmissionTotals(policy)
    guild_ids = {guild_id_to_column(ask.origin.guild_id) for ask in requests} | {_WHOLE_BOT}
    paused = select(guilds.c.id, guilds.c.pause_reason).where(
        guilds.c.id.in_(guild_ids), guilds.c.paused
    )
    for guild_id, reason in await connection.execute(paused):
        books.pauses[guild_id] = RequestsPaused(by_operator=guild_id == _WHOLE_BOT, reason=reason)
    books.limits_by_guild = await usage_queries.load_limits(connection, guild_ids)
    user_ids = {ask.origin.user_id for ask in requests}
    active = await usage_queries.count_active_jobs(connection)
    members = await usage_queries.sum_member_usage(connection, user_ids, now)
    for guild_id in guild_ids:
        for user_id in user_ids:
            who = (guild_id, user_id)
            usage = members.get(who, UsageTotals())
            books.member_usage[who] = usage_queries.with_active_jobs(usage, active.get(who, 0))
    if any(
        resolve_guild_limits(rows, policy=policy) != NO_LIMITS
        for rows in books.limits_by_guild.values()
    ):
        books.guild_usage = await usage_queries.sum_guild_usage(
            connection, guild_ids - {_WHOLE_BOT}, now
        )
    for guild_id in guild_ids:
        count = sum(number for (guild, _), number in active.items() if guild == guild_id)
        books.guild_usage[guild_id] = usage_queries.with_active_jobs(
            books.guild_usage.get(guild_id, UsageTotals()), count
        )
    if policy.bot != NO_LIMITS:
        books.bot_usage = await usage_queries.sum_bot_usage(connection, now)
    books.bot_usage = usage_queries.with_active_jobs(books.bot_usage, sum(active.values()))
    if policy.pace.requests_per_day is not None:
        models = {ask.plan.model for ask in requests}
        books.model_requests = await usage_queries.count_requests_today(connection, models, now)
    return books


async def _find_accepted_jobs(connection: AsyncConnection, keys: Sequence[str]) -> dict[str, Job]:
    rows = (await connection.execute(select(jobs).where(jobs.c.key.in_(keys)))).mappings()
    return {row["key"]: job_from_row(row) for row in rows}


async def _insert_jobs(
    connection: AsyncConnection,
    requests: Sequence[AdmissionRequest],
    owner: str | None,
    now: datetime,
) -> dict[str, Job]:
    if not requests:
        return {}
    fresh: dict[str, Any] = {
        "state": JobState.QUEUED,
        "owner": owner,
        "epoch": 0,
        "created_at": now,
        "attempts": 0,
    }
    # numbers in the order of arrival: the queue goes by them
    statement = insert(jobs).returning(jobs.c.id, sort_by_parameter_order=True)
    rows = [job_to_row(ask.plan, ask.origin) | fresh for ask in requests]
    ids = (await connection.execute(statement, rows)).scalars()
    written = {
        ask.origin.key: Job(
            id=job_id,
            state=JobState.QUEUED,
            origin=ask.origin,
            plan=ask.plan,
            created_at=now,
            owner=owner,
            status_message_id=ask.origin.user_install_reply.message_id
            if ask.origin.user_install_reply
            else None,
        )
        for ask, job_id in zip(requests, ids, strict=True)
    }
    entries = [
        posting_to_row(posting)
        | {
            "at": now,
            "counted_at": now,
            "job_id": job.id,
            "guild_id": guild_id_to_column(job.origin.guild_id),
            "user_id": job.origin.user_id,
        }
        for job in written.values()
        for posting in build_reservation(UsageAmount.from_plan(job.plan))
    ]
    await connection.execute(insert(ledger), entries)
    return written


async def _build_refusals(
    connection: AsyncConnection,
    requests: Sequence[AdmissionRequest],
    answers: Sequence[Job | RequestRefused | LimitExceeded],
    now: datetime,
) -> list[Job | RequestRefused]:
    """Add to each breach when it frees."""
    times: dict[tuple[object, ...], datetime | None] = {}
    worded: list[Job | RequestRefused] = []
    for ask, answer in zip(requests, answers, strict=True):
        if not isinstance(answer, LimitExceeded):
            worded.append(answer)
            continue
        guild_id, user_id = guild_id_to_column(ask.origin.guild_id), ask.origin.user_id
        question = (answer, guild_id, user_id, ask.plan.model)
        if question not in times and not answer.is_unattainable:
            times[question] = await usage_queries.find_release_time(
                connection,
                answer.scope,
                answer.limit,
                guild_id=guild_id,
                user_id=user_id,
                model=ask.plan.model,
                excess=answer.excess,
                now=now,
            )
        worded.append(answer.as_error(times.get(question)))
    return worded
