"""What the showcase needs of the store and of Discord; the rules are in `bot.domain.showcase.post`."""

from typing import Protocol

from bot.domain.clips.clip import Clip
from bot.domain.showcase.post import ShowcasePost, WeeklyDigest


class WorkerHandle(Protocol):
    """The worker of this process, as far as the showcase needs it."""

    @property
    def worker_id(self) -> str:
        """The name under which it owns rows."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether its lease can be trusted now."""
        ...


class ShowcaseChannel(Protocol):
    """The showcase channels of Discord."""

    async def publish(self, exhibit: ShowcasePost) -> int:
        """Post the exhibit and return the message's id; its nonce guards a repeat.

        Raises `ChannelClosed` or `DeliveryBusy`.
        """
        ...

    async def find_post(self, exhibit: ShowcasePost) -> int | None:
        """Look in the channel for a post of it that was not recorded. Raises `DeliveryBusy`."""
        ...

    async def refresh_post(self, exhibit: ShowcasePost) -> bool:
        """Bring the message's words up to date; ``False`` when somebody has deleted it.

        Raises `DeliveryBusy`.
        """
        ...

    async def fetch_creator_name(self, guild_id: int, user_id: int) -> str:
        """Return what a member is called in a server. Never raises for Discord's reasons."""
        ...

    async def unpublish(self, exhibit: ShowcasePost, message_id: int) -> None:
        """Delete the message; no message is as good. Raises `DeliveryBusy`."""
        ...

    async def delete_message(self, channel_id: int, message_id: int) -> None:
        """Delete any message of the bot, as `take_down`. Raises `DeliveryBusy`."""
        ...

    async def fetch_stars(self, channel_id: int, message_id: int) -> frozenset[int] | None:
        """Return the members who star a message; ``None`` when there is no such message.

        Raises `DeliveryBusy`.
        """
        ...

    async def publish_digest(self, digest: WeeklyDigest) -> int:
        """Post a digest. Raises `ChannelClosed` or `DeliveryBusy`."""
        ...

    async def refresh_digest(self, digest: WeeklyDigest, message_id: int) -> bool:
        """Bring a digest up to what may still be seen; ``False`` when somebody has deleted it.

        Raises `DeliveryBusy`.
        """
        ...

    async def find_digest(self, digest: WeeklyDigest) -> int | None:
        """Look in the channel for a digest that was not recorded. Raises `DeliveryBusy`."""
        ...


class PublishedFiles(Protocol):
    """What was made of clips for everybody: posters, previews."""

    async def delete_published(self, clip: Clip) -> None:
        """Delete what was made of a clip; the original stays."""
        ...
