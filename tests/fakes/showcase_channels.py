"""In-memory showcase channels that fail by script."""

import itertools
from collections import deque
from collections.abc import Mapping, Sequence

from bot.domain.clips.clip import Clip
from bot.domain.clips.media_store import StoredFiles
from bot.domain.errors import ChannelUnavailable
from bot.domain.ports import EditResult, ShowcaseChannel
from bot.domain.showcase.post import ShowcasePost, Star, WeeklyDigest


class FakeShowcaseChannel(ShowcaseChannel, StoredFiles):
    """What showcase channels show, and which messages and files were deleted."""

    def __init__(self) -> None:
        self.live_posts: dict[int, ShowcasePost] = {}
        self.digests: dict[int, WeeklyDigest] = {}
        self.stars_by_message: dict[int, set[int]] = {}
        self.super_stars_by_message: dict[int, set[int]] = {}
        self.channels: dict[int, bool] | None = None
        """Every server's channels, and whether each is age-restricted."""
        self.deleted_channels: set[int] = set()
        self.deleted_messages: list[int] = []
        self.removed_files: list[str] = []
        self.post_count = 0
        self.edit_count = 0
        self.offered_stars: list[int] = []
        self.mentioned_winners: list[bool] = []
        self.errors_before: deque[Exception] = deque()
        """Raised by the next calls, before anything is done."""
        self.errors_after: deque[Exception] = deque()
        """Raised by the next posts, after the message stands: a lost answer."""
        self.file_errors: deque[Exception] = deque()
        """Raised by the next deletions of derived files."""
        self._ids = itertools.count(5000)

    def _require_channel(self, channel_id: int | None) -> None:
        if channel_id in self.deleted_channels:
            raise ChannelUnavailable("channel deleted", is_gone=True)

    def _raise_next(self, errors: deque[Exception]) -> None:
        if errors:
            raise errors.popleft()

    def get_channels(self, guild_id: int) -> Mapping[int, bool] | None:
        return self.channels

    async def publish(self, exhibit: ShowcasePost) -> int:
        """Post it, also when it was posted already: no nonce guards a repeat here."""
        self._raise_next(self.errors_before)
        self._require_channel(exhibit.entry.channel_id)
        message_id = next(self._ids)
        self.live_posts[message_id] = exhibit
        self.post_count += 1
        self._raise_next(self.errors_after)
        return message_id

    async def find_post(self, exhibit: ShowcasePost) -> int | None:
        """Look for it."""
        self._raise_next(self.errors_before)
        return next((n for n, post in self.live_posts.items() if post.id == exhibit.id), None)

    async def refresh_post(self, exhibit: ShowcasePost) -> EditResult:
        """Renew it."""
        self.edit_count += 1
        self._raise_next(self.errors_before)
        if exhibit.entry.channel_id in self.deleted_channels:
            return EditResult.CHANNEL_GONE
        message_id = exhibit.entry.message_id
        if message_id not in self.live_posts:
            return EditResult.MESSAGE_GONE
        self.live_posts[message_id] = exhibit
        return EditResult.DONE

    async def fetch_creator_name(self, guild_id: int, user_id: int) -> str:
        """Return a name."""
        return f"member {user_id} of {guild_id}"

    async def unpublish(self, exhibit: ShowcasePost, message_id: int) -> None:
        """Delete it."""
        self._raise_next(self.errors_before)
        self.live_posts.pop(message_id, None)

    async def fetch_stars(self, channel_id: int, message_id: int) -> frozenset[Star] | None:
        """Return who stars it."""
        self._raise_next(self.errors_before)
        self._require_channel(channel_id)
        normal = (Star(each) for each in self.stars_by_message.get(message_id, ()))
        burst = (
            Star(each, is_super=True) for each in self.super_stars_by_message.get(message_id, ())
        )
        return frozenset((*normal, *burst))

    async def offer_star(self, channel_id: int, message_id: int) -> None:
        """Star a message."""
        self.offered_stars.append(message_id)

    async def publish_digest(self, digest: WeeklyDigest, *, mentions_winner: bool) -> int:
        """Post a digest."""
        self.mentioned_winners.append(mentions_winner)
        self._raise_next(self.errors_before)
        message_id = next(self._ids)
        self.digests[message_id] = digest
        self._raise_next(self.errors_after)
        return message_id

    async def refresh_digest(self, digest: WeeklyDigest, message_id: int) -> EditResult:
        """Edit a digest."""
        self._raise_next(self.errors_before)
        if message_id not in self.digests:
            return EditResult.MESSAGE_GONE
        self.digests[message_id] = digest
        return EditResult.DONE

    async def find_digest(self, digest: WeeklyDigest) -> int | None:
        """Look for it."""
        return next((n for n, known in self.digests.items() if known.id == digest.id), None)

    async def delete_message(self, channel_id: int, message_id: int) -> None:
        """Delete any message."""
        self._raise_next(self.errors_before)
        self.deleted_messages.append(message_id)
        self.digests.pop(message_id, None)

    async def delete_files(self, paths: Sequence[str]) -> None:
        """Delete files."""
        self.removed_files += paths

    async def delete_published(self, clip: Clip) -> None:
        """Delete the files derived from a clip."""
        self._raise_next(self.file_errors)
        self.removed_files.append(f"public {clip.id}")
