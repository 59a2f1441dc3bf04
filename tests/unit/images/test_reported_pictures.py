"""Images that users have reported: Google receives what the member saw."""

import asyncio
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pillow_heif
import pytest
from PIL import Image, ImageCms, ImageDraw, ImageStat

from bot.domain.errors import ImageRefused
from bot.domain.jobs.pictures import ImportedImage, PictureTrait
from bot.media.image_worker import __main__ as worker
from bot.media.image_worker.encoding import MAX_BYTES
from bot.media.image_worker.orientation import read_orientation
from bot.media.images import ProcessImageDecoder
from tests.unit.images.samples import encoded, exif, picture

FIXTURES: Final = Path(__file__).with_name("fixtures")
SIZE: Final = (320, 180)
RED, GREEN, WHITE = (220, 20, 20), (20, 200, 20), (255, 255, 255)


async def decode(data: bytes | str, folder: Path) -> tuple[ImportedImage, Image.Image]:
    """Return an image's facts, and the image as Google would get it."""
    source = FIXTURES / data if isinstance(data, str) else folder / "raw"
    if isinstance(data, bytes):
        await asyncio.to_thread(source.write_bytes, data)
    image = await ProcessImageDecoder().prepare_image(source, folder / "inputs")
    sent = await asyncio.to_thread((folder / "inputs" / image.path).read_bytes)
    assert not [path for path in (folder / "inputs").iterdir() if path.name.startswith(".")]
    return image, Image.open(io.BytesIO(sent))


async def refuse(data: bytes, folder: Path) -> ImageRefused:
    with pytest.raises(ImageRefused) as refused:
        await decode(data, folder)
    return refused.value


def is_near(color: Any, expected: tuple[int, int, int], tolerance: int = 12) -> bool:
    return all(abs(a - b) <= tolerance for a, b in zip(color[:3], expected, strict=True))


def draw_logo(color: tuple[int, int, int]) -> Image.Image:
    """Return a disc on a transparent background with random colors."""
    image = Image.new("RGBA", SIZE, (*GREEN, 0))
    ImageDraw.Draw(image).ellipse((100, 30, 220, 150), fill=(*color, 255))
    return image


def insert_chunks(png: bytes, *chunks: tuple[bytes, bytes, int]) -> bytes:
    """Return a PNG with (kind, data, error of the checksum) after its header."""
    made = b"".join(
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data) ^ bad)
        for kind, data, bad in chunks
    )
    return png[:33] + made + png[33:]


def encode_with_key(mode: str) -> bytes:
    """Return a PNG in which one color is transparent."""
    image = Image.new(mode, SIZE, (9, 9, 9) if mode == "RGB" else 9)
    image.paste((200, 0, 0) if mode == "RGB" else 100, (100, 30, 220, 150))
    return encoded("PNG", image, transparency=(9, 9, 9) if mode == "RGB" else 9)


def encode_wide_key(depth_mode: str) -> bytes:
    """Return a PNG with 16 bits per channel whose background is the transparent color."""
    channels = 3 if depth_mode == "RGB" else 1
    pixel = struct.pack(">H", 0x0909) * channels, struct.pack(">H", 0x9000) * channels
    row = b"\0" + pixel[0] * 100 + pixel[1] * 120 + pixel[0] * 100
    head = struct.pack(">IIBBBBB", 320, 180, 16, 2 if channels == 3 else 0, 0, 0, 0)
    empty = encoded("PNG", Image.new("L", (1, 1)))[:8]
    parts = [(b"IHDR", head), (b"tRNS", struct.pack(">H", 0x0909) * channels)]
    parts += [(b"IDAT", zlib.compress(row * 180)), (b"IEND", b"")]
    return empty + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def encode_heif(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=90)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: encoded("PNG", draw_logo(RED)), id="images-F1-rgba"),
        pytest.param(lambda: encoded("WEBP", draw_logo(RED)), id="images-F1-webp"),
        pytest.param(lambda: encoded("AVIF", draw_logo(RED)), id="images-F1-avif"),
        pytest.param(lambda: encode_heif(draw_logo(RED)), id="images-F1-heif"),
        pytest.param(lambda: encoded("GIF", draw_logo(RED)), id="images-F1-gif"),
        pytest.param(lambda: encoded("PNG", draw_logo(RED).quantize(16)), id="images-F1-palette"),
        pytest.param(lambda: encoded("PNG", draw_logo(RED).convert("LA")), id="images-F1-gray"),
        pytest.param(lambda: encode_with_key("RGB"), id="images-F1-key"),
        pytest.param(lambda: encode_with_key("L"), id="images-F1-gray-key"),
        pytest.param(lambda: encode_wide_key("RGB"), id="images-F1-wide-key"),
        pytest.param(lambda: encode_wide_key("L"), id="images-F1-wide-gray-key"),
    ],
)
async def test_transparent_parts_become_white_and_are_mentioned(
    tmp_path: Path, make: Callable[[], bytes]
) -> None:
    image, sent = await decode(make(), tmp_path)
    assert sent.mode == "RGB"
    assert is_near(sent.getpixel((3, 3)), WHITE, 3)
    assert not is_near(sent.getpixel((160, 90)), WHITE, 60)
    assert image.traits == {PictureTrait.ON_WHITE}


