"""Where the bot is a guest: one message, edited until its time is over, and a token kept sealed."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import pytest

from bot.discord.api_errors import to_delivery_error
from bot.discord.job_messages import DiscordJobMessages
from bot.discord.user_install import TokenCipher
from bot.domain.clips.upload_options import PreparedUpload
from bot.domain.errors import ChannelUnavailable, DiscordUnavailable, LeaseLost
from bot.domain.jobs.job import Job, JobState, Outcome, UserInstallReply
from bot.domain.ports import JobProgress
from bot.ui.clip_card import ClipCards
from tests.unit.delivery.test_delivery import Channel, Clock, Titles, refusal
from tests.unit.words.examples import CLIP, NOW, ORIGIN, a_job

ANSWER = 61


def yes() -> None:
    """The lease is held."""


def no() -> None:
    raise LeaseLost("gone")


VISIT = UserInstallReply(
    message_id=ANSWER, editable_until=NOW + timedelta(minutes=10), token="sealed"
)
FILM = PreparedUpload(CLIP, size=CLIP.size)


class Answer:
    """The webhook of an interaction that records what was done and fails on order."""

    def __init__(self) -> None:
        self.edits: list[dict[str, Any]] = []
        self.sent: list[dict[str, Any]] = []
        self.read: list[bytes] = []
        self.faults: list[Exception] = []
        self.over = False
        self.found: Any = None

    def get_webhook(self, reply: UserInstallReply, now: object) -> "Answer":
        if self.over:
            raise ChannelUnavailable("over")
        return self

    def _pass(self) -> None:
        if self.faults:
            raise self.faults.pop(0)

    async def edit_message(self, message_id: int, **given: Any) -> None:
        self._pass()
        assert message_id == ANSWER
        self.read += [file.fp.read() for file in given.get("attachments", [])]
        self.edits.append(given)

    async def send(self, **given: Any) -> Any:
        self._pass()
        self.read += [file.fp.read() for file in given["files"]]
        self.sent.append(given)
        return SimpleNamespace(id=77)

    async def fetch_message(self, message_id: int) -> Any:
        self._pass()
        return self.found


class Stand:
    """A delivery in a place that it visits."""

    def __init__(self, data_dir: Path) -> None:
        self.answer, self.direct = Answer(), Channel()
        client: Any = SimpleNamespace(user=SimpleNamespace(id=1), create_dm=self._create_dm)
        webhooks: Any = self.answer
        self.delivery = DiscordJobMessages(
            client=client,
            cards=ClipCards(model_info=Titles()),
            data_dir=data_dir,
            clock=Clock(),
            webhooks=webhooks,
        )
        (data_dir / "clips").mkdir()
        (data_dir / "clips/12.mp4").write_bytes(b"video")

    async def _create_dm(self, _user: object) -> Channel:
        return self.direct


@pytest.fixture
async def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def visiting(**changes: Any) -> Job:
    return replace(
        a_job(status_message_id=ANSWER, **changes),
        origin=replace(ORIGIN, guild_id=None, user_install_reply=VISIT),
    )


async def test_the_clip_takes_the_place_of_the_status_and_no_status_comes_after(
    stand: Stand,
) -> None:
    await stand.delivery.show_status(JobProgress(visiting(state=JobState.POLLING)))
    assert (
        await stand.delivery.post_clips(visiting(state=JobState.POSTING), [FILM], may_send=yes)
        == ANSWER
    )
    assert stand.answer.read == [b"video"]
    await stand.delivery.show_status(JobProgress(visiting(state=JobState.POLLING)))
    done = visiting(posted_message_id=ANSWER, outcome=Outcome.DELIVERED)
    await stand.delivery.close_status(done)
    assert len(stand.answer.edits) == 2


async def test_whoever_takes_a_post_over_shows_no_status_over_it(stand: Stand) -> None:
    await stand.delivery.show_status(JobProgress(visiting(state=JobState.POSTING)))
    assert stand.answer.edits == []


async def test_a_deleted_answer_is_written_anew_and_never_twice(stand: Stand) -> None:
    stand.answer.faults = [refusal(404, 10008)]
    assert (
        await stand.delivery.post_clips(visiting(state=JobState.POSTING), [FILM], may_send=yes)
        == 77
    )
    assert stand.answer.read == [b"video"]
    stand.answer.faults = [refusal(404, 10008)]
    with pytest.raises(ChannelUnavailable):  # there may be a second message by now: nobody can tell
        await stand.delivery.find_posted(visiting(state=JobState.POSTING))


async def test_process_without_job_sends_nothing(stand: Stand) -> None:
    with pytest.raises(LeaseLost):
        await stand.delivery.post_clips(visiting(state=JobState.POSTING), [FILM], may_send=no)
    assert (stand.answer.edits, stand.answer.sent) == ([], [])


async def test_the_answer_is_looked_at_before_it_is_filled_again(stand: Stand) -> None:
    job = visiting(state=JobState.POSTING)
    await stand.delivery.post_clips(job, [FILM], may_send=yes)
    view = stand.answer.edits[-1]["view"]
    posted = discord.Message.__new__(discord.Message)
    posted.id = ANSWER
    shown = [discord.components._component_factory(each) for each in view.to_components()]
    posted.components = [each for each in shown if each is not None]
    stand.answer.found = posted
    assert await stand.delivery.find_posted(job) == ANSWER
    posted.components = []
    assert await stand.delivery.find_posted(job) is None
    stand.answer.faults = [refusal(503)]
    with pytest.raises(DiscordUnavailable):
        await stand.delivery.find_posted(job)


async def test_result_after_token_expiry_goes_to_direct_message(stand: Stand) -> None:
    stand.answer.over = True
    job = visiting(state=JobState.POSTING)
    assert await stand.delivery.show_status(JobProgress(visiting(state=JobState.FETCHING))) is None
    with pytest.raises(ChannelUnavailable):
        await stand.delivery.post_clips(job, [FILM], may_send=yes)
    with pytest.raises(ChannelUnavailable):
        await stand.delivery.find_posted(job)
    await stand.delivery.notify_requester(replace(job, outcome=Outcome.DELIVERY_FAILED))
    assert len(stand.direct.sent) == 1


@pytest.mark.parametrize("code", [50027, 10015])
def test_invalid_token_is_permanent_error(code: int) -> None:
    assert isinstance(
        to_delivery_error(refusal(401 if code == 50027 else 404, code)), ChannelUnavailable
    )


def test_a_token_is_opened_by_the_same_bot_only_and_only_in_time() -> None:
    seal = TokenCipher("the bot's token")
    visit = replace(VISIT, token=seal.encrypt("secret token"))
    assert "secret token" not in str(visit.token)
    assert "token" not in repr(visit)
    assert seal.decrypt(visit, NOW) == "secret token"
    assert TokenCipher("the bot's token").decrypt(visit, NOW) == "secret token"  # another process
    with pytest.raises(ChannelUnavailable):
        TokenCipher("another bot's token").decrypt(visit, NOW)
    with pytest.raises(ChannelUnavailable):
        seal.decrypt(visit, visit.editable_until)
    with pytest.raises(ChannelUnavailable):
        seal.decrypt(replace(visit, token=None), NOW)
