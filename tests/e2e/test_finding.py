"""Finding things again: history in pages, get anywhere, the tree of a clip, presets, details."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image

from tests.e2e.stage import SHORT_CLIP, BotStage, Json, buttons_of, clips_of, text_of, video_of

NONE = "None of your clips here match"
pytestmark = pytest.mark.asyncio(loop_scope="module")

STYLE = "Style: film noir, black and white, hard shadows. Camera: slow dolly in."
EVIL = "@everyone <@1> </x:1> <t:1> [x](http://evil.example) # h ```c``` ||s||"


def number_of(clip: Json) -> str:
    """Return a clip's number, from its card."""
    found = re.search(r"clip #(\d+)", text_of(clip))
    assert found is not None
    return found[1]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tree(stage: BotStage) -> AsyncIterator[list[Json]]:
    """Give a tree in a channel: a clip of Ada's, extended by Cem, and by Dia in another branch."""
    room = await stage.open_channel(name="tree")
    clips = [await stage.make_clip(room, "a red fox")]
    for user, text in (("Cem", "it jumps high"), ("Dia", EVIL)):
        await stage.control.message(stage.people[user], room, text, reply_to=clips[0]["id"])
        clips.append(await stage.wait_for_clip(room, len(clips) + 1))
    await stage.wait_until_idle(room)
    yield clips


async def ask(stage: BotStage, user: str, room: str, command: str, **options: object) -> str:
    """Give a command and return its answer's text."""
    asked = await stage.control.command(
        stage.people[user], room, command, {k: v for k, v in options.items() if v is not None}
    )
    return await stage.wait_for_answer(asked)


async def test_lineage_shows_who_extended_clip(stage: BotStage, tree: list[Json]) -> None:
    first, second, third = map(number_of, tree)
    room = tree[0]["channel_id"]
    said = (await ask(stage, "Dia", room, "video chain", clip=third)).splitlines()
    assert said[0] == f"**The tree of clip #{third}**"
    places = {"first": said[1], "second": said[2], "third": said[3]}
    for clip, seconds, user, line in (
        (tree[0], 4, "Ada", places["first"]),
        (tree[1], 11, "Cem", places["second"]),
        (tree[2], 11, "Dia", places["third"]),
    ):
        link = f"https://discord.com/channels/{stage.guild}/{room}/{clip['id']}"
        assert f"[#{number_of(clip)}]({link})" in line
        assert f"{seconds} s · <@{stage.people[user]}>" in line
    assert "**▶" in places["third"]
    assert "**▶" not in places["first"] + places["second"]
    assert f"continues #{first}" in places["third"]
    for acting in ("@everyone", "<@1>", "</x", "<t:1>", "```", "||"):
        assert acting not in said[3].replace("\u200b", "!"), acting
    assert second != third


async def test_the_tree_is_found_by_link_and_alone_for_a_clip_alone(
    stage: BotStage, tree: list[Json]
) -> None:
    room = tree[0]["channel_id"]
    link = f"https://discord.com/channels/{stage.guild}/{room}/{tree[1]['id']}"
    said = await ask(stage, "Ada", room, "video chain", clip=link)
    assert f"The tree of clip #{number_of(tree[1])}" in said
    assert said.count("●") == 1
    assert said.count("↳") == 2


async def test_a_chain_card_names_hop_length_and_source(stage: BotStage, tree: list[Json]) -> None:
    said = text_of(tree[1])
    first = number_of(tree[0])
    assert f"extension of #{first}" in said
    assert "11 s" in said
    assert "reply to extend it, until <t:" in said
    assert {"Extend", "Redo", "Edit prompt", "Showcase", "Details", "Delete"} <= set(
        buttons_of(tree[1])
    )


async def test_user_text_is_never_interpreted(stage: BotStage, tree: list[Json]) -> None:
    room = tree[0]["channel_id"]
    history = await ask(stage, "Dia", room, "video history")
    details = await stage.wait_for_answer(await stage.press_button(tree[2], "Details"), "Prompt:")
    for said in (text_of(tree[2]), history, details):
        assert "@member" in said
        assert "1970-01-01" in said
        for acting in ("@everyone", "<@1>", "</x", "<t:1>", "```", "||"):
            assert acting not in said.replace("\u200b", "!"), (acting, said)
        assert re.search(r"(?<!\\)\[x", said) is None


async def test_a_clip_of_a_channel_that_one_does_not_see_is_not_handed_out(stage: BotStage) -> None:
    hidden = await stage.open_channel(
        overwrites=[
            {"role": "@everyone", "deny": ["VIEW_CHANNEL"]},
            {"member": "Clapper", "allow": ["VIEW_CHANNEL"]},
        ]
    )
    number = number_of(await stage.make_clip(hidden))  # Ada owns the server
    room = await stage.open_channel()
    for command in ("video get", "video chain"):
        assert "no such clip" in await ask(stage, "Cem", room, command, clip=number)
    asked = {"clip": number, "prompt": "it jumps"}
    assert "no such clip" in await ask(stage, "Cem", room, "video extend", **asked)
    assert "posted again" in await ask(stage, "Ada", room, "video get", clip=number)
    await stage.wait_for_clip(room)


