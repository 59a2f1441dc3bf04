"""Limits, prices and the server's rules, as members and admins meet them."""

import asyncio
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.stage import FAST, Stage, buttons_of, clips_of, operator, text_of, video_of

BOT_SETTINGS = {"CONFIRM_ABOVE_USD": ""}  # as where nothing is set

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def admin(stage: Stage, room: str, command: str, **options: object) -> str:
    """Give an admin's command and return its answer."""
    asked = await stage.control.command(stage.people["Ada"], room, f"server {command}", options)
    return await stage.told(asked)


async def test_a_members_limit_is_named_with_when_it_frees(stage: Stage) -> None:
    room = await stage.room()
    cem = stage.people["Cem"]
    said = await admin(stage, room, "quota set", member=cem, clips_per_day=1)
    assert "1 clip a day" in said
    await stage.told(await stage.generate(room, user="Cem"), "0 clips a day")
    await stage.clip_in(room)  # its submit has been made
    before = len(await stage.submits())
    refused = await stage.told(await stage.generate(room, user="Cem"))
    assert "your limit: 1 clip a day" in refused
    assert "<t:" in refused
    assert len(await stage.submits()) == before
    shown = await stage.told(await stage.control.command(cem, room, "quota show"))
    assert "0 left (1 of 1 used)" in shown
    assert f"<@{cem}>: 1 clip a day" in await admin(stage, room, "quota list")
    assert "Cleared" in await admin(stage, room, "quota clear", member=cem)
    await stage.told(await stage.generate(room, user="Cem"), "Accepted")
    await stage.clip_in(room, 2)


async def test_a_costly_request_asks_first_and_two_yeses_are_one(stage: Stage) -> None:
    room = await stage.room()
    assert "$0.30" in await admin(stage, room, "confirm", above=0.30)
    before = len(await stage.submits())
    asked = await stage.generate(room)
    question = await stage.told(asked, "Make it?")
    assert "$0.40" in question
    assert len(await stage.submits()) == before
    seen = await stage.control.interaction(asked)
    message = seen["messages"][0]
    pressed = await asyncio.gather(
        *(stage.press(message, "Make it") for _ in range(2)), return_exceptions=True
    )
    assert not [each for each in pressed if isinstance(each, Exception)]
    await stage.clip_in(room)
    await stage.settled(room)
    assert len(await stage.submits()) == before + 1

    no = await stage.generate(room)
    await stage.told(no, "Make it?")
    await stage.press_answer(no, "Never mind")
    await stage.told(no, "nothing was made")
    assert "no longer ask" in await admin(stage, room, "confirm")


async def test_a_question_to_a_reply_is_answered_by_its_writer_only(stage: Stage) -> None:
    room = await stage.room()
    clip = await stage.a_clip(room)
    await admin(stage, room, "confirm", above=0.10)
    await stage.control.message(stage.people["Dia"], room, "it jumps", reply_to=clip["id"])
    question = await stage.said_in(room, "Make it?")
    await stage.told(await stage.press(question, "Make it", "Cem"), "meant for somebody else")
    await stage.press(question, "Make it", "Dia")
    second = await stage.clip_in(room, 2)
    await stage.settled(room)
    assert f"<@{stage.people['Dia']}>" in text_of(second)
    assert not [m for m in await stage.control.messages(room) if "Make it?" in text_of(m)]
    await admin(stage, room, "confirm")


async def test_a_paused_server_starts_nothing_and_says_why(stage: Stage) -> None:
    room = await stage.room()
    await admin(stage, room, "pause", reason="exams")
    refused = await stage.told(await stage.generate(room))
    assert "paused" in refused
    assert "exams" in refused
    await admin(stage, room, "resume")
    await stage.a_clip(room)


async def switch(stage: Stage, *words: str) -> str:
    """Turn the operator's switch, and return what it says."""
    return await operator(stage, "bot.switch", *words)


async def test_what_nobody_knows_of_a_direct_message_is_judged_by_the_operator(
    stage: Stage,
) -> None:
    assert "No job waits" in await operator(stage, "bot.judge")
    await stage.control.fault("google", path=r":predictLongRunning$", drop="before")
    await stage.told(await stage.generate("@Ada"), "Accepted")
    await stage.said_in("@Ada", "nobody can tell")
    listed = await operator(stage, "bot.judge")
    assert "no server of ours" in listed
    number = listed.split()[0]
    refused = await operator(stage, "bot.judge", number, status=2)
    assert "say charge or refund" in refused
    assert f"Job {number} is refunded" in await operator(stage, "bot.judge", number, "refund")
    again = await operator(stage, "bot.judge", number, "charge", status=1)
    assert f"job {number} waits for no judgement" in again
    assert "No job waits" in await operator(stage, "bot.judge")


async def test_the_operator_pauses_the_whole_bot_while_it_runs(stage: Stage) -> None:
    room = await stage.room()
    async with stage.control.google_at_work():
        await stage.told(await stage.generate(room), "Accepted")
        await stage.said_in(room, "generating")
        assert "a new version" in await switch(stage, "pause", "a new version")
        refused = await stage.told(await stage.generate(room))
    assert "takes no new requests" in refused
    assert "a new version" in refused
    await stage.clip_in(room)  # what was running finishes
    assert "Paused" in await switch(stage)
    assert "Open" in await switch(stage, "resume")
    await stage.generate(room)
    await stage.clip_in(room, 2)


