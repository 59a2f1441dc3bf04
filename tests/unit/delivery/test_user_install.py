"""User installs: one message, edited until its token expires. Stored tokens are encrypted."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.discord.api_errors import to_delivery_error
from bot.discord.job_messages import DiscordJobMessages
from bot.discord.price_display import PriceDisplay
from bot.discord.user_install import TokenCipher
from bot.domain.clips.upload_options import PreparedUpload
from bot.domain.errors import ChannelUnavailable, DiscordUnavailable, LeaseLost
from bot.domain.jobs.job import Job, JobState, Outcome, UserInstallReply
from bot.domain.jobs.progress import JobProgress
from bot.media.local_store import LocalMediaStore
from bot.ui.clip_card import ClipCards
from tests.unit.delivery.test_job_messages import FakeChannel, FakeModelInfo, FixedClock, refusal
from tests.unit.words.examples import CLIP, NOW, ORIGIN, a_job

REPLY_ID = 61


def allow() -> None:
    """The lease is valid."""


def deny() -> None:
    raise LeaseLost("gone")


REPLY = UserInstallReply(
    message_id=REPLY_ID, editable_until=NOW + timedelta(minutes=10), token="sealed"
)
UPLOAD = PreparedUpload(CLIP, size=CLIP.size_bytes)


class FakeWebhook:
    """The webhook of an interaction, which records what was done and fails on demand."""

    def __init__(self) -> None:
        self.edits: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []
        self.read: list[bytes] = []
        self.errors: list[Exception] = []
        self.expired = False
        self.fetched_message: Any = None

    def get_webhook(self, reply: UserInstallReply, now: object) -> "FakeWebhook":
        if self.expired:
            raise ChannelUnavailable("expired")
        return self

    def _pass(self) -> None:
        if self.errors:
            raise self.errors.pop(0)

    async def edit_message(self, message_id: int, **arguments: Any) -> None:
        self._pass()
        assert message_id == REPLY_ID
        self.read += [file.fp.read() for file in arguments.get("attachments", [])]
        self.edits.append(arguments)

    async def send(self, **arguments: Any) -> Any:
        self._pass()
        self.read += [file.fp.read() for file in arguments["files"]]
        self.sent.append(arguments)
        return SimpleNamespace(id=77)

    async def fetch_message(self, message_id: int) -> Any:
        self._pass()
        return self.fetched_message


class MessagesSetup:
    """The messages of jobs over a fake webhook and fake direct messages."""

    def __init__(self, data_dir: Path) -> None:
        self.webhook, self.direct = FakeWebhook(), FakeChannel()
        client: Any = SimpleNamespace(user=SimpleNamespace(id=1), create_dm=self._create_dm)
        webhooks: Any = self.webhook
        no_guilds: Any = None  # a user install has no server's rules
        self.messages = DiscordJobMessages(
            client=client,
            cards=ClipCards(model_info=FakeModelInfo()),
            media_store=LocalMediaStore(data_dir),
            clock=FixedClock(),
            webhooks=webhooks,
            price_display=PriceDisplay(no_guilds),
        )
        (data_dir / "clips").mkdir()
        (data_dir / "clips/12.mp4").write_bytes(b"video")

    async def _create_dm(self, _user: object) -> FakeChannel:
        return self.direct


@pytest.fixture
async def setup(tmp_path: Path) -> MessagesSetup:
    return MessagesSetup(tmp_path)


def user_install_job(**changes: Any) -> Job:
    return replace(
        a_job(status_message_id=REPLY_ID, **changes),
        origin=replace(ORIGIN, guild_id=None, user_install_reply=REPLY),
    )


async def test_clip_replaces_status_and_no_status_follows(
    setup: MessagesSetup,
) -> None:
    await setup.messages.show_status(JobProgress(user_install_job(state=JobState.POLLING)))
    assert (
        await setup.messages.post_clips(
            user_install_job(state=JobState.POSTING), [UPLOAD], may_send=allow
        )
        == REPLY_ID
    )
    assert setup.webhook.read == [b"video"]
    await setup.messages.show_status(JobProgress(user_install_job(state=JobState.POLLING)))
    done = user_install_job(posted_message_id=REPLY_ID, outcome=Outcome.DELIVERED)
    await setup.messages.remove_status(done, search_first=True)
    assert len(setup.webhook.edits) == 2


async def test_adopted_post_is_not_replaced_by_status(setup: MessagesSetup) -> None:
    await setup.messages.show_status(JobProgress(user_install_job(state=JobState.POSTING)))
    assert setup.webhook.edits == []


async def test_deleted_reply_is_sent_again_only_once(setup: MessagesSetup) -> None:
    setup.webhook.errors = [refusal(404, 10008)]
    assert (
        await setup.messages.post_clips(
            user_install_job(state=JobState.POSTING), [UPLOAD], may_send=allow
        )
        == 77
    )
    assert setup.webhook.read == [b"video"]
    setup.webhook.errors = [refusal(404, 10008)]
    with pytest.raises(ChannelUnavailable):  # a second message may exist, which cannot be known
        await setup.messages.find_posted(user_install_job(state=JobState.POSTING))


async def test_process_without_job_sends_nothing(setup: MessagesSetup) -> None:
    with pytest.raises(LeaseLost):
        await setup.messages.post_clips(
            user_install_job(state=JobState.POSTING), [UPLOAD], may_send=deny
        )
    assert (setup.webhook.edits, setup.webhook.sent) == ([], [])


async def test_reply_is_checked_before_it_is_edited_again(setup: MessagesSetup) -> None:
    job = user_install_job(state=JobState.POSTING)
    await setup.messages.post_clips(job, [UPLOAD], may_send=allow)
    view = setup.webhook.edits[-1]["view"]
    posted = discord.Message.__new__(discord.Message)
    posted.id = REPLY_ID
    shown = [discord.components._component_factory(each) for each in view.to_components()]
    posted.components = [each for each in shown if each is not None]
    setup.webhook.fetched_message = posted
    assert await setup.messages.find_posted(job) == REPLY_ID
    posted.components = []
    assert await setup.messages.find_posted(job) is None
    setup.webhook.errors = [refusal(503)]
    with pytest.raises(DiscordUnavailable):
        await setup.messages.find_posted(job)


async def test_result_after_token_expiry_goes_to_direct_message(setup: MessagesSetup) -> None:
    setup.webhook.expired = True
    job = user_install_job(state=JobState.POSTING)
    assert (
        await setup.messages.show_status(JobProgress(user_install_job(state=JobState.FETCHING)))
        is None
    )
    with pytest.raises(ChannelUnavailable):
        await setup.messages.post_clips(job, [UPLOAD], may_send=allow)
    with pytest.raises(ChannelUnavailable):
        await setup.messages.find_posted(job)
    failed = replace(job, outcome=Outcome.DELIVERY_FAILED)
    assert (
        await setup.messages.announce_outcome(failed, [], is_mentioned=False, search_first=False)
        is None
    )
    assert await setup.messages.send_direct_notice(failed, [], search_first=False)
    assert len(setup.direct.sent) == 1


@pytest.mark.parametrize("code", [50027, 10015])
def test_invalid_token_is_permanent_error(code: int) -> None:
    assert isinstance(
        to_delivery_error(refusal(401 if code == 50027 else 404, code)), ChannelUnavailable
    )


def test_token_is_decrypted_by_same_bot_until_it_expires() -> None:
    cipher = TokenCipher("the bot's token")
    reply = replace(REPLY, token=cipher.encrypt("secret token"))
    assert "secret token" not in str(reply.token)
    assert "token" not in repr(reply)
    assert cipher.decrypt(reply, NOW) == "secret token"
    assert TokenCipher("the bot's token").decrypt(reply, NOW) == "secret token"  # another process
    with pytest.raises(ChannelUnavailable):
        TokenCipher("another bot's token").decrypt(reply, NOW)
    with pytest.raises(ChannelUnavailable):
        cipher.decrypt(reply, reply.editable_until)
    with pytest.raises(ChannelUnavailable):
        cipher.decrypt(replace(reply, token=None), NOW)
