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

from bot.domain.errors import AccessRefused, GoogleBusy, RemoteGone, StoreAway
from bot.domain.jobs.job import Job
from bot.domain.jobs.request import Route
from bot.domain.ports import Clock, Pending, VideoModels
from bot.store.jobs.jobs import JobStore

_MOST: Final = 50
"""Jobs asked about between two looks at the table."""
_LONGEST_S: Final = 60.0

_log: Final = structlog.get_logger(__name__)


class Desk(Protocol):
    """The worker of this process, as far as found jobs need it."""

    @property
    def worker_id(self) -> str:
        """The name under which it owns jobs."""
        ...

    @property
    def alive(self) -> bool:
        """Whether its lease can be trusted now."""
        ...

    def attend(self, job_id: int) -> None:
        """There is something to do for a job."""
        ...


class LostJobs:
    """Asks about unknown jobs, each every ``every_s`` seconds in whatever process."""

    def __init__(
        self,
        *,
        jobs: JobStore,
        routes: Mapping[Route, VideoModels],
        desk: Desk,
        clock: Clock,
        every_s: float,
        findable: frozenset[Route] = frozenset(),
    ) -> None:
        self._jobs = jobs
        self._routes = routes
        self._desk = desk
        self._clock = clock
        self._every = timedelta(seconds=every_s)
        self._findable = findable

    async def keep_looking(self) -> None:
        """Look now and then, for ever."""
        while True:
            await self._clock.sleep(min(_LONGEST_S, self._every.total_seconds()))
            if not self._desk.alive:
                continue
            try:
                await self.look()
            except StoreAway as error:
                _log.warning("lost.store_away", error=str(error))
            except Exception:  # the next round tries again
                _log.exception("lost.fault")

    async def look(self) -> None:
        """Ask once about every job whose turn it is. Raises `StoreAway`."""
        while True:
            due = await self._jobs.lost(every=self._every, most=_MOST)
            for job in due:
                if await self._answered(job):
                    await self._take_up(job)
            if len(due) < _MOST:
                return

    async def _answered(self, job: Job) -> bool:
        """Whether Google has ended the job in one way or the other."""
        source = self._routes.get(job.plan.route)
        if source is None:
            return False
        try:
            if job.operation is not None:
                return not isinstance(await source.poll(job.operation), Pending)
            if job.plan.route in self._findable:
                found = await source.find(job.plan, job_id=job.id, mark=job.origin.key)
                return found is not None
        except (GoogleBusy, AccessRefused, RemoteGone) as error:
            _log.info("lost.not_answered", job_id=job.id, error=str(error))
        return False

    async def _take_up(self, job: Job) -> None:
        taken = await self._jobs.reopen(job, owner=self._desk.worker_id)
        if taken is not None:
            _log.info("lost.found", job_id=job.id)
            self._desk.attend(job.id)
