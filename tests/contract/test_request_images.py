"""Questions and notes about a request's images, from the command to the accepted job."""

from typing import Any

import discord
import pytest

from bot.domain.errors import ImageRefused
from bot.domain.jobs.pictures import PictureTrait
from bot.domain.jobs.request import AspectRatio, PictureFit
from bot.i18n.catalogs import translate
from bot.ui.error_messages import describe_error
from cogs._common.modals import PROMPT_FIELD
from tests.contract.conftest import ON_SQLITE
from tests.fakes.cogs import SimulatedCogs, build_attachment, build_interaction
from tests.fakes.world import MEMBER, SimulatedWorld
from tests.harness.texts import quote_text

pytestmark = ON_SQLITE


def read_answer(interaction: Any) -> tuple[str, dict[str, int]]:
    """Return the last answer's text, and its buttons' numbers by action."""
    answer = interaction.edit_original_response.await_args_list[-1]
    view = answer.kwargs.get("view")
    ids = [item.custom_id.split(":") for item in view.children] if view else []
    return answer.kwargs["content"], {action: int(number) for _, action, number in ids}


async def list_jobs(world: SimulatedWorld) -> list[Any]:
    return list(await world.jobs.list_running(user_id=MEMBER))


@pytest.mark.parametrize("button", ["accept", "accept_fitted", "decline"])
async def test_cutting_more_than_a_tenth_is_asked_for(world: SimulatedWorld, button: str) -> None:
    """[images-F2, people-M18]"""
    cogs = SimulatedCogs(world)
    cogs.images.size = (1600, 1200)
    interaction = await cogs.generate(image=build_attachment())
    text, buttons = read_answer(interaction)
    assert "1600×1200" in text
    assert quote_text("image_note.cropped.top_bottom", percent=25) in text
    assert list(buttons) == ["accept", "accept_fitted", "decline"]
    assert await list_jobs(world) == []
    pressed = build_interaction()
    handler = {
        "accept": cogs.buttons.accept_confirmation,
        "accept_fitted": cogs.buttons.accept_fitted,
        "decline": cogs.buttons.decline_confirmation,
    }[button]
    await handler(pressed, buttons[button])
    jobs = await list_jobs(world)
    if button == "decline":
        assert jobs == []
        assert cogs.images.shaped == []
        return
    [job] = jobs
    fit = PictureFit.CROP if button == "accept" else PictureFit.FIT
    assert cogs.images.shaped == [(AspectRatio.LANDSCAPE, fit)]
    assert job.plan.image.sha256 == "1" * 64
    assert (cogs.images.decoded, len(cogs.images.downloads)) == (1, 1)


@pytest.mark.parametrize("fit", PictureFit)
async def test_a_member_who_chose_is_not_asked(world: SimulatedWorld, fit: PictureFit) -> None:
    """[images-F2]"""
    cogs = SimulatedCogs(world)
    cogs.images.size = (1600, 1200)
    interaction = await cogs.generate(image=build_attachment(), fit=str(fit))
    assert len(await list_jobs(world)) == 1
    assert cogs.images.shaped == [(AspectRatio.LANDSCAPE, fit)]
    assert "1600×1200" in read_answer(interaction)[0]


async def test_both_frames_get_the_shape_and_references_keep_theirs(world: SimulatedWorld) -> None:
    """[images-F2]"""
    cogs = SimulatedCogs(world)
    cogs.images.size = (1600, 1200)
    await cogs.animate(image=build_attachment(), last_frame=build_attachment(), fit="crop")
    assert len(cogs.images.shaped) == 2
    cogs.images.shaped.clear()
    await cogs.generate(reference_1=build_attachment())
    assert cogs.images.shaped == []
    assert len(await list_jobs(world)) == 2


async def test_a_small_crop_and_conversions_are_mentioned(world: SimulatedWorld) -> None:
    """[images-F1, images-F9]"""
    cogs = SimulatedCogs(world)
    cogs.images.size = (1600, 960)
    cogs.images.traits = frozenset({PictureTrait.ON_WHITE, PictureTrait.FIRST_FRAME})
    text, _ = read_answer(await cogs.generate(image=build_attachment()))
    option = translate("name.option.image")
    for trait in ("on_white", "first_frame"):
        assert translate(f"image_note.{trait}", option=option) in text
    assert quote_text("image_note.cropped.top_bottom", percent=6) in text
    assert len(await list_jobs(world)) == 1


async def test_small_picture_is_asked_about(world: SimulatedWorld) -> None:
    """[images-F8]"""
    cogs = SimulatedCogs(world)
    cogs.images.size = (160, 90)
    text, buttons = read_answer(await cogs.generate(image=build_attachment(width=160, height=90)))
    assert "160×90" in text
    assert quote_text("image_note.small", size="160×90") in text
    assert await list_jobs(world) == []
    await cogs.buttons.accept_confirmation(build_interaction(), buttons["accept"])
    assert len(await list_jobs(world)) == 1