async def test_get_autocompletes_and_reposts_in_other_channel(
    stage: BotStage, tree: list[Json]
) -> None:
    room = await stage.open_channel()
    cem = stage.people["Cem"]
    choices = await stage.control.autocomplete(
        cem, room, "video get", {"clip": "JUMPS"}, focused="clip"
    )
    number = number_of(tree[1])
    assert choices == [{"name": f"#{number} it jumps high", "value": number}]
    assert "posted again" in await ask(stage, "Cem", room, "video get", clip=number)
    again = await stage.wait_for_clip(room)
    before, after = video_of(tree[1]), video_of(again)
    assert before is not None
    assert after is not None
    assert await stage.control.download(after["url"]) == await stage.control.download(before["url"])
    # others' work too, where they see it
    assert "posted again" in await ask(stage, "Dia", room, "video get", clip=number)


async def test_history_pages_and_filters_survive_kill(stage: BotStage) -> None:
    room = await stage.open_channel()
    bea = stage.people["Bea"]
    for each in range(11):
        await stage.request_clip(room, f"a heron number {each}", user="Bea")
    made = await stage.wait_for_clip(room, 11)
    await stage.wait_until_idle(room)
    asked = await stage.control.command(bea, room, "video history", {})
    first = await stage.wait_for_answer(asked)
    assert first.count("a heron") == 10
    assert "https://discord.com/channels/" in first
    await stage.bot.restart()
    message = (await stage.control.interaction(asked))["messages"][0]
    assert set(buttons_of(message)) == {"Older clips"}
    await stage.press_button(message, "Older clips", "Bea")

    async def page(word: str) -> Json | None:
        shown: Json = (await stage.control.interaction(asked))["messages"][0]
        return shown if word in buttons_of(shown) else None

    older = await stage.wait_until(lambda: page("Newer clips"), "the older page")
    assert text_of(older).count("a heron") == 1
    assert set(buttons_of(older)) == {"Newer clips"}
    await stage.press_button(older, "Newer clips", "Bea")
    newer = await stage.wait_until(lambda: page("Older clips"), "the newer page")
    assert text_of(newer) == first
    narrowed = await ask(stage, "Bea", room, "video history", words="NUMBER 1", model="fast")
    assert narrowed.count("a heron number 1") == 2
    assert "a heron number 2" not in narrowed
    assert NONE in await ask(stage, "Bea", room, "video history", model="veo-2")
    assert (await ask(stage, "Bea", room, "video history", only="extendable")).count("heron") == 10
    assert NONE in await ask(stage, "Bea", room, "video history", only="showcased")
    assert made["id"]


async def test_presets_are_seen_in_the_prompt_sent_and_edited(stage: BotStage) -> None:
    room = await stage.open_channel()
    await stage.request_clip(room, "a fox", style="noir", camera="dolly_in")
    clip = await stage.wait_for_clip(room)
    assert f"a fox. {STYLE}" in text_of(clip)
    sent = (await stage.list_submits())[-1]["json"]
    assert sent["instances"][0]["prompt"] == f"a fox. {STYLE}"
    asked_for = await stage.wait_for_message(room, "asked")
    assert STYLE in text_of(asked_for)
    opened = await stage.press_button(clip, "Edit prompt")
    seen = await stage.control.wait_interaction(opened, lambda s: s.get("modal"))
    assert f"a fox. {STYLE}" in str(seen["modal"])
    before = len(await stage.list_submits())
    long = "a " * 1015
    refused = await stage.wait_for_answer(
        await stage.request_clip(room, long, style="vintage", camera="tracking")
    )
    assert "too long" in refused
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
    asked = await stage.press_button(clip, "Details", "Cem")
    said = await stage.wait_for_answer(asked, "walls")
    for part in ("Seed:** 7", "First frame:** 320×180", "veo-3.1-fast-generate-preview", "4 s"):
        assert part in said
    seen = await stage.control.wait_interaction(asked, lambda s: len(s["messages"]) > 1)
    whole = "".join(text_of(message) for message in seen["messages"])
    assert whole.count("walls,") == 90
    files = [file for message in seen["messages"] for file in message.get("attachments", [])]
    assert [file["filename"] for file in files] == ["first-frame.png"]
    assert (await stage.control.download(files[0]["url"])).startswith(b"\x89PNG")
    assert len(clips_of(await stage.control.messages(room))) == 1