async def test_black_logo_stays_visible(tmp_path: Path) -> None:
    """[images-F1]"""
    image, sent = await decode("transparent_black_logo.png", tmp_path)
    assert sent.convert("L").getextrema() == (0, 255)
    assert PictureTrait.ON_WHITE in image.traits


async def test_a_logo_that_white_would_hide_is_put_on_black(tmp_path: Path) -> None:
    """White on white would cost money and show nothing. [images-F1]"""
    image, sent = await decode(encoded("PNG", draw_logo(WHITE)), tmp_path)
    assert is_near(sent.getpixel((3, 3)), (0, 0, 0))
    assert is_near(sent.getpixel((160, 90)), WHITE)
    assert image.traits == {PictureTrait.ON_BLACK}


async def test_large_and_small_transparent_pictures_are_treated_alike(tmp_path: Path) -> None:
    """[images-F1]"""
    large = draw_logo(RED).resize((7000, 3938))
    image, sent = await decode(encoded("PNG", large, compress_level=1), tmp_path)
    assert is_near(sent.getpixel((9, 9)), WHITE)
    assert PictureTrait.ON_WHITE in image.traits


# --- which way is up ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["exif6_plain_control.jpg", "exif6_gps_altitude_negative.jpg", "exif6_gps_version_as_text.jpg"],
)
async def test_orientation_needs_no_other_tag(tmp_path: Path, name: str) -> None:
    """[images-F3]"""
    control = (await decode("exif6_plain_control.jpg", tmp_path))[1]
    image, sent = await decode(name, tmp_path)
    assert sent.size == control.size
    assert (image.original_width, image.original_height) == control.size
    difference = ImageStat.Stat(sent).mean[0] - ImageStat.Stat(control).mean[0]
    assert abs(difference) < 2


def build_exif(order: str, kind: int, value: bytes, count: int = 1, *, tail: bytes = b"") -> bytes:
    """Return an EXIF block whose other tag is invalid."""
    sign = b"II*\0" if order == "<" else b"MM\0*"
    head = sign + struct.pack(f"{order}I", 8) + struct.pack(f"{order}H", 2)
    nonsense = struct.pack(f"{order}HHII", 0x0100, 2, 2**31, 2**32 - 1)
    entry = struct.pack(f"{order}HHI", 0x0112, kind, count) + value.ljust(4, b"\0")
    return head + nonsense + entry + tail


