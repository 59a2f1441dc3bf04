"""Finding jobs and clips again, for those who may see them."""

from typing import Final

from bot.domain.clips.clip import Clip
from bot.domain.clips.lineage import LineageRow, build_lineage, find_root_id
from bot.domain.errors import RecordNotFound
from bot.domain.jobs.job import Job
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore

MAX_LINEAGE_CLIPS: Final = 1000
"""Clips of a tree that are looked at: nobody reads more, and a message shows far fewer."""


class ClipLibrary:
    """Reads of jobs and clips."""

    def __init__(self, *, jobs: JobStore, clips: ClipStore) -> None:
        self._jobs = jobs
        self._clips = clips

    async def get_clip(
        self, clip_id: int, *, user_id: int, guild_id: int | None, channel_id: int | None = None
    ) -> Clip:
        """Return a clip of this server, this channel or this person. Raises `NotFound`.

        The channel is for conversations that belong to no server of ours.
        """
        found = await self._clips.get(clip_id)
        if found is None or not _may_see(found, user_id, guild_id, channel_id):
            raise RecordNotFound("clip")
        return found

    async def clip_of_message(self, message_id: int) -> Clip | None:
        """Return the (first) clip that a message shows."""
        return await self._clips.find_by_message(message_id)

    async def get_job(self, job_id: int) -> Job:
        """Return a job. Raises `NotFound`."""
        found = await self._jobs.get(job_id)
        if found is None:
            raise RecordNotFound("job")
        return found

    async def clips_of_job(self, job_id: int) -> list[Clip]:
        """Return a job's clips in order."""
        return await self._clips.list_for_job(job_id)

    async def list_running(self, *, user_id: int) -> list[Job]:
        """Return a person's jobs that have not ended, oldest first."""
        return await self._jobs.list_running(user_id=user_id)

    async def lineage(self, clip: Clip, *, user_id: int, guild_id: int | None) -> list[LineageRow]:
        """Return the tree of a clip, as far as the person may see it, the first clip first."""
        found = await self._clips.list_lineage(find_root_id(clip), limit=MAX_LINEAGE_CLIPS)
        seen = [each for each in found if _may_see(each, user_id, guild_id)]
        return build_lineage(seen if clip in seen else [*seen, clip], clip.id)


def _may_see(clip: Clip, user_id: int, guild_id: int | None, channel_id: int | None = None) -> bool:
    if clip.user_id == user_id:
        return True
    if guild_id is not None:
        return clip.guild_id == guild_id
    return clip.guild_id is None and clip.channel_id == channel_id
