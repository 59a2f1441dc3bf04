"""Looks for many entries in a text at once, in a time that grows only with the text's length.

All entries are one automaton, whose states are the bits of an integer: bit i is set while the first
signs of an entry up to its i-th have just been read (Shift-And, Baeza-Yates and Gonnet 1992). Each
character of a text costs a few operations on that integer, whatever the entries are. Nothing goes
back in the text, so no entry and no text can make it slow.
"""

from collections.abc import Iterable, Sequence

from bot.domain.moderation.text_folding import (
    ANY_LETTER,
    ANY_LETTERS,
    INNER_EDGE,
    WORD_EDGE,
    is_without_spaces,
)


class WordMatcher:
    """Finds entries in folded texts. An entry is the ways to write it (`fold_entry`).

    An entry without a star at an end stands for whole words there.
    """

    def __init__(self, entries: Iterable[Sequence[str]]) -> None:
        self._bits_of_sign: dict[str, int] = {}
        self._first_bits = 0
        self._last_bits = 0
        self._repeatable_bits = 0
        """Bits that stay set within a word, because a star follows."""
        self._letter_bits = 0
        self._inner_edge_bits = 0
        self._entry_of_last_position: dict[int, int] = {}
        position = 0
        for number, ways in enumerate(entries):
            for way in ways:
                position = self._add_way(way, number, position)

    def find_first(self, text: str) -> int | None:
        """Return the number of the first entry, in their order, that is in a folded ``text``."""
        first_bits, repeatable_bits = self._first_bits, self._repeatable_bits
        active = seen = 0
        for sign in text:
            reachable = (active << 1) | first_bits
            if sign == INNER_EDGE:
                active |= reachable & self._inner_edge_bits
            elif sign == WORD_EDGE:
                active = reachable & self._bits_of_sign.get(sign, 0)
            elif sign == ANY_LETTER:
                active = (reachable & self._letter_bits) | (active & repeatable_bits)
            else:
                reached = reachable & self._bits_of_sign.get(sign, 0)
                active = reached | (active & repeatable_bits)
            seen |= active
        found = seen & self._last_bits
        if found == 0:
            return None
        return self._entry_of_last_position[(found & -found).bit_length() - 1]

    def _add_way(self, way: str, number: int, position: int) -> int:
        """Add one way to write the entry ``number``; return the first free position after it."""
        own = way.replace(INNER_EDGE, "")
        letters = [sign for sign in own if sign not in (WORD_EDGE, ANY_LETTERS)]
        if not letters:
            return position
        signs = own
        if not own.startswith(ANY_LETTERS):
            signs = WORD_EDGE + signs
            self._allow_inner_edge(own[0], letters, position)
        if not own.endswith(ANY_LETTERS):
            signs += WORD_EDGE
        first_position = position
        for sign in signs:
            if sign != ANY_LETTERS:
                bit = 1 << position
                self._bits_of_sign[sign] = self._bits_of_sign.get(sign, 0) | bit
                self._letter_bits |= 0 if sign == WORD_EDGE else bit
                position += 1
            elif position > first_position:
                self._repeatable_bits |= 1 << (position - 1)
        if not own.endswith(ANY_LETTERS):
            self._allow_inner_edge(own[-1], letters, position - 1)
        self._first_bits |= 1 << first_position
        self._last_bits |= 1 << (position - 1)
        self._entry_of_last_position[position - 1] = number
        return position

    def _allow_inner_edge(self, neighbor: str, letters: Sequence[str], position: int) -> None:
        """Let an edge beside ``neighbor`` be one within a run of letters, if its script has those.

        A single character is too short for that: it is part of many words.
        """
        if len(letters) > 1 and is_without_spaces(neighbor):
            self._inner_edge_bits |= 1 << position