async def test_a_request_that_costs_a_lot_asks_though_nobody_has_said_so(stage: Stage) -> None:
    guild = await stage.control.add_guild("Late Show", members=["Ada"])
    room = await stage.control.call(
        "POST", "channels", {"guild": guild["id"], "name": "after-dark", "nsfw": True}
    )
    asked = await stage.control.command(
        stage.people["Ada"], room["channel"]["id"], "video generate", {"prompt": "a red fox"}
    )
    question = await stage.told(asked, "Make it?")
    assert "$4.00" in question, "only Veo 2 keeps the rule of an age-restricted channel"
    await stage.press_answer(asked, "Never mind")
    await stage.told(asked, "nothing was made")


async def test_the_servers_rule_for_people_is_kept_or_the_request_refused(stage: Stage) -> None:
    room = await stage.room()
    said = await admin(stage, room, "people", rule="nobody", channel=room)
    assert "nobody" in said
    before = len(await stage.submits())
    refused = await stage.told(await stage.generate(room))
    assert "nobody" in refused
    assert "These could: Veo 2." in refused
    assert "veo-" not in refused
    assert len(await stage.submits()) == before
    await stage.generate(room, model="veo-2.0-generate-001", duration=5)
    await stage.clip_in(room)
    sent = (await stage.submits())[-1]["json"]["parameters"]
    assert sent["personGeneration"] == "dont_allow"


async def test_extending_may_be_left_to_the_requester(stage: Stage) -> None:
    room = await stage.room()
    clip = await stage.a_clip(room)
    await admin(stage, room, "extending", who="requester")
    await stage.control.message(stage.people["Cem"], room, "it jumps", reply_to=clip["id"])
    await stage.said_in(room, "only the person who asked for a clip may extend it")
    await stage.control.message(stage.people["Ada"], room, "it jumps", reply_to=clip["id"])
    await stage.clip_in(room, 2)
    await admin(stage, room, "extending", who="everyone")


async def test_usage_comes_as_a_table_and_a_file(stage: Stage) -> None:
    room = await stage.room()
    asked = await stage.control.command(stage.people["Ada"], room, "server usage", {"days": 1})
    said = await stage.told(asked, "Usage of the last day")
    assert f"<@{stage.people['Ada']}>" in said
    seen = await stage.control.interaction(asked)
    file = seen["messages"][0]["attachments"][0]
    assert file["filename"] == "usage-1-days.csv"
    lines = (await stage.control.download(file["url"])).decode().splitlines()
    assert lines[0] == "user_id,clips,seconds,usd_micros"
    assert any(line.startswith(stage.people["Ada"]) for line in lines[1:])


async def test_a_budget_holds_for_the_whole_server(stage: Stage) -> None:
    room = await stage.room()
    await admin(stage, room, "budget", usd_per_month=0.01)
    refused = await stage.told(await stage.generate(room, user="Dia"))
    assert "this server's limit" in refused
    assert "no budget of its own" in await admin(stage, room, "budget")


async def test_cancelling_is_told_honestly(stage: Stage) -> None:
    room = await stage.room()
    async with stage.control.google_at_work():
        await stage.told(await stage.generate(room), "Accepted")
        status = await stage.said_in(room, "generating")
        job = buttons_of(status)["Cancel"].rpartition(":")[2]
        jobs = await stage.control.command(stage.people["Ada"], room, "video jobs")
        assert f"`{job}`" in await stage.told(jobs)
        not_his = await stage.told(await stage.press(status, "Cancel", "Cem"))
        assert "Only the person who asked" in not_his
        cancelled = await stage.told(await stage.press(status, "Cancel"))
        assert "cannot be called back" in cancelled
    await stage.said_in(room, "Cancelled")
    assert not clips_of(await stage.control.messages(room))
    late = await stage.control.command(stage.people["Ada"], room, "video cancel", {"job": int(job)})
    await stage.told(late, "already ended")


async def test_a_picture_becomes_the_first_frame(stage: Stage, tmp_path: Path) -> None:
    room = await stage.room()
    path = tmp_path / "picture.png"
    Image.new("RGB", (640, 360), (200, 30, 30)).save(path)
    ada = stage.people["Ada"]
    asked = await stage.control.command(
        ada, room, "video animate", {"prompt": "it turns", **FAST}, attachments={"image": path}
    )
    await stage.told(asked, "Accepted")
    assert video_of(await stage.clip_in(room))
    assert "image" in (await stage.submits())[-1]["json"]["instances"][0]

    message = await stage.control.message(ada, room, "look", attachments=[path])
    opened = await stage.control.context_menu(ada, "Animate this image", message)
    await stage.told(await stage.submit(opened, "it melts"), "Accepted")
    await stage.clip_in(room, 2)

    text = tmp_path / "notes.png"
    await asyncio.to_thread(text.write_text, "not a picture")
    wrong = await stage.control.command(
        ada, room, "video animate", {"prompt": "it turns"}, attachments={"image": text}
    )
    await stage.told(wrong, "no image that I can read")
