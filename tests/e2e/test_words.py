"""What people read when something cannot be: each text is brought about and seen, word for word.

`tests/unit/project/test_seen_texts.py` holds that none is missing.
"""

from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.stage import SHORT_CLIP, BotStage, buttons_of, clips_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

LITE = {"model": "veo-3.1-lite-generate-preview", "duration": 4}
VEO_2 = {"model": "veo-2.0-generate-001", "duration": 5}

REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "empty": ({"prompt": "   "}, "Say in the prompt what the video shows"),
    "value": ({"aspect_ratio": "1:1"}, "is no value of"),
    "model": ({"model": "veo-9"}, "The model veo-9 is not"),
    "length": ({"duration": 7}, "does not make clips of"),
    "length for a resolution": ({"resolution": "1080p"}, " makes clips of"),
    "resolution": ({**LITE, "resolution": "4k"}, "does not come in"),
    "seed": ({**VEO_2, "seed": 1}, "takes no seed"),
    "resolution of Veo 2": ({**VEO_2, "resolution": "1080p"}, "lets nobody choose the resolution"),
    "videos": ({"videos": 3}, "makes at most"),
}


async def submits(stage: BotStage) -> int:
    return len(await stage.list_submits())


async def ask(stage: BotStage, command: str, options: dict[str, object], room: str) -> str:
    """Give a command as Ada and return what she is told."""
    asked = await stage.control.command(stage.people["Ada"], room, command, options)
    return await stage.wait_for_answer(asked)


@pytest.mark.parametrize("case", REFUSED)
async def test_unsupported_option_is_named(stage: BotStage, case: str) -> None:
    room, before = await stage.open_channel(), await submits(stage)
    options, words = REFUSED[case]
    said = await ask(
        stage, "video generate", {"prompt": "a red fox", **SHORT_CLIP, **options}, room
    )
    assert words in said
    assert await submits(stage) == before


async def test_prompt_length_is_limited(stage: BotStage) -> None:
    room, endless = await stage.open_channel(), "東京の夜" * 900
    said = await ask(stage, "video generate", {"prompt": endless, **SHORT_CLIP}, room)
    assert "The prompt is too long" in said
    styled = {"prompt": "a fox " * 666, "style": "noir", **SHORT_CLIP}
    assert "With the words for style and camera added" in await ask(
        stage, "video generate", styled, room
    )
    options = {"prompt": "a fox", "negative_prompt": endless, **SHORT_CLIP}
    assert "The negative prompt is too long" in await ask(stage, "video generate", options, room)


async def test_pictures_that_do_not_go_together_or_do_not_go_at_all(
    stage: BotStage, tmp_path: Path
) -> None:
    room, ada = await stage.open_channel(), stage.people["Ada"]
    picture, dot = tmp_path / "red.png", tmp_path / "dot.png"
    Image.new("RGB", (640, 360), "red").save(picture)
    Image.new("RGB", (2, 2), "red").save(dot)

    async def told(command: str, files: dict[str, Path], **options: object) -> str:
        asked = await stage.control.command(
            ada, room, command, {"prompt": "it turns", **SHORT_CLIP, **options}, attachments=files
        )
        return await stage.wait_for_answer(asked)

    before = await submits(stage)
    assert "A last frame needs" in await told("video generate", {"last_frame": picture})
    both = {"image": picture, "reference_1": picture}
    assert "cannot be combined with a first" in await told("video generate", both)
    lite = await told("video generate", {"reference_1": picture}, **LITE)
    assert "cannot make a clip" in lite
    assert "The image is too small" in await told("video animate", {"image": dot})
    await stage.control.fault("discord", method="GET", path="attachments/", status=404, times=1)
    assert "The image is no longer there" in await told("video animate", {"image": picture})
    await stage.control.clear_faults()
    await stage.control.fault("discord", method="GET", path="attachments/", status=503, times=None)
    assert "Discord does not answer right now" in await told("video animate", {"image": picture})
    assert await submits(stage) == before


