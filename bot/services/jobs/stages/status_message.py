"""The status message of one job, edited in a task of its own so that it never delays the job.

Only the latest progress counts. If Discord is slow, older progress is dropped.
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
    """Shows the progress of one job, with at most one edit at a time."""

    __slots__ = ("_job_id", "_job_messages", "_jobs", "_pending", "_task", "message_id")

    def __init__(self, *, job: Job, jobs: JobStore, job_messages: JobMessages) -> None:
        self._job_id = job.id
        self._jobs = jobs
        self._job_messages = job_messages
        self._pending: JobProgress | None = None
        self._task: asyncio.Task[None] | None = None
        self.message_id = job.status_message_id

    def show_progress(self, progress: JobProgress) -> None:
        self._pending = progress
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run_updates())

    def with_message(self, job: Job) -> Job:
        if self.message_id in (None, job.status_message_id):
            return job
        return replace(job, status_message_id=self.message_id)

    async def wait_for_edit(self) -> None:
        """Wait for the current edit and drop later progress."""
        self._pending = None
        if self._task is not None:
            await asyncio.wait([self._task])

    async def flush_updates(self) -> None:
        """Wait until there is a message, and briefly for the latest progress; then drop that.

        A status must not appear after the clip, and it can be deleted only if its id is known.
        """
        if self._task is None:
            return
        timeout = None if self.message_id is None else _FLUSH_TIMEOUT_S
        _, unfinished = await asyncio.wait([self._task], timeout=timeout)
        if unfinished:
            self.cancel_updates()
            await asyncio.wait(unfinished)

    def cancel_updates(self) -> None:
        self._pending = None
        if self._task is not None:
            self._task.cancel()

    async def _run_updates(self) -> None:
        while self._pending is not None:
            progress, self._pending = self._pending, None
            try:
                known_id = self.message_id
                shown_id = await self._job_messages.show_status(
                    replace(progress, job=self.with_message(progress.job))
                )
                if shown_id is not None and shown_id != known_id:
                    self.message_id = shown_id
                    await self._jobs.attach_status(self._job_id, shown_id)
            except DatabaseUnavailable:
                continue
            except Exception:  # a failed status must never fail the job
                _log.exception("status_message.edit_failed", job_id=self._job_id)
        self._task = None  # a job runs for minutes, so do not keep the finished task
