"""Members find clips again: history, `/video get`, lineage, presets and details."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from bot.domain.jobs.presets import CameraPreset, StylePreset, append_presets
from tests.e2e.stage import (
    SHORT_CLIP,
    BotStage,
    Json,
    buttons_of,
    clip_number_of,
    clips_of,
    text_of,
    video_of,
)
from tests.harness.texts import quote_text

NO_MATCH = quote_text("history.none_found")
pytestmark = pytest.mark.asyncio(loop_scope="module")

UNSAFE_TEXT = "@everyone <@1> </x:1> <t:1> [x](http://evil.example) # h ```c``` ||s||"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tree(stage: BotStage) -> AsyncIterator[list[Json]]:
    """Return a clip of Ada's and its two extensions, by Cem and by Dia."""
    room = await stage.open_channel(name="tree")
    clips = [await stage.make_clip(room, "a red fox")]
    for user, text in (("Cem", "it jumps high"), ("Dia", UNSAFE_TEXT)):
        options = {"clip": clip_number_of(clips[0]), "prompt": text}
        await stage.control.command(stage.people[user], room, "video extend", options)
        clips.append(await stage.wait_for_clip(room, len(clips) + 1))
    await stage.wait_until_idle(room)
    yield clips


async def run_command(
    stage: BotStage, user: str, room: str, command: str, **options: object
) -> str:
    """Give a command and return its answer's text."""
    interaction = await stage.control.command(
        stage.people[user], room, command, {k: v for k, v in options.items() if v is not None}
    )
    return await stage.wait_for_answer(interaction)


async def test_lineage_shows_who_extended_clip(stage: BotStage, tree: list[Json]) -> None:
    first, second, third = map(clip_number_of, tree)
    room = tree[0]["channel_id"]
    lines = (await run_command(stage, "Dia", room, "video chain", clip=third)).splitlines()
    assert lines[0] == quote_text("chain.title", clip=f"#{third}")
    rows = {"first": lines[1], "second": lines[2], "third": lines[3]}
    for clip, seconds, user, line in (
        (tree[0], 4, "Ada", rows["first"]),
        (tree[1], 11, "Cem", rows["second"]),
        (tree[2], 11, "Dia", rows["third"]),
    ):
        link = f"https://discord.com/channels/{stage.guild}/{room}/{clip['id']}"
        assert f"[#{clip_number_of(clip)}]({link})" in line
        assert f"{quote_text('seconds', count=seconds)} · <@{stage.people[user]}>" in line
    assert "**▶" in rows["third"]
    assert "**▶" not in rows["first"] + rows["second"]
    assert quote_text("chain.from", parent=f"#{first}") in rows["third"]
    for markup in ("@everyone", "<@1>", "</x", "<t:1>", "```", "||"):
        assert markup not in lines[3].replace("\u200b", "!"), markup
    assert second != third


async def test_lineage_is_found_by_link(stage: BotStage, tree: list[Json]) -> None:
    room = tree[0]["channel_id"]
    link = f"https://discord.com/channels/{stage.guild}/{room}/{tree[1]['id']}"
    text = await run_command(stage, "Ada", room, "video chain", clip=link)
    assert quote_text("chain.title", clip=f"#{clip_number_of(tree[1])}") in text
    assert text.count("●") == 1
    assert text.count("⤷") == 2


async def test_extension_card_shows_source_and_length(stage: BotStage, tree: list[Json]) -> None:
    text = text_of(tree[1])
    first = clip_number_of(tree[0])
    assert quote_text("card.extension", parent=f"#{first}") in text
    assert quote_text("seconds", count=11) in text
    assert {
        quote_text("button.extend"),
        quote_text("button.edit_clip"),
        quote_text("button.redo"),
        quote_text("button.reword"),
        quote_text("button.showcase"),
        quote_text("button.details"),
        quote_text("button.delete"),
    } <= set(buttons_of(tree[1]))


async def test_user_text_is_never_interpreted(stage: BotStage, tree: list[Json]) -> None:
    room = tree[0]["channel_id"]
    history = await run_command(stage, "Dia", room, "video history")
    details = await stage.wait_for_answer(
        await stage.press_button(tree[2], quote_text("button.details")),
        quote_text("details.prompt"),
    )
    for text in (text_of(tree[2]), history, details):
        assert "@member" in text
        assert "1970-01-01" in text
        for markup in ("@everyone", "<@1>", "</x", "<t:1>", "```", "||"):
            assert markup not in text.replace("\u200b", "!"), (markup, text)
        assert re.search(r"(?<!\\)\[x", text) is None


async def test_clip_of_hidden_channel_is_not_found(stage: BotStage) -> None:
    hidden = await stage.open_channel(
        overwrites=[
            {"role": "@everyone", "deny": ["VIEW_CHANNEL"]},
            {"member": "Clapper", "allow": ["VIEW_CHANNEL"]},
        ]
    )
    number = clip_number_of(await stage.make_clip(hidden))  # Ada owns the server
    room = await stage.open_channel()
    for command in ("video get", "video chain"):
        assert quote_text("not_found.clip") in await run_command(
            stage, "Cem", room, command, clip=number
        )
    options = {"clip": number, "prompt": "it jumps"}
    assert quote_text("not_found.clip") in await run_command(
        stage, "Cem", room, "video extend", **options
    )
    assert quote_text("get.done") in await run_command(stage, "Ada", room, "video get", clip=number)
    await stage.wait_for_clip(room)


