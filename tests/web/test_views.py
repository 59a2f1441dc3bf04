"""View models of the gallery's entries."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from yarl import URL

from bot.app.clock import SystemClock
from bot.domain.clips.clip import Clip
from bot.domain.jobs.request import AspectRatio, GenerationMode, GoogleRoute, Resolution
from bot.domain.showcase.filmstrip import LineageLink, build_filmstrip
from bot.domain.showcase.gallery import GalleryEntry
from bot.media.local_store import LocalMediaStore
from bot.web.filmstrip_views import build_filmstrip_view
from bot.web.page_texts import LANGUAGES, PageTexts
from bot.web.site import GallerySite
from bot.web.view_models import (
    build_card_view,
    build_generate_command,
    isolate_text,
    shorten_title,
)

NOTHING: Any = None
SITE = GallerySite(
    base_url=URL("https://clips.example"),
    gallery=NOTHING,
    server_pages=NOTHING,
    creator_pages=NOTHING,
    thumbnails=NOTHING,
    media_store=LocalMediaStore(Path("nowhere")),
    clock=SystemClock(),
    legal_facts=NOTHING,
)
CLIP = Clip(
    id=5,
    job_id=5,
    index=0,
    guild_id=1,
    channel_id=2,
    user_id=3,
    model="veo",
    route=GoogleRoute.GEMINI,
    mode=GenerationMode.TEXT,
    prompt="A kite",
    aspect_ratio=AspectRatio.PORTRAIT,
    resolution=Resolution.P720,
    seconds=68,
    width=720,
    height=1280,
    extension_depth=0,
    parent_clip_id=None,
    root_clip_id=None,
    path="clips/5.mp4",
    sha256="0" * 64,
    size_bytes=9,
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)
ENTRY = GalleryEntry(
    clip=CLIP,
    guild_id=1,
    guild_name="Kites",
    creator_name="Ada",
    prompt="A kite",
    votes=1200,
    showcased_at=datetime(2026, 1, 2, tzinfo=UTC),
    message_id=None,
    channel_id=None,
    hidden=False,
    locked=False,
)


def test_a_card() -> None:
    shown = build_card_view(ENTRY, SITE, PageTexts("de"))
    assert (shown.length, shown.votes, shown.portrait) == ("1:08", "1.200", True)
    assert shown.day == "02.01.2026"
    assert shown.model == "veo"
    assert shown.poster == "/clips/5/poster.jpg"
    assert shown.poster_sizes == (
        "/clips/5/poster-320.webp 180w, /clips/5/poster-640.webp 360w,"
        " /clips/5/poster-1280.webp 720w"
    )
    assert shown.colors == (), "an older clip has none"
    colored = replace(ENTRY, clip=replace(CLIP, poster_colors="a1b" * 8 + "fff"))
    assert build_card_view(colored, SITE, PageTexts("de")).colors == (*["a1b"] * 8, "fff")
    small = build_card_view(
        replace(ENTRY, clip=replace(CLIP, width=640, height=360)), SITE, PageTexts("de")
    )
    assert small.poster_sizes.endswith("/clips/5/poster-640.webp 640w")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hidden_prompt_is_nowhere(language: str) -> None:
    hidden = replace(ENTRY, prompt=None, clip=replace(CLIP, prompt=""))
    shown = build_card_view(hidden, SITE, PageTexts(language))
    assert shown.prompt is None
    assert "5" in shown.title
    assert build_generate_command(hidden) is None


def test_the_recipe_is_one_line_with_the_commands_own_names() -> None:
    command = build_generate_command(replace(ENTRY, prompt="A kite\n over  the bay"))
    assert command == (
        "/video generate prompt:A kite over the bay model:veo aspect_ratio:9:16"
        " resolution:720p duration:68"
    )


def test_what_people_write_never_breaks_the_feed() -> None:
    evil = "bell \x07 tab \t esc \x1b end ]]> & <b> \ufffe"
    entry = replace(ENTRY, prompt=evil, creator_name="\x00Ada")
    body = SITE.templates.render(
        "feed.xml",
        t=PageTexts("en"),
        absolute=SITE.build_absolute_url,
        short=shorten_title,
        isolate=isolate_text,
        head=None,
        view_name="",
        own="https://clips.example/feed.atom?q=a&b=c",
        page="https://clips.example/",
        cards=[build_card_view(entry, SITE, PageTexts("en"))],
        updated="2026-01-02T00:00:00+00:00",
    )
    feed = ET.fromstring(body)
    assert "<b>" in (feed.findtext(".//{*}entry/{*}title") or "")


def test_titles_are_cut_at_words() -> None:
    assert shorten_title("short  enough") == "short enough"
    cut = shorten_title("word " * 40)
    assert len(cut) <= 70
    assert cut.endswith("word…")
    assert len(shorten_title("長" * 200)) == 70


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_filmstrip_tells_extensions_from_edits_in_words(language: str) -> None:
    """The symbols beside the words are hidden from screen readers."""
    texts = PageTexts(language)
    extended = replace(
        CLIP, id=6, parent_clip_id=5, mode=GenerationMode.EXTENSION, extension_depth=1, seconds=75
    )
    edited = replace(extended, id=7, parent_clip_id=6, mode=GenerationMode.EDIT)
    again = replace(
        edited, id=8, parent_clip_id=7, mode=GenerationMode.EXTENSION, extension_depth=2, seconds=78
    )
    entries = [replace(ENTRY, clip=clip) for clip in (CLIP, extended, edited, again)]
    links = [LineageLink(e.clip.id, e.clip.parent_clip_id, e.clip.mode) for e in entries]
    shown = entries[-1]
    view = build_filmstrip_view(build_filmstrip(entries, links, 8), shown, SITE, texts)
    assert (view.count, view.branches) == (4, [])
    assert [part.mark for part in view.parts] == ["", "⤷", "✎", "⤷"]
    assert [part.step for part in view.parts] == [
        texts("chain.first"),
        texts("chain.step", count=1),
        texts("chain.edit"),
        texts("chain.step", count=2),
    ]
    assert [(part.start, part.end) for part in view.parts] == [
        ("0:00", "1:08"),
        ("1:08", "1:15"),
        ("0:00", "1:15"),
        ("1:15", "1:18"),
    ]
    # what came before the edit is not in the clip any more
    assert [part.seek for part in view.parts] == [None, None, "/clips/8", "/clips/8?t=75"]
    assert [part.is_shown for part in view.parts] == [False, False, False, True]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_filmstrip_names_a_new_shot(language: str) -> None:
    texts = PageTexts(language)
    shot = replace(CLIP, id=6, parent_clip_id=5, mode=GenerationMode.CONTINUATION, seconds=76)
    entries = [replace(ENTRY, clip=clip) for clip in (CLIP, shot)]
    links = [LineageLink(e.clip.id, e.clip.parent_clip_id, e.clip.mode) for e in entries]
    film = build_filmstrip(entries, links, 6)
    view = build_filmstrip_view(film, entries[-1], SITE, texts)
    first, second = view.parts
    assert (first.mark, first.step) == ("", texts("chain.first"))
    assert (second.mark, second.step) == ("⤷", texts("chain.shot"))
    assert (second.start, second.end, second.seek) == ("1:08", "1:16", "/clips/6?t=68")


def test_the_recipe_of_a_new_shot_has_not_the_length_of_both() -> None:
    clip = replace(CLIP, mode=GenerationMode.CONTINUATION, seconds=16)
    command = build_generate_command(replace(ENTRY, clip=clip))
    assert command is not None
    assert "duration" not in command


def test_an_edit_has_no_recipe() -> None:
    assert (
        build_generate_command(replace(ENTRY, clip=replace(CLIP, mode=GenerationMode.EDIT))) is None
    )
