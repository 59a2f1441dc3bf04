"""Finished clips are judged by three frames before anybody sees them, on both databases."""

from typing import Final

import pytest

from tests.e2e.stage import BotStage, Json, clips_of, text_of
from tests.e2e.test_content_check import MODEL, list_asked, rate
from tests.harness.texts import quote_text

BOT_SETTINGS = {
    "MODERATION_MODEL": MODEL,
    "MODERATE_RESULTS": "true",
    "DEFAULT_MEMBER_CLIPS_PER_DAY": "50",
    "LEASE_S": "3",
}
FRAMES: Final = '"frames"'
"""In the question about a result, and not in that about a request."""
pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize(
        "stage",
        ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)],
        indirect=True,
        scope="module",
    ),
]


async def answer_about_frames(stage: BotStage, answer: Json | None) -> None:
    rules = [] if answer is None else [{"prompt": FRAMES, **answer}]
    await stage.control.google(text={"answer_for": rules})


async def list_asked_about_frames(stage: BotStage) -> list[list[Json]]:
    """Return the parts of the questions about results."""
    parts = [asked["json"]["contents"][0]["parts"] for asked in await list_asked(stage)]
    return [each for each in parts if FRAMES in each[0]["text"]]


async def read_used(stage: BotStage, room: str) -> str:
    asked = await stage.control.command(stage.people["Cem"], room, "quota show", {})
    return await stage.wait_for_answer(asked)


async def test_what_the_frames_show_decides_who_sees_a_clip(stage: BotStage) -> None:
    """Refused without moderators, refused with them and let pass after a restart, and allowed."""
    room = await stage.open_channel()
    used, violence = await read_used(stage, room), quote_text("content_kind.violence")
    await answer_about_frames(stage, rate(violence="clear"))
    await stage.request_clip(room, "a storm", user="Cem")
    await stage.wait_for_message(room, quote_text("outcome.result_refused", kinds=violence))
    await stage.wait_until_idle(room)
    assert clips_of(await stage.control.messages(room)) == []
    assert await read_used(stage, room) == used

    staff = await stage.open_channel()
    chosen = await stage.control.command(
        stage.people["Ada"], room, "server staff", {"channel": staff}
    )
    await stage.wait_for_answer(chosen, quote_text("server.staff.set", staff=f"<#{staff}>"))
    await stage.request_clip(room, "a gale", user="Cem")
    asked = await stage.wait_for_clip(staff)
    assert quote_text("review.found", kinds=violence) in text_of(asked)
    await stage.bot.kill_and_wait()
    await stage.bot.start()
    assert clips_of(await stage.control.messages(room)) == []
    pressed = await stage.press_button(asked, quote_text("button.review_post"))
    await stage.wait_for_answer(pressed, quote_text("review.done.post"))
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert len(clips_of(await stage.control.messages(room))) == 1
    assert len(await list_asked_about_frames(stage)) == 2

    await answer_about_frames(stage, None)
    quiet = await stage.open_channel()
    await stage.make_clip(quiet, "a calm sea")
    assert len(await stage.control.messages(staff)) == 1
    [_, _, (question, *frames)] = await list_asked_about_frames(stage)
    assert "calm sea" not in question["text"]
    assert [part["inlineData"]["mimeType"] for part in frames] == ["image/jpeg"] * 3
