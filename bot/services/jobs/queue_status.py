"""The queue as members see it: their place and an estimate, kept up to date while they wait."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from bot.domain.errors import DatabaseUnavailable
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.jobs.queue import order_fairly, queue_positions
from bot.domain.ports import Clock, JobMessages, JobProgress
from bot.services.jobs.estimates import WaitEstimates
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.model_states import ModelStateStore

_MAX_EDITS_PER_ROUND: Final = 10  # Discord's rate limit is shared by everything the bot does
_INTERVAL_S: Final = 5.0
_DELAY_S: Final = 1.0
"""Before the first round after a change, so that jobs that start at once show no place at all."""


@dataclass(frozen=True, slots=True)
class _ShownPlace:
    """What a status says, and whether the job could be undone then.

    ``held_until`` is how long its model waits for Google, ``latest`` when it is finished.
    """

    place: int | None
    held_until: datetime | None
    latest: datetime | None
    was_undoable: bool


@dataclass(kw_only=True, eq=False)
class QueueStatusUpdater:
    jobs: JobStore
    job_messages: JobMessages
    wait_estimates: WaitEstimates
    model_states: ModelStateStore
    clock: Clock
    _update_requested: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _shown: dict[int, _ShownPlace] = field(init=False, default_factory=dict)

    def request_update(self) -> None:
        self._update_requested.set()

    async def run(
        self, get_owner: Callable[[], str], record_round: Callable[[Exception | None], None]
    ) -> None:
        """Update after every request, and then for as long as a job of the owner waits.

        ``record_round`` is told the unexpected error of a round, or ``None``.
        """
        while True:
            await self._update_requested.wait()
            self._update_requested.clear()
            await self.clock.sleep(_DELAY_S)
            has_waiting = True
            while has_waiting:
                try:
                    has_waiting = await self.update_shown_places(get_owner())
                    record_round(None)
                except DatabaseUnavailable:
                    pass
                except Exception as error:  # the next round tries again
                    record_round(error)
                if has_waiting:
                    await self.clock.sleep(_INTERVAL_S)

    async def show_accepted(self, job: Job) -> None:
        """Show a job at once that can be undone: the next round may come too late for that.

        Raises `DatabaseUnavailable`.
        """
        progress = JobProgress(job, undo_until=job.undo_until)
        message_id = await self.job_messages.show_status(progress)
        if message_id is not None:
            await self.jobs.attach_status(job.id, message_id)

    async def update_shown_places(self, owner: str) -> bool:
        """Show what changed; return whether a job of ``owner`` still waits.

        A place changes with the order, which is fair between members; a time changes too when what
        runs takes longer than it was expected to. A job whose model waits for Google's quota is
        told so, also if another job met the quota.
        """
        queue = order_fairly(*await self.jobs.load_queue())
        place_of = queue_positions(queue)
        held_until = await self._load_held_models()
        moving_models = [job.model for job in queue if not job.paused]
        owned = [job for job in queue if job.owner == owner]
        running = await self.jobs.list_running_operations() if owned else []
        self._shown = {job.id: self._shown[job.id] for job in owned if job.id in self._shown}
        edits = 0
        for queued in owned:
            place, held = place_of.get(queued.id), held_until.get(queued.model)
            if edits >= _MAX_EDITS_PER_ROUND or not self._is_update_due(queued.id, place, held):
                continue
            edits += 1
            job = await self.jobs.get(queued.id)
            if job is None or job.state is not JobState.QUEUED:
                continue
            undo_until = job.undo_until
            if undo_until is not None and undo_until <= self.clock.now():
                undo_until = None
            eta = None
            if place is not None and held is None:
                eta = await self.wait_estimates.estimate_queued(
                    job.plan, ahead_models=moving_models[: place - 1], running=running
                )
            latest = None if eta is None else eta[1]
            self._shown[queued.id] = _ShownPlace(place, held, latest, undo_until is not None)
            message_id = await self.job_messages.show_status(
                JobProgress(
                    job,
                    queue_position=place,
                    eta=eta,
                    waiting_for=job.outcome or (Outcome.GOOGLE_QUOTA if held else None),
                    retry_at=max(filter(None, (job.retry_at, held)), default=None),
                    paused=queued.paused,
                    undo_until=undo_until,
                )
            )
            if message_id is not None and job.status_message_id is None:
                await self.jobs.attach_status(queued.id, message_id)
        return bool(owned)

    async def _load_held_models(self) -> dict[str, datetime]:
        """Return until when models wait for Google's quota."""
        now = self.clock.now()
        return {
            model: state.rate_limited_until
            for model, state in (await self.model_states.load_states()).items()
            if state.rate_limited_until is not None and state.rate_limited_until > now
        }

    def _is_update_due(self, job_id: int, place: int | None, held: datetime | None) -> bool:
        shown = self._shown.get(job_id)
        if shown is None or (shown.place, shown.held_until) != (place, held):
            return True
        if shown.was_undoable:
            return True  # a job that was to be undone shows its place once that time is over
        return shown.latest is not None and shown.latest <= self.clock.now()
