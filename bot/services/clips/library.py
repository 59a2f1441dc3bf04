"""Finding jobs and clips again, for those who may see them."""

from typing import Final

from bot.domain.clips.clip import Clip
from bot.domain.clips.lineage import Row, root_of, rows
from bot.domain.errors import NotFound
from bot.domain.jobs.job import Job
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore

MOST_OF_A_TREE: Final = 1000
"""Clips of a tree that are looked at: nobody reads more, and a message shows far fewer."""


class Library:
    """Reads of jobs and clips."""

    def __init__(self, *, jobs: JobStore, clips: ClipStore) -> None:
        self._jobs = jobs
        self._clips = clips

    async def clip(
        self, clip_id: int, *, user_id: int, guild_id: int | None, channel_id: int | None = None
    ) -> Clip:
        """Return a clip of this server, this channel or this person. Raises `NotFound`.

        The channel is for conversations that belong to no server of ours.
        """
        found = await self._clips.get(clip_id)
        if found is None or not _may_see(found, user_id, guild_id, channel_id):
            raise NotFound("clip")
        return found

    async def clip_of_message(self, message_id: int) -> Clip | None:
        """Return the (first) clip that a message shows."""
        return await self._clips.of_message(message_id)

    async def job(self, job_id: int) -> Job:
        """Return a job. Raises `NotFound`."""
        found = await self._jobs.get(job_id)
        if found is None:
            raise NotFound("job")
        return found

    async def clips_of(self, job_id: int) -> list[Clip]:
        """Return a job's clips in order."""
        return await self._clips.of_job(job_id)

    async def running(self, *, user_id: int) -> list[Job]:
        """Return a person's jobs that have not ended, oldest first."""
        return await self._jobs.running(user_id=user_id)

    async def tree(self, clip: Clip, *, user_id: int, guild_id: int | None) -> list[Row]:
        """Return the tree of a clip, as far as the person may see it, the first clip first."""
        found = await self._clips.tree(root_of(clip), limit=MOST_OF_A_TREE)
        seen = [each for each in found if _may_see(each, user_id, guild_id)]
        return rows(seen if clip in seen else [*seen, clip], clip.id)


def _may_see(clip: Clip, user_id: int, guild_id: int | None, channel_id: int | None = None) -> bool:
    if clip.user_id == user_id:
        return True
    if guild_id is not None:
        return clip.guild_id == guild_id
    return clip.guild_id is None and clip.channel_id == channel_id
