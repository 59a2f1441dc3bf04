"""Pages through a person's clips, in both directions, with a filter.

A page starts at the id of a clip, not at an offset. So clips are neither repeated nor skipped if
others are added or deleted meanwhile.
"""

from dataclasses import dataclass
from functools import partial
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
"""Clips read at once; the filter is applied here, so that both databases match equally."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipHistory:
    clips: ClipStore
    is_extendable: ExtendableCheck
    clock: Clock

    async def load_first_page(
        self, *, user_id: int, guild_id: int | None, history_filter: HistoryFilter = NO_FILTER
    ) -> HistoryPage:
        """Return a person's newest clips in a server, or everywhere (`None`)."""
        clips = await self._find_matching(user_id, guild_id, history_filter, limit=PAGE_SIZE + 1)
        return _build_page(clips[:PAGE_SIZE], history_filter, older=len(clips) > PAGE_SIZE)

    async def load_page(
        self, page_request: PageRequest, *, user_id: int, guild_id: int | None
    ) -> HistoryPage:
        """Return the page of clips that are older or newer than the one in ``page_request``."""
        history_filter, edge = page_request.history_filter, page_request.clip_id
        is_older = page_request.direction is PageDirection.OLDER
        clips = await self._find_matching(
            user_id,
            guild_id,
            history_filter,
            before=edge if is_older else None,
            after=None if is_older else edge,
            limit=PAGE_SIZE + 1,
        )
        has_more = len(clips) > PAGE_SIZE
        if not clips:  # they were deleted meanwhile, so lead the reader back
            if is_older:
                newer = PageRequest(PageDirection.NEWER, edge - 1, history_filter)
                return HistoryPage((), history_filter, newer=newer)
            older = PageRequest(PageDirection.OLDER, edge + 1, history_filter)
            return HistoryPage((), history_filter, older=older)
        if is_older:
            return _build_page(clips[:PAGE_SIZE], history_filter, newer=True, older=has_more)
        return _build_page(clips[-PAGE_SIZE:], history_filter, newer=has_more, older=True)

    async def suggest_clips(self, query: str, *, user_id: int, limit: int) -> list[Clip]:
        number = query.strip().removeprefix("#")
        if not number.isdecimal():
            return await self._find_matching(
                user_id, None, HistoryFilter(search_text=query.strip()), limit=limit
            )
        clips = await self._find_matching(user_id, None, NO_FILTER, limit=limit * 40)
        matching = [
            clip for clip in clips if str(clip.id).startswith(number) or number in clip.prompt
        ]
        return matching[:limit]

    async def _find_matching(
        self,
        user_id: int,
        guild_id: int | None,
        history_filter: HistoryFilter,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int,
    ) -> list[Clip]:
        """Return at most ``limit`` clips, newest first, next to ``before`` or ``after``."""
        matching: list[Clip] = []
        now, extendable = self.clock.now(), self.is_extendable
        matches = partial(history_filter.matches, now=now, extendable=extendable)
        while len(matching) < limit:
            batch = await self.clips.list_history(
                user_id=user_id,
                guild_id=guild_id,
                before=before,
                after=after,
                showcased_only=history_filter.kind is HistoryKind.SHOWCASED,
                limit=_BATCH_SIZE,
            )
            kept = list(filter(matches, batch))
            matching = matching + kept if after is None else kept + matching
            if len(batch) < _BATCH_SIZE:
                break
            if after is None:
                before = batch[-1].id
            else:
                after = batch[0].id
        return matching[:limit] if after is None else matching[-limit:]


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
