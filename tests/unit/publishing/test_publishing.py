"""After a 413 the next upload option is tried, and no clip is posted twice."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

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
    UploadInterrupted,
)
from bot.domain.jobs.job import Job
from bot.domain.jobs.request import GoogleRoute
from bot.domain.ports import Clock, DownloadLinks, MediaProbe
from bot.media.local_store import LocalMediaStore
from bot.services.clips.originals import Originals
from bot.services.clips.thumbnails import Thumbnails
from bot.services.jobs.critical_sections import CriticalSections
from bot.services.jobs.lease import Lease
from bot.services.jobs.publishing import ATTEMPT_TIMEOUT_S, ClipPublisher
from bot.services.jobs.upload import UploadPreparer
from tests.fakes.discord import FakeJobMessages
from tests.fakes.google import FakeGoogle
from tests.fakes.transcoder import FakeTranscoder
from tests.unit.words.examples import NOW, ORIGIN, a_clip, a_job

TOO_LARGE = FileTooLarge("refused by Discord for its size")
UNTIL = NOW + timedelta(days=7)


class FixedClock(SystemClock):
    """The day of the examples; no sleep takes time."""

    def now(self) -> datetime:
        return NOW

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)


class VirtualClock(FixedClock):
    """Time that passes only in `sleep`; ``sleeps`` are the seconds of each."""

    def __init__(self) -> None:
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return sum(self.sleeps)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.sleeps.append(seconds)


class FixedMediaProbe(MediaProbe):
    """Reports 60 MiB and eight seconds for every file, without reading it."""

    def __init__(self) -> None:
        self.size = 60 * MIB
        self.seconds = 8.0
        self.probed_files: list[str] = []

    async def read_facts(self, path: Path, *, sha256: str | None = None) -> VideoFacts:
        self.probed_files.append(path.name)
        content = path.read_bytes()
        if content == b"spoilt":
            return VideoFacts(self.seconds, 1280, 720, 24.0, True, self.size, "f" * 64)
        return VideoFacts(self.seconds, 1280, 720, 24.0, True, self.size, "0" * 64)


class FixedLinks(DownloadLinks):
    def create_link(self, clip: Clip) -> tuple[str, datetime]:
        return f"https://clips.example/{clip.id}", UNTIL


class PublishingProcess:
    """One process's publisher, with its fakes."""

    def __init__(self, data_dir: Path, *, public: bool = True, clock: Clock | None = None) -> None:
        self.clock = clock or FixedClock()
        self.data_dir = data_dir
        self.discord = FakeJobMessages()
        self.transcoder = FakeTranscoder()
        self.google = FakeGoogle()
        self.media_probe = FixedMediaProbe()
        self.clip = a_clip(path="clips/0000/7-0.mp4", size_bytes=self.media_probe.size)
        self.original = data_dir / self.clip.path
        self.original.parent.mkdir(parents=True, exist_ok=True)
        self.original.write_bytes(b"film")
        self.recorded: list[int] = []
        self.clip_store: Any = AsyncMock()
        self.lease = Lease(worker_id="w", length=timedelta(days=5), clock=self.clock)
        self.lease.mark_renewed(self.clock.monotonic())
        self.restart(public=public)

    def restart(self, *, public: bool = True) -> None:
        """Start again as another process on the same folder."""
        media_store = LocalMediaStore(self.data_dir)
        originals = Originals(
            routes={GoogleRoute.GEMINI: self.google},
            media_probe=self.media_probe,
            media_store=media_store,
            clock=self.clock,
        )
        upload_preparer = UploadPreparer(
            job_messages=self.discord,
            transcoder=self.transcoder,
            originals=originals,
            media_store=media_store,
            thumbnails=Thumbnails(
                poster_transcoder=self.transcoder,
                preview_transcoder=self.transcoder,
                media_probe=self.media_probe,
                media_store=media_store,
            ),
            links=FixedLinks() if public else None,
            clock=self.clock,
        )
        self.publisher = ClipPublisher(
            clips=self.clip_store,
            job_messages=self.discord,
            upload_preparer=upload_preparer,
            clock=self.clock,
            critical_sections=CriticalSections(self.clock),
        )

    async def record(self, message_id: int) -> Job:
        self.recorded.append(message_id)
        return a_job(posted_message_id=message_id)

    async def post(self, *clips: Clip, **about: Any) -> Job | None:
        """Return the job, or ``None`` if its clips could not be posted."""
        posted = await self.publisher.publish_clips(
            a_job(origin=replace(ORIGIN, **about)),
            clips or [self.clip],
            self.lease,
            search_first=False,
            record_message=self.record,
        )
        return posted if isinstance(posted, Job) else None

    @property
    def tried_options(self) -> list[str]:
        """The upload options of all posts, in their order."""
        return [
            upload.option.value for uploads in self.discord.posted_uploads for upload in uploads
        ]


