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
    LEFTOVERS_FOR,
    REENCODES_FOR,
    Kept,
    Standing,
    superfluous,
)
from bot.domain.errors import StoreAway
from bot.domain.ports import Clock
from bot.services.clips.input_images import INPUTS
from bot.store.operations.file_references import KeepingStore

CLIPS: Final = "clips"
_EVERY_S: Final = 3600.0
_FIRST_S: Final = 60.0
_ORIGINAL: Final = re.compile(r"(?P<job>\d+)-\d+")
_REENCODE: Final = re.compile(r"\d+-\d+\.\d+\.mp4")

_log: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Folder:
    """What was found: originals with what lies beside them, and what may simply go."""

    kept: dict[Path, Kept] = field(default_factory=dict)
    stale: list[Path] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Tidied:
    """What one round has removed."""

    clips: int
    bytes: int
    inputs: int
    leftovers: int


class Retention:
    """Keeps originals for ``keep_for`` and within ``keep_bytes``; ``None`` lifts a limit."""

    def __init__(
        self,
        *,
        files: KeepingStore,
        data_dir: Path,
        clock: Clock,
        keep_for: timedelta | None,
        keep_bytes: int | None,
    ) -> None:
        self._files = files
        self._data_dir = data_dir
        self._clock = clock
        self._keep_for = keep_for
        self._keep_bytes = keep_bytes

    async def keep_tidy(self) -> None:
        """Tidy up every hour, until cancelled."""
        wait = _FIRST_S
        while True:
            await self._clock.sleep(wait)
            wait = _EVERY_S
            try:
                await self.tidy()
            except (StoreAway, OSError) as error:
                _log.warning("retention.put_off", error=str(error))

    async def tidy(self) -> Tidied:
        """Remove what is no longer kept. Raises `StoreAway` with nothing of it removed wrongly."""
        now = self._clock.now()
        folder = await asyncio.to_thread(_look, self._data_dir / CLIPS, now)
        standings = await self._files.standings({each.job_id for each in folder.kept.values()})
        paths = {
            replace(kept, standing=standings.get(kept.job_id, Standing.ORPHAN)): path
            for path, kept in folder.kept.items()
        }
        gone = superfluous(paths, now=now, keep_for=self._keep_for, keep_bytes=self._keep_bytes)
        for each in gone:
            await asyncio.to_thread(_remove_group, paths[each])
        inputs = await self._unneeded_inputs(now)
        await asyncio.to_thread(_remove, [*folder.stale, *inputs])
        tidied = Tidied(len(gone), sum(e.size for e in gone), len(inputs), len(folder.stale))
        if any((gone, inputs, folder.stale)):
            _log.info(
                "retention.tidied",
                clips=tidied.clips,
                bytes=tidied.bytes,
                inputs=tidied.inputs,
                leftovers=tidied.leftovers,
            )
        return tidied

    async def _unneeded_inputs(self, now: datetime) -> list[Path]:
        """Return images that neither a running job nor a kept clip was made from."""
        since = None if self._keep_for is None else now - self._keep_for
        found = await asyncio.to_thread(_inputs, self._data_dir / INPUTS, now)
        if not found:
            return []
        needed = await self._files.inputs_in_use(since=since)
        return [path for path in found if f"{INPUTS}/{path.name}" not in needed]


def _look(clips: Path, now: datetime) -> _Folder:
    folder = _Folder()
    for path in clips.glob("*/*"):
        try:
            facts = path.stat()
        except FileNotFoundError:
            continue
        since = datetime.fromtimestamp(facts.st_mtime, UTC)
        match = _ORIGINAL.match(path.name)
        if match is None:
            if path.name.startswith(".") and now - since > LEFTOVERS_FOR:
                folder.stale.append(path)
            continue
        if _REENCODE.fullmatch(path.name) and now - since > REENCODES_FOR:
            folder.stale.append(path)
            continue
        group = path.with_name(match[0])
        known = folder.kept.get(group)
        if known is None:
            known = Kept(int(match["job"]), f"{path.parent.name}/{match[0]}", 0, since)
        first = since if path.name == f"{match[0]}.mp4" else min(known.since, since)
        folder.kept[group] = replace(known, size=known.size + facts.st_size, since=first)
    return folder


def _inputs(folder: Path, now: datetime) -> list[Path]:
    """Return the images that are old enough to be asked about."""
    found = []
    for path in folder.glob("*"):
        try:
            since = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except FileNotFoundError:
            continue
        if now - since > LEFTOVERS_FOR:
            found.append(path)
    return found


def _remove_group(group: Path) -> None:
    _remove(group.parent.glob(f"{group.name}.*"))


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
