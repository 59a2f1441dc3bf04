"""Triggers each error message that members can read."""

from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.stage import SHORT_CLIP, BotStage, clip_number_of, clips_of
from tests.harness.texts import quote_pattern, quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

LITE = {"model": "veo-3.1-lite-generate-preview", "duration": 4}
VEO_2 = {"model": "veo-2.0-generate-001", "duration": 5}

REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "empty": ({"prompt": "   "}, quote_text("rule.prompt_empty")),
    "value": (
        {"aspect_ratio": "1:1"},
        quote_text("rule.unknown_value", value="1:1", parameter="aspect_ratio"),
    ),
    "model": ({"model": "veo-9"}, quote_text("rule.model_unavailable", model="veo-9")),
    "length": (
        {"duration": 7},
        quote_text("rule.length_not_offered", model="Veo 3.1 Fast", seconds=7),
    ),
    "length for a resolution": (
        {"resolution": "1080p"},
        quote_text("rule.needs_seconds", model="Veo 3.1 Fast", seconds=8, when="1080p"),
    ),
    "resolution": (
        {**LITE, "resolution": "4k"},
        quote_text("rule.resolution_not_offered", model="Veo 3.1 Lite", resolution="4k"),
    ),
    "seed": ({**VEO_2, "seed": 1}, quote_text("rule.seed_unsupported", model="Veo 2")),
    "resolution of Veo 2": (
        {**VEO_2, "resolution": "1080p"},
        quote_text("rule.resolution_unsupported", model="Veo 2"),
    ),
    "videos": (
        {"videos": 3},
        quote_text("rule.videos_not_offered", model="Veo 3.1 Fast", most=1),
    ),
}


async def count_submits(stage: BotStage) -> int:
    return len(await stage.list_submits())


async def run_command(stage: BotStage, command: str, options: dict[str, object], room: str) -> str:
    """Give a command as Ada and return its answer's text."""
    interaction = await stage.control.command(stage.people["Ada"], room, command, options)
    return await stage.wait_for_answer(interaction)


async def run_admin(stage: BotStage, command: str, options: dict[str, object], room: str) -> str:
    """Give one of the admins' commands as Ada and return its answer's text."""
    return await run_command(stage, f"server {command}", options, room)


@pytest.mark.parametrize("case", REFUSED)
async def test_unsupported_option_is_named(stage: BotStage, case: str) -> None:
    room, before = await stage.open_channel(), await count_submits(stage)
    options, words = REFUSED[case]
    text = await run_command(
        stage, "video generate", {"prompt": "a red fox", **SHORT_CLIP, **options}, room
    )
    assert words in text
    assert await count_submits(stage) == before


async def test_prompt_length_is_limited(stage: BotStage) -> None:
    room, endless = await stage.open_channel(), "東京の夜" * 900
    text = await run_command(stage, "video generate", {"prompt": endless, **SHORT_CLIP}, room)
    assert quote_text("rule.prompt_too_long") in text
    styled = {"prompt": "foxes " * 665, "style": "noir", **SHORT_CLIP}
    assert quote_text("rule.presets_too_long") in await run_command(
        stage, "video generate", styled, room
    )
    options = {"prompt": "a fox", "negative_prompt": endless, **SHORT_CLIP}
    assert quote_text("rule.negative_prompt_too_long") in await run_command(
        stage, "video generate", options, room
    )


async def test_invalid_image_combinations_are_refused(stage: BotStage, tmp_path: Path) -> None:
    room, ada = await stage.open_channel(), stage.people["Ada"]
    picture, dot = tmp_path / "red.png", tmp_path / "dot.png"
    Image.new("RGB", (640, 360), "red").save(picture)
    Image.new("RGB", (2, 2), "red").save(dot)

    async def run_with_files(command: str, files: dict[str, Path], **options: object) -> str:
        interaction = await stage.control.command(
            ada, room, command, {"prompt": "it turns", **SHORT_CLIP, **options}, attachments=files
        )
        return await stage.wait_for_answer(interaction)

    before = await count_submits(stage)
    assert quote_text("rule.last_frame_needs_image") in await run_with_files(
        "video generate", {"last_frame": picture}
    )
    both = {"image": picture, "reference_1": picture}
    assert quote_text("rule.references_exclude_frames") in await run_with_files(
        "video generate", both
    )
    lite = await run_with_files("video generate", {"reference_1": picture}, **LITE)
    assert quote_text("rule.mode_unsupported") in lite
    small = await run_with_files("video animate", {"image": dot})
    assert quote_text("image.image_too_small", width=2, height=2) in small
    await stage.control.fault("discord", method="GET", path="attachments/", status=404, times=1)
    assert quote_text("image.image_gone") in await run_with_files(
        "video animate", {"image": picture}
    )
    await stage.control.clear_faults()
    await stage.control.fault("discord", method="GET", path="attachments/", status=503, times=None)
    assert quote_text("error.delivery_busy") in await run_with_files(
        "video animate", {"image": picture}
    )
    assert await count_submits(stage) == before


