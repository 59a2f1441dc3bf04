"""Delivery: nothing posted twice, no job held up by a status, every fault of Discord sorted."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest

from bot.app.clock import SystemClock
from bot.discord.api_errors import to_delivery_error
from bot.discord.job_messages import STATUS_EDIT_INTERVAL_S, DiscordJobMessages
from bot.domain.clips.clip import Clip
from bot.domain.clips.upload_options import MIB
from bot.domain.errors import (
    ChannelUnavailable,
    DiscordUnavailable,
    FileTooLarge,
    LeaseLost,
    RecordNotFound,
)
from bot.domain.jobs.job import JobState, Outcome
from bot.domain.ports import JobProgress
from bot.ui.clip_card import ClipCards
from tests.unit.words.examples import NOW, ORIGIN, a_job, enclosed

ME = 99


def refusal(status: int, code: int = 0) -> discord.HTTPException:
    response = SimpleNamespace(status=status, reason="x", headers={})
    kind: type[discord.HTTPException] = {403: discord.Forbidden, 404: discord.NotFound}.get(
        status, discord.DiscordServerError if status >= 500 else discord.HTTPException
    )
    return kind(response, {"code": code, "message": "said"})  # type: ignore[arg-type]


def freely() -> None:
    """Let everything be sent."""


class Titles:
    def get_display_name(self, model: str) -> str:
        return model

    def is_extendable(self, clip: Clip, now: datetime) -> bool:
        return True


class Clock(SystemClock):
    at = 100.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return self.at


class Channel:
    """A channel as discord.py shows it, which keeps what was sent and fails on order."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.edits: list[tuple[int, Any]] = []
        self.deleted: list[int] = []
        self.faults: list[BaseException] = []
        self.held: asyncio.Event | None = None
        self.waiting = asyncio.Event()
        self.messages: list[Any] = []
        self.read: list[bytes] = []
        self.fetched: list[int] = []
        self.fetch_faults: dict[int, Exception] = {}

    async def _pass(self) -> None:
        if self.held is not None:
            self.waiting.set()
            await self.held.wait()
        if self.faults:
            raise self.faults.pop(0)

    async def send(self, **given: Any) -> Any:
        await self._pass()
        self.read += [file.fp.read() for file in given.get("files", [])]
        self.sent.append(given)
        return SimpleNamespace(id=500 + len(self.sent))

    def get_partial_message(self, message_id: int) -> Any:
        async def edit(**given: Any) -> None:
            await self._pass()
            self.edits.append((message_id, given["view"]))

        async def delete() -> None:
            await self._pass()
            self.deleted.append(message_id)

        return SimpleNamespace(edit=edit, delete=delete)

    async def fetch_message(self, message_id: int) -> Any:
        self.fetched.append(message_id)
        if message_id in self.fetch_faults:
            raise self.fetch_faults[message_id]
        return SimpleNamespace(id=message_id)

    async def history(self, *, limit: int | None, after: Any) -> AsyncIterator[Any]:
        assert limit is None
        self.after = after
        await self._pass()
        for message in self.messages:
            yield message


class Stand:
    """A delivery with its fakes."""

    def __init__(self, data_dir: Path) -> None:
        self.channel = Channel()
        self.direct = Channel()
        self.clock = Clock()
        self.guilds: dict[int, Any] = {}
        webhooks: Any = None  # places that the bot only visits have tests of their own
        client: Any = SimpleNamespace(
            user=SimpleNamespace(id=ME),
            get_partial_messageable=lambda _channel, guild_id: self.channel,
            create_dm=self._create_dm,
            get_guild=lambda guild_id: self.guilds.get(guild_id),
        )
        self.delivery = DiscordJobMessages(
            client=client,
            cards=ClipCards(model_info=Titles()),
            data_dir=data_dir,
            clock=self.clock,
            webhooks=webhooks,
        )
        (data_dir / "clips").mkdir()
        (data_dir / "clips/12.mp4").write_bytes(b"video")

    async def _create_dm(self, _user: object) -> Channel:
        return self.direct


@pytest.fixture
async def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


async def test_a_post_streams_the_file_under_the_jobs_nonce(stand: Stand) -> None:
    job = a_job(state=JobState.POSTING, status_message_id=41)
    assert await stand.delivery.post_clips(job, [enclosed()], may_send=freely) == 501
    sent = stand.channel.sent[0]
    assert sent["nonce"] == job.post_nonce
    assert sent["reference"].message_id == 41
    assert not sent["reference"].fail_if_not_exists
    assert stand.channel.read == [b"video"]
    assert sent["files"][0].filename == "clip-12.mp4"
    assert sent["files"][0].fp.closed


