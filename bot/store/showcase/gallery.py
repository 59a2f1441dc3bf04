"""Queries of the public gallery, in which every page is equally fast.

Entries are found in the ``showcase_posts`` table by an index, and only those of the page are joined
with their clips. A cursor says where the previous page ended, so the database need not skip rows.
A filter that few posts meet is answered by its own index instead of by the order of the page.
"""

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Select,
    bindparam,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.jobs.request import AspectRatio
from bot.domain.showcase.filmstrip import Filmstrip, build_filmstrip
from bot.domain.showcase.gallery import (
    MAX_SHORT_SECONDS,
    ClipCount,
    ClipLength,
    ClipShape,
    GalleryEntry,
    GalleryOrder,
    GalleryPage,
    GallerySearch,
    Reach,
)
from bot.store.engine.database import Database, Store
from bot.store.engine.distinct_values import build_distinct_values
from bot.store.showcase.creator_pages import CREATOR_PAGE_KEY, is_on_page
from bot.store.showcase.gallery_cursors import build_ordering, encode_cursor, is_after_cursor
from bot.store.showcase.lineages import find_ancestors, find_relatives
from bot.store.showcase.public_posts import (
    IS_FOR_ADULTS,
    IS_GUILD_FOR_ADULTS,
    IS_PUBLIC_GUILD,
    is_listed,
    is_public,
)
from bot.store.showcase.search_text import normalize_search_text
from bot.store.showcase.search_words import select_clips_with
from bot.store.showcase.word_matches import choose_probes, find_spellings, rank_alike
from bot.store.tables.core import clips_table, guilds_table
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
_ENTRY_FIELDS: Final = (
    *_POST_COLUMNS,
    "guild_name",
    "public_parent_id",
    "creator_page",
    "is_for_adults",
)
_POST_PREFIX: Final = "shown_"
MAX_SERVERS: Final = 100
"""How many servers the gallery offers as a filter; the others are found by their name."""
_FEW_POSTS: Final = 500
"""Up to so many posts are sorted. What more posts have is soon met in the order of the page."""
_MAX_INDEXED_WORDS: Final = 5
"""For so many words of a search the index says how many posts have them, the longest first."""
MAX_COUNTED: Final = 1000
MAX_COUNTED_WITH_TEXT: Final = 200
"""How many posts of a search are counted; fewer with words, because finding them takes longer."""
_NEWEST_COUNT: Final = 500
"""How many entries are searched for the favorite, because the front page must be fast."""
_MAX_SIMILAR: Final = 60
"""Of so many alike clips the public ones are looked for."""
_SHAPES: Final = {
    AspectRatio.LANDSCAPE: ClipShape.LANDSCAPE,
    AspectRatio.PORTRAIT: ClipShape.PORTRAIT,
}
_MAX_ID: Final = 2**63 - 1

_ENTRY_TABLES: Final = showcase_posts_table.join(
    clips_table, _clips.id == _posts.clip_id
).outerjoin(showcase_settings_table, _settings.guild_id == _posts.guild_id)
_parents = showcase_posts_table.alias("parent_posts").c
_parent_settings = showcase_settings_table.alias("parent_settings").c
_PUBLIC_PARENT_ID: Final = (
    select(_parents.clip_id)
    .join(_parent_settings.guild_id.table, _parent_settings.guild_id == _parents.guild_id)
    .where(_parents.clip_id == _clips.parent_clip_id, _parents.public, _parent_settings.public)
    .where(~_parents.hidden, ~_parents.withdrawn, _parents.reach == Reach.PUBLIC)
    .where(
        ~select(guild_removals_table.c.guild_id)
        .where(guild_removals_table.c.guild_id == _parents.guild_id)
        .correlate(_parents.guild_id.table)
        .exists()
    )
    .correlate(clips_table)
    .scalar_subquery()
)
ENTRY_QUERY: Final[Select[Any]] = select(
    *_clips,
    *(_posts[name].label(_POST_PREFIX + name) for name in _POST_COLUMNS),
    func.coalesce(_settings.name, "").label(f"{_POST_PREFIX}guild_name"),
    _PUBLIC_PARENT_ID.label(f"{_POST_PREFIX}public_parent_id"),
    CREATOR_PAGE_KEY.label(f"{_POST_PREFIX}creator_page"),
    IS_FOR_ADULTS.label(f"{_POST_PREFIX}is_for_adults"),
).select_from(_ENTRY_TABLES)
"""The columns of a `GalleryEntry`; add conditions on ``showcase_posts``."""


