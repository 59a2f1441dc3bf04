"""Retention: what is needed stays, what is not goes, in whatever order it is interrupted."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.app.clock import SystemClock
from bot.domain.clips.file_retention import Kept, Standing, superfluous
from bot.domain.errors import StoreAway
from bot.services.clips.retention import Retention
from bot.store.operations.file_references import KeepingStore

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def kept(job: int, *, days: float = 0, size: int = 10, standing: Standing) -> Kept:
    return Kept(job, f"0000/{job}-0", size, NOW - days * DAY, standing)


@pytest.mark.parametrize(
    ("standing", "days", "gone"),
    [
        (Standing.SETTLED, 89.9, False),
        (Standing.SETTLED, 90.1, True),
        (Standing.SHARED, 900, False),
        (Standing.IN_USE, 900, False),
        (Standing.ORPHAN, 2.9, False),
        (Standing.ORPHAN, 3.1, True),
    ],
)
def test_how_long_each_kind_is_kept(standing: Standing, days: float, gone: bool) -> None:
    found = superfluous(
        [kept(1, days=days, standing=standing)], now=NOW, keep_for=90 * DAY, keep_bytes=None
    )
    assert bool(found) is gone


def test_when_space_runs_out_the_oldest_that_nobody_shares_goes_first() -> None:
    files = [
        kept(1, days=5, standing=Standing.SHARED),
        kept(2, days=9, standing=Standing.IN_USE),
        kept(3, days=1, standing=Standing.SETTLED),
        kept(4, days=3, standing=Standing.SETTLED),
        kept(5, days=2, standing=Standing.ORPHAN),
    ]

    def gone(most: int | None) -> list[int]:
        found = superfluous(files, now=NOW, keep_for=None, keep_bytes=most)
        return [each.job_id for each in found]

    assert gone(None) == []
    assert gone(50) == []
    assert gone(49) == [4]
    assert gone(40) == [4]
    assert gone(30) == [4, 3]
    assert gone(20) == [4, 3, 1]
    assert gone(0) == [4, 3, 1], "what is in use or not yet known is never touched"


class Records(KeepingStore):
    """The store's answers, without a database."""

    def __init__(self) -> None:
        self.known: dict[int, Standing] = {}
        self.inputs: set[str] = set()
        self.since: datetime | None = None
        self.away = False

    async def standings(self, job_ids: Iterable[int]) -> dict[int, Standing]:
        if self.away:
            raise StoreAway("away")
        return {job: self.known[job] for job in job_ids if job in self.known}

    async def inputs_in_use(self, *, since: datetime | None) -> set[str]:
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

    def of(self, keep_for: timedelta | None, keep_bytes: int | None) -> Retention:
        return Retention(
            files=self.records,
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
        stand.records.known[job] = Standing.SETTLED
    tidied = await stand.retention.tidy()
    assert (tidied.clips, tidied.bytes) == (1, 40)
    assert stand.left() == {
        "clips/0000/12-0.mp4",
        "clips/0000/12-0.poster.jpg",
        "clips/0000/12-0.preview.mp4",
        "clips/0000/12-0.20132659.mp4",
    }


async def test_re_encodes_and_leftovers_go_after_a_while(stand: Stand) -> None:
    stand.records.known[1] = Standing.SHARED
    stand.file("clips/0000/1-0.mp4", days=500)
    stand.file("clips/0000/1-0.poster.jpg", days=500)
    stand.file("clips/0000/1-0.20132659.mp4", days=2.1)
    stand.file("clips/0000/1-0.999.mp4", days=1.9)
    stand.file("clips/0000/.1-0.mp4.abc.part", days=1.1)
    stand.file("clips/0000/.2-0.mp4.abc.part", days=0.9)
    await stand.retention.tidy()
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
    stand.records.known[3] = Standing.IN_USE
    await stand.retention.tidy()
    assert stand.left() == {"clips/0000/2-0.mp4", "clips/0000/3-0.mp4"}


async def test_the_space_is_kept_to(stand: Stand) -> None:
    for job in range(1, 6):
        stand.file(f"clips/0000/{job}-0.mp4", days=job, size=100)
        stand.records.known[job] = Standing.SHARED if job == 5 else Standing.SETTLED
    await stand.of(None, 250).tidy()
    assert stand.left() == {"clips/0000/1-0.mp4", "clips/0000/5-0.mp4"}


async def test_inputs_that_nobody_needs_go(stand: Stand) -> None:
    stand.file("inputs/needed.png", days=200)
    stand.file("inputs/unneeded.png", days=1.1)
    stand.file("inputs/fresh.png", days=0.5)
    stand.file("inputs/.abc.raw", days=1.1)
    stand.records.inputs = {"inputs/needed.png"}
    await stand.retention.tidy()
    assert stand.left() == {"inputs/needed.png", "inputs/fresh.png"}
    assert stand.records.since == NOW - 90 * DAY


async def test_nothing_goes_while_the_database_is_away(stand: Stand) -> None:
    stand.file("clips/0000/1-0.mp4", days=900)
    stand.records.away = True
    with pytest.raises(StoreAway):
        await stand.retention.tidy()
    assert stand.left() == {"clips/0000/1-0.mp4"}


async def test_it_may_run_again_and_where_there_is_nothing(stand: Stand) -> None:
    assert (await stand.retention.tidy()).clips == 0
    stand.file("clips/0000/1-0.mp4", days=91)
    stand.records.known[1] = Standing.SETTLED
    await stand.retention.tidy()
    assert (await stand.retention.tidy()).clips == 0
