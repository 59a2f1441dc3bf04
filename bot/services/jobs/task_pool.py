"""The tasks of this process's jobs: at most one per job, and only one per claim."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

import structlog

from bot.domain.backoff import Backoff
from bot.domain.errors import LeaseLost
from bot.domain.jobs.job import Job, JobState
from bot.domain.jobs.request import GoogleRoute
from bot.domain.ports import Clock
from bot.services.jobs.job_task import JobTask, JobTaskFactory
from bot.services.jobs.lease import Lease

_MAX_REMEMBERED_EPOCHS: Final = 20_000  # far more than the claims whose answers may be late

MAX_UNEXPECTED_FAILURES: Final = 8
"""A job ends after so many failures, in about two minutes, because retries do not fix bugs."""

_log = structlog.get_logger(__name__)


@dataclass(kw_only=True, eq=False)
class JobTaskPool:
    """Starts and stops `JobTask`s; ``on_finished`` is called after each has ended."""

    job_task_factory: JobTaskFactory
    clock: Clock
    on_finished: Callable[[], None]
    _tasks: dict[int, tuple[JobTask, asyncio.Task[None]]] = field(init=False, default_factory=dict)
    _started_epochs: dict[int, int] = field(init=False, default_factory=dict)
    _failure_backoffs: dict[int, tuple[Backoff, float]] = field(init=False, default_factory=dict)
    _is_closed: bool = field(init=False, default=False)

    @property
    def running_ids(self) -> frozenset[int]:
        return frozenset(self._tasks)

    def start_task(self, job: Job, lease: Lease, *, just_claimed: bool) -> None:
        """Start a task for ``job``, unless it has one or the pool was closed."""
        if self._is_closed or job.id in self._tasks:
            return
        if just_claimed and self._has_started_epoch(job):
            return  # the claim's answer came late, and the reconciliation has started the job
        job_task = self.job_task_factory.build_job_task(job, lease, just_claimed=just_claimed)
        self._started_epochs[job.id] = job.epoch
        while len(self._started_epochs) > _MAX_REMEMBERED_EPOCHS:
            del self._started_epochs[next(iter(self._started_epochs))]
        job_id = job.id  # the callback must not keep the job's first state
        task = asyncio.create_task(self._run_task(job_task), name=f"job {job_id}")
        self._tasks[job_id] = (job_task, task)
        task.add_done_callback(lambda _: self._remove_task(job_id))

    def request_cancel(self, job_id: int) -> None:
        if job_id in self._tasks:
            self._tasks[job_id][0].running_job.request_cancel()

    def request_polls(self, operations: Collection[str]) -> frozenset[str]:
        """Wake the jobs of these operations; return those that a job has, polling or further on."""
        found = set()
        for job_task, _ in self._tasks.values():
            operation = job_task.running_job.job.operation
            if operation is not None and operation in operations:
                job_task.running_job.poll_wakeup.announce()
                found.add(operation)
        return frozenset(found)

    def has_job_at_google(self, route: GoogleRoute) -> bool:
        return any(
            job_task.running_job.job.plan.route is route
            and job_task.running_job.job.state in (JobState.SUBMITTING, JobState.POLLING)
            for job_task, _ in self._tasks.values()
        )

    def is_unstarted_claim(self, job: Job, worker_id: str) -> bool:
        """Return whether this worker claimed ``job`` but started no task for it."""
        was_claimed_here = job.owner == worker_id and job.claimed_epoch == job.epoch
        was_started = self._has_started_epoch(job)
        return job.state is JobState.SUBMITTING and was_claimed_here and not was_started

    def may_resume(self, job_id: int) -> bool:
        """Return whether a job has no task and need not wait after a failure."""
        _, retry_at = self._failure_backoffs.get(job_id, (None, float("-inf")))
        return job_id not in self._tasks and self.clock.monotonic() >= retry_at

    def close(self) -> None:
        self._is_closed = True

    async def stop_tasks(self, timeout_s: float) -> None:
        tasks = [task for _, task in self._tasks.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=timeout_s)

    async def crash(self) -> None:
        """End as if killed by SIGKILL; see `Worker.crash`."""
        self.close()
        tasks = list(self._tasks.values())
        for job_task, task in tasks:
            job_task.running_job.is_abandoned = True
            task.cancel()
        await asyncio.gather(*(task for _, task in tasks), return_exceptions=True)

    async def _run_task(self, job_task: JobTask) -> None:
        job_id = job_task.running_job.job.id
        structlog.contextvars.bind_contextvars(job_id=job_id)  # for this task and those it starts
        default = Backoff(initial=1.0, maximum=600.0), 0.0
        backoff, _ = self._failure_backoffs.get(job_id, default)
        try:
            if backoff.attempts < MAX_UNEXPECTED_FAILURES:
                await job_task.run()
            else:
                await job_task.give_up()
        except LeaseLost as error:
            _log.warning("job.abandoned", reason=str(error))
        except Exception:
            # the reconciliation finds the job and resumes it from its row
            _log.exception("job.failed_unexpectedly")
            self._failure_backoffs[job_id] = backoff, self.clock.monotonic() + backoff.next_delay()
        else:
            self._failure_backoffs.pop(job_id, None)

    def _remove_task(self, job_id: int) -> None:
        self._tasks.pop(job_id, None)
        self.on_finished()

    def _has_started_epoch(self, job: Job) -> bool:
        """Return whether a task was started here for this epoch of the job, or a later one."""
        return self._started_epochs.get(job.id, -1) >= job.epoch