class GalleryStore(Store):
    """What anyone may see: visible, public entries of servers with a public showcase.

    Entries of servers for adults are found by their number and in a search in their server, and
    not in what visitors of any age get. With ``lists_adults`` they are everywhere.
    """

    def __init__(self, database: Database, *, lists_adults: bool = False) -> None:
        super().__init__(database)
        self._lists_adults = lists_adults

    async def load_page(
        self,
        search: GallerySearch,
        *,
        cursor: str | None,
        limit: int,
        now: datetime | None = None,
    ) -> GalleryPage:
        """Return up to ``limit`` entries from ``cursor`` on. Raises `CursorInvalid`.

        The period of a search ends at ``now``; without it, entries of all times are returned.
        """
        filters = _build_filters(search, now)
        conditions = [self._may_show(search), *(each.condition for each in filters)]
        if cursor is not None:
            conditions.append(is_after_cursor(cursor, search.order))
        matching = (
            select(_posts.id, _posts.votes)
            .where(*conditions)
            .order_by(*build_ordering(search.order))
            .limit(_write_out(limit + 1))
        )

        async def fetch_page(connection: AsyncConnection) -> GalleryPage:
            narrowest = await _find_narrowest(connection, filters)
            page = matching if narrowest is None else matching.where(narrowest)
            ranks = (await connection.execute(page)).all()
            ranks_of_page = ranks[:limit]
            ids = [rank.id for rank in ranks_of_page]
            query = ENTRY_QUERY.where(_posts.id.in_(ids)).order_by(*build_ordering(search.order))
            rows = (await connection.execute(query)).mappings() if ids else ()
            has_more = len(ranks) > limit and ranks_of_page
            return GalleryPage(
                entries=tuple(gallery_entry_from_row(row) for row in rows),
                next_cursor=encode_cursor(search.order, *ranks_of_page[-1]) if has_more else None,
            )

        return await self._db.read(fetch_page)

    async def count_clips(
        self, search: GallerySearch, *, now: datetime | None = None
    ) -> list[ClipCount]:
        """Count the newest entries of a search, whatever its model, shape and length.

        At most `MAX_COUNTED` are counted, `MAX_COUNTED_WITH_TEXT` if the search has words.
        """
        filters = _build_filters(replace(search, model=None, shape=None, length=None), now)
        limit = MAX_COUNTED if search.text is None else MAX_COUNTED_WITH_TEXT
        is_short = _posts.seconds <= MAX_SHORT_SECONDS
        matching = (
            select(_posts.model, _posts.aspect_ratio, is_short.label("is_short"))
            .where(self._may_show(search), *(each.condition for each in filters))
            .order_by(_posts.id.desc())
            .limit(_write_out(limit))
        )

        async def count_groups(connection: AsyncConnection) -> list[ClipCount]:
            narrowest = await _find_narrowest(connection, filters)
            found = (matching if narrowest is None else matching.where(narrowest)).subquery()
            groups = (found.c.model, found.c.aspect_ratio, found.c.is_short)
            query = select(*groups, func.count()).group_by(*groups)
            return [
                ClipCount(
                    model=model,
                    shape=_SHAPES[AspectRatio(aspect_ratio)],
                    length=ClipLength.SHORT if short else ClipLength.LONG,
                    count=count,
                )
                for model, aspect_ratio, short, count in await connection.execute(query)
            ]

        return await self._db.read(count_groups)

    async def find_entry(self, clip_id: int) -> GalleryEntry | None:
        """Return the entry of a clip, if it is public."""
        if not 0 < clip_id <= _MAX_ID:
            return None
        entries = await self._select_entries(_posts.clip_id == clip_id)
        return entries[0] if entries else None

    async def find_favourite(self, *, since: datetime) -> GalleryEntry | None:
        """Return the entry with the most votes among the newest since a time, if any."""
        newest = (
            select(_posts.id)
            .where(self._may_show(GallerySearch()))
            .order_by(_posts.id.desc())
            .limit(_NEWEST_COUNT)
        )
        query = (
            ENTRY_QUERY.where(_posts.id.in_(newest), _posts.showcased_at > since, _posts.votes > 0)
            .order_by(*build_ordering(GalleryOrder.TOP))
            .limit(1)
        )
        rows = await self._db.read_rows(query)
        return gallery_entry_from_row(rows[0]) if rows else None

    async def load_lineage(self, clip_id: int) -> list[GalleryEntry]:
        """Return the public entries among a clip's ancestors and itself, from the root on."""
        if not 0 < clip_id <= _MAX_ID:
            return []
        links = await self._db.read_one(partial(find_ancestors, clip_id=clip_id))
        # a clip is younger than those that led to it
        chain = sorted(link.id for link in links)
        entries = await self._select_related(clip_id, chain) if chain else []
        if all(entry.clip.id != clip_id for entry in entries):
            return []
        return sorted(entries, key=lambda entry: entry.clip.id)

    async def load_filmstrip(self, clip_id: int) -> Filmstrip | None:
        """Return the filmstrip of a clip, `None` if it is alone or not public."""
        links = await self._db.read(partial(find_relatives, clip_id=clip_id))
        if len(links) < 2:
            return None
        entries = await self._select_related(clip_id, [link.id for link in links])
        if all(entry.clip.id != clip_id for entry in entries):
            return None
        filmstrip = build_filmstrip(entries, links, clip_id)
        return filmstrip if len(filmstrip.list_parts()) > 1 else None

    async def find_similar(
        self, entry: GalleryEntry, *, limit: int, without: Collection[int] = ()
    ) -> list[GalleryEntry]:
        """Return public entries whose prompts share words with this one, each prompt once."""
        probes = choose_probes(normalize_search_text(entry.prompt or ""))

        async def rank(connection: AsyncConnection) -> list[int]:
            return await rank_alike(connection, probes)

        ranked = await self._db.read_one(rank) if probes else []
        omitted = {entry.clip.id, *without}
        best = [clip_id for clip_id in ranked if clip_id not in omitted][:_MAX_SIMILAR]
        found = {
            each.clip.id: each
            for each in (await self._select_related(entry.clip.id, best) if best else ())
        }
        by_prompt: dict[str | None, GalleryEntry] = {}
        for clip_id in best:
            if clip_id in found:
                by_prompt.setdefault(found[clip_id].prompt, found[clip_id])
        return list(by_prompt.values())[:limit]

    async def suggest_searches(self, text: str, *, limit: int) -> list[str]:
        """Return searches that find something public: words of ``text``, or spelled like them."""
        words = list(dict.fromkeys(normalize_search_text(text).split()))[:_MAX_INDEXED_WORDS]

        async def find_candidates(connection: AsyncConnection) -> list[str]:
            near = [await find_spellings(connection, word, limit=limit) for word in words]
            parts = words if len(words) > 1 else []
            return list(dict.fromkeys([*parts, *itertools.chain.from_iterable(near)]))

        suggestions: list[str] = []
        for word in (await self._db.read(find_candidates))[: 2 * limit]:
            found = await self.load_page(GallerySearch(text=word), cursor=None, limit=1)
            if found.entries:
                suggestions.append(word)
        return suggestions[:limit]

    async def list_guilds(
        self,
        *,
        limit: int = MAX_SERVERS,
        including: int | None = None,
        with_adults: bool = False,
    ) -> list[tuple[int, str]]:
        """Return the id and name of public servers that have public entries, sorted by name.

        They are the ``limit`` servers with the latest posts, and the server ``including``. Servers
        for adults are among the first only ``with_adults``.
        """
        has_entries = (
            select(_posts.id).where(IS_PUBLIC, _posts.guild_id == _settings.guild_id).exists()
        )
        query = select(_settings.guild_id, _settings.name).where(IS_PUBLIC_GUILD, has_entries)
        latest = query.where(_settings.last_showcased_at.is_not(None))
        if not with_adults and not self._lists_adults:
            latest = latest.where(~IS_GUILD_FOR_ADULTS)
        latest = latest.order_by(_settings.last_showcased_at.desc()).limit(limit)
        rows = list(await self._db.read_rows(latest))
        if including is not None and all(row["guild_id"] != including for row in rows):
            is_wanted = _settings.guild_id == min(max(including, -1), _MAX_ID)
            rows += await self._db.read_rows(query.where(is_wanted))
        named = [(row["guild_id"], row["name"]) for row in rows]
        return sorted(named, key=lambda guild: (guild[1].lower(), guild[0]))

    async def list_models(self) -> list[str]:
        """Return the ids of the models that have public entries."""
        known = build_distinct_values(_posts.model)
        is_shown = self._may_show(GallerySearch())
        entry = select(_posts.id).where(_posts.model == known.c.value, is_shown).limit(1)
        has_entries = entry.correlate(known).scalar_subquery().is_not(None)
        query = select(known.c.value).where(known.c.value.is_not(None), has_entries)
        return await self._db.read_scalars(query.order_by(known.c.value))

    async def list_clip_ranges(self, size: int) -> list[int]:
        """Return the ranges of ``size`` clip numbers that have public entries, by their number."""

        async def find_ranges(connection: AsyncConnection) -> list[int]:
            ranges: list[int] = []
            first: int | None = 0
            while first is not None:
                query = select(_posts.clip_id).where(is_listed(), _posts.clip_id >= first)
                first = await connection.scalar(query.order_by(_posts.clip_id).limit(1))
                if first is not None:
                    ranges.append(first // size)
                    first = (first // size + 1) * size
            return ranges

        return await self._db.read(find_ranges)

    async def list_public_clips(self, first: int, end: int) -> list[tuple[int, datetime]]:
        """Return the numbers of the public clips from ``first`` to before ``end``, with times."""
        query = (
            select(_posts.clip_id, _posts.showcased_at)
            .where(is_listed(), _posts.clip_id >= first, _posts.clip_id < min(end, _MAX_ID))
            .order_by(_posts.clip_id)
        )
        rows = await self._db.read_rows(query)
        return [(row["clip_id"], row["showcased_at"]) for row in rows]

    async def is_server_for_adults(self, guild_id: int) -> bool:
        """Return whether a server allows clips in age-restricted channels only."""
        query = select(guilds_table.c.age_restricted_only).where(
            guilds_table.c.id == min(max(guild_id, -1), _MAX_ID)
        )
        return bool(await self._db.read_scalar(query))

    def _may_show(self, search: GallerySearch) -> ColumnElement[bool]:
        """Return the condition to be shown in a search: visitors are asked before one server's."""
        if self._lists_adults or search.guild_id is not None:
            return is_public()
        return is_listed()

    async def _select_related(
        self, clip_id: int, related_ids: Collection[int]
    ) -> list[GalleryEntry]:
        """Return those of a public clip's related entries that its visitors may see."""
        condition: ColumnElement[bool] = _posts.clip_id.in_(related_ids)
        if not self._lists_adults:
            own = showcase_posts_table.alias("own_posts").c
            own_guild_id = select(own.guild_id).where(own.clip_id == clip_id).scalar_subquery()
            condition = condition & or_(~IS_FOR_ADULTS, _posts.guild_id == own_guild_id)
        return await self._select_entries(condition)

    async def _select_entries(self, condition: ColumnElement[bool]) -> list[GalleryEntry]:
        query = ENTRY_QUERY.where(is_public(), condition)
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


@dataclass(frozen=True, slots=True)
class _Filter:
    """One part of a search: its condition, and the clips that may meet it, from an index.

    ``candidates`` is `None` if no index is asked.
    """

    condition: ColumnElement[bool]
    candidates: Select[tuple[int]] | CompoundSelect[tuple[int]] | None


def _build_filters(search: GallerySearch, now: datetime | None) -> list[_Filter]:
    conditions: list[ColumnElement[bool]] = []
    if search.guild_id is not None:
        guild_id = min(max(search.guild_id, -1), _MAX_ID)
        conditions.append(_posts.guild_id == _write_out(guild_id))
    if search.creator_page is not None:
        conditions.append(is_on_page(search.creator_page))
    if search.model is not None:
        conditions.append(_posts.model == search.model)
    if search.length is ClipLength.SHORT:
        conditions.append(_posts.seconds <= MAX_SHORT_SECONDS)
    elif search.length is ClipLength.LONG:
        conditions.append(_posts.seconds > MAX_SHORT_SECONDS)
    if search.shape is not None:
        ratios = [ratio for ratio, shape in _SHAPES.items() if shape is search.shape]
        conditions.append(_posts.aspect_ratio.in_(ratios))
    if search.period is not None and now is not None:
        conditions.append(_posts.showcased_at > now - search.period.duration)
    filters = [_Filter(each, select(_posts.clip_id).where(each)) for each in conditions]
    words = dict.fromkeys(normalize_search_text(search.text or "").split())
    for number, word in enumerate(sorted(words, key=len, reverse=True)):
        candidates = select_clips_with(word) if number < _MAX_INDEXED_WORDS else None
        filters.append(_Filter(_contains_word(word), candidates))
    return filters


def _write_out(value: int) -> BindParameter[int]:
    """Return a number that is part of the statement and not one of its parameters.

    For a statement with parameters PostgreSQL soon makes one plan for all values. It would expect
    few posts of any server, and read and sort all that a large one has.
    """
    return bindparam(None, value, literal_execute=True)


def _contains_word(word: str) -> ColumnElement[bool]:
    """Return the condition that a word is in the post's text or its server's name."""
    server_name = (
        select(_settings.search_name)
        .where(_settings.guild_id == _posts.guild_id)
        .correlate(showcase_posts_table)
        .scalar_subquery()
    )
    return or_(
        _posts.search_text.contains(word, autoescape=True),
        server_name.contains(word, autoescape=True),
    )


async def _find_narrowest(
    connection: AsyncConnection, filters: Sequence[_Filter]
) -> ColumnElement[bool] | None:
    """Return the condition to be among the few candidates of a filter, if one has few.

    Without it the page is looked for in its order, which is fast for what many posts have and
    would read all posts for what few or none have.
    """
    fewest, narrowest = _FEW_POSTS + 1, None
    for each in filters:
        if each.candidates is None:
            continue
        some = each.candidates.limit(_write_out(_FEW_POSTS + 1)).subquery()
        count = await connection.scalar(select(func.count()).select_from(some))
        if count is not None and count < fewest:
            fewest, narrowest = count, each.candidates
    return None if narrowest is None else _posts.clip_id.in_(narrowest)
