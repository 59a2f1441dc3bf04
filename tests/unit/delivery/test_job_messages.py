"""Job messages are posted once, status updates delay nothing, and errors are classified."""

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
from bot.discord.displayed_statuses import STATUS_EDIT_INTERVAL_S
from bot.discord.job_messages import DiscordJobMessages
from bot.discord.price_display import PriceDisplay
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.clips.upload_options import MIB
from bot.domain.errors import (
    ChannelUnavailable,
    DatabaseUnavailable,
    DiscordUnavailable,
    FileTooLarge,
    LeaseLost,
    RecordNotFound,
    UploadInterrupted,
)
from bot.domain.guild import GuildRules
from bot.domain.jobs.job import JobState, Outcome
from bot.domain.jobs.progress import JobProgress
from bot.domain.jobs.remakes import Remake
from bot.domain.jobs.request import VideoPlan
from bot.media.local_store import LocalMediaStore
from bot.ui.clip_card import STATUS_PICTURE_NAME, ClipCards
from tests.unit.words.examples import NOW, ORIGIN, a_job, enclosed

ME = 99


def refusal(status: int, code: int = 0) -> discord.HTTPException:
    response = SimpleNamespace(status=status, reason="x", headers={})
    kind: type[discord.HTTPException] = {403: discord.Forbidden, 404: discord.NotFound}.get(
        status, discord.DiscordServerError if status >= 500 else discord.HTTPException
    )
    return kind(response, {"code": code, "message": "said"})  # type: ignore[arg-type]


def allow_sending() -> None:
    """Never stop a post."""


class FakeModelInfo:
    def get_display_name(self, model: str) -> str:
        return model

    def is_extendable(self, clip: Clip, now: datetime) -> bool:
        return True

    def is_editable(self, clip: Clip, now: datetime) -> bool:
        return True

    def list_remakes(self, plan: VideoPlan, now: datetime) -> list[Remake]:
        return []

    def find_full_price(self, plan: VideoPlan, draft: Clip, now: datetime) -> Micros | None:
        return Micros(560_000)


class FixedClock(SystemClock):
    at = 100.0

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return self.at