def test_a_new_database_numbers_anew_but_its_nonces_differ() -> None:
    """Within its window Discord would answer with the old job's message."""
    job = a_job(id=1)
    other = replace(job, origin=replace(ORIGIN, key="interaction:2"))
    kinds = [job.post_nonce, *(job.nonce_for(kind) for kind in "std")]
    assert len(set(kinds) | {other.post_nonce} | {other.nonce_for(kind) for kind in "std"}) == 8
    assert replace(job, epoch=9, state=JobState.POSTING).post_nonce == job.post_nonce
    assert len(a_job(id=10**14).post_nonce) <= 25
    assert a_job(id=10**14).post_nonce != a_job(id=10**14 + 1).post_nonce


async def test_a_reply_is_answered_by_a_reply_to_the_person(stand: Stand) -> None:
    origin = type(ORIGIN)(**{**_fields(ORIGIN), "request_message_id": 77})
    job = a_job(state=JobState.POSTING, status_message_id=41, origin=origin)
    await stand.delivery.post_clips(job, [enclosed()], may_send=freely)
    assert stand.channel.sent[0]["reference"].message_id == 77
    await stand.delivery.close_status(job)
    assert stand.channel.deleted == [41]


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


@pytest.mark.parametrize(
    ("told", "tier", "limit"),
    [
        (10 * MIB, 3, 10 * MIB),
        (None, 0, None),
        (None, 1, None),
        (None, 2, 50 * MIB),
        (None, 3, 100 * MIB),
        (None, None, None),
    ],
)
async def test_the_limit_is_what_discord_says(
    stand: Stand, told: int | None, tier: int | None, limit: int | None
) -> None:
    """discord.py's own figure for servers without boosts is the old one."""
    figures = {0: 10 * MIB, 1: 10 * MIB, 2: 50 * MIB, 3: 100 * MIB}
    if tier is not None:
        stand.guilds[10] = SimpleNamespace(premium_tier=tier, filesize_limit=figures[tier])
    assert stand.delivery.reported_limit(replace(ORIGIN, upload_limit=told)) == limit


async def test_a_post_again_has_a_nonce_of_its_own(stand: Stand) -> None:
    origin = replace(ORIGIN, key="interaction:1234567890123456789")
    await stand.delivery.repost_clips(a_job(), [enclosed()], origin)
    assert stand.channel.sent[0]["nonce"] == "g1234567890123456789"
    assert len(stand.channel.sent[0]["nonce"]) <= 25


async def test_a_withdrawn_post_is_deleted_and_one_that_is_gone_is_no_fault(stand: Stand) -> None:
    await stand.delivery.delete_clip_post(a_job())
    assert stand.channel.deleted == []
    await stand.delivery.delete_clip_post(a_job(posted_message_id=40))
    assert stand.channel.deleted == [40]
    stand.channel.faults = [refusal(404, 10008)]
    await stand.delivery.delete_clip_post(a_job(posted_message_id=40))
    stand.channel.faults = [refusal(500)]
    await stand.delivery.delete_clip_post(a_job(posted_message_id=40))


async def test_missing_file_is_not_retried_forever(stand: Stand) -> None:
    with pytest.raises(RecordNotFound):
        await stand.delivery.post_clips(a_job(), [enclosed(path="clips/none.mp4")], may_send=freely)
    with pytest.raises(RecordNotFound):
        await stand.delivery.repost_clips(a_job(), [enclosed(path="clips/none.mp4")], ORIGIN)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (refusal(413), FileTooLarge),
        (refusal(400, 40005), FileTooLarge),
        (refusal(403, 50013), ChannelUnavailable),
        (refusal(403, 50001), ChannelUnavailable),
        (refusal(404, 10003), ChannelUnavailable),
        (refusal(400, 160002), ChannelUnavailable),
        (refusal(400, 50083), ChannelUnavailable),
        (refusal(401), DiscordUnavailable),
        (refusal(429), DiscordUnavailable),
        (refusal(500), DiscordUnavailable),
        (refusal(503), DiscordUnavailable),
        (discord.RateLimited(42.0), DiscordUnavailable),
        (aiohttp.ServerDisconnectedError(), DiscordUnavailable),
        (TimeoutError(), DiscordUnavailable),
        (ConnectionResetError(), DiscordUnavailable),
        (RuntimeError("Session is closed"), DiscordUnavailable),
    ],
)
async def test_every_post_error_is_classified(
    stand: Stand, fault: Exception, kind: type[Exception]
) -> None:
    stand.channel.faults = [fault]
    with pytest.raises(kind) as raised:
        await stand.delivery.post_clips(a_job(), [enclosed()], may_send=freely)
    assert raised.value.__cause__ is fault
    assert type(to_delivery_error(fault)) is kind
    if isinstance(fault, discord.RateLimited):
        assert getattr(raised.value, "retry_after_s", None) == 42.0


