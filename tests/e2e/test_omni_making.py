"""Members make, extend and edit clips with Omni and an API key, in every way.

What Google received comes from the sandbox. After each clip the charges must match Google's bill.
"""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.e2e.omni import (
    EXTENDING,
    NEWEST,
    OmniCharges,
    content_of,
    format_of,
    get_submit,
    list_omni_submits,
    make_omni,
    open_reader,
    reply,
    request_omni,
    words_of,
)
from tests.e2e.stage import BotStage, Json, buttons_of, clip_number_of, text_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    """Return images by option name."""
    names = ("image", "last_frame", *(f"reference_{number}" for number in range(1, 7)))
    paths = {}
    for number, name in enumerate(names):
        paths[name] = tmp_path / f"{name}.png"
        Image.new("RGB", (640, 360), (30 * number, 90, 30)).save(paths[name])
    return paths


def task_of(submit: Json) -> str | None:
    """Return the task that Google was told, if it was told one."""
    config = submit["json"].get("generation_config") or {}
    task: str | None = (config.get("video_config") or {}).get("task")
    return task


@pytest.mark.parametrize(
    ("names", "task", "tags"),
    [
        pytest.param([], "text_to_video", [], id="text"),
        pytest.param(["image"], "image_to_video", ["<FIRST_FRAME>"], id="picture"),
        pytest.param(
            ["image", "last_frame"],
            "image_to_video",
            ["<FIRST_FRAME>", "<LAST_FRAME>"],
            id="two frames",
        ),
        pytest.param(
            [f"reference_{number}" for number in range(1, 7)],
            "reference_to_video",
            [f"<IMAGE_REF_{number}>" for number in range(6)],
            id="six references",
        ),
    ],
)
async def test_each_mode_makes_a_clip_that_costs_what_google_bills(
    stage: BotStage, pictures: dict[str, Path], names: list[str], task: str, tags: list[str]
) -> None:
    before = await OmniCharges.read(stage)
    _, clip, submit = await make_omni(
        stage,
        "a red fox <LAST_FRAME> looks up",
        attachments={name: pictures[name] for name in names},
    )
    assert submit["task"] == task_of(submit) == task
    assert format_of(submit) == {
        "type": "video",
        "aspect_ratio": "16:9",
        "duration": "3s",
        "resolution": "360p",
        "delivery": "uri",
    }
    assert submit["json"]["background"] is True
    assert submit["labels"]
    assert len(content_of(submit, "image")) == len(names)
    words = words_of(submit)
    assert "a red fox" in words
    assert words.count("<LAST_FRAME>") == tags.count("<LAST_FRAME>")  # the typed one is taken out
    assert all(tag in words for tag in tags)
    assert "Omni 1.2" in text_of(clip)
    paid = await OmniCharges.read(stage) - before
    assert paid.is_balanced
    assert paid.billed > 0


async def test_the_bill_is_less_than_what_was_reserved(stage: BotStage) -> None:
    before = await OmniCharges.read(stage)
    await make_omni(stage)
    paid = await OmniCharges.read(stage) - before
    [[price, billed]] = await open_reader(stage).fetch_rows(
        "SELECT price_micros, billed_micros FROM jobs ORDER BY id DESC LIMIT 1"
    )
    assert paid.members == billed < price
    # a lower bill returns money, but no clip and no seconds
    [[clips, seconds]] = await open_reader(stage).fetch_rows(
        "SELECT sum(clips), sum(seconds) FROM ledger WHERE job_id = (SELECT max(id) FROM jobs)"
        " AND account <> 'house' AND kind IN ('reserve', 'refund', 'adjust')"
    )
    assert (clips, seconds) == (1, 3)


