"""Queries of the public gallery, in which every page is equally fast.

Entries are found in the ``showcase_posts`` table by an index, and only those of the page are joined
with their clips. A cursor says where the previous page ended, so the database need not skip rows.
"""

import base64
import binascii
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.showcase.gallery import (
    MAX_SHORT_SECONDS,
    ClipLength,
    CursorInvalid,
    GalleryEntry,
    GalleryOrder,
    GalleryPage,
    GallerySearch,
    Reach,
)
from bot.store.engine.database import Store
from bot.store.tables.core import clips_table
from bot.store.tables.row_mapping import Row, clip_from_row
from bot.store.tables.showcase import (
    IS_PUBLIC,
    guild_removals_table,
    showcase_posts_table,
    showcase_settings_table,
)

_posts = showcase_posts_table.c
_settings = showcase_settings_table.c
_clips = clips_table.c
_POST_COLUMNS: Final = (
    "guild_id",
    "creator_name",
    "hide_prompt",
    "votes",
    "showcased_at",
    "message_id",
    "channel_id",
    "hidden",
    "locked",
    "reach",
)
_ENTRY_FIELDS: Final = (*_POST_COLUMNS, "guild_name", "public_parent_id")
_POST_PREFIX: Final = "shown_"
_ACCENTS: Final = frozenset(map(chr, range(0x300, 0x370)))
"""Accents of Latin, Greek and Cyrillic letters; marks of other scripts change the letter."""
_NEWEST_COUNT: Final = 500
"""How many entries are searched for the favorite, because the front page must be fast."""
_MAX_VOTES: Final = 2**31 - 1
_MAX_ID: Final = 2**63 - 1

_ENTRY_TABLES: Final = showcase_posts_table.join(
    clips_table, _clips.id == _posts.clip_id
).outerjoin(showcase_settings_table, _settings.guild_id == _posts.guild_id)
_parents = showcase_posts_table.alias("parent_posts").c
_parent_settings = showcase_settings_table.alias("parent_settings").c
_IS_PUBLIC_GUILD: Final = and_(
    _settings.public, _settings.guild_id.not_in(select(guild_removals_table.c.guild_id))
)
"""A server that removed the bot shows nothing, even before its data is erased."""
_PUBLIC_PARENT_ID: Final = (
    select(_parents.clip_id)
    .join(_parent_settings.guild_id.table, _parent_settings.guild_id == _parents.guild_id)
    .where(_parents.clip_id == _clips.parent_clip_id, _parents.public, _parent_settings.public)
    .where(~_parents.hidden, ~_parents.withdrawn, _parents.reach == Reach.PUBLIC)
    .where(_parents.guild_id.not_in(select(guild_removals_table.c.guild_id)))
    .correlate(clips_table)
    .scalar_subquery()
)
ENTRY_QUERY: Final[Select[Any]] = select(
    *_clips,
    *(_posts[name].label(_POST_PREFIX + name) for name in _POST_COLUMNS),
    func.coalesce(_settings.name, "").label(f"{_POST_PREFIX}guild_name"),
    _PUBLIC_PARENT_ID.label(f"{_POST_PREFIX}public_parent_id"),
).select_from(_ENTRY_TABLES)
"""The columns of a `GalleryEntry`; add conditions on ``showcase_posts``."""


