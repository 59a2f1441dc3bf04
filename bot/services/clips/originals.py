"""The originals of clips, and the derived files beside them.

The original is what was paid for. So its hash is checked before it is used again, and only its
owner, a moderator or the operator's rules (`bot.services.clips.retention`) delete it.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from bot.domain.clips.clip import Clip, VideoFacts
from bot.domain.errors import RecordNotFound, VideoError
from bot.domain.jobs.request import GoogleRoute
from bot.domain.ports import Clock, MediaProbe, OperationFinished, RemoteVideo, VideoModels

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Originals:
    routes: Mapping[GoogleRoute, VideoModels]
    media_probe: MediaProbe
    data_dir: Path
    clock: Clock

    def original_path(self, clip: Clip) -> Path:
        return self.data_dir / clip.path

    def derived_path(self, clip: Clip, suffix: str) -> str:
        """Return the path, below the data directory, of a file made from the clip."""
        original = Path(clip.path)
        return str(original.with_name(f"{original.stem}.{suffix}"))

    async def load_facts(self, clip: Clip) -> VideoFacts:
        """Return the facts of the original, after checking its hash.

        A missing or damaged file is downloaded again. Raises `RecordNotFound` (``clip_file``).
        """
        facts = await self._read_verified(clip)
        if facts is None:
            await self._download_again(clip)
            facts = await self._read_verified(clip)
        if facts is None:
            raise RecordNotFound("clip_file")
        return facts

    async def remove_files(self, clip: Clip) -> None:
        await asyncio.to_thread(_remove_with_derived, self.original_path(clip))

    async def _read_verified(self, clip: Clip) -> VideoFacts | None:
        path = self.original_path(clip)
        if not await asyncio.to_thread(path.is_file):
            return None
        try:
            facts = await self.media_probe.read_facts(path)
        except (ValueError, OSError) as error:
            _log.error("original.unreadable", clip_id=clip.id, error=type(error).__name__)
            return None
        if facts.sha256 != clip.sha256:
            _log.error("original.damaged", clip_id=clip.id)
            return None
        return facts

    async def _download_again(self, clip: Clip) -> None:
        """Download the file again. Raises `RecordNotFound` if Google no longer has it."""
        models = self.routes.get(clip.route)
        if models is None:
            raise RecordNotFound("clip_file")
        path = self.original_path(clip)
        try:
            video = await self._find_remote_video(clip, models)
            if video is None:
                raise RecordNotFound("clip_file")
            await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
            await models.download_video(video, path)
        except (VideoError, OSError) as error:
            _log.warning("original.download_failed", clip_id=clip.id, error=str(error))
            raise RecordNotFound("clip_file") from error
        _log.info("original.downloaded_again", clip_id=clip.id)

    async def _find_remote_video(self, clip: Clip, models: VideoModels) -> RemoteVideo | None:
        """Return where Google keeps the clip: at the known URI, or where the Omni interaction says.

        Google keeps an interaction for weeks and can return a new URI for it.
        """
        expires_at = clip.remote_expires_at
        if clip.remote_uri is not None and not self._is_past(expires_at):
            return RemoteVideo(clip.remote_uri, expires_at=expires_at)
        if clip.interaction_id is None or self._is_past(clip.interaction_expires_at):
            return None
        answer = await models.poll(clip.interaction_id)
        if not isinstance(answer, OperationFinished) or clip.index >= len(answer.videos):
            return None
        return answer.videos[clip.index]

    def _is_past(self, time: datetime | None) -> bool:
        return time is not None and time <= self.clock.now()


def _remove_with_derived(original: Path) -> None:
    for path in original.parent.glob(f"{original.stem}.*"):
        path.unlink(missing_ok=True)
    for path in original.parent.glob(f".{original.stem}.*"):
        path.unlink(missing_ok=True)  # left by a killed encode
