"""What the status messages of this process's jobs show, so that needless edits are left out."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from bot.domain.jobs.job import Job, JobState, ReviewState
from bot.domain.jobs.progress import JobProgress

STATUS_EDIT_INTERVAL_S: Final = 5.0
"""Seconds between two edits of a status, unless its phase changes."""
_MAXIMUM_STATUSES: Final = 4096


class _StatusPhase(NamedTuple):
    """What is worth an edit at once."""

    state: JobState
    waits_for_retry: bool
    is_late: bool
    picture: str | None
    review: ReviewState | None
    takes: tuple[JobState, ...]


@dataclass(slots=True)
class DisplayedStatus:
    """What a job's status message last showed, and a lock for editing it.

    Progress from an epoch before ``epoch`` is out of date. After ``closed`` is set, there are no
    more edits. ``may_be_lost`` says that a message may have been sent without its id being stored.
    """

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    epoch: int = -1
    phase: _StatusPhase | None = None
    has_shown_cancelling: bool = False
    edited_at: float = float("-inf")
    closed: bool = False
    may_be_lost: bool = False

    @property
    def picture(self) -> str | None:
        """The key of the attached picture."""
        return None if self.phase is None else self.phase.picture

    def is_edit_due(self, progress: JobProgress, *, now_s: float) -> bool:
        """Return whether ``progress`` is worth an edit at ``now_s``, by a monotonic clock."""
        if progress.job.cancel_requested and not self.has_shown_cancelling:
            return True  # the person who pressed the button waits for it
        if self.lock.locked():
            return False
        is_same = self.phase == _get_phase(progress)
        return not is_same or now_s - self.edited_at >= STATUS_EDIT_INTERVAL_S

    def record(self, progress: JobProgress, *, now_s: float) -> None:
        """Record that the message shows ``progress``."""
        self.phase, self.edited_at = _get_phase(progress), now_s
        self.epoch = progress.job.epoch
        self.has_shown_cancelling = progress.job.cancel_requested


@dataclass(frozen=True, slots=True)
class DisplayedStatuses:
    """The statuses of the latest jobs."""

    _by_job: OrderedDict[int, DisplayedStatus] = field(default_factory=OrderedDict)

    def get(self, job: Job) -> DisplayedStatus:
        status = self._by_job.get(job.id)
        if status is None:
            status = self._by_job[job.id] = DisplayedStatus()
            if len(self._by_job) > _MAXIMUM_STATUSES:
                self._by_job.popitem(last=False)
        return status


def _get_phase(progress: JobProgress) -> _StatusPhase:
    job = progress.job
    return _StatusPhase(
        job.state,
        progress.retry_at is not None,
        progress.is_late,
        progress.picture,
        job.review if job.is_under_review else None,
        tuple(take.state for take in progress.takes),
    )
