"""Runs a job through its stages, as one task of the process that owns it."""

import asyncio
from dataclasses import dataclass

import structlog

from bot.domain.errors import LeaseLost
from bot.domain.jobs.job import Job, JobState, ReviewState
from bot.services.jobs.lease import Lease
from bot.services.jobs.stages.announcing import JobAnnouncer
from bot.services.jobs.stages.delivery import ClipDelivery
from bot.services.jobs.stages.download import ClipDownloader
from bot.services.jobs.stages.polling import JobPoller
from bot.services.jobs.stages.result_check import ResultCheck
from bot.services.jobs.stages.review import ReviewDesk
from bot.services.jobs.stages.running_job import JobDependencies, RunningJob
from bot.services.jobs.stages.submission import JobSubmitter, find_lost_submit

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStages:
    """The stages with their services, which all jobs of a process share."""

    submitter: JobSubmitter
    poller: JobPoller
    downloader: ClipDownloader
    result_check: ResultCheck
    review_desk: ReviewDesk
    delivery: ClipDelivery
    announcer: JobAnnouncer


@dataclass(frozen=True, slots=True)
class JobTaskFactory:
    dependencies: JobDependencies
    stages: JobStages

    def build_job_task(self, job: Job, lease: Lease, *, just_claimed: bool) -> "JobTask":
        return JobTask(self.stages, RunningJob(self.dependencies, job, lease, just_claimed))


@dataclass(frozen=True, slots=True)
class JobTask:
    stages: JobStages
    running_job: RunningJob

    async def run(self) -> None:
        """Run the job until it ends, returns to the queue or waits for moderators.

        Raises `LeaseLost`.
        """
        running = self.running_job
        try:
            while not running.job.state.has_ended:
                if running.job.state is JobState.QUEUED:
                    return
                if running.job.review is ReviewState.WAITING:
                    _log.info("job.left_to_moderators")
                    return
                running.lease.require_valid()
                before = running.job.state
                await self._run_stage(running)
                if running.job.state is not before:
                    job = running.job
                    _log.info("job.moved", state=job.state, outcome=job.outcome)
            await self.stages.announcer.announce_end(running)
        except (asyncio.CancelledError, LeaseLost):
            await running.requeue_unstarted()
            raise
        finally:
            running.status_message.cancel_updates()

    async def give_up(self) -> None:
        """End a job that keeps failing for an unforeseen reason, and announce its end.

        Clips that nobody let pass are left to the moderators, if there are any. If the announcement
        fails too, the next call leaves it out. Raises `LeaseLost`.
        """
        running = self.running_job
        if running.job.state.has_ended:
            await running.retry_until_stored(lambda: running.jobs.mark_announced(running.job))
            return
        _log.error("job.given_up", state=running.job.state)
        if running.job.review is ReviewState.CHECK:
            await self.stages.result_check.give_up(running)
        if running.job.review is ReviewState.DUE:
            await self.stages.review_desk.leave_to_moderators(running)
            return
        await running.end_after_errors()
        await self.stages.announcer.announce_end(running)

    async def _run_stage(self, running: RunningJob) -> None:
        match running.job.state:
            case JobState.SUBMITTING if running.just_claimed and not running.submit_begun:
                await self.stages.submitter.submit_job(running)
            case JobState.SUBMITTING if running.job.unsent:
                await running.requeue()
            case JobState.SUBMITTING:
                await find_lost_submit(running)
            case JobState.POLLING:
                await self.stages.poller.poll_until_ended(running)
            case JobState.FETCHING:
                running.show_progress()
                if running.result is None:
                    await self.stages.poller.recover_result(running)
                if running.result is not None:
                    await self.stages.downloader.download_clips(running, running.result)
            case JobState.POSTING if running.job.review is ReviewState.CHECK:
                await self.stages.result_check.check_clips(running)
            case JobState.POSTING if running.job.review is ReviewState.DUE:
                await self.stages.review_desk.ask_moderators(running)
            case JobState.POSTING:
                await self.stages.delivery.deliver_clips(running)
            case other:
                raise AssertionError(f"job {running.job.id} is {other}")