async def test_missing_things_are_reported_missing(stage: BotStage) -> None:
    room = await stage.open_channel()
    said = await ask(stage, "video get", {"clip": "the fox one"}, room)
    assert "Give a clip's number" in said
    assert "There is no such job here" in await ask(stage, "video cancel", {"job": 99999}, room)
    judged = await ask(stage, "server unknown", {"job": 99999, "charge": True}, room)
    assert "does not wait for a judgement" in judged
    assert "There is no showcase here yet" in await ask(stage, "server showcase", {}, room)
    clip = await stage.make_clip(room)
    number = buttons_of(clip)["Extend"].rpartition(":")[2]
    off = await stage.wait_for_answer(await stage.press_button(clip, "Showcase"))
    assert "This server has no showcase yet" in off
    wall = await stage.open_channel()
    await ask(stage, "server showcase", {"channel": wall}, room)
    zone = await ask(stage, "server showcase", {"digest_zone": "Mars/Olympus"}, room)
    assert "There is no such time zone" in zone
    assert "The showcase is still empty" in await ask(stage, "showcase random", {}, room)
    hidden = await ask(stage, "showcase hide", {"clip": number}, room)
    assert "is not in the showcase here" in hidden
    await ask(stage, "server showcase", {"moderators": "never"}, room)
    curated = await stage.wait_for_answer(await stage.press_button(clip, "Showcase", "Bea"))
    assert "only the people who made them may showcase" in curated
    await stage.control.message("Ada", "@Ada", "hello")
    await stage.request_clip("@Ada", "a private fox")
    private = await stage.wait_for_clip("@Ada")
    mine = buttons_of(private)["Extend"].rpartition(":")[2]
    elsewhere = await ask(stage, "showcase add", {"clip": mine}, room)
    assert "That clip was made elsewhere" in elsewhere


async def test_limit_messages_name_owner_and_reset(stage: BotStage) -> None:
    room, cem = await stage.open_channel(), stage.people["Cem"]
    await ask(stage, "server quota set", {"member": cem, "clips_per_day": 1}, room)
    await stage.request_clip(room, user="Cem")
    await stage.wait_for_clip(room)
    said = await stage.wait_for_answer(await stage.request_clip(room, user="Cem"))
    assert "That would pass" in said
    assert "Enough frees" in said
    await ask(
        stage, "server quota set", {"member": cem, "clips_per_day": 9, "usd_per_day": 0.1}, room
    )
    assert "It is larger than the whole limit" in await stage.wait_for_answer(
        await stage.request_clip(room, user="Cem")
    )
    await ask(stage, "server quota clear", {"member": cem}, room)
    await ask(stage, "server quota set", {"member": cem, "jobs_at_once": 1}, room)
    async with stage.control.hold_google():
        first = await stage.request_clip(room, user="Cem")
        await stage.wait_for_answer(first, "Accepted")
        said = await stage.wait_for_answer(await stage.request_clip(room, user="Cem"))
        assert "A place frees as soon as" in said
        status = await stage.wait_for_message(room, "generating")
        refused = await stage.wait_for_answer(await stage.press_button(status, "Cancel", "Dia"))
        assert "may cancel it" in refused
    await stage.wait_for_clip(room, 2)
    await ask(stage, "server quota clear", {"member": cem}, room)


async def test_pause_message_shows_reason(stage: BotStage) -> None:
    room = await stage.open_channel()
    await ask(stage, "server pause", {"reason": "exams"}, room)
    said = await stage.wait_for_answer(await stage.request_clip(room))
    assert "Clapper is paused in this server" in said
    assert "Reason:" in said
    assert "exams" in said
    await ask(stage, "server resume", {}, room)


async def test_the_rule_for_people_names_who_could(stage: BotStage, tmp_path: Path) -> None:
    room = await stage.open_channel(nsfw=True)
    said = await stage.wait_for_answer(await stage.request_clip(room))
    assert "cannot promise that" in said
    assert "These could:" in said


async def test_a_clip_that_cannot_be_posted_again_says_why(stage: BotStage) -> None:
    room, shut = await stage.open_channel(), await stage.open_channel()
    clip = await stage.make_clip(room)
    number = buttons_of(clip)["Extend"].rpartition(":")[2]
    posts = {"method": "POST", "path": rf"/channels/{shut}/messages$", "times": None}
    await stage.control.fault(
        "discord", status=403, body={"message": "Missing Access", "code": 50001}, **posts
    )
    assert "I can no longer post" in await ask(stage, "video get", {"clip": number}, shut)
    await stage.control.clear_faults()
    await stage.control.fault(
        "discord", status=413, body={"message": "Too large", "code": 40005}, **posts
    )
    asked = await stage.control.command(stage.people["Ada"], shut, "video get", {"clip": number})
    assert "that Discord takes here" in await stage.wait_for_answer(asked)
    assert not clips_of(await stage.control.messages(shut))
