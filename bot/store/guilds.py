"""Servers and their rules; row 0 is the bot as a whole."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.guild import ExtendPermission, GuildRules
from bot.domain.jobs.request import PersonRule
from bot.store.engine.database import Database
from bot.store.showcase.audit_log import insert_if_absent, upsert
from bot.store.tables.core import channels, greetings, guilds


class GuildStore:
    """`bot.domain.stores.Guilds` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def load_rules(self, guild_id: int) -> GuildRules:
        """Return the server's rules; the defaults where it has none."""
        return (await self.load_rules_of([guild_id]))[guild_id]

    async def load_rules_of(self, guild_ids: Collection[int]) -> dict[int, GuildRules]:
        """Return the rules of several servers, read in one statement."""
        query = (
            select(
                guilds,
                channels.c.id.label("channel_id"),
                channels.c.person_rule.label("channel_person_rule"),
            )
            .outerjoin(channels, channels.c.guild_id == guilds.c.id)
            .where(guilds.c.id.in_(guild_ids))
        )

        async def fetch_rules(connection: AsyncConnection) -> dict[int, GuildRules]:
            rows: dict[int, list[RowMapping]] = {}
            for row in (await connection.execute(query)).mappings():
                rows.setdefault(row["id"], []).append(row)
            return {
                guild_id: _rules_from_rows(guild_id, rows.get(guild_id, []))
                for guild_id in guild_ids
            }

        return await self._db.read(fetch_rules)

    async def save_rules(
        self, rules: GuildRules, *, actor_id: int, now: datetime, previous: GuildRules | None = None
    ) -> None:
        """Write the rules of a server that differ from ``before``; without it, all of them."""
        row = _rules_to_row(rules)
        old = {} if previous is None else _rules_to_row(previous)
        kept = {name for name, value in old.items() if row[name] == value}
        had = {} if previous is None else previous.channel_person_rules
        stricter = [
            {"id": channel_id, "guild_id": rules.guild_id, "person_rule": rule}
            for channel_id, rule in rules.channel_person_rules.items()
            if had.get(channel_id) != rule
        ]
        gone = [channels.c.guild_id == rules.guild_id]
        if previous is not None:
            gone.append(channels.c.id.in_(set(had) - set(rules.channel_person_rules)))

        async def write_rows(connection: AsyncConnection) -> None:
            changed = {"changed_by": actor_id, "changed_at": now}
            await upsert(connection, guilds, row | changed, unchanged_columns=kept)
            await connection.execute(delete(channels).where(*gone))
            for each in stricter:
                await upsert(connection, channels, each)

        await self._db.write(write_rows)


class WelcomeStore:
    """`bot.domain.guild.Greetings` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def claim(self, guild_id: int, *, now: datetime) -> bool:
        """Write that a server is greeted; ``False`` where that stands already."""
        row = {"guild_id": guild_id, "greeted_at": now}
        return await self._db.write(lambda connection: insert_if_absent(connection, greetings, row))


def _rules_from_rows(guild_id: int, rows: Sequence[RowMapping]) -> GuildRules:
    """Build a server's rules from its row, repeated for each channel that has a person rule."""
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
            each["channel_id"]: PersonRule(each["channel_person_rule"])
            for each in rows
            if each["channel_id"] is not None
        },
        confirm_above=row["confirm_above"],
        locale=row["locale"],
        extend_by=ExtendPermission(row["extend_by"]),
        allowed_channels=frozenset(json.loads(row["allowed_channels"])),
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
    }
