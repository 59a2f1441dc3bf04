"""Videos of any kind become one file, with seams within a frame and 20 ms of sound."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from bot.domain.clips.joining import JoinedFile
from bot.domain.errors import JoinFailed
from bot.media.images import ProcessImageDecoder
from bot.media.joining import ProcessVideoJoiner
from bot.media.probe import PyAvMediaProbe
from sandbox.google.clip_spec import ClipSpec
from sandbox.google.encoding import render_to_file
from tests.unit.joining.films import (
    Film,
    Samples,
    find_tone,
    measure_click,
    measure_loudness,
    read_frames,
    read_sound,
    write_film,
)
from tests.unit.transcoding.videos import turn_video

FIRST = Film(gray=90)
SECOND = Film(gray=160, tone=660.0)
SEAM_S = 0.02
MAX_CLICK = 8.0
"""A fade of a few milliseconds has some; a cut through a tone has 30 and more."""
HALF_FRAME = 512
"""Samples by which a part's sound may be moved, so that it can be copied."""


async def join(folder: Path, *films: Film) -> tuple[Path, JoinedFile]:
    """Join films and return the file."""
    sources = [write_film(folder / f"{number}.mp4", film) for number, film in enumerate(films)]
    destination = folder / "joined.mp4"
    joined = await ProcessVideoJoiner().join_videos(sources, destination)
    names = {path.name for path in folder.iterdir()}
    assert names == {"joined.mp4", *(source.name for source in sources)}, "no drafts are left"
    return destination, joined


def require_seam(path: Path, cut_s: float, *, rate: float, first: Film, second: Film) -> None:
    """Check pictures and sound of two films around their cut."""
    frames = read_frames(path)
    steps = np.diff([frame.at_s for frame in frames])
    assert np.allclose(steps, 1 / rate, atol=0.002), "the pictures are even, also at the cut"
    middle = (first.gray + second.gray) / 2
    changed_at = next(frame.at_s for frame in frames if frame.gray > middle)
    assert abs(changed_at - cut_s) <= 1 / rate + 0.001
    assert all(frame.gray > middle for frame in frames if frame.at_s >= changed_at)
    if first.tone is None and second.tone is None:
        return
    sample_rate, sound = read_sound(path)
    for film, begin_s, end_s in (
        (first, cut_s - 0.5, cut_s - SEAM_S),
        (second, cut_s + SEAM_S, cut_s + 0.5),
    ):
        if film.tone is None:
            assert measure_loudness(sound, sample_rate, (begin_s + end_s) / 2, 0.2) < 0.001
        else:
            assert abs(find_tone(sound, sample_rate, begin_s, end_s) - film.tone) < 4
            outer = begin_s if film is first else end_s
            edge = end_s if film is first else begin_s
            assert measure_loudness(sound, sample_rate, edge) > 0.8 * measure_loudness(
                sound, sample_rate, outer
            ), "the sound is full 20 ms from the cut"
    assert measure_loudness(sound, sample_rate, cut_s, 0.002) < 0.1, "it is quiet at the cut"
    assert measure_click(sound, sample_rate, cut_s) < MAX_CLICK


@pytest.mark.parametrize("b_frames", [0, 3])
@pytest.mark.parametrize("frames", [48, 41])  # a cut in the middle of a frame of sound, too
async def test_equal_streams_are_copied(tmp_path: Path, frames: int, b_frames: int) -> None:
    first = replace(FIRST, frames=frames, b_frames=b_frames)
    second = replace(SECOND, b_frames=b_frames)
    path, joined = await join(tmp_path, first, second)
    assert joined.are_pictures_copied
    assert joined.is_sound_copied
    assert [frame.number for frame in read_frames(path)] == [*range(frames), *range(48)]
    require_seam(path, frames / 24, rate=24, first=first, second=second)
    facts = await PyAvMediaProbe().read_facts(path)
    assert abs(facts.seconds - (frames + 48) / 24) < 0.01
    head = path.read_bytes()
    assert head.index(b"moov") < head.index(b"mdat"), "it plays before all of it is loaded"


