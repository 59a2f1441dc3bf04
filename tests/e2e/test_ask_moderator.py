"""A word for which a moderator is asked first, in the real bot on both databases."""

from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.omni import ON_BOTH_DATABASES
from tests.e2e.stage import SHORT_CLIP, BotStage, Json, buttons_of, clips_of, picture_of, text_of
from tests.harness.texts import quote_text

BOT_SETTINGS = {"DEFAULT_MEMBER_CLIPS_PER_DAY": "50"}
pytestmark = [pytest.mark.asyncio(loop_scope="module"), ON_BOTH_DATABASES]
ALLOW, REFUSE = quote_text("button.question_allow"), quote_text("button.question_refuse")
CANCEL = quote_text("button.question_cancel")
PROMPT = "a glass of r0sé and a fox"


async def run_admin(stage: BotStage, room: str, command: str, **options: object) -> str:
    """Give an admin's command and return its answer."""
    asked = await stage.control.command(stage.people["Ada"], room, f"server {command}", options)
    return await stage.wait_for_answer(asked)


async def open_rooms(stage: BotStage) -> tuple[str, str]:
    """Ask about a word; return a channel for clips and the staff channel."""
    room, staff = await stage.open_channel(), await stage.open_channel()
    await run_admin(stage, room, "staff", channel=staff)
    added = await run_admin(stage, room, "words add", words="rose", action="ask")
    assert quote_text("server.words.no_staff_channel") not in added
    return room, staff


async def wait_for_question(stage: BotStage, room: str, staff: str) -> tuple[Json, Json]:
    """Return the staff's message and the one in the channel, which has neither word nor prompt."""
    asked = await stage.wait_for_message(staff, quote_text("question.ask"))
    waiting = await stage.wait_for_message(room, quote_text("question.waiting"))
    assert PROMPT in text_of(asked)
    assert "rose" in text_of(asked)
    assert "fox" not in str(waiting["components"])
    assert "rose" not in str(waiting["components"])
    return asked, waiting


async def read_quota(stage: BotStage, room: str) -> str:
    asked = await stage.control.command(stage.people["Cem"], room, "quota show", {})
    return await stage.wait_for_answer(asked)


async def test_an_allowed_request_is_made_and_posted_once(stage: BotStage) -> None:
    """Two moderators press at once."""
    room, staff = await open_rooms(stage)
    quota, before = await read_quota(stage, room), len(await stage.list_submits())
    requested = await stage.request_clip(room, PROMPT, user="Cem")
    told = await stage.wait_for_answer(requested, quote_text("question.asked"))
    assert "rose" in told
    asked, waiting = await wait_for_question(stage, room, staff)
    assert await read_quota(stage, room) == quota
    pressed = await stage.press_button(asked, ALLOW, "Cem")
    await stage.wait_for_answer(pressed, quote_text("not_allowed.moderate"))
    assert len(await stage.list_submits()) == before

    presses = [await stage.press_button(asked, ALLOW) for _ in range(2)]
    answers = "\n".join([await stage.wait_for_answer(press) for press in presses])
    assert answers.count(quote_text("question.done.allow")) == 1
    clip = await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert len(await stage.list_submits()) == before + 1
    messages = await stage.control.messages(room)
    assert len(clips_of(messages)) == 1
    assert waiting["id"] not in {message["id"] for message in messages}
    assert stage.people["Cem"] in text_of(clip)
    decided = await stage.wait_for_message(staff, quote_text("question.end.started"))
    assert decided["id"] == asked["id"]
    assert buttons_of(decided) == {}
    assert "fox" not in str(decided)
    assert quote_text("log.question_allow") in await run_admin(stage, room, "log")
    log = stage.bot.read_log()
    assert "r0sé" not in log
    assert "rose" not in log


async def test_a_refused_reply_costs_nothing_and_its_author_is_mentioned(stage: BotStage) -> None:
    room, staff = await open_rooms(stage)
    clip = await stage.make_clip(room)
    before = len(await stage.list_submits())
    sent = await stage.control.message(
        stage.people["Cem"], room, "the fox drinks r0sé from a glass", reply_to=clip["id"]
    )
    asked = await stage.wait_for_message(staff, quote_text("question.ask"))
    waiting = await stage.wait_for_message(room, quote_text("question.waiting"))
    assert waiting["message_reference"]["message_id"] == sent
    refused = await stage.press_button(asked, REFUSE)
    await stage.wait_for_answer(refused, quote_text("question.done.refuse"))
    told = await stage.wait_for_message(room, quote_text("question.told.refused"))
    assert [member["id"] for member in told["mentions"]] == [stage.people["Cem"]]
    assert "rose" not in text_of(told)
    assert waiting["id"] not in {each["id"] for each in await stage.control.messages(room)}
    assert len(await stage.list_submits()) == before
    assert quote_text("log.question_refuse") in await run_admin(stage, room, "log")


