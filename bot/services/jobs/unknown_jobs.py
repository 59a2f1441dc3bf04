"""Keeps asking Google about unknown jobs, at long intervals, as long as Google keeps files.

Unknown jobs have no task, so any process may poll them. If Google has ended the operation, the job
is reopened: a clip is delivered and charged, a refusal is announced and refunded. A job that an
admin has settled is not polled any more.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from bot.domain.errors import AccessRefused, GoogleUnavailable, RemoteNotFound
from bot.domain.jobs.job import Job
from bot.domain.jobs.request import GoogleRoute
from bot.domain.ports import Clock, OperationNotStarted, OperationPending, VideoModels
from bot.services.jobs.worker import Worker
from bot.services.repeated_work import repeat_work
from bot.store.jobs.jobs import JobStore

POLL_FACTOR: Final = 30
"""Number of poll intervals between two requests to Google about an unknown job."""
_BATCH_SIZE: Final = 50
_MAX_INTERVAL_S: Final = 60.0

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownJobPoller:
    """Polls each unknown job every ``interval_s`` seconds, in one process at a time."""

    jobs: JobStore
    routes: Mapping[GoogleRoute, VideoModels]
    worker: Worker
    clock: Clock
    interval_s: float
    searchable_routes: frozenset[GoogleRoute] = frozenset()

    async def run(self) -> None:
        interval_s = min(_MAX_INTERVAL_S, self.interval_s)
        await self.clock.sleep(interval_s)
        await repeat_work(
            self.poll_once,
            pause=lambda _: self.clock.sleep(interval_s),
            log_postponed=partial(_log.warning, "unknown_jobs.poll_postponed"),
            worker=self.worker,
        )

    async def poll_once(self) -> None:
        """Ask once about every job that is due. Raises `DatabaseUnavailable`."""
        interval = timedelta(seconds=self.interval_s)
        while True:
            due = await self.jobs.claim_unknown_due(interval=interval, limit=_BATCH_SIZE)
            for job in due:
                if await self._has_ended_at_google(job):
                    await self._reopen_job(job)
            if len(due) < _BATCH_SIZE:
                return

    async def _has_ended_at_google(self, job: Job) -> bool:
        models = self.routes.get(job.plan.route)
        if models is None:
            return False
        try:
            if job.operation is not None:
                return await self._has_operation_ended(models, job, job.operation)
            if job.plan.route in self.searchable_routes:
                key = job.origin.dedupe_key
                return await models.find_result(job.plan, job_id=job.id, dedupe_key=key) is not None
        except AccessRefused as error:
            facts = {"error": str(error), "reason": error.reason}
            _log.error("unknown_job.access_refused", job_id=job.id, **facts)
        except (GoogleUnavailable, RemoteNotFound) as error:
            _log.info("unknown_job.poll_failed", job_id=job.id, error=str(error))
        return False

    async def _has_operation_ended(self, models: VideoModels, job: Job, operation: str) -> bool:
        answer = await models.poll(operation)
        if isinstance(answer, OperationNotStarted):
            # a job from a restored backup may have been submitted again since
            return job.claimed_epoch is not None
        if not isinstance(answer, OperationPending):
            return True
        if job.cancel_requested:  # the name may have been saved too late to stop it earlier
            await models.cancel_operation(operation)
        return False

    async def _reopen_job(self, job: Job) -> None:
        if await self.jobs.reopen(job, owner=self.worker.worker_id) is not None:
            _log.info("unknown_job.reopened", job_id=job.id)
            self.worker.notify_job_changed(job.id)
