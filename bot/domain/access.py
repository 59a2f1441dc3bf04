"""Who may see a job or a clip, and who moderates it."""

from dataclasses import dataclass
from typing import Protocol


class PostedWork(Protocol):
    """A clip or the origin of a job: where it was made, and for whom."""

    @property
    def guild_id(self) -> int | None: ...
    @property
    def channel_id(self) -> int: ...
    @property
    def user_id(self) -> int: ...


@dataclass(frozen=True, slots=True)
class ActingPerson:
    """A person and the place where they act.

    ``guild_id`` is `None` outside of the bot's servers, where the channel is a conversation.
    A ``moderator`` may manage other people's messages there.
    """

    user_id: int
    guild_id: int | None
    channel_id: int | None = None
    moderator: bool = False

    def may_see(self, work: PostedWork) -> bool:
        """Return whether the work is their own, or belongs to this server or conversation."""
        if work.user_id == self.user_id:
            return True
        if work.guild_id != self.guild_id:
            return False
        return self.guild_id is not None or work.channel_id == self.channel_id

    def moderates(self, work: PostedWork) -> bool:
        """Return whether they moderate the server that the work belongs to."""
        return self.moderator and self.guild_id is not None and work.guild_id == self.guild_id