@pytest.mark.parametrize(
    ("block", "orientation"),
    [
        (build_exif("<", 3, b"\6\0"), 6),
        (build_exif(">", 3, b"\0\6"), 6),
        (b"Exif\0\0" + build_exif(">", 3, b"\0\3"), 3),
        (build_exif("<", 1, b"\x08"), 8),
        (build_exif("<", 7, b"\x05"), 5),
        (build_exif("<", 2, b"6\0", 2), 6),
        (build_exif("<", 4, b"\6\0\0\0"), 6),
        (build_exif(">", 9, b"\0\0\0\7"), 7),
        (build_exif("<", 5, b"\x22\0\0\0", tail=struct.pack("<II", 6, 1)), 6),
        (build_exif("<", 3, b"\x09\0"), 1),
        (build_exif("<", 2, b"up", 2), 1),
        (build_exif("<", 5, b"\xff\xff\0\0"), 1),
        (build_exif("<", 3, b"\6\0")[:20], 1),
        (b"Exif\0\0", 1),
        (b"", 1),
    ],
)
def test_orientation_is_read_however_it_is_stored(block: bytes, orientation: int) -> None:
    """[images-F3]"""
    assert read_orientation(block) == orientation


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
async def test_every_orientation_of_every_kind(tmp_path: Path, kind: str, orientation: int) -> None:
    """[images-F3]"""
    stored = Image.new("RGB", SIZE, WHITE)
    stored.paste(RED, (0, 0, 160, 90))  # upper left
    stored.paste(GREEN, (160, 0, 320, 90))  # upper right
    _, sent = await decode(encoded(kind, stored, exif=exif(orientation=orientation)), tmp_path)
    corners = {  # where red and green must appear, by the definition of EXIF
        1: ((0, 0), (1, 0)),
        2: ((1, 0), (0, 0)),
        3: ((1, 1), (0, 1)),
        4: ((0, 1), (1, 1)),
        5: ((0, 0), (0, 1)),
        6: ((1, 0), (1, 1)),
        7: ((1, 1), (1, 0)),
        8: ((0, 1), (0, 0)),
    }[orientation]
    for (right, low), color in zip(corners, (RED, GREEN), strict=True):
        place = (sent.width - 20 if right else 20, sent.height - 20 if low else 20)
        assert is_near(sent.getpixel(place), color, 30), (orientation, color)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_words_about_the_picture_do_not_turn_it(tmp_path: Path, kind: str) -> None:
    """Browsers and Discord ignore XMP's orientation. [images-F12]"""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
    _, sent = await decode(encoded(kind, picture(SIZE), xmp=xmp), tmp_path)
    assert sent.size == SIZE
    _, sent = await decode("xmp_orientation_only.png", tmp_path)
    assert sent.width > sent.height


# --- damaged, but shown by every viewer ---------------------------------------------------------


def draw_detail(size: tuple[int, int] = (640, 480)) -> Image.Image:
    return Image.effect_noise(size, 90).convert("RGB")


@pytest.mark.parametrize("is_progressive", [False, True])
@pytest.mark.parametrize("missing", [2, 30])
async def test_photo_without_its_last_bytes(
    tmp_path: Path, missing: int, *, is_progressive: bool
) -> None:
    """[images-F5a]"""
    data = encoded("JPEG", draw_detail(), quality=90, progressive=is_progressive)
    _, sent = await decode(data[:-missing], tmp_path)
    assert sent.width == 640
    assert 460 <= sent.height <= 480
    _, sent = await decode("jpeg_without_eoi.jpg", tmp_path)
    assert sent.size == (640, 360)