async def test_missing_things_are_reported_missing(stage: BotStage) -> None:
    room = await stage.open_channel()
    text = await run_command(stage, "video get", {"clip": "the fox one"}, room)
    assert quote_text("not_found.clip_reference") in text
    assert quote_text("not_found.job") in await run_command(
        stage, "video cancel", {"job": 99999}, room
    )
    settled = await run_admin(stage, "unknown", {"job": 99999, "charge": True}, room)
    assert quote_text("not_found.unknown_job") in settled
    assert quote_text("showcase_settings.off") in await run_admin(stage, "showcase", {}, room)
    clip = await stage.make_clip(room)
    number = clip_number_of(clip)
    refused = await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.showcase"))
    )
    assert quote_text("not_allowed.showcase_off") in refused
    showcase = await stage.open_channel()
    await run_admin(stage, "showcase", {"channel": showcase}, room)
    zone = await run_admin(stage, "showcase", {"digest_zone": "Mars/Olympus"}, room)
    assert quote_text("not_found.zone") in zone
    assert quote_text("not_found.showcase_empty") in await run_command(
        stage, "showcase random", {}, room
    )
    hidden = await run_command(stage, "showcase hide", {"clip": number}, room)
    assert quote_text("not_found.showcased") in hidden
    await run_admin(stage, "showcase", {"moderators": "never"}, room)
    curated = await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.showcase"), "Bea")
    )
    assert quote_text("not_allowed.showcase_curation") in curated
    await stage.control.message("Ada", "@Ada", "hello")
    await stage.request_clip("@Ada", "a private fox")
    private = await stage.wait_for_clip("@Ada")
    private_number = clip_number_of(private)
    elsewhere = await run_command(stage, "showcase add", {"clip": private_number}, room)
    assert quote_text("not_found.clip_elsewhere") in elsewhere


async def test_limit_messages_name_owner_and_reset(stage: BotStage) -> None:
    room, cem = await stage.open_channel(), stage.people["Cem"]
    await run_admin(stage, "quota set", {"member": cem, "clips_per_day": 1}, room)
    await stage.request_clip(room, user="Cem")
    await stage.wait_for_clip(room)
    text = await stage.wait_for_answer(await stage.request_clip(room, user="Cem"))
    assert quote_pattern("limit.reached", whose=quote_text("scope.member")).search(text)
    assert quote_pattern("limit.frees").search(text)
    await run_admin(
        stage, "quota set", {"member": cem, "clips_per_day": 9, "usd_per_day": 0.1}, room
    )
    assert quote_text("limit.never_frees") in await stage.wait_for_answer(
        await stage.request_clip(room, user="Cem")
    )
    await run_admin(stage, "quota clear", {"member": cem}, room)
    await run_admin(stage, "quota set", {"member": cem, "jobs_at_once": 1}, room)
    async with stage.control.hold_google():
        first = await stage.request_clip(room, user="Cem")
        await stage.wait_for_answer(first, quote_text("ask.accepted"))
        text = await stage.wait_for_answer(await stage.request_clip(room, user="Cem"))
        assert quote_text("limit.frees_with_job") in text
        status = await stage.wait_for_message(room, quote_text("stage.polling"))
        refused = await stage.wait_for_answer(
            await stage.press_button(status, quote_text("button.cancel"), "Dia")
        )
        assert quote_text("not_allowed.cancel") in refused
    await stage.wait_for_clip(room, 2)
    await run_admin(stage, "quota clear", {"member": cem}, room)


async def test_pause_message_shows_reason(stage: BotStage) -> None:
    room = await stage.open_channel()
    await run_admin(stage, "pause", {"reason": "exams"}, room)
    text = await stage.wait_for_answer(await stage.request_clip(room))
    assert quote_text("paused.server") in text
    assert quote_text("paused.reason", reason="exams") in text
    await run_admin(stage, "resume", {}, room)


async def test_people_rule_names_suitable_models(stage: BotStage, tmp_path: Path) -> None:
    room = await stage.open_channel()
    await run_admin(stage, "people", {"rule": "adults", "channel": room}, room)
    text = await stage.wait_for_answer(await stage.request_clip(room))
    rule, mode = quote_text("people.adults"), quote_text("mode.text")
    assert quote_text("rule.person_rule", rule=rule, mode=mode, model="Veo 3.1 Fast") in text
    assert quote_text("rule.person_rule_models") in text


async def test_repost_failure_is_explained(stage: BotStage) -> None:
    room, closed = await stage.open_channel(), await stage.open_channel()
    clip = await stage.make_clip(room)
    number = clip_number_of(clip)
    posts = {"method": "POST", "path": rf"/channels/{closed}/messages$", "times": None}
    await stage.control.fault(
        "discord", status=403, body={"message": "Missing Access", "code": 50001}, **posts
    )
    assert quote_text("error.channel_closed") in await run_command(
        stage, "video get", {"clip": number}, closed
    )
    await stage.control.clear_faults()
    await stage.control.fault(
        "discord", status=413, body={"message": "Too large", "code": 40005}, **posts
    )
    interaction = await stage.control.command(
        stage.people["Ada"], closed, "video get", {"clip": number}
    )
    await stage.wait_for_answer(interaction, quote_text("error.file_too_large_limit"))
    assert not clips_of(await stage.control.messages(closed))
