"""Every mode on both routes, chains of extensions, and refusals that cost nothing.

What Google received is read from the sandbox, the charges from the bot's database.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from tests.chaos.records import DatabaseReader
from tests.e2e.stage import (
    BotStage,
    Json,
    buttons_of,
    clip_number_of,
    clips_of,
    components_of,
    text_of,
    video_of,
)
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUBMIT: Final = r":predictLongRunning$"
DIRECTION = "it jumps over the fence"
MODELS: Final = {
    "gemini": "veo-3.1-fast-generate-preview",
    "vertex": "veo-3.1-fast-generate-001",
    "both": "veo-3.1-fast-generate-001",
}


def with_routes(*routes: str) -> pytest.MarkDecorator:
    """Run a test once for each of ``routes`` (see `open_stage`)."""
    return pytest.mark.parametrize("stage", routes, indirect=True, scope="module")


@pytest.fixture
def route(request: pytest.FixtureRequest) -> str:
    """Return the routes of the test's stage."""
    return str(request.node.callspec.params["stage"])


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    """Return images by option name."""
    paths = {}
    for number, name in enumerate(
        ("image", "last_frame", "reference_1", "reference_2", "reference_3")
    ):
        paths[name] = tmp_path / f"{name}.png"
        Image.new("RGB", (640, 360), (40 * number, 90, 30)).save(paths[name])
    return paths


def open_reader(stage: BotStage) -> DatabaseReader:
    """Return a reader of the bot's database."""
    return DatabaseReader(f"sqlite:///{stage.bot.environment['DATA_DIR']}/clapper.db")


async def request_video(
    stage: BotStage,
    room: str,
    model: str,
    options: Mapping[str, Any] | None = None,
    attachments: Mapping[str, Path] | None = None,
) -> str:
    """Request a clip at 720p; return the interaction."""
    values = {"prompt": "a red fox", "model": model, "resolution": "720p", **(options or {})}
    return await stage.control.command(
        stage.people["Ada"], room, "video generate", values, attachments=attachments
    )


async def reply_to(stage: BotStage, room: str, clip: Json, prompt: str = DIRECTION) -> None:
    """Reply to a clip."""
    await stage.control.message(stage.people["Ada"], room, prompt, reply_to=clip["id"])


def quote_lineage(hop: int, *, root: str, parent: str) -> str:
    """Return what the card of an extension says about the clips that it goes on from."""
    if hop == 1:
        return quote_text("card.extension", parent=parent)
    return quote_text("card.chain", count=hop, root=root, parent=parent)


def instance_of(submit: Json) -> Json:
    """Return the only instance of a submit."""
    (instance,) = submit["json"]["instances"]
    result: Json = instance
    return result


@with_routes("gemini", "vertex")
@pytest.mark.parametrize(
    ("mode", "names", "fields", "options"),
    [
        ("text", [], set(), {"duration": 4, "seed": 7, "negative_prompt": "rain"}),
        ("image", ["image"], {"image"}, {"duration": 4}),
        ("frames", ["image", "last_frame"], {"image", "lastFrame"}, {}),
        (
            "references",
            ["reference_1", "reference_2", "reference_3"],
            {"referenceImages"},
            {},
        ),
    ],
)
async def test_each_mode_makes_a_clip(
    stage: BotStage,
    route: str,
    pictures: dict[str, Path],
    mode: str,
    names: list[str],
    fields: set[str],
    options: dict[str, Any],
) -> None:
    room = await stage.open_channel()
    attachments = {name: pictures[name] for name in names}
    interaction = await request_video(stage, room, MODELS[route], options, attachments)
    await stage.wait_for_answer(interaction, quote_text("ask.accepted"))
    assert video_of(await stage.wait_for_clip(room))
    submit = (await stage.list_submits())[-1]
    parameters = submit["json"]["parameters"]
    assert submit["route"] == route
    assert submit["mode"] == mode
    assert instance_of(submit).keys() - {"prompt"} == fields
    assert parameters["durationSeconds"] == options.get("duration", 8)
    assert parameters.get("seed") == options.get("seed")
    assert parameters.get("negativePrompt") == options.get("negative_prompt")
    if mode == "references":
        assert len(instance_of(submit)["referenceImages"]) == 3


