"""Every part of a word is the beginning of an ending that the index has."""

from hypothesis import given
from hypothesis import strategies as st

from bot.store.showcase.search_text import normalize_search_text
from bot.store.showcase.search_words import (
    PIECE_LENGTH,
    STEP,
    list_suffixes,
    split_into_pieces,
)

_WORDS = st.text("abcdefé狐雪の_%", min_size=1, max_size=70)


@given(st.lists(_WORDS, min_size=1, max_size=4), st.data())
def test_any_part_of_a_word_is_found(words: list[str], data: st.DataObject) -> None:
    text = normalize_search_text(" ".join(words))
    word = data.draw(st.sampled_from(text.split()))
    start = data.draw(st.integers(0, len(word) - 1))
    part = word[start : data.draw(st.integers(start + 1, len(word)))]
    suffixes = {suffix for piece in split_into_pieces(text) for suffix in list_suffixes(piece)}
    assert any(suffix.startswith(part[:STEP]) for suffix in suffixes)


@given(_WORDS)
def test_pieces_and_endings_have_a_longest_length(word: str) -> None:
    pieces = split_into_pieces(word)
    assert all(len(piece) <= PIECE_LENGTH and piece in word for piece in pieces)
    assert all(len(suffix) <= STEP for piece in pieces for suffix in list_suffixes(piece))


def test_a_short_word_is_one_piece() -> None:
    assert split_into_pieces("a fox, in the snow") == {"a", "fox,", "in", "the", "snow"}
    assert list_suffixes("fox,") == {"fox,", "ox,", "x,", ","}
    assert split_into_pieces("") == set()
