"""What is said about requests that wait for a moderator, to whom, in every language."""

from dataclasses import replace
from typing import Final

import pytest

from bot.domain.moderation.question import QuestionState
from bot.domain.moderation.word_list import WordAction, WordEntry, WordMatch
from bot.i18n.translations import list_languages
from bot.ui.questions import (
    QuestionCards,
    build_waiting_view,
    describe_answer,
    describe_asked,
    describe_end,
    describe_own_answer,
    is_cut,
)
from tests.unit.words.examples import ORIGIN
from tests.unit.words.test_components import LONGEST, Titles, a_question, build_body

CARDS: Final = QuestionCards(Titles())
ENDS: Final = [state for state in QuestionState if not state.is_open]


@pytest.mark.parametrize("language", list_languages())
def test_what_others_read_has_neither_the_word_nor_the_prompt(language: str) -> None:
    waiting = str(build_body(build_waiting_view(a_question(language))))
    texts = [describe_end(a_question(language, state=state), language) for state in ENDS[1:]]
    for text in (waiting, *texts):
        assert "gore" not in text
        assert "g0re" not in text
        assert f"<@{ORIGIN.user_id}>" in text


@pytest.mark.parametrize("language", list_languages())
def test_moderators_and_the_member_alone_read_the_word(language: str) -> None:
    question = a_question(language)
    match = WordMatch(WordEntry("gore", WordAction.ASK), by_operator=False)
    assert "gore" in describe_asked(question, match, language)
    shown = str(build_body(CARDS.build_question(question, [])))
    assert "gore" in shown
    assert "||a g0re fox||" in shown
    for state in QuestionState:
        if state is not QuestionState.WAITING:
            assert "g0re" not in describe_answer(replace(question, state=state), language)
    allowed, refused, failed = (
        describe_own_answer(replace(question, state=state), language)
        for state in (QuestionState.STARTED, QuestionState.REFUSED, QuestionState.FAILED)
    )
    assert len({allowed, refused, failed}) == 3
    assert "Because." in failed


def test_a_prompt_cannot_end_its_spoiler() -> None:
    shown = build_body(CARDS.build_question(a_question(prompt="a || b @everyone"), []))[
        "components"
    ]
    assert r"a \|\| b" in shown[0]["components"][0]["content"]
    assert str(shown).count("'content'") == 2
    assert "@everyone" not in str(shown)


def test_a_prompt_that_is_too_long_is_in_a_file() -> None:
    assert is_cut(a_question(prompt=LONGEST))
    assert not is_cut(a_question())
