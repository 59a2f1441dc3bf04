"""The queue as members see it: their place, and an estimate, kept up to date while they wait."""

from typing import Final

from bot.domain.jobs.job import JobState
from bot.domain.jobs.queue import order_fairly, queue_positions
from bot.domain.ports import JobMessages, JobProgress
from bot.services.jobs.estimates import WaitEstimates
from bot.store.jobs.jobs import JobStore

_MAX_EDITS_PER_ROUND: Final = 10
"""Status messages edited in one round: Discord's patience is shared by everybody."""


class QueueStatusUpdater:
    """Shows the places of the queued jobs that one worker keeps."""

    def __init__(
        self, *, jobs: JobStore, job_messages: JobMessages, wait_estimates: WaitEstimates
    ) -> None:
        self._jobs = jobs
        self._job_messages = job_messages
        self._wait_estimates = wait_estimates
        self._shown_places: dict[int, int | None] = {}

    async def update_shown_places(self, owner: str) -> bool:
        """Show the places that changed; return whether anybody of ``owner`` still waits."""
        queue = order_fairly(*await self._jobs.load_queue())
        place_of = queue_positions(queue)
        mine = [job.id for job in queue if job.owner == owner]
        self._shown_places = {
            job_id: self._shown_places[job_id] for job_id in mine if job_id in self._shown_places
        }
        paused = {job.id for job in queue if job.paused}
        moved = [
            i
            for i in mine
            if i not in self._shown_places or self._shown_places[i] != place_of.get(i)
        ]
        for job_id in moved[:_MAX_EDITS_PER_ROUND]:
            job = await self._jobs.get(job_id)
            if job is None or job.state is not JobState.QUEUED:
                continue
            self._shown_places[job_id] = place = place_of.get(job_id)
            eta = (
                None
                if place is None
                else await self._wait_estimates.estimate_queued(job.plan, place)
            )
            message_id = await self._job_messages.show_status(
                JobProgress(
                    job,
                    queue_position=place,
                    eta=eta,
                    waiting_for=job.outcome,
                    retry_at=job.retry_at,
                    paused=job_id in paused,
                )
            )
            if message_id is not None and job.status_message_id is None:
                await self._jobs.attach_status(job_id, message_id)
        return bool(mine)
