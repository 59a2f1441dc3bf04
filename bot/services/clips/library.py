"""Finds jobs and clips for the people who may see them."""

from dataclasses import dataclass
from typing import Final

from bot.domain.access import ActingPerson
from bot.domain.clips.clip import Clip
from bot.domain.clips.lineage import LineageRow, build_lineage, find_root_id
from bot.domain.errors import RecordNotFound
from bot.domain.jobs.job import Job, JobState
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore

MAX_LINEAGE_CLIPS: Final = 1000  # a message shows far fewer


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipLibrary:
    jobs: JobStore
    clips: ClipStore

    async def get_clip(self, clip_id: int, person: ActingPerson) -> Clip:
        """Return a clip that ``person`` may see. Raises `RecordNotFound`."""
        clip = await self.clips.get(clip_id)
        if clip is None or not person.may_see(clip):
            raise RecordNotFound("clip")
        return clip

    async def get_job(self, job_id: int, person: ActingPerson) -> Job:
        """Return a job that ``person`` may see. Raises `RecordNotFound`."""
        job = await self.jobs.get(job_id)
        if job is None or not person.may_see(job.origin):
            raise RecordNotFound("job")
        return job

    async def list_requested_together(self, job: Job) -> list[Job]:
        """Return the job, or if it is a draft, all drafts of its message."""
        return [
            take
            for take in await self.jobs.list_takes(job)
            if take.posted_message_id == job.posted_message_id
        ]

    async def find_free_key(self, key: str) -> str:
        """Return the key for a request that is made once, but again after it has failed.

        A request that is repeated or that made its clip has the key already.
        """
        while (job := await self.jobs.find_by_key(key)) is not None:
            if job.state not in (JobState.FAILED, JobState.CANCELLED):
                break
            key = f"{key.split('~')[0]}~{job.id}"
        return key

    async def load_lineage(self, clip: Clip, person: ActingPerson) -> list[LineageRow]:
        """Return the part of a clip's lineage that ``person`` may see, parents first."""
        related = await self.clips.list_lineage(find_root_id(clip), limit=MAX_LINEAGE_CLIPS)
        visible = [other for other in related if person.may_see(other)]
        return build_lineage(visible if clip in visible else [*visible, clip], clip.id)
