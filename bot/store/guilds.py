"""The rules of servers, and which servers got the welcome message."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, and_, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.guild import ExtendPermission, GuildRules, ReplyMode, ReviewScope
from bot.domain.jobs.request import PersonRule
from bot.domain.moderation.request_block import RequestBlock
from bot.domain.showcase.post import AuditEntry
from bot.store.engine.database import Store
from bot.store.engine.types import database_time
from bot.store.engine.upserts import insert_if_absent, upsert
from bot.store.moderation.report_rows import reopen_cases
from bot.store.showcase.audit_log import write_audit_entry
from bot.store.showcase.footage import take_reach_lock
from bot.store.tables.core import channel_rules_table, guilds_table, welcomed_guilds_table
from bot.store.tables.moderation import request_blocks_table

_blocks = request_blocks_table.c


class GuildStore(Store):
    """Rules of servers, and of the whole bot under `WHOLE_BOT_ID`."""

    async def load_rules(self, guild_id: int) -> GuildRules:
        """Return the server's rules, or the defaults if it has none."""
        return (await self.load_rules_of([guild_id]))[guild_id]

    async def load_rules_of(self, guild_ids: Collection[int]) -> dict[int, GuildRules]:
        """Return the rules of several servers, with one query."""
        return _group_rules(guild_ids, await self._db.read_rows(_build_rules_query(guild_ids)))

    async def load_rules_for_member(
        self, guild_ids: Collection[int], user_id: int
    ) -> tuple[dict[int, GuildRules], RequestBlock | None]:
        """Return the rules of servers, and the block that a member has in one of them.

        This is one query, because every request needs both.
        """
        query = (
            _build_rules_query(guild_ids)
            .add_columns(
                _blocks.user_id.label("blocked_user_id"),
                _blocks.ends_at.label("block_ends_at"),
                _blocks.reason.label("block_reason"),
            )
            .outerjoin(
                request_blocks_table,
                and_(
                    _blocks.guild_id == guilds_table.c.id,
                    _blocks.user_id == user_id,
                    is_block_active(),
                ),
            )
        )
        rows = await self._db.read_rows(query)
        blocks = (
            RequestBlock(row["id"], user_id, row["block_ends_at"], row["block_reason"])
            for row in rows
            if row["blocked_user_id"] is not None
        )
        return _group_rules(guild_ids, rows), next(blocks, None)

    async def save_rules(
        self,
        rules: GuildRules,
        *,
        actor_id: int,
        now: datetime,
        previous: GuildRules | None = None,
        audit_entries: Sequence[AuditEntry] = (),
    ) -> None:
        """Write the rules of a server that differ from ``previous``, or all without it.

        ``audit_entries`` are added to the server's audit log in the same transaction.
        """
        row = _rules_to_row(rules)
        old = {} if previous is None else _rules_to_row(previous)
        unchanged = {name for name, value in old.items() if row[name] == value}
        old_channels = {} if previous is None else previous.channel_person_rules
        changed_channels = [
            {"id": channel_id, "guild_id": rules.guild_id, "person_rule": rule}
            for channel_id, rule in rules.channel_person_rules.items()
            if old_channels.get(channel_id) != rule
        ]
        removed = [channel_rules_table.c.guild_id == rules.guild_id]
        if previous is not None:
            removed.append(
                channel_rules_table.c.id.in_(set(old_channels) - set(rules.channel_person_rules))
            )

        is_new_staff_channel = rules.staff_channel is not None and (
            previous is None or previous.staff_channel != rules.staff_channel
        )

        async def write_rows(connection: AsyncConnection) -> None:
            changed: dict[str, Any] = {"changed_by": actor_id, "changed_at": now}
            if is_new_staff_channel:
                await take_reach_lock(connection)
                await reopen_cases(connection, rules.guild_id, staff_channel=rules.staff_channel)
                changed["staff_hint_at"] = None
            await upsert(connection, guilds_table, row | changed, unchanged_columns=unchanged)
            await connection.execute(delete(channel_rules_table).where(*removed))
            for channel in changed_channels:
                await upsert(connection, channel_rules_table, channel)
            for audit_entry in audit_entries:
                await write_audit_entry(connection, audit_entry)

        await self._db.write(write_rows)