@pytest.fixture
async def process(tmp_path: Path) -> PublishingProcess:
    return PublishingProcess(tmp_path)


async def test_a_clip_below_the_limit_goes_as_it_is_and_is_not_looked_at(
    process: PublishingProcess,
) -> None:
    await process.post(replace(process.clip, size_bytes=DEFAULT_UPLOAD_LIMIT))
    assert process.tried_options == ["as_is"]
    assert process.media_probe.probed_files == []
    assert process.transcoder.written_files == []


async def test_the_limit_of_the_interaction_counts(process: PublishingProcess) -> None:
    await process.post(upload_limit=100 * MIB)
    assert process.tried_options == ["as_is"]


async def test_a_clip_over_the_limit_is_re_encoded_and_linked(process: PublishingProcess) -> None:
    assert await process.post() is not None
    assert process.tried_options == ["fitted"]
    [[posted]] = process.discord.posted_uploads
    assert posted.size < DEFAULT_UPLOAD_LIMIT
    assert (process.data_dir / posted.video_part).is_file()
    assert posted.video_part != process.clip.path
    assert (posted.shorter_side, posted.link, posted.link_expires_at) == (
        720,
        "https://clips.example/12",
        UNTIL,
    )
    assert process.original.read_bytes() == b"film"
    assert process.recorded == [1000]


async def test_each_413_tries_next_upload_option(process: PublishingProcess) -> None:
    process.discord.post_script.extend([TOO_LARGE] * 3)
    process.media_probe.size = 10 * MIB
    assert await process.post(replace(process.clip, size_bytes=10 * MIB)) is not None
    assert process.tried_options == ["as_is", "fitted", "link", "bare"]
    sizes = [upload.size for [upload] in process.discord.posted_uploads]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[1] < 5 * MIB
    _, _, [linked], [bare] = process.discord.posted_uploads
    assert linked.video_part.endswith("7-0.preview.mp4")
    assert linked.thumbnail_path == "clips/0000/7-0.poster.jpg"
    assert (process.data_dir / linked.thumbnail_path).is_file()
    assert bare.video_part == ""
    assert bare.link == linked.link is not None
    assert process.recorded == [1000]
    assert process.discord.repeated_posts == 0


async def test_an_attempt_is_short_and_the_history_is_searched_before_the_next(
    tmp_path: Path,
) -> None:
    """The post hangs in the library, and when it times out it may have been made."""
    clock = VirtualClock()
    process = PublishingProcess(tmp_path, clock=clock)
    process.discord.honors_nonce = False
    process.discord.answer_gate = gate = asyncio.Event()
    assert await process.post() is not None
    [(_, message_id, _)] = process.discord.messages
    assert process.recorded == [message_id], "it was found, and not made again"
    assert ATTEMPT_TIMEOUT_S <= clock.monotonic() < ATTEMPT_TIMEOUT_S + 5
    assert max(clock.sleeps) <= 1.5
    assert not gate.is_set()


async def test_without_public_url_clip_is_reencoded_to_fit(tmp_path: Path) -> None:
    process = PublishingProcess(tmp_path, public=False)
    process.media_probe.seconds = 148.0
    assert await process.post(upload_limit=10 * MIB) is not None
    assert process.tried_options == ["squeezed"]
    [[posted]] = process.discord.posted_uploads
    assert posted.size < 10 * MIB
    assert posted.link is None


