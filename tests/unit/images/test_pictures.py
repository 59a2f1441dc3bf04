"""Images are identified by their bytes, and converted without keeping data of the original file."""

import asyncio
import hashlib
import io
import json
import random
import sys
from pathlib import Path

import pytest
from PIL import Image

from bot.domain.errors import ImageRefused
from bot.media import images
from bot.media.images import ProcessImageDecoder
from tests.harness.waiting import stretch_timeout
from tests.unit.images.samples import KINDS, SIZE, animated, claims, encoded, exif, picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "inputs"


async def prepare(data: bytes, folder: Path, name: str = "raw") -> Image.Image:
    """Return what Google would get, and check how it is stored and described."""
    source = folder.parent / name
    await asyncio.to_thread(source.write_bytes, data)
    image = await ProcessImageDecoder().prepare_image(source, folder)
    stored = await asyncio.to_thread((folder / image.path).read_bytes)
    assert image.sha256 == hashlib.sha256(stored).hexdigest()
    assert image.path == f"{image.sha256}.{'png' if image.mime_type == 'image/png' else 'jpg'}"
    found = Image.open(io.BytesIO(stored))
    assert (found.width, found.height) == (image.width, image.height)
    assert found.format == ("PNG" if image.mime_type == "image/png" else "JPEG")
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    return found


