"""What people type is shown as they typed it, and does nothing: in every place it is shown."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from discord import ui

from bot.domain.clips.clip import Clip
from bot.domain.clips.history_query import Page, Wanted
from bot.domain.clips.lineage import rows
from bot.domain.jobs.job import JobState, Outcome
from bot.domain.ports import Progress
from bot.domain.showcase.gallery import Entry
from bot.domain.showcase.post import Act, Digest, Exhibit, House, Maker, Record
from bot.i18n.formatting import excerpt, pieces, readable, shown
from bot.ui.clip_card import Cards
from bot.ui.error_messages import outcome_text
from bot.ui.lineage import tree
from bot.ui.showcase_card import ExhibitCards, line, log_page, own, ranking
from bot.ui.text_lists import details, history, running
from tests.unit.cards.test_cards import Titles, texts
from tests.unit.words.examples import NOW, a_clip, a_job, a_plan, enclosed

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
    "masked link": re.compile(r"\[[^\]]*\]\("),
    "markup": re.compile(r"[*_~|`]"),
    "block": re.compile(r"^\s*(#{1,6}|-#|>|>>>|[-+]|\d+\.)\s", re.MULTILINE),
}


def acting(text: str) -> list[str]:
    """Return what of ``text`` Discord would not show as plain text."""
    bare = _ESCAPED.sub("x", text)
    return [name for name, pattern in _ACTS.items() if pattern.search(bare)]


@pytest.mark.parametrize("typed", TYPED)
def test_the_check_itself_sees_what_acts(typed: str) -> None:
    harmless = {
        "{member} {0} %s",
        "<https://evil.example>",
        "<<@1>@1>",
        "<@<#1>1>",
        "[x]\\(http://evil.example)",
    }
    assert acting(typed) or typed in harmless or typed.startswith("\\["), typed


@pytest.mark.parametrize("typed", TYPED)
@pytest.mark.parametrize("way", [readable, excerpt, shown, lambda text: pieces(text)[0]])
def test_nothing_acts_once_it_is_readable(typed: str, way: Callable[[str], str]) -> None:
    assert acting(way(typed)) == []
    assert acting(way(f"a fox\n{typed}\n\n{typed} {typed}")) == []


def test_mentions_and_times_become_words() -> None:
    assert readable("<@1> in <#2>, </video get:3> at <t:0:f> <:fox:4>") == (
        "@member in #channel, /video get at 1970-01-01 00:00 UTC :fox:"
    )


def test_a_long_text_is_cut_so_that_no_part_acts_and_none_is_lost() -> None:
    text = "a # b ||c|| *d* [e](http://f) <@12345> " * 300
    found = pieces(text, 1000)
    assert len(found) > 10
    assert all(len(each) <= 1000 for each in found)
    assert [acting(each) for each in found] == [[] for _ in found]
    assert re.sub(r"\W|_", "", "".join(found).replace("@member", "12345")) == re.sub(
        r"\W|_", "", text
    )


def test_a_text_that_only_escapes_is_cut_too() -> None:
    assert all(len(each) <= 1000 for each in pieces("*" * 4000, 1000))


# -- in every place

BEGIN, END = "QQ", "ZZ"
LABELS = Titles()


def _clip(typed: str) -> Clip:
    return a_clip(prompt=typed)


def _entry(typed: str) -> Entry:
    return Entry(
        clip=_clip(typed),
        guild_id=10,
        guild_name="Cinema",
        maker_name="Cem",
        prompt=typed,
        votes=3,
        showcased_at=NOW,
        message_id=50,
        channel_id=60,
        hidden=False,
        locked=False,
    )


def _exhibit(typed: str) -> Exhibit:
    return Exhibit(1, _entry(typed), True, False, True, None, 0, 0, NOW, 30, "en-US")


def _digest(typed: str) -> Digest:
    entry = _entry(typed)
    return Digest(1, House(10), NOW, NOW - timedelta(days=7), (entry, entry), 60)


PLACES: dict[str, Callable[[str], str | ui.LayoutView]] = {
    "card": lambda typed: Cards(abilities=LABELS).clip(
        a_job(plan=a_plan(prompt=typed)), [enclosed()], NOW
    ),
    "status": lambda typed: Cards(abilities=LABELS).status(
        Progress(a_job(plan=a_plan(prompt=typed), state=JobState.POLLING))
    ),
    "what remains of a status": lambda typed: Cards(abilities=LABELS).closing(
        a_job(plan=a_plan(prompt=typed))
    ),
    "outcome": lambda typed: Cards(abilities=LABELS).outcome(
        a_job(plan=a_plan(prompt=typed), outcome=Outcome.BLOCKED)
    ),
    "google's reason": lambda typed: outcome_text(a_job(outcome=Outcome.BLOCKED, detail=typed)),
    "history": lambda typed: history(Page((_clip(typed),)), LABELS, "en-US"),
    "words looked for": lambda typed: history(
        Page((_clip("x"),), Wanted(words=typed)), LABELS, "en-US"
    ),
    "chain": lambda typed: tree(rows([_clip(typed)], 12), _clip(typed), "en-US"),
    "jobs": lambda typed: running([a_job(plan=a_plan(prompt=typed))], "en-US"),
    "details": lambda typed: "\n".join(
        details(a_job(plan=a_plan(prompt=typed)), [], LABELS, "en-US")
    ),
    "negative prompt": lambda typed: "\n".join(
        details(a_job(plan=a_plan(negative_prompt=typed)), [], LABELS, "en-US")
    ),
    "exhibit": lambda typed: ExhibitCards(abilities=LABELS).exhibit(
        _exhibit(typed), with_file=False
    ),
    "digest": lambda typed: ExhibitCards(abilities=LABELS).digest(_digest(typed)),
    "showcase line": lambda typed: line(_entry(typed), "en-US"),
    "ranking": lambda typed: ranking([_entry(typed)], "**Top**", "en-US"),
    "own": lambda typed: own([_entry(typed)], Maker(10, 30), "en-US"),
    "log": lambda typed: log_page([Record(10, 1, Act.ARRANGE, NOW, note=typed)], "en-US"),
}


@pytest.mark.parametrize("typed", TYPED)
@pytest.mark.parametrize("place", PLACES)
async def test_nothing_typed_acts_anywhere(place: str, typed: str) -> None:
    made = PLACES[place](f"{BEGIN}\n{typed}\n{typed[:30]} {END}")
    said = texts(made) if isinstance(made, ui.LayoutView) else made
    found = re.findall(rf"{BEGIN}.*?(?={END}|…|”)", said, re.DOTALL)
    assert found, said
    assert [acting(each) for each in found] == [[] for _ in found]


@pytest.mark.parametrize("place", ["card", "status", "exhibit"])
async def test_the_words_of_presets_are_seen_under_a_long_prompt_too(place: str) -> None:
    added = "Style: film noir, black and white, hard shadows. Camera: slow dolly in."
    made = PLACES[place](f"{'a long tale ' * 60}. {added}")
    assert isinstance(made, ui.LayoutView)
    assert f"… {added}" in texts(made)
