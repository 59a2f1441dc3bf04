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
    GoogleBusy,
    GoogleQuota,
    LeaseLost,
    RemoteGone,
    StoreAway,
    SubmitUncertain,
    VideoRefused,
)
from bot.domain.jobs.job import JobState, Outcome
from bot.domain.ports import Progress, VideoModels
from bot.services.jobs.critical_sections import Backoff
from bot.services.jobs.job_steps import Steps

_log = structlog.get_logger(__name__)

_LATE_NAME_STEP_S: Final = 0.5


class Submitting(Steps):
    """The stage ``submitting``."""

    __slots__ = ()

    async def _submit(self) -> None:
        if self.cancelled:
            await self._end(JobState.CANCELLED, Outcome.CANCELLED, Settlement.REFUND)
        elif not self._parts.money.paid_calls:
            _log.error("submit.forbidden", setting="PAID_CALLS")
            await self._fail(Outcome.ACCESS_REFUSED, None)
        elif self._source is None:
            _log.error("submit.route_not_configured", route=self._plan.route)
            await self._fail(Outcome.ACCESS_REFUSED, None)
        elif self.job.attempts > self._parts.timing.submit_attempts:
            # each time something has ended the process before a byte was sent: perhaps this job
            _log.error("submit.never_sent", attempts=self.job.attempts)
            await self._fail(Outcome.NOT_SENT, None)
        else:
            self._show(Progress(self.job))
            self._begun = True
            await self._parts.steady.section(self._submit_and_save(self._source))

    async def _submit_and_save(self, source: VideoModels) -> None:
        try:
            self._lease.check()
            operation = await source.submit(
                self._plan,
                job_id=self.job.id,
                mark=self.job.origin.key,
                about_to_send=self._begin_sending,
            )
        except LeaseLost:
            self._begun = False  # nothing was sent
            raise
        except StoreAway as error:
            _log.warning("submit.not_begun", error=str(error))
            await self._put_back()
        except VideoRefused as error:
            if error.outcome is Outcome.MODEL_RETIRED:
                await self._parts.shelf.switch_off(self._plan.model, error.detail)
            await self._fail(error.outcome, error.detail)
        except AccessRefused as error:
            _log.error("submit.access_refused", error=str(error))
            # What Google says of the operator's account is for the log alone.
            await self._fail(Outcome.ACCESS_REFUSED, None)
        except GoogleBusy as error:
            await self._wait_in_queue(error)
        except SubmitUncertain as error:
            _log.error("submit.uncertain", error=str(error))
            if not self._worth_looking():  # else the next step looks for the clip
                await self._unknown(error.detail)
        except Exception:
            _log.exception("submit.fault", unsent=self.job.unsent)
            if self.job.unsent:
                await self._fail(Outcome.NOT_SENT, None)
            elif not self._worth_looking():  # it may have happened after the request had left
                await self._unknown(None)
        else:
            await self._save_name(operation)

    async def _begin_sending(self) -> None:
        """Write down that a byte may be sent from here on, if this process may send it."""
        self._lease.check()
        try:
            self.job = await self._parts.jobs.begin_sending(self.job)
        except StoreAway:
            self.job = replace(self.job, unsent=False)  # it may have been written all the same
            raise
        self._lease.check()

    async def _put_back(self) -> None:
        """Nothing was sent: somebody makes it yet, or nobody wants it any more."""
        self.job = await self._hold(
            lambda: self._parts.jobs.requeue(self.job, retry_at=None, waiting_for=None)
        )
        if self.cancelled:
            now, owner = self._parts.clock.now(), self.job.owner
            cancelled = await self._hold(
                lambda: self._parts.jobs.cancel(self.job.id, owner=owner, now=now)
            )
            if cancelled is not None and cancelled.owner == owner and cancelled.state.ended:
                self.job = cancelled

    async def _save_name(self, operation: str) -> None:
        """Save the operation's name; also when the job was adopted while Google answered."""
        try:
            self.job = await self._hold(
                lambda: self._parts.jobs.begin_polling(self.job, operation), operation=operation
            )
        except LeaseLost:
            in_time = await self._hold(
                lambda: self._parts.jobs.name_late(self.job, operation), operation=operation
            )
            _log.error("submit.named_late", operation=operation, in_time=in_time)
            raise

    async def _wait_in_queue(self, error: GoogleBusy) -> None:
        quota = isinstance(error, GoogleQuota)
        outcome = Outcome.GOOGLE_QUOTA if quota else Outcome.GOOGLE_BUSY
        timing, now = self._parts.timing, self._parts.clock.now()
        waited = (now - self.job.created_at).total_seconds()
        patient = self.job.attempts < timing.submit_attempts and waited <= timing.submit_patience_s
        if self.cancelled or not patient:
            await self._fail(outcome, error.detail)
            return
        backoff = Backoff(first=5.0, most=300.0, tries=self.job.attempts - 1)
        retry_at = now + timedelta(seconds=backoff.next(error.retry_after_s))
        if quota:
            try:
                await self._parts.states.hold(self._plan.model, retry_at)
            except StoreAway:
                _log.warning("hold.not_saved", model=self._plan.model)
        self.job = await self._hold(
            lambda: self._parts.jobs.requeue(self.job, retry_at=retry_at, waiting_for=outcome)
        )
        self._show(Progress(self.job, waiting_for=outcome, retry_at=retry_at))
        await self._status.flushed()

    async def _look_for_lost_submit(self) -> None:
        """The submit may have happened and its name is not known: look, never submit again."""
        if not self._begun and await self._named_late():  # begun: nobody else has sent it
            return
        if self._source is not None:
            try:
                while not await self._found(self._source) and self._worth_looking():
                    await self._pause()
                    self._lease.check()
            except (GoogleBusy, AccessRefused, RemoteGone) as error:
                _log.warning("find.fault", error=str(error))
                if self._worth_looking():
                    await self._pause()
                    return
        if self._made is None:
            await self._unknown(None)
            return
        self.job = await self._hold(lambda: self._parts.jobs.begin_polling(self.job, None))

    async def _named_late(self) -> bool:
        """Wait a moment for whoever sent it: it may only have lost the database, not its life."""
        until = self._parts.clock.monotonic() + self._parts.timing.late_name_s
        while True:
            job = await self._hold(lambda: self._parts.jobs.get(self.job.id))
            operation = None if job is None else job.operation
            if operation is not None:
                self.job = await self._hold(
                    partial(self._parts.jobs.begin_polling, self.job, operation)
                )
                return True
            if self._parts.clock.monotonic() >= until:
                return False
            await self._parts.clock.sleep(_LATE_NAME_STEP_S)
            self._lease.check()

    async def _found(self, source: VideoModels) -> bool:
        self._made = await source.find(self._plan, job_id=self.job.id, mark=self.job.origin.key)
        return self._made is not None

    def _worth_looking(self) -> bool:
        return (
            self._plan.route in self._parts.findable
            and self._age_s() < self._parts.timing.time_limit_s
        )

    async def _give_back(self) -> None:
        """On the way out: a job for which no submit was begun goes back to the queue."""
        if self.job.state is JobState.SUBMITTING and self._fresh and not self._begun:
            try:
                await self._parts.jobs.requeue(self.job, retry_at=None, waiting_for=None)
            except (StoreAway, LeaseLost) as error:
                _log.warning("job.not_given_back", error=str(error))
