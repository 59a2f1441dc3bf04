"""What a member or a server leaves behind, and how it is taken apart.

A farewell is done part by part: posts and files first, then the rows that name them. Whatever
interrupts it, the rows that are left say where to go on.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]
"""What JSON can hold."""
MemberExport = Mapping[str, Sequence[Mapping[str, JsonValue]]]
"""A member's data, table by table."""


def pseudonym_for(user_id: int) -> int:
    """Return the number, below 0, under which a forgotten member's sums stay for their windows.

    Whoever is forgotten and comes back finds their limits as used as they were.
    """
    digest = hashlib.sha256(f"clapper farewell {user_id}".encode()).digest()
    return -1 - int.from_bytes(digest[:7])


@dataclass(frozen=True, slots=True)
class ErasureBatch:
    """A part of what somebody leaves behind.

    ``posts`` are pairs of channel and message, ``paths`` files below the data directory; ``busy``
    tells that jobs still run, so that this is not the last part.
    """

    clip_ids: tuple[int, ...] = ()
    job_ids: tuple[int, ...] = ()
    posts: tuple[tuple[int, int], ...] = ()
    paths: tuple[str, ...] = ()
    has_running_jobs: bool = False


class MessageDeleter(Protocol):
    """Messages of the bot in Discord."""

    async def delete_message(self, channel_id: int, message_id: int) -> None:
        """Delete a message; one that is gone or out of reach is as good.

        Raises `DeliveryBusy`.
        """
        ...


class ErasableFiles(Protocol):
    """Files below the data directory."""

    async def delete_files(self, paths: Sequence[str]) -> None:
        """Delete the files, those that are there."""
        ...