class FakeChannel:
    """A channel that records what was sent and fails on demand."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.edits: list[tuple[int, Any]] = []
        self.attached: list[list[str] | None] = []
        """The names of the files of each edit, `None` if it keeps those that are there."""
        self.deleted: list[int] = []
        self.errors: list[BaseException] = []
        self.blocked: asyncio.Event | None = None
        self.waiting = asyncio.Event()
        self.messages: list[Any] = []
        self.read: list[bytes] = []
        self.fetched: list[int] = []
        self.fetch_errors: dict[int, Exception] = {}

    async def _pass(self) -> None:
        if self.blocked is not None:
            self.waiting.set()
            await self.blocked.wait()
        if self.errors:
            raise self.errors.pop(0)

    async def send(self, **arguments: Any) -> Any:
        await self._pass()
        self.read += [file.fp.read() for file in arguments.get("files", [])]
        self.sent.append(arguments)
        return SimpleNamespace(id=500 + len(self.sent))

    def get_partial_message(self, message_id: int) -> Any:
        async def edit(**arguments: Any) -> None:
            await self._pass()
            self.edits.append((message_id, arguments["view"]))
            files = arguments["attachments"]
            is_kept = files is discord.utils.MISSING
            self.attached.append(None if is_kept else [file.filename for file in files])

        async def delete() -> None:
            await self._pass()
            self.deleted.append(message_id)

        return SimpleNamespace(edit=edit, delete=delete)

    async def fetch_message(self, message_id: int) -> Any:
        self.fetched.append(message_id)
        if message_id in self.fetch_errors:
            raise self.fetch_errors[message_id]
        return SimpleNamespace(id=message_id)

    async def history(self, *, limit: int | None, after: Any) -> AsyncIterator[Any]:
        assert limit is None or limit >= len(self.messages)
        self.after = after
        await self._pass()
        for message in self.messages:
            yield message


class MessagesSetup:
    """The messages of jobs over a fake channel and fake direct messages."""

    def __init__(self, data_dir: Path) -> None:
        self.channel = FakeChannel()
        self.direct = FakeChannel()
        self.clock = FixedClock()
        self.guilds: dict[int, Any] = {}
        webhooks: Any = None  # for user installs, which have tests of their own
        client: Any = SimpleNamespace(
            user=SimpleNamespace(id=ME),
            get_partial_messageable=lambda _channel, guild_id: self.channel,
            create_dm=self._create_dm,
            get_guild=lambda guild_id: self.guilds.get(guild_id),
        )
        self.rules = GuildRules(ORIGIN.guild_id or 0)
        rules_store: Any = SimpleNamespace(load_rules=self._load_rules)
        self.messages = DiscordJobMessages(
            client=client,
            cards=ClipCards(model_info=FakeModelInfo()),
            media_store=LocalMediaStore(data_dir),
            clock=self.clock,
            webhooks=webhooks,
            price_display=PriceDisplay(rules_store),
        )
        (data_dir / "clips").mkdir()
        (data_dir / "clips/12.mp4").write_bytes(b"video")

    async def _create_dm(self, _user: object) -> FakeChannel:
        return self.direct

    async def _load_rules(self, guild_id: int) -> GuildRules:
        if self.rules.guild_id != guild_id:
            raise DatabaseUnavailable
        return self.rules


@pytest.fixture
async def setup(tmp_path: Path) -> MessagesSetup:
    return MessagesSetup(tmp_path)


async def test_post_streams_file_with_job_nonce(setup: MessagesSetup) -> None:
    job = a_job(state=JobState.POSTING, status_message_id=41)
    assert await setup.messages.post_clips(job, [enclosed()], may_send=allow_sending) == 501
    sent = setup.channel.sent[0]
    assert sent["nonce"] == job.post_nonce
    assert sent["reference"] is None, "the status goes, so nothing replies to it"
    assert setup.channel.read == [b"video"]
    assert sent["files"][0].filename == "clip-12-ai-veo-3.1-fast.mp4"
    assert sent["files"][0].fp.closed


def test_nonces_differ_between_databases() -> None:
    """Discord would return the message of the old job with the same number."""
    job = a_job(id=1)
    other = replace(job, origin=replace(ORIGIN, dedupe_key="interaction:2"))
    kinds = [job.post_nonce, *(job.nonce_for(kind) for kind in "std")]
    assert len(set(kinds) | {other.post_nonce} | {other.nonce_for(kind) for kind in "std"}) == 8
    assert replace(job, epoch=9, state=JobState.POSTING).post_nonce == job.post_nonce
    assert len(a_job(id=10**14).post_nonce) <= 25
    assert a_job(id=10**14).post_nonce != a_job(id=10**14 + 1).post_nonce


async def test_clip_replies_to_members_message(setup: MessagesSetup) -> None:
    origin = type(ORIGIN)(**{**_fields(ORIGIN), "request_message_id": 77})
    job = a_job(state=JobState.POSTING, status_message_id=41, origin=origin)
    await setup.messages.post_clips(job, [enclosed()], may_send=allow_sending)
    assert setup.channel.sent[0]["reference"].message_id == 77
    assert not setup.channel.sent[0]["reference"].fail_if_not_exists
    await setup.messages.remove_status(job, search_first=False)
    assert setup.channel.deleted == [41]


@pytest.mark.parametrize("is_mentioned", [True, False])
async def test_a_post_pings_the_requester_or_nobody(
    setup: MessagesSetup, is_mentioned: bool
) -> None:
    """Nothing else pings anyone. [people-M2]"""
    job = a_job(state=JobState.POSTING)
    await setup.messages.post_clips(
        job, [enclosed()], may_send=allow_sending, is_mentioned=is_mentioned
    )
    await setup.messages.announce_outcome(
        replace(job, outcome=Outcome.BLOCKED), [], is_mentioned=is_mentioned, search_first=False
    )
    for sent in setup.channel.sent:
        users = [ORIGIN.user_id] if is_mentioned else []
        allowed = sent["allowed_mentions"].to_dict()
        assert (allowed["parse"], allowed.get("users", [])) == ([], users)
        assert not sent["mention_author"]


async def test_an_outcome_that_pings_takes_the_statuss_place(setup: MessagesSetup) -> None:
    """An edit would notify nobody. [people-M2]"""
    job = a_job(status_message_id=41, outcome=Outcome.BLOCKED)
    setup.channel.messages = []
    card = await setup.messages.announce_outcome(job, [], is_mentioned=True, search_first=False)
    assert (card, setup.channel.deleted, setup.channel.edits) == (501, [41], [])
    assert setup.channel.sent[0]["nonce"] == job.nonce_for("t")


async def test_without_send_permission_the_status_is_edited_and_counts_as_not_announced(
    setup: MessagesSetup,
) -> None:
    setup.channel.errors = [refusal(403, 50013)]
    job = a_job(status_message_id=41, outcome=Outcome.DELIVERY_FAILED)
    card = await setup.messages.announce_outcome(job, [], is_mentioned=True, search_first=False)
    assert card is None, "so the requester is written to"
    assert [message for message, _ in setup.channel.edits] == [41]


async def test_a_refused_post_names_what_the_bot_lacks(setup: MessagesSetup) -> None:
    """Discord says "Missing Permissions" and not which. [discord-D21]"""
    granted = discord.Permissions.all()
    granted.update(attach_files=False)
    guild = SimpleNamespace(me=object(), premium_tier=0)
    channel = SimpleNamespace(permissions_for=lambda _me: granted, guild=guild)
    setup.guilds[10] = SimpleNamespace(get_channel_or_thread=lambda _channel: channel)
    setup.channel.errors = [refusal(403, 50013)]
    with pytest.raises(ChannelUnavailable) as raised:
        await setup.messages.post_clips(a_job(), [enclosed()], may_send=allow_sending)
    assert raised.value.missing == ("attach_files",)


async def test_cancelling_is_shown_at_once_though_an_edit_is_under_way(
    setup: MessagesSetup,
) -> None:
    """The update is never skipped as too early. [people-M12]"""
    polling = a_job(state=JobState.POLLING, status_message_id=41)
    setup.channel.blocked = asyncio.Event()
    first = asyncio.create_task(setup.messages.show_status(JobProgress(polling)))
    await setup.channel.waiting.wait()
    cancelled = replace(polling, cancel_requested=True)
    second = asyncio.create_task(setup.messages.show_status(JobProgress(cancelled)))
    setup.channel.blocked.set()
    await asyncio.gather(first, second)
    assert len(setup.channel.edits) == 2
    await setup.messages.show_status(JobProgress(cancelled))
    assert len(setup.channel.edits) == 2, "shown once"


def _fields(value: Any) -> dict[str, Any]:
    return {name: getattr(value, name) for name in value.__dataclass_fields__}


@pytest.mark.parametrize(
    ("reported", "tier", "limit"),
    [
        (10 * MIB, 3, 10 * MIB),
        (None, 0, None),
        (None, 1, None),
        (None, 2, 50 * MIB),
        (None, 3, 100 * MIB),
        (None, None, None),
    ],
)
async def test_reported_limit_is_discords(
    setup: MessagesSetup, reported: int | None, tier: int | None, limit: int | None
) -> None:
    """discord.py's own value for servers without boosts is out of date."""
    limits = {0: 10 * MIB, 1: 10 * MIB, 2: 50 * MIB, 3: 100 * MIB}
    if tier is not None:
        setup.guilds[10] = SimpleNamespace(premium_tier=tier, filesize_limit=limits[tier])
    assert setup.messages.reported_limit(replace(ORIGIN, upload_limit=reported)) == limit