class GalleryStore(Store):
    """What anyone may see: visible, public entries of servers with a public showcase."""

    async def load_page(
        self, search: GallerySearch, *, cursor: str | None, limit: int
    ) -> GalleryPage:
        """Return up to ``limit`` entries from ``cursor`` on. Raises `CursorInvalid`."""
        conditions = [_is_public(), *_build_conditions(search)]
        if search.text is not None:
            conditions += _contains_words(search.text, await self.list_guilds())
        if cursor is not None:
            conditions.append(_is_after_cursor(cursor, search.order))
        page = (
            select(_posts.id, _posts.votes)
            .where(*conditions)
            .order_by(*_build_ordering(search.order))
            .limit(limit + 1)
        )

        async def fetch_page(connection: AsyncConnection) -> GalleryPage:
            ranks = (await connection.execute(page)).all()
            ranks_of_page = ranks[:limit]
            ids = [rank.id for rank in ranks_of_page]
            query = ENTRY_QUERY.where(_posts.id.in_(ids)).order_by(*_build_ordering(search.order))
            rows = (await connection.execute(query)).mappings() if ids else ()
            has_more = len(ranks) > limit and ranks_of_page
            return GalleryPage(
                entries=tuple(gallery_entry_from_row(row) for row in rows),
                next_cursor=_encode_cursor(search.order, *ranks_of_page[-1]) if has_more else None,
            )

        return await self._db.read(fetch_page)

    async def find_entry(self, clip_id: int) -> GalleryEntry | None:
        """Return the entry of a clip, if it is public."""
        if not 0 < clip_id <= _MAX_ID:
            return None
        entries = await self._select_entries(_posts.clip_id == clip_id)
        return entries[0] if entries else None

    async def find_favourite(self, *, since: datetime) -> GalleryEntry | None:
        """Return the entry with the most votes among the newest since a time, if any."""
        newest = (
            select(_posts.id).where(_is_public()).order_by(_posts.id.desc()).limit(_NEWEST_COUNT)
        )
        query = (
            ENTRY_QUERY.where(_posts.id.in_(newest), _posts.showcased_at > since, _posts.votes > 0)
            .order_by(*_build_ordering(GalleryOrder.TOP))
            .limit(1)
        )
        rows = await self._db.read_rows(query)
        return gallery_entry_from_row(rows[0]) if rows else None

    async def load_lineage(self, clip_id: int) -> list[GalleryEntry]:
        """Return the public entries among a clip's ancestors and itself, from the root on."""
        if not 0 < clip_id <= _MAX_ID:
            return []
        same_root = or_(
            _clips.id == _select_root(clip_id), _clips.root_clip_id == _select_root(clip_id)
        )
        query = select(_clips.id, _clips.parent_clip_id).where(same_root)

        async def trace_ancestors(connection: AsyncConnection) -> list[int]:
            parents = {row.id: row.parent_clip_id for row in await connection.execute(query)}
            chain: list[int] = []
            current_id: int | None = clip_id
            while current_id is not None and current_id in parents and current_id not in chain:
                chain.append(current_id)
                current_id = parents[current_id]
            return chain

        chain = await self._db.read(trace_ancestors)
        entries = await self._select_entries(_posts.clip_id.in_(chain)) if chain else []
        if all(entry.clip.id != clip_id for entry in entries):
            return []
        return sorted(entries, key=lambda entry: -chain.index(entry.clip.id))

    async def list_guilds(self) -> list[tuple[int, str]]:
        """Return the id and name of public servers that have public entries, sorted by name."""
        has_entries = (
            select(_posts.id).where(IS_PUBLIC, _posts.guild_id == _settings.guild_id).exists()
        )
        query = (
            select(_settings.guild_id, _settings.name)
            .where(_IS_PUBLIC_GUILD, has_entries)
            .order_by(func.lower(_settings.name), _settings.guild_id)
        )
        return [(row["guild_id"], row["name"]) for row in await self._db.read_rows(query)]

    async def list_models(self) -> list[str]:
        """Return the ids of the models that have public entries."""
        known = select(_posts.model).distinct().subquery()
        has_entries = select(_posts.id).where(_posts.model == known.c.model, _is_public()).exists()
        query = select(known.c.model).where(has_entries).order_by(known.c.model)
        return await self._db.read_scalars(query)

    async def _select_entries(self, condition: ColumnElement[bool]) -> list[GalleryEntry]:
        query = ENTRY_QUERY.where(_is_public(), condition)
        return [gallery_entry_from_row(row) for row in await self._db.read_rows(query)]


