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

from bot.domain.billing.ledger import reserve
from bot.domain.billing.limits import (
    NO_LIMITS,
    Amount,
    Breach,
    LimitRow,
    Policy,
    Usage,
    breach,
    guild_limits,
    member_limits,
)
from bot.domain.errors import AlreadyAccepted, Paused, Refused, Scope
from bot.domain.jobs.job import Job, JobState
from bot.domain.stores import Ask
from bot.store.billing import usage_queries
from bot.store.engine.database import take_lock
from bot.store.engine.types import Now
from bot.store.tables.core import guilds, jobs, ledger
from bot.store.tables.row_mapping import job_from_row, job_to_row, no_guild, posting_to_row

ADMISSION_LOCK: Final = 0x636C_6170_01
_BOT: Final = 0


async def admit(
    connection: AsyncConnection,
    asks: Sequence[Ask],
    *,
    policy: Policy,
    owner: str | None,
    clock: Now,
) -> list[Job | Refused]:
    """Decide ``asks`` in order; see `bot.domain.stores.Jobs.admit`."""
    await take_lock(connection, ADMISSION_LOCK)
    now = await clock(connection)  # behind the lock, so that times follow the order of decisions
    answers: dict[int, Job | Refused | Breach] = {}
    known = await _known(connection, [ask.origin.key for ask in asks])
    books = await _open_books(connection, asks, policy, now)
    accepted: dict[str, int] = {}
    for place, ask in enumerate(asks):
        key = ask.origin.key
        if key in known:
            answers[place] = AlreadyAccepted(known[key])
        elif key not in accepted:
            answer = books.ask(ask)
            if answer is None:
                accepted[key] = place
            else:
                answers[place] = answer
    written = await _write(connection, [asks[place] for place in accepted.values()], owner, now)
    for place, ask in enumerate(asks):
        if place not in answers:
            job = written[ask.origin.key]
            answers[place] = job if accepted[ask.origin.key] == place else AlreadyAccepted(job)
    return await _worded(connection, asks, [answers[place] for place in range(len(asks))], now)


