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


_ShownPlace = tuple[int | None, datetime | None, bool]
"""A place, until when its model waits for Google, and whether the job could still be undone."""


@dataclass(kw_only=True, eq=False)
class QueueStatusUpdater:
    jobs: JobStore
    job_messages: JobMessages
    wait_estimates: WaitEstimates
    model_states: ModelStateStore
    clock: Clock
    _update_requested: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _shown_places: dict[int, _ShownPlace] = field(init=False, default_factory=dict)

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
        """Show the places that changed; return whether a job of ``owner`` still waits.

        A job whose model waits for Google's quota is told so, also if another job met the quota.
        """
        queue = order_fairly(*await self.jobs.load_queue())
        positions, held_until = queue_positions(queue), await self._load_held_models()
        place_of = {job.id: (positions.get(job.id), held_until.get(job.model)) for job in queue}
        owned = [job.id for job in queue if job.owner == owner]
        shown = self._shown_places
        self._shown_places = {job_id: shown[job_id] for job_id in owned if job_id in shown}
        shown, paused = self._shown_places, {job.id for job in queue if job.paused}
        # a job that was to be undone shows its place as soon as that time is over
        moved = [i for i in owned if i not in shown or shown[i] != (*place_of[i], False)]
        for job_id in moved[:_MAX_EDITS_PER_ROUND]:
            job = await self.jobs.get(job_id)
            if job is None or job.state is not JobState.QUEUED:
                continue
            undo_until = job.undo_until
            if undo_until is not None and undo_until <= self.clock.now():
                undo_until = None
            place, held = place_of[job_id]
            shown[job_id] = place, held, undo_until is not None
            eta = None
            if place is not None and held is None:
                eta = await self.wait_estimates.estimate_queued(job.plan, place)
            message_id = await self.job_messages.show_status(
                JobProgress(
                    job,
                    queue_position=place,
                    eta=eta,
                    waiting_for=job.outcome or (Outcome.GOOGLE_QUOTA if held else None),
                    retry_at=max(filter(None, (job.retry_at, held)), default=None),
                    paused=job_id in paused,
                    undo_until=undo_until,
                )
            )
            if message_id is not None and job.status_message_id is None:
                await self.jobs.attach_status(job_id, message_id)
        return bool(owned)

    async def _load_held_models(self) -> dict[str, datetime]:
        """Return until when models wait for Google's quota."""
        now = self.clock.now()
        return {
            model: state.rate_limited_until
            for model, state in (await self.model_states.load_states()).items()
            if state.rate_limited_until is not None and state.rate_limited_until > now
        }