async def test_refusal_names_the_picture_and_the_limit(world: SimulatedWorld) -> None:
    """[images-F4, images-F18]"""
    cogs = SimulatedCogs(world)
    attached = {f"reference_{number}": build_attachment() for number in (1, 2, 3)}
    attached["reference_2"] = build_attachment(filename="IMG_3.jpg", size=65 * 2**20)
    with pytest.raises(ImageRefused) as refused:
        await cogs.generate(**attached)
    text = describe_error(refused.value)
    for word in ("reference_2", "IMG", quote_text("image.image_file_too_large", mebibytes=64)):
        assert word in text
    attached["reference_2"] = build_attachment(filename="a.png", width=32, height=32)
    with pytest.raises(ImageRefused) as refused:
        await cogs.generate(**attached)
    text = describe_error(refused.value)
    assert "32×32" in text
    assert "64" in text


async def test_refusal_after_decoding_names_the_picture_too(
    world: SimulatedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[images-F4]"""
    cogs = SimulatedCogs(world)

    async def fail(*_: object) -> None:
        raise ImageRefused("image_broken")

    monkeypatch.setattr(cogs.images, "prepare_image", fail)
    with pytest.raises(ImageRefused) as refused:
        await cogs.animate(image=build_attachment(filename="@everyone.png"))
    assert refused.value.option == "image"
    assert "@everyone" not in describe_error(refused.value)


async def test_typed_words_are_given_back(
    world: SimulatedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """[images-F13]"""
    cogs = SimulatedCogs(world)

    async def fail(*_: object) -> None:
        raise ImageRefused("image_too_slow")

    monkeypatch.setattr(cogs.images, "prepare_image", fail)
    message = Mocked(attachments=[build_attachment()])
    interaction = build_interaction()
    await cogs.menus.animate_this_image(interaction, message)  # type: ignore[arg-type]
    [form] = interaction.response.send_modal.await_args_list
    number = int(form.args[0].custom_id.rsplit(":", 1)[1])
    words = {PROMPT_FIELD: "it runs over the hill"}
    with pytest.raises(ImageRefused) as refused:
        await cogs.menus.submit_animate(build_interaction(), number, words)
    assert refused.value.prompt == "it runs over the hill"


class Mocked:
    """A message with attachments."""

    def __init__(self, attachments: list[Any]) -> None:
        self.attachments = attachments


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param(
            {"filename": "photo.jfif", "content_type": None}, id="images-F14-jfif-without-type"
        ),
        pytest.param({"filename": "photo", "content_type": None}, id="images-F14-no-ending"),
        pytest.param(
            {"filename": "photo.apng", "content_type": "application/octet-stream"},
            id="images-F14-size-told",
        ),
        pytest.param(
            {"filename": "photo.jpe", "content_type": None, "width": None, "height": None},
            id="images-F14-jpe",
        ),
    ],
)
async def test_menu_takes_what_may_be_a_picture(
    world: SimulatedWorld, facts: dict[str, Any]
) -> None:
    cogs, interaction = SimulatedCogs(world), build_interaction()
    await cogs.menus.animate_this_image(
        interaction,
        Mocked([build_attachment(**facts)]),  # type: ignore[arg-type]
    )
    assert interaction.response.send_modal.await_count == 1


@pytest.mark.parametrize(
    ("facts", "word"),
    [
        pytest.param(
            {"filename": "scan.tiff", "content_type": "image/tiff"}, "TIFF", id="images-F14-tiff"
        ),
        pytest.param(
            {"filename": "logo.svg", "content_type": "image/svg+xml"}, "SVG", id="images-F14-svg"
        ),
        pytest.param({"filename": "scan.tif", "content_type": None}, "TIFF", id="images-F14-tif"),
        pytest.param(
            {"filename": "notes.pdf", "content_type": "application/pdf", "width": None},
            "notes",
            id="images-F14-pdf",
        ),
    ],
)
async def test_menu_says_what_it_cannot_read_before_the_form(
    world: SimulatedWorld, facts: dict[str, Any], word: str
) -> None:
    cogs, interaction = SimulatedCogs(world), build_interaction()
    with pytest.raises(ImageRefused) as refused:
        await cogs.menus.animate_this_image(
            interaction,
            Mocked([build_attachment(**facts)]),  # type: ignore[arg-type]
        )
    assert word in describe_error(refused.value)
    assert interaction.response.send_modal.await_count == 0


@pytest.mark.parametrize(("typed", "ratio"), [("1:1", "16:9"), ("4:3", "16:9"), ("3:4", "9:16")])
async def test_shape_that_is_not_offered_gets_the_nearest(
    world: SimulatedWorld, typed: str, ratio: str
) -> None:
    """[people-M18]"""
    cogs = SimulatedCogs(world)
    text, buttons = read_answer(await cogs.generate(aspect_ratio=typed))
    assert typed in text
    assert ratio in text
    await cogs.buttons.accept_confirmation(build_interaction(), buttons["accept"])
    [job] = await list_jobs(world)
    assert job.plan.aspect_ratio == ratio


async def test_a_question_and_its_buttons_exist_in_every_language(world: SimulatedWorld) -> None:
    """[images-F2]"""
    cogs = SimulatedCogs(world)
    cogs.images.size = (1600, 1200)
    for locale in (discord.Locale.japanese, discord.Locale.german):
        interaction = build_interaction(locale=locale)
        await cogs.generate(interaction, image=build_attachment())
        assert "1600×1200" in read_answer(interaction)[0]
