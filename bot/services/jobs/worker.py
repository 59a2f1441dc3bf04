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

from bot.domain.billing.limits import Policy
from bot.domain.errors import LeaseLost, StoreAway
from bot.domain.jobs.job import Job, JobState
from bot.domain.ports import Clock
from bot.services.jobs.critical_sections import Backoff, Steady
from bot.services.jobs.job_task import Run, Runner
from bot.services.jobs.lease import Lease
from bot.services.jobs.queue_status import Board
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.workers import WorkerStore

_CLAIM: Final = 64
_ADOPT: Final = 250
_REMEMBERED: Final = 20_000
"""Jobs whose latest run is remembered: far more than can be claimed and not yet answered."""
_SLOW_S: Final = 5.0
_BOARD_S: Final = 5.0
_BOARD_DELAY_S: Final = 1.0

_log = structlog.get_logger(__name__)


class Worker:
    """Runs jobs in this process; several processes share one PostgreSQL."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        workers: WorkerStore,
        runner: Runner,
        board: Board,
        steady: Steady,
        clock: Clock,
        policy: Policy,
        lease_s: float = 30.0,
    ) -> None:
        self._jobs = jobs
        self._workers = workers
        self._runner = runner
        self._board = board
        self._steady = steady
        self._clock = clock
        self._policy = policy
        self._length = timedelta(seconds=lease_s)
        self._lease = self._new_lease()
        self._wake = asyncio.Event()
        self._wake_board = asyncio.Event()
        self._wake_tending = asyncio.Event()
        self._runs: dict[int, tuple[Run, asyncio.Task[None]]] = {}
        self._epochs: dict[int, int] = {}
        self._faults: dict[int, tuple[Backoff, float]] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._lease_loop: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def worker_id(self) -> str:
        """The name under which this process owns jobs; a new one after a lost lease."""
        return self._lease.worker_id

    @property
    def running(self) -> int:
        """How many jobs have a task here."""
        return len(self._runs)

    @property
    def alive(self) -> bool:
        """Whether the lease can be trusted now."""
        return self._lease.left_s > 0

    async def start(self) -> None:
        """Take a lease (waiting for the database if it is away) and begin."""
        await self._register()
        self._lease_loop = asyncio.create_task(self._keep_lease(), name="lease")
        self._loops = [
            asyncio.create_task(self._dispatch(), name="dispatcher"),
            asyncio.create_task(self._tend(), name="tending"),
            asyncio.create_task(self._keep_board(), name="board"),
        ]

    async def stop(self, within_s: float) -> None:
        """Stop taking work, let critical sections end, give the lease back."""
        self._stopping = True
        ends = self._clock.monotonic() + within_s
        # a claim under way is let end, so that what it started can be put back
        self._wake.set()
        if self._loops:
            await asyncio.wait(self._loops[:1], timeout=within_s * 0.3)
        await _cancelled(self._loops)
        await self._stop_runs(within_s * 0.8)
        await self._steady.settle(max(0.0, ends - 1.0 - self._clock.monotonic()))
        await self._steady.abandon()
        with contextlib.suppress(StoreAway, LeaseLost, TimeoutError):
            async with asyncio.timeout(max(0.5, ends - self._clock.monotonic())):
                await self._put_back()
        if self._lease_loop is not None:
            await _cancelled([self._lease_loop])
        self._lease.lose()
        try:
            async with asyncio.timeout(max(0.5, ends - self._clock.monotonic())):
                await self._workers.retire(self.worker_id)
        except (StoreAway, TimeoutError) as error:
            _log.warning("lease.not_given_back", error=str(error))

    def wake(self) -> None:
        """There may be something to start."""
        self._wake.set()
        self._wake_board.set()

    def attend(self, job_id: int) -> None:
        """A job was cancelled: tell its run, or announce it."""
        if job_id in self._runs:
            self._runs[job_id][0].cancel_requested()
        self._wake_tending.set()
        self.wake()

    def wants_cancelled(self, job_id: int) -> bool:
        """Whether the run of a job here knows that somebody wants it cancelled."""
        return job_id in self._runs and self._runs[job_id][0].cancelled

    # -- the lease

    def _new_lease(self) -> Lease:
        return Lease(worker_id=uuid4().hex, length=self._length, clock=self._clock)

    async def _register(self) -> None:
        backoff = Backoff(first=0.5, most=5.0)
        while True:
            asked_at = self._clock.monotonic()
            try:
                await self._workers.register(
                    self.worker_id, host=platform.node(), lease=self._length
                )
            except StoreAway as error:
                _log.warning("worker.waiting_for_database", error=str(error))
                await self._clock.sleep(backoff.next())
            else:
                self._lease.renewed(asked_at)
                _log.info("worker.registered", worker=self.worker_id)
                return

    async def _keep_lease(self) -> None:
        third, retry = self._length.total_seconds() / 3, self._length.total_seconds() / 15
        wait = third
        while True:
            await self._clock.sleep(wait)
            asked_at = self._clock.monotonic()
            wait = third
            try:
                async with asyncio.timeout(max(0.05, self._lease.left_s)):
                    held = await self._workers.renew(self.worker_id, lease=self._length)
            except (StoreAway, TimeoutError) as error:
                _log.warning(
                    "lease.not_renewed", left_s=round(self._lease.left_s, 1), error=str(error)
                )
                wait = min(retry, self._lease.left_s)
                held = self._lease.left_s > 0
            except Exception:  # a fault of ours costs the lease at the worst, not the process
                _log.exception("lease.fault")
                wait = min(retry, self._lease.left_s)
                held = self._lease.left_s > 0
            else:
                if held:
                    self._lease.renewed(asked_at)
            if not held:
                await self._begin_anew()

    async def _begin_anew(self) -> None:
        """The lease is lost: touch nothing any more, and come back as another worker."""
        _log.error("lease.lost", worker=self.worker_id, running=self.running)
        self._lease.lose()
        await self._stop_runs(5.0)
        # a submit that has just been answered may still save its name, unless it was adopted
        await self._steady.settle(5.0)
        self._lease = self._new_lease()
        await self._register()
        self._wake_tending.set()
        self.wake()

    # -- starting jobs

    async def _dispatch(self) -> None:
        backoff = Backoff(first=0.5, most=5.0)
        while not self._stopping:
            self._wake.clear()
            wait = _SLOW_S
            if self.alive:
                try:
                    claimed = await self._jobs.claim(
                        self.worker_id, policy=self._policy, most=_CLAIM
                    )
                    for job in claimed:
                        self._spawn(job, fresh=True)
                    if len(claimed) == _CLAIM:
                        continue
                    if not claimed:
                        wait = await self._until_retry()
                    backoff.reset()
                except StoreAway as error:
                    _log.warning("claim.store_away", error=str(error))
                    wait = backoff.next()
                except Exception:  # one bad row must not stop everybody's work for good
                    _log.exception("claim.fault")
                    wait = backoff.next()
            await self._until(self._wake, wait)

    async def _until_retry(self) -> float:
        now = self._clock.now()
        at = await self._jobs.next_retry(after=now)
        return _SLOW_S if at is None else max(0.01, min(_SLOW_S, (at - now).total_seconds()))

    def _spawn(self, job: Job, *, fresh: bool) -> None:
        if self._stopping or job.id in self._runs:
            return
        if fresh and self._begun_under(job):
            return  # the claim's answer came late: the tending has found and begun the job
        run = self._runner.run_of(job, self._lease, fresh=fresh)
        self._epochs[job.id] = job.epoch
        while len(self._epochs) > _REMEMBERED:
            del self._epochs[next(iter(self._epochs))]
        task = asyncio.create_task(self._guarded(run), name=f"job {job.id}")
        self._runs[job.id] = (run, task)
        task.add_done_callback(lambda _: self._ended(job.id))

    async def _guarded(self, run: Run) -> None:
        try:
            await run.run()
        except LeaseLost as error:
            _log.warning("job.left", job_id=run.job.id, reason=str(error))
        except Exception:
            # found again by the tending, which resumes it from what is recorded
            _log.exception("job.fault", job_id=run.job.id)
            backoff, _ = self._faults.get(run.job.id, (Backoff(first=1.0, most=600.0), 0.0))
            self._faults[run.job.id] = (backoff, self._clock.monotonic() + backoff.next())
        else:
            self._faults.pop(run.job.id, None)

    def _ended(self, job_id: int) -> None:
        self._runs.pop(job_id, None)
        self._wake.set()

    def _begun_under(self, job: Job) -> bool:
        """Whether this process has begun a run of the job under this epoch or a later one."""
        return self._epochs.get(job.id, -1) >= job.epoch

    def _is_fresh(self, job: Job) -> bool:
        """Whether nothing can have been submitted for a job that stands in ``submitting``: it was
        claimed by this worker, not adopted, and no run of it was begun."""
        claimed_here = job.owner == self.worker_id and job.claimed_epoch == job.epoch
        return job.state is JobState.SUBMITTING and claimed_here and not self._begun_under(job)

    async def _put_back(self) -> None:
        """Return to the queue what was claimed and never begun: another process makes it."""
        for job_id in await self._jobs.held(self.worker_id):
            job = await self._jobs.get(job_id)
            if job is not None and self._is_fresh(job):
                await self._jobs.requeue(job, retry_at=None, waiting_for=None)

    async def _stop_runs(self, within_s: float) -> None:
        tasks = [task for _, task in self._runs.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=within_s)

    # -- adoption, cancel requests, and jobs of ours without a task

    async def _tend(self) -> None:
        while True:
            self._wake_tending.clear()
            if self.alive:
                try:
                    await self._adopt()
                    await self._pass_on_cancels()
                    await self._pick_up()
                except StoreAway as error:
                    _log.warning("tending.store_away", error=str(error))
                except Exception:  # the next round tries again
                    _log.exception("tending.fault")
            await self._until(self._wake_tending, self._length.total_seconds() / 3)

    async def _adopt(self) -> None:
        while self.alive:
            owner = self.worker_id
            adopted = await self._jobs.adopt(owner, most=_ADOPT)
            if owner != self.worker_id:
                return
            for job in adopted:
                if job.state is not JobState.QUEUED:
                    self._spawn(job, fresh=False)
            if adopted:
                _log.info("jobs.adopted", count=len(adopted))
                self.wake()
            if len(adopted) < _ADOPT:
                return

    async def _pass_on_cancels(self) -> None:
        for job_id in await self._jobs.cancel_requests(self.worker_id):
            if job_id in self._runs:
                self._runs[job_id][0].cancel_requested()

    async def _pick_up(self) -> None:
        """Resume jobs of ours that have no task: a claim whose answer was lost, a fault of ours,
        a queued job that was cancelled and must be announced."""
        owner, running = self.worker_id, set(self._runs)
        for job_id in await self._jobs.held(owner):
            if job_id in running or job_id in self._runs:
                continue
            if job_id in self._faults and self._clock.monotonic() < self._faults[job_id][1]:
                continue
            job = await self._jobs.get(job_id)
            if job is None or job.owner != owner or job.owner != self.worker_id:
                continue
            if job.state is not JobState.QUEUED and job_id not in self._runs:
                self._spawn(job, fresh=self._is_fresh(job))

    async def _until(self, event: asyncio.Event, seconds: float) -> None:
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

    async def _keep_board(self) -> None:
        while True:
            await self._wake_board.wait()
            self._wake_board.clear()
            await self._clock.sleep(_BOARD_DELAY_S)
            waiting = True
            while waiting:
                try:
                    waiting = await self._board.refresh(self.worker_id)
                except StoreAway:
                    waiting = True
                except Exception:
                    _log.exception("board.fault")
                    waiting = True
                if waiting:
                    await self._clock.sleep(_BOARD_S)


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
