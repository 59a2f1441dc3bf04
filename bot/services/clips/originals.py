"""The kept originals of clips, and everything that was made of them and lies beside them.

The original is the one thing that was paid for: it is checked by its hash before it is given away
again, fetched anew from Google while Google still has it, and removed only by its owner, a
moderator or the operator's rules (`bot.services.clips.retention`).
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import structlog

from bot.domain.clips.clip import Clip, VideoFacts
from bot.domain.errors import RecordNotFound, VideoError
from bot.domain.jobs.request import GoogleRoute
from bot.domain.ports import Clock, MediaProbe, RemoteVideo, VideoModels

_log: Final = structlog.get_logger(__name__)


class Originals:
    """Finds, checks and removes originals below ``data_dir``."""

    def __init__(
        self,
        *,
        routes: Mapping[GoogleRoute, VideoModels],
        media_probe: MediaProbe,
        data_dir: Path,
        clock: Clock,
    ) -> None:
        self._routes = routes
        self._media_probe = media_probe
        self._data_dir = data_dir
        self._clock = clock

    def original_path(self, clip: Clip) -> Path:
        """Return where the original is or was."""
        return self._data_dir / clip.path

    def derived_path(self, clip: Clip, suffix: str) -> str:
        """Return the path, below the data directory, of something made of the clip."""
        original = Path(clip.path)
        return str(original.with_name(f"{original.stem}.{suffix}"))

    async def load_facts(self, clip: Clip) -> VideoFacts:
        """Return what the original is, unharmed as its hash says.

        One that is gone or spoilt is fetched anew from Google. Raises `NotFound` (``clip_file``)
        where Google no longer has it either.
        """
        found = await self._verified(clip)
        if found is None:
            await self._download_again(clip)
            found = await self._verified(clip)
        if found is None:
            raise RecordNotFound("clip_file")
        return found

    async def remove_files(self, clip: Clip) -> None:
        """Remove the original and everything beside it, whether or not it is there."""
        await asyncio.to_thread(_remove_with_derived, self.original_path(clip))

    async def _verified(self, clip: Clip) -> VideoFacts | None:
        path = self.original_path(clip)
        if not await asyncio.to_thread(path.is_file):
            return None
        try:
            facts = await self._media_probe.read_facts(path)
        except (ValueError, OSError) as error:
            _log.error("original.unreadable", clip=clip.id, error=type(error).__name__)
            return None
        if facts.sha256 != clip.sha256:
            _log.error("original.spoilt", clip=clip.id)
            return None
        return facts

    async def _download_again(self, clip: Clip) -> None:
        """Fetch the file again, where Google keeps it. Raises `NotFound`."""
        source = self._routes.get(clip.route)
        expires = clip.remote_expires_at
        late = expires is not None and expires <= self._clock.now()
        if source is None or clip.remote_uri is None or late:
            raise RecordNotFound("clip_file")
        path = self.original_path(clip)
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        try:
            await source.download_video(RemoteVideo(clip.remote_uri, expires_at=expires), path)
        except (VideoError, OSError) as error:
            _log.warning("original.not_fetched", clip=clip.id, error=str(error))
            raise RecordNotFound("clip_file") from error
        _log.info("original.fetched_again", clip=clip.id)


def _remove_with_derived(original: Path) -> None:
    for path in original.parent.glob(f"{original.stem}.*"):
        path.unlink(missing_ok=True)
    for path in original.parent.glob(f".{original.stem}.*"):
        path.unlink(missing_ok=True)  # of an encode that was killed
