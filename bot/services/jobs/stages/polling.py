"""Asks Google whether an operation has ended, and with what result."""

import random
from dataclasses import dataclass
from typing import Final

import structlog

from bot.domain.backoff import Backoff
from bot.domain.errors import AccessRefused, GoogleUnavailable, RemoteNotFound, VideoError
from bot.domain.jobs.job import Outcome
from bot.domain.jobs.progress import JobProgress
from bot.domain.ports import (
    OperationCancelled,
    OperationFailed,
    OperationFinished,
    OperationNotStarted,
    OperationPending,
)
from bot.services.jobs.estimates import Eta, WaitEstimates
from bot.services.jobs.poll_schedules import PollSchedules
from bot.services.jobs.stages.repeated_error import RepeatedError
from bot.services.jobs.stages.running_job import ModelAvailability, RunningJob
from bot.services.jobs.stages.stop_request import StopRequest
from bot.services.jobs.stages.submit_retry import requeue_for_retry
from bot.services.jobs.status_pictures import StatusPictures
from bot.store.jobs.model_states import ModelStateStore

_MAX_DENIALS: Final = 3
"""How often in a row Google must deny an operation before the job ends."""
_MAX_CANCELLED_ATTEMPTS: Final = 8
_MAX_DELAY_S: Final = 600.0

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPoller:
    """The stage ``polling``, and the repeated poll in ``fetching`` after a restart."""

    wait_estimates: WaitEstimates
    poll_schedules: PollSchedules
    status_pictures: StatusPictures
    model_availability: ModelAvailability
    model_states: ModelStateStore

    async def poll_until_ended(self, running: RunningJob) -> None:
        """Poll until the operation ends or its time limit is reached. Raises `LeaseLost`."""
        limit_s, interval_s = running.time_limit_s, running.polling_times.poll_interval_s
        stop_request = StopRequest(running)
        backoff = Backoff(initial=interval_s, maximum=120.0)
        silent_since: float | None = None
        denials, repeated = 0, RepeatedError()
        # thousands of jobs may have been adopted at once; a reopened one is known to have ended
        if not running.just_claimed and not running.job.was_reopened:
            await running.poll_wakeup.wait(random.uniform(0.0, interval_s), seldom_s=0.0)
        eta = await self.wait_estimates.estimate_finish(running.job)
        was_late = _show_wait(running, eta)
        running.status_message.add_picture(self.status_pictures.find_picture)
        schedule = await self.poll_schedules.find_schedule(running.job.plan)
        last_pending_s = running.age_s
        if running.just_claimed:
            await stop_request.ask_if_due()
            await running.sleep_until_poll(schedule, is_first=True)
        while True:
            running.lease.require_valid()
            await stop_request.ask_if_due()
            age_s = running.age_s
            try:
                answer = await running.poll_operation()
            except RemoteNotFound as error:
                denials += 1
                _log.warning("poll.denied", error=str(error), count=denials)
                if denials >= _MAX_DENIALS:
                    await running.end_lost(error.detail)
                    return
                await running.sleep_poll_interval()
                continue
            except (GoogleUnavailable, AccessRefused) as error:
                _log_poll_failure(repeated, error)
                now = running.clock.monotonic()
                silent_since = now if silent_since is None else silent_since
                detail = retry_after = None
                if isinstance(error, GoogleUnavailable):
                    detail, retry_after = error.detail, error.retry_after_s
                if now - silent_since > 2 * limit_s:
                    # after so long without an answer, it is unclear what was made and billed
                    await running.end_lost(detail)
                    return
                running.watched_throughout = False
                delay_s = min(backoff.next_delay(retry_after), _MAX_DELAY_S)
                await running.sleep_unless_cancelled(delay_s)
                continue
            backoff.reset()
            denials, silent_since = 0, None
            match answer:
                case OperationFinished():
                    await self._accept_result(running, answer, last_pending_s)
                    return
                case OperationFailed():
                    _log_failed_operation(answer)
                    if answer.outcome.is_about_model:
                        await self.model_availability.mark_unavailable(
                            running.job.plan.model, answer.detail
                        )
                    if answer.outcome is Outcome.ACCESS_REFUSED:
                        message = answer.operator_message or "operation failed"
                        await running.end_access_refused(
                            message, answer.reason, billed=answer.billed
                        )
                        return
                    await running.end_failed(answer.outcome, answer.detail, billed=answer.billed)
                    return
                case OperationCancelled():
                    _log.info("operation.stopped", asked=running.is_cancelled, billed=answer.billed)
                    await running.end_stopped(answer.billed)
                    return
                case OperationNotStarted():
                    await self._resubmit(running, answer)
                    return
                case OperationPending() if age_s >= limit_s:  # this was the poll at the limit
                    await running.end_lost()
                    return
            last_pending_s = age_s
            if not was_late and _is_late(running, eta):
                was_late = _show_wait(running, eta)
            await running.sleep_until_poll(schedule, until_age_s=limit_s)

    async def _resubmit(self, running: RunningJob, answer: OperationNotStarted) -> None:
        """End this attempt, of which Google made nothing because of its quota."""
        job, error = running.job, answer.error
        if job.may_be_resubmitted:
            await requeue_for_retry(running, error, self.model_states)
        elif job.claimed_epoch is None:  # it may have been submitted again after the backup
            await running.end_unknown(error.detail)
        else:  # it had ended as unknown before
            await running.end_failed(Outcome.GOOGLE_QUOTA, error.detail)

    async def recover_result(self, running: RunningJob) -> None:
        """Ask Google again, after a restart, where it keeps the videos.

        It is known that they were made. So whatever Google answers, it is asked again until it has
        deleted them. Only then does the job end.
        """
        backoff, repeated = Backoff(initial=2.0, maximum=300.0), RepeatedError()
        while running.clock.now() < running.job.watched_until:
            running.lease.require_valid()
            try:
                answer = await running.poll_operation()
            except (RemoteNotFound, GoogleUnavailable, AccessRefused) as error:
                _log_poll_failure(repeated, error)
            else:
                if isinstance(answer, OperationFinished) and answer.videos:
                    running.result = answer
                    return
                if isinstance(answer, OperationFailed):
                    _log_failed_operation(answer)
            if running.is_cancelled and backoff.attempts >= _MAX_CANCELLED_ATTEMPTS:
                break
            delay_s = backoff.next_delay()
            running.show_download_retry(delay_s, backoff.attempts)
            await running.clock.sleep(delay_s)
        _log.error("download.given_up", attempts=backoff.attempts)
        await running.end_download_failed()

    async def _accept_result(
        self, running: RunningJob, result: OperationFinished, last_pending_s: float
    ) -> None:
        if not result.videos:
            await running.end_failed(Outcome.BLOCKED, " ".join(result.filtered_reasons) or None)
            return
        running.result = result
        plan = running.job.plan
        if running.watched_throughout and running.job.operation is not None:
            age_s = running.age_s
            if running.poll_wakeup.was_announced:  # a moment ago, however long ago the last poll is
                last_pending_s = age_s
            await self.wait_estimates.record_duration(plan, age_s, last_pending_s=last_pending_s)
        count = min(len(result.videos), plan.videos)
        await running.save(lambda job: running.jobs.begin_fetching(job, count, result.billed))


def _show_wait(running: RunningJob, eta: Eta | None) -> bool:
    """Show how long Google may take; return whether it takes longer than expected already."""
    is_late = _is_late(running, eta)
    running.show_progress(
        JobProgress(
            running.job,
            eta=None if is_late else eta,
            is_late=is_late,
            gives_up_at=running.gives_up_at,
        )
    )
    return is_late


def _is_late(running: RunningJob, eta: Eta | None) -> bool:
    return eta is not None and eta[1] <= running.clock.now()


def _log_poll_failure(repeated: RepeatedError, error: VideoError) -> None:
    if isinstance(error, AccessRefused):
        repeated.log_error(_log, "poll.access_refused", error)
    else:
        repeated.log_warning(_log, "poll.failed", error)


def _log_failed_operation(failed: OperationFailed) -> None:
    message, reason = failed.operator_message, failed.reason
    if failed.outcome is Outcome.ACCESS_REFUSED:
        _log.error("operation.access_refused", error=message, reason=reason)
    else:
        _log.warning("operation.failed", outcome=failed.outcome, error=message)
