"""A re-encode fits the limit, keeps length and sound, and leaves no files when stopped."""

import asyncio
import io
import json
import shutil
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from prometheus_client import CollectorRegistry

from bot.app.web import build_gallery_thumbnails
from bot.domain.clips.clip import VideoFacts
from bot.domain.clips.upload_options import TranscodeTarget, build_preview_target
from bot.domain.errors import TranscodeFailed
from bot.media.local_store import LocalMediaStore
from bot.media.probe import PyAvMediaProbe
from bot.media.transcode import ProcessTranscoder
from bot.observability.web_metrics import WebInstruments
from tests.harness.waiting import eventually
from tests.unit.transcoding.videos import turn_video, write_video
from tests.unit.words.examples import a_clip


async def facts_of(path: Path) -> VideoFacts:
    return await PyAvMediaProbe().read_facts(path)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("transcoding") / "source.mp4")


@pytest.mark.parametrize(
    ("bits", "sound_bits", "max_bytes"),
    [
        (1_000_000, 96_000, 300_000),  # two passes, the sound re-encoded
        (1_000_000, 256_000, 340_000),  # two passes, the sound unchanged
        (3_000_000, 128_000, 850_000),  # plenty: one pass
    ],
)
async def test_reencode_fits_and_keeps_length_and_sound(
    source: Path, tmp_path: Path, bits: int, sound_bits: int, max_bytes: int
) -> None:
    destination = tmp_path / "made.mp4"
    target = TranscodeTarget(640, 360, bits, sound_bits, max_bytes)
    size = await ProcessTranscoder().reencode_video(source, destination, target)
    before, after = await facts_of(source), await facts_of(destination)
    assert size == after.size <= max_bytes < before.size
    assert size > max_bytes / 2, "no worse than it has to be"
    assert abs(after.seconds - before.seconds) < 0.1
    assert after.has_audio
    assert (after.width, after.height, after.fps) == (640, 360, 24.0)
    with av.open(str(destination)) as opened:
        frames = sum(1 for _ in opened.decode(video=0))
        assert frames == 48
    with av.open(str(destination)) as opened:
        seconds = sum(frame.samples for frame in opened.decode(audio=0)) / 48_000
        assert abs(seconds - 2.0) < 0.1
    assert [path.name for path in tmp_path.iterdir()] == ["made.mp4"]


async def test_encode_is_streamable(source: Path, tmp_path: Path) -> None:
    destination = tmp_path / "made.mp4"
    await ProcessTranscoder().reencode_video(
        source, destination, TranscodeTarget(320, 180, 500_000, 96_000, 200_000)
    )
    data = destination.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


async def test_silent_video_stays_silent(tmp_path: Path) -> None:
    source = write_video(tmp_path / "silent.mp4", sound=False)
    destination = tmp_path / "made.mp4"
    await ProcessTranscoder().reencode_video(
        source, destination, TranscodeTarget(320, 180, 500_000, 0, 200_000)
    )
    assert not (await facts_of(destination)).has_audio


async def test_a_preview_is_short_and_small(tmp_path: Path) -> None:
    source = write_video(tmp_path / "source.mp4", size=(320, 240), seconds=6, bits=4_000_000)
    destination = tmp_path / "preview.mp4"
    await ProcessTranscoder().reencode_video(
        source, destination, build_preview_target(await facts_of(source))
    )
    after = await facts_of(destination)
    assert abs(after.seconds - 4.0) < 0.1
    assert after.size <= 2 * 1024 * 1024
    assert after.has_audio


async def test_portrait_video_stays_portrait(tmp_path: Path) -> None:
    source = write_video(tmp_path / "source.mp4", size=(360, 640), seconds=1)
    destination = tmp_path / "made.mp4"
    await ProcessTranscoder().reencode_video(
        source, destination, TranscodeTarget(180, 320, 300_000, 96_000, 100_000)
    )
    after = await facts_of(destination)
    assert (after.width, after.height) == (180, 320)


