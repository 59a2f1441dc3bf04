"""Unexpected answers from Omni lead to no second submit and no wrong charge."""

from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from PIL import Image

from tests.e2e.stage import BotStage, Json, clip_number_of, clips_of, text_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

OMNI: Final[Json] = {"model": "gemini-omni-1.2-flash", "duration": 3, "resolution": "360p"}
CREATE: Final = r"/interactions$"
INTERACTION: Final = r"/interactions/v1_"
DAY_S: Final = 86_400.0
PLAIN: Final[Json] = {
    "block": "failed",
    "over_quota": "submit",
    "inline": False,
    "retry_s": None,
}


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def healthy_google(stage: BotStage) -> None:
    """Reset what the previous test has set."""
    await stage.control.google(outcome="done", reason="", omni=PLAIN, quota={}, min_bytes=0)


async def ask(stage: BotStage, room: str, prompt: str = "a red fox", **options: Any) -> str:
    """Ask for a short clip of Gemini Omni; return the interaction."""
    return await stage.request_clip(room, prompt, **{**OMNI, **options})


async def count_submits(stage: BotStage) -> int:
    return len(await stage.list_submits())


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ("submit", "safety violations"),
        ("submit_sentence", "Unable to show the generated video"),
        ("submit_body", "Unable to show the generated video"),
        ("poll", "prohibited content guidelines"),
        ("sentence", "Prohibited Use policy"),
        ("failed", "Unable to show the generated video"),
        ("error_body", "Unable to show the generated video"),
        ("no_video", "Unable to show the generated video"),
    ],
)
async def test_each_form_of_a_block_is_reported_and_free(
    stage: BotStage, form: str, words: str
) -> None:
    room = await stage.open_channel()
    await stage.control.google(outcome="filtered", omni={"block": form})
    before = await count_submits(stage)
    await ask(stage, room)
    message = await stage.wait_for_message(room, quote_text("outcome.blocked"))
    await stage.wait_until_idle(room)
    assert words in text_of(message)
    assert await count_submits(stage) <= before + 1
    assert not clips_of(await stage.control.messages(room))


@pytest.mark.parametrize("form", ["submit", "first_poll", "first_poll_failed", "first_poll_body"])
async def test_over_quota_the_clip_comes_later(stage: BotStage, form: str) -> None:
    room = await stage.open_channel()
    model = OMNI["model"]
    await stage.control.google(
        quota={model: {"per_minute": 1}}, omni={"over_quota": form, "retry_s": 1}
    )
    await stage.control.advance(61)
    before = await count_submits(stage)
    await ask(stage, room, "the first")

    async def is_used_up() -> bool:
        return await count_submits(stage) > before

    await stage.wait_until(is_used_up, "the submit that uses up the quota of this minute")
    second = f"the second, {form}"
    await ask(stage, room, second)
    await stage.wait_for_message(room, quote_text("stage.waiting.google_quota"))
    await stage.control.google(quota={})
    await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    submits = await stage.list_submits()
    assert sum(submit["clips"] for submit in submits if second in submit["prompt"]) == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"drop": "after"}, "outcome.submit_unknown"),
        ({"status": 500, "carry_out": True}, "outcome.submit_unknown"),
        ({"status": 200, "body": '{"id":"v1_abc","sta'}, "outcome.submit_unknown"),
        (
            {"status": 200, "body": {"error": {"code": "api_error", "message": "Internal."}}},
            "outcome.submit_unknown",
        ),
        (
            {"status": 200, "body": {"error": {"code": "invalid_request", "message": "No."}}},
            "outcome.invalid",
        ),
        (
            {"status": 402, "body": {"error": {"code": "payment_required", "message": "Pay."}}},
            "outcome.access_refused",
        ),
    ],
)
async def test_request_is_sent_once(stage: BotStage, fault: Json, told: str) -> None:
    room = await stage.open_channel()
    await stage.control.fault("google", method="POST", path=CREATE, **fault)
    before = len(await stage.control.requests(method="POST", path=CREATE))
    await ask(stage, room)
    await stage.wait_for_message(room, quote_text(told))
    await stage.wait_until_idle(room)
    assert len(await stage.control.requests(method="POST", path=CREATE)) == before + 1


async def test_inline_clip_arrives(stage: BotStage) -> None:
    room = await stage.open_channel()
    await stage.control.google(omni={"inline": True}, min_bytes=3_000_000)
    await ask(stage, room)
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)


async def test_pictures_become_frames_and_references(stage: BotStage, tmp_path: Path) -> None:
    pictures = []
    for number in range(6):
        pictures.append(tmp_path / f"{number}.png")
        Image.new("RGB", (640, 360), (200, 30 * number, 30)).save(pictures[-1])
    for names, task in (
        (["image", "last_frame"], "image_to_video"),
        ([f"reference_{number}" for number in range(1, 7)], "reference_to_video"),
    ):
        room = await stage.open_channel()
        attachments = dict(zip(names, pictures, strict=False))
        await stage.control.command(
            stage.people["Ada"],
            room,
            "video generate",
            {"prompt": "they meet", **OMNI},
            attachments=attachments,
        )
        await stage.wait_for_clip(room)
        submit = (await stage.list_submits())[-1]
        assert submit["task"] == task
        assert str(submit["json"]["input"]).count("image/") == len(names)


async def test_edit_goes_by_our_copy_once_google_has_deleted_it(stage: BotStage) -> None:
    room = await stage.open_channel()
    await ask(stage, room)
    clip = await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    await stage.control.advance(56 * DAY_S)
    await stage.control.command(
        stage.people["Ada"],
        room,
        "video edit",
        {"clip": clip_number_of(clip), "prompt": "make it dark"},
    )
    await stage.wait_for_clip(room, 2)
    submit = (await stage.list_submits())[-1]
    assert submit["task"] == "edit"
    assert submit["previous"] is None


async def test_kill_between_first_byte_and_id_is_unknown(stage: BotStage) -> None:
    """Google made it and its id was lost, so it is never sent again."""
    room = await stage.open_channel()
    await stage.control.fault("google", method="POST", path=CREATE, hold_s=3600)
    before = await count_submits(stage)
    await ask(stage, room)

    async def is_sent() -> bool:
        return await count_submits(stage) == before + 1

    await stage.wait_until(is_sent, "the submit")
    await stage.bot.kill_and_wait()
    await stage.bot.start()
    await stage.wait_for_message(room, quote_text("outcome.submit_unknown"))
    await stage.wait_until_idle(room)
    assert await count_submits(stage) == before + 1


async def test_kill_while_polling_delivers_once(stage: BotStage) -> None:
    room = await stage.open_channel()
    before = await count_submits(stage)
    async with stage.control.hold_google():
        polls = len(await stage.control.requests(method="GET", path=INTERACTION))
        await stage.wait_for_answer(await ask(stage, room), quote_text("ask.accepted"))

        async def is_polled() -> bool:
            return len(await stage.control.requests(method="GET", path=INTERACTION)) > polls

        await stage.wait_until(is_polled, "a poll")
        await stage.bot.kill_and_wait()
    await stage.bot.start()
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert len(clips_of(await stage.control.messages(room))) == 1
    assert await count_submits(stage) == before + 1
