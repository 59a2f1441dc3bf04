"""Deletes files below the data directory when their member, server or showcase entry goes.

Paths come from our own rows, never from people, and are still held to the data directory.
"""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from bot.domain.clips.clip import Clip


class DataDirectory:
    """`bot.domain.ports.StoredFiles` on disk."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir.resolve()

    async def delete_files(self, paths: Sequence[str]) -> None:
        """Delete the files and everything that was made of them and lies beside them."""
        await asyncio.to_thread(self._delete_files, paths, True)

    async def delete_published(self, clip: Clip) -> None:
        """Delete poster and preview, and leave the original to its maker."""
        await asyncio.to_thread(self._delete_files, [clip.path], False)

    def _delete_files(self, paths: Iterable[str], include_originals: bool) -> None:
        for path in paths:
            original = (self._data_dir / path).resolve()
            if self._data_dir not in original.parents:
                continue
            for file in original.parent.glob(f"{original.stem}.*"):
                if include_originals or file != original:
                    file.unlink(missing_ok=True)
