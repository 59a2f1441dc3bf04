"""Finds the picture that a status message shows while Google works."""

from dataclasses import dataclass
from typing import Final

import structlog

from bot.domain.clips.media_store import MediaFile
from bot.domain.errors import DatabaseUnavailable
from bot.domain.jobs.job import Job
from bot.domain.jobs.status_picture import find_seen_picture, was_posted_in
from bot.domain.ports import Clock
from bot.services.clips.thumbnails import EncoderBusy, Thumbnails
from bot.store.jobs.clips import ClipStore

STATUS_PICTURE_DELAY_S: Final = 3.0
"""A clip that is made sooner needs no picture."""
STATUS_PICTURE_SIDE: Final = 640
"""The longer side in pixels. It is also the size of a poster in the gallery, so it may exist."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPictures:
    """Small pictures of what a job starts from, made in another process and only once."""

    clips: ClipStore
    thumbnails: Thumbnails
    clock: Clock

    async def find_picture(self, job: Job) -> str | None:
        """Return the key of the picture in the media store, after `STATUS_PICTURE_DELAY_S`.

        `None` if there is none that the status may show, or if it cannot be made now.
        """
        if job.plan.parent is None and find_seen_picture(job.plan, job.origin) is None:
            return None
        await self.clock.sleep(STATUS_PICTURE_DELAY_S)
        try:
            file = await self._make_picture(job)
        except (DatabaseUnavailable, EncoderBusy, OSError, ValueError) as error:
            _log.info("status_picture.not_made", job_id=job.id, error=type(error).__name__)
            return None
        return None if file is None else file.key

    async def _make_picture(self, job: Job) -> MediaFile | None:
        source = job.plan.parent
        if source is not None:
            clip = await self.clips.get(source.clip_id)
            if clip is not None and was_posted_in(clip, job.origin):
                return await self.thumbnails.get_webp_poster(clip, STATUS_PICTURE_SIDE)
        picture = find_seen_picture(job.plan, job.origin)
        if picture is None:
            return None
        return await self.thumbnails.get_small_picture(picture.path, STATUS_PICTURE_SIDE)
