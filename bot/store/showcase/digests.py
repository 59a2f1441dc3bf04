"""The weekly digests: whoever writes a week's row first has it, and the row names the winner.

What happens to an entry that a digest names makes the digest unsettled again and takes it from its
owner (`unsettle`), who then cannot settle what was read before.
"""

import json
from collections.abc import Collection
from datetime import datetime

from sqlalchemy import case, false, func, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.showcase.post import MAX_DIGEST_CLIPS, ShowcaseSettings, WeeklyDigest
from bot.store.engine.database import Database
from bot.store.showcase.audit_log import claimable_by, insert_if_absent
from bot.store.showcase.gallery import ENTRY_QUERY, gallery_entry_from_row
from bot.store.showcase.settings import SETTINGS_QUERY, settings_from_row
from bot.store.tables.showcase import IS_VISIBLE, digests, showcase, showcase_servers


class DigestStore:
    """`bot.domain.showcase.ports.Digests` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def create_digest(
        self, showcase_settings: ShowcaseSettings, *, due_at: datetime, since: datetime, owner: str
    ) -> int | None:
        """Write the week's row with its winner, and return its number."""
        best = (
            select(showcase.c.clip_id)
            .where(showcase.c.guild_id == showcase_settings.guild_id, IS_VISIBLE)
            .where(showcase.c.showcased_at > since, showcase.c.showcased_at <= due_at)
            .order_by(showcase.c.votes.desc(), showcase.c.id)
            .limit(MAX_DIGEST_CLIPS)
        )
        ours = select(digests.c.id).where(
            digests.c.guild_id == showcase_settings.guild_id, digests.c.due_at == due_at
        )

        async def insert_digest(connection: AsyncConnection) -> int | None:
            clip_ids = list((await connection.execute(best)).scalars())
            row = {
                "guild_id": showcase_settings.guild_id,
                "due_at": due_at,
                "since": since,
                "clip_ids": json.dumps(clip_ids),
                "owner": owner,
                "channel_id": showcase_settings.channel_id,
            }
            if not clip_ids or not await insert_if_absent(connection, digests, row):
                return None
            number: int | None = await connection.scalar(ours)
            return number

        return await self._db.write(insert_digest)

    async def claim(self, digest_id: int, owner: str) -> WeeklyDigest | None:
        """Take a digest that is not posted."""
        statement = (
            update(digests)
            .where(digests.c.id == digest_id, digests.c.settled == false())
            .where(claimable_by(digests.c.owner, owner))
            .values(owner=owner)
        )

        async def take_digest(connection: AsyncConnection) -> WeeklyDigest | None:
            if (await connection.execute(statement)).rowcount == 0:
                return None
            return await _load_digest(connection, digest_id)

        return await self._db.write(take_digest)

    async def get(self, digest_id: int) -> WeeklyDigest | None:
        """Return a digest."""
        return await self._db.read(lambda connection: _load_digest(connection, digest_id))

    async def list_out_of_sync(self, owner: str) -> list[int]:
        """Return the digests that ``owner`` or nobody alive is to post."""
        query = select(digests.c.id).where(
            digests.c.settled == false(), claimable_by(digests.c.owner, owner)
        )

        async def fetch_ids(connection: AsyncConnection) -> list[int]:
            return list((await connection.execute(query)).scalars())

        return await self._db.read(fetch_ids)

    async def mark_posted(self, digest_id: int, message_id: int | None, *, owner: str) -> None:
        """Record the post."""
        current = digests.c.owner == owner
        statement = (
            update(digests)
            .where(digests.c.id == digest_id)
            .values(message_id=message_id, settled=case((current, true()), else_=false()))
        )
        await self._db.write_one(lambda connection: connection.execute(statement))

    async def find_last_due(self, guild_id: int) -> datetime | None:
        """Return when the latest digest of a server was due."""
        query = select(func.max(digests.c.due_at)).where(digests.c.guild_id == guild_id)

        async def fetch_time(connection: AsyncConnection) -> datetime | None:
            found: datetime | None = await connection.scalar(query)
            return found

        return await self._db.read(fetch_time)


async def mark_digests_out_of_sync(
    connection: AsyncConnection, guild_id: int, clip_ids: Collection[int]
) -> None:
    """Have the digests that name one of the clips and stand in Discord, or will, say less or more.

    One that somebody has deleted is left alone.
    """
    query = select(digests.c.id, digests.c.clip_ids).where(
        digests.c.guild_id == guild_id,
        or_(digests.c.settled == false(), digests.c.message_id.is_not(None)),
    )
    named = [
        row.id
        for row in await connection.execute(query)
        if not set(clip_ids).isdisjoint(json.loads(row.clip_ids))
    ]
    if named:
        await connection.execute(
            update(digests).where(digests.c.id.in_(named)).values(settled=False, owner=None)
        )


async def _load_digest(connection: AsyncConnection, digest_id: int) -> WeeklyDigest | None:
    query = select(digests).where(digests.c.id == digest_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    guild_id: int = row["guild_id"]
    arranged = SETTINGS_QUERY.where(showcase_servers.c.guild_id == guild_id)
    house = (await connection.execute(arranged)).mappings().one_or_none()
    order: list[int] = json.loads(row["clip_ids"])
    still = ENTRY_QUERY.where(showcase.c.clip_id.in_(order), IS_VISIBLE)
    entries = [
        gallery_entry_from_row(each) for each in (await connection.execute(still)).mappings()
    ]
    return WeeklyDigest(
        id=row["id"],
        showcase_settings=ShowcaseSettings(guild_id) if house is None else settings_from_row(house),
        due_at=row["due_at"],
        since=row["since"],
        entries=tuple(sorted(entries, key=lambda entry: order.index(entry.clip.id))),
        channel_id=row["channel_id"],
        message_id=row["message_id"],
    )
