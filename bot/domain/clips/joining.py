"""Going on from a video: what is read from it, and the file that it is joined into."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class VideoShape:
    """Length and size of a video, as people see it."""

    seconds: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class JoinedFile:
    """A file that videos were joined into, and what of them was copied without encoding."""

    seconds: float
    are_pictures_copied: bool
    is_sound_copied: bool


class VideoJoiner(Protocol):
    """Joins videos and reads them, each in a process that can be stopped.

    All methods write their ``destination`` completely or not at all, end their process on
    cancellation, and raise `JoinFailed`.
    """

    async def join_videos(self, sources: Sequence[Path], destination: Path) -> JoinedFile:
        """Write ``sources`` one after another, in the size and rate of the first."""
        ...

    async def extract_last_frame(self, source: Path, destination: Path) -> None:
        """Write the very last frame of any video as PNG."""
        ...

    async def measure_video(self, source: Path) -> VideoShape:
        """Return what a file is that may be no video at all."""
        ...
