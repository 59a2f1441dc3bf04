"""The status message of one job, edited in a task of its own so that it never delays the job.

Only the latest progress counts. If Discord is slow, older progress is dropped.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import structlog

from bot.domain.errors import DatabaseUnavailable
from bot.domain.jobs.job import Job, JobState
from bot.domain.jobs.job_messages import JobMessages
from bot.domain.jobs.progress import JobProgress
from bot.store.jobs.jobs import JobStore

_FLUSH_TIMEOUT_S: Final = 2.0
_PICTURED_STATES: Final = (JobState.POLLING, JobState.FETCHING, JobState.POSTING)
"""The states in which a picture that was shown stays."""

_log = structlog.get_logger(__name__)


class StatusMessage:
    """Shows the progress of one job, with at most one edit at a time."""

    __slots__ = (
        "_job_id",
        "_job_messages",
        "_jobs",
        "_latest",
        "_pending",
        "_picture",
        "_picture_task",
        "_task",
        "message_id",
    )

    def __init__(self, *, job: Job, jobs: JobStore, job_messages: JobMessages) -> None:
        self._job_id = job.id
        self._jobs = jobs
        self._job_messages = job_messages
        self._latest: JobProgress | None = None
        self._pending: JobProgress | None = None
        self._task: asyncio.Task[None] | None = None
        self._picture: str | None = None
        self._picture_task: asyncio.Task[None] | None = None
        self.message_id = job.status_message_id

    def show_progress(self, progress: JobProgress) -> None:
        self._latest = self._pending = progress
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run_updates())

    def add_picture(self, find_picture: Callable[[Job], Awaitable[str | None]]) -> None:
        """Show a picture above the text as soon as it is found, if Google is still at work then."""
        if self._latest is not None and self._picture is None and self._picture_task is None:
            self._picture_task = asyncio.create_task(
                self._add_found_picture(find_picture, self._latest.job)
            )

    def with_message(self, job: Job) -> Job:
        if self.message_id in (None, job.status_message_id):
            return job
        return replace(job, status_message_id=self.message_id)

    async def wait_for_edit(self) -> None:
        """Wait for the current edit and drop later progress."""
        self._stop_picture()
        self._pending = None
        if self._task is not None:
            await asyncio.wait([self._task])

    async def flush_updates(self) -> None:
        """Wait until there is a message, and briefly for the latest progress; then drop that.

        A status must not appear after the clip, and it can be deleted only if its id is known.
        """
        self._stop_picture()
        if self._task is None:
            return
        timeout = None if self.message_id is None else _FLUSH_TIMEOUT_S
        _, unfinished = await asyncio.wait([self._task], timeout=timeout)
        if unfinished:
            self._cancel_edit()
            await asyncio.wait(unfinished)

    def cancel_updates(self) -> None:
        self._stop_picture()
        self._cancel_edit()

    def _cancel_edit(self) -> None:
        self._pending = None
        if self._task is not None:
            self._task.cancel()

    def _stop_picture(self) -> None:
        if self._picture_task is not None:
            self._picture_task.cancel()
            self._picture_task = None

    async def _add_found_picture(
        self, find_picture: Callable[[Job], Awaitable[str | None]], job: Job
    ) -> None:
        picture = None
        try:
            picture = await find_picture(job)
        except Exception:  # a missing picture must never fail the job
            _log.exception("status_message.picture_failed", job_id=self._job_id)
        latest, self._picture_task = self._latest, None
        if picture is None or latest is None or latest.job.cancel_requested:
            return
        if latest.job.state is JobState.POLLING:
            self._picture = picture
            self.show_progress(latest)

    async def _add_takes(self, progress: JobProgress) -> JobProgress:
        """Return the progress of all drafts, which is shown in the message of the first one."""
        own = progress.job
        takes = [own if take.id == own.id else take for take in await self._jobs.list_takes(own)]
        if own.is_later_take:
            return JobProgress(takes[0], takes=tuple(takes))
        return replace(progress, takes=tuple(takes))

    async def _run_updates(self) -> None:
        while self._pending is not None:
            progress, self._pending = self._pending, None
            picture = self._picture if progress.job.state in _PICTURED_STATES else None
            try:
                known_id = self.message_id
                shown = replace(progress, job=self.with_message(progress.job), picture=picture)
                if shown.job.is_open_take:
                    shown = await self._add_takes(shown)
                    if shown.job.status_message_id is None and progress.job.is_later_take:
                        continue  # the first draft sends the message
                shown_id = await self._job_messages.show_status(shown)
                if shown.job.id != self._job_id:
                    continue
                if shown_id is not None and shown_id != known_id:
                    self.message_id = shown_id
                    await self._jobs.attach_status(self._job_id, shown_id)
            except DatabaseUnavailable:
                continue
            except Exception:  # a failed status must never fail the job
                _log.exception("status_message.edit_failed", job_id=self._job_id)
        self._task = None  # a job runs for minutes, so do not keep the finished task
