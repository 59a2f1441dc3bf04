"""Repeats what an announcement needs from Discord for a day; the job has ended in any case."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from bot.domain.backoff import Backoff
from bot.domain.errors import DiscordUnavailable
from bot.domain.jobs.job import Job
from bot.services.jobs.publishing import POST_RETRY_WINDOW
from bot.services.jobs.stages.running_job import RunningJob

_log = structlog.get_logger(__name__)

T = TypeVar("T")


async def retry_for_discord(
    running: RunningJob, job: Job, attempt: Callable[[bool], Awaitable[T]]
) -> T | None:
    """Return the result of ``attempt``, `None` if Discord was unavailable for a day.

    The argument of ``attempt`` is whether this step may have been made before, by an earlier
    attempt or another process.
    """
    backoff = Backoff(initial=1.0, maximum=300.0)
    until = (job.finished_at or running.clock.now()) + POST_RETRY_WINDOW
    is_repeated = not running.just_claimed
    while True:
        running.lease.require_valid()
        try:
            return await attempt(is_repeated)
        except DiscordUnavailable as error:
            _log.warning("announcement.postponed", error=str(error))
            if running.clock.now() >= until:
                return None
            is_repeated = True
            await running.clock.sleep(backoff.next_delay(error.retry_after_s))
