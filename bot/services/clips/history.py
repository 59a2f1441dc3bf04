"""Looking through one's own clips: pages in both directions, narrowed by what is looked for.

A page is found by the number of a clip at its edge, never by counting, so that clips that come or
go meanwhile neither repeat nor hide others.
"""

from typing import Final

from bot.domain.clips.clip import Clip
from bot.domain.clips.history_query import EVERYTHING, Extendable, Only, Page, Turn, Wanted, Way
from bot.domain.ports import Clock
from bot.store.jobs.clips import ClipStore

PAGE: Final = 10
_BATCH: Final = 200
"""Clips that are read at once: whether one fits is decided here, alike on both databases."""


class History:
    """A person's clips, the newest first."""

    def __init__(self, *, clips: ClipStore, extendable: Extendable, clock: Clock) -> None:
        self._clips = clips
        self._extendable = extendable
        self._clock = clock

    async def first(
        self, *, user_id: int, guild_id: int | None, wanted: Wanted = EVERYTHING
    ) -> Page:
        """Return the newest clips of a person in a server, or (``None``) everywhere."""
        found = await self._older(user_id, guild_id, wanted, None, PAGE + 1)
        return _page(found[:PAGE], wanted, older=len(found) > PAGE)

    async def turn(self, to: Turn, *, user_id: int, guild_id: int | None) -> Page:
        """Return the page on one side of a clip; the other side is where the reader came from."""
        if to.way is Way.OLDER:
            found = await self._older(user_id, guild_id, to.wanted, to.clip_id, PAGE + 1)
            if not found:  # deleted meanwhile
                return Page((), to.wanted, newer=Turn(Way.NEWER, to.clip_id - 1, to.wanted))
            return _page(found[:PAGE], to.wanted, newer=True, older=len(found) > PAGE)
        found = await self._newer(user_id, guild_id, to.wanted, to.clip_id, PAGE + 1)
        if not found:
            return Page((), to.wanted, older=Turn(Way.OLDER, to.clip_id + 1, to.wanted))
        return _page(found[-PAGE:], to.wanted, newer=len(found) > PAGE, older=True)

    async def suggest(self, typed: str, *, user_id: int, most: int) -> list[Clip]:
        """Return the newest of a person's clips whose number or prompt goes with what is typed."""
        number = typed.strip().removeprefix("#")
        if not number.isdecimal():
            return await self._older(user_id, None, Wanted(words=typed.strip()), None, most)
        found = await self._older(user_id, None, EVERYTHING, None, most * 40)
        return [clip for clip in found if str(clip.id).startswith(number) or number in clip.prompt][
            :most
        ]

    async def _older(
        self, user_id: int, guild_id: int | None, wanted: Wanted, before: int | None, most: int
    ) -> list[Clip]:
        found: list[Clip] = []
        while len(found) < most:
            read = await self._clips.history(
                user_id=user_id,
                guild_id=guild_id,
                before=before,
                showcased=wanted.only is Only.SHOWCASED,
                limit=_BATCH,
            )
            found += self._fitting(read, wanted)
            if len(read) < _BATCH:
                break
            before = read[-1].id
        return found[:most]

    async def _newer(
        self, user_id: int, guild_id: int | None, wanted: Wanted, after: int, most: int
    ) -> list[Clip]:
        found: list[Clip] = []
        while len(found) < most:
            read = await self._clips.history(
                user_id=user_id,
                guild_id=guild_id,
                after=after,
                showcased=wanted.only is Only.SHOWCASED,
                limit=_BATCH,
            )
            found = [*self._fitting(read, wanted), *found]
            if len(read) < _BATCH:
                break
            after = read[0].id
        return found[-most:]

    def _fitting(self, clips: list[Clip], wanted: Wanted) -> list[Clip]:
        now = self._clock.now()
        return [clip for clip in clips if wanted.fits(clip, now=now, extendable=self._extendable)]


def _page(clips: list[Clip], wanted: Wanted, *, newer: bool = False, older: bool = False) -> Page:
    first, last = (clips[0].id, clips[-1].id) if clips else (0, 0)
    return Page(
        tuple(clips),
        wanted,
        newer=Turn(Way.NEWER, first, wanted) if newer else None,
        older=Turn(Way.OLDER, last, wanted) if older else None,
    )