def gallery_entry_from_row(row: Row) -> GalleryEntry:
    """Return the entry of a row of `ENTRY_QUERY`."""
    clip = clip_from_row({column.name: row[column.name] for column in clips_table.c})
    own = {name: row[_POST_PREFIX + name] for name in _ENTRY_FIELDS}
    own["reach"] = Reach(own["reach"])
    hide_prompt = own.pop("hide_prompt")
    return GalleryEntry(
        clip=replace(clip, prompt="") if hide_prompt else clip,
        prompt=None if hide_prompt else clip.prompt,
        **own,
    )


def normalize_search_text(text: str) -> str:
    """Return a text as it is searched: without case, accents and other forms of a letter.

    This is not left to the databases, because SQLite only ignores the case of ASCII letters.
    """
    decomposed = unicodedata.normalize("NFKD", text.replace("ı", "i").casefold())
    bare = "".join(letter for letter in decomposed if letter not in _ACCENTS)
    return " ".join(unicodedata.normalize("NFKC", bare).casefold().split())


def build_search_text(prompt: str | None, creator_name: str) -> str:
    """Return the text by which a post is found; ``prompt`` is `None` if it is hidden."""
    return normalize_search_text(f"{prompt or ''} {creator_name}")


def _is_public() -> ColumnElement[bool]:
    servers = select(_settings.guild_id).where(_IS_PUBLIC_GUILD)
    # the sum makes SQLite use the index of the ordering instead of sorting the servers' entries
    return and_(IS_PUBLIC, (_posts.guild_id + 0).in_(servers))


def _build_conditions(search: GallerySearch) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if search.guild_id is not None:
        conditions.append(_posts.guild_id == min(max(search.guild_id, -1), _MAX_ID))
    if search.model is not None:
        conditions.append(_posts.model == search.model)
    if search.length is ClipLength.SHORT:
        conditions.append(_posts.seconds <= MAX_SHORT_SECONDS)
    elif search.length is ClipLength.LONG:
        conditions.append(_posts.seconds > MAX_SHORT_SECONDS)
    return conditions


def _contains_words(text: str, guilds: Sequence[tuple[int, str]]) -> list[ColumnElement[bool]]:
    """Return a condition for each word: it must be in the post's text or its server's name."""
    conditions: list[ColumnElement[bool]] = []
    for word in dict.fromkeys(normalize_search_text(text).split()):
        guild_ids = [guild_id for guild_id, name in guilds if word in normalize_search_text(name)]
        in_text = _posts.search_text.contains(word, autoescape=True)
        conditions.append(or_(in_text, _posts.guild_id.in_(guild_ids)) if guild_ids else in_text)
    return conditions


def _build_ordering(order: GalleryOrder) -> tuple[ColumnElement[Any], ...]:
    newest = _posts.id.desc()
    return (_posts.votes.desc(), newest) if order is GalleryOrder.TOP else (newest,)


def _select_root(clip_id: int) -> ColumnElement[int]:
    return (
        select(func.coalesce(_clips.root_clip_id, _clips.id))
        .where(_clips.id == clip_id)
        .scalar_subquery()
    )


def _encode_cursor(order: GalleryOrder, entry_id: int, votes: int) -> str:
    position = f"{votes}.{entry_id}" if order is GalleryOrder.TOP else str(entry_id)
    return base64.urlsafe_b64encode(f"{order}.{position}".encode()).decode().rstrip("=")


def _is_after_cursor(cursor: str, order: GalleryOrder) -> ColumnElement[bool]:
    kind, *numbers = _decode_cursor(cursor)
    if kind != order or len(numbers) != (2 if order is GalleryOrder.TOP else 1):
        raise CursorInvalid(order)
    if any(not (number.isascii() and number.isdigit() and len(number) <= 18) for number in numbers):
        raise CursorInvalid(order)
    *votes, entry_id = map(int, numbers)
    if any(count > _MAX_VOTES for count in votes):
        raise CursorInvalid(order)
    if not votes:
        return _posts.id < entry_id
    return tuple_(_posts.votes, _posts.id) < (votes[0], entry_id)


def _decode_cursor(cursor: str) -> list[str]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").split(".")
    except (binascii.Error, ValueError) as error:
        raise CursorInvalid("not a cursor") from error
