"""What every stage of a job's life stands on: the job as it is saved, and the ways to its end.

Every step is recorded by a fenced change before the next begins; a save is tried until it holds,
and an end writes the job and its money in one transaction.
"""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from bot.domain.billing.ledger import Settlement, build_settlement
from bot.domain.billing.limits import NO_USAGE, UsageAmount
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.jobs.request import GoogleRoute
from bot.domain.ports import Clock, JobMessages, JobProgress, OperationFinished, VideoModels
from bot.services.jobs.critical_sections import CriticalSections
from bot.services.jobs.download import VideoDownloader
from bot.services.jobs.estimates import WaitEstimates
from bot.services.jobs.lease import Lease
from bot.services.jobs.publishing import ClipPublisher
from bot.services.jobs.status_message import StatusMessage
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.model_states import ModelStateStore

T = TypeVar("T")

_JITTER_FRACTION: Final = 0.2


class ModelAvailability(Protocol):
    """Where models are taken off the shelf that Google refuses in use."""

    async def mark_unavailable(self, model_id: str, reason: str | None) -> None:
        """Offer the model no longer, in any process. Never raises for the store's reasons."""
        ...


@dataclass(frozen=True, slots=True)
class PollingTimes:
    """How long the runner waits, in seconds, and how often it asks.

    ``late_name_s`` is for the name of an operation whose sender lost the job, but lives.
    """

    poll_interval_s: float = 10.0
    time_limit_s: float = 900.0
    max_submit_attempts: int = 8
    submit_retry_window_s: float = 3600.0
    late_operation_wait_s: float = 20.0


@dataclass(frozen=True, slots=True)
class BillingRules:
    """The operator's rules for money that the runner applies.

    ``paid_calls`` off refuses before any submit; ``unknown`` settles a job whose submit was lost
    (``HOUSE``: refunded to the member, counted against the budgets).
    """

    paid_calls: bool = True
    unknown_settlement: Settlement = Settlement.ABSORBED


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDependencies:
    """What the runs of one process share."""

    jobs: JobStore
    clips: ClipStore
    model_states: ModelStateStore
    routes: Mapping[GoogleRoute, VideoModels]
    job_messages: JobMessages
    clock: Clock
    critical_sections: CriticalSections
    wait_estimates: WaitEstimates
    video_downloader: VideoDownloader
    clip_publisher: ClipPublisher
    model_availability: ModelAvailability
    polling_times: PollingTimes
    billing_rules: BillingRules
    searchable_routes: frozenset[GoogleRoute]


class JobSteps:
    """One job on its way, and what each of its stages needs."""

    __slots__ = (
        "_age_at_start_s",
        "_dependencies",
        "_just_claimed",
        "_lease",
        "_plan",
        "_result",
        "_started_at",
        "_status_message",
        "_submit_begun",
        "_video_models",
        "_watched_throughout",
        "is_cancelled",
        "job",
    )

    def __init__(
        self, dependencies: JobDependencies, job: Job, lease: Lease, *, just_claimed: bool
    ) -> None:
        self._dependencies = dependencies
        self.job = job
        self._lease = lease
        self._just_claimed = just_claimed
        self._submit_begun = False
        self._result: OperationFinished | None = None
        self._watched_throughout = just_claimed
        self.is_cancelled = job.cancel_requested
        self._status_message = StatusMessage(
            job=job, jobs=dependencies.jobs, job_messages=dependencies.job_messages
        )
        self._plan = job.plan
        # by this process's own clock: the database's, which wrote the times, may go differently
        self._started_at = dependencies.clock.monotonic()
        asked_at = job.submitted_at or job.created_at
        self._age_at_start_s = (
            0.0 if just_claimed else max(0.0, (dependencies.clock.now() - asked_at).total_seconds())
        )
        self._video_models = dependencies.routes.get(job.plan.route)

    # -- the end

    async def _end_failed(self, outcome: Outcome, detail: str | None) -> None:
        """End without a charge; a job that was to be cancelled anyway is simply cancelled."""
        if self.is_cancelled:
            await self._end_job(JobState.CANCELLED, Outcome.CANCELLED, Settlement.REFUND)
        else:
            await self._end_job(JobState.FAILED, outcome, Settlement.REFUND, detail=detail)

    async def _end_unknown(self, detail: str | None) -> None:
        settlement = self._dependencies.billing_rules.unknown_settlement
        await self._end_job(JobState.UNKNOWN, Outcome.SUBMIT_UNKNOWN, settlement, detail=detail)

    async def _end_lost(self, detail: str | None) -> None:
        """Wait no longer: refunded to the member, while the budgets keep what may yet be billed.

        `bot.services.jobs.unknown_jobs` goes on asking for as long as Google keeps files.
        """
        await self._end_job(
            JobState.UNKNOWN, Outcome.OPERATION_LOST, Settlement.ABSORBED, detail=detail
        )

    async def _end_job(
        self,
        state: JobState,
        outcome: Outcome,
        settlement: Settlement,
        *,
        detail: str | None = None,
        clips: int | None = None,
    ) -> None:
        self.job = await self._save_end(state, outcome, settlement, clips, None, detail)

    async def _save_end(
        self,
        state: JobState,
        outcome: Outcome,
        settlement: Settlement,
        clips: int | None,
        message_id: int | None,
        detail: str | None = None,
    ) -> Job:
        """Write the end; of several videos only those that were made are paid.

        ``clips`` is how many the member has; what else Google made, the house bears.
        """
        reserved, videos = UsageAmount.from_plan(self._plan), self._plan.videos
        charged, borne, made = None, NO_USAGE, self.job.videos_made
        if clips is not None:
            charged = reserved.prorated_share(clips, videos)
            borne = reserved.prorated_share(max(clips, made or 0), videos) - charged
        elif made is not None:
            charged = reserved.prorated_share(made, videos)
        postings = build_settlement(reserved, settlement, charged=charged, absorbed=borne)
        return await self._retry_until_stored(
            lambda: self._dependencies.jobs.finish_job(
                self.job,
                state,
                outcome=outcome,
                postings=postings,
                now=self._dependencies.clock.now(),
                detail=detail,
                message_id=message_id,
            )
        )

    # -- small things

    def _show_progress(self, progress: JobProgress) -> None:
        self._status_message.show_progress(progress)

    async def _retry_until_stored(self, save: Callable[[], Awaitable[T]], **facts: object) -> T:
        return await self._dependencies.critical_sections.retry_until_stored(
            save, "job", job_id=self.job.id, **facts
        )

    def _age_s(self) -> float:
        """Seconds since the leave to submit."""
        return self._age_at_start_s + self._dependencies.clock.monotonic() - self._started_at

    async def _sleep_poll_interval(self, *, before: float | None = None) -> None:
        """Wait for one poll interval, with jitter, but not past ``before`` seconds of age."""
        wait = self._dependencies.polling_times.poll_interval_s * random.uniform(
            1 - _JITTER_FRACTION, 1 + _JITTER_FRACTION
        )
        if before is not None and self._age_s() < before:
            wait = min(wait, before - self._age_s())
        await self._dependencies.clock.sleep(wait)
