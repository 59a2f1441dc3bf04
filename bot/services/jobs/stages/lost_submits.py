"""A submit that may have reached Google, and whose operation has no name here.

It is never made again. The process that sent it may still save the name; on some routes the result
can be searched for; otherwise the job ends as unknown.
"""

from functools import partial
from typing import Final

import structlog

from bot.domain.errors import AccessRefused, GoogleUnavailable, RemoteNotFound
from bot.services.jobs.stages.running_job import RunningJob

_LATE_OPERATION_POLL_S: Final = 0.5

_log = structlog.get_logger(__name__)


class LostSubmitFinder:
    """The stage ``submitting`` of a job whose submit may already have been sent."""

    async def find_submit(self, running: RunningJob) -> None:
        """Find the operation or its result, or end the job as unknown. Raises `LeaseLost`."""
        # a submit begun here was sent by no other process: there is no name to wait for
        if not running.submit_begun and await self._wait_for_late_operation(running):
            return
        if running.video_models is not None:
            try:
                while True:
                    running.result = await running.find_result(running.video_models)
                    if running.result is not None or not running.is_searchable:
                        break
                    await running.sleep_poll_interval()
                    running.lease.require_valid()
            except (GoogleUnavailable, AccessRefused, RemoteNotFound) as error:
                _log.warning("submit.search_failed", error=str(error))
                if running.is_searchable:
                    await running.sleep_poll_interval()
                    return
        if running.result is None:
            await running.end_unknown()
        else:
            await running.save(lambda job: running.jobs.begin_polling(job, None))

    async def _wait_for_late_operation(self, running: RunningJob) -> bool:
        """Wait briefly for the sender: perhaps it lost the database only, and still lives."""
        clock = running.clock
        until = clock.monotonic() + running.polling_times.late_operation_wait_s
        while True:
            saved = await running.retry_until_stored(lambda: running.jobs.get(running.job.id))
            operation = None if saved is None else saved.operation
            if operation is not None:
                await running.save(partial(running.jobs.begin_polling, operation=operation))
                return True
            if clock.monotonic() >= until:
                return False
            await clock.sleep(_LATE_OPERATION_POLL_S)
            running.lease.require_valid()
