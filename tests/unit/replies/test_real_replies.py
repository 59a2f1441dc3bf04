"""Replies as people write them: what has to become of each, and never the wrong spend."""

from typing import Final

import pytest

from bot.domain.jobs.reply_forms import ReplyAim
from bot.domain.jobs.reply_intent import read_reply
from bot.ui.button_words import list_button_words
from tests.unit.replies.real_replies import ASK, EDIT, EXTEND, REAL_REPLIES, TAP

MOST_WRONG: Final = 0.02


def decide(text: str) -> str:
    """Return what the bot does about a reply by itself."""
    reading = read_reply(text, list_button_words())
    if reading.may_spend:
        return EXTEND if reading.aim is ReplyAim.EXTEND else EDIT
    return ASK if reading.needs_choice else TAP


ROWS: Final = [
    (language, expected, text)
    for language, by_result in REAL_REPLIES.items()
    for expected, texts in by_result.items()
    for text in texts
]


@pytest.mark.parametrize(("language", "expected", "text"), ROWS)
def test_no_reply_spends_on_what_it_does_not_ask_for(
    language: str, expected: str, text: str
) -> None:
    """A comment or an unclear reply spends nothing, and no edit is taken for an extension."""
    decided = decide(text)
    assert decided in (expected, ASK, TAP), language


def test_nearly_all_replies_are_understood() -> None:
    wrong = [(text, expected, decide(text)) for _, expected, text in ROWS]
    wrong = [row for row in wrong if row[1] != row[2]]
    assert len(wrong) <= MOST_WRONG * len(ROWS), wrong


def test_the_table_is_large_enough() -> None:
    assert len(ROWS) >= 200
    assert len({text for _, _, text in ROWS}) == len(ROWS)
    assert all(sum(map(len, table.values())) >= 30 for table in REAL_REPLIES.values())
