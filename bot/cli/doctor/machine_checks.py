"""The machine: free disk, memory, and folders that must be writable."""

import os
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.app.media import describe_unusable, is_in_bucket, open_object_store
from bot.cli.doctor.findings import CheckStatus, Finding
from bot.config.renamed_settings import SettingsError
from bot.config.settings import Settings
from bot.domain.alerts import MINIMUM_FREE_DISK_BYTES
from bot.domain.errors import MediaUnavailable, MediaUnusable

_GIGABYTE: Final = 1_000_000_000
_COMFORTABLE_FREE_BYTES: Final = 5 * _GIGABYTE
_TRANSCODING_BYTES: Final = 200 * 1024**2
"""What the largest re-encode below 4k takes (docs/architecture.md, "Upload limit")."""
_DECODING_BYTES: Final = 512 * 1024**2
"""What one process that decodes a member's image may take (`bot.media.image_worker`)."""
_CGROUP_FILES: Final = (
    (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")),
    (
        Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
        Path("/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ),
)
"""The limit and the use of a container's memory, in both versions of Linux's control groups."""


@dataclass(frozen=True, slots=True)
class MachineReadings:
    """What was measured, in bytes; `None` where this system does not tell."""

    free_disk_bytes: int
    stored_clips_bytes: int
    free_memory_bytes: int | None


def read_machine(data_dir: Path) -> MachineReadings:
    """Measure disk and memory. Blocks for as long as listing the clips takes."""
    return MachineReadings(
        free_disk_bytes=shutil.disk_usage(_find_existing_folder(data_dir)).free,
        stored_clips_bytes=_measure_folder(data_dir / "clips"),
        free_memory_bytes=_read_free_memory(),
    )


def _find_existing_folder(folder: Path) -> Path:
    """Return ``folder``, or the nearest one above it that this user can see."""
    existing = folder.absolute()
    while not _is_visible(existing):
        existing = existing.parent
    return existing


def _is_visible(path: Path) -> bool:
    """Return whether something is there, as far as this user may see.

    `Path.exists` raises `PermissionError` inside a folder that this user may not enter, before
    Python 3.14.
    """
    try:
        path.stat()
    except OSError:
        return False
    return True


def _measure_folder(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):  # which skips what this user may not see
        for name in names:
            with suppress(OSError):  # the bot has just deleted it
                total += Path(parent, name).stat().st_size
    return total


def _read_free_memory() -> int | None:
    """Return what the machine or the container still has, whichever is less."""
    values = []
    with suppress(OSError, ValueError, IndexError):
        text = Path("/proc/meminfo").read_text("ascii")
        values.append(int(text.split("MemAvailable:")[1].split()[0]) * 1024)
    for limit, use in _CGROUP_FILES:
        with suppress(OSError, ValueError):  # "max" is no number: there is no limit
            values.append(int(limit.read_text("ascii")) - int(use.read_text("ascii")))
    return max(0, min(values)) if values else None


def judge_disk(readings: MachineReadings, settings: Settings) -> Finding:
    """Judge the space for clips, re-encodes and the database."""
    free = readings.free_disk_bytes
    message = f"{free / _GIGABYTE:.1f} GB free for DATA_DIR"
    cure = "free some space, move DATA_DIR, or lower KEEP_CLIPS_GB or KEEP_CLIPS_DAYS"
    if free < MINIMUM_FREE_DISK_BYTES:
        return Finding("disk", CheckStatus.FAILED, message, cure)
    limit_gb = None if is_in_bucket(settings) else settings.keep_clips_gb
    if limit_gb is not None and free + readings.stored_clips_bytes < limit_gb * _GIGABYTE:
        message += f", too little for the {limit_gb:g} GB of KEEP_CLIPS_GB"
        return Finding("disk", CheckStatus.WARNING, message, cure)
    if free < _COMFORTABLE_FREE_BYTES:
        return Finding("disk", CheckStatus.WARNING, message, cure)
    return Finding("disk", CheckStatus.OK, message)


def judge_memory(readings: MachineReadings) -> Finding:
    """Judge the memory for decoding images and re-encoding clips."""
    free = readings.free_memory_bytes
    if free is None:
        return Finding("memory", CheckStatus.OK, "this system does not say how much is free")
    message = f"{free / 1024**2:.0f} MiB free"
    cure = "give the machine or the container more memory, or stop other programs"
    if free < _TRANSCODING_BYTES:
        message += ", too little to re-encode a clip"
        return Finding("memory", CheckStatus.FAILED, message, cure)
    if free < _DECODING_BYTES:
        message += ", too little for large images and for clips in 4k"
        return Finding("memory", CheckStatus.WARNING, message, cure)
    return Finding("memory", CheckStatus.OK, message)


def check_data_folder(data_dir: Path) -> Finding:
    """Check that ``DATA_DIR`` can be written to. It is created by the bot, not here."""
    check = "data folder"
    try:
        with tempfile.TemporaryFile(dir=_find_existing_folder(data_dir)):
            pass
    except OSError as error:
        cure = f"make {data_dir} writable for the bot's user, or set another DATA_DIR"
        return Finding(check, CheckStatus.FAILED, f"cannot be written to ({error.strerror})", cure)
    message = str(data_dir) if _is_visible(data_dir) else f"{data_dir}, which the bot will create"
    return Finding(check, CheckStatus.OK, message)


async def check_bucket(settings: Settings) -> Sequence[Finding]:
    """Write a small file to the bucket, read it and delete it."""
    cure = "check MEDIA_URL, the bucket's region and the credentials"
    try:
        async with open_object_store(settings) as object_store:
            await object_store.check()
    except (SettingsError, MediaUnusable) as error:
        message = str(error) if isinstance(error, SettingsError) else describe_unusable(error)
        return [Finding("bucket", CheckStatus.FAILED, message, cure)]
    except MediaUnavailable as error:
        cure = "check the network and AWS_ENDPOINT_URL"
        return [Finding("bucket", CheckStatus.FAILED, f"does not answer ({error})", cure)]
    return [Finding("bucket", CheckStatus.OK, "can be written to, read and deleted from")]