class _Books:
    """The sums as they stand after each decision of this transaction."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.paused: dict[int, Paused] = {}
        self.rows: dict[int, list[LimitRow]] = {}
        self.members: dict[tuple[int, int], Usage] = {}
        self.guilds: dict[int, Usage] = {}
        self.bot = Usage()
        self.requests: dict[str, int] = {}

    def ask(self, ask: Ask) -> Refused | Breach | None:
        """Take ``ask`` into the books, or say why not."""
        guild_id, user_id = no_guild(ask.origin.guild_id), ask.origin.user_id
        if self.policy.paused:
            return Paused(by_operator=True)
        for place in (_BOT, guild_id):
            if place in self.paused:
                return self.paused[place]
        amount = Amount.of(ask.plan)
        member = self.members.get((guild_id, user_id), Usage())
        guild = self.guilds.get(guild_id, Usage())
        rows = self.rows.get(guild_id, [])
        own = member_limits(rows, user_id=user_id, role_ids=ask.origin.role_ids, policy=self.policy)
        budget = guild_limits(rows, policy=self.policy) if guild_id else NO_LIMITS
        found = (
            breach(Scope.MEMBER, own, member, amount)
            or breach(Scope.GUILD, budget, guild, amount)
            or breach(Scope.BOT, self.policy.bot, self.bot, amount)
            or self._model_breach(ask.plan.model)
        )
        if found is not None:
            return found
        self.members[guild_id, user_id] = member.plus(amount)
        self.guilds[guild_id] = guild.plus(amount)
        self.bot = self.bot.plus(amount)
        self.requests[ask.plan.model] = self.requests.get(ask.plan.model, 0) + 1
        return None

    def _model_breach(self, model: str) -> Breach | None:
        allowed = self.policy.pace.requests_per_day
        used = self.requests.get(model, 0)
        if allowed is None or used < allowed:
            return None
        return Breach(Scope.MODEL, "requests_per_day", used, 1, allowed)


async def _open_books(
    connection: AsyncConnection, asks: Sequence[Ask], policy: Policy, now: datetime
) -> _Books:
    books = _Books(policy)
    guild_ids = {no_guild(ask.origin.guild_id) for ask in asks} | {_BOT}
    paused = select(guilds.c.id, guilds.c.pause_reason).where(
        guilds.c.id.in_(guild_ids), guilds.c.paused
    )
    for guild_id, reason in await connection.execute(paused):
        books.paused[guild_id] = Paused(by_operator=guild_id == _BOT, reason=reason)
    books.rows = await usage_queries.limit_rows(connection, guild_ids)
    user_ids = {ask.origin.user_id for ask in asks}
    active = await usage_queries.active_jobs(connection)
    members = await usage_queries.members_usage(connection, user_ids, now)
    for guild_id in guild_ids:
        for user_id in user_ids:
            who = (guild_id, user_id)
            usage = members.get(who, Usage())
            books.members[who] = usage_queries.with_jobs(usage, active.get(who, 0))
    if any(guild_limits(rows, policy=policy) != NO_LIMITS for rows in books.rows.values()):
        books.guilds = await usage_queries.guilds_usage(connection, guild_ids - {_BOT}, now)
    for guild_id in guild_ids:
        count = sum(number for (guild, _), number in active.items() if guild == guild_id)
        books.guilds[guild_id] = usage_queries.with_jobs(books.guilds.get(guild_id, Usage()), count)
    if policy.bot != NO_LIMITS:
        books.bot = await usage_queries.bot_usage(connection, now)
    books.bot = usage_queries.with_jobs(books.bot, sum(active.values()))
    if policy.pace.requests_per_day is not None:
        models = {ask.plan.model for ask in asks}
        books.requests = await usage_queries.requests_today(connection, models, now)
    return books


async def _known(connection: AsyncConnection, keys: Sequence[str]) -> dict[str, Job]:
    rows = (await connection.execute(select(jobs).where(jobs.c.key.in_(keys)))).mappings()
    return {row["key"]: job_from_row(row) for row in rows}


async def _write(
    connection: AsyncConnection, asks: Sequence[Ask], owner: str | None, now: datetime
) -> dict[str, Job]:
    if not asks:
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
    rows = [job_to_row(ask.plan, ask.origin) | fresh for ask in asks]
    ids = (await connection.execute(statement, rows)).scalars()
    written = {
        ask.origin.key: Job(
            id=job_id,
            state=JobState.QUEUED,
            origin=ask.origin,
            plan=ask.plan,
            created_at=now,
            owner=owner,
            status_message_id=ask.origin.visit.message_id if ask.origin.visit else None,
        )
        for ask, job_id in zip(asks, ids, strict=True)
    }
    entries = [
        posting_to_row(posting)
        | {
            "at": now,
            "counted_at": now,
            "job_id": job.id,
            "guild_id": no_guild(job.origin.guild_id),
            "user_id": job.origin.user_id,
        }
        for job in written.values()
        for posting in reserve(Amount.of(job.plan))
    ]
    await connection.execute(insert(ledger), entries)
    return written


async def _worded(
    connection: AsyncConnection,
    asks: Sequence[Ask],
    answers: Sequence[Job | Refused | Breach],
    now: datetime,
) -> list[Job | Refused]:
    """Add to each breach when it frees."""
    times: dict[tuple[object, ...], datetime | None] = {}
    worded: list[Job | Refused] = []
    for ask, answer in zip(asks, answers, strict=True):
        if not isinstance(answer, Breach):
            worded.append(answer)
            continue
        guild_id, user_id = no_guild(ask.origin.guild_id), ask.origin.user_id
        question = (answer, guild_id, user_id, ask.plan.model)
        if question not in times and not answer.hopeless:
            times[question] = await usage_queries.frees_at(
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
