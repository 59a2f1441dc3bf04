"""What the showcase needs of the store and of Discord; the rules are in `bot.domain.showcase.post`."""

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from bot.domain.clips.clip import Clip
from bot.domain.showcase.gallery import Entry
from bot.domain.showcase.post import Digest, Exhibit, House, Maker, Posted, Record, Showing, Starred


class Houses(Protocol):
    """How servers arranged their showcases, what makers chose, and who did what.

    As of all stores, every method raises `StoreAway` when the database cannot answer.
    """

    async def house(self, guild_id: int) -> House:
        """Return how a server's showcase is arranged; the defaults where it is not."""
        ...

    async def arrange(self, house: House, record: Record) -> None:
        """Write it, and who did."""
        ...

    async def named(self, guild_id: int, name: str) -> None:
        """Remember what a server with a showcase is called now."""
        ...

    async def with_digest(self) -> list[House]:
        """Return the showcases that want a digest."""
        ...

    async def maker(self, guild_id: int, user_id: int) -> Maker:
        """Return what a member has chosen; the defaults where they have not."""
        ...

    async def choose(self, maker: Maker) -> None:
        """Write what a member has chosen (not whether they are blocked)."""
        ...

    async def log(self, guild_id: int, *, limit: int) -> list[Record]:
        """Return what moderators and admins did, the latest first."""
        ...

    async def note(self, record: Record) -> None:
        """Write one act into the log."""
        ...


class Exhibits(Protocol):
    """The showcase's rows."""

    async def show(
        self, showing: Showing, record: Record, *, owner: str | None
    ) -> tuple[Exhibit, bool]:
        """Write the entry and tell whether it is new (a clip has at most one).

        Raises `NotAllowed` where a moderator has hidden or locked it away.
        """
        ...

    async def get(self, exhibit_id: int) -> Exhibit | None:
        """Return the exhibit, if there is one."""
        ...

    async def of_clip(self, clip_id: int) -> Exhibit | None:
        """Return the exhibit of a clip, also a hidden one, but none that was withdrawn."""
        ...

    async def of_message(self, message_id: int) -> Exhibit | None:
        """Return the exhibit that a message of the showcase channel shows."""
        ...

    async def of_member(
        self, user_id: int, *, guild_id: int | None = None, withdrawn: bool = True
    ) -> list[int]:
        """Return the numbers of a member's exhibits, in one server or in all.

        Also of those that were ``withdrawn`` and left a bare row, unless that is false.
        """
        ...

    async def mark(
        self,
        exhibit_id: int,
        *,
        owner: str | None,
        record: Record | None,
        hidden: bool | None = None,
        locked: bool | None = None,
        withdrawn: bool | None = None,
        hide_prompt: bool | None = None,
    ) -> Exhibit | None:
        """Change what an entry should be; ``owner`` sees to the rest. ``None`` changes nothing."""
        ...

    async def block(self, record: Record, *, on: bool, owner: str | None) -> list[int]:
        """Block ``record.member_id`` or let them in again; return the entries that this hides."""
        ...

    async def claim(self, exhibit_id: int, owner: str) -> Exhibit | None:
        """Take an exhibit that is not settled; ``None`` when another live process has it."""
        ...

    async def unsettled(self, owner: str) -> list[int]:
        """Return the exhibits that ``owner`` or nobody alive is to settle."""
        ...

    async def hung(self, exhibit: Exhibit, message_id: int) -> None:
        """Record the post; settled unless something else is wanted by now."""
        ...

    async def refreshed(self, exhibit: Exhibit) -> None:
        """Record that the message says what it should, unless that has changed by now."""
        ...

    async def taken_down(self, exhibit: Exhibit) -> None:
        """Record that no message stands; settled unless something else is wanted by now."""
        ...

    async def recent(self, guild_id: int, *, since: datetime, limit: int) -> list[Exhibit]:
        """Return what was shown lately and stands in the channel, the newest first."""
        ...

    async def top(
        self,
        guild_id: int,
        *,
        since: datetime | None,
        limit: int,
        until: datetime | None = None,
    ) -> list[Entry]:
        """Return the entries with the most votes, of those shown in a time."""
        ...

    async def random(self, guild_id: int) -> Entry | None:
        """Return any entry."""
        ...

    async def mine(self, guild_id: int, user_id: int, *, limit: int) -> list[Entry]:
        """Return a member's entries, the newest first, the hidden ones too."""
        ...


