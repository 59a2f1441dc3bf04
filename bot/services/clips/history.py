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
_BATCH_SIZE: Final = 100
"""Clips read at once; the filter is applied here, so that both databases match equally."""
MAX_SEARCHED: Final = 1000
"""Clips that one page looks at, however many a person has; the next page goes on from there."""
_MAX_SUGGESTED: Final = 200
"""Clips that suggestions look at while a person types."""
_MAX_ID: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Found:
    """Clips that match, newest first.

    ``stopped_at`` is the last clip that was looked at, if there may be more behind it.
    """

    clips: list[Clip]
    stopped_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipHistory:
    clips: ClipStore
    is_extendable: ExtendableCheck
    clock: Clock

    async def load_first_page(
        self, *, user_id: int, guild_id: int | None, history_filter: HistoryFilter = NO_FILTER
    ) -> HistoryPage:
        """Return a person's newest clips in a server, or everywhere (`None`)."""
        found = await self._find_matching(user_id, guild_id, history_filter, limit=PAGE_SIZE + 1)
        clips = tuple(found.clips[:PAGE_SIZE])
        return HistoryPage(clips, history_filter, older=_find_older(found, history_filter))

    async def load_page(
        self, page_request: PageRequest, *, user_id: int, guild_id: int | None
    ) -> HistoryPage:
        """Return the page of clips that are older or newer than the one in ``page_request``."""
        history_filter, edge = page_request.history_filter, page_request.clip_id
        is_older = page_request.direction is PageDirection.OLDER
        found = await self._find_matching(
            user_id,
            guild_id,
            history_filter,
            before=edge if is_older else None,
            after=None if is_older else edge,
            limit=PAGE_SIZE + 1,
        )
        if is_older:
            clips = found.clips[:PAGE_SIZE]
            # without clips, the reader is led back to the one at the edge
            newest = clips[0].id if clips else edge - 1
            newer: PageRequest | None = PageRequest(PageDirection.NEWER, newest, history_filter)
            older = _find_older(found, history_filter)
        else:
            clips = found.clips[-PAGE_SIZE:]
            oldest = clips[-1].id if clips else edge + 1
            newer = _find_newer(found, history_filter)
            older = PageRequest(PageDirection.OLDER, oldest, history_filter)
        return HistoryPage(tuple(clips), history_filter, newer=newer, older=older)

    async def suggest_clips(self, query: str, *, user_id: int, limit: int) -> list[Clip]:
        """Return newest clips by a part of the prompt, or the beginning of the number.

        Only the latest clips are searched, but a whole number is found however old its clip is.
        """
        number = query.strip().removeprefix("#")
        if not number.isdecimal():
            search = HistoryFilter(search_text=query.strip())
            found = await self._find_matching(
                user_id, None, search, limit=limit, searched=_MAX_SUGGESTED
            )
            return found.clips
        latest = await self._find_matching(
            user_id, None, NO_FILTER, limit=_MAX_SUGGESTED, searched=_MAX_SUGGESTED
        )
        matching = [
            clip
            for clip in latest.clips
            if str(clip.id).startswith(number) or number in clip.prompt
        ][:limit]
        exact = await self._find_own(int(number), user_id)
        if exact is None or exact in matching:
            return matching
        return [*matching[: limit - 1], exact]

    async def _find_own(self, clip_id: int, user_id: int) -> Clip | None:
        if clip_id >= _MAX_ID:
            return None
        clips = await self.clips.list_history(
            user_id=user_id, guild_id=None, before=clip_id + 1, limit=1
        )
        return clips[0] if clips and clips[0].id == clip_id else None

    async def _find_matching(
        self,
        user_id: int,
        guild_id: int | None,
        history_filter: HistoryFilter,
        *,
        before: int | None = None,
        after: int | None = None,
        limit: int,
        searched: int = MAX_SEARCHED,
    ) -> _Found:
        """Look at up to ``searched`` clips from ``before`` or ``after`` on, for ``limit``."""
        matching: list[Clip] = []
        now, extendable = self.clock.now(), self.is_extendable
        matches = partial(history_filter.matches, now=now, extendable=extendable)
        # without a filter all that is read is shown
        step = limit if history_filter == NO_FILTER else _BATCH_SIZE
        for start in range(0, searched, step):
            batch_size = min(step, searched - start)
            batch = await self.clips.list_history(
                user_id=user_id,
                guild_id=guild_id,
                before=before,
                after=after,
                showcased_only=history_filter.kind is HistoryKind.SHOWCASED,
                limit=batch_size,
            )
            kept = list(filter(matches, batch))
            matching = matching + kept if after is None else kept + matching
            if len(matching) >= limit:
                return _Found(matching[:limit] if after is None else matching[-limit:])
            if len(batch) < batch_size:
                return _Found(matching)
            if after is None:
                before = batch[-1].id
            else:
                after = batch[0].id
        return _Found(matching, stopped_at=before if after is None else after)


def _find_older(found: _Found, history_filter: HistoryFilter) -> PageRequest | None:
    """Return the request of the page after the first clips of ``found``."""
    edge = found.clips[PAGE_SIZE - 1].id if len(found.clips) > PAGE_SIZE else found.stopped_at
    return None if edge is None else PageRequest(PageDirection.OLDER, edge, history_filter)


def _find_newer(found: _Found, history_filter: HistoryFilter) -> PageRequest | None:
    """Return the request of the page before the last clips of ``found``."""
    edge = found.clips[-PAGE_SIZE].id if len(found.clips) > PAGE_SIZE else found.stopped_at
    return None if edge is None else PageRequest(PageDirection.NEWER, edge, history_filter)
