"""The state of a running job that its stages share, and the ways in which it can end.

Every stage records its step by a fenced change before the next one begins. A change is retried
until the database has stored it. An end writes the job and its money in one transaction.
"""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

import structlog

from bot.domain.billing.charges import Charge, compute_charge
from bot.domain.billing.ledger import Settlement, build_settlement
from bot.domain.billing.limits import UsageAmount
from bot.domain.billing.money import Micros
from bot.domain.errors import AccessRefused, DatabaseUnavailable, LeaseLost
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.jobs.job_messages import JobMessages
from bot.domain.jobs.poll_schedule import PollSchedule, shortest_pause
from bot.domain.jobs.progress import JobProgress
from bot.domain.jobs.request import GoogleRoute
from bot.domain.moderation.clip_review import find_refusal
from bot.domain.ports import (
    Clock,
    OperationFailed,
    OperationFinished,
    OperationPending,
    PollResult,
    VideoModels,
)
from bot.services.jobs.critical_sections import CriticalSections
from bot.services.jobs.lease import Lease
from bot.services.jobs.stages.event_trust import SELDOM_INTERVAL_S, EventTrust
from bot.services.jobs.stages.interruptible_sleep import InterruptibleSleep
from bot.services.jobs.stages.poll_wakeup import PollWakeup
from bot.services.jobs.stages.status_message import StatusMessage
from bot.store.jobs.account_refusals import AccountRefusalStore
from bot.store.jobs.jobs import JobStore

T = TypeVar("T")

_JITTER_FRACTION: Final = 0.2
_LEARNED_JITTER_FRACTION: Final = 0.03
"""Enough to keep the polls of jobs that began together apart; more would cost lag."""
_ANNOUNCED_ENDS: Final = (OperationFinished, OperationFailed)
"""The results of which Google sends a webhook event."""
_ATTEMPTS_BEFORE_SHOWING: Final = 3
"""How many attempts may fail before the requester is told."""

_log = structlog.get_logger(__name__)


class ModelAvailability(Protocol):
    """Records which models Google refuses."""

    async def mark_unavailable(self, model_id: str, reason: str | None) -> None:
        """Stop offering the model in every process; never raises `DatabaseUnavailable`."""


@dataclass(frozen=True, slots=True)
class PollingTimes:
    """How often Google is asked until a schedule is learned, and for how long, in seconds.

    Until then Gemini Omni is first asked after ``first_omni_poll_s``, because it may finish within
    20 seconds. It gets at least ``omni_time_limit_s``, because 4k takes 20 minutes and more. For
    ``late_operation_wait_s`` an adopted job waits for a previous owner that is still alive and may
    save the operation's name.
    """

    poll_interval_s: float = 10.0
    time_limit_s: float = 900.0
    first_omni_poll_s: float = 5.0
    omni_time_limit_s: float = 1800.0
    max_submit_attempts: int = 8
    submit_retry_window_s: float = 3600.0
    late_operation_wait_s: float = 20.0


@dataclass(frozen=True, slots=True)
class BillingRules:
    """The operator's rules for money.

    Without ``paid_calls`` nothing is submitted. ``unknown_settlement`` is for uncertain submits.
    """

    paid_calls: bool = True
    unknown_settlement: Settlement = Settlement.ABSORBED


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDependencies:
    """What all jobs share; on ``searchable_routes`` the result of a lost submit can be found."""

    jobs: JobStore
    routes: Mapping[GoogleRoute, VideoModels]
    job_messages: JobMessages
    clock: Clock
    critical_sections: CriticalSections
    polling_times: PollingTimes
    billing_rules: BillingRules
    account_refusals: AccountRefusalStore
    searchable_routes: frozenset[GoogleRoute] = frozenset()
    event_trust: EventTrust | None = None
    """Whether webhook events arrive; `None` if none are expected."""