@pytest.mark.parametrize(
    ("place", "is_shown"),
    [
        ({}, False),  # a server that has chosen nothing
        ({"guild_id": 55}, False),  # the database is away
        ({"guild_id": None}, True),  # direct messages of the requester
        ({"guild_id": None, "user_id": 31}, False),  # of somebody else
    ],
)
async def test_the_price_is_for_the_requester(
    setup: MessagesSetup, place: dict[str, Any], is_shown: bool
) -> None:
    origin = replace(ORIGIN, dedupe_key="interaction:1", **place)
    await setup.messages.repost_clips(a_job(), [enclosed()], origin)
    assert ("$0.80" in str(setup.channel.sent[-1]["view"].to_components())) is is_shown


async def test_a_server_may_show_prices_to_everyone(setup: MessagesSetup) -> None:
    setup.rules = replace(setup.rules, shows_prices=True)
    await setup.messages.post_clips(a_job(), [enclosed()], may_send=allow_sending)
    assert "$0.80" in str(setup.channel.sent[-1]["view"].to_components())


async def test_repost_has_own_nonce(setup: MessagesSetup) -> None:
    origin = replace(ORIGIN, dedupe_key="interaction:1234567890123456789")
    await setup.messages.repost_clips(a_job(), [enclosed()], origin)
    assert setup.channel.sent[0]["nonce"] == "g1234567890123456789"
    assert len(setup.channel.sent[0]["nonce"]) <= 25


