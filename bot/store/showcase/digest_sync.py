"""Marks digests as out of sync when one of their entries changes."""

import json
from collections.abc import Collection

from sqlalchemy import false, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.tables.showcase import digests_table

_digests = digests_table.c


async def mark_digests_out_of_sync(
    connection: AsyncConnection, guild_id: int, clip_ids: Collection[int]
) -> None:
    """Mark the digests with one of the clips as out of sync.

    A digest whose message was deleted is not posted again.
    """
    query = select(_digests.id, _digests.clip_ids).where(
        _digests.guild_id == guild_id,
        or_(_digests.in_sync == false(), _digests.message_id.is_not(None)),
    )
    digest_ids = [
        row.id
        for row in await connection.execute(query)
        if not set(clip_ids).isdisjoint(json.loads(row.clip_ids))
    ]
    if digest_ids:
        await connection.execute(
            update(digests_table)
            .where(_digests.id.in_(digest_ids))
            .values(in_sync=False, owner=None)
        )
