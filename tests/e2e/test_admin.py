"""Limits, prices and server rules as members and admins see them."""

import asyncio
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.stage import (
    SHORT_CLIP,
    BotStage,
    buttons_of,
    clips_of,
    run_operator_program,
    text_of,
    video_of,
)
from tests.harness.texts import quote_text

BOT_SETTINGS = {"CONFIRM_ABOVE_USD": ""}  # as where nothing is set

pytestmark = pytest.mark.asyncio(loop_scope="module")


def format_clips_a_day(count: int) -> str:
    """Return a limit as an answer shows it."""
    limit = quote_text("limit.clips_per_day", count=count)
    return quote_text("quota.left_part", left=count, limit=limit)


async def admin(stage: BotStage, room: str, command: str, **options: object) -> str:
    """Give an admin's command and return its answer."""
    asked = await stage.control.command(stage.people["Ada"], room, f"server {command}", options)
    return await stage.wait_for_answer(asked)


async def test_a_members_limit_is_named_with_when_it_frees(stage: BotStage) -> None:
    room = await stage.open_channel()
    cem = stage.people["Cem"]
    said = await admin(stage, room, "quota set", member=cem, clips_per_day=1)
    assert format_clips_a_day(1) in said
    await stage.wait_for_answer(await stage.request_clip(room, user="Cem"), format_clips_a_day(0))
    await stage.wait_for_clip(room)  # its submit has been made
    before = len(await stage.list_submits())
    refused = await stage.wait_for_answer(await stage.request_clip(room, user="Cem"))
    limit = quote_text("limit.clips_per_day", count=1)
    reached = quote_text(
        "limit.reached", whose=quote_text("scope.member"), allowed=1, limit=limit, used=1, asked=1
    )
    assert reached in refused
    assert "<t:" in refused
    assert len(await stage.list_submits()) == before
    shown = await stage.wait_for_answer(await stage.control.command(cem, room, "quota show"))
    limit = quote_text("quota.name.clips_per_day")
    assert quote_text("quota.line", limit=limit, left=0, used=1, allowed=1) in shown
    assert f"<@{cem}>: {format_clips_a_day(1)}" in await admin(stage, room, "quota list")
    cleared = await admin(stage, room, "quota clear", member=cem)
    assert quote_text("server.quota.cleared", whom=f"<@{cem}>") in cleared
    await stage.wait_for_answer(
        await stage.request_clip(room, user="Cem"), quote_text("ask.accepted")
    )
    await stage.wait_for_clip(room, 2)


async def test_costly_request_asks_once_despite_double_confirm(stage: BotStage) -> None:
    room = await stage.open_channel()
    assert "$0.30" in await admin(stage, room, "confirm", above=0.30)
    before = len(await stage.list_submits())
    asked = await stage.request_clip(room)
    question = await stage.wait_for_answer(asked, quote_text("ask.confirm"))
    assert "$0.40" in question
    assert len(await stage.list_submits()) == before
    seen = await stage.control.interaction(asked)
    message = seen["messages"][0]
    pressed = await asyncio.gather(
        *(stage.press_button(message, quote_text("button.accept")) for _ in range(2)),
        return_exceptions=True,
    )
    assert not [each for each in pressed if isinstance(each, Exception)]
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert len(await stage.list_submits()) == before + 1

    no = await stage.request_clip(room)
    await stage.wait_for_answer(no, quote_text("ask.confirm"))
    await stage.press_answer(no, quote_text("button.decline"))
    await stage.wait_for_answer(no, quote_text("ask.declined"))
    assert quote_text("server.confirm.never") in await admin(stage, room, "confirm", never=True)


