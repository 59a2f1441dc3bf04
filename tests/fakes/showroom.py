"""Showcase channels in memory: what stands there, and what goes wrong when it is told to."""

import itertools
from collections import deque

from bot.domain.clips.clip import Clip
from bot.domain.showcase.post import Digest, Exhibit


class FakeShowroom:
    """`bot.domain.showcase.ports.Showroom`, `PublicFiles`; `bot.domain.erasure.Posts`, `Files`."""

    def __init__(self) -> None:
        self.standing: dict[int, Exhibit] = {}
        self.digests: dict[int, Digest] = {}
        self.starred: dict[int, set[int]] = {}
        self.deleted: list[int] = []
        self.removed: list[str] = []
        self.posts = 0
        self.before: deque[Exception] = deque()
        """Raised by the next calls, before anything is done."""
        self.after: deque[Exception] = deque()
        """Raised by the next posts, after the message stands: a lost answer."""
        self._ids = itertools.count(5000)

    def _fail(self, faults: deque[Exception]) -> None:
        if faults:
            raise faults.popleft()

    async def hang(self, exhibit: Exhibit) -> int:
        """Post it, whether or not it stands already: nobody guards a repeat here."""
        self._fail(self.before)
        number = next(self._ids)
        self.standing[number] = exhibit
        self.posts += 1
        self._fail(self.after)
        return number

    async def find(self, exhibit: Exhibit) -> int | None:
        """Look for it."""
        self._fail(self.before)
        return next((n for n, each in self.standing.items() if each.id == exhibit.id), None)

    async def refresh(self, exhibit: Exhibit) -> bool:
        """Renew it."""
        self._fail(self.before)
        number = exhibit.entry.message_id
        if number not in self.standing:
            return False
        self.standing[number] = exhibit
        return True

    async def maker_name(self, guild_id: int, user_id: int) -> str:
        """Return a name."""
        return f"member {user_id} of {guild_id}"

    async def take_down(self, exhibit: Exhibit, message_id: int) -> None:
        """Delete it."""
        self._fail(self.before)
        self.standing.pop(message_id, None)

    async def stars(self, channel_id: int, message_id: int) -> frozenset[int] | None:
        """Return who stars it."""
        self._fail(self.before)
        return frozenset(self.starred.get(message_id, ()))

    async def announce(self, digest: Digest) -> int:
        """Post a digest."""
        self._fail(self.before)
        number = next(self._ids)
        self.digests[number] = digest
        self._fail(self.after)
        return number

    async def renew(self, digest: Digest, message_id: int) -> bool:
        """Edit a digest."""
        self._fail(self.before)
        if message_id not in self.digests:
            return False
        self.digests[message_id] = digest
        return True

    async def find_announced(self, digest: Digest) -> int | None:
        """Look for it."""
        return next((n for n, each in self.digests.items() if each.id == digest.id), None)

    async def delete(self, channel_id: int, message_id: int) -> None:
        """Delete any message."""
        self._fail(self.before)
        self.deleted.append(message_id)
        self.digests.pop(message_id, None)

    async def remove(self, paths: object) -> None:
        """Delete files."""
        assert isinstance(paths, tuple | list)
        self.removed += paths

    async def withdraw(self, clip: Clip) -> None:
        """Delete what was made of a clip."""
        self.removed.append(f"public {clip.id}")