@with_routes("gemini", "vertex", "both")
async def test_chain_of_three_extensions(stage: BotStage, route: str) -> None:
    room = await stage.open_channel()
    await request_video(stage, room, MODELS[route], {"duration": 4})
    clip = await stage.wait_for_clip(room)
    root_number = f"#{clip_number_of(clip)}"
    for hop in (1, 2, 3):
        before = (await stage.list_submits())[-1]
        lineage = {"root": root_number, "parent": f"#{clip_number_of(clip)}"}
        await reply_to(stage, room, clip)
        clip = await stage.wait_for_clip(room, hop + 1)
        assert quote_lineage(hop, **lineage) in text_of(clip)
        submit = (await stage.list_submits())[-1]
        video = instance_of(submit)["video"]
        if route == "gemini":  # Google refuses a MIME type beside the uri
            assert video == {"uri": before["video"]}
        elif route == "vertex":
            assert video.keys() == {"bytesBase64Encoded", "mimeType"}
        else:
            assert video == {"gcsUri": before["video"], "mimeType": "video/mp4"}
        assert submit["hops"] == hop
    rows = await open_reader(stage).fetch_rows(
        "SELECT id, extension_depth, parent_clip_id, root_clip_id, seconds FROM clips"
        " ORDER BY id DESC LIMIT 4"
    )
    (root, *_), second, third, last = reversed(rows)
    assert last[1:] == (3, third[0], root, 25)
    assert third[1:] == (2, second[0], root, 18)
    assert second[1:] == (1, root, root, 11)


@with_routes("vertex")
async def test_both_of_two_videos_can_be_extended(stage: BotStage) -> None:
    room, elsewhere = await stage.open_channel(), await stage.open_channel()
    ada = stage.people["Ada"]
    before = await open_reader(stage).sum_spent()
    await request_video(stage, room, MODELS["vertex"], {"duration": 4, "videos": 2})
    both = await stage.wait_for_clip(room)
    gallery = next(component for component in components_of(both) if component["type"] == 12)
    assert len(gallery["items"]) == 2
    assert await open_reader(stage).sum_spent() - before == 2 * 4 * 100_000
    first, second = sorted(
        int(custom_id.rpartition(":")[2])
        for custom_id in buttons_of(both).values()
        if custom_id.startswith("clapper:extend:")
    )

    # for a message with both clips the bot asks which one
    await reply_to(stage, room, both)
    question = await stage.wait_for_message(room, quote_text("clip.which"))
    price = "$0.70"
    labels = [f"{quote_text('button.extend_one', clip=each)} · {price}" for each in (first, second)]
    assert set(buttons_of(question)) == set(labels)
    # the answer keeps the reply's words, so no form asks for them again
    await stage.press_button(question, labels[1])
    assert quote_text("card.extension", parent=f"#{second}") in text_of(
        await stage.wait_for_clip(room, 2)
    )
    assert (await stage.list_submits())[-1]["prompt"] == DIRECTION
    menu = await stage.control.context_menu(ada, quote_text("menu.extend"), both["id"])
    await stage.wait_for_answer(menu, quote_text("clip.which"))
    showcase_menu = await stage.control.context_menu(ada, quote_text("menu.showcase"), both["id"])
    await stage.wait_for_answer(showcase_menu, quote_text("clip.which"))

    # a message with the second clip alone
    await stage.control.command(ada, elsewhere, "video get", {"clip": str(second)})
    copy = await stage.wait_for_clip(elsewhere)
    await reply_to(stage, elsewhere, copy)
    assert quote_text("card.extension", parent=f"#{second}") in text_of(
        await stage.wait_for_clip(elsewhere, 2)
    )


@with_routes("gemini", "vertex")
async def test_images_are_copied_on_request(
    stage: BotStage, route: str, pictures: dict[str, Path]
) -> None:
    """Discord's attachment links may expire while the request is queued."""
    room = await stage.open_channel()
    await stage.control.fault("google", path=SUBMIT, status=503, times=1)
    interaction = await request_video(
        stage, room, MODELS[route], {"duration": 4}, {"image": pictures["image"]}
    )
    await stage.wait_for_answer(interaction, quote_text("ask.accepted"))
    await stage.control.fault(
        "discord", method="GET", path="^/(ephemeral-)?attachments/", status=404, times=None
    )
    await stage.wait_for_message(room, quote_text("stage.waiting.google_busy"))
    clip = await stage.wait_for_clip(room)
    assert video_of(clip)
    assert instance_of((await stage.list_submits())[-1])["image"]["mimeType"] == "image/png"
    downloads = await stage.control.requests(method="GET", path="attachments/")
    assert downloads
    assert downloads[-1]["status"] == 200


@with_routes("gemini", "vertex")
async def test_retired_model_is_refunded_and_disabled(stage: BotStage, route: str) -> None:
    room, reader = await stage.open_channel(), open_reader(stage)
    ada = stage.people["Ada"]
    model = {"gemini": "veo-3.0-fast-generate-001", "vertex": "veo-3.1-lite-generate-001"}[route]
    before, submits = await reader.sum_spent(), len(await stage.list_submits())

    async def is_checked() -> bool:
        return "google.route_answered" in stage.bot.read_log()

    # the answer to the submit must disable the model, not the check at the start
    await stage.wait_until(is_checked, "the models' check")
    await stage.control.google(retired_models=[model])
    await request_video(stage, room, model, {"duration": 4})
    message = await stage.wait_for_message(room, quote_text("outcome.model_retired"))
    assert quote_text("button.reword") in buttons_of(message)
    assert await reader.sum_spent() == before
    assert await reader.sum_reserved() == 0
    again = await stage.wait_for_answer(await request_video(stage, room, model, {"duration": 4}))
    assert quote_text("rule.model_unavailable") in again
    listed = await stage.control.command(ada, room, "video models")
    await stage.wait_for_answer(listed, quote_text("models.reason", reason="This model"))
    assert len(await stage.list_submits()) == submits


