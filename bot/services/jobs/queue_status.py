"""The queue as members see it: their place, and an estimate, kept up to date while they wait."""

from typing import Final

from bot.domain.jobs.job import JobState
from bot.domain.jobs.queue import order, places
from bot.domain.ports import Delivery, Progress
from bot.services.jobs.estimates import Estimates
from bot.store.jobs.jobs import JobStore

_MOST_EDITS: Final = 10
"""Status messages edited in one round: Discord's patience is shared by everybody."""


class Board:
    """Shows the places of the queued jobs that one worker keeps."""

    def __init__(self, *, jobs: JobStore, delivery: Delivery, estimates: Estimates) -> None:
        self._jobs = jobs
        self._delivery = delivery
        self._estimates = estimates
        self._shown: dict[int, int | None] = {}

    async def refresh(self, owner: str) -> bool:
        """Show the places that changed; return whether anybody of ``owner`` still waits."""
        queue = order(*await self._jobs.waiting())
        place_of = places(queue)
        mine = [job.id for job in queue if job.owner == owner]
        self._shown = {job_id: self._shown[job_id] for job_id in mine if job_id in self._shown}
        paused = {job.id for job in queue if job.paused}
        moved = [i for i in mine if i not in self._shown or self._shown[i] != place_of.get(i)]
        for job_id in moved[:_MOST_EDITS]:
            job = await self._jobs.get(job_id)
            if job is None or job.state is not JobState.QUEUED:
                continue
            self._shown[job_id] = place = place_of.get(job_id)
            eta = None if place is None else await self._estimates.queued(job.plan, place)
            message_id = await self._delivery.show(
                Progress(
                    job,
                    place=place,
                    eta=eta,
                    waiting_for=job.outcome,
                    retry_at=job.retry_at,
                    paused=job_id in paused,
                )
            )
            if message_id is not None and job.status_message_id is None:
                await self._jobs.attach_status(job_id, message_id)
        return bool(mine)
