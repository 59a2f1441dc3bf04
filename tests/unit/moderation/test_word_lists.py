"""A word list finds its entries however they are written, and nothing in innocent texts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import WordEntryRefused, WordsRefused
from bot.domain.jobs.request import VideoRequest
from bot.domain.moderation.text_folding import INNER_EDGE, WORD_EDGE, fold_entry, fold_text
from bot.domain.moderation.word_list import (
    MAX_ENTRY_LENGTH,
    MAX_OPERATOR_ENTRIES,
    WordAction,
    WordEntry,
    WordList,
    WordRules,
    parse_entries,
    parse_entry,
    read_operator_list,
)
from bot.domain.moderation.word_matcher import WordMatcher
from tests.unit.moderation.word_tables import ENTRIES, EVASIONS, INNOCENT

WHOLE_LIST = WordList(parse_entry(entry) for entry in ENTRIES)
WORDS = st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=12)
INVISIBLE = st.sampled_from("\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\ufe0f")


def finds(entry: str, text: str) -> bool:
    return WordList([parse_entry(entry)]).find_entry(fold_text(text)) is not None


@pytest.mark.parametrize(("entry", "text"), EVASIONS)
def test_an_entry_is_found_however_it_is_written(entry: str, text: str) -> None:
    assert entry in ENTRIES
    assert finds(entry, text)
    assert WHOLE_LIST.find_entry(fold_text(f"a red fox. {text} at dawn")) is not None


@pytest.mark.parametrize("text", INNOCENT)
def test_nothing_is_found_in_an_innocent_text(text: str) -> None:
    found = WHOLE_LIST.find_entry(fold_text(text))
    assert found is None


def test_the_tables_are_long_enough() -> None:
    assert len(set(EVASIONS)) >= 150
    assert len(set(INNOCENT)) >= 150


@pytest.mark.parametrize(
    ("entry", "found", "passed"),
    [
        ("cat", ("cat", "a cat!", "black-cat"), ("cats", "tomcat", "concat")),
        ("cat*", ("cat", "cats", "category"), ("tomcat",)),
        ("*cat", ("cat", "tomcat"), ("cats",)),
        ("*cat*", ("cat", "concatenate"), ("act",)),
        ("c*t", ("ct", "cat", "cut", "carpet"), ("cats", "c t", "ca to")),
        ("big * cat", ("big black cat", "big, fat cat"), ("big cat", "big very fat cat")),
        ("big cat", ("big cat", "BIG-CAT"), ("big", "cat big", "big catfish")),
    ],
)
def test_a_star_stands_for_any_letters_of_a_word(
    entry: str, found: tuple[str, ...], passed: tuple[str, ...]
) -> None:
    assert [text for text in found if not finds(entry, text)] == []
    assert [text for text in passed if finds(entry, text)] == []


@given(word=WORDS, before=st.text(max_size=30), after=st.text(max_size=30))
def test_a_word_is_found_in_any_text(word: str, before: str, after: str) -> None:
    assert finds(word, f"{before} {word} {after}")
    assert finds(word, f"{before}\n{word.upper()}, {after}")


@given(word=WORDS, data=st.data())
def test_invisible_characters_hide_nothing(word: str, data: st.DataObject) -> None:
    hidden = "".join(letter + data.draw(INVISIBLE) for letter in word)
    assert finds(word, hidden)


@given(text=st.text(max_size=300))
def test_readings_of_any_text_are_words_between_single_edges(text: str) -> None:
    readings = fold_text(text)
    assert 1 <= len(readings) <= 3
    for reading in readings:
        assert reading.startswith(WORD_EDGE)
        assert reading.endswith(WORD_EDGE)
        assert WORD_EDGE * 2 not in reading.replace(INNER_EDGE, "") or not reading.strip()
    WHOLE_LIST.find_entry(readings)


@given(
    entries=st.lists(st.text("ab*", min_size=1, max_size=5), min_size=1, max_size=6),
    text=st.text("ab ", max_size=30),
)
def test_the_matcher_agrees_with_regular_expressions(entries: list[str], text: str) -> None:
    usable = [entry for entry in entries if entry.strip("*")]
    reading = fold_text(text)[0]
    found = WordMatcher([fold_entry(entry) for entry in usable]).find_first(reading)
    expected = next(
        (number for number, entry in enumerate(usable) if _as_pattern(entry).search(reading)), None
    )
    assert found == expected


def _as_pattern(entry: str) -> re.Pattern[str]:
    """Return the entry as a regular expression, slow for many stars but plain to read."""
    start = "" if entry.startswith("*") else "(?<=[ ])"
    end = "" if entry.endswith("*") else "(?=[ ])"
    inner = re.sub(r"\*+", "[ab]*", entry.strip("*"))
    return re.compile(f"{start}{inner}{end}")


def test_a_long_text_has_the_entry_at_its_end() -> None:
    many = [WordEntry(f"entry{number}") for number in range(1000)]
    entry = WordList(many).find_entry(fold_text("a red fox " * 400 + "entry999"))
    assert entry == many[-1]


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "too_short"),
        ("  ", "too_short"),
        ("a", "too_short"),
        ("*", "too_short"),
        ("*a*", "too_short"),
        ("!!!", "too_short"),
        ("性*", "too_short"),
        ("x" * (MAX_ENTRY_LENGTH + 1), "too_long"),
    ],
)
def test_an_entry_that_would_fit_everything_is_refused(typed: str, reason: str) -> None:
    with pytest.raises(WordEntryRefused) as refused:
        parse_entry(typed)
    assert refused.value.reason == reason


def test_entries_are_typed_with_commas_or_lines() -> None:
    texts = [entry.text for entry in parse_entries("Gore, NAKED  ape\n色情，裸体、ばか; gore,")]
    assert texts == ["gore", "naked ape", "色情", "裸体", "ばか"]


def test_the_operators_file_has_comments_and_words_to_log_or_to_ask_about() -> None:
    entries = read_operator_list("# ours\n\ngore\nlog: cocktail*\nLOG:gin\nask: rum\n")
    assert entries == (
        WordEntry("gore"),
        WordEntry("cocktail*", WordAction.LOG),
        WordEntry("gin", WordAction.LOG),
        WordEntry("rum", WordAction.ASK),
    )


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("gore\nx\n", "line 2"),
        ("y" * 61, "line 1"),
        ("\n".join(f"word{number}" for number in range(MAX_OPERATOR_ENTRIES + 1)), "2001"),
    ],
)
def test_a_fault_in_the_operators_file_is_named(content: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_operator_list(content)


def test_the_strictest_entry_counts() -> None:
    gin, gore = WordEntry("gin", WordAction.LOG), WordEntry("gore")
    rum = WordEntry("rum", WordAction.ASK)
    word_list = WordList([gin, rum, gore])
    assert word_list.find_entry(fold_text("gin and rum and gore")) == gore
    assert word_list.find_entry(fold_text("gin and rum")) == rum
    assert word_list.find_entry(fold_text("gin and tonic")) == gin


@pytest.mark.parametrize("by_operator", [False, True])
def test_prompt_and_negative_prompt_are_looked_at(by_operator: bool) -> None:
    words = WordList([WordEntry("gore")])
    rules = WordRules(words, WordList()) if by_operator else WordRules(None, words)
    for request in (VideoRequest("GORE"), VideoRequest("a fox", negative_prompt="no g0re")):
        with pytest.raises(WordsRefused) as refused:
            rules.require_allowed(request)
        assert refused.value.by_operator is by_operator
        assert refused.value.entry == "gore"
        assert "gore" not in str(refused.value).lower()
    rules.require_allowed(VideoRequest("a gorgeous fox", negative_prompt="category"))


def test_a_word_to_log_is_not_refused() -> None:
    rules = WordRules(server_list=WordList([WordEntry("gin", WordAction.LOG)]))
    request = VideoRequest("a glass of gin")
    rules.require_allowed(request)
    [match] = rules.find_matches(request)
    assert (match.entry.text, match.by_operator) == ("gin", False)


@pytest.mark.parametrize("by_operator", [False, True])
def test_a_word_to_ask_about_is_refused_where_nobody_can_be_asked(by_operator: bool) -> None:
    words = WordList([WordEntry("gin", WordAction.ASK), WordEntry("gore")])
    rules = WordRules(words) if by_operator else WordRules(server_list=words)
    request = VideoRequest("a glass of g1n")
    with pytest.raises(WordsRefused):
        rules.require_allowed(request)
    rules.require_allowed(request, can_ask=True)
    question = rules.find_question(request)
    assert question is not None
    assert (question.entry.text, question.by_operator) == ("gin", by_operator)
    assert rules.find_question(VideoRequest("a glass of rum")) is None
    with pytest.raises(WordsRefused):
        rules.require_allowed(VideoRequest("gin and gore"), can_ask=True)
