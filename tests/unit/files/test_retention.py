"""Retention deletes expired files and keeps the rest."""

import asyncio
import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.app.clock import SystemClock
from bot.domain.clips.file_retention import RetentionClass, StoredOriginal, select_removable
from bot.domain.errors import DatabaseUnavailable
from bot.media.local_store import LocalMediaStore
from bot.services.clips.retention import FileRetention
from bot.store.operations.file_references import FileReferenceStore

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def original(
    job: int, *, days: float = 0, size: int = 10, retention_class: RetentionClass
) -> StoredOriginal:
    return StoredOriginal(job, f"0000/{job}-0", size, NOW - days * DAY, retention_class)


@pytest.mark.parametrize(
    ("retention_class", "days", "is_removed"),
    [
        (RetentionClass.SETTLED, 89.9, False),
        (RetentionClass.SETTLED, 90.1, True),
        (RetentionClass.SHARED, 900, False),
        (RetentionClass.IN_USE, 900, False),
        (RetentionClass.ORPHAN, 2.9, False),
        (RetentionClass.ORPHAN, 3.1, True),
    ],
)
def test_lifetime_by_retention_class(
    retention_class: RetentionClass, days: float, is_removed: bool
) -> None:
    removable = select_removable(
        [original(1, days=days, retention_class=retention_class)],
        now=NOW,
        keep_for=90 * DAY,
        keep_bytes=None,
    )
    assert bool(removable) is is_removed


def test_byte_limit_removes_oldest_unshared_originals_first() -> None:
    files = [
        original(1, days=5, retention_class=RetentionClass.SHARED),
        original(2, days=9, retention_class=RetentionClass.IN_USE),
        original(3, days=1, retention_class=RetentionClass.SETTLED),
        original(4, days=3, retention_class=RetentionClass.SETTLED),
        original(5, days=2, retention_class=RetentionClass.ORPHAN),
    ]

    def list_removed(keep_bytes: int | None) -> list[int]:
        removable = select_removable(files, now=NOW, keep_for=None, keep_bytes=keep_bytes)
        return [original.job_id for original in removable]

    assert list_removed(None) == []
    assert list_removed(50) == []
    assert list_removed(49) == [4]
    assert list_removed(40) == [4]
    assert list_removed(30) == [4, 3]
    assert list_removed(20) == [4, 3, 1]
    assert list_removed(0) == [4, 3, 1], (
        "originals in use or without a record are never removed for space"
    )


class FakeFileReferences(FileReferenceStore):
    """The store's answers, without a database."""

    def __init__(self) -> None:
        self.classes: dict[int, RetentionClass] = {}
        self.inputs: set[str] = set()
        self.since: datetime | None = None
        self.error: Exception | None = None

    async def classify_jobs(self, job_ids: Iterable[int]) -> dict[int, RetentionClass]:
        if self.error is not None:
            raise self.error
        return {job: self.classes[job] for job in job_ids if job in self.classes}

    async def list_inputs_in_use(self, *, since: datetime | None) -> set[str]:
        self.since = since
        return self.inputs


class FixedClock(SystemClock):
    """A fixed time; the third sleep ends the loop under test."""

    def __init__(self) -> None:
        self.sleeps = 0

    def now(self) -> datetime:
        return NOW

    async def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        if self.sleeps > 2:
            raise asyncio.CancelledError


class Stage:
    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.file_references = FakeFileReferences()
        self.retention = self.create_retention(90 * DAY, None)

    def create_retention(self, keep_for: timedelta | None, keep_bytes: int | None) -> FileRetention:
        return FileRetention(
            file_references=self.file_references,
            media_store=LocalMediaStore(self.data_dir),
            clock=FixedClock(),
            keep_for=keep_for,
            keep_bytes=keep_bytes,
        )

    def write_file(self, name: str, *, days: float = 0, size: int = 10) -> Path:
        path = self.data_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        modified_at = (NOW - days * DAY).timestamp()
        os.utime(path, (modified_at, modified_at))
        return path

    def list_files(self) -> set[str]:
        files = (path for path in self.data_dir.rglob("*") if path.is_file())
        return {str(path.relative_to(self.data_dir)) for path in files}