async def test_deleting_takes_the_post_and_the_status(setup: MessagesSetup) -> None:
    """Messages left because Discord was down are reported and deleted later. [people-M14]"""
    await setup.messages.delete_job_messages(a_job())
    assert setup.channel.deleted == []
    job = a_job(posted_message_id=40, status_message_id=41)
    await setup.messages.delete_job_messages(job)
    assert sorted(setup.channel.deleted) == [40, 41]
    for refused in (refusal(404, 10008), refusal(403, 50001)):
        setup.channel.errors = [refused, refused]
        await setup.messages.delete_job_messages(job)
    setup.channel.errors = [refusal(500)]
    with pytest.raises(DiscordUnavailable):
        await setup.messages.delete_job_messages(job)


async def test_missing_file_is_not_retried_forever(setup: MessagesSetup) -> None:
    with pytest.raises(RecordNotFound):
        await setup.messages.post_clips(
            a_job(), [enclosed(path="clips/none.mp4")], may_send=allow_sending
        )
    with pytest.raises(RecordNotFound):
        await setup.messages.repost_clips(a_job(), [enclosed(path="clips/none.mp4")], ORIGIN)


@pytest.mark.parametrize(
    ("error", "kind"),
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
        (aiohttp.ServerDisconnectedError(), UploadInterrupted),
        (aiohttp.ClientOSError(104, "reset"), UploadInterrupted),
        (TimeoutError(), DiscordUnavailable),
        (OSError(5, "the disk"), DiscordUnavailable),
        (ConnectionResetError(), UploadInterrupted),
        (RuntimeError("Session is closed"), DiscordUnavailable),
    ],
)
async def test_every_post_error_is_classified(
    setup: MessagesSetup, error: Exception, kind: type[Exception]
) -> None:
    setup.channel.errors = [error]
    with pytest.raises(kind) as raised:
        await setup.messages.post_clips(a_job(), [enclosed()], may_send=allow_sending)
    assert raised.value.__cause__ is error
    assert type(to_delivery_error(error)) is kind
    if isinstance(error, discord.RateLimited):
        assert getattr(raised.value, "retry_after_s", None) == 42.0


async def test_status_is_sent_once_and_then_edited(setup: MessagesSetup) -> None:
    queued = a_job(state=JobState.QUEUED)
    assert await setup.messages.show_status(JobProgress(queued, queue_position=2)) == 501
    assert setup.channel.sent[0]["nonce"] == queued.nonce_for("s")
    polling = a_job(state=JobState.POLLING, status_message_id=501)
    assert await setup.messages.show_status(JobProgress(polling)) == 501
    assert [message for message, _ in setup.channel.edits] == [501]


