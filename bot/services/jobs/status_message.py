"""The status message of one job: shown beside the work, never in its way.

Only the latest news counts: while Discord is slow, what is between is dropped.
"""

import asyncio
from dataclasses import replace
from typing import Final

import structlog

from bot.domain.errors import StoreAway
from bot.domain.jobs.job import Job
from bot.domain.ports import Delivery, Progress
from bot.store.jobs.jobs import JobStore

_MOMENT_S: Final = 2.0

_log = structlog.get_logger(__name__)


class StatusLine:
    """Shows the progress of one job; at most one edit is under way."""

    __slots__ = ("_delivery", "_job_id", "_jobs", "_next", "_task", "message_id")

    def __init__(self, *, job: Job, jobs: JobStore, delivery: Delivery) -> None:
        self._job_id = job.id
        self._jobs = jobs
        self._delivery = delivery
        self._next: Progress | None = None
        self._task: asyncio.Task[None] | None = None
        self.message_id = job.status_message_id

    def show(self, progress: Progress) -> None:
        """Show ``progress`` as soon as Discord lets us."""
        self._next = progress
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work())

    def with_message(self, job: Job) -> Job:
        """Return ``job`` with the status message that this line knows."""
        return replace(job, status_message_id=self.message_id or job.status_message_id)

    async def settled(self) -> None:
        """Wait for the edit under way; what was not shown yet is dropped."""
        self._next = None
        if self._task is not None:
            await asyncio.wait([self._task])

    async def flushed(self) -> None:
        """Wait until there is a message, and a moment for the latest news; then it is dropped.

        The clip replies to the message, and nothing of the status may come after the clip.
        """
        if self._task is None:
            return
        patience = None if self.message_id is None else _MOMENT_S
        _, late = await asyncio.wait([self._task], timeout=patience)
        if late:
            self.drop()
            await asyncio.wait(late)

    def drop(self) -> None:
        """Stop at once."""
        self._next = None
        if self._task is not None:
            self._task.cancel()

    async def _work(self) -> None:
        await self._show_all()
        self._task = None  # jobs live for minutes; a task that has ended need not

    async def _show_all(self) -> None:
        while self._next is not None:
            progress, self._next = self._next, None
            try:
                known = self.message_id
                shown = await self._delivery.show(
                    replace(progress, job=self.with_message(progress.job))
                )
                if shown is not None and shown != known:
                    self.message_id = shown
                    await self._jobs.attach_status(self._job_id, shown)
            except StoreAway:
                continue
            except Exception:
                # a fault of the status must never become one of the job
                _log.exception("status.fault", job_id=self._job_id)
