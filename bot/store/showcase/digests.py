"""The weekly digests; the process that inserts a week's row posts it.

When one of its entries changes, a digest is out of sync again and loses its owner
(`mark_digests_out_of_sync`). So a worker cannot record an outdated message as up to date.
"""

import json
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, case, false, func, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.showcase.post import MAX_DIGEST_CLIPS, ShowcaseSettings, WeeklyDigest
from bot.store.engine.database import Store
from bot.store.engine.upserts import insert_if_absent
from bot.store.jobs.workers import claimable_by
from bot.store.showcase.gallery import ENTRY_QUERY, gallery_entry_from_row
from bot.store.showcase.settings import SETTINGS_QUERY, settings_from_row
from bot.store.tables.core import clips_table
from bot.store.tables.showcase import (
    IS_VISIBLE,
    digests_table,
    showcase_posts_table,
    showcase_settings_table,
)

_posts = showcase_posts_table.c
_digests = digests_table.c
_VOTES: Final = _posts.votes + 0
"""The sum makes both databases read the week by its index and not all posts by their votes."""


class DigestStore(Store):
    """Creates, claims and records weekly digests."""

    async def create_digest(
        self, showcase_settings: ShowcaseSettings, *, due_at: datetime, since: datetime, owner: str
    ) -> int | None:
        """Insert the week's row; return its id, or `None` if it exists or no clip has a star.

        A week without stars gets an empty row, so that it is checked only once.
        """
        best = (
            select(_posts.clip_id)
            .join(clips_table, clips_table.c.id == _posts.clip_id)
            .where(_posts.guild_id == showcase_settings.guild_id, IS_VISIBLE)
            .where(_posts.showcased_at > since, _posts.showcased_at <= due_at, _VOTES > 0)
            .where(_may_be_listed_in(showcase_settings.channel_id))
            .order_by(_VOTES.desc(), _posts.id)
            .limit(MAX_DIGEST_CLIPS)
        )
        row_id = select(_digests.id).where(
            _digests.guild_id == showcase_settings.guild_id, _digests.due_at == due_at
        )

        async def insert_digest(connection: AsyncConnection) -> int | None:
            clip_ids = list((await connection.execute(best)).scalars())
            row = {
                "guild_id": showcase_settings.guild_id,
                "due_at": due_at,
                "period_start": since,
                "clip_ids": json.dumps(clip_ids),
                "owner": owner,
                "channel_id": showcase_settings.channel_id,
                "in_sync": not clip_ids,
            }
            is_new = await insert_if_absent(connection, digests_table, row)
            if not is_new or not clip_ids:
                return None
            digest_id: int | None = await connection.scalar(row_id)
            return digest_id

        return await self._db.write(insert_digest)

    async def claim(self, digest_id: int, owner: str) -> WeeklyDigest | None:
        """Claim a digest that is out of sync; return `None` if another living worker has it."""
        statement = (
            update(digests_table)
            .where(_digests.id == digest_id, _digests.in_sync == false())
            .where(claimable_by(_digests.owner, owner))
            .values(owner=owner)
        )

        async def take_digest(connection: AsyncConnection) -> WeeklyDigest | None:
            if (await connection.execute(statement)).rowcount == 0:
                return None
            return await _load_digest(connection, digest_id)

        return await self._db.write(take_digest)

    async def get(self, digest_id: int) -> WeeklyDigest | None:
        return await self._db.read(lambda connection: _load_digest(connection, digest_id))

    async def list_out_of_sync(self, owner: str) -> list[int]:
        """Return the ids of digests out of sync that ``owner`` may claim."""
        query = select(_digests.id).where(
            _digests.in_sync == false(), claimable_by(_digests.owner, owner)
        )
        return await self._db.read_scalars(query)

    async def mark_posted(self, digest_id: int, message_id: int | None, *, owner: str) -> None:
        """Record the message; the digest is in sync unless ``owner`` has lost it meanwhile."""
        current = _digests.owner == owner
        statement = (
            update(digests_table)
            .where(_digests.id == digest_id)
            .values(message_id=message_id, in_sync=case((current, true()), else_=false()))
        )
        await self._db.execute(statement)

    async def find_last_due(self, guild_id: int) -> datetime | None:
        """Return when the latest digest of a server was due."""
        query = select(func.max(_digests.due_at)).where(_digests.guild_id == guild_id)
        return await self._db.read_scalar(query)


def _may_be_listed_in(channel_id: int | None) -> ColumnElement[bool]:
    """Return a condition: restricted clips are listed only in the channel that shows them."""
    is_restricted = func.coalesce(clips_table.c.age_restricted, false())
    may_be_listed: ColumnElement[bool] = or_(~is_restricted, _posts.channel_id == channel_id)
    return may_be_listed


async def _load_digest(connection: AsyncConnection, digest_id: int) -> WeeklyDigest | None:
    query = select(digests_table).where(_digests.id == digest_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        return None
    guild_id: int = row["guild_id"]
    settings_query = SETTINGS_QUERY.where(showcase_settings_table.c.guild_id == guild_id)
    settings_row = (await connection.execute(settings_query)).mappings().one_or_none()
    order: list[int] = json.loads(row["clip_ids"])
    entry_query = ENTRY_QUERY.where(_posts.clip_id.in_(order), IS_VISIBLE)
    entry_query = entry_query.where(_posts.votes > 0, _may_be_listed_in(row["channel_id"]))
    entries = [
        gallery_entry_from_row(entry)
        for entry in (await connection.execute(entry_query)).mappings()
    ]
    return WeeklyDigest(
        id=row["id"],
        showcase_settings=ShowcaseSettings(guild_id)
        if settings_row is None
        else settings_from_row(settings_row),
        due_at=row["due_at"],
        period_start=row["period_start"],
        entries=tuple(sorted(entries, key=lambda entry: order.index(entry.clip.id))),
        channel_id=row["channel_id"],
        message_id=row["message_id"],
    )
