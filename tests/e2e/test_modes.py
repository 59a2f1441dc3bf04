"""Every mode makes a clip on both routes, chains grow, and what cannot be made costs nothing.

What Google received is read from the sandbox, what was paid from the bot's database.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from PIL import Image

from tests.chaos.books import DatabaseReader
from tests.e2e.stage import BotStage, Json, buttons_of, clips_of, text_of, video_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUBMIT: Final = r":predictLongRunning$"
MODELS: Final = {
    "gemini": "veo-3.1-fast-generate-preview",
    "vertex": "veo-3.1-fast-generate-001",
    "both": "veo-3.1-fast-generate-001",
}


def on(*routes: str) -> pytest.MarkDecorator:
    """Run a test on a stage of its own for each of ``routes`` (see `open_stage`)."""
    return pytest.mark.parametrize("stage", routes, indirect=True, scope="module")


@pytest.fixture
def route(request: pytest.FixtureRequest) -> str:
    """Return the routes that the test's stage has."""
    return str(request.node.callspec.params["stage"])


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    """Return pictures by the option that they are for."""
    made = {}
    for number, name in enumerate(
        ("image", "last_frame", "reference_1", "reference_2", "reference_3")
    ):
        made[name] = tmp_path / f"{name}.png"
        Image.new("RGB", (640, 360), (40 * number, 90, 30)).save(made[name])
    return made


def books_of(stage: BotStage) -> DatabaseReader:
    """Return the database of the stage's bot."""
    return DatabaseReader(f"sqlite:///{stage.bot.environment['DATA_DIR']}/clapper.db")


async def ask(
    stage: BotStage,
    room: str,
    model: str,
    options: Mapping[str, Any] | None = None,
    attachments: Mapping[str, Path] | None = None,
) -> str:
    """Ask for the shortest clip that the mode allows; returns the interaction."""
    asked = {"prompt": "a red fox", "model": model, "resolution": "720p", **(options or {})}
    return await stage.control.command(
        stage.people["Ada"], room, "video generate", asked, attachments=attachments
    )


async def extend(stage: BotStage, room: str, clip: Json, prompt: str = "it jumps") -> None:
    """Reply to a clip."""
    await stage.control.message(stage.people["Ada"], room, prompt, reply_to=clip["id"])


def sent(submit: Json) -> Json:
    """Return the only instance of a submit."""
    (instance,) = submit["json"]["instances"]
    found: Json = instance
    return found


@on("gemini", "vertex")
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
    given = {name: pictures[name] for name in names}
    asked = await ask(stage, room, MODELS[route], options, given)
    await stage.wait_for_answer(asked, "Accepted")
    assert video_of(await stage.wait_for_clip(room))
    submit = (await stage.list_submits())[-1]
    parameters = submit["json"]["parameters"]
    assert submit["route"] == route
    assert submit["mode"] == mode
    assert sent(submit).keys() - {"prompt"} == fields
    assert parameters["durationSeconds"] == options.get("duration", 8)
    assert parameters.get("seed") == options.get("seed")
    assert parameters.get("negativePrompt") == options.get("negative_prompt")
    if mode == "references":
        assert len(sent(submit)["referenceImages"]) == 3


@on("gemini", "vertex", "both")
async def test_a_chain_of_three_hops(stage: BotStage, route: str) -> None:
    room = await stage.open_channel()
    await ask(stage, room, MODELS[route], {"duration": 4})
    clip = await stage.wait_for_clip(room)
    for hop in (1, 2, 3):
        before = (await stage.list_submits())[-1]
        await extend(stage, room, clip)
        clip = await stage.wait_for_clip(room, hop + 1)
        assert f"extension {hop}" in text_of(clip) or hop == 1
        submit = (await stage.list_submits())[-1]
        video = sent(submit)["video"]
        if route == "gemini":  # the uri alone: mime type or bytes would be refused
            assert video == {"uri": before["video"]}
        elif route == "vertex":
            assert video.keys() == {"bytesBase64Encoded", "mimeType"}
        else:
            assert video == {"gcsUri": before["video"], "mimeType": "video/mp4"}
        assert submit["hops"] == hop
    rows = await books_of(stage).fetch_rows(
        "SELECT id, hop, parent_clip_id, root_clip_id, seconds FROM clips ORDER BY id DESC LIMIT 4"
    )
    (root, *_), second, third, last = reversed(rows)
    assert last[1:] == (3, third[0], root, 25)
    assert third[1:] == (2, second[0], root, 18)
    assert second[1:] == (1, root, root, 11)


