"""The worker of a process: claims queued jobs, adopts those of dead processes, and runs them.

It works only under a valid lease (`bot.services.jobs.lease`). A graceful stop gives the lease back
after the critical sections have ended.
"""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from datetime import timedelta
from typing import Final

import structlog

from bot.domain.backoff import Backoff
from bot.domain.billing.limits import SpendingPolicy
from bot.domain.errors import DatabaseUnavailable, LeaseLost
from bot.domain.jobs.job import JobState
from bot.domain.jobs.request import GoogleRoute
from bot.domain.ports import Clock
from bot.services.event_waits import wait_for_event
from bot.services.jobs.critical_sections import CriticalSections
from bot.services.jobs.job_task import JobTaskFactory
from bot.services.jobs.lease import Lease, LeaseKeeper
from bot.services.jobs.queue_status import QueueStatusUpdater
from bot.services.jobs.task_pool import JobTaskPool
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.workers import WorkerStore

_CLAIM_BATCH_SIZE: Final = 64
_ADOPT_BATCH_SIZE: Final = 250
_IDLE_INTERVAL_S: Final = 5.0

WORKER_LOOPS: Final = ("dispatcher", "reconciliation", "queue_status")
"""The loops whose unexpected errors are reported and shown at `/readyz`."""

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
        reconcile_interval_s: float | None = None,
        report_failure: Callable[[str], None] = lambda loop: None,
    ) -> None:
        """``report_failure`` gets a loop's name whenever an unexpected error ends its round.

        Jobs without a task are looked for every ``reconcile_interval_s`` (default: a third of the
        lease).
        """
        self._jobs = jobs
        self._queue_status_updater = queue_status_updater
        self._critical_sections = critical_sections
        self._clock = clock
        self._policy = policy
        self._reconcile_interval_s = reconcile_interval_s or lease_s / 3
        self._lease_keeper = LeaseKeeper(
            workers=workers, clock=clock, length=timedelta(seconds=lease_s)
        )
        self._dispatch_requested = asyncio.Event()
        self._reconciliation_requested = asyncio.Event()
        self._task_pool = JobTaskPool(
            job_task_factory=job_task_factory, clock=clock, on_finished=self._dispatch_requested.set
        )
        self._loop_tasks: list[asyncio.Task[None]] = []
        self._lease_tasks: list[asyncio.Task[None]] = []
        self._is_stopping = False
        self._report_failure = report_failure
        self._failing_loops: set[str] = set()

    @property
    def lease(self) -> Lease:
        return self._lease_keeper.lease

    @property
    def worker_id(self) -> str:
        """The id under which this process owns jobs; it changes after a lost lease."""
        return self.lease.worker_id

    @property
    def running_count(self) -> int:
        return len(self._task_pool.running_ids)

    @property
    def is_alive(self) -> bool:
        return self.lease.remaining_s > 0

    def is_loop_healthy(self, name: str) -> bool:
        """Return whether the lease is valid and the last round of this loop had no error."""
        return self.is_alive and name not in self._failing_loops

    async def start(self) -> None:
        """Register a lease, waiting until the database is available, and start the loops."""
        await self._lease_keeper.register()
        renewal = self._lease_keeper.run_renewal(self._restart_as_new_worker)
        self._lease_tasks = [asyncio.create_task(renewal)]
        self._loop_tasks = [
            asyncio.create_task(self._run_dispatcher()),
            asyncio.create_task(self._run_reconciliation()),
            asyncio.create_task(
                self._queue_status_updater.run(
                    lambda: self.worker_id, lambda error: self._record_round("queue_status", error)
                )
            ),
        ]

    async def stop(self, timeout_s: float) -> None:
        """Claim no more jobs, let critical sections end, and give the lease back."""
        self._is_stopping = True
        self._task_pool.close()
        self._critical_sections.close()
        ends_at = self._clock.monotonic() + timeout_s
        # wait for a running claim, so that its jobs can be queued again
        self._dispatch_requested.set()
        if self._loop_tasks:
            await asyncio.wait(self._loop_tasks[:1], timeout=timeout_s * 0.3)
        await _cancel_and_wait(self._loop_tasks)
        await self._task_pool.stop_tasks(timeout_s * 0.8)
        await self._critical_sections.drain(max(0.0, ends_at - 1.0 - self._clock.monotonic()))
        await self._critical_sections.cancel()
        with contextlib.suppress(DatabaseUnavailable, LeaseLost, TimeoutError):
            async with asyncio.timeout(max(0.5, ends_at - self._clock.monotonic())):
                await self._requeue_unstarted()
        await _cancel_and_wait(self._lease_tasks)
        await self._lease_keeper.retire(max(0.5, ends_at - self._clock.monotonic()))

    async def crash(self) -> None:
        """End as if killed by SIGKILL, without saving; for tests of several processes in one."""
        self._is_stopping = True
        await asyncio.gather(
            _cancel_and_wait([*self._loop_tasks, *self._lease_tasks]),
            self._task_pool.crash(),
            self._critical_sections.cancel(),
        )

    def wake(self) -> None:
        self._dispatch_requested.set()
        self._queue_status_updater.request_update()

    def notify_job_changed(self, job_id: int) -> None:
        """Pass on that a job was canceled or reopened: to its task, or to a new one."""
        self._task_pool.request_cancel(job_id)
        self._reconciliation_requested.set()
        self.wake()

    def resume_jobs(self) -> None:
        """Start tasks for jobs that this worker was given, and that have none."""
        self._reconciliation_requested.set()

    def poll_now(self, operations: Collection[str]) -> frozenset[str]:
        """Let jobs of this process ask Google at once; return which operations are theirs."""
        return self._task_pool.request_polls(operations)

    def is_polling(self, route: GoogleRoute) -> bool:
        """Whether this process has a job that Google works on, or may work on."""
        return self._task_pool.has_job_at_google(route)

    async def _restart_as_new_worker(self) -> None:
        """After a lost lease, stop everything that relies on it and register as a new worker."""
        _log.error("lease.lost", worker=self.worker_id, running=self.running_count)
        self.lease.mark_lost()
        await self._task_pool.stop_tasks(5.0)
        # a submit that was just answered may still save its operation unless the job was adopted
        await self._critical_sections.drain(5.0)
        await self._lease_keeper.register_as_new()
        self._reconciliation_requested.set()
        self.wake()

    # -- starting jobs

    async def _run_dispatcher(self) -> None:
        backoff = Backoff(initial=0.5, maximum=5.0)
        while not self._is_stopping:
            self._dispatch_requested.clear()
            delay_s = _IDLE_INTERVAL_S
            if self.is_alive:
                lease = self.lease  # may be replaced before all claimed jobs have started
                try:
                    claimed = await self._jobs.claim_jobs(
                        lease.worker_id, policy=self._policy, limit=_CLAIM_BATCH_SIZE
                    )
                    for job in claimed:
                        self._task_pool.start_task(job, lease, just_claimed=True)
                        await asyncio.sleep(0)  # the jobs of a claim do not start all at once
                    if len(claimed) == _CLAIM_BATCH_SIZE:
                        continue
                    delay_s = await self._compute_idle_delay()
                    backoff.reset()
                    self._record_round("dispatcher")
                except DatabaseUnavailable as error:
                    _log.warning("claim.postponed", error=str(error))
                    delay_s = backoff.next_delay()
                except Exception as error:  # one bad row must not stop the dispatcher
                    self._record_round("dispatcher", error)
                    delay_s = backoff.next_delay()
            await wait_for_event(self._dispatch_requested, self._clock, delay_s)

    async def _compute_idle_delay(self) -> float:
        retry_delay_s = await self._jobs.find_retry_delay()
        if retry_delay_s is None:
            return _IDLE_INTERVAL_S
        return max(0.01, min(_IDLE_INTERVAL_S, retry_delay_s))

    async def _requeue_unstarted(self) -> None:
        """Queue claimed jobs that were not started again, for another process."""
        for job_id in await self._jobs.list_owned(self.worker_id):
            job = await self._jobs.get(job_id)
            if job is not None and self._task_pool.is_unstarted_claim(job, self.worker_id):
                await self._jobs.requeue(job, retry_at=None, waiting_for=None)

    # -- adoption, cancel requests, and own jobs without a task

    async def _run_reconciliation(self) -> None:
        while True:
            self._reconciliation_requested.clear()
            if self.is_alive:
                try:
                    await self._adopt_jobs()
                    for job_id in await self._jobs.list_cancel_requests(self.worker_id):
                        self._task_pool.request_cancel(job_id)
                    await self._resume_jobs_without_task()
                    self._record_round("reconciliation")
                except DatabaseUnavailable as error:
                    _log.warning("reconciliation.postponed", error=str(error))
                except Exception as error:  # the next round tries again
                    self._record_round("reconciliation", error)
            await wait_for_event(
                self._reconciliation_requested, self._clock, self._reconcile_interval_s
            )

    async def _adopt_jobs(self) -> None:
        while self.is_alive:
            owner = self.worker_id
            adopted = await self._jobs.adopt_orphans(owner, limit=_ADOPT_BATCH_SIZE)
            if owner != self.worker_id:
                return
            for job in adopted:
                if job.state is not JobState.QUEUED:
                    self._task_pool.start_task(job, self.lease, just_claimed=False)
            if adopted:
                _log.info("jobs.adopted", count=len(adopted))
                self.wake()
            if len(adopted) < _ADOPT_BATCH_SIZE:
                return

    async def _resume_jobs_without_task(self) -> None:
        """Start own jobs that have no task.

        The claim's answer was lost, the task failed, or a queued job was canceled and must be
        announced.
        """
        owner, pool = self.worker_id, self._task_pool
        running = pool.running_ids
        for job_id in await self._jobs.list_owned(owner):
            if job_id in running or not pool.may_resume(job_id):
                continue
            job = await self._jobs.get(job_id)
            if job is None or job.owner != owner or job.owner != self.worker_id:
                continue
            if job.state is not JobState.QUEUED:
                just_claimed = pool.is_unstarted_claim(job, owner)
                pool.start_task(job, self.lease, just_claimed=just_claimed)

    def _record_round(self, name: str, error: Exception | None = None) -> None:
        if error is None:
            self._failing_loops.discard(name)
            return
        self._failing_loops.add(name)
        self._report_failure(name)
        _log.error("background_task.failed", task=name, exc_info=error)


async def _cancel_and_wait(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
