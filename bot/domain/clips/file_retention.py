"""What is kept on disk and for how long: pure choices over a list of what lies there.

Originals are kept for as long as the operator says and within the space the operator gives; what
the showcase shows is kept beyond the time, and goes last when space runs out. Whatever a running
job needs is never touched.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from typing import Final

REENCODE_LIFETIME: Final = timedelta(days=2)
"""How long a re-encode lies ready for a retry or another post."""
LEFTOVER_LIFETIME: Final = timedelta(days=1)
"""Age from which a temporary file has been left behind by a process that died."""
ORPHAN_LIFETIME: Final = timedelta(days=3)
"""Age from which a file that no record knows is nobody's; a fetch may be tried for two days."""


class RetentionClass(IntEnum):
    """What the database says of a job's files; a later one is kept longer."""

    ORPHAN = 0
    SETTLED = 1
    SHARED = 2
    IN_USE = 3


@dataclass(frozen=True, slots=True)
class StoredOriginal:
    """One original with everything beside it, named by its job and index; bytes in all."""

    job_id: int
    name: str
    size: int
    since: datetime
    retention_class: RetentionClass = RetentionClass.ORPHAN


def select_removable(
    kept: Iterable[StoredOriginal],
    *,
    now: datetime,
    keep_for: timedelta | None,
    keep_bytes: int | None,
) -> list[StoredOriginal]:
    """Return what is to be removed; ``None`` lifts a limit."""
    gone: list[StoredOriginal] = []
    rest: list[StoredOriginal] = []
    for each in kept:
        (gone if _is_expired(each, now, keep_for) else rest).append(each)
    if keep_bytes is None:
        return gone
    excess = sum(each.size for each in rest) - keep_bytes
    for each in sorted(rest, key=lambda each: (each.retention_class, each.since)):
        if excess <= 0:
            break
        if each.retention_class in (RetentionClass.SETTLED, RetentionClass.SHARED):
            gone.append(each)
            excess -= each.size
    return gone


def _is_expired(kept: StoredOriginal, now: datetime, keep_for: timedelta | None) -> bool:
    age = now - kept.since
    match kept.retention_class:
        case RetentionClass.ORPHAN:
            return age > ORPHAN_LIFETIME
        case RetentionClass.SETTLED:
            return keep_for is not None and age > keep_for
        case _:
            return False
