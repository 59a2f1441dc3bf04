"""Real replies are classified correctly, and none spends what it did not ask for.

The files in ``real`` have a language each. ``[extend]`` and ``[edit]`` are done immediately,
``[ask]`` is answered with buttons that show prices, and ``[tap]`` gets only the bot's reaction. A
third of the replies was written before the rules that read them. Some are still misread.
"""

from pathlib import Path
from typing import Final

import pytest

from bot.domain.jobs.reply_forms import ReplyAim
from bot.domain.jobs.reply_intent import read_reply
from bot.ui.button_words import list_button_words

MOST_WRONG: Final = 0.02
RESULTS: Final = ("extend", "edit", "ask", "tap")


def decide(text: str) -> str:
    """Return what the bot does about a reply by itself."""
    reading = read_reply(text, list_button_words())
    if reading.may_spend:
        return "extend" if reading.aim is ReplyAim.EXTEND else "edit"
    return "ask" if reading.needs_choice else "tap"


def load_rows() -> list[tuple[str, str, str]]:
    """Return language, result and text of every reply."""
    rows = []
    for path in sorted((Path(__file__).parent / "real").glob("*.txt")):
        expected = ""
        for line in filter(None, path.read_text("utf-8").splitlines()):
            if line.startswith("["):
                expected = line.strip("[]")
            else:
                rows.append((path.stem, expected, line))
    return rows


ROWS: Final = load_rows()


@pytest.mark.parametrize("language", sorted({language for language, *_ in ROWS}))
def test_no_reply_spends_on_what_it_does_not_ask_for(language: str) -> None:
    """A comment or an unclear reply spends nothing, and no edit is taken for an extension."""
    decided = [(text, expected, decide(text)) for each, expected, text in ROWS if each == language]
    wrong = [row for row in decided if row[2] not in (row[1], "ask", "tap")]
    assert decided
    assert not wrong, "text, expected and done"


def test_nearly_all_replies_are_understood() -> None:
    wrong = [row for row in ROWS if decide(row[2]) != row[1]]
    assert len(wrong) <= MOST_WRONG * len(ROWS), wrong


def test_the_table_is_large_enough() -> None:
    """At least 200, 30 of each language, and each kind in each."""
    assert len(ROWS) >= 200
    assert len({text for _, _, text in ROWS}) == len(ROWS)
    languages = {language for language, *_ in ROWS}
    assert languages == {"en", "de", "fr", "es", "ja", "zh-CN"}
    for each in languages:
        results = [expected for language, expected, _ in ROWS if language == each]
        assert len(results) >= 30
        assert set(results) == set(RESULTS)
