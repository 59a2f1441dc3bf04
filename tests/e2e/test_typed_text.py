"""What members type into options: links, blanks, control characters, impossible numbers."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.e2e.stage import BotStage, text_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

IMPOSSIBLE = "9" * 20


async def test_links_in_a_prompt_are_dead(stage: BotStage) -> None:
    """In the status, on the card, under Details and in the history. [discord-D14]"""
    room = await stage.open_channel()
    ada = stage.people["Ada"]
    clip = await stage.make_clip(room, "join https://discord.gg/abc or discord.gg/def now")
    texts = [text_of(message) for message in await stage.control.messages(room, deleted=True)]
    pressed = await stage.press_button(clip, quote_text("button.details"))
    texts.append(await stage.wait_for_answer(pressed, "discord"))
    history = await stage.control.command(ada, room, "video history")
    texts.append(await stage.wait_for_answer(history, "join"))
    assert len([text for text in texts if "discord.gg" in text]) >= 3
    for text in texts:
        assert "https://discord.gg" not in text
        assert "discord.gg/" not in text
    (submit,) = [each for each in await stage.list_submits() if "join" in str(each)]
    assert "https://discord.gg/abc" in str(submit)  # Google gets what was typed


async def test_control_characters_never_reach_google(stage: BotStage) -> None:
    """[discord-D08]"""
    room = await stage.open_channel()
    await stage.make_clip(room, "a\0 clean\x1b fox\r\nruns")
    assert "a clean fox\nruns" in {each["prompt"] for each in await stage.list_submits()}


@pytest.mark.parametrize("blank", ["\u200b", "\u3164", "\u2800", "\u00ad", "\U000e0041"])
async def test_a_prompt_of_invisible_characters_is_refused(stage: BotStage, blank: str) -> None:
    """[discord-D18]"""
    room = await stage.open_channel()
    before = len(await stage.list_submits())
    interaction = await stage.request_clip(room, blank * 2)
    await stage.wait_for_answer(interaction, quote_text("rule.prompt_empty"))
    assert len(await stage.list_submits()) == before


@pytest.mark.parametrize("length", [2100, 5990])
async def test_a_model_of_thousands_of_characters_is_refused(stage: BotStage, length: int) -> None:
    """[discord-D17]"""
    room = await stage.open_channel()
    interaction = await stage.request_clip(room, model="m" * length)
    answer = await stage.wait_for_answer(interaction, "mmm")
    assert quote_text("error.unexpected_number") not in answer
    assert quote_text("error.unexpected") not in answer


@pytest.mark.parametrize(
    ("clip", "fault", "told"),
    [
        pytest.param(
            "https://discord.com/channels/1/2/3" + "0" * 16,
            {"status": 503},
            "error.delivery_busy",
            id="503",
        ),
        pytest.param(
            "https://discord.com/channels/1/2/3" + "0" * 16,
            {"status": 429, "body": {"message": "x", "retry_after": 120, "global": False}},
            "error.delivery_busy",
            id="429",
        ),
        pytest.param(
            "https://discord.com/channels/1/2/3" + "0" * 16,
            {"drop": "before"},
            "error.delivery_busy",
            id="cut",
        ),
        pytest.param(
            f"https://discord.com/channels/1/{IMPOSSIBLE}/{IMPOSSIBLE}",
            {},
            "not_found.clip",
            id="20",
        ),
        pytest.param("9" * 15, {}, "not_found.clip", id="number"),
    ],
)
async def test_a_clip_is_looked_for(
    stage: BotStage, clip: str, fault: Mapping[str, Any], told: str
) -> None:
    """A busy database gives "try again", an impossible number "no such clip". [discord-D16]"""
    room = await stage.open_channel()
    if fault:
        await stage.control.fault("discord", method="GET", path=r"/channels/2/", times=9, **fault)
    interaction = await stage.control.command(
        stage.people["Ada"], room, "video get", {"clip": clip}
    )
    await stage.wait_for_answer(interaction, quote_text(told))


@pytest.mark.parametrize(
    ("code", "told"),
    [(200000, "automod"), (200001, "automod"), (240000, "harmful_links"), (20009, "explicit")],
)
async def test_a_filter_of_discord_is_named(stage: BotStage, code: int, told: str) -> None:
    """[discord-D14]"""
    room = await stage.open_channel()
    await stage.control.fault("discord", method="PATCH", path="@original", code=code)
    interaction = await stage.control.command(stage.people["Ada"], room, "video models")
    await stage.wait_for_answer(interaction, quote_text(f"error.blocked.{told}"))