async def test_the_status_is_made_once_and_edited_in_place(stand: Stand) -> None:
    queued = a_job(state=JobState.QUEUED)
    assert await stand.delivery.show_status(JobProgress(queued, queue_position=2)) == 501
    assert stand.channel.sent[0]["nonce"] == queued.nonce_for("s")
    polling = a_job(state=JobState.POLLING, status_message_id=501)
    assert await stand.delivery.show_status(JobProgress(polling)) == 501
    assert [message for message, _ in stand.channel.edits] == [501]


async def test_edits_that_come_too_soon_are_dropped(stand: Stand) -> None:
    polling = a_job(state=JobState.POLLING, status_message_id=41)
    for _ in range(5):
        await stand.delivery.show_status(JobProgress(polling))
    assert len(stand.channel.edits) == 1
    stand.clock.at += STATUS_EDIT_INTERVAL_S
    await stand.delivery.show_status(JobProgress(polling))
    assert len(stand.channel.edits) == 2
    fetching = a_job(state=JobState.FETCHING, status_message_id=41)
    await stand.delivery.show_status(JobProgress(fetching))  # news is never too soon
    assert len(stand.channel.edits) == 3


async def test_an_edit_is_dropped_while_another_is_under_way(stand: Stand) -> None:
    stand.channel.held = asyncio.Event()
    first = asyncio.create_task(
        stand.delivery.show_status(JobProgress(a_job(state=JobState.POLLING, status_message_id=41)))
    )
    await asyncio.sleep(0)
    late = a_job(state=JobState.FETCHING, status_message_id=41)
    assert await stand.delivery.show_status(JobProgress(late)) == 41
    stand.channel.held.set()
    await first
    assert len(stand.channel.edits) == 1


async def test_progress_of_earlier_epoch_is_dropped(stand: Stand) -> None:
    claimed = a_job(state=JobState.SUBMITTING, status_message_id=41, epoch=1)
    await stand.delivery.show_status(JobProgress(claimed))
    read_before = a_job(state=JobState.QUEUED, status_message_id=41, epoch=0)
    assert await stand.delivery.show_status(JobProgress(read_before, queue_position=1)) == 41
    assert len(stand.channel.edits) == 1
    put_back = a_job(state=JobState.QUEUED, status_message_id=41, epoch=1)
    await stand.delivery.show_status(JobProgress(put_back, queue_position=1))
    assert len(stand.channel.edits) == 2


async def test_no_edits_after_final_status(stand: Stand) -> None:
    done = a_job(status_message_id=41)
    await stand.delivery.close_status(done)
    late = a_job(state=JobState.POLLING, status_message_id=41)
    await stand.delivery.show_status(JobProgress(late))
    assert len(stand.channel.edits) == 1


@pytest.mark.parametrize(
    "fault",
    [refusal(403, 50013), refusal(404, 10003), refusal(503), OSError(), discord.RateLimited(9.0)],
)
async def test_status_errors_never_fail_job(stand: Stand, fault: Exception) -> None:
    for state in (JobState.QUEUED, JobState.POLLING):
        stand.channel.faults = [fault]
        known = None if state is JobState.QUEUED else 41
        shown = await stand.delivery.show_status(
            JobProgress(a_job(state=state, status_message_id=known))
        )
        assert shown is None
    stand.channel.faults = [fault]
    await stand.delivery.close_status(a_job(status_message_id=41))


@pytest.mark.parametrize("fault", [refusal(503), refusal(429), OSError(), discord.RateLimited(9.0)])
async def test_failed_final_status_is_retried(stand: Stand, fault: Exception) -> None:
    job = a_job(status_message_id=41, outcome=Outcome.BLOCKED)
    stand.channel.faults = [fault]
    with pytest.raises(DiscordUnavailable):
        await stand.delivery.notify_requester(job)
    stand.channel.faults, stand.direct.faults = [refusal(403, 50001)], [fault]
    with pytest.raises(DiscordUnavailable):
        await stand.delivery.notify_requester(job)
    await stand.delivery.notify_requester(job)
    assert [message for message, _ in stand.channel.edits] == [41]


@pytest.mark.parametrize("fault", [refusal(403, 50013), refusal(404, 10003), refusal(400, 50035)])
async def test_undeliverable_final_status_is_abandoned(stand: Stand, fault: Exception) -> None:
    stand.channel.faults = [fault, fault]
    stand.direct.faults = [fault]
    await stand.delivery.notify_requester(a_job(status_message_id=41, outcome=Outcome.BLOCKED))


