"""Deleting removes everything of a clip, nothing of its neighbours, and asks for permission."""

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


class FakeClipStore:
    """The two methods of `ClipStore` that deleting uses."""

    def __init__(self, clips: Sequence[Clip], calls: list[str]) -> None:
        self.clips = list(clips)
        self._calls = calls

    async def list_for_job(self, job_id: int) -> list[Clip]:
        return [clip for clip in self.clips if clip.job_id == job_id]

    async def delete_for_job(self, job_id: int) -> None:
        self._calls.append("record")
        self.clips = [clip for clip in self.clips if clip.job_id != job_id]


@pytest.fixture
async def stand(tmp_path: Path) -> Any:
    calls: list[str] = []

    class Stand:
        folder = tmp_path / "clips/0000"
        clip_store = FakeClipStore(
            [
                a_clip(path="clips/0000/7-0.mp4"),
                a_clip(id=13, job_id=77, path="clips/0000/77-0.mp4"),
            ],
            calls,
        )

        def list_files(self) -> set[str]:
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

    async def withdraw(clip: Clip, actor_id: int) -> None:
        assert stand.folder.joinpath("7-0.mp4").exists()
        calls.append(f"showcase {clip.id} by {actor_id}")

    originals = Originals(
        routes={}, media_probe=FakeMediaProbe(), data_dir=tmp_path, clock=SystemClock()
    )
    clip_store: Any = stand.clip_store
    stand.calls = calls  # type: ignore[attr-defined]
    stand.removal = ClipRemoval(  # type: ignore[attr-defined]
        clips=clip_store, originals=originals, withdraw_callbacks=[withdraw]
    )
    return stand


@pytest.mark.parametrize(("actor_id", "moderator"), [(30, False), (31, True)])
async def test_record_is_deleted_before_files(stand: Any, actor_id: int, moderator: bool) -> None:
    removed = await stand.removal.remove_clips(a_job(), actor_id=actor_id, moderator=moderator)
    assert [clip.id for clip in removed] == [12]
    assert stand.calls == [f"showcase 12 by {actor_id}", "record"]
    assert stand.list_files() == {"77-0.mp4", "77-0.poster.jpg", "7-1.mp4"}
    assert [clip.id for clip in stand.clip_store.clips] == [13]


async def test_others_may_not_remove(stand: Any) -> None:
    before = stand.list_files()
    with pytest.raises(NotAllowed):
        await stand.removal.remove_clips(a_job(), actor_id=31, moderator=False)
    assert stand.list_files() == before
    assert stand.calls == []


async def test_removing_twice_is_harmless(stand: Any) -> None:
    await stand.removal.remove_clips(a_job(), actor_id=30, moderator=False)
    assert await stand.removal.remove_clips(a_job(), actor_id=30, moderator=False) == []
