"""Joins a new shot to the video that it goes on from, before anything is stored as a clip.

The shot is kept under a name of its own until its clip is stored, so a process that takes over
continues from there. If joining fails for good, the shot alone becomes the clip: it is paid.
"""

import asyncio
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog

from bot.domain.backoff import Backoff
from bot.domain.clips.clip import NewClip
from bot.domain.clips.joining import VideoJoiner
from bot.domain.clips.media_store import MediaStore, split_key
from bot.domain.errors import JoinFailed
from bot.domain.jobs.request import PrecedingVideo
from bot.domain.ports import MediaProbe
from bot.services.jobs.stages.running_job import RunningJob

_MAX_ATTEMPTS: Final = 3
_MAX_DELAY_S: Final = 60.0

_log: Final = structlog.get_logger(__name__)


def shot_path(clip_key: str) -> str:
    """Return the key under which a shot is kept until it has become a clip."""
    return f"{clip_key.removesuffix('.mp4')}.shot.mp4"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShotJoiner:
    """A part of the stage ``fetching``."""

    video_joiner: VideoJoiner
    media_probe: MediaProbe
    media_store: MediaStore

    async def join_shot(
        self, running: RunningJob, shot: NewClip, clip_key: str, preceding: PrecedingVideo
    ) -> NewClip:
        """Return the clip at ``clip_key`` that ``shot`` becomes. Raises `LeaseLost`."""
        backoff, failures = Backoff(initial=1.0, maximum=_MAX_DELAY_S), 0
        while True:
            running.lease.require_valid()
            try:
                found = await self._find_finished(shot, clip_key)
                if found is not None:
                    return found
                if failures < _MAX_ATTEMPTS:
                    await self._write_joined(shot.path, clip_key, preceding)
                else:
                    await self._write_alone(shot.path, clip_key)
            except JoinFailed as error:
                failures += 1
                _log.warning("join.failed", job_id=running.job.id, error=str(error))
            except _PrecedingGone:
                failures = _MAX_ATTEMPTS
                _log.warning("join.preceding_gone", job_id=running.job.id)
            except OSError as error:  # a full disk, or a bucket that is away
                _log.warning("join.postponed", job_id=running.job.id, error=str(error))
                await running.clock.sleep(backoff.next_delay())

    async def remove_shots(self, clips: list[NewClip]) -> None:
        """Remove the shots of stored clips; what is left over goes with the clip."""
        try:
            await self.media_store.remove([shot_path(clip.path) for clip in clips])
        except OSError as error:
            _log.warning("join.shot_left", error=str(error))

    async def _find_finished(self, shot: NewClip, clip_key: str) -> NewClip | None:
        """Return the clip if it was written before, perhaps by a process that died."""
        try:
            async with self.media_store.read(clip_key) as path:
                facts = await self.media_probe.read_facts(path)
        except FileNotFoundError:
            return None
        except ValueError:
            await self.media_store.remove([clip_key])
            return None
        return replace(
            shot,
            path=clip_key,
            width=facts.width,
            height=facts.height,
            seconds=round(facts.seconds),
            sha256=facts.sha256,
            size_bytes=facts.size,
            is_joined=facts.sha256 != shot.sha256,
        )

    async def _write_joined(self, shot_key: str, clip_key: str, preceding: PrecedingVideo) -> None:
        folder, name = split_key(clip_key)
        async with self.media_store.read(shot_key) as shot:
            try:
                reading = self.media_store.read(preceding.path)
                async with reading as before, self.media_store.write_in(folder) as local_folder:
                    await self.video_joiner.join_videos([before, shot], local_folder / name)
            except FileNotFoundError as error:
                raise _PrecedingGone from error

    async def _write_alone(self, shot_key: str, clip_key: str) -> None:
        folder, name = split_key(clip_key)
        async with (
            self.media_store.read(shot_key) as shot,
            self.media_store.write_in(folder) as local_folder,
        ):
            await asyncio.to_thread(_copy_file, shot, local_folder / name)


class _PrecedingGone(Exception):
    """The file of the preceding video does not exist any more."""


def _copy_file(source: Path, destination: Path) -> None:
    draft = destination.with_name(f".{destination.name}.part")
    shutil.copyfile(source, draft)
    draft.replace(destination)