async def test_get_autocompletes_and_reposts_in_other_channel(
    stage: BotStage, tree: list[Json]
) -> None:
    room = await stage.open_channel()
    cem = stage.people["Cem"]
    choices = await stage.control.autocomplete(
        cem, room, "video get", {"clip": "JUMPS"}, focused="clip"
    )
    number = clip_number_of(tree[1])
    assert choices == [{"name": f"#{number} it jumps high", "value": number}]
    assert quote_text("get.done") in await run_command(stage, "Cem", room, "video get", clip=number)
    again = await stage.wait_for_clip(room)
    before, after = video_of(tree[1]), video_of(again)
    assert before is not None
    assert after is not None
    assert await stage.control.download(after["url"]) == await stage.control.download(before["url"])
    # other members' clips too, in channels that they see
    assert quote_text("get.done") in await run_command(stage, "Dia", room, "video get", clip=number)


async def test_history_pages_and_filters_survive_kill(stage: BotStage) -> None:
    room = await stage.open_channel()
    bea = stage.people["Bea"]
    for number in range(11):
        await stage.request_clip(room, f"a heron number {number}", user="Bea")
    last_clip = await stage.wait_for_clip(room, 11)
    await stage.wait_until_idle(room)
    interaction = await stage.control.command(bea, room, "video history", {})
    first = await stage.wait_for_answer(interaction)
    assert first.count("a heron") == 10
    assert "https://discord.com/channels/" in first
    await stage.bot.restart()
    message = (await stage.control.interaction(interaction))["messages"][0]
    assert set(buttons_of(message)) == {quote_text("button.older")}
    await stage.press_button(message, quote_text("button.older"), "Bea")

    async def find_page(label: str) -> Json | None:
        message: Json = (await stage.control.interaction(interaction))["messages"][0]
        return message if label in buttons_of(message) else None

    older = await stage.wait_until(lambda: find_page(quote_text("button.newer")), "the older page")
    assert text_of(older).count("a heron") == 1
    assert set(buttons_of(older)) == {quote_text("button.newer")}
    await stage.press_button(older, quote_text("button.newer"), "Bea")
    newer = await stage.wait_until(lambda: find_page(quote_text("button.older")), "the newer page")
    assert text_of(newer) == first
    filtered = await run_command(
        stage, "Bea", room, "video history", words="NUMBER 1", model="fast"
    )
    assert filtered.count("a heron number 1") == 2
    assert "a heron number 2" not in filtered
    assert NO_MATCH in await run_command(stage, "Bea", room, "video history", model="veo-2")
    assert (await run_command(stage, "Bea", room, "video history", only="extendable")).count(
        "heron"
    ) == 10
    assert NO_MATCH in await run_command(stage, "Bea", room, "video history", only="showcased")
    assert last_clip["id"]


async def test_presets_appear_in_prompt(stage: BotStage) -> None:
    room = await stage.open_channel()
    await stage.request_clip(room, "a fox", style="noir", camera="dolly_in")
    clip = await stage.wait_for_clip(room)
    prompt = append_presets("a fox", StylePreset.NOIR, CameraPreset.DOLLY_IN)
    assert prompt in text_of(clip)
    body = (await stage.list_submits())[-1]["json"]
    assert body["instances"][0]["prompt"] == prompt
    form = await stage.press_button(clip, quote_text("button.reword"))
    state = await stage.control.wait_interaction(form, lambda s: s.get("modal"))
    assert prompt in str(state["modal"])
    before = len(await stage.list_submits())
    long = "a " * 1015
    refused = await stage.wait_for_answer(
        await stage.request_clip(room, long, style="vintage", camera="tracking")
    )
    assert quote_text("rule.prompt_too_long") in refused
    assert len(await stage.list_submits()) == before


async def test_details_show_everything_to_reproduce_clip(stage: BotStage, tmp_path: Path) -> None:
    room = await stage.open_channel()
    picture = tmp_path / "first.png"
    Image.new("RGB", (320, 180), "teal").save(picture)
    await stage.control.command(
        stage.people["Ada"],
        room,
        "video animate",
        {"prompt": "waves", "negative_prompt": "walls, " * 90, "seed": 7, **SHORT_CLIP},
        attachments={"image": str(picture)},
    )
    clip = await stage.wait_for_clip(room)
    interaction = await stage.press_button(clip, quote_text("button.details"), "Cem")
    text = await stage.wait_for_answer(interaction, "walls")
    for expected in (
        f"**{quote_text('details.seed')}** 7",
        f"**{quote_text('details.first_frame')}** 320×180",
        "veo-3.1-fast-generate-preview",
        quote_text("seconds", count=4),
    ):
        assert expected in text
    state = await stage.control.wait_interaction(interaction, lambda s: len(s["messages"]) > 1)
    full_text = "".join(text_of(message) for message in state["messages"])
    assert full_text.count("walls,") == 90
    files = [file for message in state["messages"] for file in message.get("attachments", [])]
    assert [file["filename"] for file in files] == ["first-frame.png"]
    assert (await stage.control.download(files[0]["url"])).startswith(b"\x89PNG")
    assert len(clips_of(await stage.control.messages(room))) == 1
