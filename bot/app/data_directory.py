"""Deletes files of clips when a member, server or showcase post is deleted.

Paths come from our own rows, never from members. Paths outside of the data directory are skipped
all the same.
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
        await asyncio.to_thread(self._delete_files, paths, True)

    async def delete_published(self, clip: Clip) -> None:
        """Delete the poster and the preview. The original is kept for its creator."""
        await asyncio.to_thread(self._delete_files, [clip.path], False)

    def _delete_files(self, paths: Iterable[str], include_originals: bool) -> None:
        for path in paths:
            original = (self._data_dir / path).resolve()
            if self._data_dir not in original.parents:
                continue
            for file in original.parent.glob(f"{original.stem}.*"):
                if include_originals or file != original:
                    file.unlink(missing_ok=True)
