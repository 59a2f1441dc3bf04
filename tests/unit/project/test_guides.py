"""docs/guide.md and docs/admin.md show each flow with the messages that the bot really sends."""

import re
import string
from pathlib import Path
from typing import Final

import pytest

from bot.i18n.catalogs import translate
from bot.i18n.translations import load_translations
from tests.unit.project.test_commands import registered

GUIDES: Final = ("guide.md", "admin.md")
_FEWEST: Final = 6
"""Letters that a text must have of its own: one that is all placeholder would fit anything."""


@pytest.fixture(scope="module")
def texts() -> list[re.Pattern[str]]:
    """Every English text, a pattern for each of its lines."""
    found = []
    messages = load_translations("en")._catalog
    for key, text in messages.items():
        for line in text.splitlines() if key else ():
            parts = list(string.Formatter().parse(line))
            if sum(len(re.findall(r"\w", literal)) for literal, *_ in parts) >= _FEWEST:
                found.append(
                    re.compile(
                        "".join(
                            re.escape(literal) + (".+?" if name is not None else "")
                            for literal, name, *_ in parts
                        )
                    )
                )
    # shown with a price and an amount around few words of its own
    return [*found, re.compile(r".+ · \*\*\$\d+\.\d\d\*\*\. Make it\?")]


def quoted(page: str) -> list[str]:
    return [line.removeprefix("> ") for line in page.splitlines() if line.startswith("> ")]


def is_said(line: str, texts: list[re.Pattern[str]]) -> bool:
    """Whether a line is one of the bot's texts, or several of them after one another."""
    rest = line.strip()
    while rest:
        ends = [found.end() for text in texts if (found := text.fullmatch(rest))]
        if ends:
            return True
        # the longest beginning that is a text and ends with a sentence
        for stop in sorted((m.end() for m in re.finditer(r"[.?!]\s", rest)), reverse=True):
            if any(text.fullmatch(rest[:stop].strip()) for text in texts):
                rest = rest[stop:].strip()
                break
        else:
            return False
    return True


@pytest.mark.parametrize("name", GUIDES)
def test_what_a_guide_quotes_is_what_the_bot_says(
    root: Path, name: str, texts: list[re.Pattern[str]]
) -> None:
    lines = quoted((root / "docs" / name).read_text("utf-8"))
    assert len(lines) > 7
    assert [line for line in lines if not is_said(line, texts)] == []


def test_unknown_quotes_are_detected(texts: list[re.Pattern[str]]) -> None:
    assert not is_said("Your video has been queued successfully!", texts)
    assert is_said(translate("reply.ping_hint"), texts)


def test_the_guides_explain_every_command(root: Path) -> None:
    pages = {name: (root / "docs" / name).read_text("utf-8") for name in GUIDES}
    missing = {
        name
        for name in registered()
        if f"`/{name}`" not in pages["admin.md" if name.startswith("server ") else "guide.md"]
    }
    assert missing == set()


def test_the_guide_explains_every_quoted_failure_in_the_bots_words(
    root: Path, texts: list[re.Pattern[str]]
) -> None:
    page = (root / "docs" / "guide.md").read_text("utf-8")
    table = page.partition("| it says |")[2].partition("\n\n")[0]
    said = re.findall(r"^\| \"(.+?)\" \|", table, re.MULTILINE)
    english = "\n".join(str(text) for key, text in load_translations("en")._catalog.items() if key)
    assert len(said) > 4
    for words in said:
        beginning = words.split("…")[0].split("**")[0].strip()
        assert beginning in english, words
