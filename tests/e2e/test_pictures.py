"""Members' images, from the command to what Google receives, on both routes."""

from pathlib import Path
from typing import Final

import pytest
from PIL import Image, ImageDraw

from tests.e2e.stage import BotStage
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

FIXTURES: Final = Path(__file__).parents[1] / "unit" / "images" / "fixtures"
MODELS: Final = {"gemini": "veo-3.1-fast-generate-preview", "vertex": "veo-3.1-fast-generate-001"}
BOTH_ROUTES: Final = pytest.mark.parametrize(
    "stage", ["gemini", "vertex"], indirect=True, scope="module"
)


@pytest.fixture
def route(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["stage"])


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """Return a 4:3 image with some content."""
    path = tmp_path / "photo.jpg"
    image = Image.new("RGB", (1200, 900), (120, 160, 200))
    ImageDraw.Draw(image).ellipse((500, 350, 700, 550), fill=(220, 30, 30))
    image.save(path, quality=95)
    return path


async def animate(stage: BotStage, room: str, route: str, image: Path, **options: object) -> str:
    values = {"prompt": "it turns", "model": MODELS[route], "duration": 4, "resolution": "720p"}
    return await stage.control.command(
        stage.people["Ada"],
        room,
        "video animate",
        {**values, **options},
        attachments={"image": image},
    )


def read_sent_images(stage: BotStage) -> set[tuple[int, int]]:
    """Return the sizes of the pictures that the bot keeps."""
    folder = Path(stage.bot.environment["DATA_DIR"]) / "inputs"
    sizes = set()
    for path in folder.iterdir():
        with Image.open(path) as image:
            sizes.add(image.size)
    return sizes


@BOTH_ROUTES
async def test_a_photo_is_asked_about_and_sent_in_the_clips_shape(
    stage: BotStage, route: str, photo: Path
) -> None:
    """Neither route crops or pads by itself. [images-F2, people-M18]"""
    room = await stage.open_channel()
    before = len(await stage.list_submits())
    asked = await animate(stage, room, route, photo)
    text = await stage.wait_for_answer(
        asked, quote_text("image_note.cropped.top_bottom", percent=25)
    )
    assert "1200×900" in text
    assert len(await stage.list_submits()) == before
    await stage.press_answer(asked, quote_text("button.accept_cropped"))
    await stage.wait_for_clip(room)
    assert (1200, 675) in read_sent_images(stage)
    asked = await animate(stage, room, route, photo, fit="fit")
    assert quote_text("image_note.fitted") in await stage.wait_for_answer(
        asked, quote_text("ask.accepted")
    )
    await stage.wait_for_clip(room, 2)
    assert (1600, 900) in read_sent_images(stage)
    assert len(await stage.list_submits()) == before + 2


@BOTH_ROUTES
async def test_transparent_picture_is_opaque_at_google(stage: BotStage, route: str) -> None:
    """[images-F1]"""
    room = await stage.open_channel()
    image = FIXTURES / "transparent_black_logo.png"
    answer = await animate(stage, room, route, image)
    assert quote_text("image_note.on_white") in await stage.wait_for_answer(
        answer, quote_text("ask.accepted")
    )
    await stage.wait_for_clip(room)
    folder = Path(stage.bot.environment["DATA_DIR"]) / "inputs"
    for path in folder.iterdir():
        with Image.open(path) as stored:
            assert not stored.has_transparency_data


@pytest.mark.parametrize("stage", ["gemini"], indirect=True, scope="module")
async def test_menu_gives_the_words_back(stage: BotStage, route: str, tmp_path: Path) -> None:
    """[images-F4, images-F13, images-F14]"""
    room, ada = await stage.open_channel(), stage.people["Ada"]
    path = tmp_path / "IMG_3.jfif"
    path.write_bytes((FIXTURES / "exif6_plain_control.jpg").read_bytes()[:4000])
    message = await stage.control.message(ada, room, "look", attachments=[path])
    menu = await stage.control.context_menu(ada, quote_text("menu.animate"), message)
    form = await stage.submit_form(menu, "the boat sails into the sunset")
    text = await stage.wait_for_answer(form, "the boat sails into the sunset")
    assert quote_text("image.image_broken") in text
    assert "IMG" in text
    before = len(await stage.list_submits())
    path = tmp_path / "scan.tiff"
    Image.new("RGB", (640, 360)).save(path)
    message = await stage.control.message(ada, room, "look", attachments=[path])
    menu = await stage.control.context_menu(ada, quote_text("menu.animate"), message)
    assert "TIFF" in await stage.wait_for_answer(menu)
    assert len(await stage.list_submits()) == before


@pytest.mark.parametrize("stage", ["gemini"], indirect=True, scope="module")
async def test_small_picture_is_refused_with_numbers(
    stage: BotStage, route: str, tmp_path: Path
) -> None:
    """[images-F8, people-M18]"""
    room = await stage.open_channel()
    path = tmp_path / "emote.png"
    Image.new("RGB", (32, 32), (200, 0, 0)).save(path)
    text = await stage.wait_for_answer(await animate(stage, room, route, path))
    assert "32×32" in text
    assert quote_text("image.image_too_small") in text