@dataclass(eq=False, slots=True)
class RunningJob:
    """The mutable state that the stages of one job share.

    With ``just_claimed`` this process claimed the job from the queue, so nothing was submitted
    before. With ``submit_begun`` a submit was begun here and may have reached Google.
    ``watched_throughout`` is false if the time that Google took cannot be measured. An abandoned
    job saves nothing when its task is canceled (`bot.services.jobs.worker.Worker.crash`).
    """

    shared: JobDependencies
    job: Job
    lease: Lease
    just_claimed: bool
    submit_begun: bool = False
    result: OperationFinished | None = None
    is_abandoned: bool = False
    is_cancelled: bool = field(init=False)
    watched_throughout: bool = field(init=False)
    poll_wakeup: PollWakeup = field(init=False)
    status_message: StatusMessage = field(init=False)
    _cancellable_sleep: InterruptibleSleep = field(init=False)
    _started_at: float = field(init=False)
    _age_at_start_s: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self.is_cancelled = self.job.cancel_requested
        self.watched_throughout = self.just_claimed
        self.poll_wakeup = PollWakeup(self.clock, self.shared.event_trust)
        self.status_message = StatusMessage(
            job=self.job, jobs=self.jobs, job_messages=self.shared.job_messages
        )
        self._cancellable_sleep = InterruptibleSleep(self.clock)
        # by this process's own clock, because the database's, which wrote the times, may differ
        self._started_at = self.clock.monotonic()
        if not self.just_claimed:
            age = self.clock.now() - (self.job.submitted_at or self.job.created_at)
            self._age_at_start_s = max(0.0, age.total_seconds())

    @property
    def jobs(self) -> JobStore:
        return self.shared.jobs

    @property
    def clock(self) -> Clock:
        return self.shared.clock

    @property
    def polling_times(self) -> PollingTimes:
        return self.shared.polling_times

    @property
    def video_models(self) -> VideoModels | None:
        """Google's interface for the job, `None` if its route is not configured any more."""
        return self.shared.routes.get(self.job.plan.route)

    @property
    def age_s(self) -> float:
        """Seconds since the submit was authorized."""
        return self._age_at_start_s + self.clock.monotonic() - self._started_at

    @property
    def time_limit_s(self) -> float:
        """How long Google may take, from the submit."""
        times = self.polling_times
        is_omni = self.job.plan.route.is_omni
        return max(times.time_limit_s, times.omni_time_limit_s if is_omni else 0.0)

    @property
    def gives_up_at(self) -> datetime | None:
        """When the bot stops waiting for Google, `None` if it has done so before."""
        limit = (self.job.submitted_at or self.job.created_at) + timedelta(
            seconds=self.time_limit_s
        )
        return limit if limit > self.clock.now() else None

    @property
    def is_searchable(self) -> bool:
        """Whether the result of a lost submit may still be found."""
        is_in_time = self.age_s < self.time_limit_s
        return is_in_time and self.job.plan.route in self.shared.searchable_routes

    def request_cancel(self) -> None:
        """Cancel the job and show it; what Google still makes is stored, but not posted."""
        if not self.job.state.has_ended and not self.is_cancelled:
            self.is_cancelled = True
            self._cancellable_sleep.interrupt()
            self.poll_wakeup.wake()
            self.job = replace(self.job, cancel_requested=True)
            self.show_progress()

    def show_progress(self, progress: JobProgress | None = None) -> None:
        self.status_message.show_progress(progress or JobProgress(self.job))

    def show_download_retry(self, delay_s: float, attempts: int) -> None:
        """Show that the finished video cannot be downloaded yet, after some attempts."""
        if attempts < _ATTEMPTS_BEFORE_SHOWING:
            return
        retry_at = self.clock.now() + timedelta(seconds=delay_s)
        waiting_for = Outcome.DOWNLOAD_FAILED
        self.show_progress(JobProgress(self.job, waiting_for=waiting_for, retry_at=retry_at))

    async def poll_operation(self) -> PollResult:
        """Ask Google once. Raises `GoogleUnavailable`, `AccessRefused` or `RemoteNotFound`."""
        if self.video_models is None:
            raise AccessRefused(f"route {self.job.plan.route} is not configured")
        if self.job.operation is not None:
            answer = await self.video_models.poll(self.job.operation)
            self._compare_with_events(answer)
            return answer
        return await self.find_result(self.video_models) or OperationPending()

    def _compare_with_events(self, answer: PollResult) -> None:
        """Note whether the end that a poll has seen was announced by an event.

        There is no event of a cancellation. The event of an adopted or reopened job may have been
        another process's.
        """
        trust, is_end = self.shared.event_trust, isinstance(answer, _ANNOUNCED_ENDS)
        is_expected = self.job.state is JobState.POLLING and self.just_claimed
        if trust is not None and is_end and is_expected and self.is_announced_route:
            trust.record_end(was_announced=self.poll_wakeup.was_announced)

    @property
    def is_announced_route(self) -> bool:
        """Whether Google sends webhook events about operations of the job's route."""
        return self.job.plan.route is GoogleRoute.OMNI

    async def find_result(self, video_models: VideoModels) -> OperationFinished | None:
        """Search for the result of a submit whose answer was lost; raises as `poll_operation`."""
        return await video_models.find_result(
            self.job.plan, job_id=self.job.id, dedupe_key=self.job.origin.dedupe_key
        )

    async def sleep_poll_interval(self) -> None:
        """Sleep for about one poll interval, or until the job is canceled."""
        await self.sleep_until_poll(PollSchedule(self.polling_times.poll_interval_s))

    async def sleep_until_poll(
        self, schedule: PollSchedule, *, until_age_s: float | None = None, is_first: bool = False
    ) -> None:
        """Sleep until the next poll is due, but not beyond ``until_age_s`` if that is ahead.

        Canceling the job ends the sleep, so that Google can be asked to stop at once. So does a
        webhook event. While events arrive, it is longer.
        """
        pause_s, jitter = schedule.pause_after(self.age_s), _LEARNED_JITTER_FRACTION
        if not schedule.is_learned:
            jitter = _JITTER_FRACTION
            if is_first and self.job.plan.route.is_omni:
                pause_s = min(pause_s, self.polling_times.first_omni_poll_s)
        factor = random.uniform(1 - jitter, 1 + jitter)
        delay, seldom = pause_s * factor, SELDOM_INTERVAL_S * factor
        if schedule.is_learned:
            delay = max(delay, shortest_pause(schedule.interval_s))
        if self.is_cancelled or not self.is_announced_route:
            seldom = delay
        if until_age_s is not None and self.age_s < until_age_s:
            left_s = until_age_s - self.age_s
            delay, seldom = min(delay, left_s), min(seldom, left_s)
        await self.poll_wakeup.wait(delay, seldom_s=seldom)

    async def sleep_unless_cancelled(self, seconds: float) -> None:
        """Sleep until the job is canceled, or for ``seconds`` if it was canceled before."""
        if self.is_cancelled:
            await self.clock.sleep(seconds)
            return
        await self._cancellable_sleep.sleep(seconds)

    async def end_access_refused(
        self, message: str, reason: str | None, *, billed: Micros | None = None
    ) -> None:
        """End without a charge; what Google says about the account is only for the operator."""
        try:
            await self.shared.account_refusals.record_refusal(
                self.job.plan.route, reason=reason, message=message, now=self.clock.now()
            )
        except DatabaseUnavailable:
            _log.warning("account_refusal.not_saved")
        await self.end_failed(Outcome.ACCESS_REFUSED, billed=billed)

    # -- saving

    async def save(self, change: Callable[[Job], Awaitable[Job]], **log_facts: object) -> None:
        """Apply a fenced change until it is stored. Raises `LeaseLost`."""
        self.job = await self.retry_until_stored(lambda: change(self.job), **log_facts)

    async def retry_until_stored(
        self, access: Callable[[], Awaitable[T]], **log_facts: object
    ) -> T:
        """Call ``access`` until the database is available. Raises `LeaseLost`."""
        return await self.shared.critical_sections.retry_until_stored(
            access, job_id=self.job.id, **log_facts
        )

    async def requeue(
        self, *, retry_at: datetime | None = None, waiting_for: Outcome | None = None
    ) -> None:
        """Queue the job again, or end it if any process has canceled it meanwhile."""
        await self.save(
            lambda job: self.jobs.requeue(job, retry_at=retry_at, waiting_for=waiting_for)
        )
        saved = await self.retry_until_stored(lambda: self.jobs.get(self.job.id))
        if self.is_cancelled or (saved is not None and saved.cancel_requested):
            now, owner = self.clock.now(), self.job.owner
            cancelled = await self.retry_until_stored(
                lambda: self.jobs.cancel(self.job.id, owner=owner, now=now)
            )
            if cancelled is not None and cancelled.owner == owner and cancelled.state.has_ended:
                self.job = cancelled

    async def requeue_unstarted(self) -> None:
        """Queue the job again if no submit was begun; errors are only logged."""
        is_unstarted = self.just_claimed and not self.submit_begun and not self.is_abandoned
        if self.job.state is JobState.SUBMITTING and is_unstarted:
            try:
                self.job = await self.jobs.requeue(self.job, retry_at=None, waiting_for=None)
            except (DatabaseUnavailable, LeaseLost) as error:
                _log.warning("job.requeue_failed", error=str(error))

    # -- the ways to end

    async def end_failed(
        self,
        outcome: Outcome,
        detail: str | None = None,
        *,
        possible_at: datetime | None = None,
        billed: Micros | None = None,
    ) -> None:
        """End without a charge; a job with a requested cancellation counts as canceled.

        ``possible_at`` is when the request will be possible according to Google. If Google has
        ``billed`` something nevertheless, the operator pays, so it stays in the budgets.
        """
        settlement, charge = Settlement.REFUND, None
        if billed:
            settlement = Settlement.ABSORBED
            charge = Charge.for_stopped_work(UsageAmount.from_plan(self.job.plan), billed)
        if self.is_cancelled:
            await self.end(JobState.CANCELLED, Outcome.CANCELLED, settlement, charge=charge)
        else:
            await self.end(
                JobState.FAILED,
                outcome,
                settlement,
                charge=charge,
                detail=detail,
                possible_at=possible_at,
            )

    async def end_unknown(self, detail: str | None = None) -> None:
        """End a job of which it is unclear whether Google received it, by the operator's rule."""
        settlement = self.shared.billing_rules.unknown_settlement
        await self.end(JobState.UNKNOWN, Outcome.SUBMIT_UNKNOWN, settlement, detail=detail)

    async def end_lost(self, detail: str | None = None) -> None:
        """Stop waiting; the member is refunded, and the budgets keep what Google may still bill.

        `bot.services.jobs.unknown_jobs` keeps asking as long as Google keeps files.
        """
        outcome = Outcome.OPERATION_LOST
        await self.end(JobState.UNKNOWN, outcome, Settlement.ABSORBED, detail=detail)

    async def end_download_failed(self) -> None:
        """End a job that Google made and bills but that cannot be downloaded; the operator pays."""
        is_cancelled = self.is_cancelled
        await self.end(
            JobState.CANCELLED if is_cancelled else JobState.FAILED,
            Outcome.CANCELLED if is_cancelled else Outcome.DOWNLOAD_FAILED,
            Settlement.ABSORBED,
        )

    async def end_stopped(self, billed: Micros | None) -> None:
        """End a job whose operation Google has stopped; ``billed`` is its bill, if it reports one.

        A member who canceled pays the bill, at most the price. The operator pays if there is no
        bill, or if Google stopped by itself.
        """
        reserved = UsageAmount.from_plan(self.job.plan)
        charge = None if billed is None else Charge.for_stopped_work(reserved, billed)
        if self.is_cancelled:
            settlement = Settlement.ABSORBED if charge is None else Settlement.CHARGE
            state, outcome = JobState.CANCELLED, Outcome.CANCELLED
        else:
            settlement = Settlement.ABSORBED
            state, outcome = JobState.FAILED, Outcome.OPERATION_FAILED
        await self.end(state, outcome, settlement, charge=charge, billed=billed)

    async def end_after_errors(self) -> None:
        """End a job that keeps failing because of a bug, depending on how far it came."""
        match self.job.state:
            case JobState.SUBMITTING if self.job.unsent:
                await self.end_failed(Outcome.NOT_SENT)
            case JobState.SUBMITTING:
                await self.end_unknown()
            case JobState.POLLING:
                await self.end_lost()
            case JobState.FETCHING:
                await self.end_download_failed()
            case JobState.POSTING if (refusal := find_refusal(self.job.review)) is not None:
                outcome, is_charged = refusal
                await self.end(
                    JobState.DONE if is_charged else JobState.FAILED,
                    outcome,
                    Settlement.CHARGE if is_charged else Settlement.ABSORBED,
                )
            case JobState.POSTING:  # made, paid and stored
                await self.end(JobState.DONE, Outcome.DELIVERY_FAILED, Settlement.CHARGE)

    async def end(
        self,
        state: JobState,
        outcome: Outcome,
        settlement: Settlement,
        *,
        clip_count: int | None = None,
        charge: Charge | None = None,
        billed: Micros | None = None,
        message_id: int | None = None,
        detail: str | None = None,
        possible_at: datetime | None = None,
    ) -> None:
        """Write the end and its money; only videos that were made are charged.

        ``clip_count`` is how many the member gets, by default all that were made. The operator pays
        for the others. ``charge`` is the cost if there are no videos.
        """
        received = self.job.videos_made if clip_count is None else clip_count
        if charge is None and received is not None:
            charge = compute_charge(self.job, received=received)
        reserved = UsageAmount.from_plan(self.job.plan)
        charge = charge or Charge(reserved)
        postings = build_settlement(
            reserved,
            settlement,
            charged=charge.member,
            absorbed=charge.absorbed,
            beyond=charge.beyond,
        )
        await self.save(
            lambda job: self.jobs.finish_job(
                job,
                state,
                outcome=outcome,
                postings=postings,
                now=self.clock.now(),
                detail=detail,
                message_id=message_id,
                possible_at=possible_at,
                billed=billed,
            )
        )
