"""The status message of one job: shown beside the work, never in its way.

Only the latest news counts: while Discord is slow, what is between is dropped.
"""

import asyncio
from dataclasses import replace
from typing import Final

import structlog

from bot.domain.errors import DatabaseUnavailable
from bot.domain.jobs.job import Job
from bot.domain.ports import JobMessages, JobProgress
from bot.store.jobs.jobs import JobStore

_FLUSH_TIMEOUT_S: Final = 2.0

_log = structlog.get_logger(__name__)


class StatusMessage:
    """Shows the progress of one job; at most one edit is under way."""

    __slots__ = ("_job_id", "_job_messages", "_jobs", "_pending", "_task", "message_id")

    def __init__(self, *, job: Job, jobs: JobStore, job_messages: JobMessages) -> None:
        self._job_id = job.id
        self._jobs = jobs
        self._job_messages = job_messages
        self._pending: JobProgress | None = None
        self._task: asyncio.Task[None] | None = None
        self.message_id = job.status_message_id

    def show_progress(self, progress: JobProgress) -> None:
        """Show ``progress`` as soon as Discord lets us."""
        self._pending = progress
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run_updates())

    def with_message(self, job: Job) -> Job:
        """Return ``job`` with the status message that this line knows."""
        return replace(job, status_message_id=self.message_id or job.status_message_id)

    async def wait_for_edit(self) -> None:
        """Wait for the edit under way; what was not shown yet is dropped."""
        self._pending = None
        if self._task is not None:
            await asyncio.wait([self._task])

    async def flush_updates(self) -> None:
        """Wait until there is a message, and a moment for the latest news; then it is dropped.

        The clip replies to the message, and nothing of the status may come after the clip.
        """
        if self._task is None:
            return
        patience = None if self.message_id is None else _FLUSH_TIMEOUT_S
        _, late = await asyncio.wait([self._task], timeout=patience)
        if late:
            self.cancel_updates()
            await asyncio.wait(late)

    def cancel_updates(self) -> None:
        """Stop at once."""
        self._pending = None
        if self._task is not None:
            self._task.cancel()

    async def _run_updates(self) -> None:
        await self._show_pending()
        self._task = None  # jobs live for minutes; a task that has ended need not

    async def _show_pending(self) -> None:
        while self._pending is not None:
            progress, self._pending = self._pending, None
            try:
                known = self.message_id
                shown = await self._job_messages.show_status(
                    replace(progress, job=self.with_message(progress.job))
                )
                if shown is not None and shown != known:
                    self.message_id = shown
                    await self._jobs.attach_status(self._job_id, shown)
            except DatabaseUnavailable:
                continue
            except Exception:
                # a fault of the status must never become one of the job
                _log.exception("status.fault", job_id=self._job_id)