@on("vertex")
async def test_two_videos_are_both_delivered_and_each_can_be_extended(stage: BotStage) -> None:
    room, elsewhere = await stage.open_channel(), await stage.open_channel()
    ada = stage.people["Ada"]
    before = await books_of(stage).sum_spent()
    await ask(stage, room, MODELS["vertex"], {"duration": 4, "videos": 2})
    both = await stage.wait_for_clip(room)
    gallery = next(each for each in _components(both) if each["type"] == 12)
    assert len(gallery["items"]) == 2
    assert await books_of(stage).sum_spent() - before == 2 * 4 * 100_000
    first, second = sorted(
        int(custom_id.rpartition(":")[2])
        for label, custom_id in buttons_of(both).items()
        if label.startswith("Extend")
    )

    # a message that shows both: which one?
    await extend(stage, room, both)
    asked = await stage.wait_for_message(room, "shows several clips")
    assert set(buttons_of(asked)) == {f"Extend #{first}", f"Extend #{second}"}
    opened = await stage.press_button(asked, f"Extend #{second}")
    await stage.wait_for_answer(await stage.submit_form(opened, "it sleeps"), "Accepted")
    assert f"extension of #{second}" in text_of(await stage.wait_for_clip(room, 2))
    menu = await stage.control.context_menu(ada, "Extend this clip", both["id"])
    await stage.wait_for_answer(menu, "shows several clips")
    shown = await stage.control.context_menu(ada, "Showcase this clip", both["id"])
    await stage.wait_for_answer(shown, "shows several clips")

    # a message that shows the second alone
    await stage.control.command(ada, elsewhere, "video get", {"clip": str(second)})
    copy = await stage.wait_for_clip(elsewhere)
    await extend(stage, elsewhere, copy)
    assert f"extension of #{second}" in text_of(await stage.wait_for_clip(elsewhere, 2))


def _components(message: Json) -> list[Json]:
    found: list[Json] = []
    waiting = list(message["components"])
    while waiting:
        found.append(waiting.pop(0))
        waiting += found[-1].get("components", [])
    return found


@on("gemini", "vertex")
async def test_pictures_are_copied_when_they_are_asked_for(
    stage: BotStage, route: str, pictures: dict[str, Path]
) -> None:
    """Discord's links run out; a request may wait longer in the queue."""
    room = await stage.open_channel()
    await stage.control.fault("google", path=SUBMIT, status=503, times=1)
    asked = await ask(stage, room, MODELS[route], {"duration": 4}, {"image": pictures["image"]})
    await stage.wait_for_answer(asked, "Accepted")
    await stage.control.fault(
        "discord", method="GET", path="^/(ephemeral-)?attachments/", status=404, times=None
    )
    await stage.wait_for_message(room, "trying again")
    clip = await stage.wait_for_clip(room)
    assert video_of(clip)
    assert sent((await stage.list_submits())[-1])["image"]["mimeType"] == "image/png"
    fetched = await stage.control.requests(method="GET", path="attachments/")
    assert fetched
    assert fetched[-1]["status"] == 200


@on("gemini", "vertex")
async def test_a_retired_model_is_refunded_switched_off_and_explained(
    stage: BotStage, route: str
) -> None:
    room, books = await stage.open_channel(), books_of(stage)
    ada = stage.people["Ada"]
    model = {"gemini": "veo-3.0-fast-generate-001", "vertex": "veo-3.1-lite-generate-001"}[route]
    before, submits = await books.sum_spent(), len(await stage.list_submits())
    await stage.control.google(retired_models=[model])
    await ask(stage, room, model, {"duration": 4})
    told = await stage.wait_for_message(room, "is no longer available")
    assert "Edit prompt" in buttons_of(told)
    assert await books.sum_spent() == before
    assert await books.sum_reserved() == 0
    again = await stage.wait_for_answer(await ask(stage, room, model, {"duration": 4}))
    assert "not available" in again
    listed = await stage.control.command(ada, room, "video models")
    await stage.wait_for_answer(listed, "not available: This model")
    assert len(await stage.list_submits()) == submits


