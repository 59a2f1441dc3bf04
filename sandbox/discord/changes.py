"""What people's clients would see change at once: messages, and who is typing.

The gateway's events are the bot's view: they leave out ephemeral messages and channels that the bot
cannot see. These changes leave out nothing, so whoever receives them decides what a person sees.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.discord.entities import Message


@dataclass(frozen=True, slots=True)
class MessageChanged:
    """A message was written, edited, reacted to, or deleted."""

    message: Message


@dataclass(frozen=True, slots=True)
class TypingStarted:
    """Somebody began to type in a channel."""

    channel_id: int
    user_id: int


Change = MessageChanged | TypingStarted


class ChangeFeed:
    """Calls every receiver with each change, synchronously and in order."""

    def __init__(self) -> None:
        self._receivers: list[Callable[[Change], None]] = []

    def subscribe(self, receiver: Callable[[Change], None]) -> None:
        """Add a receiver, which must not block."""
        self._receivers.append(receiver)

    def unsubscribe(self, receiver: Callable[[Change], None]) -> None:
        """Remove a receiver that was added."""
        self._receivers.remove(receiver)

    def publish(self, change: Change) -> None:
        """Deliver to all receivers before it returns."""
        for receiver in tuple(self._receivers):
            receiver(change)