@pytest.fixture
async def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_old_original_is_removed_with_derived_files(stage: Stage) -> None:
    for job, days in ((1, 91), (12, 89)):
        stage.write_file(f"clips/0000/{job}-0.mp4", days=days)
        stage.write_file(f"clips/0000/{job}-0.poster.jpg", days=1)
        stage.write_file(f"clips/0000/{job}-0.preview.mp4", days=1)
        stage.write_file(f"clips/0000/{job}-0.20132659.mp4", days=1)
        stage.file_references.classes[job] = RetentionClass.SETTLED
    summary = await stage.retention.run_once()
    assert (summary.clips, summary.bytes) == (1, 40)
    assert stage.list_files() == {
        "clips/0000/12-0.mp4",
        "clips/0000/12-0.poster.jpg",
        "clips/0000/12-0.preview.mp4",
        "clips/0000/12-0.20132659.mp4",
    }


async def test_reencodes_and_leftovers_expire(stage: Stage) -> None:
    stage.file_references.classes[1] = RetentionClass.SHARED
    stage.write_file("clips/0000/1-0.mp4", days=500)
    stage.write_file("clips/0000/1-0.poster.jpg", days=500)
    stage.write_file("clips/0000/1-0.20132659.mp4", days=2.1)
    stage.write_file("clips/0000/1-0.999.mp4", days=1.9)
    stage.write_file("clips/0000/.1-0.mp4.abc.part", days=1.1)
    stage.write_file("clips/0000/.2-0.mp4.abc.part", days=0.9)
    await stage.retention.run_once()
    assert stage.list_files() == {
        "clips/0000/1-0.mp4",
        "clips/0000/1-0.poster.jpg",
        "clips/0000/1-0.999.mp4",
        "clips/0000/.2-0.mp4.abc.part",
    }


async def test_orphans_expire_after_three_days(
    stage: Stage,
) -> None:
    stage.write_file("clips/0000/1-0.mp4", days=3.1)
    stage.write_file("clips/0000/2-0.mp4", days=2.9)
    stage.write_file("clips/0000/3-0.mp4", days=400)
    stage.file_references.classes[3] = RetentionClass.IN_USE
    await stage.retention.run_once()
    assert stage.list_files() == {"clips/0000/2-0.mp4", "clips/0000/3-0.mp4"}


async def test_byte_limit_is_kept(stage: Stage) -> None:
    for job in range(1, 6):
        stage.write_file(f"clips/0000/{job}-0.mp4", days=job, size=100)
        stage.file_references.classes[job] = (
            RetentionClass.SHARED if job == 5 else RetentionClass.SETTLED
        )
    await stage.create_retention(None, 250).run_once()
    assert stage.list_files() == {"clips/0000/1-0.mp4", "clips/0000/5-0.mp4"}


async def test_unneeded_inputs_are_removed(stage: Stage) -> None:
    stage.write_file("inputs/needed.png", days=200)
    stage.write_file("inputs/unneeded.png", days=1.1)
    stage.write_file("inputs/fresh.png", days=0.5)
    stage.write_file("inputs/.abc.raw", days=1.1)
    stage.file_references.inputs = {"inputs/needed.png"}
    await stage.retention.run_once()
    assert stage.list_files() == {"inputs/needed.png", "inputs/fresh.png"}
    assert stage.file_references.since == NOW - 90 * DAY


async def test_nothing_is_removed_while_database_is_unavailable(stage: Stage) -> None:
    stage.write_file("clips/0000/1-0.mp4", days=900)
    stage.file_references.error = DatabaseUnavailable("away")
    with pytest.raises(DatabaseUnavailable):
        await stage.retention.run_once()
    assert stage.list_files() == {"clips/0000/1-0.mp4"}


async def test_cleanup_is_idempotent(stage: Stage) -> None:
    assert (await stage.retention.run_once()).clips == 0
    stage.write_file("clips/0000/1-0.mp4", days=91)
    stage.file_references.classes[1] = RetentionClass.SETTLED
    await stage.retention.run_once()
    assert (await stage.retention.run_once()).clips == 0


async def test_an_unavailable_database_postpones_the_cleanup(stage: Stage) -> None:
    stage.write_file("clips/0000/1-0.mp4", days=91)
    stage.file_references.error = DatabaseUnavailable("away")
    with capture_logs() as logs, pytest.raises(asyncio.CancelledError):
        await stage.retention.run()
    assert [entry["event"] for entry in logs] == ["retention.postponed"] * 2


async def test_an_unknown_value_reaches_the_supervisor(stage: Stage) -> None:
    stage.write_file("clips/0000/1-0.mp4", days=91)
    stage.file_references.error = KeyError("unknown class")
    with pytest.raises(KeyError, match="unknown class"):
        await stage.retention.run()