async def test_a_turned_video_is_seen_and_made_upright(tmp_path: Path) -> None:
    """Size, re-encode and thumbnail match what players show. [google-K21, google-M5]"""
    source = tmp_path / "turned.mp4"
    with av.open(str(source), "w") as output:
        stream = output.add_stream("libx264", rate=24, width=128, height=64)
        picture = np.zeros((64, 128, 3), dtype=np.uint8)
        picture[:, :64] = 255  # white on the left: on top when turned clockwise
        for _ in range(24):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    facts = await facts_of(turn_video(source))
    assert (facts.width, facts.height) == (64, 128)
    made, poster = tmp_path / "made.mp4", tmp_path / "poster.jpg"
    await ProcessTranscoder().reencode_video(
        source, made, TranscodeTarget(64, 128, 300_000, 0, 100_000)
    )
    after = await facts_of(made)
    assert (after.width, after.height) == (64, 128)
    await ProcessTranscoder().extract_thumbnail(source, poster)
    with av.open(str(made)) as opened:
        shown = [next(opened.decode(video=0)).to_ndarray(format="rgb24")]
    with av.open(str(poster)) as opened:
        shown.append(next(opened.decode(video=0)).to_ndarray(format="rgb24"))
    for image in shown:
        assert image.shape[:2] == (128, 64)
        assert image[:56].min() > 200
        assert image[72:].max() < 55


async def test_a_poster_is_a_jpeg(source: Path, tmp_path: Path) -> None:
    destination = tmp_path / "poster.jpg"
    size = await ProcessTranscoder().extract_thumbnail(source, destination)
    data = destination.read_bytes()
    assert len(data) == size
    assert data[:3] == b"\xff\xd8\xff"
    small = tmp_path / "small.webp"
    assert await ProcessTranscoder().shrink_picture(destination, small, max_side=120) < size
    with Image.open(small) as image:
        assert (image.format, max(image.size)) == ("WEBP", 120)


async def test_frames_are_small_jpegs_of_their_times(source: Path, tmp_path: Path) -> None:
    frames = await ProcessTranscoder().extract_frames(source, at_s=[0.2, 1.0, 9.0], max_side=120)
    assert len(frames) == 3
    for frame in frames:
        with Image.open(io.BytesIO(frame)) as image:
            assert (image.format, max(image.size)) == ("JPEG", 120)
    (tmp_path / "broken.mp4").write_bytes(b"not a video")
    with pytest.raises(TranscodeFailed):
        await ProcessTranscoder().extract_frames(tmp_path / "broken.mp4", at_s=[1.0], max_side=120)


async def test_a_blurred_picture_keeps_its_size_and_hides_shapes(tmp_path: Path) -> None:
    stripes = Image.new("RGB", (320, 180), "white")
    for left in range(0, 320, 20):
        stripes.paste((0, 0, 0), (left, 0, left + 10, 180))
    stripes.save(tmp_path / "stripes.jpg")
    destination = tmp_path / "blurred.jpg"
    await ProcessTranscoder().blur_picture(tmp_path / "stripes.jpg", destination)
    with Image.open(destination) as image:
        assert (image.format, image.size) == ("JPEG", (320, 180))
        shades = image.convert("L").tobytes()
    assert max(shades) - min(shades) < 100, "black and white stripes become gray"


async def test_colors_are_those_of_nine_fields(tmp_path: Path) -> None:
    picture = Image.new("RGB", (90, 60), "white")
    picture.paste((255, 0, 0), (0, 0, 30, 20))
    picture.paste((0, 0, 0), (30, 20, 60, 60))
    picture.save(tmp_path / "picture.webp", lossless=True)
    colors = await ProcessTranscoder().measure_colors(tmp_path / "picture.webp")
    assert colors == "f00" + "fff" * 3 + "000" + "fff" + "fff" + "000" + "fff"
    (tmp_path / "broken.webp").write_bytes(b"not a picture")
    with pytest.raises(TranscodeFailed):
        await ProcessTranscoder().measure_colors(tmp_path / "broken.webp")


