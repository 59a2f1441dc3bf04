"""Deletes clips with their showcase post, record, files and messages, in this order.

A crash is harmless. Without the record, signed links stop working and nothing more is posted. Files
without a record are deleted by `bot.services.clips.retention`. Remaining messages are deleted when
the button is pressed again.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from bot.domain.access import ActingPerson
from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed
from bot.domain.jobs.job import Job
from bot.domain.jobs.job_messages import JobMessages
from bot.domain.ports import ShowcaseChannel
from bot.services.clips.originals import Originals
from bot.store.jobs.clips import ClipStore

WithdrawClip = Callable[[Clip, int], Awaitable[None]]
"""Withdraws a clip from another part of the program, on behalf of the user with this id."""

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRemoval:
    """Deletes a job's clips.

    Before the record of a clip is deleted, ``withdraw_callbacks`` run; after it,
    ``request_remote_deletion``.
    """

    clips: ClipStore
    originals: Originals
    job_messages: JobMessages
    discord_messages: ShowcaseChannel
    withdraw_callbacks: Sequence[WithdrawClip] = ()
    request_remote_deletion: Callable[[], None] = lambda: None

    def require_may_remove(self, job: Job, person: ActingPerson) -> None:
        """Raise `NotAllowed` unless ``person`` requested the job or moderates its server."""
        if job.origin.user_id != person.user_id and not person.moderates(job.origin):
            raise NotAllowed("delete")

    async def remove_job(self, job: Job, person: ActingPerson) -> list[Clip]:
        """Delete what the job made and every message about it; return the deleted clips.

        Raises `NotAllowed`. Raises `DiscordUnavailable` if messages are left, which another call
        can delete.
        """
        self.require_may_remove(job, person)
        clips = await self.clips.list_for_request(job)
        job_ids = {job.id, *(clip.job_id for clip in clips)}
        for clip in clips:
            for withdraw in self.withdraw_callbacks:
                await withdraw(clip, person.user_id)
        for job_id in job_ids:
            await self.clips.delete_for_job(job_id)
        self.request_remote_deletion()
        for clip in clips:
            await self.originals.remove_files(clip)
        for job_id in job_ids:
            for channel_id, message_id in await self.clips.list_reposts(job_id):
                await self.discord_messages.delete_message(channel_id, message_id)
        await self.job_messages.delete_job_messages(job)
        for job_id in job_ids:
            await self.clips.delete_reposts(job_id)
        _log.info("clips.removed", job_id=job.id, count=len(clips))
        return clips
