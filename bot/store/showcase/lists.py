"""Lists from a server's showcase for members: rankings, a random entry, their own entries."""

import secrets
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, false, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.showcase.gallery import GalleryEntry
from bot.store.engine.database import Store
from bot.store.showcase.gallery import ENTRY_QUERY, gallery_entry_from_row
from bot.store.tables.core import clips_table
from bot.store.tables.showcase import IS_VISIBLE, showcase_posts_table

_posts = showcase_posts_table.c
_MAX_DRAWS: Final = 16
_IS_FOR_EVERYONE: Final = ~func.coalesce(clips_table.c.age_restricted, false())
"""The clip is not from an age-restricted channel."""


class ShowcaseLists(Store):
    """Lists of entries; those from age-restricted channels are included only on request."""

    async def list_top(
        self,
        guild_id: int,
        *,
        since: datetime | None,
        limit: int,
        until: datetime | None = None,
        with_age_restricted: bool = False,
    ) -> list[GalleryEntry]:
        """Return the entries with the most votes, the earlier first if they are equal."""
        query = ENTRY_QUERY.where(_posts.guild_id == guild_id, IS_VISIBLE)
        if not with_age_restricted:
            query = query.where(_IS_FOR_EVERYONE)
        if since is not None:
            query = query.where(_posts.showcased_at > since)
        if until is not None:
            query = query.where(_posts.showcased_at <= until)
        # of a period all posts are read and sorted; otherwise they are in the order of an index
        votes = _posts.votes if since is None else _posts.votes + 0
        return await self._select_entries(query.order_by(votes.desc(), _posts.id).limit(limit))

    async def pick_random(
        self, guild_id: int, *, with_age_restricted: bool = False
    ) -> GalleryEntry | None:
        """Return a random visible entry.

        A place in the index of the server's posts is drawn until a visible one is there. If most
        are hidden, the next visible one after the last place is taken.
        """
        in_server = _posts.guild_id == guild_id
        visible = ENTRY_QUERY.where(in_server, IS_VISIBLE)
        if not with_age_restricted:
            visible = visible.where(_IS_FOR_EVERYONE)
        ids = select(_posts.id).where(in_server).order_by(_posts.id).limit(1)

        async def draw_entry(connection: AsyncConnection) -> GalleryEntry | None:
            count = await connection.scalar(
                select(func.count()).select_from(showcase_posts_table).where(in_server)
            )
            if not count:
                return None
            drawn_id = 0
            for _ in range(_MAX_DRAWS):
                drawn_id = await connection.scalar(ids.offset(secrets.randbelow(count))) or 0
                row = (await connection.execute(visible.where(_posts.id == drawn_id))).mappings()
                if (entry := row.one_or_none()) is not None:
                    return gallery_entry_from_row(entry)
            for is_eligible in (_posts.id > drawn_id, _posts.id < drawn_id):
                query = visible.where(is_eligible).order_by(_posts.id).limit(1)
                if (entry := (await connection.execute(query)).mappings().first()) is not None:
                    return gallery_entry_from_row(entry)
            return None

        return await self._db.read(draw_entry)

    async def list_member_entries(
        self, guild_id: int, user_id: int, *, limit: int
    ) -> list[GalleryEntry]:
        """Return a member's entries, including hidden ones, newest first."""
        return await self._select_entries(
            ENTRY_QUERY.where(_posts.guild_id == guild_id, _posts.user_id == user_id)
            .where(~_posts.withdrawn)
            .order_by(_posts.id.desc())
            .limit(limit)
        )

    async def _select_entries(self, query: Select[Any]) -> list[GalleryEntry]:
        return [gallery_entry_from_row(row) for row in await self._db.read_rows(query)]
