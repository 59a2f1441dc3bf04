"""Deletes clips for good: showcase post, record and files, in this order.

A crash is harmless: deleting the record ends all signed links and further posts, and files without
a record are removed by `bot.services.clips.retention`.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed
from bot.domain.jobs.job import Job
from bot.services.clips.originals import Originals
from bot.store.jobs.clips import ClipStore

WithdrawClip = Callable[[Clip, int], Awaitable[None]]
"""Takes a clip out of another part of the program, on behalf of the user with this id."""

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRemoval:
    """Deletes a job's clips; ``withdraw_callbacks`` run for each clip before its record goes."""

    clips: ClipStore
    originals: Originals
    withdraw_callbacks: Sequence[WithdrawClip] = ()

    async def remove_clips(self, job: Job, *, actor_id: int, moderator: bool) -> list[Clip]:
        """Delete the job's clips and return them; none if they are already gone.

        Raises `NotAllowed` unless the actor is the requester or a moderator.
        """
        if job.origin.user_id != actor_id and not moderator:
            raise NotAllowed("delete")
        clips = await self.clips.list_for_job(job.id)
        for clip in clips:
            for withdraw in self.withdraw_callbacks:
                await withdraw(clip, actor_id)
        await self.clips.delete_for_job(job.id)
        for clip in clips:
            await self.originals.remove_files(clip)
        _log.info("clips.removed", job_id=job.id, count=len(clips))
        return clips
