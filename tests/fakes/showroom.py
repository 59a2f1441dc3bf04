"""Showcase channels in memory: what stands there, and what goes wrong when it is told to."""

import itertools
from collections import deque

from bot.domain.clips.clip import Clip
from bot.domain.showcase.post import ShowcasePost, WeeklyDigest


class FakeShowcaseChannel:
    """`bot.domain.showcase.ports.Showroom`, `PublicFiles`; `bot.domain.erasure.Posts`, `Files`."""

    def __init__(self) -> None:
        self.live_posts: dict[int, ShowcasePost] = {}
        self.digests: dict[int, WeeklyDigest] = {}
        self.stars_by_message: dict[int, set[int]] = {}
        self.deleted_messages: list[int] = []
        self.removed_files: list[str] = []
        self.post_count = 0
        self.errors_before: deque[Exception] = deque()
        """Raised by the next calls, before anything is done."""
        self.errors_after: deque[Exception] = deque()
        """Raised by the next posts, after the message stands: a lost answer."""
        self._ids = itertools.count(5000)

    def _raise_next(self, faults: deque[Exception]) -> None:
        if faults:
            raise faults.popleft()

    async def publish(self, exhibit: ShowcasePost) -> int:
        """Post it, whether or not it stands already: nobody guards a repeat here."""
        self._raise_next(self.errors_before)
        number = next(self._ids)
        self.live_posts[number] = exhibit
        self.post_count += 1
        self._raise_next(self.errors_after)
        return number

    async def find_post(self, exhibit: ShowcasePost) -> int | None:
        """Look for it."""
        self._raise_next(self.errors_before)
        return next((n for n, each in self.live_posts.items() if each.id == exhibit.id), None)

    async def refresh_post(self, exhibit: ShowcasePost) -> bool:
        """Renew it."""
        self._raise_next(self.errors_before)
        number = exhibit.entry.message_id
        if number not in self.live_posts:
            return False
        self.live_posts[number] = exhibit
        return True

    async def fetch_creator_name(self, guild_id: int, user_id: int) -> str:
        """Return a name."""
        return f"member {user_id} of {guild_id}"

    async def unpublish(self, exhibit: ShowcasePost, message_id: int) -> None:
        """Delete it."""
        self._raise_next(self.errors_before)
        self.live_posts.pop(message_id, None)

    async def fetch_stars(self, channel_id: int, message_id: int) -> frozenset[int] | None:
        """Return who stars it."""
        self._raise_next(self.errors_before)
        return frozenset(self.stars_by_message.get(message_id, ()))

    async def publish_digest(self, digest: WeeklyDigest) -> int:
        """Post a digest."""
        self._raise_next(self.errors_before)
        number = next(self._ids)
        self.digests[number] = digest
        self._raise_next(self.errors_after)
        return number

    async def refresh_digest(self, digest: WeeklyDigest, message_id: int) -> bool:
        """Edit a digest."""
        self._raise_next(self.errors_before)
        if message_id not in self.digests:
            return False
        self.digests[message_id] = digest
        return True

    async def find_digest(self, digest: WeeklyDigest) -> int | None:
        """Look for it."""
        return next((n for n, each in self.digests.items() if each.id == digest.id), None)

    async def delete_message(self, channel_id: int, message_id: int) -> None:
        """Delete any message."""
        self._raise_next(self.errors_before)
        self.deleted_messages.append(message_id)
        self.digests.pop(message_id, None)

    async def delete_files(self, paths: object) -> None:
        """Delete files."""
        assert isinstance(paths, tuple | list)
        self.removed_files += paths

    async def delete_published(self, clip: Clip) -> None:
        """Delete what was made of a clip."""
        self.removed_files.append(f"public {clip.id}")
