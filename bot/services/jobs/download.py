"""Bringing a finished video home: streamed to a file, checked, and tried for as long as it is kept.

Google has been paid by now, so giving up early would throw money away.
"""

import asyncio
from pathlib import Path
from typing import Final

import structlog

from bot.domain.clips.clip import NewClip
from bot.domain.errors import AccessRefused, GoogleUnavailable, RemoteNotFound
from bot.domain.jobs.job import GOOGLE_FILE_LIFETIME, Job
from bot.domain.ports import Clock, MediaProbe, RemoteVideo, VideoModels
from bot.services.jobs.critical_sections import Backoff
from bot.services.jobs.lease import Lease

_MAX_UNPLAYABLE_DOWNLOADS: Final = 3

_log = structlog.get_logger(__name__)


def clip_path(job_id: int, index: int) -> str:
    """Return where a clip is kept, below the data directory; a thousand jobs a folder."""
    return f"clips/{job_id // 1000:04d}/{job_id}-{index}.mp4"


class VideoDownloader:
    """Fetches the videos of jobs into the data directory."""

    def __init__(self, *, media_probe: MediaProbe, clock: Clock, data_dir: Path) -> None:
        self._media_probe = media_probe
        self._clock = clock
        self._data_dir = data_dir

    async def download_video(
        self, job: Job, index: int, video: RemoteVideo, video_models: VideoModels, lease: Lease
    ) -> NewClip | None:
        """Fetch one video; ``None`` when it never can be.

        A file that stands there whole from an earlier try is not fetched again.
        """
        relative = clip_path(job.id, index)
        path = self._data_dir / relative
        kept = await self._describe_clip(job, index, video, path, relative)
        if kept is not None:
            return kept
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        expires = video.expires_at or (job.submitted_at or job.created_at) + GOOGLE_FILE_LIFETIME
        backoff, unplayable = Backoff(initial=2.0, maximum=300.0), 0
        while True:
            lease.require_valid()
            told: float | None = None
            try:
                await video_models.download_video(video, path)
                kept = await self._describe_clip(job, index, video, path, relative)
                if kept is not None:
                    return kept
                unplayable += 1
            except RemoteNotFound as error:
                _log.error("fetch.gone", job_id=job.id, error=str(error))
                return None
            except GoogleUnavailable as error:
                told = error.retry_after_s
                _log.warning("fetch.busy", job_id=job.id, error=str(error))
            except (AccessRefused, OSError) as error:
                # the operator can mend a key or a full disk; the file is kept until then
                _log.error("fetch.fault", job_id=job.id, error=str(error))
            if self._clock.now() >= expires or unplayable >= _MAX_UNPLAYABLE_DOWNLOADS:
                return None
            await self._clock.sleep(backoff.next(told))

    async def _describe_clip(
        self, job: Job, index: int, video: RemoteVideo, path: Path, relative_path: str
    ) -> NewClip | None:
        if not await asyncio.to_thread(path.exists):
            return None
        try:
            facts = await self._media_probe.read_facts(path)
        except ValueError as error:
            _log.error("fetch.unplayable", job_id=job.id, error=str(error))
            await asyncio.to_thread(path.unlink, missing_ok=True)
            return None
        return NewClip(
            index=index,
            width=facts.width,
            height=facts.height,
            seconds=round(facts.seconds),
            path=relative_path,
            sha256=facts.sha256,
            size_bytes=facts.size,
            remote_uri=video.uri,
            remote_expires_at=video.expires_at if video.uri else None,
        )
