"""The ledger: balances, the state of quotas, and the limits that admins set."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import LedgerEntry, LedgerPosting, UsageRow, compute_balance
from bot.domain.billing.limits import (
    LIMIT_RULES_BY_NAME,
    NO_LIMITS,
    LimitRow,
    LimitSubject,
    QuotaLine,
    QuotaStatus,
    SpendingPolicy,
    UsageLimits,
    UsageTotals,
    build_quota_lines,
    build_quota_status,
    resolve_limits,
)
from bot.domain.billing.money import Micros
from bot.domain.errors import LimitScope
from bot.domain.jobs.job import Origin
from bot.domain.showcase.post import AuditEntry
from bot.store.billing import usage_queries
from bot.store.billing.entries import load_entries, load_totals
from bot.store.billing.release_times import WindowUsage
from bot.store.engine.database import Database
from bot.store.engine.types import DatabaseClock, database_now
from bot.store.showcase.audit_log import write_audit_entry
from bot.store.tables.core import ledger_table, limits_table
from bot.store.tables.row_mapping import posting_to_row


class LedgerStore:
    """Reads the ledger, adds grants to it, and stores the limits."""

    def __init__(self, database: Database, *, now: DatabaseClock = database_now) -> None:
        self._db = database
        self._now = now

    async def quota_status(self, origin: Origin, *, policy: SpendingPolicy) -> QuotaStatus:
        """Return the state of every limit that applies to ``origin``."""

        async def compute_status(connection: AsyncConnection) -> QuotaStatus:
            guild_id, user_id = origin.guild_id, origin.user_id
            rows: list[LimitRow] = []
            if guild_id is not None:
                rows = (await usage_queries.load_limits(connection, [guild_id]))[guild_id]
            limits = resolve_limits(
                rows, guild_id=guild_id, user_id=user_id, role_ids=origin.role_ids, policy=policy
            )
            if set(limits.values()) == {NO_LIMITS}:
                return QuotaStatus()
            now = await self._now(connection)
            active = await usage_queries.count_active_jobs(connection)
            members = await usage_queries.sum_member_usage(connection, [user_id], now)
            usages = dict.fromkeys(limits, UsageTotals())
            usages[LimitScope.MEMBER] = replace(
                members.get((guild_id, user_id), UsageTotals()),
                jobs=active.get((guild_id, user_id), 0),
            )
            usages[LimitScope.EVERYWHERE] = usage_queries.sum_everywhere(members, active, user_id)
            if guild_id is not None and limits[LimitScope.GUILD] != NO_LIMITS:
                guilds = await usage_queries.sum_guild_usage(connection, [guild_id], now)
                jobs = sum(count for (guild, _), count in active.items() if guild == guild_id)
                usages[LimitScope.GUILD] = replace(guilds.get(guild_id, UsageTotals()), jobs=jobs)
            if limits[LimitScope.BOT] != NO_LIMITS:
                usages[LimitScope.BOT] = replace(
                    await usage_queries.sum_bot_usage(connection, now), jobs=sum(active.values())
                )
            lines = build_quota_status(limits, usages).lines
            return QuotaStatus(await _add_release_times(connection, lines, guild_id, user_id, now))

        return await self._db.read(compute_status)

    async def list_bot_lines(self, limits: UsageLimits) -> tuple[QuotaLine, ...]:
        """Return the state of the whole bot's budgets, of which ``limits`` are the sizes.

        Running jobs are not counted.
        """

        async def sum_usage(connection: AsyncConnection) -> UsageTotals:
            return await usage_queries.sum_bot_usage(connection, await self._now(connection))

        if limits == NO_LIMITS:
            return ()
        return build_quota_lines(LimitScope.BOT, limits, await self._db.read(sum_usage))

    async def add_grant(
        self,
        *,
        guild_id: int,
        user_id: int | None,
        posting: LedgerPosting,
        actor_id: int,
        comment: str | None,
    ) -> None:
        """Add quota for a member, or to the server's budget (``user_id`` is `None`)."""
        about = {"guild_id": guild_id, "user_id": user_id, "actor_id": actor_id, "comment": comment}

        async def insert_entry(connection: AsyncConnection) -> None:
            now = await self._now(connection)
            when = {"recorded_at": now, "window_at": now}
            await connection.execute(
                insert(ledger_table).values(posting_to_row(posting) | about | when)
            )

        await self._db.write(insert_entry)

    async def list_usage(self, guild_id: int, *, since: datetime) -> list[UsageRow]:
        """Return what each member of a server has used, the most expensive first."""
        query = usage_queries.build_member_list(guild_id, since)

        async def fetch_usage(connection: AsyncConnection) -> list[UsageRow]:
            rows = await connection.execute(query)
            return [
                UsageRow(user_id, clips, seconds, Micros(money))
                for user_id, clips, seconds, money in rows
                if clips or money
            ]

        return await self._db.read(fetch_usage)

    async def list_entries(self, job_id: int) -> list[LedgerEntry]:
        """Return a job's entries, oldest first."""
        return await self._db.read(lambda connection: load_entries(connection, job_id))

    async def sum_reserved(self) -> Micros:
        """Return the micro-dollars that are reserved and neither settled nor refunded."""
        return compute_balance(await self._db.read_one(load_totals)).reserved.micros

    async def list_limits(self, guild_id: int) -> list[LimitRow]:
        """Return the limits that a server's admins have set."""
        limits = await self._db.read(
            lambda connection: usage_queries.load_limits(connection, [guild_id])
        )
        return limits[guild_id]

    async def set_limit(
        self,
        guild_id: int,
        subject: LimitSubject,
        subject_id: int,
        limits: UsageLimits | None,
        *,
        actor_id: int,
        now: datetime,
        audit_entry: AuditEntry | None = None,
    ) -> None:
        """Replace a limit; ``limits`` of `None` removes it.

        ``audit_entry`` is added to the server's audit log in the same transaction.
        """
        key = {"guild_id": guild_id, "subject": subject, "subject_id": subject_id}

        async def replace_limit(connection: AsyncConnection) -> None:
            await connection.execute(
                delete(limits_table).where(
                    *(limits_table.c[name] == value for name, value in key.items())
                )
            )
            if limits is not None and limits != NO_LIMITS:
                changed = {"changed_by": actor_id, "changed_at": now}
                await connection.execute(insert(limits_table).values(key | dict(limits) | changed))
            if audit_entry is not None:
                await write_audit_entry(connection, audit_entry)

        await self._db.write(replace_limit)


async def _add_release_times(
    connection: AsyncConnection,
    lines: Sequence[QuotaLine],
    guild_id: int | None,
    user_id: int,
    now: datetime,
) -> tuple[QuotaLine, ...]:
    """Add to each used line when the oldest usage leaves its window."""
    releases: dict[tuple[LimitScope, str], datetime | None] = {}
    for scope, window in {(line.scope, LIMIT_RULES_BY_NAME[line.limit].window) for line in lines}:
        if window is None:
            continue
        measures = {
            rule.measure: line.limit
            for line in lines
            if line.scope is scope and line.used > 0
            if (rule := LIMIT_RULES_BY_NAME[line.limit]).window == window and rule.measure
        }
        if measures:
            usage = WindowUsage(scope, window, guild_id=guild_id, user_id=user_id, now=now)
            found = await usage.find_releases(connection, dict.fromkeys(measures, 1))
            releases |= {(scope, measures[measure]): at for measure, at in found.items()}
    return tuple(replace(line, frees_at=releases.get((line.scope, line.limit))) for line in lines)
