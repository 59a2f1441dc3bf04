"""One process's share of the work: its lease, its dispatcher, a task per job, adoption.

The conditions of the lease:

- it is a row per process, by the database's clock, renewed at a third of its length;
- one that has run out is never renewed: its jobs may be adopted from that moment;
- a process that could not renew by 80 % of it stops its tasks by itself, and comes back as a new
  worker when the database answers;
- given back at a graceful stop, after the critical sections have ended.
"""

import asyncio
import contextlib
import platform
from datetime import timedelta
from typing import Final
from uuid import uuid4

import structlog

from bot.domain.billing.limits import SpendingPolicy
from bot.domain.errors import DatabaseUnavailable, LeaseLost
from bot.domain.jobs.job import Job, JobState
from bot.domain.ports import Clock
from bot.services.jobs.critical_sections import Backoff, CriticalSections
from bot.services.jobs.job_task import JobTask, JobTaskFactory
from bot.services.jobs.lease import Lease
from bot.services.jobs.queue_status import QueueStatusUpdater
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.workers import WorkerStore

_CLAIM_BATCH_SIZE: Final = 64
_ADOPT_BATCH_SIZE: Final = 250
_MAX_REMEMBERED_EPOCHS: Final = 20_000
"""Jobs whose latest run is remembered: far more than can be claimed and not yet answered."""
_IDLE_INTERVAL_S: Final = 5.0
_QUEUE_STATUS_INTERVAL_S: Final = 5.0
_QUEUE_STATUS_DELAY_S: Final = 1.0

_log = structlog.get_logger(__name__)