async def test_a_deleted_status_is_told_anew(stand: Stand) -> None:
    stand.channel.faults = [refusal(404, 10008)]
    await stand.delivery.notify_requester(a_job(status_message_id=41, outcome=Outcome.BLOCKED))
    assert stand.channel.sent[0]["nonce"] == a_job().nonce_for("t")


async def test_unavailable_channel_falls_back_to_direct_message(stand: Stand) -> None:
    stand.channel.faults = [refusal(403, 50001)]
    await stand.delivery.notify_requester(a_job(outcome=Outcome.DELIVERY_FAILED))
    assert len(stand.direct.sent) == 1


async def test_a_post_is_found_in_the_history_by_its_buttons(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = {1: None, 2: 6, 3: 7}
    monkeypatch.setattr("bot.discord.job_messages.find_button_number", lambda message, _: views[message.id])

    def message(number: int, author: int = ME) -> Any:
        return SimpleNamespace(id=number, author=SimpleNamespace(id=author))

    stand.channel.messages = [message(1), message(3, author=5), message(2), message(3)]
    job = a_job(state=JobState.POSTING, submitted_at=NOW)
    assert await stand.delivery.find_posted(job) == 3
    assert stand.channel.after <= NOW - timedelta(seconds=60)
    stand.channel.messages = [message(3, author=5), message(2)]
    assert await stand.delivery.find_posted(job) is None


@pytest.mark.parametrize("fault", [refusal(503), refusal(403, 50013), OSError()])
async def test_unreadable_history_is_inconclusive(stand: Stand, fault: Exception) -> None:
    stand.channel.faults = [fault]
    with pytest.raises(DiscordUnavailable):
        await stand.delivery.find_posted(a_job())


@pytest.mark.parametrize(
    "fault", [refusal(403, 50001), refusal(403, 50013), refusal(404, 10003), refusal(503)]
)
async def test_an_empty_history_is_trusted_only_where_a_known_message_can_be_read(
    stand: Stand, fault: Exception
) -> None:
    """Without Read Message History, Discord answers an empty list instead of a refusal."""
    job = a_job(status_message_id=41, origin=replace(ORIGIN, request_message_id=40))
    assert await stand.delivery.find_posted(job) is None
    stand.channel.fetch_faults = {41: fault}
    with pytest.raises(DiscordUnavailable):
        await stand.delivery.find_posted(job)
    stand.channel.fetch_faults = {41: refusal(404, 10008), 40: fault}  # the status was deleted
    with pytest.raises(DiscordUnavailable):
        await stand.delivery.find_posted(job)
    stand.channel.fetch_faults = {41: refusal(404, 10008), 40: refusal(404, 10008)}
    assert await stand.delivery.find_posted(job) is None
    stand.channel.fetched.clear()
    stand.channel.messages = [SimpleNamespace(id=50, author=SimpleNamespace(id=5))]
    assert await stand.delivery.find_posted(job) is None
    assert stand.channel.fetched == []


async def test_the_history_is_read_from_the_request_by_discords_clock(stand: Stand) -> None:
    """A status may be younger than the post: after a crash it is made anew before the search."""
    asked = 1234567890123456789
    origin = replace(ORIGIN, key=f"interaction:{asked}")
    await stand.delivery.find_posted(a_job(status_message_id=asked + 9, origin=origin))
    assert stand.channel.after.id == asked
    origin = replace(ORIGIN, request_message_id=77)
    await stand.delivery.find_posted(a_job(status_message_id=99, origin=origin))
    assert stand.channel.after.id == 77
    await stand.delivery.find_posted(a_job())
    assert stand.channel.after < NOW


@pytest.mark.parametrize("fault", [refusal(404, 10003), refusal(403, 50001)])
async def test_a_channel_that_is_gone_holds_no_post(stand: Stand, fault: Exception) -> None:
    stand.channel.faults = [fault]
    assert await stand.delivery.find_posted(a_job()) is None


async def test_a_post_that_hung_sends_nothing_once_it_may_not(stand: Stand) -> None:
    """It waits in the library, and the lease is lost: not a byte of the clip leaves any more."""
    held = True

    def may_send() -> None:
        if not held:
            raise LeaseLost("gone")

    stand.channel.held = asyncio.Event()
    posting = asyncio.create_task(
        stand.delivery.post_clips(a_job(), [enclosed()], may_send=may_send)
    )
    await stand.channel.waiting.wait()
    held = False
    stand.channel.held.set()
    with pytest.raises(LeaseLost):
        await posting
    assert stand.channel.read == []
    assert stand.channel.sent == []
    with pytest.raises(LeaseLost):
        await stand.delivery.post_clips(a_job(), [enclosed()], may_send=may_send)
