"""Deleting clips for good: showcase entry, record and files.

The order makes a crash harmless: the showcase entry is withdrawn (durably, by its own service), the
record goes, which also ends every signed link and every further post, and then the files; what a
crash leaves of those belongs to no record and is swept away by `bot.services.clips.retention`.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed
from bot.domain.jobs.job import Job
from bot.services.clips.originals import Originals
from bot.store.jobs.clips import ClipStore

WithdrawClip = Callable[[Clip, int], Awaitable[None]]
"""Takes a clip out of somewhere, in the name of a person."""

_log: Final = structlog.get_logger(__name__)


class ClipRemoval:
    """Deletes the clips of a job; ``withdraw`` are called for each clip before its record goes."""

    def __init__(
        self,
        *,
        clips: ClipStore,
        originals: Originals,
        withdraw_callbacks: Sequence[WithdrawClip] = (),
    ) -> None:
        self._clips = clips
        self._originals = originals
        self._withdraw_callbacks = withdraw_callbacks

    async def remove_clips(self, job: Job, *, actor_id: int, moderator: bool) -> list[Clip]:
        """Delete the job's clips and return what they were; none when that was done before.

        Raises `NotAllowed` for anyone but the requester and moderators.
        """
        if job.origin.user_id != actor_id and not moderator:
            raise NotAllowed("delete")
        found = await self._clips.list_for_job(job.id)
        for clip in found:
            for withdraw in self._withdraw_callbacks:
                await withdraw(clip, actor_id)
        await self._clips.delete_for_job(job.id)
        for clip in found:
            await self._originals.remove_files(clip)
        _log.info("clips.removed", job_id=job.id, count=len(found))
        return found
