"""The life of one job in this process: which stage follows from its state, until it has ended.

Each job is one task, in the process that owns it.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import structlog

from bot.domain.errors import LeaseLost
from bot.domain.jobs.job import Job, JobState
from bot.domain.ports import MediaProbe
from bot.services.jobs.estimates import WaitEstimates
from bot.services.jobs.lease import Lease
from bot.services.jobs.publishing import ClipPublisher
from bot.services.jobs.stages.delivery import ClipDelivery, RequesterNotifier
from bot.services.jobs.stages.download import ClipDownloader
from bot.services.jobs.stages.lost_submits import LostSubmitFinder
from bot.services.jobs.stages.polling import JobPoller, ModelAvailability
from bot.services.jobs.stages.running_job import JobDependencies, RunningJob
from bot.services.jobs.stages.submission import JobSubmitter
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.model_states import ModelStateStore

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class JobStages:
    """One of each stage; all jobs of a process share them."""

    submitter: JobSubmitter
    lost_submit_finder: LostSubmitFinder
    poller: JobPoller
    downloader: ClipDownloader
    delivery: ClipDelivery
    notifier: RequesterNotifier


class JobTaskFactory:
    """Builds the stages once, and a `JobTask` for each job."""

    def __init__(
        self,
        dependencies: JobDependencies,
        *,
        clips: ClipStore,
        model_states: ModelStateStore,
        media_probe: MediaProbe,
        data_dir: Path,
        wait_estimates: WaitEstimates,
        clip_publisher: ClipPublisher,
        model_availability: ModelAvailability,
    ) -> None:
        self._dependencies = dependencies
        self._stages = JobStages(
            submitter=JobSubmitter(
                model_states=model_states,
                model_availability=model_availability,
                critical_sections=dependencies.critical_sections,
                paid_calls=dependencies.billing_rules.paid_calls,
            ),
            lost_submit_finder=LostSubmitFinder(),
            poller=JobPoller(wait_estimates=wait_estimates, model_availability=model_availability),
            downloader=ClipDownloader(media_probe=media_probe, data_dir=data_dir),
            delivery=ClipDelivery(clips=clips, clip_publisher=clip_publisher),
            notifier=RequesterNotifier(job_messages=dependencies.job_messages),
        )

    def build_job_task(self, job: Job, lease: Lease, *, just_claimed: bool) -> "JobTask":
        """Build the task of ``job``; ``just_claimed`` if this process took it from the queue."""
        running_job = RunningJob(self._dependencies, job, lease, just_claimed=just_claimed)
        return JobTask(self._stages, running_job)


class JobTask:
    """One job, from whatever state it is found in to its end."""

    __slots__ = ("_is_abandoned", "_running_job", "_stages")

    def __init__(self, stages: JobStages, running_job: RunningJob) -> None:
        self._stages = stages
        self._running_job = running_job
        self._is_abandoned = False

    @property
    def job(self) -> Job:
        """The job as it was last saved."""
        return self._running_job.job

    @property
    def is_cancelled(self) -> bool:
        """Whether the job is to be cancelled."""
        return self._running_job.is_cancelled

    def request_cancel(self) -> None:
        """Cancel the job; see `RunningJob.request_cancel`."""
        self._running_job.request_cancel()

    def abandon(self) -> None:
        """Save nothing on the way out, as a killed process would; for `Worker.crash`."""
        self._is_abandoned = True

    async def run(self) -> None:
        """Bring the job to its end, or back to the queue. Raises `LeaseLost`."""
        running = self._running_job
        with structlog.contextvars.bound_contextvars(job_id=self.job.id):
            try:
                while not self.job.state.has_ended:
                    if self.job.state is JobState.QUEUED:
                        return
                    running.lease.require_valid()
                    before = self.job.state
                    await self._run_stage(running)
                    if self.job.state is not before:
                        _log.info("job.moved", state=self.job.state, outcome=self.job.outcome)
                await self._stages.notifier.announce_end(running)
            except (asyncio.CancelledError, LeaseLost):
                if not self._is_abandoned:
                    await running.requeue_unstarted()
                raise
            finally:
                running.status_message.cancel_updates()

    async def _run_stage(self, running: RunningJob) -> None:
        match running.job.state:
            case JobState.SUBMITTING if running.just_claimed and not running.submit_begun:
                await self._stages.submitter.submit_job(running)
            case JobState.SUBMITTING if running.job.unsent:
                await running.requeue_unsent()
            case JobState.SUBMITTING:
                await self._stages.lost_submit_finder.find_submit(running)
            case JobState.POLLING:
                await self._stages.poller.poll_until_ended(running)
            case JobState.FETCHING if running.result is None:
                await self._stages.poller.recover_result(running)
            case JobState.FETCHING:
                await self._stages.downloader.download_clips(running)
            case JobState.POSTING:
                await self._stages.delivery.deliver_clips(running)
            case other:
                raise AssertionError(f"job {running.job.id} is {other}")
