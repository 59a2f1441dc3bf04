"""Only a direction spends by itself; every other reply needs a tap by its author."""

import asyncio
from pathlib import Path

import pytest

from tests.e2e.stage import BotStage, buttons_of, clips_of, text_of
from tests.e2e.test_replies import fetch_bot_id, write_image
from tests.harness.texts import quote_text
from tests.harness.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

TAP = "🎬"
COMMENTS = (
    "nice!",
    "lol",
    "👏",
    "gg",
    "what prompt did you use?",
    "https://example.com/watch",
    "haha amazing work dude",
    "太好看了吧",
    "can you make him dance?",
)


async def wait_for_tap(stage: BotStage, room: str, message: str) -> None:
    """Wait until the bot's own reaction is under a message."""

    async def has_reaction() -> bool:
        found = next(m for m in await stage.control.messages(room) if m["id"] == message)
        emoji = [each["emoji"]["name"] for each in found.get("reactions", []) if each["me"]]
        return emoji == [TAP]

    await eventually(has_reaction, timeout=60, interval=0.1, what="the bot's reaction")


async def list_bot_texts(stage: BotStage, room: str) -> list[str]:
    """Return the texts of the bot's messages in a channel that show no clip."""
    messages = await stage.control.messages(room)
    clips = clips_of(messages)
    return [text_of(m) for m in messages if m["author"].get("bot") and m not in clips]


async def test_comments_cost_nothing_until_their_author_taps(stage: BotStage) -> None:
    """Nine comments make no clip and no message; a tap by the author makes one. [people-M3]"""
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    before = len(await stage.list_submits())
    texts = len(await list_bot_texts(stage, room))
    replies = [
        await stage.control.message(stage.people["Cem"], room, text, reply_to=clip["id"])
        for text in COMMENTS
    ]
    for reply in replies:
        await wait_for_tap(stage, room, reply)
    assert len(await stage.list_submits()) == before
    assert len(await list_bot_texts(stage, room)) == texts
    await stage.control.reaction(stage.people["Dia"], replies[-1], TAP)
    await stage.bot.restart()
    await stage.control.reaction(stage.people["Cem"], replies[-1], TAP)
    made = await stage.wait_for_clip(room, 2)
    assert made["message_reference"]["message_id"] == replies[-1]
    await stage.control.reaction(stage.people["Cem"], replies[-1], TAP, remove=True)
    await stage.control.reaction(stage.people["Cem"], replies[-1], TAP)
    await stage.wait_until_idle(room)
    assert len(await stage.list_submits()) == before + 1


@pytest.mark.parametrize(
    ("words", "button"),
    [
        pytest.param(quote_text("button.redo", "zh-CN"), "redo", id="people-M4-zh"),
        pytest.param(quote_text("button.redo", "de") + "!", "redo", id="people-M4-de"),
        pytest.param(quote_text("button.delete").lower(), "delete", id="people-M4-delete"),
        pytest.param(
            quote_text("reply_words.reword", "ja").split(", ")[0], "reword", id="people-M4-ja"
        ),
    ],
)
async def test_the_words_of_a_button_bring_that_button(
    stage: BotStage, words: str, button: str
) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    before = len(await stage.list_submits())
    reply = await stage.control.message(stage.people["Cem"], room, words, reply_to=clip["id"])
    answer = await stage.control.wait_message(
        room,
        lambda m: (m.get("message_reference") or {}).get("message_id") == reply,
    )
    assert quote_text(f"button.{button}") in buttons_of(answer)
    assert len(await stage.list_submits()) == before


async def test_a_picture_in_a_reply_is_not_dropped_in_silence(
    stage: BotStage, tmp_path: Path
) -> None:
    """The author reads what cannot be used before payment. [people-M8, discord-D15]"""
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    before = len(await stage.list_submits())
    picture = write_image(tmp_path / "red.png", "red")
    reply = await stage.control.message(
        stage.people["Cem"],
        room,
        "the fox finds this on the road and stops",
        reply_to=clip["id"],
        attachments=[picture],
    )
    question = await stage.wait_for_message(room, quote_text("reply.picture"))
    assert len(await stage.list_submits()) == before
    [label] = [
        each
        for each in buttons_of(question)
        if each.startswith(quote_text("button.reply_without_image"))
    ]
    assert "$" in label
    await stage.wait_for_answer(
        await stage.press_button(question, label, "Dia"), quote_text("not_allowed.offer")
    )
    await stage.press_button(question, label, "Cem")
    made = await stage.wait_for_clip(room, 2)
    assert made["message_reference"]["message_id"] == reply
    assert len(await stage.list_submits()) == before + 1


async def test_with_two_clips_the_words_are_kept(stage: BotStage) -> None:
    """The question which clip is meant keeps the words of the reply. [people-M11]"""
    room = await stage.open_channel()
    clip = await stage.make_clip(room, model="veo-2.0-generate-001", duration=5, videos=2)
    # Veo 2 extends nothing, so the choice is refused; what matters is the question
    reply = await stage.control.message(stage.people["Cem"], room, "and on", reply_to=clip["id"])
    question = await stage.wait_for_message(room, quote_text("clip.which"))
    assert question["message_reference"]["message_id"] == reply
    labels = [
        label
        for label in buttons_of(question)
        if label.startswith(quote_text("button.extend_one", clip=""))
    ]
    assert len(labels) == 2


