"""A request, a clip and a report that wait move together to another staff channel."""

from typing import Final

import pytest

from tests.e2e.omni import ON_BOTH_DATABASES
from tests.e2e.stage import BotStage, Json, clip_number_of, clips_of, text_of
from tests.harness.texts import quote_text

BOT_SETTINGS = {"DEFAULT_MEMBER_CLIPS_PER_DAY": "50"}
pytestmark = [pytest.mark.asyncio(loop_scope="module"), ON_BOTH_DATABASES]
COUNTS: Final = ("server.review.waiting", "server.staff.reports", "server.staff.requests")


async def run_admin(stage: BotStage, room: str, command: str, **options: object) -> str:
    """Give an admin's command and return its answer."""
    asked = await stage.control.command(stage.people["Ada"], room, f"server {command}", options)
    return await stage.wait_for_answer(asked)


async def report_clip(stage: BotStage, clip: Json) -> None:
    details = await stage.press_button(clip, quote_text("button.details"), "Dia")
    pressed = await stage.press_answer(details, quote_text("button.report"), "Dia")
    await stage.wait_for_answer(pressed, quote_text("report.receipt.received"))


async def wait_for_all(stage: BotStage, staff: str) -> tuple[Json, Json, Json]:
    """Return the only three messages of the staff channel: request, clip and report."""
    question = await stage.wait_for_message(staff, quote_text("question.ask"))
    review = await stage.wait_for_clip(staff)
    report = await stage.wait_for_message(staff, quote_text("report.count", count=1))
    messages = {message["id"] for message in await stage.control.messages(staff)}
    assert messages == {question["id"], review["id"], report["id"]}
    return question, review, report


async def test_all_that_waits_moves_is_counted_and_can_be_decided(stage: BotStage) -> None:
    room, staff, other = [await stage.open_channel() for _ in range(3)]
    await run_admin(stage, room, "staff", channel=staff)
    await run_admin(stage, room, "words add", words="rose", action="ask")
    reported = await stage.make_clip(room, user="Cem")
    await run_admin(stage, room, "review", clips="everyone")
    await report_clip(stage, reported)
    await stage.request_clip(room, "a rose", user="Cem")
    await stage.request_clip(room, "a red fox", user="Cem")
    asked, shown, _ = await wait_for_all(stage, staff)

    moved = await run_admin(stage, room, "staff", channel=other)
    counted = [quote_text(key, count=1) for key in COUNTS]
    for text in counted[1:]:
        assert text in moved
    question, review, report = await wait_for_all(stage, other)

    async def are_gone() -> bool:
        left = await stage.control.messages(staff)
        ids = {message["id"] for message in left}
        return asked["id"] not in ids and clips_of(left) == []

    await stage.wait_until(are_gone, "the earlier messages being gone")
    [kept] = await stage.control.messages(staff)
    assert kept["id"] == shown["id"]
    assert quote_text("review.moved") in text_of(kept)

    async def are_counted() -> bool:
        status = await run_admin(stage, room, "staff")
        return all(text in status for text in counted)

    await stage.wait_until(are_counted, "all three being counted")

    pressed = await stage.press_button(report, quote_text("button.report_dismiss"))
    await stage.wait_for_answer(pressed, quote_text("report.saved"))
    pressed = await stage.press_button(question, quote_text("button.question_refuse"))
    await stage.wait_for_answer(pressed, quote_text("question.done.refuse"))
    pressed = await stage.press_button(review, quote_text("button.review_post"))
    await stage.wait_for_answer(pressed, quote_text("review.done.post"))
    posted = await stage.wait_for_clip(room, 2)
    assert clip_number_of(posted) != clip_number_of(reported)
    await stage.wait_for_message(other, quote_text("question.end.refused"))
    await stage.wait_until_idle(room)
    status = await run_admin(stage, room, "staff")
    assert not any(text in status for text in counted)
