"""A transcoder that writes files of the right size immediately, and fails by script."""

import asyncio
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from bot.domain.clips.upload_options import TranscodeTarget
from bot.domain.ports import Transcoder


class FakeTranscoder(Transcoder):
    """Remembers ``written_files`` in their order; ``start_gate`` holds what has ``started``."""

    def __init__(self) -> None:
        self.written_files: list[tuple[str, TranscodeTarget | None]] = []
        self.script: deque[Exception | None] = deque()
        self.start_gate: asyncio.Event | None = None
        self.started = asyncio.Event()

    async def reencode_video(self, source: Path, destination: Path, target: TranscodeTarget) -> int:
        """Write a video of nine tenths of the allowed size."""
        return await self._write_file(destination, target, b"f" * (target.max_bytes * 9 // 10))

    async def extract_thumbnail(self, source: Path, destination: Path, *, at_s: float = 1.0) -> int:
        """Write a thumbnail."""
        return await self._write_file(destination, None, b"poster")

    async def extract_frames(
        self, source: Path, *, at_s: Sequence[float], max_side: int
    ) -> Sequence[bytes]:
        """Return a frame for each time, or fail by the script."""
        step = self.script.popleft() if self.script else None
        if step is not None:
            raise step
        return [f"{source.name} at {time:.1f}".encode() for time in at_s]

    async def shrink_picture(self, source: Path, destination: Path, *, max_side: int) -> int:
        """Write a smaller thumbnail."""
        return await self._write_file(destination, None, b"small")

    async def blur_picture(self, source: Path, destination: Path) -> int:
        """Write a blurred thumbnail."""
        return await self._write_file(destination, None, b"blurred")

    async def measure_colors(self, picture: Path) -> str:
        """Return gray."""
        return "888" * 9

    async def _write_file(
        self, destination: Path, target: TranscodeTarget | None, data: bytes
    ) -> int:
        self.started.set()
        if self.start_gate is not None:
            await self.start_gate.wait()
        step = self.script.popleft() if self.script else None
        if step is not None:
            raise step
        destination.write_bytes(data)
        self.written_files.append((destination.name, target))
        return len(data)