class WelcomeStore(Store):
    """Which servers got the welcome message."""

    async def claim(self, guild_id: int, *, now: datetime) -> bool:
        """Record that a server gets the welcome message; return ``False`` if it already did."""
        row = {"guild_id": guild_id, "welcomed_at": now}
        return await self._db.write(
            lambda connection: insert_if_absent(connection, welcomed_guilds_table, row)
        )


async def ensure_guild(connection: AsyncConnection, guild_id: int) -> None:
    """Add the row of a server that has none, with the default rules."""
    await insert_if_absent(connection, guilds_table, _rules_to_row(GuildRules(guild_id)))


def is_block_active() -> ColumnElement[bool]:
    """Return the condition for a request block that has not ended, by the database's clock."""
    return or_(_blocks.ends_at.is_(None), _blocks.ends_at > database_time())


def _build_rules_query(guild_ids: Collection[int]) -> Select[Any]:
    return (
        select(
            guilds_table,
            channel_rules_table.c.id.label("channel_id"),
            channel_rules_table.c.person_rule.label("channel_person_rule"),
        )
        .select_from(guilds_table)
        .outerjoin(channel_rules_table, channel_rules_table.c.guild_id == guilds_table.c.id)
        .where(guilds_table.c.id.in_(guild_ids))
    )


def _group_rules(guild_ids: Collection[int], rows: Sequence[RowMapping]) -> dict[int, GuildRules]:
    by_guild: dict[int, list[RowMapping]] = {}
    for row in rows:
        by_guild.setdefault(row["id"], []).append(row)
    return {
        guild_id: _rules_from_rows(guild_id, by_guild.get(guild_id, [])) for guild_id in guild_ids
    }


def _rules_from_rows(guild_id: int, rows: Sequence[RowMapping]) -> GuildRules:
    """Build a server's rules from its row, which is repeated for each channel's person rule."""
    if not rows:
        return GuildRules(guild_id)
    row = rows[0]
    rule = row["person_rule"]
    return GuildRules(
        guild_id=guild_id,
        paused=row["paused"],
        pause_reason=row["pause_reason"],
        person_rule=None if rule is None else PersonRule(rule),
        channel_person_rules={
            row["channel_id"]: PersonRule(row["channel_person_rule"])
            for row in rows
            if row["channel_id"] is not None
        },
        confirm_above=row["confirm_above"],
        locale=row["locale"],
        extend_by=ExtendPermission(row["extend_by"]),
        allowed_channels=frozenset(json.loads(row["allowed_channels"])),
        reply_mode=ReplyMode(row["reply_mode"]),
        shows_prices=row["shows_prices"],
        age_restricted_only=row["age_restricted_only"],
        reports_to_hide=row["reports_to_hide"],
        staff_channel=row["staff_channel"],
        review_scope=ReviewScope(row["review_scope"]),
        trusted_role=row["trusted_role"],
        review_channel=row["review_channel"],
        word_list_version=row["word_list_version"],
    )


def _rules_to_row(rules: GuildRules) -> dict[str, Any]:
    return {
        "id": rules.guild_id,
        "paused": rules.paused,
        "pause_reason": rules.pause_reason,
        "person_rule": rules.person_rule,
        "confirm_above": rules.confirm_above,
        "locale": rules.locale,
        "extend_by": rules.extend_by,
        "allowed_channels": json.dumps(sorted(rules.allowed_channels)),
        "reply_mode": rules.reply_mode,
        "shows_prices": rules.shows_prices,
        "age_restricted_only": rules.age_restricted_only,
        "reports_to_hide": rules.reports_to_hide,
        "staff_channel": rules.staff_channel,
        "review_scope": rules.review_scope,
        "trusted_role": rules.trusted_role,
        "review_channel": rules.review_channel,
    }
