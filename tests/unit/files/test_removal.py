"""Deleting a clip asks for permission and removes all of that clip's data and nothing else."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from bot.app.clock import SystemClock
from bot.domain.access import ActingPerson
from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed
from bot.domain.jobs.job import Job
from bot.media.local_store import LocalMediaStore
from bot.services.clips.originals import Originals
from bot.services.clips.removal import ClipRemoval
from tests.fakes.discord import FakeJobMessages
from tests.fakes.google import FakeMediaProbe
from tests.unit.words.examples import a_clip, a_job


class FakeClipStore:
    """The methods of `ClipStore` that deleting uses."""

    def __init__(self, clips: Sequence[Clip], calls: list[str]) -> None:
        self.clips = list(clips)
        self._calls = calls
        self.reposts = [(21, 51)]

    async def list_for_request(self, job: Job) -> list[Clip]:
        return [clip for clip in self.clips if clip.job_id == job.id]

    async def delete_for_job(self, job_id: int) -> None:
        self._calls.append("record")
        self.clips = [clip for clip in self.clips if clip.job_id != job_id]

    async def list_reposts(self, job_id: int) -> list[tuple[int, int]]:
        return self.reposts

    async def delete_reposts(self, job_id: int) -> None:
        self.reposts = []


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

    async def delete_copy(channel_id: int, message_id: int) -> None:
        calls.append(f"copy {message_id} in {channel_id}")

    stand.discord = FakeJobMessages()  # type: ignore[attr-defined]
    originals = Originals(
        routes={},
        media_probe=FakeMediaProbe(),
        media_store=LocalMediaStore(tmp_path),
        clock=SystemClock(),
    )
    clip_store: Any = stand.clip_store
    stand.calls = calls  # type: ignore[attr-defined]
    stand.removal = ClipRemoval(  # type: ignore[attr-defined]
        clips=clip_store,
        originals=originals,
        job_messages=stand.discord,  # type: ignore[attr-defined]
        discord_messages=Mock(delete_message=delete_copy),
        withdraw_callbacks=[withdraw],
    )
    return stand


@pytest.mark.parametrize(("actor_id", "moderator"), [(30, False), (31, True)])
async def test_every_trace_goes_the_record_first(
    stand: Any, actor_id: int, moderator: bool
) -> None:
    """Showcase, record, files, copies and messages. [people-M14]"""
    person = ActingPerson(actor_id, 10, 20, moderator=moderator)
    removed = await stand.removal.remove_job(a_job(), person)
    assert [clip.id for clip in removed] == [12]
    assert stand.calls == [f"showcase 12 by {actor_id}", "record", "copy 51 in 21"]
    assert stand.list_files() == {"77-0.mp4", "77-0.poster.jpg", "7-1.mp4"}
    assert [clip.id for clip in stand.clip_store.clips] == [13]
    assert stand.discord.withdrawn_jobs == [a_job().id]


@pytest.mark.parametrize(
    "person", [ActingPerson(31, 10, 20), ActingPerson(31, 11, 20, moderator=True)]
)
async def test_others_may_not_remove(stand: Any, person: ActingPerson) -> None:
    before = stand.list_files()
    with pytest.raises(NotAllowed):
        await stand.removal.remove_job(a_job(), person)
    assert stand.list_files() == before
    assert stand.calls == []


async def test_removing_twice_is_harmless(stand: Any) -> None:
    person = ActingPerson(30, 10)
    await stand.removal.remove_job(a_job(), person)
    assert await stand.removal.remove_job(a_job(), person) == []
    assert stand.calls.count("copy 51 in 21") == 1
