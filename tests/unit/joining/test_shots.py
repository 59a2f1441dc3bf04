"""A shot becomes a clip once, joined if that is possible, and is never lost."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from bot.domain.clips.clip import NewClip
from bot.domain.clips.joining import JoinedFile
from bot.domain.errors import JoinFailed
from bot.domain.jobs.request import PrecedingVideo
from bot.media.joining import ProcessVideoJoiner
from bot.media.local_store import LocalMediaStore
from bot.media.probe import PyAvMediaProbe
from bot.services.jobs.stages.joining import ShotJoiner, shot_path
from tests.fakes.clock import VirtualClock
from tests.unit.joining.films import Film, write_film

CLIP_KEY = "clips/0000/7-0.mp4"
BEFORE_KEY = "clips/0000/3-0.mp4"
BEFORE = PrecedingVideo(BEFORE_KEY, 2)


@dataclass
class CountedJoiner(ProcessVideoJoiner):
    """Joins, after some failures, and counts the attempts."""

    failures: list[Exception] = field(default_factory=list)
    attempts: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    async def join_videos(self, sources: Any, destination: Path) -> JoinedFile:
        """Fail as ordered, or join."""
        self.attempts += 1
        if self.failures:
            raise self.failures.pop(0)
        return await super().join_videos(sources, destination)


class Shots:
    """A media store with a video and a new shot, and a joiner."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = LocalMediaStore(folder)
        self.joiner = CountedJoiner()
        (folder / "clips/0000").mkdir(parents=True)
        write_film(folder / BEFORE_KEY)
        write_film(folder / shot_path(CLIP_KEY), Film(frames=24, gray=200))
        self.running: Any = SimpleNamespace(
            lease=Mock(),
            clock=VirtualClock(start=datetime(2026, 1, 1, tzinfo=UTC)),
            job=SimpleNamespace(id=7),
        )

    async def join(self) -> NewClip:
        """Return the clip that the shot becomes."""
        probe, key = PyAvMediaProbe(), shot_path(CLIP_KEY)
        facts = await probe.read_facts(self.folder / key)
        shot = NewClip(0, facts.width, facts.height, 1, key, facts.sha256, facts.size)
        shot_joiner = ShotJoiner(
            video_joiner=self.joiner, media_probe=probe, media_store=self.store
        )
        clip = await shot_joiner.join_shot(self.running, shot, CLIP_KEY, BEFORE)
        assert clip.path == CLIP_KEY
        assert (self.folder / CLIP_KEY).exists()
        return clip


async def test_a_shot_is_joined_once(tmp_path: Path) -> None:
    shots = Shots(tmp_path)
    first, again = await shots.join(), await shots.join()
    assert first == again
    assert (first.seconds, first.is_joined) == (3, True)
    assert shots.joiner.attempts == 1, "another process finds the file"


async def test_a_join_is_tried_again(tmp_path: Path) -> None:
    shots = Shots(tmp_path)
    shots.joiner.failures = [JoinFailed("took too long"), OSError("the disk is full")]
    assert (await shots.join()).is_joined


async def test_a_shot_that_cannot_be_joined_is_a_clip_alone(tmp_path: Path) -> None:
    shots = Shots(tmp_path)
    shots.joiner.failures = [JoinFailed("crashed")] * 20
    first, again = await shots.join(), await shots.join()
    assert first == again
    assert (first.seconds, first.is_joined) == (1, False)
    assert (tmp_path / CLIP_KEY).read_bytes() == (tmp_path / shot_path(CLIP_KEY)).read_bytes()


async def test_without_the_preceding_file_the_shot_is_a_clip_alone(tmp_path: Path) -> None:
    shots = Shots(tmp_path)
    (tmp_path / BEFORE_KEY).unlink()
    assert not (await shots.join()).is_joined
    assert shots.joiner.attempts == 0


@pytest.mark.parametrize("left", [b"", b"half a file"])
async def test_a_damaged_clip_is_written_again(tmp_path: Path, left: bytes) -> None:
    shots = Shots(tmp_path)
    (tmp_path / CLIP_KEY).write_bytes(left)
    assert (await shots.join()).is_joined
