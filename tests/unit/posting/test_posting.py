"""The ladder carried out: each 413 leads a rung down, nothing is made twice, nothing is lost."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.app.clock import SystemClock
from bot.domain.clips.clip import Clip, VideoFacts
from bot.domain.clips.upload_options import DEFAULT_UPLOAD_LIMIT, MIB, UploadOption
from bot.domain.errors import (
    ChannelUnavailable,
    DiscordUnavailable,
    FileTooLarge,
    LeaseLost,
    RecordNotFound,
    RemoteNotFound,
    TranscodeFailed,
)
from bot.domain.jobs.job import Job
from bot.domain.jobs.request import GoogleRoute
from bot.services.clips.originals import Originals
from bot.services.clips.thumbnails import Thumbnails
from bot.services.jobs.critical_sections import CriticalSections
from bot.services.jobs.lease import Lease
from bot.services.jobs.publishing import ATTEMPT_TIMEOUT_S, ClipPublisher
from bot.services.jobs.upload import UploadPreparer
from tests.fakes.discord import FakeJobMessages
from tests.fakes.fitting import FakeTranscoder
from tests.fakes.google import FakeGoogle
from tests.unit.words.examples import NOW, ORIGIN, a_clip, a_job

TOO_LARGE = FileTooLarge("refused by Discord for its size")
UNTIL = NOW + timedelta(days=7)


class Clock(SystemClock):
    """Today is the day of the examples; nobody waits."""

    def now(self) -> datetime:
        return NOW

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class Films:
    """`bot.domain.ports.Media` for files that are not looked into: 60 MiB of eight seconds."""

    def __init__(self) -> None:
        self.size = 60 * MIB
        self.seconds = 8.0
        self.looked: list[str] = []

    async def read_facts(self, path: Path) -> VideoFacts:
        self.looked.append(path.name)
        content = path.read_bytes()
        if content == b"spoilt":
            return VideoFacts(self.seconds, 1280, 720, 24.0, True, self.size, "f" * 64)
        return VideoFacts(self.seconds, 1280, 720, 24.0, True, self.size, "0" * 64)


class SomeLinks:
    def create_link(self, clip: Clip) -> tuple[str, datetime]:
        return f"https://clips.example/{clip.id}", UNTIL


class Stand:
    """One process's posting, with its fakes."""

    def __init__(self, data_dir: Path, *, public: bool = True) -> None:
        self.data_dir = data_dir
        self.discord = FakeJobMessages()
        self.fitting = FakeTranscoder()
        self.google = FakeGoogle()
        self.films = Films()
        self.clip = a_clip(path="clips/0000/7-0.mp4", size=self.films.size)
        self.original = data_dir / self.clip.path
        self.original.parent.mkdir(parents=True, exist_ok=True)
        self.original.write_bytes(b"film")
        self.recorded: list[int] = []
        self.lease = Lease(worker_id="w", length=timedelta(minutes=5), clock=Clock())
        self.lease.mark_renewed(Clock().monotonic())
        self.restart(public=public)

    def restart(self, *, public: bool = True) -> None:
        """Begin anew as another process on the same folder."""
        clock = Clock()
        originals = Originals(
            routes={GoogleRoute.GEMINI: self.google},
            media_probe=self.films,
            data_dir=self.data_dir,
            clock=clock,
        )
        self.packer = UploadPreparer(
            job_messages=self.discord,
            transcoder=self.fitting,
            originals=originals,
            thumbnails=Thumbnails(
                transcoder=self.fitting, media_probe=self.films, originals=originals
            ),
            links=SomeLinks() if public else None,
            clock=clock,
        )
        self.poster = ClipPublisher(
            job_messages=self.discord,
            upload_preparer=self.packer,
            clock=clock,
            critical_sections=CriticalSections(clock),
        )

    async def record(self, message_id: int) -> Job:
        self.recorded.append(message_id)
        return a_job(posted_message_id=message_id)

    async def post(self, *clips: Clip, **about: Any) -> Job | None:
        return await self.poster.publish_clips(
            a_job(origin=replace(ORIGIN, **about)),
            clips or [self.clip],
            self.lease,
            search_first=False,
            record_message=self.record,
        )

    @property
    def rungs(self) -> list[str]:
        """What was tried to be posted, one after another."""
        return [each.option.value for enclosed in self.discord.posted_uploads for each in enclosed]


@pytest.fixture
async def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


async def test_a_clip_below_the_limit_goes_as_it_is_and_is_not_looked_at(stand: Stand) -> None:
    await stand.post(replace(stand.clip, size=DEFAULT_UPLOAD_LIMIT))
    assert stand.rungs == ["as_is"]
    assert stand.films.looked == []
    assert stand.fitting.written_files == []


async def test_the_limit_of_the_interaction_counts(stand: Stand) -> None:
    await stand.post(upload_limit=100 * MIB)
    assert stand.rungs == ["as_is"]


