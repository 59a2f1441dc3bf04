"""Balances, what people may still spend, and the limits that admins set."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import Entry, EntryKind, Posting
from bot.domain.billing.limits import (
    NO_LIMITS,
    LimitRow,
    Limits,
    Line,
    Policy,
    Standing,
    Subject,
    Usage,
    guild_limits,
    member_limits,
    standing_lines,
)
from bot.domain.billing.money import Micros
from bot.domain.errors import Scope
from bot.domain.jobs.job import Origin
from bot.domain.stores import UsageRow
from bot.store.billing import usage_queries
from bot.store.billing.entries import entries_of
from bot.store.engine.database import Database
from bot.store.engine.types import Now, database_now
from bot.store.tables.core import ledger
from bot.store.tables.core import limits as limit_table
from bot.store.tables.row_mapping import no_guild, posting_to_row


class LedgerStore:
    """`bot.domain.stores.Ledger` over SQLAlchemy."""

    def __init__(self, database: Database, *, now: Now = database_now) -> None:
        self._db = database
        self._now = now

    async def standing(self, origin: Origin, *, policy: Policy) -> Standing:
        """Return how every limit stands that holds for ``origin``."""

        async def work(connection: AsyncConnection) -> Standing:
            now = await self._now(connection)
            guild_id, user_id = no_guild(origin.guild_id), origin.user_id
            rows = (await usage_queries.limit_rows(connection, [guild_id]))[guild_id]
            own = member_limits(rows, user_id=user_id, role_ids=origin.role_ids, policy=policy)
            budget = guild_limits(rows, policy=policy) if guild_id else NO_LIMITS
            active = await usage_queries.active_jobs(connection)
            member = (await usage_queries.members_usage(connection, [user_id], now)).get(
                (guild_id, user_id), Usage()
            )
            lines = standing_lines(
                Scope.MEMBER,
                own,
                usage_queries.with_jobs(member, active.get((guild_id, user_id), 0)),
            )
            if budget != NO_LIMITS:
                usages = await usage_queries.guilds_usage(connection, [guild_id], now)
                here = sum(count for (guild, _), count in active.items() if guild == guild_id)
                usage = usage_queries.with_jobs(usages.get(guild_id, Usage()), here)
                lines += standing_lines(Scope.GUILD, budget, usage)
            if policy.bot != NO_LIMITS:
                usage = usage_queries.with_jobs(
                    await usage_queries.bot_usage(connection, now), sum(active.values())
                )
                lines += standing_lines(Scope.BOT, policy.bot, usage)
            return Standing(await _with_times(connection, lines, guild_id, user_id, now))

        return await self._db.read(work)

    async def grant(
        self,
        *,
        guild_id: int,
        user_id: int | None,
        posting: Posting,
        by: int,
        note: str | None,
    ) -> None:
        """Add room for a member, or for the server's budget."""
        about = {"guild_id": guild_id, "user_id": user_id or 0, "by": by, "note": note}

        async def work(connection: AsyncConnection) -> None:
            now = await self._now(connection)
            when = {"at": now, "counted_at": now}
            await connection.execute(insert(ledger).values(posting_to_row(posting) | about | when))

        await self._db.write(work)

    async def usage(self, guild_id: int, *, since: datetime) -> list[UsageRow]:
        """Return what each member of a server has used, the dearest first."""
        micros = func.sum(ledger.c.micros)
        query = (
            select(
                ledger.c.user_id,
                func.sum(ledger.c.clips),
                func.sum(ledger.c.seconds),
                micros,
            )
            .where(
                ledger.c.guild_id == guild_id,
                ledger.c.counted_at > since,
                usage_queries.COUNTED,
                usage_queries.FOR_HOUSE,
            )
            .group_by(ledger.c.user_id)
            .order_by(micros.desc(), ledger.c.user_id)
        )

        async def work(connection: AsyncConnection) -> list[UsageRow]:
            rows = await connection.execute(query)
            return [
                UsageRow(user_id, int(clips), int(seconds), Micros(int(money)))
                for user_id, clips, seconds, money in rows
                if clips or money
            ]

        return await self._db.read(work)

    async def entries(self, job_id: int) -> list[Entry]:
        """Return a job's entries, oldest first."""
        return await self._db.read(lambda connection: entries_of(connection, job_id))

    async def reserved(self) -> Micros:
        """Return what is reserved and neither settled nor refunded."""
        query = select(ledger.c.kind, func.sum(ledger.c.micros)).group_by(ledger.c.kind)

        async def work(connection: AsyncConnection) -> Micros:
            by_kind = {kind: int(total) for kind, total in await connection.execute(query)}
            return Micros(
                by_kind.get(EntryKind.RESERVE, 0)
                + by_kind.get(EntryKind.REFUND, 0)
                - by_kind.get(EntryKind.SETTLE, 0)
            )

        return await self._db.read(work)

    async def limits(self, guild_id: int) -> list[LimitRow]:
        """Return the limits that a server's admins have set."""

        async def work(connection: AsyncConnection) -> list[LimitRow]:
            return (await usage_queries.limit_rows(connection, [guild_id]))[guild_id]

        return await self._db.read(work)

    async def set_limit(
        self,
        guild_id: int,
        subject: Subject,
        subject_id: int,
        limits: Limits | None,
        *,
        by: int,
        now: datetime,
    ) -> None:
        """Set a limit in place of the one before."""
        whose = {"guild_id": guild_id, "subject": subject, "subject_id": subject_id}

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(
                delete(limit_table).where(
                    *(limit_table.c[name] == value for name, value in whose.items())
                )
            )
            if limits is not None and limits != NO_LIMITS:
                changed = {"changed_by": by, "changed_at": now}
                await connection.execute(insert(limit_table).values(whose | dict(limits) | changed))

        await self._db.write(work)


async def _with_times(
    connection: AsyncConnection,
    lines: Sequence[Line],
    guild_id: int,
    user_id: int,
    now: datetime,
) -> tuple[Line, ...]:
    """Add to each line that is used when the first part of it frees."""
    timed = []
    for line in lines:
        at = None
        if line.used > 0:
            at = await usage_queries.frees_at(
                connection,
                line.scope,
                line.limit,
                guild_id=guild_id,
                user_id=user_id,
                model="",
                excess=1,
                now=now,
            )
        timed.append(replace(line, frees_at=at))
    return tuple(timed)
