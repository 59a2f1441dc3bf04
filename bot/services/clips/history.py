"""Looking through one's own clips: pages in both directions, narrowed by what is looked for.

A page is found by the number of a clip at its edge, never by counting, so that clips that come or
go meanwhile neither repeat nor hide others.
"""

from typing import Final

from bot.domain.clips.clip import Clip
from bot.domain.clips.history_query import (
    NO_FILTER,
    ExtendableCheck,
    HistoryFilter,
    HistoryKind,
    HistoryPage,
    PageDirection,
    PageRequest,
)
from bot.domain.ports import Clock
from bot.store.jobs.clips import ClipStore

PAGE_SIZE: Final = 10
_BATCH_SIZE: Final = 200
"""Clips that are read at once: whether one fits is decided here, alike on both databases."""


class ClipHistory:
    """A person's clips, the newest first."""

    def __init__(self, *, clips: ClipStore, is_extendable: ExtendableCheck, clock: Clock) -> None:
        self._clips = clips
        self._is_extendable = is_extendable
        self._clock = clock

    async def load_first_page(
        self, *, user_id: int, guild_id: int | None, history_filter: HistoryFilter = NO_FILTER
    ) -> HistoryPage:
        """Return the newest clips of a person in a server, or (``None``) everywhere."""
        found = await self._find_older(user_id, guild_id, history_filter, None, PAGE_SIZE + 1)
        return _build_page(found[:PAGE_SIZE], history_filter, older=len(found) > PAGE_SIZE)

    async def load_page(
        self, page_request: PageRequest, *, user_id: int, guild_id: int | None
    ) -> HistoryPage:
        """Return the page on one side of a clip; the other side is where the reader came from."""
        if page_request.direction is PageDirection.OLDER:
            found = await self._find_older(
                user_id, guild_id, page_request.history_filter, page_request.clip_id, PAGE_SIZE + 1
            )
            if not found:  # deleted meanwhile
                return HistoryPage(
                    (),
                    page_request.history_filter,
                    newer=PageRequest(
                        PageDirection.NEWER, page_request.clip_id - 1, page_request.history_filter
                    ),
                )
            return _build_page(
                found[:PAGE_SIZE],
                page_request.history_filter,
                newer=True,
                older=len(found) > PAGE_SIZE,
            )
        found = await self._find_newer(
            user_id, guild_id, page_request.history_filter, page_request.clip_id, PAGE_SIZE + 1
        )
        if not found:
            return HistoryPage(
                (),
                page_request.history_filter,
                older=PageRequest(
                    PageDirection.OLDER, page_request.clip_id + 1, page_request.history_filter
                ),
            )
        return _build_page(
            found[-PAGE_SIZE:],
            page_request.history_filter,
            newer=len(found) > PAGE_SIZE,
            older=True,
        )

    async def suggest_clips(self, query: str, *, user_id: int, limit: int) -> list[Clip]:
        """Return the newest of a person's clips whose number or prompt goes with what is typed."""
        number = query.strip().removeprefix("#")
        if not number.isdecimal():
            return await self._find_older(
                user_id, None, HistoryFilter(search_text=query.strip()), None, limit
            )
        found = await self._find_older(user_id, None, NO_FILTER, None, limit * 40)
        return [clip for clip in found if str(clip.id).startswith(number) or number in clip.prompt][
            :limit
        ]

    async def _find_older(
        self,
        user_id: int,
        guild_id: int | None,
        history_filter: HistoryFilter,
        before: int | None,
        limit: int,
    ) -> list[Clip]:
        found: list[Clip] = []
        while len(found) < limit:
            read = await self._clips.list_history(
                user_id=user_id,
                guild_id=guild_id,
                before=before,
                showcased_only=history_filter.kind is HistoryKind.SHOWCASED,
                limit=_BATCH_SIZE,
            )
            found += self._filter_matching(read, history_filter)
            if len(read) < _BATCH_SIZE:
                break
            before = read[-1].id
        return found[:limit]

    async def _find_newer(
        self,
        user_id: int,
        guild_id: int | None,
        history_filter: HistoryFilter,
        after: int,
        limit: int,
    ) -> list[Clip]:
        found: list[Clip] = []
        while len(found) < limit:
            read = await self._clips.list_history(
                user_id=user_id,
                guild_id=guild_id,
                after=after,
                showcased_only=history_filter.kind is HistoryKind.SHOWCASED,
                limit=_BATCH_SIZE,
            )
            found = [*self._filter_matching(read, history_filter), *found]
            if len(read) < _BATCH_SIZE:
                break
            after = read[0].id
        return found[-limit:]

    def _filter_matching(self, clips: list[Clip], history_filter: HistoryFilter) -> list[Clip]:
        now = self._clock.now()
        return [
            clip
            for clip in clips
            if history_filter.matches(clip, now=now, extendable=self._is_extendable)
        ]


def _build_page(
    clips: list[Clip], history_filter: HistoryFilter, *, newer: bool = False, older: bool = False
) -> HistoryPage:
    first, last = (clips[0].id, clips[-1].id) if clips else (0, 0)
    return HistoryPage(
        tuple(clips),
        history_filter,
        newer=PageRequest(PageDirection.NEWER, first, history_filter) if newer else None,
        older=PageRequest(PageDirection.OLDER, last, history_filter) if older else None,
    )