async def test_a_clip_over_the_limit_is_re_encoded_and_linked(stand: Stand) -> None:
    assert await stand.post() is not None
    assert stand.rungs == ["fitted"]
    [[posted]] = stand.discord.posted_uploads
    assert posted.size < DEFAULT_UPLOAD_LIMIT
    assert (stand.data_dir / posted.video_part).is_file()
    assert posted.video_part != stand.clip.path
    assert (posted.shorter_side, posted.link, posted.link_expires_at) == (
        720,
        "https://clips.example/12",
        UNTIL,
    )
    assert stand.original.read_bytes() == b"film"
    assert stand.recorded == [1000]


async def test_each_413_tries_next_upload_option(stand: Stand) -> None:
    stand.discord.post_script.extend([TOO_LARGE] * 3)
    stand.films.size = 10 * MIB
    assert await stand.post(replace(stand.clip, size=10 * MIB)) is not None
    assert stand.rungs == ["as_is", "fitted", "link", "bare"]
    sizes = [each.size for [each] in stand.discord.posted_uploads]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[1] < 5 * MIB
    _, _, [linked], [bare] = stand.discord.posted_uploads
    assert linked.video_part.endswith("7-0.preview.mp4")
    assert linked.thumbnail_path == "clips/0000/7-0.poster.jpg"
    assert (stand.data_dir / linked.thumbnail_path).is_file()
    assert bare.video_part == ""
    assert bare.link == linked.link is not None
    assert stand.recorded == [1000]
    assert stand.discord.repeated_posts == 0