class Worker:
    """Runs jobs in this process; several processes share one PostgreSQL."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        workers: WorkerStore,
        job_task_factory: JobTaskFactory,
        queue_status_updater: QueueStatusUpdater,
        critical_sections: CriticalSections,
        clock: Clock,
        policy: SpendingPolicy,
        lease_s: float = 30.0,
    ) -> None:
        self._jobs = jobs
        self._workers = workers
        self._job_task_factory = job_task_factory
        self._queue_status_updater = queue_status_updater
        self._critical_sections = critical_sections
        self._clock = clock
        self._policy = policy
        self._lease_length = timedelta(seconds=lease_s)
        self._lease = self._create_lease()
        self._dispatch_requested = asyncio.Event()
        self._queue_status_requested = asyncio.Event()
        self._reconciliation_requested = asyncio.Event()
        self._job_tasks: dict[int, tuple[JobTask, asyncio.Task[None]]] = {}
        self._started_epochs: dict[int, int] = {}
        self._fault_backoffs: dict[int, tuple[Backoff, float]] = {}
        self._loop_tasks: list[asyncio.Task[None]] = []
        self._lease_task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def worker_id(self) -> str:
        """The name under which this process owns jobs; a new one after a lost lease."""
        return self._lease.worker_id

    @property
    def running_count(self) -> int:
        """How many jobs have a task here."""
        return len(self._job_tasks)

    @property
    def is_alive(self) -> bool:
        """Whether the lease can be trusted now."""
        return self._lease.remaining_s > 0

    async def start(self) -> None:
        """Take a lease (waiting for the database if it is away) and begin."""
        await self._register_worker()
        self._lease_task = asyncio.create_task(self._run_lease_renewal(), name="lease")
        self._loop_tasks = [
            asyncio.create_task(self._run_dispatcher(), name="dispatcher"),
            asyncio.create_task(self._run_reconciliation(), name="tending"),
            asyncio.create_task(self._run_queue_status(), name="board"),
        ]

    async def stop(self, timeout_s: float) -> None:
        """Stop taking work, let critical sections end, give the lease back."""
        self._stopping = True
        ends = self._clock.monotonic() + timeout_s
        # a claim under way is let end, so that what it started can be put back
        self._dispatch_requested.set()
        if self._loop_tasks:
            await asyncio.wait(self._loop_tasks[:1], timeout=timeout_s * 0.3)
        await _cancel_and_wait(self._loop_tasks)
        await self._stop_job_tasks(timeout_s * 0.8)
        await self._critical_sections.drain(max(0.0, ends - 1.0 - self._clock.monotonic()))
        await self._critical_sections.cancel()
        with contextlib.suppress(DatabaseUnavailable, LeaseLost, TimeoutError):
            async with asyncio.timeout(max(0.5, ends - self._clock.monotonic())):
                await self._requeue_unstarted()
        if self._lease_task is not None:
            await _cancel_and_wait([self._lease_task])
        self._lease.mark_lost()
        try:
            async with asyncio.timeout(max(0.5, ends - self._clock.monotonic())):
                await self._workers.retire(self.worker_id)
        except (DatabaseUnavailable, TimeoutError) as error:
            _log.warning("lease.not_given_back", error=str(error))

    def wake(self) -> None:
        """There may be something to start."""
        self._dispatch_requested.set()
        self._queue_status_requested.set()

    def notify_job_changed(self, job_id: int) -> None:
        """A job was cancelled: tell its run, or announce it."""
        if job_id in self._job_tasks:
            self._job_tasks[job_id][0].request_cancel()
        self._reconciliation_requested.set()
        self.wake()

    def is_job_cancelled(self, job_id: int) -> bool:
        """Whether the run of a job here knows that somebody wants it cancelled."""
        return job_id in self._job_tasks and self._job_tasks[job_id][0].is_cancelled

    # -- the lease

    def _create_lease(self) -> Lease:
        return Lease(worker_id=uuid4().hex, length=self._lease_length, clock=self._clock)

    async def _register_worker(self) -> None:
        backoff = Backoff(initial=0.5, maximum=5.0)
        while True:
            asked_at = self._clock.monotonic()
            try:
                await self._workers.register(
                    self.worker_id, host=platform.node(), lease=self._lease_length
                )
            except DatabaseUnavailable as error:
                _log.warning("worker.waiting_for_database", error=str(error))
                await self._clock.sleep(backoff.next())
            else:
                self._lease.mark_renewed(asked_at)
                _log.info("worker.registered", worker=self.worker_id)
                return

    async def _run_lease_renewal(self) -> None:
        third, retry = (
            self._lease_length.total_seconds() / 3,
            self._lease_length.total_seconds() / 15,
        )
        wait = third
        while True:
            await self._clock.sleep(wait)
            asked_at = self._clock.monotonic()
            wait = third
            try:
                async with asyncio.timeout(max(0.05, self._lease.remaining_s)):
                    held = await self._workers.renew(self.worker_id, lease=self._lease_length)
            except (DatabaseUnavailable, TimeoutError) as error:
                _log.warning(
                    "lease.not_renewed", left_s=round(self._lease.remaining_s, 1), error=str(error)
                )
                wait = min(retry, self._lease.remaining_s)
                held = self._lease.remaining_s > 0
            except Exception:  # a fault of ours costs the lease at the worst, not the process
                _log.exception("lease.fault")
                wait = min(retry, self._lease.remaining_s)
                held = self._lease.remaining_s > 0
            else:
                if held:
                    self._lease.mark_renewed(asked_at)
            if not held:
                await self._restart_as_new_worker()

    async def _restart_as_new_worker(self) -> None:
        """The lease is lost: touch nothing any more, and come back as another worker."""
        _log.error("lease.lost", worker=self.worker_id, running=self.running_count)
        self._lease.mark_lost()
        await self._stop_job_tasks(5.0)
        # a submit that has just been answered may still save its name, unless it was adopted
        await self._critical_sections.drain(5.0)
        self._lease = self._create_lease()
        await self._register_worker()
        self._reconciliation_requested.set()
        self.wake()

    # -- starting jobs

    async def _run_dispatcher(self) -> None:
        backoff = Backoff(initial=0.5, maximum=5.0)
        while not self._stopping:
            self._dispatch_requested.clear()
            wait = _IDLE_INTERVAL_S
            if self.is_alive:
                try:
                    claimed = await self._jobs.claim_jobs(
                        self.worker_id, policy=self._policy, limit=_CLAIM_BATCH_SIZE
                    )
                    for job in claimed:
                        self._start_job_task(job, just_claimed=True)
                    if len(claimed) == _CLAIM_BATCH_SIZE:
                        continue
                    if not claimed:
                        wait = await self._seconds_until_retry()
                    backoff.reset()
                except DatabaseUnavailable as error:
                    _log.warning("claim.store_away", error=str(error))
                    wait = backoff.next()
                except Exception:  # one bad row must not stop everybody's work for good
                    _log.exception("claim.fault")
                    wait = backoff.next()
            await self._wait_for_event(self._dispatch_requested, wait)

    async def _seconds_until_retry(self) -> float:
        now = self._clock.now()
        at = await self._jobs.find_next_retry(after=now)
        return (
            _IDLE_INTERVAL_S
            if at is None
            else max(0.01, min(_IDLE_INTERVAL_S, (at - now).total_seconds()))
        )

    def _start_job_task(self, job: Job, *, just_claimed: bool) -> None:
        if self._stopping or job.id in self._job_tasks:
            return
        if just_claimed and self._has_begun_epoch(job):
            return  # the claim's answer came late: the tending has found and begun the job
        run = self._job_task_factory.build_job_task(job, self._lease, just_claimed=just_claimed)
        self._started_epochs[job.id] = job.epoch
        while len(self._started_epochs) > _MAX_REMEMBERED_EPOCHS:
            del self._started_epochs[next(iter(self._started_epochs))]
        task = asyncio.create_task(self._run_guarded(run), name=f"job {job.id}")
        self._job_tasks[job.id] = (run, task)
        task.add_done_callback(lambda _: self._remove_job_task(job.id))

    async def _run_guarded(self, job_task: JobTask) -> None:
        try:
            await job_task.run()
        except LeaseLost as error:
            _log.warning("job.left", job_id=job_task.job.id, reason=str(error))
        except Exception:
            # found again by the tending, which resumes it from what is recorded
            _log.exception("job.fault", job_id=job_task.job.id)
            backoff, _ = self._fault_backoffs.get(
                job_task.job.id, (Backoff(initial=1.0, maximum=600.0), 0.0)
            )
            self._fault_backoffs[job_task.job.id] = (
                backoff,
                self._clock.monotonic() + backoff.next(),
            )
        else:
            self._fault_backoffs.pop(job_task.job.id, None)

    def _remove_job_task(self, job_id: int) -> None:
        self._job_tasks.pop(job_id, None)
        self._dispatch_requested.set()

    def _has_begun_epoch(self, job: Job) -> bool:
        """Whether this process has begun a run of the job under this epoch or a later one."""
        return self._started_epochs.get(job.id, -1) >= job.epoch

    def _is_just_claimed(self, job: Job) -> bool:
        """Whether nothing can have been submitted for a job that stands in ``submitting``: it was
        claimed by this worker, not adopted, and no run of it was begun."""
        claimed_here = job.owner == self.worker_id and job.claimed_epoch == job.epoch
        return job.state is JobState.SUBMITTING and claimed_here and not self._has_begun_epoch(job)

    async def _requeue_unstarted(self) -> None:
        """Return to the queue what was claimed and never begun: another process makes it."""
        for job_id in await self._jobs.list_owned(self.worker_id):
            job = await self._jobs.get(job_id)
            if job is not None and self._is_just_claimed(job):
                await self._jobs.requeue(job, retry_at=None, waiting_for=None)

    async def _stop_job_tasks(self, timeout_s: float) -> None:
        tasks = [task for _, task in self._job_tasks.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)

    # -- adoption, cancel requests, and jobs of ours without a task

    async def _run_reconciliation(self) -> None:
        while True:
            self._reconciliation_requested.clear()
            if self.is_alive:
                try:
                    await self._adopt_jobs()
                    await self._forward_cancel_requests()
                    await self._resume_orphaned_jobs()
                except DatabaseUnavailable as error:
                    _log.warning("tending.store_away", error=str(error))
                except Exception:  # the next round tries again
                    _log.exception("tending.fault")
            await self._wait_for_event(
                self._reconciliation_requested, self._lease_length.total_seconds() / 3
            )

    async def _adopt_jobs(self) -> None:
        while self.is_alive:
            owner = self.worker_id
            adopted = await self._jobs.adopt_orphans(owner, limit=_ADOPT_BATCH_SIZE)
            if owner != self.worker_id:
                return
            for job in adopted:
                if job.state is not JobState.QUEUED:
                    self._start_job_task(job, just_claimed=False)
            if adopted:
                _log.info("jobs.adopted", count=len(adopted))
                self.wake()
            if len(adopted) < _ADOPT_BATCH_SIZE:
                return

    async def _forward_cancel_requests(self) -> None:
        for job_id in await self._jobs.list_cancel_requests(self.worker_id):
            if job_id in self._job_tasks:
                self._job_tasks[job_id][0].request_cancel()

    async def _resume_orphaned_jobs(self) -> None:
        """Resume jobs of ours that have no task: a claim whose answer was lost, a fault of ours,
        a queued job that was cancelled and must be announced."""
        owner, running = self.worker_id, set(self._job_tasks)
        for job_id in await self._jobs.list_owned(owner):
            if job_id in running or job_id in self._job_tasks:
                continue
            if (
                job_id in self._fault_backoffs
                and self._clock.monotonic() < self._fault_backoffs[job_id][1]
            ):
                continue
            job = await self._jobs.get(job_id)
            if job is None or job.owner != owner or job.owner != self.worker_id:
                continue
            if job.state is not JobState.QUEUED and job_id not in self._job_tasks:
                self._start_job_task(job, just_claimed=self._is_just_claimed(job))

    async def _wait_for_event(self, event: asyncio.Event, seconds: float) -> None:
        """Wait for ``event``, at most ``seconds``."""
        both = [
            asyncio.create_task(event.wait()),
            asyncio.create_task(self._clock.sleep(seconds)),
        ]
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()

    async def _run_queue_status(self) -> None:
        while True:
            await self._queue_status_requested.wait()
            self._queue_status_requested.clear()
            await self._clock.sleep(_QUEUE_STATUS_DELAY_S)
            waiting = True
            while waiting:
                try:
                    waiting = await self._queue_status_updater.update_shown_places(self.worker_id)
                except DatabaseUnavailable:
                    waiting = True
                except Exception:
                    _log.exception("board.fault")
                    waiting = True
                if waiting:
                    await self._clock.sleep(_QUEUE_STATUS_INTERVAL_S)


async def _cancel_and_wait(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
