"""Deals with received webhook events: wakes the polls of jobs, and finds lost submits.

The web server, which may be another process, stores the events. Every process looks for those of
its own jobs. An event only makes a poll come early, so a wrong one costs nothing.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from bot.domain.errors import AccessRefused, GoogleUnavailable, RemoteNotFound
from bot.domain.jobs.job import Job, JobState
from bot.domain.jobs.request import GoogleRoute
from bot.domain.jobs.webhook import SubmitLabels, WebhookEvent, hash_request
from bot.domain.ports import Clock, VideoModels, WebhookApi
from bot.services.event_waits import wait_for_event
from bot.services.jobs.worker import Worker
from bot.services.repeated_work import repeat_work
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.webhook_events import WebhookEventStore

_LOOK_INTERVAL_S: Final = 0.5
"""How long an event that another process has received may wait for its job."""
_IDLE_INTERVAL_S: Final = 3.0
"""The same while this process has no job at Google, and only lost submits can have events."""
_DUE_INTERVAL_S: Final = 1.0
_CLEANUP_INTERVAL_S: Final = 600.0
_BATCH_SIZE: Final = 20

_log: Final = structlog.get_logger(__name__)


@dataclass(kw_only=True, eq=False)
class WebhookInbox:
    """Reads the stored events; ``routes`` are those of the bot."""

    events: WebhookEventStore
    jobs: JobStore
    api: WebhookApi
    routes: Mapping[GoogleRoute, VideoModels]
    worker: Worker
    clock: Clock
    _arrived: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _due_from: float = field(init=False, default=float("-inf"))
    _cleanup_from: float = field(init=False, default=float("-inf"))

    def wake(self) -> None:
        """Look now, because the web server of this process has stored an event."""
        self._arrived.set()

    async def run(self) -> None:
        await repeat_work(
            self.run_once,
            pause=self._pause,
            log_postponed=partial(_log.warning, "webhook_events.postponed"),
            worker=self.worker,
        )

    async def run_once(self) -> None:
        """Deal with the events that have arrived. Raises `DatabaseUnavailable`."""
        open_events = await self.events.list_open()
        if open_events:
            taken = self.worker.poll_now({event.interaction_id for event in open_events})
            await self._mark_handled(
                [event for event in open_events if event.interaction_id in taken]
            )
        now = self.clock.monotonic()
        if open_events and now >= self._due_from:
            self._due_from = now + _DUE_INTERVAL_S
            for event in await self.events.claim_due(limit=_BATCH_SIZE):
                if await self._is_settled(event):
                    await self._mark_handled([event])
        if now >= self._cleanup_from:
            self._cleanup_from = now + _CLEANUP_INTERVAL_S
            await self.events.delete_old()

    async def _pause(self, _is_done: bool) -> None:
        seconds = _LOOK_INTERVAL_S if self.worker.is_polling(GoogleRoute.OMNI) else _IDLE_INTERVAL_S
        await wait_for_event(self._arrived, self.clock, seconds)
        self._arrived.clear()

    async def _mark_handled(self, events: list[WebhookEvent]) -> None:
        if events:
            await self.events.mark_handled(events)

    # -- events that no process has taken

    async def _is_settled(self, event: WebhookEvent) -> bool:
        """Return whether nothing more has to be done about an event that nobody took."""
        interaction_id = event.interaction_id
        if await self.events.is_of_running_job(interaction_id):
            return False  # its process takes the event, or the one that adopts the job
        if not await self.events.may_be_lost_submit(interaction_id):
            return True  # its end was seen already, or another program submitted it
        try:
            labels = await self.api.read_labels(interaction_id)
        except RemoteNotFound:
            return True
        except (GoogleUnavailable, AccessRefused) as error:
            _log.info("webhook_event.postponed", error=str(error))
            return False
        job = None if labels is None else await self._find_submitted(labels, interaction_id)
        return job is None or not await self._is_awaited(job, interaction_id)

    async def _find_submitted(self, labels: SubmitLabels, interaction_id: str) -> Job | None:
        """Return the job whose lost submit has started the interaction.

        After several attempts only a finished clip counts. The interaction of an earlier attempt,
        of which Google made nothing, has the same labels.
        """
        job = await self.jobs.get(labels.job_id)
        if job is None or hash_request(job.origin.dedupe_key) != labels.request_hash:
            return None  # another installation has a job of this number
        if job.plan.route is not GoogleRoute.OMNI or GoogleRoute.OMNI not in self.routes:
            return None
        if job.state not in (JobState.SUBMITTING, JobState.UNKNOWN) or job.unsent:
            return None
        if job.operation not in (None, interaction_id):
            return None
        return job if labels.has_completed or job.attempts == 1 else None

    async def _is_awaited(self, job: Job, interaction_id: str) -> bool:
        """Record the interaction for its job; return whether the job is still to be reopened."""
        if job.operation is None:
            await self.jobs.record_late_operation(job, interaction_id)
            _log.info("submit.found", job_id=job.id, operation=interaction_id)
        current = await self.jobs.get(job.id)
        if current is None or current.operation != interaction_id:
            return False
        if current.state is JobState.SUBMITTING:
            return True  # its process begins to poll, or ends it as unknown
        if current.state is JobState.UNKNOWN:
            reopened = await self.jobs.reopen(current, owner=self.worker.worker_id)
            if reopened is None:  # it has an owner, which still announces its end
                return True
            _log.info("unknown_job.reopened", job_id=job.id)
            self.worker.notify_job_changed(job.id)
        return False
