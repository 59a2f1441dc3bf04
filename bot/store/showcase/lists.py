"""Lists from a server's showcase for members: rankings, a random entry, their own entries."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, false, func, select

from bot.domain.showcase.gallery import GalleryEntry
from bot.store.engine.database import Store
from bot.store.showcase.gallery import ENTRY_QUERY, gallery_entry_from_row
from bot.store.tables.core import clips_table
from bot.store.tables.showcase import IS_VISIBLE, showcase_posts_table

_posts = showcase_posts_table.c
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
        """Return a random visible entry."""
        random_id = (
            select(_posts.id)
            .join(clips_table, clips_table.c.id == _posts.clip_id)
            .where(_posts.guild_id == guild_id, IS_VISIBLE)
            .order_by(func.random())
            .limit(1)
        )
        if not with_age_restricted:
            random_id = random_id.where(_IS_FOR_EVERYONE)
        entries = await self._select_entries(
            ENTRY_QUERY.where(_posts.id == random_id.scalar_subquery())
        )
        return entries[0] if entries else None

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
