"""The status message shows each stage of a job; its failures delay nothing."""

import re
from itertools import pairwise
from typing import Any

import pytest

from tests.e2e.stage import BotStage, Json, text_of, video_of
from tests.harness.texts import quote_pattern, quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOT_SETTINGS = {"MAX_CONCURRENT_JOBS": "1"}


def build_pattern(key: str, **gaps: str) -> str:
    """Return a regular expression of a text whose gaps are filled with regular expressions."""
    marks: dict[str, Any] = {name: f"@{name}@" for name in gaps}
    pattern = re.escape(quote_text(key, **marks))
    for name, gap in gaps.items():
        pattern = pattern.replace(f"@{name}@", gap)
    return pattern


SINCE = r"<t:\d+:R>"
TIME = r"<t:\d+:t>"
ESTIMATE = "|".join(
    (build_pattern("eta.about", when=SINCE), build_pattern("eta.range", soon=TIME, late=TIME))
)
"""A single time if the range is below a minute."""
STAGES = tuple(
    quote_text(f"stage.{name}")
    for name in ("queued", "submitting", "polling", "fetching", "posting")
)


def is_status(text: str) -> bool:
    return quote_pattern("status.asks").search(text) is not None


async def list_texts(stage: BotStage, room: str, message: str) -> list[str]:
    """Return all texts that the bot sent for a message, in order."""
    path = rf"/channels/{room}/messages(/{message})?$"
    texts = []
    for request in await stage.control.requests(path=path, bodies=True):
        if request["method"] not in ("POST", "PATCH") or not request["json"]:
            continue
        if request["method"] == "POST" and not is_status(text_of(request["json"])):
            continue
        texts.append(text_of(request["json"]))
    return texts


async def wait_for_status(stage: BotStage, room: str) -> Json:
    """Wait for the status message in a channel."""
    return await stage.control.wait_message(room, lambda m: is_status(text_of(m)))


async def test_each_stage_is_shown_once(stage: BotStage) -> None:
    room, other = await stage.open_channel(), await stage.open_channel()
    for _ in range(3):  # estimates need measured durations
        await stage.request_clip(other)
        await stage.wait_until_idle(other)
    await stage.wait_for_clip(other, 3)
    async with stage.control.hold_google(seconds=3):
        await stage.wait_for_answer(
            await stage.request_clip(other, "first in line"), quote_text("ask.accepted")
        )
        await stage.wait_for_message(other, quote_text("stage.polling"))
        answer = await stage.wait_for_answer(
            await stage.request_clip(room, "next in line"), quote_text("ask.accepted")
        )
        assert "<t:" in answer  # the estimate
        waiting = await stage.wait_for_message(room, quote_text("stage.queued", place=1))
        assert re.search(ESTIMATE, text_of(waiting))
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    texts = await list_texts(stage, room, waiting["id"])
    stages = [next(s for s in STAGES if s in text) for text in texts]
    order = [STAGES.index(stage_name) for stage_name in stages]
    assert order == sorted(order), texts
    generating = next(text for text in texts if quote_text("stage.polling") in text)
    assert re.search(build_pattern("stage.polling", since=SINCE), generating)
    assert re.search(ESTIMATE, generating)
    assert not any("%" in text for text in texts)
    assert waiting["id"] not in [m["id"] for m in await stage.control.messages(room)]
    # how often the estimate changes depends on how long it takes
    assert all(text != before for before, text in pairwise(texts)), "each edit shows something new"


@pytest.mark.parametrize("status", [404, 429, 500, 503])
async def test_clip_arrives_despite_status_errors(stage: BotStage, status: int) -> None:
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
    await stage.wait_for_answer(await stage.request_clip(room), quote_text("ask.accepted"))
    await stage.wait_for_clip(room)


async def test_deleted_status_is_not_recreated(stage: BotStage) -> None:
    room = await stage.open_channel()
    async with stage.control.hold_google():
        await stage.wait_for_answer(await stage.request_clip(room), quote_text("ask.accepted"))
        status = await stage.wait_for_message(room, quote_text("stage.polling"))
        await stage.control.delete_message("Bea", status["id"])
    clip = await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert [m["id"] for m in await stage.control.messages(room)] == [clip["id"]]


async def test_late_status_edits_are_dropped(stage: BotStage) -> None:
    room = await stage.open_channel()
    edits = rf"/channels/{room}/messages/\d+$"
    await stage.control.fault("discord", method="PATCH", path=edits, times=None, delay_s=1.5)
    await stage.wait_for_answer(await stage.request_clip(room), quote_text("ask.accepted"))
    status = await wait_for_status(stage, room)
    clip = await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    requests = await stage.control.requests(path=rf"/channels/{room}/messages")
    posts = [r["n"] for r in requests if r["method"] == "POST"]
    assert not [r for r in requests if r["method"] == "PATCH" and r["n"] > posts[-1]]
    assert video_of(clip)
    left = [m["id"] for m in await stage.control.messages(room)]
    assert status["id"] not in left
    assert left == [clip["id"]]


async def test_failure_in_deleted_channel_is_sent_privately(
    stage: BotStage,
) -> None:
    room = await stage.open_channel()
    async with stage.control.hold_google(outcome="failed"):
        await stage.wait_for_answer(
            await stage.request_clip(room, "a sinking ship"), quote_text("ask.accepted")
        )
        await stage.wait_for_message(room, quote_text("stage.polling"))
        await stage.control.delete_channel(room)

    async def is_notified() -> bool:
        messages = await stage.control.messages("@Ada")
        told = quote_text("outcome.operation_failed")
        return any("a sinking ship" in text_of(m) and told in text_of(m) for m in messages)

    await stage.wait_until(is_notified, "Ada being told in private")