@on("gemini")
async def test_an_expired_source_is_refused_with_help(stage: BotStage) -> None:
    room, books = await stage.open_channel(), books_of(stage)
    await stage.control.google(file_lifetime_s=60)
    await ask(stage, room, MODELS["gemini"], {"duration": 4})
    clip = await stage.wait_for_clip(room)
    before, spent = len(await stage.list_submits()), await books.sum_spent()
    await extend(stage, room, clip)
    told = await stage.wait_for_message(room, "cannot extend it any more")
    assert "*Redo* makes a fresh one" in text_of(told)
    assert len(await stage.list_submits()) == before
    assert await books.sum_spent() == spent


@on("both")
async def test_with_both_routes_the_model_decides(stage: BotStage) -> None:
    for route, model in (("gemini", MODELS["gemini"]), ("vertex", MODELS["vertex"])):
        room = await stage.open_channel()
        await ask(stage, room, model, {"duration": 4})
        await stage.wait_for_clip(room)
        assert (await stage.list_submits())[-1]["route"] == route


@on("both")
async def test_a_lost_answer_is_found_again_in_the_bucket(stage: BotStage) -> None:
    room, books = await stage.open_channel(), books_of(stage)
    before, spent = len(await stage.list_submits()), await books.sum_spent()
    await stage.control.fault("google", path=SUBMIT, drop="after")
    await ask(stage, room, MODELS["vertex"], {"duration": 4})
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    submits = await stage.list_submits()
    assert len(submits) == before + 1
    assert "/job-" in submits[-1]["json"]["parameters"]["storageUri"]
    assert await books.sum_spent() - spent == 4 * 100_000
    assert len(clips_of(await stage.control.messages(room))) == 1


@on("gemini")
async def test_suggestions_for_the_number_of_videos_and_by_the_rule_for_people(
    stage: BotStage,
) -> None:
    room, strict, ada = await stage.open_channel(), await stage.open_channel(), stage.people["Ada"]

    async def suggested(where: str, option: str, **typed: Any) -> list[Any]:
        found = await stage.control.autocomplete(
            ada, where, "video generate", {"prompt": "x", option: "", **typed}, option
        )
        return [each["value"] for each in found]

    assert await suggested(room, "videos", model="veo-2.0-generate-001") == [1, 2]
    assert await suggested(room, "videos", model=MODELS["gemini"]) == [1]
    assert MODELS["gemini"] in await suggested(room, "model")
    rule = await stage.control.command(
        ada, room, "server people", {"rule": "adults", "channel": strict}
    )
    await stage.wait_for_answer(rule)
    # in text, Veo 3 takes "allow_all" alone: no promise could be kept
    assert await suggested(strict, "model") == ["veo-2.0-generate-001"]


def broken_pictures(folder: Path) -> dict[str, bytes]:
    """Return broken files by what is wrong with them."""
    whole = folder / "whole.png"
    Image.effect_noise((320, 180), 60).save(whole)
    png = whole.read_bytes()
    huge = png[:16] + b"\x00\x01\x86\xa0\x00\x01\x86\xa0" + png[24:]
    return {
        "empty": b"\0",
        "text": b"not a picture at all",
        "truncated": png[: len(png) // 2],
        "scribbled": png[:60] + bytes(200) + png[260:],
        "huge dimensions": huge,
        "a film": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(600),
    }


@on("gemini")
async def test_broken_pictures_are_refused_and_never_reach_google(
    stage: BotStage, tmp_path: Path
) -> None:
    room, ada = await stage.open_channel(), stage.people["Ada"]
    before, refused = len(await stage.list_submits()), (await stage.control.call("GET", "google"))
    for what, data in broken_pictures(tmp_path).items():
        path = tmp_path / "broken.png"
        path.write_bytes(data)
        asked = await stage.control.command(
            ada, room, "video animate", {"prompt": "it turns"}, attachments={"image": path}
        )
        said = await stage.wait_for_answer(asked)
        assert any(words in said for words in PICTURE_WORDS), (what, said)
    assert len(await stage.list_submits()) == before
    assert (await stage.control.call("GET", "google"))["refused"] == refused["refused"]
    assert not await stage.control.messages(room)


PICTURE_WORDS: Final = ("no image that I can read", "is damaged", "too many pixels")
