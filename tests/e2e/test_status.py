"""The one status message of a job: what it says, in which order, and that it holds nothing up."""

import re

import pytest

from tests.e2e.stage import BotStage, Json, buttons_of, clips_of, text_of, video_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOT_SETTINGS = {"BOT_IN_FLIGHT": "1"}
ESTIMATE = r"Ready <t:\d+:R> or so|between <t:\d+:t> and <t:\d+:t>"
"""One time where the range is narrower than a minute, as it is here."""
STAGES = ("queue", "Handing", "generating", "fetching", "Posting", "")


async def said(stage: BotStage, room: str, message: str) -> list[str]:
    """Return everything that a message has said, in order, as the bot sent it."""
    path = rf"/channels/{room}/messages(/{message})?$"
    texts = []
    for request in await stage.control.requests(path=path, bodies=True):
        if request["method"] not in ("POST", "PATCH") or not request["json"]:
            continue
        if request["method"] == "POST" and "asked" not in str(request["json"]):
            continue
        texts.append(text_of(request["json"]))
    return texts


async def status_of(stage: BotStage, room: str) -> Json:
    """Wait for the status message in a room."""
    return await stage.wait_for_message(room, "asked Veo")


async def test_each_stage_is_shown_once(stage: BotStage) -> None:
    room, other = await stage.open_channel(), await stage.open_channel()
    for _ in range(3):  # what takes how long is measured before it is promised
        await stage.request_clip(other)
        await stage.wait_until_idle(other)
    await stage.wait_for_clip(other, 3)
    async with stage.control.hold_google(seconds=3):
        await stage.wait_for_answer(await stage.request_clip(other, "first in line"), "Accepted")
        await stage.wait_for_message(other, "generating")
        note = await stage.wait_for_answer(
            await stage.request_clip(room, "next in line"), "Accepted"
        )
        assert "<t:" in note  # the estimate
        waiting = await stage.wait_for_message(room, "In the queue, place 1.")
        assert re.search(ESTIMATE, text_of(waiting))
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    texts = await said(stage, room, waiting["id"])
    stages = [next(s for s in STAGES if s in text) for text in texts]
    order = [STAGES.index(each) for each in stages]
    assert order == sorted(order), texts
    generating = next(text for text in texts if "generating" in text)
    assert re.search(r"started <t:\d+:R>", generating)
    assert re.search(ESTIMATE, generating)
    assert not any("%" in text for text in texts)
    last = next(m for m in await stage.control.messages(room) if m["id"] == waiting["id"])
    assert "-#" not in text_of(last)  # one line remains
    assert buttons_of(last) == {}
    assert len(texts) <= 8


@pytest.mark.parametrize("status", [404, 429, 500, 503])
async def test_whatever_happens_to_the_status_the_clip_arrives(
    stage: BotStage, status: int
) -> None:
    room = await stage.open_channel()
    codes = {404: 10008}
    body: Json = {"message": "no", "code": codes.get(status, 0)}
    headers = {}
    if status == 429:
        body, headers = (
            {"message": "slow", "retry_after": 60, "global": False, "code": 0},
            {"Via": "1.1 x"},
        )
    await stage.control.fault(
        "discord",
        method="PATCH",
        path=rf"/channels/{room}/messages/",
        status=status,
        times=None,
        body=body,
        headers=headers,
    )
    await stage.wait_for_answer(await stage.request_clip(room), "Accepted")
    await stage.wait_for_clip(room)


async def test_a_status_that_a_moderator_deletes_is_not_missed(stage: BotStage) -> None:
    room = await stage.open_channel()
    async with stage.control.hold_google():
        await stage.wait_for_answer(await stage.request_clip(room), "Accepted")
        status = await stage.wait_for_message(room, "generating")
        await stage.control.delete_message("Bea", status["id"])
    clip = await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert [m["id"] for m in await stage.control.messages(room)] == [clip["id"]]


async def test_late_edits_are_dropped_and_none_comes_after_the_clip(stage: BotStage) -> None:
    room = await stage.open_channel()
    edits = rf"/channels/{room}/messages/\d+$"
    await stage.control.fault("discord", method="PATCH", path=edits, times=None, delay_s=1.5)
    await stage.wait_for_answer(await stage.request_clip(room), "Accepted")
    status = await status_of(stage, room)
    clip = await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    seen = await stage.control.requests(path=rf"/channels/{room}/messages")
    posts = [r["n"] for r in seen if r["method"] == "POST"]
    after = [r for r in seen if r["method"] == "PATCH" and r["n"] > posts[-1]]
    assert len(after) == 1  # the last word only
    last = next(m for m in await stage.control.messages(room) if m["id"] == status["id"])
    assert "-#" not in text_of(last)
    assert video_of(clip)
    assert len(clips_of(await stage.control.messages(room))) == 1


async def test_a_channel_that_is_deleted_in_mid_job_ends_in_a_direct_message(
    stage: BotStage,
) -> None:
    room = await stage.open_channel()
    async with stage.control.hold_google(outcome="failed"):
        await stage.wait_for_answer(await stage.request_clip(room, "a sinking ship"), "Accepted")
        await stage.wait_for_message(room, "generating")
        await stage.control.delete_channel(room)

    async def told() -> bool:
        messages = await stage.control.messages("@Ada")
        return any("a sinking ship" in text_of(m) and "failed" in text_of(m) for m in messages)

    await stage.wait_until(told, "Ada being told in private")
