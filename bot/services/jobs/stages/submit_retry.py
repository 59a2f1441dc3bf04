"""Queues a job again that Google did not start because of its quota or load.

Google says so in its answer to the submit. Gemini Omni accepts more than its quota allows, and says
so in its answer to the first poll. In both cases this attempt is over, and the next one needs a new
claim.
"""

from datetime import datetime, time, timedelta
from typing import Final

import structlog

from bot.domain.backoff import Backoff
from bot.domain.errors import DatabaseUnavailable, GoogleQuotaExceeded, GoogleUnavailable
from bot.domain.jobs.job import Outcome
from bot.domain.jobs.progress import JobProgress
from bot.services.jobs.stages.running_job import RunningJob
from bot.store.jobs.model_states import ModelStateStore

_SHORT_DELAY_S: Final = 3600.0
DAILY_QUOTA_RESET: Final = time(8)
"""When Google resets its daily quotas, in UTC: midnight of Pacific Standard Time."""

_log = structlog.get_logger(__name__)


async def requeue_for_retry(
    running: RunningJob, error: GoogleUnavailable, model_states: ModelStateStore
) -> None:
    """Queue the job again, or end it if the wait would exceed the retry window.

    A quota holds back the model's other jobs for the same time. Raises `LeaseLost`.
    """
    is_quota = isinstance(error, GoogleQuotaExceeded)
    outcome = Outcome.GOOGLE_QUOTA if is_quota else Outcome.GOOGLE_BUSY
    job, times, now = running.job, running.polling_times, running.clock.now()
    backoff = Backoff(initial=5.0, maximum=300.0, attempts=job.attempts - 1)
    retry_at = now + timedelta(seconds=backoff.next_delay(error.retry_after_s))
    give_up_at = job.created_at + timedelta(seconds=times.submit_retry_window_s)
    is_last_attempt = job.attempts >= times.max_submit_attempts
    possible_at = find_quota_reset(error, job.attempts, now)
    is_reset_too_late = possible_at is not None and possible_at > give_up_at
    if running.is_cancelled or is_last_attempt or is_reset_too_late or retry_at > give_up_at:
        _log.warning("submit.given_up", outcome=outcome, error=str(error))
        await running.end_failed(outcome, error.detail, possible_at=possible_at)
        return
    _log.warning("submit.postponed", outcome=outcome, error=str(error), retry_at=retry_at)
    if is_quota:
        try:
            await model_states.mark_rate_limited(job.plan.model, retry_at)
        except DatabaseUnavailable:
            _log.warning("rate_limit.not_saved", model=job.plan.model)
    await running.requeue(retry_at=retry_at, waiting_for=outcome)
    if running.job.state.has_ended:  # it was canceled meanwhile
        return
    running.show_progress(JobProgress(running.job, waiting_for=outcome, retry_at=retry_at))
    await running.status_message.flush_updates()


def find_quota_reset(error: GoogleUnavailable, attempts: int, now: datetime) -> datetime | None:
    """Return when Google's quota will be reset, `None` if it names no time.

    For a daily quota Google often names a delay of seconds, or none. Such a delay is tried once.
    After that, the daily reset counts.
    """
    if not isinstance(error, GoogleQuotaExceeded):
        return None
    named_s = error.retry_after_s
    if error.is_daily and (named_s is None or (attempts > 1 and named_s < _SHORT_DELAY_S)):
        reset = datetime.combine(now.date(), DAILY_QUOTA_RESET, now.tzinfo)
        return reset if reset > now else reset + timedelta(days=1)
    return None if named_s is None else now + timedelta(seconds=named_s)