async def test_clip_refused_at_every_option_is_kept(tmp_path: Path) -> None:
    process = PublishingProcess(tmp_path, public=False)
    process.discord.post_script.extend([TOO_LARGE] * 10)
    assert await process.post() is None
    assert process.tried_options == ["fitted", "squeezed", "squeezed"]
    assert process.original.read_bytes() == b"film"
    assert process.recorded == []


async def test_without_decent_quality_there_is_a_link_with_a_preview(
    process: PublishingProcess,
) -> None:
    process.media_probe.seconds = 148.0
    await process.post(upload_limit=10 * MIB)
    assert process.tried_options == ["link"]
    assert [name for name, _ in process.transcoder.written_files] == [
        "7-0.preview.mp4",
        "7-0.poster.jpg",
    ]


async def test_what_was_made_is_found_again_after_a_crash(process: PublishingProcess) -> None:
    process.discord.post_script.append(ChannelUnavailable("for now"))
    assert await process.post() is None
    process.restart()
    assert await process.post() is not None
    assert process.tried_options == ["fitted", "fitted"]
    assert len(process.transcoder.written_files) == 1


async def test_an_encoder_that_fails_does_not_hold_the_clip_up(process: PublishingProcess) -> None:
    process.transcoder.script.append(TranscodeFailed("broken"))
    await process.post()
    assert process.tried_options == ["link"]


async def test_an_encoder_that_always_fails_leaves_the_link(process: PublishingProcess) -> None:
    process.transcoder.script.extend([TranscodeFailed("broken")] * 9)
    await process.post()
    assert process.tried_options == ["bare"]


async def test_a_missing_poster_is_no_reason_to_post_no_preview(process: PublishingProcess) -> None:
    process.transcoder.script.extend([TranscodeFailed("a"), None, TranscodeFailed("b")])
    await process.post()
    [[posted]] = process.discord.posted_uploads
    assert (posted.option, posted.thumbnail_path) == (UploadOption.LINK, None)


async def test_largest_clip_is_reduced_first(process: PublishingProcess) -> None:
    small = replace(process.clip, id=13, path="clips/0000/7-1.mp4", size_bytes=MIB)
    large = replace(process.clip, size_bytes=15 * MIB)
    process.media_probe.size = 15 * MIB
    process.discord.post_script.append(TOO_LARGE)
    await process.post(small, large)
    assert [
        [upload.option.value for upload in uploads] for uploads in process.discord.posted_uploads
    ] == [
        ["as_is", "as_is"],
        ["as_is", "fitted"],
    ]


async def test_observed_limit_is_per_channel(process: PublishingProcess) -> None:
    process.media_probe.size = 30 * MIB
    clip = replace(process.clip, size_bytes=30 * MIB)
    process.discord.upload_limit = 50 * MIB
    process.discord.post_script.append(TOO_LARGE)
    await process.post(clip)
    await process.post(clip)
    await process.post(clip, guild_id=11)
    assert process.tried_options == ["as_is", "fitted", "fitted", "as_is"]


async def test_a_passing_fault_is_waited_for_and_the_channel_looked_at(
    process: PublishingProcess,
) -> None:
    process.discord.lost_answers.append(DiscordUnavailable("connection lost"))
    assert await process.post() is not None
    assert len(process.discord.messages) == 1
    assert process.recorded == [1000]


async def test_nothing_is_posted_after_the_lease_is_lost(process: PublishingProcess) -> None:
    process.transcoder.start_gate = asyncio.Event()
    task = asyncio.create_task(process.post())
    await process.transcoder.started.wait()
    process.lease.mark_lost()
    process.transcoder.start_gate.set()
    with pytest.raises(LeaseLost):
        await task
    assert process.discord.posted_uploads == []


async def test_an_encode_can_be_stopped(process: PublishingProcess) -> None:
    process.transcoder.start_gate = asyncio.Event()
    task = asyncio.create_task(process.post())
    await process.transcoder.started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    process.transcoder.start_gate.set()
    assert await process.post() is not None


