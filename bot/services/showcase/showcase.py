"""Showing clips: who may, what moderators do, what makers choose. What every command calls."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

from bot.domain.clips.clip import Clip
from bot.domain.errors import DeliveryBusy, NotAllowed, NotFound
from bot.domain.ports import Clock
from bot.domain.showcase.gallery import Entry
from bot.domain.showcase.ports import Desk, Showroom
from bot.domain.showcase.post import (
    WEEK,
    Act,
    Consent,
    Exhibit,
    House,
    Maker,
    Record,
    Showing,
    Way,
    may_show,
)
from bot.services.showcase.publisher import Hanging
from bot.store.showcase.posts import ShowcaseStore
from bot.store.showcase.settings import HouseStore

LIST: Final = 10
"""Entries in a list."""
LOG: Final = 25
"""Acts in a page of the audit log."""


class Period(StrEnum):
    """How far back `/showcase top` looks."""

    WEEK = "week"
    MONTH = "month"
    ALL = "all"

    @property
    def length(self) -> timedelta | None:
        """The period; ``None`` is for ever."""
        return {Period.WEEK: WEEK, Period.MONTH: timedelta(days=30), Period.ALL: None}[self]


@dataclass(frozen=True, slots=True)
class Person:
    """Who wants something of the showcase; ``name`` is what they are called in the server."""

    user_id: int
    name: str = ""
    moderator: bool = False


class Showcase:
    """The use cases of a server's showcase."""

    def __init__(
        self,
        *,
        exhibits: ShowcaseStore,
        houses: HouseStore,
        showroom: Showroom,
        hanging: Hanging,
        desk: Desk,
        clock: Clock,
    ) -> None:
        self._exhibits = exhibits
        self._houses = houses
        self._showroom = showroom
        self._hanging = hanging
        self._desk = desk
        self._clock = clock

    # -- showing

    async def add(
        self,
        clip: Clip,
        *,
        guild_id: int,
        by: Person | None,
        hide_prompt: bool | None = None,
    ) -> tuple[Exhibit, bool]:
        """Show a clip at somebody's wish, or (``by`` is ``None``) because enough star it.

        Returns the exhibit and whether it is new. Raises `NotAllowed`, `NotFound`,
        `ChannelClosed`; a passing fault of Discord only delays the post.
        """
        if clip.guild_id != guild_id:
            raise NotFound("clip_elsewhere")
        house = await self._houses.house(guild_id)
        maker = await self._houses.maker(guild_id, clip.user_id)
        public = may_show(
            clip,
            house,
            maker,
            by=by.user_id if by is not None else 0,
            moderator=by is not None and by.moderator,
            way=Way.STARS if by is None else Way.MEMBER,
        )
        assert house.channel_id is not None
        own = by is not None and by.user_id == clip.user_id
        if by is not None and own:
            name = by.name
        else:
            name = await self._showroom.maker_name(guild_id, clip.user_id)
        if own and hide_prompt is not None:
            hides = hide_prompt
        else:  # others may hide a prompt, never reveal what its maker hides
            hides = maker.hide_prompt or bool(hide_prompt)
        showing = Showing(
            clip=clip,
            guild_id=guild_id,
            channel_id=house.channel_id,
            maker_name=name,
            hide_prompt=hides,
            public=public,
            by=by.user_id if by is not None else 0,
            by_stars=by is None,
        )
        record = self._record(guild_id, by, Act.SHOW, clip)
        exhibit, new = await self._exhibits.show(showing, record, owner=self._desk.worker_id)
        if new:
            await self._settle(exhibit, fresh=exhibit.changes == 0)
        elif own and hide_prompt is not None:  # what is shown already follows its maker's wish
            await self._exhibits.mark(
                exhibit.id, owner=self._desk.worker_id, record=None, hide_prompt=hide_prompt
            )
            await self._settle(exhibit)
        else:
            return exhibit, new
        exhibit = await self._exhibits.get(exhibit.id) or exhibit
        return exhibit, new

    async def withdraw(self, clip: Clip, *, guild_id: int, by: Person) -> None:
        """Take a clip out of the showcase, everywhere. Raises `NotAllowed`, `NotFound`."""
        if by.user_id != clip.user_id and not by.moderator:
            raise NotAllowed("showcase_others")
        exhibit = await self._shown(clip.id, guild_id)
        await self._mark(exhibit, by, Act.WITHDRAW, withdrawn=True)

    async def withdraw_exhibit(self, exhibit_id: int, *, guild_id: int, by: Person) -> int:
        """Take out what a button of the showcase stands under; return the clip's number.

        Raises as `withdraw`.
        """
        exhibit = await self._exhibits.get(exhibit_id)
        if exhibit is None:
            raise NotFound("showcased")
        await self.withdraw(exhibit.entry.clip, guild_id=guild_id, by=by)
        return exhibit.entry.clip.id

    async def withdraw_deleted(self, clip: Clip, by: int) -> None:
        """A clip is about to be deleted by its requester or a moderator: it leaves the showcase.

        Raises `DeliveryBusy` while its post cannot be taken down: the record must stay till then.
        """
        person = Person(by, moderator=by != clip.user_id)
        exhibit = await self._exhibits.of_clip(clip.id)
        if exhibit is not None:
            await self._exhibits.mark(
                exhibit.id,
                owner=self._desk.worker_id,
                record=self._record(exhibit.entry.guild_id, person, Act.WITHDRAW, clip),
                withdrawn=True,
            )
            self._hanging.soon()
            await self._hanging.settle(exhibit.id)
        if person.moderator and clip.guild_id is not None:
            await self._houses.note(self._record(clip.guild_id, person, Act.DELETE, clip))

    async def message_gone(self, message_id: int) -> None:
        """Somebody deleted a message: an entry whose post it was leaves the showcase."""
        exhibit = await self._exhibits.of_message(message_id)
        if exhibit is not None and exhibit.wanted:
            await self._mark(exhibit, None, Act.WITHDRAW, withdrawn=True)

    # -- moderation

    async def hide(self, clip: Clip, *, guild_id: int, by: Person, on: bool) -> None:
        """Put an entry out of sight, or back. Raises `NotAllowed`, `NotFound`."""
        await self._moderate(clip, guild_id, by, Act.HIDE if on else Act.UNHIDE, hidden=on)

    async def lock(self, clip: Clip, *, guild_id: int, by: Person, on: bool) -> None:
        """Keep an entry's votes as they are, or count again. Raises `NotAllowed`, `NotFound`."""
        await self._moderate(clip, guild_id, by, Act.LOCK if on else Act.UNLOCK, locked=on)

    async def block(self, member_id: int, *, guild_id: int, by: Person, on: bool) -> int:
        """Keep a member out of the showcase, and hide what they have there; return how much."""
        if not by.moderator:
            raise NotAllowed("moderate")
        record = Record(
            guild_id=guild_id,
            actor_id=by.user_id,
            act=Act.BLOCK if on else Act.UNBLOCK,
            at=self._clock.now(),
            member_id=member_id,
        )
        hidden = await self._exhibits.block(record, on=on, owner=self._desk.worker_id)
        for exhibit_id in hidden:
            exhibit = await self._exhibits.get(exhibit_id)
            if exhibit is not None:
                await self._settle(exhibit)
        return len(hidden)

    # -- choosing

    async def choose(
        self,
        *,
        guild_id: int,
        user_id: int,
        consent: Consent | None = None,
        hide_prompt: bool | None = None,
    ) -> Maker:
        """Change what a member lets others do and see, in what they have shown too."""
        before = await self._houses.maker(guild_id, user_id)
        after = replace(
            before,
            consent=before.consent if consent is None else consent,
            hide_prompt=before.hide_prompt if hide_prompt is None else hide_prompt,
        )
        if after != before:
            await self._houses.choose(after)
        if hide_prompt is not None:
            theirs = await self._exhibits.of_member(user_id, guild_id=guild_id, withdrawn=False)
            for exhibit_id in theirs:
                await self._exhibits.mark(
                    exhibit_id,
                    owner=self._desk.worker_id,
                    record=None,
                    hide_prompt=hide_prompt,
                )
            self._hanging.soon()
        return after

    async def house(self, guild_id: int) -> House:
        """Return how a server's showcase is arranged."""
        return await self._houses.house(guild_id)

    async def arrange(self, guild_id: int, *, by: int, **changes: Any) -> House:
        """Change some of the settings (fields of `House`) and return them all.

        A digest whose time is changed comes for the first time after now.
        """
        before = await self._houses.house(guild_id)
        after = replace(before, **changes)
        digest = ("digest_day", "digest_hour", "digest_zone", "channel_id")
        if any(getattr(before, name) != getattr(after, name) for name in digest):
            after = replace(after, digest_since=self._clock.now())
        changed = sorted(name for name in changes if getattr(before, name) != getattr(after, name))
        note = ", ".join(f"{name} = {getattr(after, name)}" for name in changed)
        await self._houses.arrange(
            after,
            Record(
                guild_id=guild_id,
                actor_id=by,
                act=Act.ARRANGE,
                at=self._clock.now(),
                note=note or None,
            ),
        )
        return after

    async def named(self, guild_id: int, name: str) -> None:
        """Remember what a server is called now."""
        await self._houses.named(guild_id, name)

    # -- looking

    async def top(self, guild_id: int, period: Period) -> list[Entry]:
        """Return the entries with the most votes."""
        length = period.length
        since = None if length is None else self._clock.now() - length
        return await self._exhibits.top(guild_id, since=since, limit=LIST)

    async def random(self, guild_id: int) -> Entry:
        """Return any entry. Raises `NotFound`."""
        found = await self._exhibits.random(guild_id)
        if found is None:
            raise NotFound("showcase_empty")
        return found

    async def mine(self, guild_id: int, user_id: int) -> list[Entry]:
        """Return a member's own entries, the newest first."""
        return await self._exhibits.mine(guild_id, user_id, limit=LIST)

    async def log(self, guild_id: int) -> list[Record]:
        """Return what moderators and admins did, the latest first."""
        return await self._houses.log(guild_id, limit=LOG)

    # -- small things

    async def _shown(self, clip_id: int, guild_id: int) -> Exhibit:
        exhibit = await self._exhibits.of_clip(clip_id)
        if exhibit is None or exhibit.entry.guild_id != guild_id:
            raise NotFound("showcased")
        return exhibit

    async def _moderate(
        self, clip: Clip, guild_id: int, by: Person, act: Act, **changes: bool
    ) -> None:
        if not by.moderator:
            raise NotAllowed("moderate")
        await self._mark(await self._shown(clip.id, guild_id), by, act, **changes)

    async def _mark(self, exhibit: Exhibit, by: Person | None, act: Act, **changes: bool) -> None:
        record = self._record(exhibit.entry.guild_id, by, act, exhibit.entry.clip)
        await self._exhibits.mark(exhibit.id, owner=self._desk.worker_id, record=record, **changes)
        await self._settle(exhibit)

    async def _settle(self, exhibit: Exhibit, *, fresh: bool = False) -> None:
        """Do it now; the upkeep does what Discord is busy for, and renews digests that name it."""
        self._hanging.soon()
        with suppress(DeliveryBusy):
            await self._hanging.settle(exhibit.id, fresh=fresh)

    def _record(self, guild_id: int, by: Person | None, act: Act, clip: Clip) -> Record:
        return Record(
            guild_id=guild_id,
            actor_id=by.user_id if by is not None else 0,
            act=act,
            at=self._clock.now(),
            clip_id=clip.id,
            member_id=clip.user_id,
        )
