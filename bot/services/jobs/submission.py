"""The submit: the one step that costs money and cannot be asked back.

A submit and the saving of its operation's name are one critical section, and right before the first
byte it is written down that there may be one. A submit whose end is not known is never made again:
it is looked for, and then called unknown. One of which nothing was sent goes back to the queue.
"""

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from bot.domain.billing.ledger import Settlement
from bot.domain.errors import (
    AccessRefused,
    DatabaseUnavailable,
    GoogleQuotaExceeded,
    GoogleUnavailable,
    LeaseLost,
    RemoteNotFound,
    SubmitUncertain,
    VideoRefused,
)
from bot.domain.jobs.job import JobState, Outcome
from bot.domain.ports import JobProgress, VideoModels
from bot.services.jobs.critical_sections import Backoff
from bot.services.jobs.job_steps import JobSteps

_log = structlog.get_logger(__name__)

_LATE_OPERATION_POLL_S: Final = 0.5


class JobSubmitter(JobSteps):
    """The stage ``submitting``."""

    __slots__ = ()

    async def _submit_job(self) -> None:
        if self.is_cancelled:
            await self._end_job(JobState.CANCELLED, Outcome.CANCELLED, Settlement.REFUND)
        elif not self._dependencies.billing_rules.paid_calls:
            _log.error("submit.forbidden", setting="PAID_CALLS")
            await self._end_failed(Outcome.ACCESS_REFUSED, None)
        elif self._video_models is None:
            _log.error("submit.route_not_configured", route=self._plan.route)
            await self._end_failed(Outcome.ACCESS_REFUSED, None)
        elif self.job.attempts > self._dependencies.polling_times.max_submit_attempts:
            # each time something has ended the process before a byte was sent: perhaps this job
            _log.error("submit.never_sent", attempts=self.job.attempts)
            await self._end_failed(Outcome.NOT_SENT, None)
        else:
            self._show_progress(JobProgress(self.job))
            self._submit_begun = True
            await self._dependencies.critical_sections.run_shielded(
                self._submit_and_save(self._video_models)
            )

    async def _submit_and_save(self, video_models: VideoModels) -> None:
        try:
            self._lease.require_valid()
            operation = await video_models.submit(
                self._plan,
                job_id=self.job.id,
                dedupe_key=self.job.origin.key,
                about_to_send=self._begin_sending,
            )
        except LeaseLost:
            self._submit_begun = False  # nothing was sent
            raise
        except DatabaseUnavailable as error:
            _log.warning("submit.not_begun", error=str(error))
            await self._requeue_unsent()
        except VideoRefused as error:
            if error.outcome is Outcome.MODEL_RETIRED:
                await self._dependencies.model_availability.mark_unavailable(
                    self._plan.model, error.detail
                )
            await self._end_failed(error.outcome, error.detail)
        except AccessRefused as error:
            _log.error("submit.access_refused", error=str(error))
            # What Google says of the operator's account is for the log alone.
            await self._end_failed(Outcome.ACCESS_REFUSED, None)
        except GoogleUnavailable as error:
            await self._wait_in_queue(error)
        except SubmitUncertain as error:
            _log.error("submit.uncertain", error=str(error))
            if not self._is_still_findable():  # else the next step looks for the clip
                await self._end_unknown(error.detail)
        except Exception:
            _log.exception("submit.fault", unsent=self.job.unsent)
            if self.job.unsent:
                await self._end_failed(Outcome.NOT_SENT, None)
            elif not self._is_still_findable():  # it may have happened after the request had left
                await self._end_unknown(None)
        else:
            await self._save_operation(operation)

    async def _begin_sending(self) -> None:
        """Write down that a byte may be sent from here on, if this process may send it."""
        self._lease.require_valid()
        try:
            self.job = await self._dependencies.jobs.begin_sending(self.job)
        except DatabaseUnavailable:
            self.job = replace(self.job, unsent=False)  # it may have been written all the same
            raise
        self._lease.require_valid()

    async def _requeue_unsent(self) -> None:
        """Nothing was sent: somebody makes it yet, or nobody wants it any more."""
        self.job = await self._retry_until_stored(
            lambda: self._dependencies.jobs.requeue(self.job, retry_at=None, waiting_for=None)
        )
        if self.is_cancelled:
            now, owner = self._dependencies.clock.now(), self.job.owner
            cancelled = await self._retry_until_stored(
                lambda: self._dependencies.jobs.cancel(self.job.id, owner=owner, now=now)
            )
            if cancelled is not None and cancelled.owner == owner and cancelled.state.has_ended:
                self.job = cancelled

    async def _save_operation(self, operation: str) -> None:
        """Save the operation's name; also when the job was adopted while Google answered."""
        try:
            self.job = await self._retry_until_stored(
                lambda: self._dependencies.jobs.begin_polling(self.job, operation),
                operation=operation,
            )
        except LeaseLost:
            in_time = await self._retry_until_stored(
                lambda: self._dependencies.jobs.record_late_operation(self.job, operation),
                operation=operation,
            )
            _log.error("submit.named_late", operation=operation, in_time=in_time)
            raise

    async def _wait_in_queue(self, error: GoogleUnavailable) -> None:
        quota = isinstance(error, GoogleQuotaExceeded)
        outcome = Outcome.GOOGLE_QUOTA if quota else Outcome.GOOGLE_BUSY
        timing, now = self._dependencies.polling_times, self._dependencies.clock.now()
        waited = (now - self.job.created_at).total_seconds()
        patient = (
            self.job.attempts < timing.max_submit_attempts
            and waited <= timing.submit_retry_window_s
        )
        if self.is_cancelled or not patient:
            await self._end_failed(outcome, error.detail)
            return
        backoff = Backoff(initial=5.0, maximum=300.0, attempts=self.job.attempts - 1)
        retry_at = now + timedelta(seconds=backoff.next(error.retry_after_s))
        if quota:
            try:
                await self._dependencies.model_states.mark_rate_limited(self._plan.model, retry_at)
            except DatabaseUnavailable:
                _log.warning("hold.not_saved", model=self._plan.model)
        self.job = await self._retry_until_stored(
            lambda: self._dependencies.jobs.requeue(
                self.job, retry_at=retry_at, waiting_for=outcome
            )
        )
        self._show_progress(JobProgress(self.job, waiting_for=outcome, retry_at=retry_at))
        await self._status_message.flush_updates()

    async def _find_lost_submit(self) -> None:
        """The submit may have happened and its name is not known: look, never submit again."""
        if (
            not self._submit_begun and await self._wait_for_late_operation()
        ):  # begun: nobody else has sent it
            return
        if self._video_models is not None:
            try:
                while (
                    not await self._find_operation(self._video_models) and self._is_still_findable()
                ):
                    await self._sleep_poll_interval()
                    self._lease.require_valid()
            except (GoogleUnavailable, AccessRefused, RemoteNotFound) as error:
                _log.warning("find.fault", error=str(error))
                if self._is_still_findable():
                    await self._sleep_poll_interval()
                    return
        if self._result is None:
            await self._end_unknown(None)
            return
        self.job = await self._retry_until_stored(
            lambda: self._dependencies.jobs.begin_polling(self.job, None)
        )

    async def _wait_for_late_operation(self) -> bool:
        """Wait a moment for whoever sent it: it may only have lost the database, not its life."""
        until = (
            self._dependencies.clock.monotonic()
            + self._dependencies.polling_times.late_operation_wait_s
        )
        while True:
            job = await self._retry_until_stored(lambda: self._dependencies.jobs.get(self.job.id))
            operation = None if job is None else job.operation
            if operation is not None:
                self.job = await self._retry_until_stored(
                    partial(self._dependencies.jobs.begin_polling, self.job, operation)
                )
                return True
            if self._dependencies.clock.monotonic() >= until:
                return False
            await self._dependencies.clock.sleep(_LATE_OPERATION_POLL_S)
            self._lease.require_valid()

    async def _find_operation(self, video_models: VideoModels) -> bool:
        self._result = await video_models.find_result(
            self._plan, job_id=self.job.id, dedupe_key=self.job.origin.key
        )
        return self._result is not None

    def _is_still_findable(self) -> bool:
        return (
            self._plan.route in self._dependencies.searchable_routes
            and self._age_s() < self._dependencies.polling_times.time_limit_s
        )

    async def _requeue_unstarted(self) -> None:
        """On the way out: a job for which no submit was begun goes back to the queue."""
        if self.job.state is JobState.SUBMITTING and self._just_claimed and not self._submit_begun:
            try:
                await self._dependencies.jobs.requeue(self.job, retry_at=None, waiting_for=None)
            except (DatabaseUnavailable, LeaseLost) as error:
                _log.warning("job.not_given_back", error=str(error))