async def test_a_member_cancels_while_it_waits(stage: BotStage) -> None:
    room, staff = await open_rooms(stage)
    before = len(await stage.list_submits())
    await stage.request_clip(room, PROMPT, user="Cem")
    asked, waiting = await wait_for_question(stage, room, staff)
    others = await stage.press_button(waiting, CANCEL, "Dia")
    await stage.wait_for_answer(others, quote_text("not_allowed.cancel"))
    canceled = await stage.press_button(waiting, CANCEL, "Cem")
    await stage.wait_for_answer(canceled, quote_text("question.done.cancel"))
    await stage.wait_for_message(room, quote_text("question.told.withdrawn"))
    ended = await stage.wait_for_message(staff, quote_text("question.end.withdrawn"))
    assert ended["id"] == asked["id"]
    assert len(await stage.list_submits()) == before


async def test_waiting_requests_are_listed_and_canceled_by_command(stage: BotStage) -> None:
    """`/video jobs` has them for the member alone; nothing else says what they ask for."""
    room, staff = await open_rooms(stage)
    cem, dia = stage.people["Cem"], stage.people["Dia"]
    await stage.request_clip(room, PROMPT, user="Cem")
    asked, _ = await wait_for_question(stage, room, staff)
    shown = await stage.control.command(cem, room, "video jobs", {})
    assert PROMPT in await stage.wait_for_answer(shown, quote_text("jobs.requests"))
    others = await stage.control.command(dia, room, "video jobs", {})
    await stage.wait_for_answer(others, quote_text("jobs.none"))
    options = {"request": 0}
    assert await stage.control.autocomplete(dia, room, "video cancel", options, "request") == []
    [request] = await stage.control.autocomplete(cem, room, "video cancel", options, "request")
    assert PROMPT in request["name"]
    number = {"request": request["value"]}
    refused = await stage.control.command(dia, room, "video cancel", number)
    await stage.wait_for_answer(refused, quote_text("not_allowed.cancel"))
    canceled = await stage.control.command(cem, room, "video cancel", number)
    await stage.wait_for_answer(canceled, quote_text("question.done.cancel"))
    await stage.wait_for_message(room, quote_text("question.told.withdrawn"))
    ended = await stage.wait_for_message(staff, quote_text("question.end.withdrawn"))
    assert ended["id"] == asked["id"]
    left = await stage.control.command(cem, room, "video cancel", {})
    await stage.wait_for_answer(left, quote_text("jobs.none"))


async def test_forgotten_members_leave_no_question(stage: BotStage, tmp_path: Path) -> None:
    """Moderators see the picture too, until then."""
    room, staff = await open_rooms(stage)
    image = tmp_path / "fox.png"
    Image.new("RGB", (1280, 720), (200, 90, 30)).save(image)
    options = {"prompt": PROMPT, **SHORT_CLIP}
    await stage.control.command(
        stage.people["Dia"], room, "video generate", options, attachments={"image": image}
    )
    asked, waiting = await wait_for_question(stage, room, staff)
    assert picture_of(asked) is not None
    forget = await stage.control.command(stage.people["Dia"], room, "privacy forget", {})
    await stage.press_answer(forget, quote_text("button.forget"), "Dia")

    async def are_gone() -> bool:
        left = [*await stage.control.messages(room), *await stage.control.messages(staff)]
        return not {asked["id"], waiting["id"]} & {message["id"] for message in left}

    await stage.wait_until(are_gone, "both messages being deleted")


async def test_without_a_staff_channel_it_is_refused_and_the_admin_told(stage: BotStage) -> None:
    """The staff channel was deleted; a server without one is told so when it adds the word."""
    room, staff = await open_rooms(stage)
    await stage.control.call("DELETE", f"channels/{staff}")
    requested = await stage.request_clip(room, PROMPT, user="Cem")
    await stage.wait_for_answer(requested, quote_text("words_refused.server", word="rose"))
    assert clips_of(await stage.control.messages(room)) == []