async def test_a_question_to_a_reply_is_answered_by_its_writer_only(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    await admin(stage, room, "confirm", above=0.10)
    await stage.control.message(
        stage.people["Dia"], room, "it jumps over the fence", reply_to=clip["id"]
    )
    question = await stage.wait_for_message(room, quote_text("ask.confirm"))
    await stage.wait_for_answer(
        await stage.press_button(question, quote_text("button.accept"), "Cem"),
        quote_text("not_allowed.offer"),
    )
    await stage.press_button(question, quote_text("button.accept"), "Dia")
    second = await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    assert f"<@{stage.people['Dia']}>" in text_of(second)
    assert not [
        m for m in await stage.control.messages(room) if quote_text("ask.confirm") in text_of(m)
    ]
    await admin(stage, room, "confirm", never=True)


async def test_a_paused_server_starts_nothing_and_says_why(stage: BotStage) -> None:
    room = await stage.open_channel()
    await admin(stage, room, "pause", reason="exams")
    refused = await stage.wait_for_answer(await stage.request_clip(room))
    assert quote_text("paused.server") in refused
    assert "exams" in refused
    await admin(stage, room, "resume")
    await stage.make_clip(room)


async def switch(stage: BotStage, *words: str) -> str:
    """Pause or resume the whole bot, and return what the command says."""
    return await run_operator_program(stage, "bot", *words)


async def test_operator_settles_unknown_direct_message_job(
    stage: BotStage,
) -> None:
    assert "no unknown jobs" in await run_operator_program(stage, "bot", "settle")
    await stage.control.fault("google", path=r":predictLongRunning$", drop="before")
    await stage.wait_for_answer(await stage.request_clip("@Ada"), quote_text("ask.accepted"))
    await stage.wait_for_message("@Ada", quote_text("outcome.submit_unknown"))
    listed = await run_operator_program(stage, "bot", "settle")
    assert f"server {stage.guild}" not in listed
    number = listed.split()[0]
    refused = await run_operator_program(stage, "bot", "settle", number, status=2)
    assert "refund" in refused
    assert f"Job {number} is refunded" in await run_operator_program(
        stage, "bot", "settle", number, "refund"
    )
    again = await run_operator_program(stage, "bot", "settle", number, "charge", status=1)
    assert f"no unknown job {number}" in again
    assert "no unknown jobs" in await run_operator_program(stage, "bot", "settle")


async def test_the_operator_pauses_the_whole_bot_while_it_runs(stage: BotStage) -> None:
    room = await stage.open_channel()
    async with stage.control.hold_google():
        await stage.wait_for_answer(await stage.request_clip(room), quote_text("ask.accepted"))
        await stage.wait_for_message(room, quote_text("stage.polling"))
        assert "a new version" in await switch(stage, "pause", "a new version")
        refused = await stage.wait_for_answer(await stage.request_clip(room))
    assert quote_text("paused.operator") in refused
    assert "a new version" in refused
    await stage.wait_for_clip(room)  # what was running finishes
    assert "Paused" in await switch(stage, "pause", "--show")
    said = await run_operator_program(stage, "bot.switch")  # the old name, for one release
    assert "Paused" in said
    assert 'clapper: "python -m bot.switch" is now "clapper pause"' in said
    assert "Not paused" in await switch(stage, "resume")
    await stage.request_clip(room)
    await stage.wait_for_clip(room, 2)


async def test_costly_request_asks_by_default(stage: BotStage) -> None:
    guild = await stage.control.add_guild("Late Show", members=["Ada"])
    options = {"prompt": "a red fox", "model": "veo-2.0-generate-001", "duration": 8}
    asked = await stage.control.command(
        stage.people["Ada"], guild["channels"][0]["id"], "video generate", options
    )
    question = await stage.wait_for_answer(asked, quote_text("ask.confirm"))
    assert "$4.00" in question
    await stage.press_answer(asked, quote_text("button.decline"))
    await stage.wait_for_answer(asked, quote_text("ask.declined"))


async def test_the_servers_rule_for_people_is_kept_or_the_request_refused(stage: BotStage) -> None:
    room = await stage.open_channel()
    said = await admin(stage, room, "people", rule="nobody", channel=room)
    assert quote_text("choice.people.nobody") in said
    before = len(await stage.list_submits())
    refused = await stage.wait_for_answer(await stage.request_clip(room))
    rule, mode = quote_text("people.nobody"), quote_text("mode.text")
    assert quote_text("rule.person_rule", rule=rule, mode=mode, model="Veo 3.1 Fast") in refused
    assert quote_text("rule.person_rule_models", models="Veo 2") in refused
    assert "veo-" not in refused
    assert len(await stage.list_submits()) == before
    await stage.request_clip(room, model="veo-2.0-generate-001", duration=5)
    await stage.wait_for_clip(room)
    sent = (await stage.list_submits())[-1]["json"]["parameters"]
    assert sent["personGeneration"] == "dont_allow"


async def test_extending_may_be_left_to_the_requester(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    await admin(stage, room, "extending", who="requester")
    await stage.control.message(
        stage.people["Cem"], room, "it jumps over the fence", reply_to=clip["id"]
    )
    await stage.wait_for_message(room, quote_text("not_allowed.extend"))
    await stage.control.message(
        stage.people["Ada"], room, "it jumps over the fence", reply_to=clip["id"]
    )
    await stage.wait_for_clip(room, 2)
    await admin(stage, room, "extending", who="everyone")


async def test_usage_shows_table_and_file(stage: BotStage) -> None:
    """It shows dollars and names, and ids that spreadsheets do not round. [people-A10]"""
    room = await stage.open_channel()
    await stage.make_clip(room)
    asked = await stage.control.command(stage.people["Ada"], room, "server usage", {"days": 1})
    said = await stage.wait_for_answer(asked, quote_text("usage.title", count=1))
    assert f"<@{stage.people['Ada']}>" in said
    seen = await stage.control.interaction(asked)
    file = seen["messages"][0]["attachments"][0]
    assert file["filename"] == "usage-1-days.csv"
    lines = (await stage.control.download(file["url"])).decode("utf-8-sig").splitlines()
    assert lines[0] == "member,member_id,clips,seconds,usd"
    ada = next(line.split(",") for line in lines[1:] if line.startswith("Ada,"))
    assert ada[1] == f"<@{stage.people['Ada']}>"
    assert f"${ada[4]}" in said


async def test_a_budget_applies_to_the_whole_server(stage: BotStage) -> None:
    room = await stage.open_channel()
    await admin(stage, room, "budget", usd_per_month=0.01)
    refused = await stage.wait_for_answer(await stage.request_clip(room, user="Dia"))
    assert quote_text("scope.guild") in refused
    assert quote_text("server.budget.cleared") in await admin(stage, room, "budget", clear=True)


async def test_cancel_reports_actual_outcome(stage: BotStage) -> None:
    room = await stage.open_channel()
    async with stage.control.hold_google():
        await stage.wait_for_answer(await stage.request_clip(room), quote_text("ask.accepted"))
        status = await stage.wait_for_message(room, quote_text("stage.polling"))
        job = buttons_of(status)[quote_text("button.cancel")].rpartition(":")[2]
        jobs = await stage.control.command(stage.people["Ada"], room, "video jobs")
        assert f"`{job}`" in await stage.wait_for_answer(jobs)
        not_his = await stage.wait_for_answer(
            await stage.press_button(status, quote_text("button.cancel"), "Cem")
        )
        assert quote_text("not_allowed.cancel") in not_his
        cancelled = await stage.wait_for_answer(
            await stage.press_button(status, quote_text("button.cancel"))
        )
        assert quote_text("cancel.requested") in cancelled
    await stage.wait_for_message(room, quote_text("outcome.cancelled_late"))
    assert not clips_of(await stage.control.messages(room))
    late = await stage.control.command(stage.people["Ada"], room, "video cancel", {"job": int(job)})
    await stage.wait_for_answer(late, quote_text("cancel.too_late"))


async def test_a_picture_becomes_the_first_frame(stage: BotStage, tmp_path: Path) -> None:
    room = await stage.open_channel()
    path = tmp_path / "picture.png"
    Image.new("RGB", (640, 360), (200, 30, 30)).save(path)
    ada = stage.people["Ada"]
    asked = await stage.control.command(
        ada,
        room,
        "video animate",
        {"prompt": "it turns", **SHORT_CLIP},
        attachments={"image": path},
    )
    await stage.wait_for_answer(asked, quote_text("ask.accepted"))
    assert video_of(await stage.wait_for_clip(room))
    assert "image" in (await stage.list_submits())[-1]["json"]["instances"][0]

    message = await stage.control.message(ada, room, "look", attachments=[path])
    opened = await stage.control.context_menu(ada, quote_text("menu.animate"), message)
    await stage.wait_for_answer(
        await stage.submit_form(opened, "it melts"), quote_text("ask.accepted")
    )
    await stage.wait_for_clip(room, 2)

    text = tmp_path / "notes.png"
    await asyncio.to_thread(text.write_text, "not a picture")
    wrong = await stage.control.command(
        ada, room, "video animate", {"prompt": "it turns"}, attachments={"image": text}
    )
    await stage.wait_for_answer(wrong, quote_text("image.not_an_image"))