def near(colour: object, expected: tuple[int, int, int]) -> bool:
    return isinstance(colour, tuple) and all(
        abs(a - b) < 25 for a, b in zip(colour, expected, strict=False)
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_becomes_one_that_veo_takes(folder: Path, kind: str) -> None:
    """The file name is wrong on purpose: only the bytes count."""
    found = await prepare(encoded(kind), folder, name="holiday.txt")
    assert found.size == SIZE
    assert found.format == ("PNG" if kind in ("PNG", "GIF") else "JPEG")
    assert near(found.convert("RGB").getpixel((10, 20)), (200, 30, 30))
    assert near(found.convert("RGB").getpixel((80, 20)), (30, 30, 200))


async def test_a_gif_gives_its_first_frame(folder: Path) -> None:
    found = await prepare(animated(), folder)
    assert near(found.convert("RGB").getpixel((10, 10)), (220, 0, 0))


@pytest.mark.parametrize(
    ("orientation", "size", "left"),
    [
        (1, SIZE, (200, 30, 30)),
        (2, SIZE, (30, 30, 200)),
        (3, SIZE, (30, 30, 200)),
        (6, SIZE[::-1], (200, 30, 30)),
        (8, SIZE[::-1], (30, 30, 200)),
    ],
)
async def test_exif_is_turned_and_stripped(
    folder: Path, orientation: int, size: tuple[int, int], left: tuple[int, int, int]
) -> None:
    data = encoded("JPEG", exif=exif(orientation=orientation), quality=95)
    found = await prepare(data, folder)
    assert found.size == size
    assert near(found.getpixel((4, 4)), left)
    assert not found.getexif()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_nothing_of_the_old_file_is_left(folder: Path, kind: str) -> None:
    data = encoded(kind, exif=exif()) + b"<?php trailing"
    found = await prepare(data, folder)
    stored = next(folder.iterdir()).read_bytes()
    assert b"camera" in data
    assert b"camera" not in stored
    assert b"php" not in stored
    assert set(found.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


async def test_the_same_picture_is_kept_once(folder: Path) -> None:
    for name in ("one.png", "two.png"):
        await prepare(encoded("PNG"), folder, name=name)
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1", "I;16"])
async def test_unusual_colours(folder: Path, mode: str) -> None:
    if mode == "I;16":
        data = encoded("PNG", Image.new("I;16", SIZE, 40_000))
    elif mode == "CMYK":
        data = encoded("JPEG", picture(mode=mode))
    else:
        data = encoded("PNG", picture(mode=mode))
    found = await prepare(data, folder)
    assert found.mode == "RGB"
    if mode == "I;16":
        assert near(found.getpixel((5, 5)), (156, 156, 156))


async def test_an_over_large_picture_is_made_smaller(folder: Path) -> None:
    found = await prepare(encoded("JPEG", picture((6000, 3000)), quality=60), folder)
    assert found.size == (4096, 2048)


async def test_a_picture_over_20_mb_is_made_smaller(folder: Path) -> None:
    noise = Image.frombytes("RGB", (3400, 2200), random.Random(3).randbytes(3400 * 2200 * 3))
    data = encoded("PNG", noise, compress_level=0)
    assert len(data) > 20 * 1024 * 1024
    await prepare(data, folder)
    assert next(folder.iterdir()).stat().st_size < 20 * 1024 * 1024


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not_an_image"),
        (b"hello, I am a picture", "not_an_image"),
        (b"\x89PNG\r\n\x1a\n", "image_broken"),
        (encoded("JPEG")[:300], "image_broken"),
        (encoded("PNG")[:60], "image_broken"),
        (encoded("WEBP")[:60], "image_broken"),
        (encoded("BMP"), "image_kind_unreadable"),
        (encoded("TIFF"), "image_kind_unreadable"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "image_kind_unreadable"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image_kind_unreadable"),
        (claims(60_000, 60_000), "image_too_large"),
        (claims(2_000_000_000, 2), "image_too_large"),
        (claims(80_001, 1_000), "image_too_large"),
        (claims(5_000, 5_000), "image_broken"),
    ],
    ids=lambda value: repr(value)[:24],
)
async def test_what_is_refused(folder: Path, data: bytes, reason: str) -> None:
    with pytest.raises(ImageRefused) as refused:
        await prepare(data, folder)
    assert refused.value.reason == reason
    assert list(folder.iterdir()) == []


async def test_a_worker_that_hangs_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder.parent / "hang.py"
    program.write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setattr("bot.media.images._WORKER_PATH", program)
    with pytest.raises(ImageRefused):
        async with asyncio.timeout(stretch_timeout(60)):
            await ProcessImageDecoder(timeout_s=0.3).prepare_image(program, folder)


@pytest.mark.parametrize("fate", ["import os; os.abort()", "raise SystemExit(3)", "print('[1]')"])
async def test_a_worker_that_dies_is_a_refusal(
    folder: Path, monkeypatch: pytest.MonkeyPatch, fate: str
) -> None:
    program = folder.parent / "die.py"
    program.write_text(fate)
    monkeypatch.setattr("bot.media.images._WORKER_PATH", program)
    with pytest.raises(ImageRefused) as refused:
        await ProcessImageDecoder().prepare_image(program, folder)
    assert refused.value.reason == "image_broken"


async def test_the_worker_sees_none_of_our_secrets(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, seen = folder.parent / "look.py", folder.parent / "seen"
    program.write_text(
        f"import os, pathlib; pathlib.Path({str(seen)!r}).write_text(repr(dict(os.environ)))"
    )
    monkeypatch.setenv("DISCORD_TOKEN", "secret-token")
    monkeypatch.setattr("bot.media.images._WORKER_PATH", program)
    with pytest.raises((ImageRefused, ValueError)):
        await ProcessImageDecoder().prepare_image(program, folder)
    assert "secret-token" not in await asyncio.to_thread(seen.read_text)


# --- fuzzing ------------------------------------------------------------------------------------

FUZZED = 240


def mutated(data: bytes, chance: random.Random) -> bytes:
    """A file damaged in one of the usual ways."""
    made = bytearray(data)
    match chance.randrange(6):
        case 0:
            return bytes(made[: chance.randrange(len(made))])
        case 1:
            for _ in range(chance.randrange(1, 20)):
                made[chance.randrange(len(made))] = chance.randrange(256)
        case 2:
            at = chance.randrange(len(made))
            made[at:at] = chance.randbytes(chance.randrange(1, 64))
        case 3:
            at = chance.randrange(len(made))
            del made[at : at + chance.randrange(1, 64)]
        case 4:
            # The numbers in the head: sizes, offsets, counts.
            at = chance.randrange(min(64, len(made)))
            made[at : at + 4] = b"\xff\xff\xff\x7f"
        case _:
            at, length = chance.randrange(len(made)), chance.randrange(1, 200)
            made[at : at + length] = made[:length]
    return bytes(made)


FUZZ_PROGRAM = """
import json, pathlib, sys
sys.path.insert(0, {folder!r})
from bot.media.image_worker import __main__ as worker
worker.apply_process_limits()
said = []
for path in sorted(pathlib.Path({files!r}).iterdir()):
    made = pathlib.Path({out!r})
    try:
        said.append(worker.run_command(["decode", str(path), str(made)])["mime_type"])
        made.unlink()
    except worker.ImageRejected as refusal:
        said.append(refusal.reason)
# not getrusage: its peak begins with what the process that started this one had
status = pathlib.Path("/proc/self/status").read_text("ascii")
rss = int(status.partition("VmHWM:")[2].split()[0])
print(json.dumps({{"said": said, "rss_kib": rss}}))
"""


async def test_mutated_files_are_refused_or_converted(tmp_path: Path) -> None:
    """The worker's own code and limits over hundreds of broken files, in one process for speed."""
    chance, files = random.Random(20_261_123), tmp_path / "files"
    files.mkdir()
    originals = [encoded(kind, exif=exif()) for kind in ("JPEG", "PNG", "WEBP", "AVIF")]
    originals += [encoded("HEIF"), animated()]
    for number in range(FUZZED):
        data = mutated(originals[number % len(originals)], chance)
        (files / f"{number:03}").write_bytes(data)
    program = FUZZ_PROGRAM.format(
        folder=str(Path(images.__file__).parents[2]), files=str(files), out=str(tmp_path / "o")
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", program, stdout=asyncio.subprocess.PIPE, env={}
    )
    output, _ = await asyncio.wait_for(process.communicate(), stretch_timeout(60))
    assert process.returncode == 0
    told = json.loads(output)
    reasons = {
        "not_an_image",
        "image_broken",
        "image_too_large",
        "image_needs_memory",
        "image_kind_unreadable",
        "image_empty",
    }
    assert len(told["said"]) == FUZZED
    assert set(told["said"]) <= reasons | {"image/png", "image/jpeg"}
    assert sum(each in reasons for each in told["said"]) > FUZZED // 4
    assert told["rss_kib"] < 512 * 1024
