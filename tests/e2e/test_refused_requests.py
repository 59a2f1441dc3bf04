"""Refused requests keep the prompt, offers say what they leave out, and options suggest values."""

from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.stage import BotStage, buttons_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_refused_long_prompt_keeps_the_words(stage: BotStage) -> None:
    """The count is in characters, and *Change the words* opens the prompt. [people-M19]"""
    room = await stage.open_channel()
    words = "ein Fuchs läuft über das Feld " * 120
    interaction = await stage.request_clip(room, words)
    answer = await stage.wait_for_answer(
        interaction, quote_text("rule.prompt_too_long", characters=len(words.strip()))
    )
    assert str(len(words.strip())) in answer
    state = await stage.control.interaction(interaction)
    (message,) = [
        each for each in state["messages"] if quote_text("button.rewrite") in buttons_of(each)
    ]
    stranger = await stage.control.component(
        stage.people["Ada"], message["id"], buttons_of(message)[quote_text("button.rewrite")]
    )
    opened = await stage.control.wait_interaction(stranger, lambda state: state.get("modal"))
    assert "über das Feld" in str(opened["modal"])
    submitted = await stage.submit_form(stranger, "a fox runs")
    await stage.wait_for_answer(submitted, quote_text("ask.accepted"))
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)


async def test_an_offer_says_which_picture_goes(stage: BotStage, tmp_path: Path) -> None:
    """[people-M17]"""
    room = await stage.open_channel()
    ada, picture = stage.people["Ada"], tmp_path / "picture.png"
    Image.new("RGB", (1280, 720), (200, 90, 30)).save(picture)
    values = {"prompt": "a red fox"}
    alone = await stage.control.command(
        ada, room, "video generate", values, attachments={"last_frame": picture}
    )
    await stage.wait_for_answer(alone, quote_text("offer.last_frame_becomes_image"))
    mixed = await stage.control.command(
        ada, room, "video generate", values, attachments={"image": picture, "reference_1": picture}
    )
    answer = await stage.wait_for_answer(mixed, quote_text("ask.nearest"))
    assert quote_text("offer.image") in answer or quote_text("offer.references") in answer


async def test_suggestions_begin_with_the_cheapest_and_say_what_differs(stage: BotStage) -> None:
    """[people-M20]"""
    room = await stage.open_channel()
    ada = stage.people["Ada"]
    models = await stage.control.autocomplete(
        ada, room, "video generate", {"prompt": "x", "model": ""}, "model"
    )
    prices = [float(each["name"].rsplit("($", 1)[1].rstrip(")")) for each in models]
    assert prices == sorted(prices)
    assert all(quote_text("choice.up_to") in each["name"] for each in models)
    lengths = await stage.control.autocomplete(
        ada, room, "video generate", {"prompt": "x", "duration": 0}, "duration"
    )
    names = [each["name"] for each in lengths]
    assert "Veo" not in names[0]
    (five,) = [name for name in names if name.startswith(quote_text("seconds", count=5))]
    assert "Gemini Omni" in five
    own = [name for name in names if " · " not in name]  # of the model that would be used anyway
    assert names[: len(own)] == own
    assert five not in own


async def test_jobs_and_showcase_entries_are_suggested(stage: BotStage) -> None:
    """[people-M20]"""
    room, wall = await stage.open_channel(), await stage.open_channel()
    ada = stage.people["Ada"]
    setting = await stage.control.command(
        ada, room, "server showcase", {"channel": wall, "public": False}
    )
    await stage.wait_for_answer(setting)
    async with stage.control.hold_google():
        await stage.wait_for_answer(
            await stage.request_clip(room, "a suggested heron"), quote_text("ask.accepted")
        )
        (job,) = await stage.control.autocomplete(ada, room, "video cancel", {"job": 0}, "job")
        assert "heron" in job["name"]
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    clips = await stage.control.autocomplete(ada, room, "showcase add", {"clip": "heron"}, "clip")
    assert ["heron" in each["name"] for each in clips] == [True]
    added = await stage.control.command(ada, room, "showcase add", {"clip": clips[0]["value"]})
    await stage.wait_for_answer(added, quote_text("showcase.added", clip=clips[0]["value"]))
    for user, count in (("Ada", 1), ("Bea", 1), ("Dia", 0)):
        entries = await stage.control.autocomplete(
            stage.people[user], room, "showcase withdraw", {"clip": "her"}, "clip"
        )
        assert [each["value"] for each in entries] == [clips[0]["value"]] * count, user