async def test_early_edits_are_dropped(setup: MessagesSetup) -> None:
    polling = a_job(state=JobState.POLLING, status_message_id=41)
    for _ in range(5):
        await setup.messages.show_status(JobProgress(polling))
    assert len(setup.channel.edits) == 1
    setup.clock.at += STATUS_EDIT_INTERVAL_S
    await setup.messages.show_status(JobProgress(polling))
    assert len(setup.channel.edits) == 2
    fetching = a_job(state=JobState.FETCHING, status_message_id=41)
    await setup.messages.show_status(JobProgress(fetching))  # a new state is never too early
    assert len(setup.channel.edits) == 3


async def test_a_picture_is_uploaded_once_and_goes_with_the_wait(
    setup: MessagesSetup, tmp_path: Path
) -> None:
    key = "clips/12.poster-640.webp"
    (tmp_path / key).write_bytes(b"picture")
    polling = a_job(state=JobState.POLLING, status_message_id=41)
    await setup.messages.show_status(JobProgress(polling))
    shown = JobProgress(polling, picture=key)
    await setup.messages.show_status(shown)  # a picture is never too early
    await setup.messages.show_status(replace(shown, is_late=True))
    queued = replace(polling, state=JobState.QUEUED)
    await setup.messages.show_status(JobProgress(queued))
    assert setup.channel.attached == [[], [STATUS_PICTURE_NAME], None, []]
    shows_picture = [STATUS_PICTURE_NAME in str(v.to_components()) for _, v in setup.channel.edits]
    assert shows_picture == [False, True, True, False]


async def test_a_picture_that_is_gone_costs_no_status(setup: MessagesSetup) -> None:
    polling = a_job(state=JobState.POLLING, status_message_id=41)
    progress = JobProgress(polling, picture="clips/none.webp")
    assert await setup.messages.show_status(progress) == 41
    assert setup.channel.attached == [[]]


async def test_an_outcome_in_the_statuss_place_has_no_picture(
    setup: MessagesSetup, tmp_path: Path
) -> None:
    key = "clips/12.poster-640.webp"
    (tmp_path / key).write_bytes(b"picture")
    polling = a_job(state=JobState.POLLING, status_message_id=41)
    await setup.messages.show_status(JobProgress(polling, picture=key))
    blocked = replace(polling, state=JobState.FAILED, outcome=Outcome.BLOCKED)
    await setup.messages.announce_outcome(blocked, [], is_mentioned=False, search_first=False)
    assert setup.channel.attached == [[STATUS_PICTURE_NAME], []]


async def test_edit_is_dropped_during_another(setup: MessagesSetup) -> None:
    setup.channel.blocked = asyncio.Event()
    first = asyncio.create_task(
        setup.messages.show_status(JobProgress(a_job(state=JobState.POLLING, status_message_id=41)))
    )
    await asyncio.sleep(0)
    late = a_job(state=JobState.FETCHING, status_message_id=41)
    assert await setup.messages.show_status(JobProgress(late)) == 41
    setup.channel.blocked.set()
    await first
    assert len(setup.channel.edits) == 1


async def test_progress_of_earlier_epoch_is_dropped(setup: MessagesSetup) -> None:
    claimed = a_job(state=JobState.SUBMITTING, status_message_id=41, epoch=1)
    await setup.messages.show_status(JobProgress(claimed))
    read_before = a_job(state=JobState.QUEUED, status_message_id=41, epoch=0)
    assert await setup.messages.show_status(JobProgress(read_before, queue_position=1)) == 41
    assert len(setup.channel.edits) == 1
    put_back = a_job(state=JobState.QUEUED, status_message_id=41, epoch=1)
    await setup.messages.show_status(JobProgress(put_back, queue_position=1))
    assert len(setup.channel.edits) == 2


