"""Erasing the data of a member or a server, in batches that can be resumed.

Each batch deletes messages and files first, and the rows that name them last. After an
interruption the remaining rows show what is still to be deleted.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

JsonValue = str | int | float | bool | None | list["JsonValue"] | dict[str, "JsonValue"]
"""A value of JSON."""
MemberExport = Mapping[str, Sequence[Mapping[str, JsonValue]]]
"""A member's data, table by table."""


def pseudonym_for(user_id: int) -> int:
    """Return the negative number under which an erased member's usage counts until its windows end.

    So an erasure does not renew the member's quota.
    """
    digest = hashlib.sha256(f"clapper farewell {user_id}".encode()).digest()
    return -1 - int.from_bytes(digest[:7])


@dataclass(frozen=True, slots=True)
class ErasureBatch:
    """A part of what is to be erased.

    ``posts`` are pairs of channel and message id, ``paths`` files below the data directory. As
    long as jobs are running, another batch follows.
    """

    clip_ids: tuple[int, ...] = ()
    job_ids: tuple[int, ...] = ()
    posts: tuple[tuple[int, int], ...] = ()
    paths: tuple[str, ...] = ()
    has_running_jobs: bool = False


@dataclass(frozen=True, slots=True)
class QuestionBatch:
    """A member's requests about which moderators were asked; ``posts`` as in `ErasureBatch`."""

    question_ids: tuple[int, ...] = ()
    posts: tuple[tuple[int, int], ...] = ()
    paths: tuple[str, ...] = ()
