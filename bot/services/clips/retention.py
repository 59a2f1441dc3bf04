"""Deletes files that need not be kept: old originals, unused input images, leftovers of crashes.

It lists the files on disk and asks the database about them. It may be interrupted at any point, and
several processes may do it in one folder, because deleting a file twice is harmless.
"""

import asyncio
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import structlog

from bot.domain.clips.file_retention import (
    LEFTOVER_LIFETIME,
    REENCODE_LIFETIME,
    RetentionClass,
    StoredOriginal,
    select_removable,
)
from bot.domain.errors import DatabaseUnavailable
from bot.domain.ports import Clock
from bot.services.clips.input_images import INPUTS_FOLDER
from bot.store.operations.file_references import FileReferenceStore

CLIPS_FOLDER: Final = "clips"
_INTERVAL_S: Final = 3600.0
_FIRST_DELAY_S: Final = 60.0
_ORIGINAL_NAME: Final = re.compile(r"(?P<job>\d+)-\d+")
_REENCODE_NAME: Final = re.compile(r"\d+-\d+\.\d+\.mp4")

_log: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class _FolderScan:
    originals: dict[Path, StoredOriginal] = field(default_factory=dict)
    leftovers: list[Path] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CleanupSummary:
    clips: int
    bytes: int
    inputs: int
    leftovers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRetention:
    """Keeps originals for ``keep_for`` and within ``keep_bytes``; `None` means no limit."""

    file_references: FileReferenceStore
    data_dir: Path
    clock: Clock
    keep_for: timedelta | None
    keep_bytes: int | None

    async def run(self) -> None:
        delay_s = _FIRST_DELAY_S
        while True:
            await self.clock.sleep(delay_s)
            delay_s = _INTERVAL_S
            try:
                await self.run_once()
            except (DatabaseUnavailable, OSError) as error:
                _log.warning("retention.postponed", error=str(error))

    async def run_once(self) -> CleanupSummary:
        """Delete what need not be kept. Raises `DatabaseUnavailable` or `OSError`."""
        now = self.clock.now()
        scan = await asyncio.to_thread(_scan_clips, self.data_dir / CLIPS_FOLDER, now)
        classes = await self.file_references.classify_jobs(
            {original.job_id for original in scan.originals.values()}
        )
        groups = {
            replace(
                original, retention_class=classes.get(original.job_id, RetentionClass.ORPHAN)
            ): group
            for group, original in scan.originals.items()
        }
        removable = select_removable(
            groups, now=now, keep_for=self.keep_for, keep_bytes=self.keep_bytes
        )
        for original in removable:
            await asyncio.to_thread(_remove_group, groups[original])
        inputs = await self._find_unneeded_inputs(now)
        await asyncio.to_thread(_remove_paths, [*scan.leftovers, *inputs])
        summary = CleanupSummary(
            clips=len(removable),
            bytes=sum(original.size for original in removable),
            inputs=len(inputs),
            leftovers=len(scan.leftovers),
        )
        if any(asdict(summary).values()):
            _log.info("retention.files_removed", **asdict(summary))
        return summary

    async def _find_unneeded_inputs(self, now: datetime) -> list[Path]:
        """Return the input images that neither a running job nor a kept clip uses."""
        since = None if self.keep_for is None else now - self.keep_for
        candidates = await asyncio.to_thread(_find_old_inputs, self.data_dir / INPUTS_FOLDER, now)
        if not candidates:
            return []
        needed = await self.file_references.list_inputs_in_use(since=since)
        return [path for path in candidates if f"{INPUTS_FOLDER}/{path.name}" not in needed]


def _scan_clips(clips: Path, now: datetime) -> _FolderScan:
    scan = _FolderScan()
    for path, size, since in _stat_files(clips.glob("*/*")):
        match = _ORIGINAL_NAME.match(path.name)
        if match is None:
            if path.name.startswith(".") and now - since > LEFTOVER_LIFETIME:
                scan.leftovers.append(path)
            continue
        if _REENCODE_NAME.fullmatch(path.name) and now - since > REENCODE_LIFETIME:
            scan.leftovers.append(path)
            continue
        group = path.with_name(match[0])
        original = scan.originals.get(group)
        if original is None:
            original = StoredOriginal(int(match["job"]), f"{path.parent.name}/{match[0]}", 0, since)
        kept_since = since if path.name == f"{match[0]}.mp4" else min(original.since, since)
        scan.originals[group] = replace(original, size=original.size + size, since=kept_since)
    return scan


def _find_old_inputs(folder: Path, now: datetime) -> list[Path]:
    files = _stat_files(folder.glob("*"))
    return [path for path, _, since in files if now - since > LEFTOVER_LIFETIME]


def _stat_files(paths: Iterable[Path]) -> Iterator[tuple[Path, int, datetime]]:
    """Yield each file with its size and modification time; skip files deleted meanwhile."""
    for path in paths:
        with suppress(FileNotFoundError):
            status = path.stat()
            yield path, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC)


def _remove_group(group: Path) -> None:
    _remove_paths(group.parent.glob(f"{group.name}.*"))


def _remove_paths(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
