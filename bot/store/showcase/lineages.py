"""Finds the clips that led to a clip, and others with the same beginning.

Whether they are public is asked afterwards, of `bot.store.showcase.gallery`.
"""

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.jobs.request import GenerationMode
from bot.domain.showcase.filmstrip import LineageLink
from bot.store.tables.core import clips_table

MAX_ANCESTORS: Final = 100
"""How far back a clip is followed. Google extends a clip 20 times; edits have no limit."""
MAX_RELATIVES: Final = 200
"""How many clips with the same first clip are looked at, besides those that led to the clip."""

_clips = clips_table.c
_COLUMNS: Final = (_clips.id, _clips.parent_clip_id, _clips.root_clip_id, _clips.mode)


async def find_ancestors(connection: AsyncConnection, clip_id: int) -> list[LineageLink]:
    """Return a clip and the clips that led to it, in no order; none if there is no such clip."""
    return _build_links(await connection.execute(_build_ancestors_query(clip_id)))


async def find_relatives(connection: AsyncConnection, clip_id: int) -> list[LineageLink]:
    """Return a clip, the clips that led to it, and others that begin with the same clip."""
    rows = (await connection.execute(_build_ancestors_query(clip_id))).all()
    own = next((row for row in rows if row.id == clip_id), None)
    if own is None:
        return []
    has_same_root = _clips.root_clip_id == (own.root_clip_id or own.id)
    relatives = await connection.execute(
        select(*_COLUMNS).where(has_same_root).limit(MAX_RELATIVES)
    )
    return _build_links({row.id: row for row in (*rows, *relatives)}.values())


def _build_links(rows: Iterable[Row[Any]]) -> list[LineageLink]:
    return [LineageLink(row.id, row.parent_clip_id, GenerationMode(row.mode)) for row in rows]


def _build_ancestors_query(clip_id: int) -> Select[Any]:
    ancestors = select(*_COLUMNS).where(_clips.id == clip_id).cte("ancestors", recursive=True)
    parents = clips_table.alias("parents").c
    ancestors = ancestors.union(
        select(*(parents[column.name] for column in _COLUMNS)).where(
            parents.id == ancestors.c.parent_clip_id
        )
    )
    return select(ancestors).limit(MAX_ANCESTORS)