async def test_missing_rows_are_left_out_and_mentioned(tmp_path: Path) -> None:
    """Google gets no gray block that the member did not see. [images-F5a]"""
    data = encoded("JPEG", draw_detail(), quality=90)
    image, sent = await decode(data[: len(data) * 85 // 100], tmp_path)
    assert 380 <= sent.height <= 415
    assert ImageStat.Stat(sent.crop((0, sent.height - 8, 640, sent.height))).stddev[0] > 30
    assert PictureTrait.CUT_OFF in image.traits


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
async def test_half_a_picture_is_damaged(tmp_path: Path, kind: str) -> None:
    """[images-F5a]"""
    data = encoded(kind, draw_detail())
    assert (await refuse(data[: len(data) // 2], tmp_path)).reason == "image_broken"


@pytest.mark.parametrize("missing", [1, 2, 20])
async def test_gif_without_its_last_bytes(tmp_path: Path, missing: int) -> None:
    """[images-F5a]"""
    _, sent = await decode(encoded("GIF", draw_detail())[:-missing], tmp_path)
    assert sent.width == 640
    assert sent.height >= 470


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param([(b"tEXt", b"a\0b", 1)], id="images-F5b-text"),
        pytest.param([(b"pHYs", struct.pack(">IIB", 1, 1, 0), 1)], id="images-F5b-phys"),
        pytest.param([(b"gAMA", struct.pack(">I", 45455), 1)], id="images-F5b-gama"),
        pytest.param([(b"iCCP", b"x\0\0" + zlib.compress(b"no profile"), 1)], id="images-F5b-iccp"),
        pytest.param([(b"zTXt", b"a\0\1what is this", 0)], id="images-F5b-ztxt"),
        pytest.param([(b"pHYs", b"12", 0), (b"tIME", b"", 0)], id="images-F5b-short-phys"),
        pytest.param([(b"cHRM", b"1", 0), (b"sRGB", b"", 0)], id="images-F5b-chrm"),
        pytest.param([(b"iCCP", b"x\0\0rubbish", 0)], id="images-F5b-bad-profile"),
        pytest.param([(b"tRNS", b"1", 0)], id="images-F5b-short-key"),
        pytest.param(
            [(b"zTXt", b"w\0\0" + zlib.compress(bytes(3_000_000)), 0)], id="images-F5c-ztxt"
        ),
        pytest.param([(b"tEXt", b"w\0" + b"a" * 1_500_000, 0)], id="images-F5c-text"),
        pytest.param(
            [(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"a" * 9_000_000, 0)], id="images-F5c-xmp"
        ),
    ],
)
async def test_side_chunks_of_a_png_do_not_matter(
    tmp_path: Path, chunks: list[tuple[bytes, bytes, int]]
) -> None:
    original = picture(SIZE)
    _, sent = await decode(insert_chunks(encoded("PNG", original), *chunks), tmp_path)
    assert sent.convert("RGB").tobytes() == original.tobytes()


async def test_png_with_wrong_pixels_is_damaged(tmp_path: Path) -> None:
    """Its checksum is wrong, so its pixels cannot be trusted. [images-F5b]"""
    data = encoded("PNG", draw_detail())
    scribbled = data[:2000] + bytes(200) + data[2200:]
    assert (await refuse(scribbled, tmp_path)).reason == "image_broken"


async def test_png_with_a_wrong_text_checksum(tmp_path: Path) -> None:
    """[images-F5b]"""
    _, sent = await decode("png_text_chunk_bad_crc.png", tmp_path)
    assert sent.size == (640, 360)


# --- large --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "size", "options"),
    [
        pytest.param("JPEG", (16_320, 12_240), {}, id="images-F6-200-megapixels"),
        pytest.param("PNG", (9_248, 6_936), {"compress_level": 1}, id="images-F6-png"),
        pytest.param("WEBP", (8_000, 7_990), {"method": 0}, id="images-F7-webp"),
        pytest.param("GIF", (8_000, 7_990), {}, id="images-F7-gif"),
    ],
)
async def test_large_pictures_are_made_smaller(
    tmp_path: Path, kind: str, size: tuple[int, int], options: dict[str, Any]
) -> None:
    """The worker may have 512 MB, so none of these has taken more."""
    source = Image.new("L", size, 40)
    source.paste(200, (0, 0, size[0] // 2, size[1]))
    image, sent = await decode(encoded(kind, source, **options), tmp_path)
    assert 2000 <= max(sent.size) <= 4096
    assert (image.original_width, image.original_height) == size
    assert is_near(sent.convert("RGB").getpixel((10, 10)), (200, 200, 200))


async def test_large_heic_photo_is_decoded_tile_by_tile(tmp_path: Path) -> None:
    """[images-F6]"""
    source = Image.new("RGB", (7_000, 5_200), RED)
    source.paste(GREEN, (3_500, 0, 7_000, 5_200))
    buffer = io.BytesIO()
    pillow_heif.from_pillow(source).save(
        buffer, quality=30, tile_size=1024, enc_params={"preset": "ultrafast"}
    )
    _, sent = await decode(buffer.getvalue(), tmp_path)
    assert sent.width == 4096
    assert abs(sent.height - 3043) <= 1
    assert is_near(sent.getpixel((1000, 3000)), RED, 30)
    assert is_near(sent.getpixel((3900, 30)), GREEN, 30)


async def test_what_does_not_fit_into_memory_is_refused_in_words(tmp_path: Path) -> None:
    """A few bytes may stand for gigabytes. [images-F7]"""
    image = Image.new("RGBA", (8_000, 7_990), (20, 200, 20, 255))
    data = encoded("WEBP", image, lossless=True, quality=0, method=0)
    assert len(data) < 10_000
    assert (await refuse(data, tmp_path)).reason == "image_needs_memory"
    assert worker._MEMORY_LIMIT_BYTES == 512 * 1024**2


async def test_progressive_photo_beyond_the_memory_is_refused_with_the_limit(
    tmp_path: Path,
) -> None:
    """[images-F4, images-F7]"""
    data = encoded("JPEG", Image.new("RGB", (16_320, 12_240), RED), progressive=True, quality=30)
    refused = await refuse(data, tmp_path)
    assert refused.reason == "image_too_large"
    assert refused.values == {"width": 16_320, "height": 12_240, "megapixels": 115}


async def test_three_pictures_fit_into_the_smallest_request(tmp_path: Path) -> None:
    """[images-F2]"""
    noise = encoded("PNG", Image.effect_noise((4000, 3000), 200).convert("RGB"), compress_level=1)
    image, _ = await decode(noise, tmp_path)
    stored = (tmp_path / "inputs" / image.path).stat().st_size
    assert stored <= MAX_BYTES
    assert 3 * MAX_BYTES * 4 / 3 < 20 * 1024 * 1024 - 64 * 1024


async def test_out_of_time_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """[images-F15]"""
    program = tmp_path / "slow.py"
    monkeypatch.setattr("bot.media.images._WORKER_PATH", program)
    program.write_text("import time\ntime.sleep(600)\n")
    with pytest.raises(ImageRefused, match="image_too_slow"):
        await ProcessImageDecoder(timeout_s=0.3).prepare_image(program, tmp_path / "inputs")
    program.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGXCPU)\n")
    with pytest.raises(ImageRefused, match="image_too_slow"):
        await ProcessImageDecoder().prepare_image(program, tmp_path / "inputs")


# --- animations ---------------------------------------------------------------------------------


def animate(kind: str, *frames: Image.Image, **options: Any) -> bytes:
    return encoded(
        kind, frames[0], save_all=True, append_images=frames[1:], duration=100, **options
    )


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
async def test_first_frame_that_shows_something(tmp_path: Path, kind: str) -> None:
    """[images-F9]"""
    empty = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    options = {"disposal": 2} if kind == "GIF" else {}
    image, sent = await decode(animate(kind, empty, draw_logo(RED), **options), tmp_path)
    assert is_near(sent.convert("RGB").getpixel((160, 90)), RED, 30)
    assert is_near(sent.convert("RGB").getpixel((3, 3)), WHITE)
    assert PictureTrait.LATER_FRAME in image.traits


async def test_an_animations_first_frame_is_used_and_mentioned(tmp_path: Path) -> None:
    """[images-F9, people-M18]"""
    frames = draw_logo(RED).convert("RGB"), draw_logo(WHITE).convert("RGB")
    image, sent = await decode(animate("GIF", *frames), tmp_path)
    assert is_near(sent.convert("RGB").getpixel((160, 90)), RED, 30)
    assert image.traits == {PictureTrait.FIRST_FRAME}
    image, _ = await decode("gif_first_frame_empty.gif", tmp_path)
    assert image.traits == {PictureTrait.LATER_FRAME}


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
async def test_fully_transparent_picture_is_refused(tmp_path: Path, kind: str) -> None:
    """[images-F9]"""
    data = encoded(kind, Image.new("RGBA", SIZE, (9, 9, 9, 0)))
    assert (await refuse(data, tmp_path)).reason == "image_empty"


def build_small_frame_gif() -> bytes:
    """Return a GIF whose only frame is smaller than its canvas, with blue as its background."""
    frame = Image.new("P", (100, 60), 1)
    frame.putpalette([0, 0, 255, *RED] + [0] * 6)
    data = bytearray(encoded("GIF", frame))
    data[6:10] = struct.pack("<HH", 320, 180)
    place = data.index(b",")
    data[place + 1 : place + 5] = struct.pack("<HH", 110, 60)
    return bytes(data)


async def test_unpainted_pixels_are_transparent(tmp_path: Path) -> None:
    """[images-F17]"""
    image, sent = await decode(build_small_frame_gif(), tmp_path)
    assert sent.size == (320, 180)
    assert is_near(sent.convert("RGB").getpixel((160, 90)), RED)
    for corner in ((2, 2), (317, 177), (100, 90)):
        assert is_near(sent.convert("RGB").getpixel(corner), WHITE)
    assert image.traits == {PictureTrait.ON_WHITE}


# --- colors -------------------------------------------------------------------------------------


async def test_hdr_is_brought_to_what_a_screen_shows(tmp_path: Path) -> None:
    """The control's mean is 168 and its brightest value 255. [images-F10]"""
    _, sent = await decode("seine_hdr_rec2020.avif", tmp_path)
    gray = sent.convert("L")
    assert abs(ImageStat.Stat(gray).mean[0] - 168) < 20
    assert ImageStat.Stat(gray).extrema[0][1] >= 250


async def test_hdr_png_says_so_in_a_chunk(tmp_path: Path) -> None:
    """White of 203 nits in PQ is coded as 148. [images-F10]"""
    code = bytes([9, 16, 0, 1])
    data = insert_chunks(
        encoded("PNG", Image.new("RGB", SIZE, (148, 148, 148))), (b"cICP", code, 0)
    )
    _, sent = await decode(data, tmp_path)
    assert is_near(sent.convert("RGB").getpixel((9, 9)), (245, 245, 245))


async def test_wide_gamut_without_a_profile(tmp_path: Path) -> None:
    """Display P3 by its number, where sRGB's green has another code. [images-F10]"""
    data = insert_chunks(
        encoded("PNG", Image.new("RGB", SIZE, (117, 251, 76))), (b"cICP", bytes([12, 13, 0, 1]), 0)
    )
    _, sent = await decode(data, tmp_path)
    assert is_near(sent.convert("RGB").getpixel((9, 9)), (0, 255, 0), 40)


async def test_palette_has_the_colours_of_its_twin(tmp_path: Path) -> None:
    """[images-F11]"""
    _, control = await decode("rgb_with_p3_profile_control.png", tmp_path)
    _, sent = await decode("palette_with_p3_profile.png", tmp_path)
    for place in ((80, 60), (240, 60), (400, 60), (80, 250), (240, 250), (560, 250)):
        twin = control.convert("RGB").getpixel(place)
        assert isinstance(twin, tuple)
        assert is_near(sent.convert("RGB").getpixel(place), (twin[0], twin[1], twin[2]), 4)


def read_wide_profile() -> bytes:
    with Image.open(FIXTURES / "rgb_with_p3_profile_control.png") as image:
        profile: bytes = image.info["icc_profile"]
    return profile


async def test_transparency_and_profile_together(tmp_path: Path) -> None:
    """[images-F19]"""
    image = Image.new("RGB", SIZE, (9, 9, 9))
    image.paste((117, 251, 76), (100, 30, 220, 150))
    data = encoded("PNG", image, transparency=(9, 9, 9), icc_profile=read_wide_profile())
    known, sent = await decode(data, tmp_path)
    assert is_near(sent.convert("RGB").getpixel((3, 3)), WHITE)
    assert is_near(sent.convert("RGB").getpixel((160, 90)), (0, 255, 0), 40)
    assert known.traits == {PictureTrait.ON_WHITE}


async def test_gray_with_alpha_and_a_profile_for_gray_or_colours(tmp_path: Path) -> None:
    """[images-F11]"""
    linear = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.new("LA", SIZE, (128, 255))
    for profile in (linear, read_wide_profile()):
        _, sent = await decode(encoded("PNG", image, icc_profile=profile), tmp_path)
        assert is_near(sent.convert("RGB").getpixel((9, 9)), (128, 128, 128), 3)


async def test_avif_of_an_older_encoder(tmp_path: Path) -> None:
    """Its alpha plane has no size, which the strict decoder refuses. [images-F16]"""
    image, sent = await decode("alpha_without_size.avif", tmp_path)
    assert sent.size == (80, 80)
    assert PictureTrait.ON_WHITE in image.traits
    data = bytearray((FIXTURES / "alpha_without_size.avif").read_bytes())
    place = data.index(b"ispe") + 8
    data[place : place + 8] = struct.pack(">II", 17_000, 17_000)
    refused = await refuse(bytes(data), tmp_path)
    assert refused.reason == "image_too_large"
    assert refused.values["width"] == 17_000


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (encoded("TIFF"), "TIFF"),
        (b"<?xml version='1.0'?>\n<!-- drawn -->\n<svg xmlns='x'/>", "SVG"),
        (b"\xff\x0a" + bytes(50), "JPEG XL"),
        (b"8BPS" + bytes(50), "Photoshop"),
        (encoded("BMP"), "BMP"),
    ],
)
async def test_known_kinds_are_named(tmp_path: Path, data: bytes, kind: str) -> None:
    """[images-F14]"""
    refused = await refuse(data, tmp_path)
    assert (refused.reason, refused.values) == ("image_kind_unreadable", {"kind": kind})
