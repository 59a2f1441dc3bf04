"""Deleting: only by those who may, everything of the clip, and nothing of its neighbours."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.app.clock import SystemClock
from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed
from bot.services.clips.originals import Originals
from bot.services.clips.removal import ClipRemoval
from tests.fakes.google import FakeMediaProbe
from tests.unit.words.examples import a_clip, a_job


class Records:
    """The part of `ClipStore` that deleting needs."""

    def __init__(self, clips: Sequence[Clip], told: list[str]) -> None:
        self.clips = list(clips)
        self._told = told

    async def list_for_job(self, job_id: int) -> list[Clip]:
        return [clip for clip in self.clips if clip.job_id == job_id]

    async def delete_for_job(self, job_id: int) -> None:
        self._told.append("record")
        self.clips = [clip for clip in self.clips if clip.job_id != job_id]


@pytest.fixture
async def stand(tmp_path: Path) -> Any:
    told: list[str] = []

    class Stand:
        folder = tmp_path / "clips/0000"
        records = Records(
            [
                a_clip(path="clips/0000/7-0.mp4"),
                a_clip(id=13, job_id=77, path="clips/0000/77-0.mp4"),
            ],
            told,
        )

        def left(self) -> set[str]:
            return {path.name for path in self.folder.iterdir()}

    stand = Stand()
    stand.folder.mkdir(parents=True)
    for name in (
        "7-0.mp4",
        "7-0.poster.jpg",
        "7-0.preview.mp4",
        "7-0.123.mp4",
        ".7-0.123.mp4.part",
    ):
        (stand.folder / name).write_bytes(b"x")
    for name in ("77-0.mp4", "77-0.poster.jpg", "7-1.mp4"):
        (stand.folder / name).write_bytes(b"x")

    async def withdraw(clip: Clip, by: int) -> None:
        assert stand.folder.joinpath("7-0.mp4").exists()
        told.append(f"showcase {clip.id} by {by}")

    originals = Originals(
        routes={}, media_probe=FakeMediaProbe(), data_dir=tmp_path, clock=SystemClock()
    )
    records: Any = stand.records
    stand.told = told  # type: ignore[attr-defined]
    stand.removal = ClipRemoval(  # type: ignore[attr-defined]
        clips=records, originals=originals, withdraw_callbacks=[withdraw]
    )
    return stand


@pytest.mark.parametrize(("by", "moderator"), [(30, False), (31, True)])
async def test_everything_of_the_clip_goes_and_its_record_first(
    stand: Any, by: int, moderator: bool
) -> None:
    found = await stand.removal.remove(a_job(), by=by, moderator=moderator)
    assert [clip.id for clip in found] == [12]
    assert stand.told == [f"showcase 12 by {by}", "record"]
    assert stand.left() == {"77-0.mp4", "77-0.poster.jpg", "7-1.mp4"}
    assert [clip.id for clip in stand.records.clips] == [13]


async def test_only_requester_or_moderator_may_remove(stand: Any) -> None:
    before = stand.left()
    with pytest.raises(NotAllowed):
        await stand.removal.remove(a_job(), by=31, moderator=False)
    assert stand.left() == before
    assert stand.told == []


async def test_removing_twice_is_harmless(stand: Any) -> None:
    await stand.removal.remove(a_job(), by=30, moderator=False)
    assert await stand.removal.remove(a_job(), by=30, moderator=False) == []
