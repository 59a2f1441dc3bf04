"""What a member or a server leaves behind, and how it is taken apart.

A farewell is done part by part: posts and files first, then the rows that name them. Whatever
interrupts it, the rows that are left say where to go on.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]
"""What JSON can hold."""
Export = Mapping[str, Sequence[Mapping[str, Plain]]]
"""A member's data, table by table."""


def stand_in(user_id: int) -> int:
    """Return the number, below 0, under which a forgotten member's sums stay for their windows.

    Whoever is forgotten and comes back finds their limits as used as they were.
    """
    digest = hashlib.sha256(f"clapper farewell {user_id}".encode()).digest()
    return -1 - int.from_bytes(digest[:7])


@dataclass(frozen=True, slots=True)
class Remains:
    """A part of what somebody leaves behind.

    ``posts`` are pairs of channel and message, ``paths`` files below the data directory; ``busy``
    tells that jobs still run, so that this is not the last part.
    """

    clip_ids: tuple[int, ...] = ()
    job_ids: tuple[int, ...] = ()
    posts: tuple[tuple[int, int], ...] = ()
    paths: tuple[str, ...] = ()
    busy: bool = False


class Posts(Protocol):
    """Messages of the bot in Discord."""

    async def delete(self, channel_id: int, message_id: int) -> None:
        """Delete a message; one that is gone or out of reach is as good.

        Raises `DeliveryBusy`.
        """
        ...


class Files(Protocol):
    """Files below the data directory."""

    async def remove(self, paths: Sequence[str]) -> None:
        """Delete the files, those that are there."""
        ...
