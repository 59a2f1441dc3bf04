"""Omni jobs that are cancelled or hit a quota after submission, and what is deleted at Google."""

from typing import Final

import pytest

from tests.e2e.stage import QUICK_GOOGLE, BotStage, Json, clips_of, text_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

MODEL: Final = "gemini-omni-1.2-flash"
OMNI: Final[Json] = {"model": MODEL, "duration": 3, "resolution": "360p"}


LONG_S: Final = 600.0
"""How long Google works where nothing is to be finished."""


async def begin(stage: BotStage, room: str) -> Json:
    """Request a clip and return its status message once Google works on it."""
    before = len(await stage.list_submits())
    await stage.request_clip(room, **OMNI)
    status = await stage.wait_for_message(room, quote_text("stage.polling"))
    assert len(await stage.list_submits()) == before + 1
    return status


async def count_requests(stage: BotStage, method: str, path: str) -> int:
    return len(await stage.control.requests(server="google", method=method, path=path))


async def wait_until_gone(stage: BotStage, operation: str) -> None:
    """Wait until the sandbox's Google has deleted an interaction."""

    async def is_deleted() -> bool:
        [submit] = [each for each in await stage.list_submits() if each["operation"] == operation]
        return bool(submit["deleted"])

    await stage.wait_until(is_deleted, "the interaction being deleted")


@pytest.mark.parametrize(
    ("omni", "told"),
    [
        ({"bills_cancelled": False}, "outcome.cancelled"),
        ({"bills_cancelled": True}, "outcome.cancelled_billed"),
    ],
    ids=["free", "billed"],
)
async def test_cancel_stops_google_and_is_settled_by_its_bill(
    stage: BotStage, omni: Json, told: str
) -> None:
    room = await stage.open_channel()
    await stage.control.google(seconds=LONG_S, omni={"cancel_s": 0.5, **omni})
    status = await begin(stage, room)
    pressed = await stage.press_button(status, quote_text("button.cancel"))
    await stage.wait_for_answer(pressed, quote_text("cancel.stopping"))
    ended = await stage.wait_for_message(room, quote_text(told))
    submit = (await stage.list_submits())[-1]
    assert ("$0.0" in text_of(ended)) is omni["bills_cancelled"]
    assert submit["cancelled"]
    path = rf"/interactions/{submit['operation']}/cancel$"
    assert await count_requests(stage, "POST", path) == 1
    assert not clips_of(await stage.control.messages(room))
    await stage.control.google(**QUICK_GOOGLE)


@pytest.mark.parametrize("form", ["first_poll", "first_poll_failed", "first_poll_body"])
async def test_request_over_quota_after_an_id_is_made_later(stage: BotStage, form: str) -> None:
    room, other = await stage.open_channel(), await stage.open_channel()
    before = len(await stage.list_submits())
    await stage.request_clip(other, **OMNI)

    async def is_submitted() -> bool:
        return len(await stage.list_submits()) > before

    await stage.wait_until(is_submitted, "the submit that uses up the quota")
    await stage.control.google(
        quota={MODEL: {"per_minute": 1}}, omni={"over_quota": form, "retry_s": 1}
    )
    await stage.request_clip(room, **OMNI)
    await stage.wait_for_message(room, quote_text("stage.waiting.google_quota"))
    await stage.control.google(quota={})
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    *refused, made = (await stage.list_submits())[before + 1 :]
    assert made["billed_usd"] > 0
    assert refused
    assert all(submit["over_quota"] and not submit["billed_usd"] for submit in refused)
    assert len(clips_of(await stage.control.messages(room))) == 1


async def test_deleted_clip_goes_at_google_too(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room, **OMNI)
    operation = (await stage.list_submits())[-1]["operation"]
    await stage.delete_clip(clip)
    await wait_until_gone(stage, operation)
