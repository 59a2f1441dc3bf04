"""An encoder that writes what it was asked for, at once, and fails by script."""

import asyncio
from collections import deque
from pathlib import Path

from bot.domain.clips.upload_options import Fit


class FakeFitting:
    """`bot.domain.ports.Fitting`; ``made`` are the files in the order of their making.

    ``gate``, when set to an event, holds what was ``begun``.
    """

    def __init__(self) -> None:
        self.made: list[tuple[str, Fit | None]] = []
        self.script: deque[Exception | None] = deque()
        self.gate: asyncio.Event | None = None
        self.begun = asyncio.Event()

    async def encode(self, source: Path, destination: Path, fit: Fit) -> int:
        """Write a film of nine tenths of what is allowed."""
        return await self._make(destination, fit, b"f" * (fit.most * 9 // 10))

    async def poster(self, source: Path, destination: Path, *, at_s: float = 1.0) -> int:
        """Write a still."""
        return await self._make(destination, None, b"poster")

    async def _make(self, destination: Path, fit: Fit | None, data: bytes) -> int:
        self.begun.set()
        if self.gate is not None:
            await self.gate.wait()
        step = self.script.popleft() if self.script else None
        if step is not None:
            raise step
        destination.write_bytes(data)
        self.made.append((destination.name, fit))
        return len(data)