async def test_copied_sound_is_that_of_the_parts(tmp_path: Path) -> None:
    path, _ = await join(tmp_path, FIRST, SECOND, FIRST)
    rate, sound = read_sound(path)
    for number in range(3):
        _, part = read_sound(tmp_path / f"{number}.mp4")
        error, _ = find_shift(sound, part[rate // 2 : rate * 3 // 2], number * 2 * rate + rate // 2)
        assert error < 1e-4


def find_shift(sound: Samples, wanted: Samples, place: int) -> tuple[float, int]:
    """Return how well ``wanted`` is found near ``place``, and how many samples beside it."""
    return min(
        (
            float(np.abs(sound[place + shift : place + shift + len(wanted)] - wanted).mean()),
            shift,
        )
        for shift in range(-HALF_FRAME, HALF_FRAME + 1)
    )


async def test_the_parts_of_a_long_film_stay_with_their_pictures(tmp_path: Path) -> None:
    films = [replace(FIRST, frames=41, gray=40 + 20 * number) for number in range(8)]
    path, joined = await join(tmp_path, *films)
    assert joined.is_sound_copied
    rate, sound = read_sound(path)
    _, part = read_sound(tmp_path / "0.mp4")
    error, _ = find_shift(sound, part[rate // 2 : rate], round(7 * 41 / 24 * rate) + rate // 2)
    assert error < 1e-4


@pytest.mark.parametrize(
    ("second", "is_sound_copied"),
    [
        (replace(SECOND, tone=None), False),
        (replace(SECOND, rate=30, frames=60), True),
        (replace(SECOND, size=(480, 320)), True),
        (replace(SECOND, layout="mono"), False),
        (replace(SECOND, sample_rate=44_100), False),
        (replace(SECOND, codec="mpeg4"), True),
        (replace(SECOND, times=tuple(round(number**1.1 * 28) for number in range(48))), True),
    ],
    ids=["silent", "rate", "size", "mono", "44.1k", "codec", "uneven"],
)
async def test_other_streams_become_those_of_the_first(
    tmp_path: Path, second: Film, is_sound_copied: bool
) -> None:
    path, joined = await join(tmp_path, FIRST, second)
    assert joined.is_sound_copied is is_sound_copied
    facts = await PyAvMediaProbe().read_facts(path)
    assert (facts.width, facts.height, round(facts.fps, 2)) == (320, 192, 24.0)
    require_seam(path, 2.0, rate=24, first=FIRST, second=second)


async def test_a_first_part_without_sound_gets_silence(tmp_path: Path) -> None:
    first = replace(FIRST, tone=None)
    path, joined = await join(tmp_path, first, SECOND)
    assert joined.are_pictures_copied
    assert not joined.is_sound_copied
    require_seam(path, 2.0, rate=24, first=first, second=SECOND)


async def test_without_any_sound_there_is_none(tmp_path: Path) -> None:
    path, joined = await join(tmp_path, replace(FIRST, tone=None), replace(SECOND, tone=None))
    assert joined.are_pictures_copied
    assert not (await PyAvMediaProbe().read_facts(path)).has_audio


async def test_a_turned_video_is_upright_with_bars(tmp_path: Path) -> None:
    first = write_film(tmp_path / "first.mp4", FIRST)
    turned = turn_video(write_film(tmp_path / "turned.mp4", SECOND))
    destination = tmp_path / "joined.mp4"
    joined = await ProcessVideoJoiner().join_videos([first, turned], destination)
    assert not joined.are_pictures_copied
    with av.open(str(destination)) as container:
        last = list(container.decode(video=0))[-1].to_ndarray(format="gray")
    assert last.shape == (192, 320)
    assert last[:, :60].max() < 20, "a bar at the left"
    assert last[:, 260:].max() < 20, "a bar at the right"
    assert last[180, 160] > 120


async def test_clips_as_google_makes_them_are_copied(tmp_path: Path) -> None:
    sources = []
    for seed, seconds in ((1, 4), (2, 6)):
        path = tmp_path / f"{seed}.mp4"
        spec = ClipSpec(
            prompt="a bear",
            seed=seed,
            sample=0,
            width=320,
            height=180,
            seconds=seconds,
            audio=True,
        )
        render_to_file(spec, path, path.with_suffix(".part"))
        sources.append(path)
    joined = await ProcessVideoJoiner().join_videos(sources, tmp_path / "joined.mp4")
    assert joined == JoinedFile(10.0, are_pictures_copied=True, is_sound_copied=True)
    facts = await PyAvMediaProbe().read_facts(tmp_path / "joined.mp4")
    assert abs(facts.seconds - 10.0) < 0.01


@pytest.mark.parametrize("b_frames", [0, 3])
async def test_the_last_frame_is_the_very_last(tmp_path: Path, b_frames: int) -> None:
    film = replace(FIRST, frames=59, b_frames=b_frames)
    source = write_film(tmp_path / "film.mp4", film)
    picture = tmp_path / "last.png"
    await ProcessVideoJoiner().extract_last_frame(source, picture)
    with Image.open(picture) as image:
        row = np.asarray(image.convert("L"))[96]
    assert sum((int(row[bit * 16 + 8]) > 128) << bit for bit in range(8)) == 58
    imported = await ProcessImageDecoder().prepare_image(picture, tmp_path / "inputs")
    assert (imported.width, imported.height) == film.size


async def test_a_turned_last_frame_is_upright(tmp_path: Path) -> None:
    source = turn_video(write_film(tmp_path / "film.mp4", FIRST))
    await ProcessVideoJoiner().extract_last_frame(source, tmp_path / "last.png")
    with Image.open(tmp_path / "last.png") as image:
        assert image.size == (192, 320)
    shape = await ProcessVideoJoiner().measure_video(source)
    assert (round(shape.seconds, 2), shape.width, shape.height) == (2.0, 192, 320)


@pytest.mark.parametrize("content", [b"", b"no video at all", b"\0\0\0\x18ftypmp42" + bytes(64)])
async def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes) -> None:
    source, other = tmp_path / "film.mp4", write_film(tmp_path / "other.mp4")
    source.write_bytes(content)
    joiner = ProcessVideoJoiner()
    with pytest.raises(JoinFailed):
        await joiner.measure_video(source)
    with pytest.raises(JoinFailed):
        await joiner.extract_last_frame(source, tmp_path / "last.png")
    with pytest.raises(JoinFailed):
        await joiner.join_videos([other, source], tmp_path / "joined.mp4")
    assert {path.name for path in tmp_path.iterdir()} == {"film.mp4", "other.mp4"}


async def test_a_join_that_takes_too_long_or_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    first = write_film(tmp_path / "first.mp4")
    second = tmp_path / "second.mp4"
    shutil.copyfile(first, second)
    with pytest.raises(JoinFailed):
        await ProcessVideoJoiner(time_limit_s=0.01).join_videos(
            [first, second], tmp_path / "joined.mp4"
        )
    task = asyncio.create_task(
        ProcessVideoJoiner().join_videos([first, second], tmp_path / "joined.mp4")
    )
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert {path.name for path in tmp_path.iterdir()} == {"first.mp4", "second.mp4"}
