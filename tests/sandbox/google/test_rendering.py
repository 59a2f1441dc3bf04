"""Rendered clips have the promised length, size and content when decoded."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from sandbox.google.clip_spec import ClipSpec, ImageFit, RenderStyle
from sandbox.google.encoding import RenderedClip, SourceNotStitchable
from sandbox.google.overlay import fit_image, open_image
from sandbox.google.scene import LandscapeScene
from tests.sandbox.google.conftest import LION, picture, render

Frame = npt.NDArray[np.uint8]


def frames(path: Path, *, first: int = 0, last: int | None = None) -> list[Frame]:
    found = []
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            if last is not None and index > last:
                break
            if index >= first:
                found.append(np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8))
    return found


def difference(one: Frame, other: Frame) -> float:
    """Mean absolute difference of two pictures, 0..255."""
    return float(np.abs(one.astype(np.int16) - other.astype(np.int16)).mean())


def as_frame(data: bytes, size: tuple[int, int], fit: ImageFit = ImageFit.CROP) -> Frame:
    return np.asarray(fit_image(open_image(data), size, fit))


def check_shape(clip: RenderedClip, size: tuple[int, int], seconds: int, *, audio: bool) -> None:
    with av.open(str(clip.path)) as container:
        video = container.streams.video[0]
        context = video.codec_context
        assert (context.name, context.profile, context.pix_fmt) == ("h264", "High", "yuv420p")
        assert (video.width, video.height) == size
        assert video.average_rate == 24
        assert video.duration is not None
        assert video.time_base is not None
        assert video.duration * video.time_base == seconds
        assert sum(1 for _ in container.decode(video)) == seconds * 24
    with av.open(str(clip.path)) as container:
        assert bool(container.streams.audio) is audio
        if audio:
            sound = container.streams.audio[0]
            assert (sound.codec_context.name, sound.channels, sound.rate) == ("aac", 2, 48_000)
            assert sound.duration is not None
            assert sound.time_base is not None
            assert abs(sound.duration * sound.time_base - seconds) <= 0.05
            loud = max(np.abs(block.to_ndarray()).max() for block in container.decode(sound))
            assert loud > 0.05
    # Players start before the end of the download: the index comes first.
    head = clip.path.read_bytes()[: 64 * 1024]
    assert 0 < head.find(b"moov") < head.find(b"mdat")


def test_a_clip_has_its_length_size_rate_and_sound(lion: RenderedClip) -> None:
    check_shape(lion, (1280, 720), 2, audio=True)
    assert lion.size == lion.path.stat().st_size
    assert lion.seconds == 2


@pytest.mark.parametrize(
    ("size", "seconds", "audio"), [((720, 1280), 5, False), ((1920, 1080), 1, True)]
)
def test_other_sizes(tmp_path: Path, size: tuple[int, int], seconds: int, *, audio: bool) -> None:
    spec = replace(
        LION, width=size[0], height=size[1], seconds=seconds, audio=audio, look=RenderStyle.PLAIN
    )
    check_shape(render(spec, tmp_path / "clip.mp4"), size, seconds, audio=audio)


def test_the_picture_moves(lion: RenderedClip) -> None:
    shown = frames(lion.path)
    steps = [difference(one, other) for one, other in zip(shown[:-12], shown[12:], strict=True)]
    assert min(steps) > 0.3


def test_equal_specs_give_equal_clips(lion: RenderedClip, tmp_path: Path) -> None:
    again = render(LION, tmp_path / "again.mp4")
    assert again.sha256 == lion.sha256
    assert [path.name for path in tmp_path.iterdir()] == ["again.mp4"]


def test_prompt_seed_and_sample_change_the_picture() -> None:
    def painted(spec: ClipSpec) -> npt.NDArray[np.float32]:
        return LandscapeScene(spec.prompt, spec.variation, 180, 320).paint_scene(1.0)

    specs = [LION, replace(LION, seed=4), replace(LION, sample=1), replace(LION, prompt="a lion")]
    pictures = [painted(spec) for spec in specs]
    for index, one in enumerate(pictures):
        for other in pictures[index + 1 :]:
            assert np.abs(one - other).mean() > 4
    assert len({spec.key for spec in specs}) == len(specs)


def test_a_given_image_is_the_first_frame_and_a_last_one_the_last(tmp_path: Path) -> None:
    first, last = picture(), picture("JPEG", (500, 900), hue=150)
    spec = replace(LION, image=first, last_frame=last, seconds=3)
    shown = frames(render(spec, tmp_path / "clip.mp4").path)
    size = (1280, 720)
    assert difference(shown[0], as_frame(first, size)) < 4
    assert difference(shown[-1], as_frame(last, size)) < 4
    assert difference(shown[0], shown[24]) > 1
    assert difference(shown[0], shown[-1]) > 20


def test_an_image_can_be_padded_instead_of_cropped(tmp_path: Path) -> None:
    upright = picture(size=(360, 640))
    spec = replace(LION, image=upright, fit=ImageFit.PAD, seconds=1)
    shown = frames(render(spec, tmp_path / "clip.mp4").path, last=0)[0]
    assert difference(shown, as_frame(upright, (1280, 720), ImageFit.PAD)) < 4
    assert shown[:, :100].mean() < 10


def test_references_are_shown(lion: RenderedClip, tmp_path: Path) -> None:
    spec = replace(LION, references=(picture(hue=90), picture(hue=200)), seconds=1)
    shown = frames(render(spec, tmp_path / "clip.mp4").path, last=0)[0]
    plain = frames(lion.path, last=0)[0]
    assert difference(shown[:180, :340], plain[:180, :340]) > 15
    assert difference(shown[300:], plain[300:]) < 2


def test_an_extension_begins_with_the_frames_of_its_source(
    lion: RenderedClip, extended_lion: RenderedClip
) -> None:
    check_shape(extended_lion, (1280, 720), 9, audio=True)
    source, longer = frames(lion.path), frames(extended_lion.path)
    assert all(np.array_equal(one, other) for one, other in zip(source, longer, strict=False))
    # It continues where the source ended, and ends differently.
    assert difference(longer[47], longer[48]) < 3
    assert difference(longer[47], longer[-1]) > 15


def test_both_tracks_are_written_in_step(extended_lion: RenderedClip) -> None:
    with av.open(str(extended_lion.path)) as container:
        places: dict[str, list[int]] = {"video": [], "audio": []}
        for packet in container.demux():
            if packet.pos is not None and packet.dts is not None:
                places[packet.stream.type].append(packet.pos)
    middle = len(places["video"]) // 2
    sound = places["audio"][len(places["audio"]) // 2]
    assert places["video"][middle - 48] < sound < places["video"][middle + 48]


def test_an_extension_can_be_extended(extended_lion: RenderedClip, tmp_path: Path) -> None:
    spec = replace(
        LION,
        seconds=7,
        source=extended_lion.path,
        source_digest=extended_lion.sha256,
        look=RenderStyle.PLAIN,
    )
    clip = render(spec, tmp_path / "longer.mp4")
    check_shape(clip, (1280, 720), 16, audio=True)
    assert np.array_equal(
        frames(clip.path, first=215, last=215)[0], frames(extended_lion.path, first=215)[0]
    )


def test_a_foreign_stream_cannot_be_continued(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.mp4"
    with av.open(str(foreign), "w") as output:
        stream = output.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv420p"
        image = np.zeros((720, 1280, 3), dtype=np.uint8)
        output.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        output.mux(stream.encode(None))
    with pytest.raises(SourceNotStitchable):
        render(replace(LION, seconds=7, source=foreign, source_digest="x"), tmp_path / "x.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["foreign.mp4"]


def test_a_large_clip_is_not_mere_padding(tmp_path: Path) -> None:
    spec = replace(LION, min_bytes=10_000_000, seconds=2, look=RenderStyle.PLAIN)
    clip = render(spec, tmp_path / "large.mp4")
    assert 10_000_000 <= clip.size < 16_000_000
    check_shape(clip, (1280, 720), 2, audio=True)
    with av.open(str(clip.path)) as container:
        assert sum(packet.size for packet in container.demux(video=0)) > 8_000_000


def test_a_prompt_that_no_font_can_draw_has_no_caption(tmp_path: Path) -> None:
    spec = replace(LION, prompt="一只猫", seconds=1)
    shown = frames(render(spec, tmp_path / "clip.mp4").path, last=0)[0]
    assert Image.fromarray(shown).size == (1280, 720)