async def test_a_reply_extends_by_what_google_keeps(stage: BotStage) -> None:
    room, clip, first = await make_omni(stage, **EXTENDING)
    before = await OmniCharges.read(stage)
    await reply(stage, room, clip, "it jumps over the fence")
    longer = await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    submit = await get_submit(stage)
    assert submit["task"] == "extend"
    assert task_of(submit) is None  # Google accepts no task together with a previous interaction
    assert submit["previous"] == first["operation"]
    assert words_of(submit).startswith("Extend this video")
    assert format_of(submit).keys() == {"type", "duration", "resolution", "delivery"}
    assert quote_text("card.extension", parent=f"#{clip_number_of(clip)}") in text_of(longer)
    [[seconds, depth]] = await open_reader(stage).fetch_rows(
        "SELECT seconds, extension_depth FROM clips ORDER BY id DESC LIMIT 1"
    )
    assert (seconds, depth) == (3 + submit["seconds"], 1)
    assert (await OmniCharges.read(stage) - before).is_balanced  # only what was added


async def test_a_member_chooses_how_much_is_added(stage: BotStage) -> None:
    room, clip, _ = await make_omni(stage, **EXTENDING)
    interaction = await request_omni(
        stage,
        room,
        "it runs away",
        command="video extend",
        clip=f"#{clip_number_of(clip)}",
        duration=4,
    )
    await stage.wait_for_answer(interaction, quote_text("ask.accepted"))
    await stage.wait_for_clip(room, 2)
    assert format_of(await get_submit(stage))["duration"] == "4s"


async def test_a_reply_edits_by_what_google_keeps(stage: BotStage) -> None:
    room, clip, first = await make_omni(stage)
    before = await OmniCharges.read(stage)
    await reply(stage, room, clip, "make it dark")
    edited = await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    submit = await get_submit(stage)
    assert submit["task"] == "edit"
    assert task_of(submit) is None
    assert submit["previous"] == first["operation"]
    assert not content_of(submit, "video")
    assert format_of(submit).keys() == {"type", "resolution", "delivery"}
    assert "make it dark" in words_of(submit)
    assert quote_text("card.edit", parent=f"#{clip_number_of(clip)}") in text_of(edited)
    assert quote_text("card.extension") not in text_of(edited)
    [[seconds]] = await open_reader(stage).fetch_rows(
        "SELECT seconds FROM clips ORDER BY id DESC LIMIT 1"
    )
    assert seconds == 3
    assert (await OmniCharges.read(stage) - before).is_balanced


async def test_an_edit_of_an_edit_goes_on_from_the_edit(stage: BotStage) -> None:
    room, clip, _ = await make_omni(stage)
    await reply(stage, room, clip, "make it dark")
    edited = await stage.wait_for_clip(room, 2)
    second = await get_submit(stage)
    await reply(stage, room, edited, "remove the moon")
    await stage.wait_for_clip(room, 3)
    assert (await get_submit(stage))["previous"] == second["operation"]


async def test_a_reply_that_may_be_either_asks_and_spends_nothing(stage: BotStage) -> None:
    room, clip, _ = await make_omni(stage, **EXTENDING)
    before = await OmniCharges.read(stage)
    await reply(stage, room, clip, "then make it dark")
    asked = await stage.control.wait_message(
        room,
        lambda m: len([label for label in buttons_of(m) if "$" in label]) == 2,
    )
    labels = list(buttons_of(asked))
    submits = len(await list_omni_submits(stage))
    edit = next(label for label in labels if label.startswith(quote_text("button.reply_edit")))
    await stage.press_button(asked, edit)
    await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    assert len(await list_omni_submits(stage)) == submits + 1
    assert (await get_submit(stage))["task"] == "edit"
    assert (await OmniCharges.read(stage) - before).is_balanced


async def test_a_picture_in_a_reply_is_a_reference(
    stage: BotStage, pictures: dict[str, Path]
) -> None:
    room, clip, _ = await make_omni(stage)
    await reply(stage, room, clip, "replace the fox with this", attachments=[pictures["image"]])
    await stage.wait_for_clip(room, 2)
    submit = await get_submit(stage)
    assert submit["task"] == "edit"
    assert len(content_of(submit, "image")) == 1
    assert "<IMAGE_REF_0>" in words_of(submit)


