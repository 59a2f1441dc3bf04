"""Keeps the position and the estimate in the status messages of queued jobs up to date."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bot.domain.errors import DatabaseUnavailable
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.jobs.job_messages import JobMessages
from bot.domain.jobs.progress import JobProgress
from bot.domain.jobs.queue import order_fairly, queue_positions
from bot.domain.ports import Clock
from bot.services.jobs.estimates import WaitEstimates
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.model_states import ModelStateStore

_MAX_EDITS_PER_ROUND: Final = 10  # everything the bot does shares Discord's rate limit
_INTERVAL_S: Final = 5.0
_DELAY_S: Final = 1.0
"""Before the first round after a change, so that jobs that start at once show no position."""


@dataclass(frozen=True, slots=True)
class _ShownStatus:
    """What a status message says, and whether the job could be undone then.

    ``rate_limited_until`` is how long its model waits for Google, ``latest_finish`` the end of the
    estimate.
    """

    position: int | None
    rate_limited_until: datetime | None
    latest_finish: datetime | None
    was_undoable: bool


@dataclass(kw_only=True, eq=False)
class QueueStatusUpdater:
    jobs: JobStore
    job_messages: JobMessages
    wait_estimates: WaitEstimates
    model_states: ModelStateStore
    clock: Clock
    _update_requested: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _shown: dict[int, _ShownStatus] = field(init=False, default_factory=dict)

    def request_update(self) -> None:
        self._update_requested.set()

    async def run(
        self, get_owner: Callable[[], str], record_round: Callable[[Exception | None], None]
    ) -> None:
        """Update after every request, and then as long as a job of the owner waits.

        ``record_round`` gets the unexpected error of a round, or `None`.
        """
        while True:
            await self._update_requested.wait()
            self._update_requested.clear()
            await self.clock.sleep(_DELAY_S)
            has_waiting = True
            while has_waiting:
                try:
                    has_waiting = await self.update_statuses(get_owner())
                    record_round(None)
                except DatabaseUnavailable:
                    pass
                except Exception as error:  # the next round tries again
                    record_round(error)
                if has_waiting:
                    await self.clock.sleep(_INTERVAL_S)

    async def show_accepted(self, job: Job) -> None:
        """Show the status of a job at once, because its undo time may end before the next round.

        Raises `DatabaseUnavailable`.
        """
        progress = JobProgress(job, undo_until=job.undo_until)
        message_id = await self.job_messages.show_status(progress)
        if message_id is not None:
            await self.jobs.attach_status(job.id, message_id)

    async def update_statuses(self, owner: str) -> bool:
        """Show what changed; return whether a job of ``owner`` still waits.

        Positions change with the fair order, and estimates when running jobs take longer than
        expected. All jobs of a model that waits for Google's quota say so.
        """
        queue = order_fairly(*await self.jobs.load_queue())
        positions = queue_positions(queue)
        rate_limits = await self._load_rate_limits()
        moving_models = [job.model for job in queue if not job.paused]
        owned = [job for job in queue if job.owner == owner]
        running = await self.jobs.list_running_operations() if owned else []
        self._shown = {job.id: self._shown[job.id] for job in owned if job.id in self._shown}
        edits = 0
        for queued in owned:
            position = positions.get(queued.id)
            rate_limited_until = rate_limits.get(queued.model)
            if edits >= _MAX_EDITS_PER_ROUND or not self._is_update_due(
                queued.id, position, rate_limited_until
            ):
                continue
            edits += 1
            job = await self.jobs.get(queued.id)
            if job is None or job.state is not JobState.QUEUED or job.is_later_take:
                continue
            takes = await self.jobs.list_takes(job) if job.is_open_take else []
            undo_until = job.undo_until
            if undo_until is not None and undo_until <= self.clock.now():
                undo_until = None
            eta = None
            if position is not None and rate_limited_until is None:
                eta = await self.wait_estimates.estimate_queued(
                    job.plan, ahead_models=moving_models[: position - 1], running=running
                )
            latest_finish = None if eta is None else eta[1]
            self._shown[queued.id] = _ShownStatus(
                position, rate_limited_until, latest_finish, undo_until is not None
            )
            message_id = await self.job_messages.show_status(
                JobProgress(
                    job,
                    queue_position=position,
                    eta=eta,
                    waiting_for=job.outcome
                    or (Outcome.GOOGLE_QUOTA if rate_limited_until else None),
                    retry_at=max(filter(None, (job.retry_at, rate_limited_until)), default=None),
                    paused=queued.paused,
                    undo_until=undo_until,
                    takes=tuple(takes),
                )
            )
            if message_id is not None and job.status_message_id is None:
                await self.jobs.attach_status(queued.id, message_id)
        return bool(owned)

    async def _load_rate_limits(self) -> dict[str, datetime]:
        """Return until when models wait for Google's quota."""
        now = self.clock.now()
        return {
            model: state.rate_limited_until
            for model, state in (await self.model_states.load_states()).items()
            if state.rate_limited_until is not None and state.rate_limited_until > now
        }

    def _is_update_due(
        self, job_id: int, position: int | None, rate_limited_until: datetime | None
    ) -> bool:
        shown = self._shown.get(job_id)
        if shown is None or shown.was_undoable:  # the position is shown after the undo time
            return True
        if (shown.position, shown.rate_limited_until) != (position, rate_limited_until):
            return True
        return shown.latest_finish is not None and shown.latest_finish <= self.clock.now()