async def test_mentions_get_help_or_an_offer(stage: BotStage) -> None:
    """A mention gets an answer and makes nothing without confirmation. [people-M6]"""
    room, bot = await stage.open_channel(), await fetch_bot_id(stage)
    before = len(await stage.list_submits())
    await stage.control.message(stage.people["Cem"], room, f"<@{bot}> help")
    await stage.wait_for_message(room, quote_text("mention.help"))
    await stage.control.message(stage.people["Dia"], room, f"<@{bot}> film a cat")
    offer = await stage.wait_for_message(room, quote_text("ask.confirm"))
    assert len(await stage.list_submits()) == before
    await stage.press_button(offer, quote_text("button.accept"), "Dia")
    await stage.wait_for_clip(room)


async def test_a_friends_picture(stage: BotStage, tmp_path: Path) -> None:
    """If Discord hides the image, the bot says what to do; otherwise it animates it. [people-M7]"""
    room, bot = await stage.open_channel(), await fetch_bot_id(stage)
    picture = write_image(tmp_path / "blue.png", "blue")
    shown = await stage.control.message(stage.people["Cem"], room, "look", attachments=[picture])
    ask = f"<@{bot}> make it move like waves"
    await stage.control.message(stage.people["Ada"], room, ask, reply_to=shown)
    await stage.wait_for_message(room, quote_text("mention.image"))
    await stage.control.grant_intents("MESSAGE_CONTENT")
    try:
        await stage.control.message(stage.people["Dia"], room, ask, reply_to=shown)
        await stage.wait_for_clip(room)
    finally:
        await stage.control.grant_intents()
    assert "image" in (await stage.list_submits())[-1]["json"]["instances"][0]


async def test_replies_to_status_and_guide(stage: BotStage) -> None:
    """A reply to a status says that the clip is not ready; others get no answer. [people-M9]"""
    room, bot = await stage.open_channel(), await fetch_bot_id(stage)
    async with stage.control.hold_google():
        await stage.wait_for_answer(await stage.request_clip(room), quote_text("ask.accepted"))
        status = await stage.wait_for_message(room, quote_text("stage.polling"))
        before = len(await stage.list_submits())
        ask = "the fox runs faster and jumps"
        await stage.control.message(stage.people["Ada"], room, ask, reply_to=status["id"])
        await stage.wait_for_message(room, quote_text("reply.not_ready"))
        await stage.control.message(stage.people["Cem"], room, "cancel", reply_to=status["id"])
        offered = await stage.wait_for_message(room, quote_text("reply.press"))
        assert quote_text("button.cancel") in buttons_of(offered)
    await stage.wait_for_clip(room)

    async def is_status_gone() -> bool:
        return status["id"] not in [each["id"] for each in await stage.control.messages(room)]

    await stage.wait_until(is_status_gone, "the status being gone")
    await stage.control.message(stage.people["Cem"], room, f"<@{bot}> help")
    told = await stage.wait_for_message(room, quote_text("mention.help"))
    count = len(await list_bot_texts(stage, room))
    await stage.control.message(stage.people["Cem"], room, "congrats!!", reply_to=told["id"])
    await stage.control.message(stage.people["Cem"], room, ask, reply_to=told["id"])
    after = await stage.control.message(stage.people["Dia"], room, f"<@{bot}> help")
    await stage.control.wait_message(
        room, lambda m: (m.get("message_reference") or {}).get("message_id") == after
    )
    assert len(await list_bot_texts(stage, room)) == count + 1
    assert len(await stage.list_submits()) == before


async def test_a_thread_on_a_clip_is_no_reply(stage: BotStage) -> None:
    """The messages that Discord writes about a new thread are ignored. [discord-D06, discord-S3]"""
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    thread = await stage.control.thread(stage.people["Cem"], "about it", message=clip["id"])
    kinds = {m["type"] for m in await stage.control.messages(room)}
    assert 18 in kinds
    [starter] = await stage.control.messages(thread)
    assert (starter["type"], starter["author"]["id"]) == (21, stage.people["Cem"])
    reply = await stage.control.message(stage.people["Cem"], room, "nice!", reply_to=clip["id"])
    await wait_for_tap(stage, room, reply)
    assert len(await stage.control.messages(thread)) == 1


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 503, "times": 1}, id="discord-D10-503"),
        pytest.param({"drop": "before", "times": 1}, id="discord-D10-cut"),
        pytest.param({"drop": "after", "times": 1}, id="discord-D10-cut-after"),
    ],
)
async def test_an_answer_is_repeated_while_discord_is_busy(
    stage: BotStage, fault: dict[str, object]
) -> None:
    room, bot = await stage.open_channel(), await fetch_bot_id(stage)
    clip = await stage.make_clip(room)
    path = rf"/channels/{room}/messages$"
    await stage.control.fault("discord", method="POST", path=path, **fault)
    await stage.control.message(stage.people["Cem"], room, f"<@{bot}>", reply_to=clip["id"])
    await stage.wait_for_message(room, quote_text("reply.empty"))
    await asyncio.sleep(0)
    texts = await list_bot_texts(stage, room)
    assert sum(quote_text("reply.empty") in text for text in texts) == 1
    assert "listener.failed" not in stage.bot.read_log()


async def test_an_answer_that_cannot_be_given_is_no_failure(stage: BotStage) -> None:
    """A closed thread or deleted channel only leaves a line in the log. [discord-D10]"""
    room, bot = await stage.open_channel(), await fetch_bot_id(stage)
    clip = await stage.make_clip(room)
    body = {"message": "Thread is archived", "code": 50083}
    path = rf"/channels/{room}/messages$"
    await stage.control.fault("discord", method="POST", path=path, times=1, status=400, body=body)
    await stage.control.message(stage.people["Cem"], room, f"<@{bot}>", reply_to=clip["id"])
    await stage.wait_until(
        lambda: asyncio.to_thread(lambda: "reply.answer_failed" in stage.bot.read_log()),
        "the line in the log",
    )
    assert "listener.failed" not in stage.bot.read_log()
