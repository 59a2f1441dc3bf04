"""Retention: what is needed stays, what is not goes, in whatever order it is interrupted."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.app.clock import SystemClock
from bot.domain.clips.file_retention import RetentionClass, StoredOriginal, select_removable
from bot.domain.errors import DatabaseUnavailable
from bot.services.clips.retention import FileRetention
from bot.store.operations.file_references import FileReferenceStore

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def kept(job: int, *, days: float = 0, size: int = 10, standing: RetentionClass) -> StoredOriginal:
    return StoredOriginal(job, f"0000/{job}-0", size, NOW - days * DAY, standing)


@pytest.mark.parametrize(
    ("standing", "days", "gone"),
    [
        (RetentionClass.SETTLED, 89.9, False),
        (RetentionClass.SETTLED, 90.1, True),
        (RetentionClass.SHARED, 900, False),
        (RetentionClass.IN_USE, 900, False),
        (RetentionClass.ORPHAN, 2.9, False),
        (RetentionClass.ORPHAN, 3.1, True),
    ],
)
def test_how_long_each_kind_is_kept(standing: RetentionClass, days: float, gone: bool) -> None:
    found = select_removable(
        [kept(1, days=days, standing=standing)], now=NOW, keep_for=90 * DAY, keep_bytes=None
    )
    assert bool(found) is gone


def test_when_space_runs_out_the_oldest_that_nobody_shares_goes_first() -> None:
    files = [
        kept(1, days=5, standing=RetentionClass.SHARED),
        kept(2, days=9, standing=RetentionClass.IN_USE),
        kept(3, days=1, standing=RetentionClass.SETTLED),
        kept(4, days=3, standing=RetentionClass.SETTLED),
        kept(5, days=2, standing=RetentionClass.ORPHAN),
    ]

    def gone(most: int | None) -> list[int]:
        found = select_removable(files, now=NOW, keep_for=None, keep_bytes=most)
        return [each.job_id for each in found]

    assert gone(None) == []
    assert gone(50) == []
    assert gone(49) == [4]
    assert gone(40) == [4]
    assert gone(30) == [4, 3]
    assert gone(20) == [4, 3, 1]
    assert gone(0) == [4, 3, 1], "what is in use or not yet known is never touched"


class Records(FileReferenceStore):
    """The store's answers, without a database."""

    def __init__(self) -> None:
        self.known: dict[int, RetentionClass] = {}
        self.inputs: set[str] = set()
        self.since: datetime | None = None
        self.away = False

    async def classify_jobs(self, job_ids: Iterable[int]) -> dict[int, RetentionClass]:
        if self.away:
            raise DatabaseUnavailable("away")
        return {job: self.known[job] for job in job_ids if job in self.known}

    async def list_inputs_in_use(self, *, since: datetime | None) -> set[str]:
        self.since = since
        return self.inputs


class Clock(SystemClock):
    def now(self) -> datetime:
        return NOW


class Stand:
    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.records = Records()
        self.retention = self.of(90 * DAY, None)

    def of(self, keep_for: timedelta | None, keep_bytes: int | None) -> FileRetention:
        return FileRetention(
            file_references=self.records,
            data_dir=self.data_dir,
            clock=Clock(),
            keep_for=keep_for,
            keep_bytes=keep_bytes,
        )

    def file(self, name: str, *, days: float = 0, size: int = 10) -> Path:
        path = self.data_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * size)
        at = (NOW - days * DAY).timestamp()
        os.utime(path, (at, at))
        return path

    def left(self) -> set[str]:
        found = (path for path in self.data_dir.rglob("*") if path.is_file())
        return {str(path.relative_to(self.data_dir)) for path in found}


@pytest.fixture
async def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


async def test_an_old_clip_goes_with_all_that_was_made_of_it(stand: Stand) -> None:
    for job, days in ((1, 91), (12, 89)):
        stand.file(f"clips/0000/{job}-0.mp4", days=days)
        stand.file(f"clips/0000/{job}-0.poster.jpg", days=1)
        stand.file(f"clips/0000/{job}-0.preview.mp4", days=1)
        stand.file(f"clips/0000/{job}-0.20132659.mp4", days=1)
        stand.records.known[job] = RetentionClass.SETTLED
    tidied = await stand.retention.run_once()
    assert (tidied.clips, tidied.bytes) == (1, 40)
    assert stand.left() == {
        "clips/0000/12-0.mp4",
        "clips/0000/12-0.poster.jpg",
        "clips/0000/12-0.preview.mp4",
        "clips/0000/12-0.20132659.mp4",
    }


async def test_re_encodes_and_leftovers_go_after_a_while(stand: Stand) -> None:
    stand.records.known[1] = RetentionClass.SHARED
    stand.file("clips/0000/1-0.mp4", days=500)
    stand.file("clips/0000/1-0.poster.jpg", days=500)
    stand.file("clips/0000/1-0.20132659.mp4", days=2.1)
    stand.file("clips/0000/1-0.999.mp4", days=1.9)
    stand.file("clips/0000/.1-0.mp4.abc.part", days=1.1)
    stand.file("clips/0000/.2-0.mp4.abc.part", days=0.9)
    await stand.retention.run_once()
    assert stand.left() == {
        "clips/0000/1-0.mp4",
        "clips/0000/1-0.poster.jpg",
        "clips/0000/1-0.999.mp4",
        "clips/0000/.2-0.mp4.abc.part",
    }


async def test_what_belongs_to_no_record_goes_when_no_fetch_can_be_under_way(
    stand: Stand,
) -> None:
    stand.file("clips/0000/1-0.mp4", days=3.1)
    stand.file("clips/0000/2-0.mp4", days=2.9)
    stand.file("clips/0000/3-0.mp4", days=400)
    stand.records.known[3] = RetentionClass.IN_USE
    await stand.retention.run_once()
    assert stand.left() == {"clips/0000/2-0.mp4", "clips/0000/3-0.mp4"}


async def test_disk_limit_is_kept(stand: Stand) -> None:
    for job in range(1, 6):
        stand.file(f"clips/0000/{job}-0.mp4", days=job, size=100)
        stand.records.known[job] = RetentionClass.SHARED if job == 5 else RetentionClass.SETTLED
    await stand.of(None, 250).run_once()
    assert stand.left() == {"clips/0000/1-0.mp4", "clips/0000/5-0.mp4"}


async def test_unneeded_inputs_are_removed(stand: Stand) -> None:
    stand.file("inputs/needed.png", days=200)
    stand.file("inputs/unneeded.png", days=1.1)
    stand.file("inputs/fresh.png", days=0.5)
    stand.file("inputs/.abc.raw", days=1.1)
    stand.records.inputs = {"inputs/needed.png"}
    await stand.retention.run_once()
    assert stand.left() == {"inputs/needed.png", "inputs/fresh.png"}
    assert stand.records.since == NOW - 90 * DAY


async def test_nothing_goes_while_the_database_is_away(stand: Stand) -> None:
    stand.file("clips/0000/1-0.mp4", days=900)
    stand.records.away = True
    with pytest.raises(DatabaseUnavailable):
        await stand.retention.run_once()
    assert stand.left() == {"clips/0000/1-0.mp4"}


async def test_cleanup_is_idempotent(stand: Stand) -> None:
    assert (await stand.retention.run_once()).clips == 0
    stand.file("clips/0000/1-0.mp4", days=91)
    stand.records.known[1] = RetentionClass.SETTLED
    await stand.retention.run_once()
    assert (await stand.retention.run_once()).clips == 0
