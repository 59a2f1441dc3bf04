"""Text typed by users has no effect wherever it is shown."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from discord import ui

from bot.domain.clips.clip import Clip
from bot.domain.clips.history_query import HistoryFilter, HistoryPage
from bot.domain.clips.lineage import build_lineage
from bot.domain.jobs.job import JobState, Outcome
from bot.domain.jobs.presets import CameraPreset, StylePreset, append_presets, split_presets
from bot.domain.jobs.progress import JobProgress
from bot.domain.jobs.request import GoogleRoute
from bot.domain.showcase.gallery import GalleryEntry
from bot.domain.showcase.post import (
    CreatorPreferences,
    ShowcasePost,
    ShowcaseSettings,
    WeeklyDigest,
)
from bot.domain.showcase.server_page import PageField
from bot.i18n.formatting import format_excerpt, format_prompt, sanitize_text, split_text
from bot.ui.clip_card import ClipCards
from bot.ui.error_messages import describe_outcome
from bot.ui.job_details import format_job_details
from bot.ui.lineage import format_lineage
from bot.ui.server_page import format_saved_page
from bot.ui.showcase_card import (
    ShowcaseCards,
    format_entry,
    format_own_entries,
    format_ranking,
)
from bot.ui.text_lists import format_history, format_running_jobs
from tests.unit.cards.test_cards import Titles, texts
from tests.unit.words.examples import NOW, a_clip, a_job, a_plan, enclosed
from tests.unit.words.test_components import a_question

TYPED = [
    "@everyone",
    "@here",
    "<@1>",
    "<@!123456789012345678>",
    "<@&1>",
    "<#1>",
    "</x:1>",
    "</video generate:1>",
    "<t:1>",
    "<t:-99:R>",
    "<t:99999999999999999:F>",
    "<id:customize>",
    "<:e:1>",
    "<a:blob:423456789012345678>",
    "<https://evil.example>",
    "[x](http://evil.example)",
    "[**b** <@1>](http://evil.example) (and more)",
    "[x]\\(http://evil.example)",
    "\\[x](http://evil.example)",
    "\\\\[x](http://evil.example)",
    "# heading",
    "### heading",
    "   # heading",
    "-# small",
    "> quote",
    ">>> quote",
    "* item",
    "- item",
    "+ item",
    "1. item",
    "```py\ncode\n```",
    "`code`",
    "||spoiler||",
    "__u__ **b** *i* ~~s~~ _i_",
    "<<@1>@1>",
    "<@<#1>1>",
    "{member} {0} %s",
    "join https://discord.gg/abcdef now",
    "join discord.gg/abcdef",
    "Discord.com/invite/abc, discordapp.com/invite/abc, discord.gift/abc",
    "HTTP://evil.example",
    "https:a:////evil.example",
    "steam://run/1",
]
_ESCAPED = re.compile(r"\\[^a-zA-Z0-9\s]")
_ACTS = {
    "mass mention": re.compile(r"@(everyone|here)"),
    "mention": re.compile(r"<(@[!&]?|#)\d+>"),
    "command": re.compile(r"</[^>]+:\d+>"),
    "time": re.compile(r"<t:-?\d+(:\w)?>"),
    "place": re.compile(r"<id:\w+>"),
    "emoji": re.compile(r"<a?:\w+:\d+>"),
    "hidden link": re.compile(r"<https?:"),
    "link": re.compile(r"\w://", re.IGNORECASE),
    "invite": re.compile(r"discord(app)?\.(gg|gift|com/invite)/", re.IGNORECASE),
    "masked link": re.compile(r"\[[^\]]*\]\("),
    "markup": re.compile(r"[*_~|`]"),
    "block": re.compile(r"^\s*(#{1,6}|-#|>|>>>|[-+]|\d+\.)\s", re.MULTILINE),
}


def acting(text: str) -> list[str]:
    """Return the kinds of markup in ``text`` that Discord would act on."""
    bare = _ESCAPED.sub("x", text)
    return [name for name, pattern in _ACTS.items() if pattern.search(bare)]


@pytest.mark.parametrize("typed", TYPED)
def test_markup_check_detects_active_text(typed: str) -> None:
    harmless = {
        "{member} {0} %s",
        "<<@1>@1>",
        "<@<#1>1>",
    }
    assert acting(typed) or typed in harmless or typed.startswith("\\["), typed


@pytest.mark.parametrize(
    "formatter", [sanitize_text, format_excerpt, format_prompt, lambda text: split_text(text)[0]]
)
def test_escaped_text_is_inert(formatter: Callable[[str], str]) -> None:
    """Neither markup nor mentions nor links act. [discord-D14]"""
    for typed in TYPED:
        assert acting(formatter(typed)) == [], typed
        assert acting(formatter(f"a fox\n{typed}\n\n{typed} {typed}")) == [], typed


def test_mentions_and_times_become_words() -> None:
    assert sanitize_text("<@1> in <#2>, </video get:3> at <t:0:f> <:fox:4>") == (
        "@member in #channel, /video get at 1970-01-01 00:00 UTC :fox:"
    )


def test_a_long_text_is_split_into_inert_parts_without_loss() -> None:
    text = "a # b ||c|| *d* [e](http://f) <@12345> " * 300
    parts = split_text(text, 1000)
    assert len(parts) > 10
    assert all(len(part) <= 1000 for part in parts)
    assert [acting(part) for part in parts] == [[] for _ in parts]
    assert re.sub(r"\W|_", "", "".join(parts).replace("@member", "12345")) == re.sub(
        r"\W|_", "", text
    )


def test_a_text_of_escapes_only_is_split() -> None:
    assert all(len(part) <= 1000 for part in split_text("*" * 4000, 1000))


# -- in every place

BEGIN, END = "QQ", "ZZ"
LABELS = Titles()


def _clip(typed: str) -> Clip:
    return a_clip(prompt=typed)


def _entry(typed: str) -> GalleryEntry:
    return GalleryEntry(
        clip=_clip(typed),
        guild_id=10,
        guild_name="Cinema",
        creator_name="Cem",
        prompt=typed,
        votes=3,
        showcased_at=NOW,
        message_id=50,
        channel_id=60,
        hidden=False,
        locked=False,
    )


def _showcase_post(typed: str) -> ShowcasePost:
    return ShowcasePost(1, _entry(typed), True, False, True, None, 0, 0, NOW, 30, "en-US")


def _digest(typed: str) -> WeeklyDigest:
    entry = _entry(typed)
    return WeeklyDigest(1, ShowcaseSettings(10), NOW, NOW - timedelta(days=7), (entry, entry), 60)


PLACES: dict[str, Callable[[str], str | ui.LayoutView]] = {
    "card": lambda typed: ClipCards(model_info=LABELS).build_clip_card(
        a_job(plan=a_plan(prompt=typed)), [enclosed()], NOW
    ),
    "status": lambda typed: ClipCards(model_info=LABELS).build_status_card(
        JobProgress(a_job(plan=a_plan(prompt=typed), state=JobState.POLLING))
    ),
    "direct notice": lambda typed: ClipCards(model_info=LABELS).build_direct_notice(
        a_job(plan=a_plan(prompt=typed), outcome=Outcome.DELIVERED), [_clip(typed)]
    ),
    "outcome": lambda typed: ClipCards(model_info=LABELS).build_outcome_card(
        a_job(plan=a_plan(prompt=typed), outcome=Outcome.BLOCKED)
    ),
    "google's reason": lambda typed: describe_outcome(a_job(outcome=Outcome.BLOCKED, detail=typed)),
    "history": lambda typed: format_history(HistoryPage((_clip(typed),)), LABELS, "en-US"),
    "search text": lambda typed: format_history(
        HistoryPage((_clip("x"),), HistoryFilter(search_text=typed)), LABELS, "en-US"
    ),
    "chain": lambda typed: format_lineage(build_lineage([_clip(typed)], 12), _clip(typed), "en-US"),
    "jobs": lambda typed: format_running_jobs([a_job(plan=a_plan(prompt=typed))], (), "en-US"),
    "waiting requests": lambda typed: format_running_jobs((), [a_question(prompt=typed)], "en-US"),
    "details": lambda typed: "\n".join(
        format_job_details(a_job(plan=a_plan(prompt=typed)), [], LABELS, "en-US", now=NOW)
    ),
    "negative prompt": lambda typed: "\n".join(
        format_job_details(a_job(plan=a_plan(negative_prompt=typed)), [], LABELS, "en-US", now=NOW)
    ),
    "negative prompt as a sentence": lambda typed: "\n".join(
        format_job_details(
            a_job(plan=a_plan(route=GoogleRoute.OMNI, negative_prompt=typed)),
            [],
            LABELS,
            "en-US",
            now=NOW,
        )
    ),
    "showcase post": lambda typed: ShowcaseCards(model_info=LABELS).build_post_card(
        _showcase_post(typed), file_name=None
    ),
    "digest": lambda typed: ShowcaseCards(model_info=LABELS).build_digest_card(_digest(typed)),
    "showcase line": lambda typed: format_entry(_entry(typed), "en-US"),
    "ranking": lambda typed: format_ranking([_entry(typed)], "**Top**", "en-US"),
    "server page": lambda typed: format_saved_page(
        {PageField.ACCENT: typed}, [PageField.ACCENT], "en-US", is_public=False, address=None
    ),
    "own": lambda typed: format_own_entries([_entry(typed)], CreatorPreferences(10, 30), "en-US"),
}


@pytest.mark.parametrize("place", PLACES)
async def test_user_text_is_inert_everywhere(place: str) -> None:
    for typed in TYPED:
        shown = PLACES[place](f"{BEGIN}\n{typed}\n{typed[:30]} {END}")
        text = texts(shown) if isinstance(shown, ui.LayoutView) else shown
        excerpts = re.findall(rf"{BEGIN}.*?(?={END}|…|”)", text, re.DOTALL)
        assert excerpts, text
        assert [acting(excerpt) for excerpt in excerpts] == [[] for _ in excerpts], typed


@pytest.mark.parametrize("place", ["card", "status", "showcase post"])
async def test_presets_are_shown_under_a_long_prompt(place: str) -> None:
    typed = f"{'a long tale ' * 60}."
    prompt = append_presets(typed, StylePreset.NOIR, CameraPreset.DOLLY_IN)
    added = split_presets(prompt)[1].strip()
    assert added
    view = PLACES[place](prompt)
    assert isinstance(view, ui.LayoutView)
    assert f"… {added}" in texts(view)