async def test_no_edits_after_final_status(setup: MessagesSetup) -> None:
    done = a_job(status_message_id=41, outcome=Outcome.BLOCKED)
    await setup.messages.announce_outcome(done, [], is_mentioned=False, search_first=False)
    late = a_job(state=JobState.POLLING, status_message_id=41)
    await setup.messages.show_status(JobProgress(late))
    assert len(setup.channel.edits) == 1


@pytest.mark.parametrize(
    "error",
    [refusal(403, 50013), refusal(404, 10003), refusal(503), OSError(), discord.RateLimited(9.0)],
)
async def test_status_errors_never_fail_job(setup: MessagesSetup, error: Exception) -> None:
    for state in (JobState.QUEUED, JobState.POLLING):
        setup.channel.errors = [error]
        known = None if state is JobState.QUEUED else 41
        shown = await setup.messages.show_status(
            JobProgress(a_job(state=state, status_message_id=known))
        )
        assert shown is None


@pytest.mark.parametrize("error", [refusal(503), refusal(429), OSError(), discord.RateLimited(9.0)])
async def test_a_failed_deletion_of_the_status_is_tried_again(
    setup: MessagesSetup, error: Exception
) -> None:
    job = a_job(status_message_id=41, posted_message_id=50, outcome=Outcome.DELIVERED)
    setup.channel.errors = [error]
    with pytest.raises(DiscordUnavailable):
        await setup.messages.remove_status(job, search_first=False)
    await setup.messages.remove_status(job, search_first=True)
    assert setup.channel.deleted == [41]
    setup.channel.errors = [refusal(403, 50001)]
    await setup.messages.remove_status(job, search_first=False)  # final: nothing more can be done