class TestPostedAgain:
    """`/video get`."""

    async def again(
        self, process: PublishingProcess, key: str = "interaction:5", **about: Any
    ) -> int:
        origin = replace(ORIGIN, dedupe_key=key, channel_id=21, **about)
        return await process.publisher.publish_again(a_job(), [process.clip], origin)

    async def test_repost_uses_same_upload_options(self, process: PublishingProcess) -> None:
        process.discord.post_script.append(TOO_LARGE)
        assert await self.again(process) == 1000
        assert process.tried_options == ["fitted", "link"]

    async def test_the_original_is_held_against_its_hash(self, process: PublishingProcess) -> None:
        await self.again(process, upload_limit=100 * MIB)
        assert process.tried_options == ["as_is"]
        assert process.media_probe.probed_files == ["7-0.mp4"]
        assert process.google.fetch_count == 0

    @pytest.mark.parametrize("harm", ["gone", "spoilt"])
    async def test_it_is_fetched_from_google_while_google_has_it(
        self, process: PublishingProcess, harm: str
    ) -> None:
        if harm == "gone":
            process.original.unlink()
        else:
            process.original.write_bytes(b"spoilt")
        await self.again(process, upload_limit=100 * MIB)
        assert process.google.fetch_count == 1
        assert process.original.read_bytes().startswith(b"video of")

    async def test_missing_original_is_reported(self, process: PublishingProcess) -> None:
        process.original.unlink()
        process.clip = replace(process.clip, remote_expires_at=NOW)
        with pytest.raises(RecordNotFound) as refused:
            await self.again(process)
        assert refused.value.reason == "clip_file"
        process.clip = replace(process.clip, remote_expires_at=None)
        process.google.fetch_script.append(RemoteNotFound("gone"))
        with pytest.raises(RecordNotFound):
            await self.again(process)
        assert process.discord.messages == []

    async def test_a_lost_answer_does_not_post_it_twice(self, process: PublishingProcess) -> None:
        process.discord.lost_answers.append(DiscordUnavailable("connection lost"))
        await self.again(process)
        assert len(process.discord.messages) == 1

    async def test_repost_gives_up_when_discord_unavailable(
        self, process: PublishingProcess
    ) -> None:
        process.discord.post_script.extend([DiscordUnavailable("503")] * 20)
        with pytest.raises(DiscordUnavailable):
            await self.again(process)


async def test_a_first_post_whose_original_has_gone_fetches_it_again(
    process: PublishingProcess,
) -> None:
    process.discord.post_script.append(RecordNotFound("clip_file"))
    process.original.unlink()
    clip = replace(process.clip, size_bytes=MIB)
    assert await process.post(clip) is not None
    assert process.google.fetch_count == 1


async def test_after_some_resets_a_smaller_file_is_tried(process: PublishingProcess) -> None:
    """An edge may reset every large upload instead of answering 413. [discord-D11]"""
    process.media_probe.size = 17 * MIB
    clip = replace(process.clip, size_bytes=17 * MIB)
    process.discord.post_script.extend([UploadInterrupted("reset")] * 3)
    assert await process.post(clip) is not None
    assert process.tried_options == ["as_is"] * 3 + ["fitted"]
    await process.post(clip)
    assert process.tried_options[-1] == "fitted", "the size is known from now on"


async def test_resets_of_a_small_file_or_an_outage_change_nothing(
    process: PublishingProcess,
) -> None:
    """The size cannot be the reason, and nothing is learned about the place. [discord-D11]"""
    small = replace(process.clip, size_bytes=MIB // 2)
    process.discord.post_script.extend([UploadInterrupted("reset")] * 7)
    assert await process.post(small) is not None
    assert set(process.tried_options) == {"as_is"}
    large = replace(process.clip, size_bytes=17 * MIB)
    process.discord.post_script.extend([DiscordUnavailable("unreachable")] * 7)
    assert await process.post(large) is not None
    assert set(process.tried_options) == {"as_is"}


async def test_a_copy_is_made_smaller_after_resets_too(process: PublishingProcess) -> None:
    """[discord-D11]"""
    process.media_probe.size = 17 * MIB
    process.clip = replace(process.clip, size_bytes=17 * MIB)
    process.discord.post_script.extend([UploadInterrupted("reset")] * 3)
    origin = replace(ORIGIN, dedupe_key="interaction:5", channel_id=21)
    await process.publisher.publish_again(a_job(), [process.clip], origin)
    assert process.tried_options == ["as_is"] * 3 + ["fitted"]
    process.clip_store.add_repost.assert_awaited_once_with(7, channel_id=21, message_id=1000)
