"""Downloads finished videos, checks them, and retries as long as Google keeps them.

They are paid for, so giving up early would waste money.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from bot.domain.backoff import Backoff
from bot.domain.clips.clip import NewClip
from bot.domain.clips.media_store import MediaStore, split_key
from bot.domain.errors import (
    AccessRefused,
    GoogleUnavailable,
    RemoteNotFound,
    VideoError,
    VideoNotFetchable,
)
from bot.domain.jobs.job import Job
from bot.domain.ports import MediaProbe, OperationFinished, RemoteVideo, VideoModels
from bot.services.jobs.stages.joining import ShotJoiner, shot_path
from bot.services.jobs.stages.repeated_error import RepeatedError
from bot.services.jobs.stages.result_check import ResultCheck
from bot.services.jobs.stages.running_job import RunningJob

_MAX_UNPLAYABLE_DOWNLOADS: Final = 3
_MAX_CANCELLED_ATTEMPTS: Final = 8
"""The download of a canceled job ends after so many failures, because nobody waits for it."""
_MAX_DELAY_S: Final = 600.0

_log = structlog.get_logger(__name__)


def clip_path(job_id: int, index: int) -> str:
    """Return the key of a clip's original; a thousand jobs share a folder."""
    return f"clips/{job_id // 1000:04d}/{job_id}-{index}.mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipDownloader:
    """The stage ``fetching``."""

    media_probe: MediaProbe
    media_store: MediaStore
    result_check: ResultCheck
    shot_joiner: ShotJoiner

    async def download_clips(self, running: RunningJob, result: OperationFinished) -> None:
        """Download the videos of the result; fail the job if there is none. Raises `LeaseLost`."""
        assert running.video_models is not None
        new_clips: list[NewClip] = []
        for index, video in enumerate(result.videos):
            clip = await self._download_video(running, index, video, running.video_models)
            if clip is not None:
                new_clips.append(await self._finish_clip(running, clip))
        if not new_clips:
            await running.end_download_failed()
            return
        review = await self.result_check.find_first_review(running)
        running.job, _ = await running.retry_until_stored(
            lambda: running.jobs.save_clips(running.job, new_clips, review=review)
        )
        if running.job.plan.preceding is not None:
            await self.shot_joiner.remove_shots(new_clips)

    async def _finish_clip(self, running: RunningJob, downloaded: NewClip) -> NewClip:
        """Return the clip that a downloaded video becomes, joined to what it goes on from."""
        job = running.job
        if job.plan.preceding is None:
            return downloaded
        clip_key = clip_path(job.id, downloaded.index)
        return await self.shot_joiner.join_shot(running, downloaded, clip_key, job.plan.preceding)

    async def _download_video(
        self, running: RunningJob, index: int, video: RemoteVideo, video_models: VideoModels
    ) -> NewClip | None:
        """Download one video unless it was downloaded before; return `None` if that is impossible.

        It is retried until Google deletes the file. No single answer ends it, because gateways may
        answer instead of Google, and Google may deny files that exist. It ends earlier only if the
        video has no address, or if the file at Google is unplayable too.
        """
        job, clock = running.job, running.clock
        expires_at = video.expires_at or job.watched_until
        backoff, repeated, unplayable = Backoff(initial=2.0, maximum=300.0), RepeatedError(), 0
        while True:
            running.lease.require_valid()
            retry_after: float | None = None
            is_gone = False
            try:
                clip = await self._find_downloaded(job, index, video)
                if clip is None:
                    clip, is_verified = await self._download_once(job, index, video, video_models)
                    unplayable += clip is None and is_verified
                if clip is not None:
                    return clip
            except VideoNotFetchable as error:
                _log.error("download.not_fetchable", error=str(error))
                return None
            except RemoteNotFound as error:
                is_gone = True
                repeated.log_warning(_log, "download.denied", error)
            except GoogleUnavailable as error:
                retry_after = error.retry_after_s
                repeated.log_warning(_log, "download.postponed", error)
            except (AccessRefused, OSError) as error:
                # the operator can fix a key or a full disk as long as Google keeps the file
                repeated.log_error(_log, "download.failed", error)
            is_given_up = running.is_cancelled and backoff.attempts >= _MAX_CANCELLED_ATTEMPTS
            if is_given_up or clock.now() >= expires_at or unplayable >= _MAX_UNPLAYABLE_DOWNLOADS:
                _log.error("download.given_up", attempts=backoff.attempts + 1)
                return None
            delay_s = min(backoff.next_delay(retry_after), _MAX_DELAY_S)
            running.show_download_retry(delay_s, backoff.attempts)
            await clock.sleep(delay_s)
            if is_gone:
                video = await _ask_for_video(running, index) or video

    async def _find_downloaded(self, job: Job, index: int, video: RemoteVideo) -> NewClip | None:
        """Return a clip that was downloaded before, perhaps by a process that died."""
        key = _download_path(job, index)
        try:
            async with self.media_store.read(key) as path:
                clip = await self._probe_clip(path, job, index, video)
        except FileNotFoundError:
            return None
        if clip is None:
            await self.media_store.remove([key])
        return clip

    async def _download_once(
        self, job: Job, index: int, video: RemoteVideo, video_models: VideoModels
    ) -> tuple[NewClip | None, bool]:
        """Download and store a video. Return its clip, `None` if it is unplayable.

        Also return whether the file was compared with what Google says about it.
        """
        folder, name = split_key(_download_path(job, index))
        async with self.media_store.write_in(folder) as local_folder:
            path = local_folder / name
            downloaded = await video_models.download_video(video, path)
            clip = await self._probe_clip(path, job, index, video, sha256=downloaded.sha256)
            if clip is None:
                await asyncio.to_thread(path.unlink, missing_ok=True)
        return clip, downloaded.is_verified

    async def _probe_clip(
        self, path: Path, job: Job, index: int, video: RemoteVideo, *, sha256: str | None = None
    ) -> NewClip | None:
        """Return the facts of a file, `None` if it is unplayable."""
        try:
            facts = await self.media_probe.read_facts(path, sha256=sha256)
        except ValueError as error:
            _log.error("download.unplayable", job_id=job.id, error=str(error))
            return None
        return NewClip(
            index=index,
            width=facts.width,
            height=facts.height,
            seconds=round(facts.seconds),
            path=_download_path(job, index),
            sha256=facts.sha256,
            size_bytes=facts.size,
            remote_uri=video.uri,
            remote_expires_at=video.expires_at if video.uri else None,
            interaction_id=video.interaction_id,
            interaction_expires_at=video.interaction_expires_at,
        )


def _download_path(job: Job, index: int) -> str:
    """Return where a video is downloaded to: a shot that has to be joined is no clip yet."""
    key = clip_path(job.id, index)
    return key if job.plan.preceding is None else shot_path(key)


async def _ask_for_video(running: RunningJob, index: int) -> RemoteVideo | None:
    """Ask again where Google keeps the video; return `None` without an answer."""
    try:
        answer = await running.poll_operation()
    except VideoError as error:
        _log.info("download.poll_failed", error=str(error))
        return None
    if not isinstance(answer, OperationFinished) or index >= len(answer.videos):
        return None
    running.result = answer
    return answer.videos[index]
