"""The originals of clips, and the derived files beside them.

The original is what was paid for. So its hash is checked before it is used again, and only its
owner, a moderator or the operator's rules (`bot.services.clips.retention`) delete it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from bot.domain.clips.clip import Clip, VideoFacts
from bot.domain.clips.media_store import MediaStore, split_key
from bot.domain.errors import MediaUnavailable, RecordNotFound, VideoError
from bot.domain.jobs.request import GoogleRoute
from bot.domain.ports import Clock, MediaProbe, OperationFinished, RemoteVideo, VideoModels

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Originals:
    routes: Mapping[GoogleRoute, VideoModels]
    media_probe: MediaProbe
    media_store: MediaStore
    clock: Clock

    async def load_facts(self, clip: Clip) -> VideoFacts:
        """Return the facts of the original, after checking its hash.

        A missing or damaged file is downloaded again. Raises `RecordNotFound` (``clip_file``) or
        `MediaUnavailable`.
        """
        facts = await self._read_verified(clip)
        if facts is None:
            await self._download_again(clip)
            facts = await self._read_verified(clip)
        if facts is None:
            raise RecordNotFound("clip_file")
        return facts

    async def remove_files(self, clip: Clip) -> None:
        try:
            await self.media_store.delete_files([clip.path])
        except MediaUnavailable as error:  # retention deletes files without a record
            _log.warning("original.delete_postponed", clip_id=clip.id, error=str(error))

    async def _read_verified(self, clip: Clip) -> VideoFacts | None:
        try:
            async with self.media_store.read(clip.path) as path:
                facts = await self.media_probe.read_facts(path)
        except MediaUnavailable:
            raise
        except FileNotFoundError:
            return None
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
        folder, name = split_key(clip.path)
        try:
            video = await self._find_remote_video(clip, models)
            if video is None:
                raise RecordNotFound("clip_file")
            async with self.media_store.write_in(folder) as local_folder:
                await models.download_video(video, local_folder / name)
        except MediaUnavailable:
            raise
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
