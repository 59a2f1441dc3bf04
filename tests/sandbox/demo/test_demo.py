"""Tests of the demo: rendering of Discord's messages, measured files, the summary."""

import io
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from demo import sample_image, video_file
from demo.control_client import DemoFailed, wait_until
from demo.markdown import render_markdown
from demo.scenario import SavedClip, write_summary
from demo.terminal import ClipPreview, Terminal

NAMES = {"1": "Ada", "2": "clips"}


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        ("**bold** and *thin* and `code`", "bold and thin and code"),
        ("<@1> in <#2>, and <@99>", "@Ada in #clips, and @unknown"),
        ("-# small", "small"),
        ("### Heading\n- one\n> said", "Heading\n• one\n▎ said"),
        (r"\*not thin\* and \#1", "*not thin* and #1"),
        ("snake_case_name stays", "snake_case_name stays"),
        ("[a page](https://example.org)", "a page"),
        ("</video generate:123>", "/video generate"),
        ("see https://discord.com/channels/7/2/8", "see #clips › message"),
    ],
)
def test_markdown_is_read(content: str, shown: str) -> None:
    assert render_markdown(content, NAMES).plain == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(3 * 86_400 + 60, "in 3 days"), (-7300, "2 hours ago"), (1860.5, "in 31 minutes")],
)
def test_relative_times_are_shown(seconds: float, shown: str) -> None:
    unix = int(time.time() + seconds)
    assert render_markdown(f"<t:{unix}:R>", NAMES).plain == shown


def message(**changes: Any) -> dict[str, Any]:
    author = {"id": "9", "username": "clapper", "global_name": None, "bot": True}
    return {"author": author, "content": "", "attachments": [], "timestamp": None} | changes


def told(shown: dict[str, Any], films: dict[str, ClipPreview] | None = None, **console: Any) -> str:
    out = io.StringIO()
    Terminal(Console(file=out, **console), NAMES).print_message(shown, films)
    return out.getvalue()


FACTS = video_file.VideoProperties(8.0, 1280, 720, 24.0, True, 2_500_000)
CARD = {
    "type": 17,
    "accent_color": 0x4F7CAC,
    "components": [
        {"type": 12, "items": [{"media": {"url": "http://x/a/clip-1.mp4?ex=1"}}]},
        {"type": 10, "content": "A boat by <@1>"},
        {"type": 1, "components": [{"type": 2, "style": 1, "label": "Extend"}]},
    ],
}


def test_a_file_is_shown_once_where_its_component_is() -> None:
    files = [{"filename": "clip-1.mp4"}, {"filename": "notes.txt"}]
    text = told(message(components=[CARD], attachments=files))
    assert text.count("clip-1.mp4") == 1
    assert text.count("notes.txt") == 1
    film_ = ClipPreview("clip-1.mp4", FACTS, ())
    assert told(message(components=[CARD], attachments=files), {film_.name: film_}).count("▣") == 1


def test_a_narrow_terminal_cuts_no_fact_off() -> None:
    out = io.StringIO()
    screen = Terminal(Console(file=out, width=80, force_terminal=True, color_system=None), NAMES)
    screen.print_summary([("1-generated.mp4", FACTS, "a prompt and a picture")])
    for words in ("1-generated.mp4", "1280×720, 24 fps"):
        assert words in out.getvalue()
    assert "…" not in out.getvalue()


def test_a_card_is_readable_without_a_terminal() -> None:
    answered = message(author={"username": "ada", "global_name": "Ada"}, content="sail on")
    text = told(
        message(components=[CARD], referenced_message=answered),
        {"clip-1.mp4": ClipPreview("clip-1.mp4", FACTS, ())},
    )
    for words in ("@Ada sail on", "A boat by @Ada", "[ Extend ]", "1280×720", "0:08", "2.5 MB"):
        assert words in text
    assert "\x1b" not in text


