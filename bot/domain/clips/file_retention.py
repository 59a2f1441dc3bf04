"""Which stored originals may be deleted.

The operator limits their age and total size. Originals of showcased clips have no age limit, and
are the last to be deleted if the total size is too large. Files that a running job needs are never
deleted.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final

REENCODE_LIFETIME: Final = timedelta(days=2)
"""How long a re-encoded file is kept for a retry or another post."""
LEFTOVER_LIFETIME: Final = timedelta(days=1)
"""Temporary files older than this were left by a process that died."""
ORPHAN_LIFETIME: Final = timedelta(days=3)
"""Files without a record are deleted at this age; a download may take up to two days."""


class RetentionClass(IntEnum):
    """How much a job's files are needed, according to the database; higher values stay longer."""

    ORPHAN = 0
    SETTLED = 1
    SHARED = 2
    IN_USE = 3


@dataclass(frozen=True, slots=True)
class StoredOriginal:
    """One original with the files derived from it; ``size`` is their total in bytes."""

    job_id: int
    name: str
    size: int
    since: datetime
    retention_class: RetentionClass = RetentionClass.ORPHAN


def select_removable(
    originals: Iterable[StoredOriginal],
    *,
    now: datetime,
    keep_for: timedelta | None,
    keep_bytes: int | None,
) -> list[StoredOriginal]:
    """Return the originals to delete; `None` means no limit."""
    removable: list[StoredOriginal] = []
    remaining: list[StoredOriginal] = []
    for original in originals:
        (removable if _is_expired(original, now, keep_for) else remaining).append(original)
    if keep_bytes is None:
        return removable
    excess = sum(original.size for original in remaining) - keep_bytes
    for original in sorted(remaining, key=lambda file: (file.retention_class, file.since)):
        if excess <= 0:
            break
        if original.retention_class in (RetentionClass.SETTLED, RetentionClass.SHARED):
            removable.append(original)
            excess -= original.size
    return removable


def _is_expired(original: StoredOriginal, now: datetime, keep_for: timedelta | None) -> bool:
    age = now - original.since
    match original.retention_class:
        case RetentionClass.ORPHAN:
            return age > ORPHAN_LIFETIME
        case RetentionClass.SETTLED:
            return keep_for is not None and age > keep_for
        case _:
            return False
