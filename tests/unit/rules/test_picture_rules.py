"""Which images are refused for their size, and what members are told about the others."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import ImageRefused
from bot.domain.jobs.pictures import (
    ImportedImage,
    NoteKind,
    PictureTrait,
    has_shape,
    list_picture_notes,
    measure_cut,
    require_usable_size,
)
from bot.domain.jobs.request import AspectRatio, InputImage, PictureFit, VideoRequest

WIDE, TALL = AspectRatio.LANDSCAPE, AspectRatio.PORTRAIT


def an_image(width: int, height: int, *traits: PictureTrait) -> ImportedImage:
    return ImportedImage("a", "image/png", width, height, "0", width, height, frozenset(traits))


@pytest.mark.parametrize(
    ("option", "width", "height", "reason"),
    [
        pytest.param("image", 8, 8, "image_too_small", id="images-F8-dot"),
        pytest.param("image", 32, 32, "image_too_small", id="images-F8-emote"),
        pytest.param("image", 10, 10, "image_too_small", id="people-M18-ten-by-ten"),
        pytest.param("image", 2000, 40, "image_too_small", id="images-F8-strip"),
        pytest.param("last_frame", 10_000, 40, "image_too_small", id="images-F8-long-strip"),
        pytest.param("reference_1", 63, 900, "image_too_small", id="images-F8-reference"),
        pytest.param("image", 1080, 20_000, "image_too_thin", id="images-F8-screenshot"),
        pytest.param("last_frame", 4001, 1000, "image_too_thin", id="images-F8-banner"),
        pytest.param("reference_1", 4001, 1000, None, id="images-F8-reference-strip"),
        pytest.param("image", 3000, 1000, None, id="images-F8-wide"),
        pytest.param("image", 16_320, 12_240, None, id="images-F6-200-megapixels"),
        pytest.param("image", 20_000, 20_000, "image_too_large", id="images-F6-400-megapixels"),
    ],
)
def test_sizes_that_are_refused(option: str, width: int, height: int, reason: str | None) -> None:
    if reason is None:
        require_usable_size(option, width, height)
        return
    with pytest.raises(ImageRefused, match=reason) as refused:
        require_usable_size(option, width, height)
    assert (refused.value.values["width"], refused.value.values["height"]) == (width, height)


@pytest.mark.parametrize(
    ("size", "ratio", "percent", "is_asked"),
    [
        ((4000, 3000), WIDE, 25, True),
        ((1000, 1000), WIDE, 44, True),
        ((3000, 1000), WIDE, 41, True),
        ((1280, 720), TALL, 68, True),
        ((1600, 960), WIDE, 6, False),
    ],
)
def test_a_crop_is_mentioned_and_above_a_tenth_confirmed(
    size: tuple[int, int], ratio: AspectRatio, percent: int, *, is_asked: bool
) -> None:
    """[images-F2, people-M18]"""
    [note] = list_picture_notes(VideoRequest("x", image=an_image(*size)), ratio)
    assert (note.kind, note.cut_percent, note.needs_answer) == (NoteKind.CROPPED, percent, is_asked)


@pytest.mark.parametrize("size", [(1280, 720), (1366, 768), (3840, 2160), (1920, 1081)])
def test_a_picture_of_the_clips_shape_has_nothing_to_tell(size: tuple[int, int]) -> None:
    assert list_picture_notes(VideoRequest("x", image=an_image(*size)), WIDE) == ()


def test_last_frame_of_another_shape_is_named_by_its_option() -> None:
    """[images-F2]"""
    request = VideoRequest("x", image=an_image(720, 1280), last_frame=an_image(1280, 720))
    [note] = list_picture_notes(request, TALL)
    assert (note.option, note.kind, note.is_cut_at_sides) == ("last_frame", NoteKind.CROPPED, True)


def test_references_keep_their_shape() -> None:
    """[images-F2]"""
    request = VideoRequest("x", references=(an_image(1000, 1000),))
    assert list_picture_notes(request, WIDE) == ()


@pytest.mark.parametrize("fit", PictureFit)
def test_a_member_who_chose_reads_a_note_and_is_not_asked(fit: PictureFit) -> None:
    """[images-F2]"""
    request = VideoRequest("x", image=an_image(1000, 1000), picture_fit=fit)
    [note] = list_picture_notes(request, WIDE)
    assert not note.needs_answer
    assert (note.kind is NoteKind.FITTED) is (fit is PictureFit.FIT)


def test_a_small_picture_is_asked_about_with_its_size() -> None:
    """[images-F8]"""
    [note] = list_picture_notes(VideoRequest("x", image=an_image(160, 90)), WIDE)
    assert (note.kind, note.needs_answer) == (NoteKind.SMALL, True)
    assert (note.width, note.height) == (160, 90)


def test_conversions_are_mentioned_once() -> None:
    """A job's images are already converted, so *Redo* repeats no note. [images-F1]"""
    image = an_image(1280, 720, PictureTrait.ON_WHITE)
    [note] = list_picture_notes(VideoRequest("x", image=image), WIDE)
    assert (note.trait, note.needs_answer) == (PictureTrait.ON_WHITE, False)
    plain = InputImage("a", "image/png", 1280, 720, "0")
    assert list_picture_notes(VideoRequest("x", image=plain), WIDE) == ()


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from(AspectRatio))
def test_the_cut_is_the_share_of_the_area_outside_the_crop(
    width: int, height: int, ratio: AspectRatio
) -> None:
    wanted = Fraction(*(int(part) for part in ratio.split(":")))
    kept = min(Fraction(width), height * wanted) * min(Fraction(height), width / wanted)
    image = an_image(width, height)
    assert measure_cut(image, ratio) == pytest.approx(float(1 - kept / (width * height)), abs=1e-9)
    if has_shape(image, ratio) and min(width, height) > 100:
        assert measure_cut(image, ratio) < 0.02
