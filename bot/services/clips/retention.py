"""Deletes files that need not be kept: old originals, unused input images, leftovers of crashes.

It lists the files of the media store and asks the database about them. It may be interrupted at any
point, and several processes may do it at once, because deleting a file twice is harmless.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from bot.domain.clips.file_retention import (
    LEFTOVER_LIFETIME,
    REENCODE_LIFETIME,
    RetentionClass,
    StoredOriginal,
    select_removable,
)
from bot.domain.clips.media_store import MediaFile, MediaStore, split_key
from bot.domain.errors import DatabaseUnavailable
from bot.domain.ports import Clock
from bot.services.clips.input_images import INPUTS_FOLDER
from bot.services.repeated_work import repeat_work
from bot.store.operations.file_references import FileReferenceStore

CLIPS_FOLDER: Final = "clips"
_INTERVAL_S: Final = 3600.0
_FIRST_DELAY_S: Final = 60.0
_ORIGINAL_NAME: Final = re.compile(r"(?P<job>\d+)-\d+")
_REENCODE_NAME: Final = re.compile(r"\d+-\d+\.\d+\.mp4")

_log: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Group:
    """An original with the files derived from it, and their keys."""

    original: StoredOriginal
    keys: list[str]


@dataclass(slots=True)
class _ClipScan:
    """``groups`` are by the key of the original without its suffix."""

    groups: dict[str, _Group] = field(default_factory=dict)
    leftovers: list[str] = field(default_factory=list)


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
    media_store: MediaStore
    clock: Clock
    keep_for: timedelta | None
    keep_bytes: int | None

    async def run(self) -> None:
        await self.clock.sleep(_FIRST_DELAY_S)
        await repeat_work(
            self.run_once,
            pause=lambda _: self.clock.sleep(_INTERVAL_S),
            log_postponed=partial(_log.warning, "retention.postponed"),
            postponed_by=(DatabaseUnavailable, OSError),
        )

    async def run_once(self) -> CleanupSummary:
        """Delete what need not be kept. Raises `DatabaseUnavailable` or `OSError`."""
        now = self.clock.now()
        scan = _scan_clips(await self.media_store.list_files(CLIPS_FOLDER), now)
        classes = await self.file_references.classify_jobs(
            {group.original.job_id for group in scan.groups.values()}
        )
        groups = {
            replace(
                group.original,
                retention_class=classes.get(group.original.job_id, RetentionClass.ORPHAN),
            ): group.keys
            for group in scan.groups.values()
        }
        removable = select_removable(
            groups, now=now, keep_for=self.keep_for, keep_bytes=self.keep_bytes
        )
        for original in removable:
            await self.media_store.remove(groups[original])
        inputs = await self._find_unneeded_inputs(now)
        await self.media_store.remove([*scan.leftovers, *inputs])
        aborted = await self.media_store.abort_uploads(before=now - LEFTOVER_LIFETIME)
        summary = CleanupSummary(
            clips=len(removable),
            bytes=sum(original.size for original in removable),
            inputs=len(inputs),
            leftovers=len(scan.leftovers) + aborted,
        )
        if any(asdict(summary).values()):
            _log.info("retention.files_removed", **asdict(summary))
        return summary

    async def _find_unneeded_inputs(self, now: datetime) -> list[str]:
        """Return the input images that neither a running job nor a kept clip uses."""
        since = None if self.keep_for is None else now - self.keep_for
        files = await self.media_store.list_files(INPUTS_FOLDER)
        candidates = [file.key for file in files if now - file.modified_at > LEFTOVER_LIFETIME]
        if not candidates:
            return []
        needed = await self.file_references.list_inputs_in_use(since=since)
        return [key for key in candidates if key not in needed]


def _scan_clips(files: Iterable[MediaFile], now: datetime) -> _ClipScan:
    scan = _ClipScan()
    for file in files:
        folder, name = split_key(file.key)
        age = now - file.modified_at
        match = _ORIGINAL_NAME.match(name)
        if match is None:
            if name.startswith(".") and age > LEFTOVER_LIFETIME:
                scan.leftovers.append(file.key)
            continue
        if _REENCODE_NAME.fullmatch(name) and age > REENCODE_LIFETIME:
            scan.leftovers.append(file.key)
            continue
        stem, since = f"{folder}/{match[0]}", file.modified_at
        group = scan.groups.get(stem)
        if group is None:
            group = _Group(StoredOriginal(int(match["job"]), stem, 0, since), [])
            scan.groups[stem] = group
        original = group.original
        kept_since = since if name == f"{match[0]}.mp4" else min(original.since, since)
        size = original.size + file.size_bytes
        group.original = replace(original, size=size, since=kept_since)
        group.keys.append(file.key)
    return scan