async def test_a_members_png_is_made_small(tmp_path: Path) -> None:
    picture = tmp_path / "frame.png"
    Image.new("RGB", (1920, 1080), "teal").save(picture)
    small = tmp_path / "small.webp"
    await ProcessTranscoder().shrink_picture(picture, small, max_side=640)
    with Image.open(small) as image:
        assert (image.format, image.size) == ("WEBP", (640, 360))


async def test_impossible_target_size_is_reported(source: Path, tmp_path: Path) -> None:
    destination = tmp_path / "made.mp4"
    with pytest.raises(TranscodeFailed, match="too large"):
        await ProcessTranscoder().reencode_video(
            source, destination, TranscodeTarget(640, 360, 100_000, 96_000, 1_000)
        )
    assert list(tmp_path.iterdir()) == []


async def test_broken_file_is_rejected(tmp_path: Path) -> None:
    source = tmp_path / "broken.mp4"
    source.write_bytes(b"not a video")
    with pytest.raises(TranscodeFailed):
        await ProcessTranscoder().reencode_video(
            source, tmp_path / "m.mp4", TranscodeTarget(64, 64, 9, 0, 1000)
        )
    with pytest.raises(TranscodeFailed):
        await ProcessTranscoder().extract_thumbnail(source, tmp_path / "m.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["broken.mp4"]


async def test_previews_do_not_delay_uploads(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data_dir, media_probe = tmp_path, PyAvMediaProbe()
    gallery = build_gallery_thumbnails(
        signer=None,
        media_probe=media_probe,
        media_store=LocalMediaStore(data_dir),
        instruments=WebInstruments(CollectorRegistry()),
    )
    orders: list[tuple[str, int]] = []
    go_on = asyncio.Event()
    start_process = asyncio.create_subprocess_exec

    async def start_slowly(*command: str, **options: Any) -> asyncio.subprocess.Process:
        order = json.loads(command[-1])
        orders.append((order["task"], order["nice"]))
        if order["task"] == "poster":
            await go_on.wait()
        return await start_process(*command, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", start_slowly)
    clips = [a_clip(id=number, path=f"{number}-0.mp4") for number in range(1, 9)]
    for clip in clips:
        shutil.copy(source, data_dir / clip.path)
    posters = [asyncio.create_task(gallery.get_poster(clip)) for clip in clips]
    while not orders:
        await asyncio.sleep(0)
    destination = tmp_path / "delivery.mp4"
    await ProcessTranscoder().reencode_video(
        source, destination, TranscodeTarget(320, 180, 500_000, 96_000, 200_000)
    )
    assert [task for task, _ in orders] == ["poster", "reencode"], "thumbnails one at a time"
    assert orders[0][1] > orders[1][1], "thumbnails yield to deliveries"
    go_on.set()
    assert len(set(await asyncio.gather(*posters))) == len(clips)


async def test_cancelled_transcode_is_stopped(source: Path, tmp_path: Path) -> None:
    destination = tmp_path / "made.mp4"
    transcoder = ProcessTranscoder()
    target = TranscodeTarget(640, 360, 1_000_000, 96_000, 300_000)
    task = asyncio.create_task(transcoder.reencode_video(source, destination, target))
    await eventually(lambda: _list_worker_commands(destination), what="the worker being started")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not _list_worker_commands(destination)
    assert list(tmp_path.iterdir()) == []
    assert await transcoder.reencode_video(source, destination, target) > 0, (
        "it kept its process slot"
    )


async def test_slow_transcode_is_stopped(source: Path, tmp_path: Path) -> None:
    transcoder = ProcessTranscoder(time_limit_s=0.05)
    with pytest.raises(TranscodeFailed, match="too long"):
        await transcoder.reencode_video(
            source, tmp_path / "made.mp4", TranscodeTarget(640, 360, 10**6, 0, 10**6)
        )
    assert list(tmp_path.iterdir()) == []


def _list_worker_commands(destination: Path) -> list[str]:
    """Return the command lines of the workers that write beside ``destination``."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if "transcode_worker" in line and str(destination.parent) in line:
            lines.append(line)
    return lines
