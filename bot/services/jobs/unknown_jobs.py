"""Jobs that ended as unknown and may yet be made: Google is asked about them, rarely, for two days.

An operation that outlived its time limit, or whose name came too late, has no task any more. It is
looked for here, by whichever process has its turn, for as long as Google keeps files. What Google
has ended by then is taken up where it was left: a clip is delivered and charged, a refusal is told
and given back to the budgets. An admin who judges such a job ends the looking.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final, Protocol

import structlog

from bot.domain.errors import AccessRefused, GoogleUnavailable, RemoteNotFound, DatabaseUnavailable
from bot.domain.jobs.job import Job
from bot.domain.jobs.request import GoogleRoute
from bot.domain.ports import Clock, OperationPending, VideoModels
from bot.store.jobs.jobs import JobStore

_BATCH_SIZE: Final = 50
"""Jobs asked about between two looks at the table."""
_MAX_INTERVAL_S: Final = 60.0

_log: Final = structlog.get_logger(__name__)


class JobOwner(Protocol):
    """The worker of this process, as far as found jobs need it."""

    @property
    def worker_id(self) -> str:
        """The name under which it owns jobs."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether its lease can be trusted now."""
        ...

    def notify_job_changed(self, job_id: int) -> None:
        """There is something to do for a job."""
        ...


class UnknownJobPoller:
    """Asks about unknown jobs, each every ``every_s`` seconds in whatever process."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        routes: Mapping[GoogleRoute, VideoModels],
        worker: JobOwner,
        clock: Clock,
        interval_s: float,
        searchable_routes: frozenset[GoogleRoute] = frozenset(),
    ) -> None:
        self._jobs = jobs
        self._routes = routes
        self._worker = worker
        self._clock = clock
        self._interval = timedelta(seconds=interval_s)
        self._searchable_routes = searchable_routes

    async def run(self) -> None:
        """Look now and then, for ever."""
        while True:
            await self._clock.sleep(min(_MAX_INTERVAL_S, self._interval.total_seconds()))
            if not self._worker.is_alive:
                continue
            try:
                await self.poll_once()
            except DatabaseUnavailable as error:
                _log.warning("lost.store_away", error=str(error))
            except Exception:  # the next round tries again
                _log.exception("lost.fault")

    async def poll_once(self) -> None:
        """Ask once about every job whose turn it is. Raises `StoreAway`."""
        while True:
            due = await self._jobs.claim_unknown_due(interval=self._interval, limit=_BATCH_SIZE)
            for job in due:
                if await self._has_ended_at_google(job):
                    await self._reopen_job(job)
            if len(due) < _BATCH_SIZE:
                return

    async def _has_ended_at_google(self, job: Job) -> bool:
        """Whether Google has ended the job in one way or the other."""
        source = self._routes.get(job.plan.route)
        if source is None:
            return False
        try:
            if job.operation is not None:
                return not isinstance(await source.poll(job.operation), OperationPending)
            if job.plan.route in self._searchable_routes:
                found = await source.find_result(
                    job.plan, job_id=job.id, dedupe_key=job.origin.dedupe_key
                )
                return found is not None
        except (GoogleUnavailable, AccessRefused, RemoteNotFound) as error:
            _log.info("lost.not_answered", job_id=job.id, error=str(error))
        return False

    async def _reopen_job(self, job: Job) -> None:
        taken = await self._jobs.reopen(job, owner=self._worker.worker_id)
        if taken is not None:
            _log.info("lost.found", job_id=job.id)
            self._worker.notify_job_changed(job.id)
