"""Erasing the data of a member or a server, in batches that can be resumed.

Each batch deletes messages and files first and the rows that name them last. After an
interruption the rows that are left say what remains to be done.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]
"""What JSON can hold."""
MemberExport = Mapping[str, Sequence[Mapping[str, JsonValue]]]
"""A member's data, table by table."""


def pseudonym_for(user_id: int) -> int:
    """Return the negative number under which an erased member's usage stays for its windows.

    Being erased and coming back therefore brings no fresh quota.
    """
    digest = hashlib.sha256(f"clapper farewell {user_id}".encode()).digest()
    return -1 - int.from_bytes(digest[:7])


@dataclass(frozen=True, slots=True)
class ErasureBatch:
    """A part of what is to be erased.

    ``posts`` are pairs of channel and message id, ``paths`` files below the data directory. While
    jobs are running, this is not the last batch.
    """

    clip_ids: tuple[int, ...] = ()
    job_ids: tuple[int, ...] = ()
    posts: tuple[tuple[int, int], ...] = ()
    paths: tuple[str, ...] = ()
    has_running_jobs: bool = False