async def test_a_status_whose_id_was_lost_is_found_and_deleted(
    setup: MessagesSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No prompt stays in the channel after a crash. [people-M2]"""
    monkeypatch.setattr(
        "bot.discord.job_messages.find_button_number", lambda message, _: {44: 7}.get(message.id)
    )
    author = SimpleNamespace(id=ME)
    setup.channel.messages = [SimpleNamespace(id=number, author=author) for number in (43, 44)]
    job = a_job(posted_message_id=50, outcome=Outcome.DELIVERED)
    await setup.messages.remove_status(job, search_first=True)
    assert setup.channel.deleted == [44]


@pytest.mark.parametrize("error", [refusal(503), refusal(429), OSError(), discord.RateLimited(9.0)])
@pytest.mark.parametrize("is_mentioned", [True, False])
async def test_failed_outcome_is_retried(
    setup: MessagesSetup, error: Exception, is_mentioned: bool
) -> None:
    job = a_job(status_message_id=41, outcome=Outcome.BLOCKED)
    setup.channel.errors = [error]
    with pytest.raises(DiscordUnavailable):
        await setup.messages.announce_outcome(
            job, [], is_mentioned=is_mentioned, search_first=False
        )
    setup.direct.errors = [error]
    with pytest.raises(DiscordUnavailable):
        await setup.messages.send_direct_notice(job, [], search_first=False)


@pytest.mark.parametrize("error", [refusal(403, 50013), refusal(404, 10003), refusal(400, 50035)])
async def test_undeliverable_outcome_is_abandoned(setup: MessagesSetup, error: Exception) -> None:
    job = a_job(status_message_id=41, outcome=Outcome.BLOCKED)
    setup.channel.errors = [error, error]
    card = await setup.messages.announce_outcome(job, [], is_mentioned=False, search_first=False)
    assert card is None
    setup.direct.errors = [error]
    assert not await setup.messages.send_direct_notice(job, [], search_first=False)


async def test_outcome_is_sent_if_status_was_deleted(setup: MessagesSetup) -> None:
    setup.channel.errors = [refusal(404, 10008)]
    job = a_job(status_message_id=41, outcome=Outcome.BLOCKED)
    await setup.messages.announce_outcome(job, [], is_mentioned=False, search_first=False)
    assert setup.channel.sent[0]["nonce"] == a_job().nonce_for("t")


async def test_post_is_found_in_history_by_its_buttons(
    setup: MessagesSetup, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = {1: None, 2: 6, 3: 7}
    monkeypatch.setattr(
        "bot.discord.job_messages.find_button_number", lambda message, _: views[message.id]
    )

    def message(number: int, author: int = ME) -> Any:
        return SimpleNamespace(id=number, author=SimpleNamespace(id=author))

    setup.channel.messages = [message(1), message(3, author=5), message(2), message(3)]
    job = a_job(state=JobState.POSTING, submitted_at=NOW)
    assert await setup.messages.find_posted(job) == 3
    assert setup.channel.after <= NOW - timedelta(seconds=60)
    setup.channel.messages = [message(3, author=5), message(2)]
    assert await setup.messages.find_posted(job) is None


@pytest.mark.parametrize("error", [refusal(503), refusal(403, 50013), OSError()])
async def test_unreadable_history_is_inconclusive(setup: MessagesSetup, error: Exception) -> None:
    setup.channel.errors = [error]
    with pytest.raises(DiscordUnavailable):
        await setup.messages.find_posted(a_job())


@pytest.mark.parametrize(
    "error", [refusal(403, 50001), refusal(403, 50013), refusal(404, 10003), refusal(503)]
)
async def test_empty_history_counts_only_if_known_message_is_readable(
    setup: MessagesSetup, error: Exception
) -> None:
    """Without Read Message History, Discord returns an empty list instead of an error."""
    job = a_job(status_message_id=41, origin=replace(ORIGIN, request_message_id=40))
    assert await setup.messages.find_posted(job) is None
    setup.channel.fetch_errors = {41: error}
    with pytest.raises(DiscordUnavailable):
        await setup.messages.find_posted(job)
    setup.channel.fetch_errors = {41: refusal(404, 10008), 40: error}  # the status was deleted
    with pytest.raises(DiscordUnavailable):
        await setup.messages.find_posted(job)
    setup.channel.fetch_errors = {41: refusal(404, 10008), 40: refusal(404, 10008)}
    assert await setup.messages.find_posted(job) is None
    setup.channel.fetched.clear()
    setup.channel.messages = [SimpleNamespace(id=50, author=SimpleNamespace(id=5))]
    assert await setup.messages.find_posted(job) is None
    assert setup.channel.fetched == []


async def test_history_is_read_from_request_on(setup: MessagesSetup) -> None:
    """A status can be newer than the post: after a crash it is sent again before the search."""
    asked = 1234567890123456789
    origin = replace(ORIGIN, dedupe_key=f"interaction:{asked}")
    await setup.messages.find_posted(a_job(status_message_id=asked + 9, origin=origin))
    assert setup.channel.after.id == asked
    origin = replace(ORIGIN, request_message_id=77)
    await setup.messages.find_posted(a_job(status_message_id=99, origin=origin))
    assert setup.channel.after.id == 77
    await setup.messages.find_posted(a_job())
    assert setup.channel.after < NOW


@pytest.mark.parametrize("error", [refusal(404, 10003), refusal(403, 50001)])
async def test_missing_channel_has_no_post(setup: MessagesSetup, error: Exception) -> None:
    setup.channel.errors = [error]
    assert await setup.messages.find_posted(a_job()) is None


async def test_delayed_post_sends_nothing_after_lease_is_lost(setup: MessagesSetup) -> None:
    """The lease expires while discord.py delays the post, so nothing is sent."""
    lease_is_valid = True

    def may_send() -> None:
        if not lease_is_valid:
            raise LeaseLost("gone")

    setup.channel.blocked = asyncio.Event()
    posting = asyncio.create_task(
        setup.messages.post_clips(a_job(), [enclosed()], may_send=may_send)
    )
    await setup.channel.waiting.wait()
    lease_is_valid = False
    setup.channel.blocked.set()
    with pytest.raises(LeaseLost):
        await posting
    assert setup.channel.read == []
    assert setup.channel.sent == []
    with pytest.raises(LeaseLost):
        await setup.messages.post_clips(a_job(), [enclosed()], may_send=may_send)
