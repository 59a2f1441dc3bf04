"""The pages that creators have opened, under keys that say nothing about them."""

import secrets
from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.engine.database import Store
from bot.store.engine.upserts import insert_if_absent
from bot.store.showcase.public_posts import is_listed
from bot.store.tables.showcase import creator_pages_table, showcase_posts_table

_pages = creator_pages_table.c
_posts = showcase_posts_table.c
_KEY_BYTES: Final = 8

CREATOR_PAGE_KEY: Final = (
    select(_pages.page_key)
    .where(_pages.user_id == _posts.user_id)
    .correlate(showcase_posts_table)
    .scalar_subquery()
)
"""The key of the page of a post's creator, if they have opened one."""


def is_on_page(page_key: str) -> ColumnElement[bool]:
    """Return the condition on ``showcase_posts`` that a post is by the creator of a page."""
    return _posts.user_id == (
        select(_pages.user_id).where(_pages.page_key == page_key).scalar_subquery()
    )


class CreatorPageStore(Store):
    """Which members have opened a page of their own."""

    async def open_page(self, user_id: int, *, now: datetime) -> str:
        """Return the key of a member's page, which is opened if there is none."""
        row = {"user_id": user_id, "page_key": secrets.token_hex(_KEY_BYTES), "opened_at": now}
        query = select(_pages.page_key).where(_pages.user_id == user_id)

        async def insert_page(connection: AsyncConnection) -> str:
            await insert_if_absent(connection, creator_pages_table, row)
            key: str = (await connection.scalars(query)).one()
            return key

        return await self._db.write(insert_page)

    async def close_page(self, user_id: int) -> None:
        """Delete a member's page. Its key is never used again."""
        await self._db.execute(delete(creator_pages_table).where(_pages.user_id == user_id))

    async def find_key(self, user_id: int) -> str | None:
        """Return the key of a member's page, if they have opened one."""
        key: str | None = await self._db.read_scalar(
            select(_pages.page_key).where(_pages.user_id == user_id)
        )
        return key

    async def list_public_keys(self, *, limit: int) -> list[str]:
        """Return the keys of pages that show a clip to all ages, the latest opened first."""
        post = select(_posts.id).where(_posts.user_id == _pages.user_id, is_listed()).limit(1)
        has_posts = post.correlate(creator_pages_table).scalar_subquery().is_not(None)
        query = select(_pages.page_key).where(has_posts).order_by(_pages.opened_at.desc())
        return await self._db.read_scalars(query.limit(limit))