def test_a_terminal_in_colour_shows_the_frames() -> None:
    still = Image.new("RGB", (320, 180), "#ff8000")
    text = told(
        message(components=[CARD]),
        {"clip-1.mp4": ClipPreview("clip-1.mp4", FACTS, (still,))},
        force_terminal=True,
        color_system="truecolor",
    )
    assert "38;2;255;128;0;48;2;255;128;0m▀" in text


def clip(path: Path, shift: int, frames: int = 24) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 128, 72, "yuv420p"
        for number in range(frames):
            picture = np.full((72, 128, 3), (number * 3 + shift) % 255, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


def test_facts_come_from_the_file(tmp_path: Path) -> None:
    facts = video_file.read_properties(clip(tmp_path / "a.mp4", 0))
    assert (facts.seconds, facts.width, facts.height, facts.fps) == (1.0, 128, 72, 24.0)
    assert not facts.has_audio


def test_an_extension_has_to_begin_like_its_source(tmp_path: Path) -> None:
    source = clip(tmp_path / "source.mp4", 0)
    longer = clip(tmp_path / "longer.mp4", 0, frames=36)
    other = clip(tmp_path / "other.mp4", 90, frames=36)
    assert video_file.starts_with_frames_of(longer, source, [0.0, 0.5])
    assert not video_file.starts_with_frames_of(other, source, [0.0, 0.5])


def test_an_edit_by_night_has_to_show_the_same_motion(tmp_path: Path) -> None:
    def moving(path: Path, light: float, direction: int) -> Path:
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=24)
            stream.width, stream.height, stream.pix_fmt = 128, 72, "yuv420p"
            for number in range(24):
                picture = np.full((72, 128, 3), 40 * light, np.uint8)
                left = 52 + direction * number * 2
                picture[:, left : left + 24] = int(230 * light)
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(stream.encode())
        return path

    day = moving(tmp_path / "day.mp4", 1.0, 1)
    times = [0.4, 0.8]
    assert video_file.is_darker_version_of(moving(tmp_path / "a.mp4", 0.4, 1), day, times)
    assert not video_file.is_darker_version_of(moving(tmp_path / "b.mp4", 0.4, -1), day, times)
    assert not video_file.is_darker_version_of(day, day, times)


def test_the_summary_is_as_agreed(tmp_path: Path) -> None:
    first = SavedClip({"id": "11", "message_reference": {"message_id": "10"}}, Path("1.mp4"), FACTS)
    second = SavedClip({"id": "13"}, Path("2.mp4"), FACTS, parent_message_id="11")
    third = replace(second, message={"id": "15"}, parent_message_id="13", is_edited=True)
    write_summary(tmp_path / "summary.json", [first, second, third], "http://host/clips/2", 12.34)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["clips"][0] == {
        "file": "1.mp4",
        "seconds": 8.0,
        "width": 1280,
        "height": 720,
        "fps": 24.0,
        "has_audio": True,
        "message_id": "11",
        "parent_message_id": None,
        "reply_to_message_id": "10",
        "edited": False,
    }
    assert [clip["parent_message_id"] for clip in summary["clips"]] == [None, "11", "13"]
    assert [clip["edited"] for clip in summary["clips"]] == [False, False, True]
    assert summary["gallery_url"] == "http://host/clips/2"
    assert summary["elapsed_s"] == 12.3


async def test_waiting_in_vain_names_what_was_waited_for() -> None:
    async def never() -> None:
        return None

    with pytest.raises(DemoFailed, match="clip, in vain"):
        await wait_until(never, within_s=0, waiting_for="the clip")


def test_the_picture_is_a_picture(tmp_path: Path) -> None:
    sample_image.paint_sample_image(tmp_path / "harbour.png")
    with Image.open(tmp_path / "harbour.png") as picture:
        assert picture.size == (1280, 720)
        assert len(picture.convert("RGB").resize((64, 36)).getcolors(64 * 36) or []) > 500