async def test_an_attempt_is_short_and_the_history_is_looked_at_before_the_next(
    stand: Stand,
) -> None:
    """The post hangs in the library; when it is given up, nobody knows whether it was made."""
    stand.discord.honours_nonce = False
    stand.discord.answer_gate = gate = asyncio.Event()
    asked: list[float] = []

    class Hours(Clock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(0)
            hours.passed += seconds
            asked.append(seconds)

        def monotonic(self) -> float:
            return hours.passed

        passed = 0.0

    hours = Hours()
    stand.poster._clock = hours
    stand.lease = Lease(worker_id="w", length=timedelta(days=5), clock=hours)
    stand.lease.mark_renewed(0.0)
    assert await stand.post() is not None
    [(_, message_id, _)] = stand.discord.messages
    assert stand.recorded == [message_id], "it was found, and not made again"
    assert ATTEMPT_TIMEOUT_S <= hours.passed < ATTEMPT_TIMEOUT_S + 5
    assert max(asked) <= 1.5
    assert not gate.is_set()


async def test_without_public_url_clip_is_reencoded_to_fit(tmp_path: Path) -> None:
    stand = Stand(tmp_path, public=False)
    stand.films.seconds = 148.0
    assert await stand.post(upload_limit=10 * MIB) is not None
    assert stand.rungs == ["squeezed"]
    [[posted]] = stand.discord.posted_uploads
    assert posted.size < 10 * MIB
    assert posted.link is None


async def test_clip_refused_at_every_option_is_kept(tmp_path: Path) -> None:
    stand = Stand(tmp_path, public=False)
    stand.discord.post_script.extend([TOO_LARGE] * 10)
    assert await stand.post() is None
    assert stand.rungs == ["fitted", "squeezed", "squeezed"]
    assert stand.original.read_bytes() == b"film"
    assert stand.recorded == []


async def test_without_decent_quality_there_is_a_link_with_a_preview(stand: Stand) -> None:
    stand.films.seconds = 148.0
    await stand.post(upload_limit=10 * MIB)
    assert stand.rungs == ["link"]
    assert [name for name, _ in stand.fitting.written_files] == [
        "7-0.preview.mp4",
        "7-0.poster.jpg",
    ]


async def test_what_was_made_is_found_again_after_a_crash(stand: Stand) -> None:
    stand.discord.post_script.append(ChannelUnavailable("for now"))
    assert await stand.post() is None
    stand.restart()
    assert await stand.post() is not None
    assert stand.rungs == ["fitted", "fitted"]
    assert len(stand.fitting.written_files) == 1


async def test_an_encoder_that_fails_does_not_hold_the_clip_up(stand: Stand) -> None:
    stand.fitting.script.append(TranscodeFailed("broken"))
    await stand.post()
    assert stand.rungs == ["link"]


async def test_an_encoder_that_always_fails_leaves_the_link(stand: Stand) -> None:
    stand.fitting.script.extend([TranscodeFailed("broken")] * 9)
    await stand.post()
    assert stand.rungs == ["bare"]


async def test_a_missing_poster_is_no_reason_to_post_no_preview(stand: Stand) -> None:
    stand.fitting.script.extend([TranscodeFailed("a"), None, TranscodeFailed("b")])
    await stand.post()
    [[posted]] = stand.discord.posted_uploads
    assert (posted.option, posted.thumbnail_path) == (UploadOption.LINK, None)


async def test_largest_clip_is_reduced_first(stand: Stand) -> None:
    small = replace(stand.clip, id=13, path="clips/0000/7-1.mp4", size=MIB)
    large = replace(stand.clip, size=15 * MIB)
    stand.films.size = 15 * MIB
    stand.discord.post_script.append(TOO_LARGE)
    await stand.post(small, large)
    assert [[e.option.value for e in each] for each in stand.discord.posted_uploads] == [
        ["as_is", "as_is"],
        ["as_is", "fitted"],
    ]


async def test_observed_limit_is_per_channel(stand: Stand) -> None:
    stand.films.size = 30 * MIB
    clip = replace(stand.clip, size=30 * MIB)
    stand.discord.upload_limit = 50 * MIB
    stand.discord.post_script.append(TOO_LARGE)
    await stand.post(clip)
    await stand.post(clip)
    await stand.post(clip, guild_id=11)
    assert stand.rungs == ["as_is", "fitted", "fitted", "as_is"]


async def test_a_passing_fault_is_waited_for_and_the_channel_looked_at(stand: Stand) -> None:
    stand.discord.lost_answers.append(DiscordUnavailable("connection lost"))
    assert await stand.post() is not None
    assert len(stand.discord.messages) == 1
    assert stand.recorded == [1000]


async def test_nothing_is_posted_after_the_lease_is_lost(stand: Stand) -> None:
    stand.fitting.start_gate = asyncio.Event()
    task = asyncio.create_task(stand.post())
    await stand.fitting.started.wait()
    stand.lease.mark_lost()
    stand.fitting.start_gate.set()
    with pytest.raises(LeaseLost):
        await task
    assert stand.discord.posted_uploads == []


async def test_an_encode_can_be_stopped(stand: Stand) -> None:
    stand.fitting.start_gate = asyncio.Event()
    task = asyncio.create_task(stand.post())
    await stand.fitting.started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    stand.fitting.start_gate.set()
    assert await stand.post() is not None


class TestPostedAgain:
    """`/video get`."""

    async def again(self, stand: Stand, key: str = "interaction:5", **about: Any) -> int:
        origin = replace(ORIGIN, key=key, channel_id=21, **about)
        return await stand.poster.publish_again(a_job(), [stand.clip], origin)

    async def test_repost_uses_same_upload_options(self, stand: Stand) -> None:
        stand.discord.post_script.append(TOO_LARGE)
        assert await self.again(stand) == 1000
        assert stand.rungs == ["fitted", "link"]

    async def test_the_original_is_held_against_its_hash(self, stand: Stand) -> None:
        await self.again(stand, upload_limit=100 * MIB)
        assert stand.rungs == ["as_is"]
        assert stand.films.looked == ["7-0.mp4"]
        assert stand.google.fetch_count == 0

    @pytest.mark.parametrize("harm", ["gone", "spoilt"])
    async def test_it_is_fetched_from_google_while_google_has_it(
        self, stand: Stand, harm: str
    ) -> None:
        if harm == "gone":
            stand.original.unlink()
        else:
            stand.original.write_bytes(b"spoilt")
        await self.again(stand, upload_limit=100 * MIB)
        assert stand.google.fetch_count == 1
        assert stand.original.read_bytes().startswith(b"video of")

    async def test_missing_original_is_reported(self, stand: Stand) -> None:
        stand.original.unlink()
        stand.clip = replace(stand.clip, remote_expires_at=NOW)
        with pytest.raises(RecordNotFound) as refused:
            await self.again(stand)
        assert refused.value.reason == "clip_file"
        stand.clip = replace(stand.clip, remote_expires_at=None)
        stand.google.fetch_script.append(RemoteNotFound("gone"))
        with pytest.raises(RecordNotFound):
            await self.again(stand)
        assert stand.discord.messages == []

    async def test_a_lost_answer_does_not_post_it_twice(self, stand: Stand) -> None:
        stand.discord.lost_answers.append(DiscordUnavailable("connection lost"))
        await self.again(stand)
        assert len(stand.discord.messages) == 1

    async def test_repost_gives_up_when_discord_unavailable(self, stand: Stand) -> None:
        stand.discord.post_script.extend([DiscordUnavailable("503")] * 20)
        with pytest.raises(DiscordUnavailable):
            await self.again(stand)


async def test_a_first_post_whose_original_has_gone_fetches_it_again(stand: Stand) -> None:
    stand.discord.post_script.append(RecordNotFound("clip_file"))
    stand.original.unlink()
    clip = replace(stand.clip, size=MIB)
    assert await stand.post(clip) is not None
    assert stand.google.fetch_count == 1