async def test_a_clip_of_veo_is_edited_by_its_bytes(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    before = await OmniCharges.read(stage)
    interaction = await request_omni(
        stage,
        room,
        "make it snow",
        command="video edit",
        clip=f"#{clip_number_of(clip)}",
    )
    await stage.wait_for_answer(interaction, quote_text("ask.accepted"))
    await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    submit = await get_submit(stage)
    assert submit["task"] == task_of(submit) == "edit"
    assert submit["previous"] is None
    [video] = content_of(submit, "video")
    assert video["mime_type"] == "video/mp4"
    assert "<VIDEO_0>" in words_of(submit)
    assert (await OmniCharges.read(stage) - before).is_balanced


async def test_what_should_not_be_seen_is_said_and_shown_in_details(stage: BotStage) -> None:
    _, clip, submit = await make_omni(stage, "a red fox", negative_prompt="rain, people")
    assert "rain, people" in words_of(submit)
    details = await stage.press_button(clip, quote_text("button.details"))
    await stage.wait_for_answer(details, "rain, people")
    assert "continuous shot" in words_of(submit)


async def test_shape_and_size_are_those_asked_for(stage: BotStage) -> None:
    _, clip, submit = await make_omni(stage, aspect_ratio="9:16")
    assert format_of(submit)["aspect_ratio"] == "9:16"
    [[width, height]] = await open_reader(stage).fetch_rows(
        "SELECT width, height FROM clips ORDER BY id DESC LIMIT 1"
    )
    assert (width, height) == (360, 640)
    assert quote_text("card.differs") not in text_of(clip)


async def test_google_is_given_time_to_process_the_file(stage: BotStage) -> None:
    room = await stage.open_channel()
    await stage.control.google(processing_s=2)
    await stage.wait_for_answer(await request_omni(stage, room), quote_text("ask.accepted"))
    await stage.wait_for_clip(room)
    asked = await stage.control.requests(method="GET", path=r"/files/[^/:]+$", bodies=True)
    assert any("PROCESSING" in str(request) for request in asked)


@pytest.mark.parametrize("reports_usage", [True, False])
async def test_an_inline_answer_is_taken_all_the_same(
    stage: BotStage, *, reports_usage: bool
) -> None:
    before = await OmniCharges.read(stage)
    await stage.control.google(omni={"inline": True, "reports_usage": reports_usage})
    await make_omni(stage)
    paid = await OmniCharges.read(stage) - before
    if reports_usage:
        assert paid.is_balanced
    else:  # unknown is not free: what was reserved
        [[price]] = await open_reader(stage).fetch_rows(
            "SELECT price_micros FROM jobs ORDER BY id DESC LIMIT 1"
        )
        assert paid.members == paid.budgets == price >= paid.billed


async def test_deleting_a_clip_deletes_it_at_google(stage: BotStage) -> None:
    _, clip, submit = await make_omni(stage)
    await stage.delete_clip(clip)
    request = await stage.control.wait_request(
        rf"/interactions/{submit['operation']}$", method="DELETE", timeout=60
    )
    assert request["n"] > 0

    async def is_gone() -> bool:
        found: list[Any] = await stage.control.requests(
            method="DELETE", path=rf"/interactions/{submit['operation']}$"
        )
        return any(each["status"] == 200 for each in found)

    await stage.wait_until(is_gone, "Google having deleted it")


async def test_the_model_that_is_asked_for_nothing_is_the_cheapest(stage: BotStage) -> None:
    room = await stage.open_channel()
    interaction = await stage.control.command(stage.people["Ada"], room, "video models", {})
    listed = await stage.wait_for_answer(interaction, "Omni")
    assert "Gemini Omni 1.2 Flash" in listed
    assert "Gemini Omni 1.1 Flash" in listed
    assert NEWEST["model"] in {
        choice["value"]
        for choice in await stage.control.autocomplete(
            stage.people["Ada"], room, "video generate", {"prompt": "x", "model": ""}, "model"
        )
    }