class Stars(Protocol):
    """Who has starred which message of a clip."""

    async def shown_by(self, message_id: int) -> int | None:
        """Return the clip that a message shows: its own post, or the one in the showcase."""
        ...

    async def star(self, message_id: int, clip_id: int, user_id: int, *, on: bool) -> Starred:
        """Count or uncount one star."""
        ...

    async def count(self, message_id: int, clip_id: int, user_ids: Collection[int]) -> Starred:
        """Put the stars of a message right."""
        ...

    async def fresh(self, guild_id: int, *, since: datetime, limit: int) -> list[Posted]:
        """Return the posts of clips of late that never were in the showcase, the newest first."""
        ...


class Digests(Protocol):
    """The weekly digests' rows: one for each server and time."""

    async def open(
        self, house: House, *, due_at: datetime, since: datetime, owner: str
    ) -> int | None:
        """Write the week's row with its winner and return its number; ``None`` when it is
        written already, or when nothing was shown."""
        ...

    async def claim(self, digest_id: int, owner: str) -> Digest | None:
        """Take a digest that is not settled; ``None`` when another live process has it."""
        ...

    async def get(self, digest_id: int) -> Digest | None:
        """Return a digest."""
        ...

    async def unsettled(self, owner: str) -> list[int]:
        """Return the digests that ``owner`` or nobody alive is to post or to renew."""
        ...

    async def posted(self, digest_id: int, message_id: int | None, *, owner: str) -> None:
        """Record the post (``None``: none stands, and none will).

        Settled, unless an entry that it names has changed since ``owner`` claimed it.
        """
        ...

    async def last(self, guild_id: int) -> datetime | None:
        """Return when the latest digest of a server was due."""
        ...


class Desk(Protocol):
    """The worker of this process, as far as the showcase needs it."""

    @property
    def worker_id(self) -> str:
        """The name under which it owns rows."""
        ...

    @property
    def alive(self) -> bool:
        """Whether its lease can be trusted now."""
        ...


class Showroom(Protocol):
    """The showcase channels of Discord."""

    async def hang(self, exhibit: Exhibit) -> int:
        """Post the exhibit and return the message's id; its nonce guards a repeat.

        Raises `ChannelClosed` or `DeliveryBusy`.
        """
        ...

    async def find(self, exhibit: Exhibit) -> int | None:
        """Look in the channel for a post of it that was not recorded. Raises `DeliveryBusy`."""
        ...

    async def refresh(self, exhibit: Exhibit) -> bool:
        """Bring the message's words up to date; ``False`` when somebody has deleted it.

        Raises `DeliveryBusy`.
        """
        ...

    async def maker_name(self, guild_id: int, user_id: int) -> str:
        """Return what a member is called in a server. Never raises for Discord's reasons."""
        ...

    async def take_down(self, exhibit: Exhibit, message_id: int) -> None:
        """Delete the message; no message is as good. Raises `DeliveryBusy`."""
        ...

    async def delete(self, channel_id: int, message_id: int) -> None:
        """Delete any message of the bot, as `take_down`. Raises `DeliveryBusy`."""
        ...

    async def stars(self, channel_id: int, message_id: int) -> frozenset[int] | None:
        """Return the members who star a message; ``None`` when there is no such message.

        Raises `DeliveryBusy`.
        """
        ...

    async def announce(self, digest: Digest) -> int:
        """Post a digest. Raises `ChannelClosed` or `DeliveryBusy`."""
        ...

    async def renew(self, digest: Digest, message_id: int) -> bool:
        """Bring a digest up to what may still be seen; ``False`` when somebody has deleted it.

        Raises `DeliveryBusy`.
        """
        ...

    async def find_announced(self, digest: Digest) -> int | None:
        """Look in the channel for a digest that was not recorded. Raises `DeliveryBusy`."""
        ...


class PublicFiles(Protocol):
    """What was made of clips for everybody: posters, previews."""

    async def withdraw(self, clip: Clip) -> None:
        """Delete what was made of a clip; the original stays."""
        ...
