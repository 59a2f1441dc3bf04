"""How servers arranged their showcases, what makers chose, and what moderators did."""

from dataclasses import fields
from typing import Any, Final

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.showcase.post import Consent, Curation, House, Maker, Record
from bot.store.engine.database import Database
from bot.store.showcase.audit_log import put, record_from_row, write_record
from bot.store.tables.row_mapping import Row
from bot.store.tables.showcase import (
    PUBLIC_LOCALE,
    audit,
    showcase_blocks,
    showcase_makers,
    showcase_servers,
)

_FIELDS: Final = tuple(field.name for field in fields(House))
HOUSES: Final = select(
    *(column for column in showcase_servers.c if column.name != "locale"),
    PUBLIC_LOCALE.label("locale"),
)
"""Rows for `house_from_row`, in the language that the server has chosen."""


class HouseStore:
    """`bot.domain.showcase.ports.Houses` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def house(self, guild_id: int) -> House:
        """Return how a server's showcase is arranged; the defaults where it is not."""
        query = HOUSES.where(showcase_servers.c.guild_id == guild_id)
        found = await self._houses(query)
        return found[0] if found else House(guild_id)

    async def arrange(self, house: House, record: Record) -> None:
        """Write it, and who did."""

        async def work(connection: AsyncConnection) -> None:
            row = {name: getattr(house, name) for name in _FIELDS}
            await put(connection, showcase_servers, row | {"name": house.name[:100]})
            await write_record(connection, record)

        await self._db.write(work)

    async def named(self, guild_id: int, name: str) -> None:
        """Remember what a server with a showcase is called now."""
        statement = (
            update(showcase_servers)
            .where(showcase_servers.c.guild_id == guild_id, showcase_servers.c.name != name[:100])
            .values(name=name[:100])
        )
        await self._db.write_one(lambda connection: connection.execute(statement))

    async def with_digest(self) -> list[House]:
        """Return the showcases that want a digest."""
        return await self._houses(
            HOUSES.where(
                showcase_servers.c.digest_day.is_not(None),
                showcase_servers.c.channel_id.is_not(None),
            )
        )

    async def maker(self, guild_id: int, user_id: int) -> Maker:
        """Return what a member has chosen; the defaults where they have not."""
        chosen = select(showcase_makers).where(
            showcase_makers.c.guild_id == guild_id, showcase_makers.c.user_id == user_id
        )
        blocked = select(showcase_blocks.c.user_id).where(
            showcase_blocks.c.guild_id == guild_id, showcase_blocks.c.user_id == user_id
        )

        async def work(connection: AsyncConnection) -> Maker:
            row = (await connection.execute(chosen)).mappings().one_or_none()
            return Maker(
                guild_id=guild_id,
                user_id=user_id,
                consent=Consent.STARS if row is None else Consent(row["consent"]),
                hide_prompt=False if row is None else row["hide_prompt"],
                blocked=await connection.scalar(blocked) is not None,
            )

        return await self._db.read(work)

    async def choose(self, maker: Maker) -> None:
        """Write what a member has chosen."""
        row = {
            "guild_id": maker.guild_id,
            "user_id": maker.user_id,
            "consent": maker.consent,
            "hide_prompt": maker.hide_prompt,
        }
        await self._db.write(lambda connection: put(connection, showcase_makers, row))

    async def log(self, guild_id: int, *, limit: int) -> list[Record]:
        """Return what moderators and admins did, the latest first."""
        query = (
            select(audit)
            .where(audit.c.guild_id == guild_id)
            .order_by(audit.c.id.desc())
            .limit(limit)
        )

        async def work(connection: AsyncConnection) -> list[Record]:
            return [record_from_row(row) for row in (await connection.execute(query)).mappings()]

        return await self._db.read(work)

    async def note(self, record: Record) -> None:
        """Write one act into the log."""
        await self._db.write(lambda connection: write_record(connection, record))

    async def _houses(self, query: Select[Any]) -> list[House]:
        async def work(connection: AsyncConnection) -> list[House]:
            return [house_from_row(row) for row in (await connection.execute(query)).mappings()]

        return await self._db.read(work)


def house_from_row(row: Row) -> House:
    """Return the showcase of a row of ``showcase_servers``."""
    values = {name: row[name] for name in _FIELDS}
    return House(**values | {"curation": Curation(row["curation"])})
