"""What a member or a server leaves behind, and how it is taken apart.

A farewell is done part by part: posts and files first, then the rows that name them. Whatever
interrupts it, the rows that are left say where to go on.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
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


class Farewells(Protocol):
    """Who wants to be forgotten, which servers were left, and what is left of them."""

    async def ask(self, user_id: int, *, owner: str, now: datetime) -> None:
        """Write that a member wants to be forgotten; the first wish stays."""
        ...

    async def claim(self, owner: str) -> list[tuple[int, datetime]]:
        """Take the farewells that are nobody's alive; return all of ``owner``'s, as member and
        time of the wish."""
        ...

    async def of_member(self, user_id: int, *, before: datetime) -> Remains:
        """Return a part of what a member asked for until then."""
        ...

    async def forget(self, user_id: int, *, now: datetime) -> None:
        """Delete or unname the rest: votes, choices, names in logs and books. The last step."""
        ...

    async def left(self, guild_id: int, *, now: datetime) -> None:
        """Write that the bot is no longer in a server; the first time stays."""
        ...

    async def back(self, guild_ids: list[int]) -> None:
        """Forget that the bot was away from these servers."""
        ...

    async def known_servers(self) -> list[int]:
        """Return the servers that anything is kept of and that nobody has left."""
        ...

    async def due(self, *, before: datetime) -> list[int]:
        """Return the servers that were left before then."""
        ...

    async def of_server(self, guild_id: int) -> Remains:
        """Return a part of what was made in a server."""
        ...

    async def remove_server(self, guild_id: int, *, left_before: datetime) -> bool:
        """Delete the rest; ``False`` when the bot has come back meanwhile. The last step."""
        ...

    async def erase(self, remains: Remains) -> None:
        """Delete the rows of a part."""
        ...

    async def tidy(self, *, now: datetime, log_until: datetime) -> None:
        """Unname sums whose windows have passed, and drop old entries of the audit log."""
        ...


class Exports(Protocol):
    """A member's data, read whole."""

    async def of_member(self, user_id: int) -> Export:
        """Return everything that is kept of a member."""
        ...


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
