"""What becomes of an entry on a page."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from yarl import URL

from bot.app.clock import SystemClock
from bot.domain.clips.clip import Clip
from bot.domain.jobs.request import AspectRatio, Mode, Resolution, Route
from bot.domain.showcase.gallery import Entry
from bot.web.i18n import LANGUAGES, Words
from bot.web.site import Site
from bot.web.view_models import card, recipe, short

NOTHING: Any = None
SITE = Site(
    base=URL("https://clips.example"),
    gallery=NOTHING,
    stills=NOTHING,
    data_dir=Path("nowhere"),
    clock=SystemClock(),
)
CLIP = Clip(
    id=5, job_id=5, index=0, guild_id=1, channel_id=2, user_id=3, model="veo", route=Route.GEMINI,
    mode=Mode.TEXT, prompt="A kite", aspect_ratio=AspectRatio.PORTRAIT, resolution=Resolution.P720,
    seconds=68, width=720, height=1280, hop=0, parent_clip_id=None, root_clip_id=None,
    path="clips/5.mp4", sha256="0" * 64, size=9, created_at=datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip
ENTRY = Entry(
    clip=CLIP, guild_id=1, guild_name="Kites", maker_name="Ada", prompt="A kite", votes=1200,
    showcased_at=datetime(2026, 1, 2, tzinfo=UTC), message_id=None, channel_id=None, hidden=False,
    locked=False,
)  # fmt: skip


def test_a_card() -> None:
    shown = card(ENTRY, SITE, Words("de"))
    assert (shown.length, shown.votes, shown.portrait) == ("1:08", "1.200", True)
    assert shown.day == "02.01.2026"
    assert shown.model == "veo"
    assert shown.poster == "/clips/5/poster.jpg"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_hidden_prompt_is_nowhere(language: str) -> None:
    hidden = replace(ENTRY, prompt=None, clip=replace(CLIP, prompt=""))
    shown = card(hidden, SITE, Words(language))
    assert shown.prompt is None
    assert "5" in shown.title
    assert recipe(hidden) is None


def test_the_recipe_is_one_line_with_the_commands_own_names() -> None:
    found = recipe(replace(ENTRY, prompt="A kite\n over  the bay"))
    assert found == (
        "/video generate prompt:A kite over the bay model:veo aspect_ratio:9:16"
        " resolution:720p duration:68"
    )


def test_what_people_write_never_breaks_the_feed() -> None:
    evil = "bell \x07 tab \t esc \x1b end ]]> & <b> \ufffe"
    entry = replace(ENTRY, prompt=evil, maker_name="\x00Ada")
    body = SITE.templates.render(
        "feed.xml",
        t=Words("en"),
        absolute=SITE.absolute,
        short=short,
        own="https://clips.example/feed.atom?q=a&b=c",
        page="https://clips.example/",
        cards=[card(entry, SITE, Words("en"))],
        updated="2026-01-02T00:00:00+00:00",
    )
    feed = ET.fromstring(body)
    assert "<b>" in (feed.findtext(".//{*}entry/{*}title") or "")


def test_titles_are_cut_at_words() -> None:
    assert short("short  enough") == "short enough"
    cut = short("word " * 40)
    assert len(cut) <= 70
    assert cut.endswith("word…")
    assert len(short("長" * 200)) == 70