@with_routes("gemini")
async def test_a_clip_that_google_deleted_goes_on_at_omni_from_our_copy(stage: BotStage) -> None:
    room, reader = await stage.open_channel(), open_reader(stage)
    await stage.control.google(file_lifetime_s=60)
    await request_video(stage, room, MODELS["gemini"], {"duration": 4})
    clip = await stage.wait_for_clip(room)
    before, spent = len(await stage.list_submits()), await reader.sum_spent()
    await reply_to(stage, room, clip)
    await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    [submit] = (await stage.list_submits())[before:]
    assert (submit["route"], submit["task"], submit["seconds"]) == ("omni", "extend", 7)
    paid = await reader.sum_spent() - spent
    assert 0 < paid <= 7 * 102_000 + 10_000


@with_routes("both")
async def test_model_decides_route(stage: BotStage) -> None:
    for route, model in (("gemini", MODELS["gemini"]), ("vertex", MODELS["vertex"])):
        room = await stage.open_channel()
        await request_video(stage, room, model, {"duration": 4})
        await stage.wait_for_clip(room)
        assert (await stage.list_submits())[-1]["route"] == route


@with_routes("both")
async def test_lost_submit_answer_is_found_in_bucket(stage: BotStage) -> None:
    room, reader = await stage.open_channel(), open_reader(stage)
    before, spent = len(await stage.list_submits()), await reader.sum_spent()
    await stage.control.fault("google", path=SUBMIT, drop="after")
    await request_video(stage, room, MODELS["vertex"], {"duration": 4})
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    submits = await stage.list_submits()
    assert len(submits) == before + 1
    assert "/job-" in submits[-1]["json"]["parameters"]["storageUri"]
    assert await reader.sum_spent() - spent == 4 * 100_000
    assert len(clips_of(await stage.control.messages(room))) == 1


@with_routes("gemini")
async def test_autocomplete_follows_model_and_people_rule(
    stage: BotStage,
) -> None:
    room, strict, ada = await stage.open_channel(), await stage.open_channel(), stage.people["Ada"]

    async def list_choices(channel: str, option: str, **options: Any) -> list[Any]:
        choices = await stage.control.autocomplete(
            ada, channel, "video generate", {"prompt": "x", option: "", **options}, option
        )
        return [choice["value"] for choice in choices]

    assert await list_choices(room, "videos", model="veo-2.0-generate-001") == [1, 2]
    assert await list_choices(room, "videos", model=MODELS["gemini"]) == [1]
    assert MODELS["gemini"] in await list_choices(room, "model")
    rule = await stage.control.command(
        ada, room, "server people", {"rule": "adults", "channel": strict}
    )
    await stage.wait_for_answer(rule)
    # for text Veo 3 accepts "allow_all" only
    assert await list_choices(strict, "model") == ["veo-2.0-generate-001"]


def write_broken_pictures(folder: Path) -> dict[str, bytes]:
    """Return broken files by defect."""
    path = folder / "whole.png"
    Image.effect_noise((320, 180), 60).save(path)
    png = path.read_bytes()
    huge = png[:16] + b"\x00\x01\x86\xa0\x00\x01\x86\xa0" + png[24:]
    return {
        "empty": b"\0",
        "text": b"not a picture at all",
        "truncated": png[: len(png) // 2],
        "scribbled": png[:60] + bytes(200) + png[260:],
        "huge dimensions": huge,
        "a film": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(600),
    }


@with_routes("gemini")
async def test_broken_images_never_reach_google(stage: BotStage, tmp_path: Path) -> None:
    room, ada = await stage.open_channel(), stage.people["Ada"]
    before, refused = len(await stage.list_submits()), (await stage.control.call("GET", "google"))
    for defect, data in write_broken_pictures(tmp_path).items():
        path = tmp_path / "broken.png"
        path.write_bytes(data)
        interaction = await stage.control.command(
            ada, room, "video animate", {"prompt": "it turns"}, attachments={"image": path}
        )
        text = await stage.wait_for_answer(interaction)
        assert any(words in text for words in PICTURE_WORDS), (defect, text)
    assert len(await stage.list_submits()) == before
    assert (await stage.control.call("GET", "google"))["refused"] == refused["refused"]
    assert not await stage.control.messages(room)


PICTURE_WORDS: Final = tuple(
    quote_text(f"image.{reason}") for reason in ("not_an_image", "image_broken", "image_too_large")
)
