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
from bot.domain.errors import (
    AccessRefused,
    DiscordUnavailable,
    GoogleUnavailable,
    LeaseLost,
    RemoteNotFound,
)
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.jobs.request import GoogleRoute
from bot.domain.ports import (
    Clock,
    JobMessages,
    JobProgress,
    MediaProbe,
    OperationFailed,
    OperationFinished,
    OperationPending,
    PollResult,
    VideoModels,
)
from bot.domain.stores import NewClip
from bot.services.jobs.critical_sections import Backoff, CriticalSections
from bot.services.jobs.download import VideoDownloader
from bot.services.jobs.estimates import WaitEstimates
from bot.services.jobs.job_steps import (
    BillingRules,
    JobDependencies,
    ModelAvailability,
    PollingTimes,
)
from bot.services.jobs.lease import Lease
from bot.services.jobs.publishing import POST_RETRY_WINDOW, ClipPublisher
from bot.services.jobs.submission import JobSubmitter
from bot.services.jobs.upload import UploadPreparer
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.model_states import ModelStateStore

_log = structlog.get_logger(__name__)


class JobTaskFactory:
    """Builds and runs the `Run` of a job."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        clips: ClipStore,
        model_states: ModelStateStore,
        routes: Mapping[GoogleRoute, VideoModels],
        job_messages: JobMessages,
        media_probe: MediaProbe,
        clock: Clock,
        critical_sections: CriticalSections,
        wait_estimates: WaitEstimates,
        upload_preparer: UploadPreparer,
        model_availability: ModelAvailability,
        data_dir: Path,
        polling_times: PollingTimes,
        billing_rules: BillingRules,
        searchable_routes: frozenset[GoogleRoute] = frozenset(),
    ) -> None:
        self._dependencies = JobDependencies(
            jobs=jobs,
            clips=clips,
            model_states=model_states,
            routes=routes,
            job_messages=job_messages,
            clock=clock,
            critical_sections=critical_sections,
            wait_estimates=wait_estimates,
            video_downloader=VideoDownloader(
                media_probe=media_probe, clock=clock, data_dir=data_dir
            ),
            clip_publisher=ClipPublisher(
                job_messages=job_messages,
                upload_preparer=upload_preparer,
                clock=clock,
                critical_sections=critical_sections,
            ),
            model_availability=model_availability,
            polling_times=polling_times,
            billing_rules=billing_rules,
            searchable_routes=searchable_routes,
        )

    def build_job_task(self, job: Job, lease: Lease, *, just_claimed: bool) -> "JobTask":
        """Return the run of ``job``; ``fresh`` when this process has just claimed it itself."""
        return JobTask(self._dependencies, job, lease, just_claimed=just_claimed)


class JobTask(JobSubmitter):
    """One job on its way, from whatever state it is found in."""

    __slots__ = ()

    def request_cancel(self) -> None:
        """Somebody wants the job cancelled: what Google makes anyway is kept but not posted."""
        self.is_cancelled = True
        self.job = replace(self.job, cancel_requested=True)

    async def run(self) -> None:
        """Bring the job to its end. Raises `LeaseLost` when it is no longer ours."""
        with structlog.contextvars.bound_contextvars(job_id=self.job.id):
            try:
                while not self.job.state.has_ended:
                    if self.job.state is JobState.QUEUED:
                        return
                    self._lease.require_valid()
                    before = self.job.state
                    await self._run_step()
                    if self.job.state is not before:
                        _log.info("job.moved", state=self.job.state, outcome=self.job.outcome)
                await self._announce_end()
            except (asyncio.CancelledError, LeaseLost):
                await self._requeue_unstarted()
                raise
            finally:
                self._status_message.cancel_updates()

    async def _run_step(self) -> None:
        match self.job.state:
            case JobState.SUBMITTING if self._just_claimed and not self._submit_begun:
                await self._submit_job()
            case JobState.SUBMITTING if self.job.unsent:
                await self._requeue_unsent()
            case JobState.SUBMITTING:
                await self._find_lost_submit()
            case JobState.POLLING:
                await self._poll_until_ended()
            case JobState.FETCHING:
                await self._download_videos()
            case JobState.POSTING:
                await self._publish_clips()
            case other:
                raise AssertionError(f"job {self.job.id} is {other}")

    # -- poll

    async def _poll_until_ended(self) -> None:
        limit = self._dependencies.polling_times.time_limit_s
        backoff = Backoff(initial=self._dependencies.polling_times.poll_interval_s, maximum=120.0)
        silent_since: float | None = None
        if not self._just_claimed:  # thousands may have been adopted: they do not all ask at once
            await self._dependencies.clock.sleep(
                random.uniform(0.0, self._dependencies.polling_times.poll_interval_s)
            )
        self._show_progress(
            JobProgress(
                self.job, eta=await self._dependencies.wait_estimates.estimate_finish(self.job)
            )
        )
        if self._just_claimed:
            await self._sleep_poll_interval()
        while True:
            self._lease.require_valid()
            age, told = self._age_s(), None
            try:
                answer = await self._poll_operation()
            except RemoteNotFound as error:
                await self._end_lost(error.detail)
                return
            except (GoogleUnavailable, AccessRefused) as error:
                _log.warning("poll.fault", error=str(error))
                now = self._dependencies.clock.monotonic()
                silent_since = now if silent_since is None else silent_since
                if now - silent_since > 2 * limit:
                    # no answer for that long: nobody knows whether it was made and paid
                    told_why = None if isinstance(error, AccessRefused) else error.detail
                    await self._end_lost(told_why)
                    return
                told = error.retry_after_s if isinstance(error, GoogleUnavailable) else None
                self._watched_throughout = False
                await self._dependencies.clock.sleep(backoff.next(told))
                continue
            backoff.reset()
            silent_since = None
            match answer:
                case OperationFinished():
                    await self._accept_result(answer)
                    return
                case OperationFailed():
                    if answer.outcome is Outcome.MODEL_RETIRED:
                        await self._dependencies.model_availability.mark_unavailable(
                            self._plan.model, answer.detail
                        )
                    await self._end_failed(answer.outcome, answer.detail)
                    return
                case OperationPending() if age >= limit:  # asked once more, and still nothing
                    await self._end_lost(None)
                    return
            await self._sleep_poll_interval(before=limit)

    async def _poll_operation(self) -> PollResult:
        if self._video_models is None:
            raise AccessRefused(f"route {self._plan.route} is not configured")
        if self.job.operation is not None:
            return await self._video_models.poll(self.job.operation)
        mark = self.job.origin.key
        return (
            await self._video_models.find_result(self._plan, job_id=self.job.id, dedupe_key=mark)
            or OperationPending()
        )

    async def _accept_result(self, result: OperationFinished) -> None:
        if not result.videos:
            await self._end_failed(Outcome.BLOCKED, " ".join(result.filtered_reasons) or None)
            return
        self._result = result
        if self._watched_throughout and self.job.operation is not None:
            await self._dependencies.wait_estimates.record_duration(self._plan, self._age_s())
        count = min(len(result.videos), self._plan.videos)
        self.job = await self._retry_until_stored(
            lambda: self._dependencies.jobs.begin_fetching(self.job, count)
        )

    # -- fetch and post

    async def _download_videos(self) -> None:
        self._show_progress(JobProgress(self.job))
        if self._result is None and not await self._recover_result():
            return
        assert self._result is not None
        assert self._video_models is not None
        kept: list[NewClip] = []
        for index, video in enumerate(self._result.videos):
            clip = await self._dependencies.video_downloader.download_video(
                self.job, index, video, self._video_models, self._lease
            )
            if clip is not None:
                kept.append(clip)
        if not kept:
            await self._end_job(JobState.FAILED, Outcome.DOWNLOAD_FAILED, Settlement.ABSORBED)
            return
        self.job, _ = await self._retry_until_stored(
            lambda: self._dependencies.jobs.save_clips(self.job, kept)
        )

    async def _recover_result(self) -> bool:
        """Find out again, after a restart, where Google keeps the videos."""
        backoff = Backoff(initial=2.0, maximum=120.0)
        expires = self.job.watched_until
        while self._dependencies.clock.now() < expires:
            self._lease.require_valid()
            try:
                answer = await self._poll_operation()
            except RemoteNotFound:
                break
            except (GoogleUnavailable, AccessRefused) as error:
                _log.warning("poll.fault", error=str(error))
            else:
                if isinstance(answer, OperationFinished) and answer.videos:
                    self._result = answer
                    return True
                if isinstance(answer, OperationFailed):
                    break
            await self._dependencies.clock.sleep(backoff.next())
        await self._end_job(JobState.FAILED, Outcome.DOWNLOAD_FAILED, Settlement.ABSORBED)
        return False

    async def _publish_clips(self) -> None:
        clips = await self._retry_until_stored(
            lambda: self._dependencies.clips.list_for_job(self.job.id)
        )
        if self.is_cancelled:
            # made and paid all the same: it stays in the history, but nobody wants it posted
            await self._end_job(
                JobState.CANCELLED, Outcome.CANCELLED, Settlement.CHARGE, clips=len(clips)
            )
            return
        self._show_progress(JobProgress(self.job))
        await self._status_message.flush_updates()
        self.job = self._status_message.with_message(self.job)

        async def record_message(message_id: int) -> Job:
            self.job = await self._save_end(
                JobState.DONE, Outcome.DELIVERED, Settlement.CHARGE, len(clips), message_id
            )
            return self.job

        posted = await self._dependencies.clip_publisher.publish_clips(
            self.job,
            clips,
            self._lease,
            search_first=not self._just_claimed,
            record_message=record_message,
        )
        if posted is None:
            await self._end_job(
                JobState.DONE, Outcome.DELIVERY_FAILED, Settlement.CHARGE, clips=len(clips)
            )

    # -- the end

    async def _announce_end(self) -> None:
        """Tell people; if that is interrupted, whoever adopts the job tells them.

        Discord may be away meanwhile, for as long as a post waits for it.
        """
        await self._status_message.wait_for_edit()
        if self._status_message.message_id is None:
            found = await self._retry_until_stored(lambda: self._dependencies.jobs.get(self.job.id))
            self._status_message.message_id = found.status_message_id if found else None
        job = self._status_message.with_message(self.job)
        self._lease.require_valid()
        if job.outcome is Outcome.DELIVERED:
            await self._dependencies.job_messages.close_status(job)
        else:
            await self._notify_requester(job)
        await self._retry_until_stored(lambda: self._dependencies.jobs.mark_announced(job))

    async def _notify_requester(self, job: Job) -> None:
        backoff = Backoff(initial=1.0, maximum=300.0)
        until = (job.finished_at or self._dependencies.clock.now()) + POST_RETRY_WINDOW
        while True:
            self._lease.require_valid()
            try:
                await self._dependencies.job_messages.notify_requester(job)
            except DiscordUnavailable as error:
                _log.warning("tell.busy", error=str(error))
                if self._dependencies.clock.now() >= until:
                    return
                await self._dependencies.clock.sleep(backoff.next(error.retry_after_s))
            else:
                return
