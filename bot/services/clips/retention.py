"""Clears away what is no longer kept: old originals, inputs nobody needs, leftovers of crashes.

What lies on disk is the truth, so this looks there and asks the database about what it finds. It
can be stopped anywhere and run by several processes on one folder: a file that is gone already is
as good as removed.
"""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
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
    """What was found: originals with what lies beside them, and what may simply go."""

    kept_groups: dict[Path, StoredOriginal] = field(default_factory=dict)
    stale_paths: list[Path] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CleanupSummary:
    """What one round has removed."""

    clips: int
    bytes: int
    inputs: int
    leftovers: int


class FileRetention:
    """Keeps originals for ``keep_for`` and within ``keep_bytes``; ``None`` lifts a limit."""

    def __init__(
        self,
        *,
        file_references: FileReferenceStore,
        data_dir: Path,
        clock: Clock,
        keep_for: timedelta | None,
        keep_bytes: int | None,
    ) -> None:
        self._file_references = file_references
        self._data_dir = data_dir
        self._clock = clock
        self._keep_for = keep_for
        self._keep_bytes = keep_bytes

    async def run(self) -> None:
        """Tidy up every hour, until cancelled."""
        wait = _FIRST_DELAY_S
        while True:
            await self._clock.sleep(wait)
            wait = _INTERVAL_S
            try:
                await self.run_once()
            except (DatabaseUnavailable, OSError) as error:
                _log.warning("retention.put_off", error=str(error))

    async def run_once(self) -> CleanupSummary:
        """Remove what is no longer kept. Raises `StoreAway` with nothing of it removed wrongly."""
        now = self._clock.now()
        folder = await asyncio.to_thread(_scan_clips, self._data_dir / CLIPS_FOLDER, now)
        standings = await self._file_references.classify_jobs(
            {each.job_id for each in folder.kept_groups.values()}
        )
        paths = {
            replace(kept, retention_class=standings.get(kept.job_id, RetentionClass.ORPHAN)): path
            for path, kept in folder.kept_groups.items()
        }
        gone = select_removable(
            paths, now=now, keep_for=self._keep_for, keep_bytes=self._keep_bytes
        )
        for each in gone:
            await asyncio.to_thread(_remove_group, paths[each])
        inputs = await self._find_unneeded_inputs(now)
        await asyncio.to_thread(_remove_paths, [*folder.stale_paths, *inputs])
        tidied = CleanupSummary(
            len(gone), sum(e.size for e in gone), len(inputs), len(folder.stale_paths)
        )
        if any((gone, inputs, folder.stale_paths)):
            _log.info(
                "retention.tidied",
                clips=tidied.clips,
                bytes=tidied.bytes,
                inputs=tidied.inputs,
                leftovers=tidied.leftovers,
            )
        return tidied

    async def _find_unneeded_inputs(self, now: datetime) -> list[Path]:
        """Return images that neither a running job nor a kept clip was made from."""
        since = None if self._keep_for is None else now - self._keep_for
        found = await asyncio.to_thread(_find_old_inputs, self._data_dir / INPUTS_FOLDER, now)
        if not found:
            return []
        needed = await self._file_references.list_inputs_in_use(since=since)
        return [path for path in found if f"{INPUTS_FOLDER}/{path.name}" not in needed]


def _scan_clips(clips: Path, now: datetime) -> _FolderScan:
    folder = _FolderScan()
    for path in clips.glob("*/*"):
        try:
            facts = path.stat()
        except FileNotFoundError:
            continue
        since = datetime.fromtimestamp(facts.st_mtime, UTC)
        match = _ORIGINAL_NAME.match(path.name)
        if match is None:
            if path.name.startswith(".") and now - since > LEFTOVER_LIFETIME:
                folder.stale_paths.append(path)
            continue
        if _REENCODE_NAME.fullmatch(path.name) and now - since > REENCODE_LIFETIME:
            folder.stale_paths.append(path)
            continue
        group = path.with_name(match[0])
        known = folder.kept_groups.get(group)
        if known is None:
            known = StoredOriginal(int(match["job"]), f"{path.parent.name}/{match[0]}", 0, since)
        first = since if path.name == f"{match[0]}.mp4" else min(known.since, since)
        folder.kept_groups[group] = replace(known, size=known.size + facts.st_size, since=first)
    return folder


def _find_old_inputs(folder: Path, now: datetime) -> list[Path]:
    """Return the images that are old enough to be asked about."""
    found = []
    for path in folder.glob("*"):
        try:
            since = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except FileNotFoundError:
            continue
        if now - since > LEFTOVER_LIFETIME:
            found.append(path)
    return found


def _remove_group(group: Path) -> None:
    _remove_paths(group.parent.glob(f"{group.name}.*"))


def _remove_paths(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
