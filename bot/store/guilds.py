"""Servers and their rules; row 0 is the bot as a whole."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.guild import ExtendBy, GuildRules
from bot.domain.jobs.request import PersonRule
from bot.store.engine.database import Database
from bot.store.showcase.audit_log import insert_once, put
from bot.store.tables.core import channels, greetings, guilds


class GuildStore:
    """`bot.domain.stores.Guilds` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def rules(self, guild_id: int) -> GuildRules:
        """Return the server's rules; the defaults where it has none."""

        async def work(connection: AsyncConnection) -> GuildRules:
            own = select(guilds).where(guilds.c.id == guild_id)
            row = (await connection.execute(own)).mappings().one_or_none()
            if row is None:
                return GuildRules(guild_id)
            stricter = select(channels).where(channels.c.guild_id == guild_id)
            per_channel = (await connection.execute(stricter)).mappings()
            rule = row["person_rule"]
            return GuildRules(
                guild_id=guild_id,
                paused=row["paused"],
                pause_reason=row["pause_reason"],
                person_rule=None if rule is None else PersonRule(rule),
                channel_person_rules={
                    each["id"]: PersonRule(each["person_rule"]) for each in per_channel
                },
                confirm_above=row["confirm_above"],
                locale=row["locale"],
                extend_by=ExtendBy(row["extend_by"]),
                allowed_channels=frozenset(json.loads(row["allowed_channels"])),
            )

        return await self._db.read(work)

    async def save(
        self, rules: GuildRules, *, by: int, now: datetime, before: GuildRules | None = None
    ) -> None:
        """Write the rules of a server that differ from ``before``; without it, all of them."""
        row = _row(rules)
        old = {} if before is None else _row(before)
        kept = {name for name, value in old.items() if row[name] == value}
        had = {} if before is None else before.channel_person_rules
        stricter = [
            {"id": channel_id, "guild_id": rules.guild_id, "person_rule": rule}
            for channel_id, rule in rules.channel_person_rules.items()
            if had.get(channel_id) != rule
        ]
        gone = [channels.c.guild_id == rules.guild_id]
        if before is not None:
            gone.append(channels.c.id.in_(set(had) - set(rules.channel_person_rules)))

        async def work(connection: AsyncConnection) -> None:
            changed = {"changed_by": by, "changed_at": now}
            await put(connection, guilds, row | changed, kept=kept)
            await connection.execute(delete(channels).where(*gone))
            for each in stricter:
                await put(connection, channels, each)

        await self._db.write(work)


class GreetingStore:
    """`bot.domain.guild.Greetings` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def claim(self, guild_id: int, *, now: datetime) -> bool:
        """Write that a server is greeted; ``False`` where that stands already."""
        row = {"guild_id": guild_id, "greeted_at": now}
        return await self._db.write(lambda connection: insert_once(connection, greetings, row))


def _row(rules: GuildRules) -> dict[str, Any]:
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
