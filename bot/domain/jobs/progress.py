"""How far a job is, for those who wait for it."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.jobs.job import Job, Outcome


@dataclass(frozen=True, slots=True)
class JobProgress:
    """What the status message shows. Every field is measured, or `None`; nothing is guessed.

    ``queue_position`` counts from 1. ``eta`` is the earliest and latest time at which the clip is
    expected; ``is_late`` means that the latest has passed. At ``gives_up_at`` the bot stops waiting
    for Google. ``picture`` is the key of a picture in the media store that is shown above the text.
    ``paused`` means that the server or the operator has paused the queue. Until ``undo_until`` the
    job is held back and can be undone. ``takes`` are all drafts, of which ``job`` is the first.
    """

    job: Job
    queue_position: int | None = None
    eta: tuple[datetime, datetime] | None = None
    is_late: bool = False
    gives_up_at: datetime | None = None
    picture: str | None = None
    waiting_for: Outcome | None = None
    retry_at: datetime | None = None
    paused: bool = False
    undo_until: datetime | None = None
    takes: tuple[Job, ...] = ()
