"""The submit: the one step that costs money and cannot be undone.

Submitting and saving the operation's name are one critical section. Right before the first byte, it
is recorded that the request may have been sent. A submit that may have reached Google is never
repeated: its result is searched for, or the job ends as unknown. Otherwise it is queued again.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from bot.domain.backoff import Backoff
from bot.domain.clips.media_store import MediaStore
from bot.domain.errors import (
    AccessRefused,
    DatabaseUnavailable,
    GoogleUnavailable,
    LeaseLost,
    MediaUnavailable,
    RemoteNotFound,
    SubmitUncertain,
    VideoRefused,
)
from bot.domain.jobs.job import Outcome
from bot.domain.ports import VideoModels
from bot.services.jobs.stages.plan_files import read_plan_files
from bot.services.jobs.stages.running_job import ModelAvailability, RunningJob
from bot.services.jobs.stages.submit_retry import requeue_for_retry
from bot.store.jobs.model_states import ModelStateStore

_LATE_OPERATION_POLL_S: Final = 0.5

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSubmitter:
    """The stage ``submitting`` of a job that was just claimed."""

    media_store: MediaStore
    model_states: ModelStateStore
    model_availability: ModelAvailability

    async def submit_job(self, running: RunningJob) -> None:
        """Submit once, or end the job, or queue it again. Raises `LeaseLost`."""
        attempts = running.job.attempts
        if running.is_cancelled:
            await running.end_failed(Outcome.CANCELLED)
        elif not running.shared.billing_rules.paid_calls:
            _log.error("submit.forbidden", setting="PAID_CALLS")
            await running.end_failed(Outcome.ACCESS_REFUSED)
        elif running.video_models is None:
            _log.error("submit.route_not_configured", route=running.job.plan.route)
            await running.end_failed(Outcome.ACCESS_REFUSED)
        elif attempts > running.polling_times.max_submit_attempts:
            # all attempts ended with their process before a byte was sent, maybe due to this job
            _log.error("submit.never_sent", attempts=attempts)
            await running.end_failed(Outcome.NOT_SENT)
        else:
            running.show_progress()
            running.submit_begun = True
            await running.shared.critical_sections.run_shielded(
                self._submit_and_save(running, running.video_models)
            )

    async def _submit_and_save(self, running: RunningJob, video_models: VideoModels) -> None:
        sections = running.shared.critical_sections

        def require_may_send() -> None:
            """Raise `LeaseLost`, or `VideoRefused` if the job was canceled meanwhile.

            The upload of a source clip before the submit may take minutes. A stopping process would
            not wait for Google's answer.
            """
            running.lease.require_valid()
            if sections.is_closed:
                raise LeaseLost("the process is stopping")
            if running.is_cancelled:
                raise VideoRefused("cancelled before it was sent", outcome=Outcome.CANCELLED)

        async def begin_sending() -> None:
            """Record that bytes may be sent from now on, if this process may send them."""
            require_may_send()
            try:
                running.job = await running.jobs.begin_sending(running.job)
            except DatabaseUnavailable:
                running.job = replace(running.job, unsent=False)  # it may have been recorded
                raise
            require_may_send()

        try:
            async with read_plan_files(self.media_store, running.job.plan):
                running.lease.require_valid()
                operation = await video_models.submit(
                    running.job.plan,
                    job_id=running.job.id,
                    dedupe_key=running.job.origin.dedupe_key,
                    about_to_send=begin_sending,
                )
        except LeaseLost:
            running.submit_begun = False  # nothing was sent
            await running.requeue_unstarted()  # here, because the job's task may have been stopped
            raise
        except DatabaseUnavailable as error:
            _log.warning("submit.not_begun", error=str(error))
            await running.requeue()
        except MediaUnavailable as error:  # raised before the request only
            _log.warning("submit.postponed", error=str(error))
            attempts = running.job.attempts - 1
            delay_s = Backoff(initial=5.0, maximum=300.0, attempts=attempts).next_delay()
            await running.requeue(retry_at=running.clock.now() + timedelta(seconds=delay_s))
        except VideoRefused as error:
            _log.warning("submit.refused", outcome=error.outcome, error=str(error))
            if error.outcome.is_about_model:
                await self.model_availability.mark_unavailable(running.job.plan.model, error.detail)
            await running.end_failed(error.outcome, error.detail)
        except AccessRefused as error:
            # what Google says about the operator's account is only for the log
            _log.error("submit.access_refused", error=str(error), reason=error.reason)
            await running.end_access_refused(str(error), error.reason)
        except GoogleUnavailable as error:
            await requeue_for_retry(running, error, self.model_states)
        except SubmitUncertain as error:
            _log.error("submit.uncertain", error=str(error))
            if not running.is_searchable:  # otherwise the next stage searches for the clip
                await running.end_unknown(error.detail)
        except Exception:
            _log.exception("submit.failed", unsent=running.job.unsent)
            if running.job.unsent:
                await running.end_failed(Outcome.NOT_SENT)
            elif not running.is_searchable:  # it may have failed after the request was sent
                await running.end_unknown()
        else:
            await self._save_operation(running, operation)

    async def _save_operation(self, running: RunningJob, operation: str) -> None:
        """Save the operation's name, even if the job was adopted while Google answered."""
        try:
            await running.save(
                lambda job: running.jobs.begin_polling(job, operation), operation=operation
            )
        except LeaseLost:
            in_time = await running.retry_until_stored(
                lambda: running.jobs.record_late_operation(running.job, operation),
                operation=operation,
            )
            _log.error("submit.operation_saved_late", operation=operation, in_time=in_time)
            raise


async def find_lost_submit(running: RunningJob) -> None:
    """Find the operation or the result of a lost submit, or end the job as unknown.

    The previous owner may still save the operation's name. Raises `LeaseLost`.
    """
    # a submit begun here was sent by no other process, so there is no name to wait for
    if not running.submit_begun and await _wait_for_late_operation(running):
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


async def _wait_for_late_operation(running: RunningJob) -> bool:
    """Wait briefly for the previous owner, which may only have lost the database connection."""
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
