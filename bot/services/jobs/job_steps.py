"""What every stage of a job's life stands on: the job as it is saved, and the ways to its end.

Every step is recorded by a fenced change before the next begins; a save is tried until it holds,
and an end writes the job and its money in one transaction.
"""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from bot.domain.billing.ledger import Settlement, settle
from bot.domain.billing.limits import NOTHING, Amount
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.jobs.request import Route
from bot.domain.ports import Clock, Delivery, Finished, Progress, VideoModels
from bot.services.jobs.critical_sections import Steady
from bot.services.jobs.download import Fetcher
from bot.services.jobs.estimates import Estimates
from bot.services.jobs.lease import Lease
from bot.services.jobs.publishing import Poster
from bot.services.jobs.status_message import StatusLine
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.model_states import ModelStore

T = TypeVar("T")

_JITTER: Final = 0.2


class Shelf(Protocol):
    """Where models are taken off the shelf that Google refuses in use."""

    async def switch_off(self, model_id: str, reason: str | None) -> None:
        """Offer the model no longer, in any process. Never raises for the store's reasons."""
        ...


@dataclass(frozen=True, slots=True)
class Timing:
    """How long the runner waits, in seconds, and how often it asks.

    ``late_name_s`` is for the name of an operation whose sender lost the job, but lives.
    """

    poll_interval_s: float = 10.0
    time_limit_s: float = 900.0
    submit_attempts: int = 8
    submit_patience_s: float = 3600.0
    late_name_s: float = 20.0


@dataclass(frozen=True, slots=True)
class Money:
    """The operator's rules for money that the runner applies.

    ``paid_calls`` off refuses before any submit; ``unknown`` settles a job whose submit was lost
    (``HOUSE``: refunded to the member, counted against the budgets).
    """

    paid_calls: bool = True
    unknown: Settlement = Settlement.HOUSE


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the runs of one process share."""

    jobs: JobStore
    clips: ClipStore
    states: ModelStore
    routes: Mapping[Route, VideoModels]
    delivery: Delivery
    clock: Clock
    steady: Steady
    estimates: Estimates
    fetcher: Fetcher
    poster: Poster
    shelf: Shelf
    timing: Timing
    money: Money
    findable: frozenset[Route]


class Steps:
    """One job on its way, and what each of its stages needs."""

    __slots__ = (
        "_age_then",
        "_began",
        "_begun",
        "_fresh",
        "_lease",
        "_made",
        "_parts",
        "_plan",
        "_source",
        "_status",
        "_watched",
        "cancelled",
        "job",
    )

    def __init__(self, parts: Parts, job: Job, lease: Lease, *, fresh: bool) -> None:
        self._parts = parts
        self.job = job
        self._lease = lease
        self._fresh = fresh
        self._begun = False
        self._made: Finished | None = None
        self._watched = fresh
        self.cancelled = job.cancel_requested
        self._status = StatusLine(job=job, jobs=parts.jobs, delivery=parts.delivery)
        self._plan = job.plan
        # by this process's own clock: the database's, which wrote the times, may go differently
        self._began = parts.clock.monotonic()
        asked_at = job.submitted_at or job.created_at
        self._age_then = 0.0 if fresh else max(0.0, (parts.clock.now() - asked_at).total_seconds())
        self._source = parts.routes.get(job.plan.route)

    # -- the end

    async def _fail(self, outcome: Outcome, detail: str | None) -> None:
        """End without a charge; a job that was to be cancelled anyway is simply cancelled."""
        if self.cancelled:
            await self._end(JobState.CANCELLED, Outcome.CANCELLED, Settlement.REFUND)
        else:
            await self._end(JobState.FAILED, outcome, Settlement.REFUND, detail=detail)

    async def _unknown(self, detail: str | None) -> None:
        settlement = self._parts.money.unknown
        await self._end(JobState.UNKNOWN, Outcome.SUBMIT_UNKNOWN, settlement, detail=detail)

    async def _lose(self, detail: str | None) -> None:
        """Wait no longer: refunded to the member, while the budgets keep what may yet be billed.

        `bot.services.jobs.unknown_jobs` goes on asking for as long as Google keeps files.
        """
        await self._end(JobState.UNKNOWN, Outcome.OPERATION_LOST, Settlement.HOUSE, detail=detail)

    async def _end(
        self,
        state: JobState,
        outcome: Outcome,
        settlement: Settlement,
        *,
        detail: str | None = None,
        clips: int | None = None,
    ) -> None:
        self.job = await self._ended(state, outcome, settlement, clips, None, detail)

    async def _ended(
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
        reserved, videos = Amount.of(self._plan), self._plan.videos
        charged, borne, made = None, NOTHING, self.job.made
        if clips is not None:
            charged = reserved.share(clips, videos)
            borne = reserved.share(max(clips, made or 0), videos) - charged
        elif made is not None:
            charged = reserved.share(made, videos)
        postings = settle(reserved, settlement, charged=charged, borne=borne)
        return await self._hold(
            lambda: self._parts.jobs.end(
                self.job,
                state,
                outcome=outcome,
                postings=postings,
                now=self._parts.clock.now(),
                detail=detail,
                message_id=message_id,
            )
        )

    # -- small things

    def _show(self, progress: Progress) -> None:
        self._status.show(progress)

    async def _hold(self, save: Callable[[], Awaitable[T]], **facts: object) -> T:
        return await self._parts.steady.hold(save, "job", job_id=self.job.id, **facts)

    def _age_s(self) -> float:
        """Seconds since the leave to submit."""
        return self._age_then + self._parts.clock.monotonic() - self._began

    async def _pause(self, *, before: float | None = None) -> None:
        """Wait for one poll interval, with jitter, but not past ``before`` seconds of age."""
        wait = self._parts.timing.poll_interval_s * random.uniform(1 - _JITTER, 1 + _JITTER)
        if before is not None and self._age_s() < before:
            wait = min(wait, before - self._age_s())
        await self._parts.clock.sleep(wait)
