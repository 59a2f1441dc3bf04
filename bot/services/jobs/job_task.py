"""The life of one job, from its leave to submit to its announced end.

Each job is one task, in the process that owns it. Before every step that the outside would see it
asks whether it may still act.
"""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import structlog

from bot.domain.billing.ledger import Settlement
from bot.domain.errors import AccessRefused, DeliveryBusy, GoogleBusy, LeaseLost, RemoteGone
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.jobs.request import Route
from bot.domain.ports import (
    Clock,
    Delivery,
    Failed,
    Finished,
    Media,
    Pending,
    Poll,
    Progress,
    VideoModels,
)
from bot.domain.stores import NewClip
from bot.services.jobs.critical_sections import Backoff, Steady
from bot.services.jobs.download import Fetcher
from bot.services.jobs.estimates import Estimates
from bot.services.jobs.job_steps import Money, Parts, Shelf, Timing
from bot.services.jobs.lease import Lease
from bot.services.jobs.publishing import PATIENCE, Poster
from bot.services.jobs.submission import Submitting
from bot.services.jobs.upload import Packer
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.model_states import ModelStore

_log = structlog.get_logger(__name__)


class Runner:
    """Builds and runs the `Run` of a job."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        clips: ClipStore,
        states: ModelStore,
        routes: Mapping[Route, VideoModels],
        delivery: Delivery,
        media: Media,
        clock: Clock,
        steady: Steady,
        estimates: Estimates,
        packer: Packer,
        shelf: Shelf,
        data_dir: Path,
        timing: Timing,
        money: Money,
        findable: frozenset[Route] = frozenset(),
    ) -> None:
        self._parts = Parts(
            jobs=jobs,
            clips=clips,
            states=states,
            routes=routes,
            delivery=delivery,
            clock=clock,
            steady=steady,
            estimates=estimates,
            fetcher=Fetcher(media=media, clock=clock, data_dir=data_dir),
            poster=Poster(delivery=delivery, packer=packer, clock=clock, steady=steady),
            shelf=shelf,
            timing=timing,
            money=money,
            findable=findable,
        )

    def run_of(self, job: Job, lease: Lease, *, fresh: bool) -> "Run":
        """Return the run of ``job``; ``fresh`` when this process has just claimed it itself."""
        return Run(self._parts, job, lease, fresh=fresh)


class Run(Submitting):
    """One job on its way, from whatever state it is found in."""

    __slots__ = ()

    def cancel_requested(self) -> None:
        """Somebody wants the job cancelled: what Google makes anyway is kept but not posted."""
        self.cancelled = True
        self.job = replace(self.job, cancel_requested=True)

    async def run(self) -> None:
        """Bring the job to its end. Raises `LeaseLost` when it is no longer ours."""
        with structlog.contextvars.bound_contextvars(job_id=self.job.id):
            try:
                while not self.job.state.ended:
                    if self.job.state is JobState.QUEUED:
                        return
                    self._lease.check()
                    before = self.job.state
                    await self._step()
                    if self.job.state is not before:
                        _log.info("job.moved", state=self.job.state, outcome=self.job.outcome)
                await self._announce()
            except (asyncio.CancelledError, LeaseLost):
                await self._give_back()
                raise
            finally:
                self._status.drop()

    async def _step(self) -> None:
        match self.job.state:
            case JobState.SUBMITTING if self._fresh and not self._begun:
                await self._submit()
            case JobState.SUBMITTING if self.job.unsent:
                await self._put_back()
            case JobState.SUBMITTING:
                await self._look_for_lost_submit()
            case JobState.POLLING:
                await self._poll()
            case JobState.FETCHING:
                await self._fetch()
            case JobState.POSTING:
                await self._post()
            case other:
                raise AssertionError(f"job {self.job.id} is {other}")

    # -- poll

    async def _poll(self) -> None:
        limit = self._parts.timing.time_limit_s
        backoff = Backoff(first=self._parts.timing.poll_interval_s, most=120.0)
        silent_since: float | None = None
        if not self._fresh:  # thousands may have been adopted: they do not all ask at once
            await self._parts.clock.sleep(random.uniform(0.0, self._parts.timing.poll_interval_s))
        self._show(Progress(self.job, eta=await self._parts.estimates.finish(self.job)))
        if self._fresh:
            await self._pause()
        while True:
            self._lease.check()
            age, told = self._age_s(), None
            try:
                answer = await self._ask()
            except RemoteGone as error:
                await self._lose(error.detail)
                return
            except (GoogleBusy, AccessRefused) as error:
                _log.warning("poll.fault", error=str(error))
                now = self._parts.clock.monotonic()
                silent_since = now if silent_since is None else silent_since
                if now - silent_since > 2 * limit:
                    # no answer for that long: nobody knows whether it was made and paid
                    told_why = None if isinstance(error, AccessRefused) else error.detail
                    await self._lose(told_why)
                    return
                told = error.retry_after_s if isinstance(error, GoogleBusy) else None
                self._watched = False
                await self._parts.clock.sleep(backoff.next(told))
                continue
            backoff.reset()
            silent_since = None
            match answer:
                case Finished():
                    await self._finished(answer)
                    return
                case Failed():
                    if answer.outcome is Outcome.MODEL_RETIRED:
                        await self._parts.shelf.switch_off(self._plan.model, answer.detail)
                    await self._fail(answer.outcome, answer.detail)
                    return
                case Pending() if age >= limit:  # asked once more, and still nothing
                    await self._lose(None)
                    return
            await self._pause(before=limit)

    async def _ask(self) -> Poll:
        if self._source is None:
            raise AccessRefused(f"route {self._plan.route} is not configured")
        if self.job.operation is not None:
            return await self._source.poll(self.job.operation)
        mark = self.job.origin.key
        return await self._source.find(self._plan, job_id=self.job.id, mark=mark) or Pending()

    async def _finished(self, made: Finished) -> None:
        if not made.videos:
            await self._fail(Outcome.BLOCKED, " ".join(made.filtered) or None)
            return
        self._made = made
        if self._watched and self.job.operation is not None:
            await self._parts.estimates.measured(self._plan, self._age_s())
        count = min(len(made.videos), self._plan.videos)
        self.job = await self._hold(lambda: self._parts.jobs.begin_fetching(self.job, count))

    # -- fetch and post

    async def _fetch(self) -> None:
        self._show(Progress(self.job))
        if self._made is None and not await self._ask_again():
            return
        assert self._made is not None
        assert self._source is not None
        kept: list[NewClip] = []
        for index, video in enumerate(self._made.videos):
            clip = await self._parts.fetcher.fetch(
                self.job, index, video, self._source, self._lease
            )
            if clip is not None:
                kept.append(clip)
        if not kept:
            await self._end(JobState.FAILED, Outcome.DOWNLOAD_FAILED, Settlement.HOUSE)
            return
        self.job, _ = await self._hold(lambda: self._parts.jobs.keep(self.job, kept))

    async def _ask_again(self) -> bool:
        """Find out again, after a restart, where Google keeps the videos."""
        backoff = Backoff(first=2.0, most=120.0)
        expires = self.job.watched_until
        while self._parts.clock.now() < expires:
            self._lease.check()
            try:
                answer = await self._ask()
            except RemoteGone:
                break
            except (GoogleBusy, AccessRefused) as error:
                _log.warning("poll.fault", error=str(error))
            else:
                if isinstance(answer, Finished) and answer.videos:
                    self._made = answer
                    return True
                if isinstance(answer, Failed):
                    break
            await self._parts.clock.sleep(backoff.next())
        await self._end(JobState.FAILED, Outcome.DOWNLOAD_FAILED, Settlement.HOUSE)
        return False

    async def _post(self) -> None:
        clips = await self._hold(lambda: self._parts.clips.of_job(self.job.id))
        if self.cancelled:
            # made and paid all the same: it stays in the history, but nobody wants it posted
            await self._end(
                JobState.CANCELLED, Outcome.CANCELLED, Settlement.CHARGE, clips=len(clips)
            )
            return
        self._show(Progress(self.job))
        await self._status.flushed()
        self.job = self._status.with_message(self.job)

        async def record(message_id: int) -> Job:
            self.job = await self._ended(
                JobState.DONE, Outcome.DELIVERED, Settlement.CHARGE, len(clips), message_id
            )
            return self.job

        posted = await self._parts.poster.post(
            self.job, clips, self._lease, look_first=not self._fresh, record=record
        )
        if posted is None:
            await self._end(
                JobState.DONE, Outcome.DELIVERY_FAILED, Settlement.CHARGE, clips=len(clips)
            )

    # -- the end

    async def _announce(self) -> None:
        """Tell people; if that is interrupted, whoever adopts the job tells them.

        Discord may be away meanwhile, for as long as a post waits for it.
        """
        await self._status.settled()
        if self._status.message_id is None:
            found = await self._hold(lambda: self._parts.jobs.get(self.job.id))
            self._status.message_id = found.status_message_id if found else None
        job = self._status.with_message(self.job)
        self._lease.check()
        if job.outcome is Outcome.DELIVERED:
            await self._parts.delivery.close_status(job)
        else:
            await self._tell(job)
        await self._hold(lambda: self._parts.jobs.announced(job))

    async def _tell(self, job: Job) -> None:
        backoff = Backoff(first=1.0, most=300.0)
        until = (job.finished_at or self._parts.clock.now()) + PATIENCE
        while True:
            self._lease.check()
            try:
                await self._parts.delivery.tell(job)
            except DeliveryBusy as error:
                _log.warning("tell.busy", error=str(error))
                if self._parts.clock.now() >= until:
                    return
                await self._parts.clock.sleep(backoff.next(error.retry_after_s))
            else:
                return
