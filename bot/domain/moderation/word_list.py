"""Word lists: what servers and the operator do not want in prompts, and what is done about it."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.domain.errors import WordEntryRefused, WordsRefused
from bot.domain.jobs.request import VideoRequest
from bot.domain.moderation.text_folding import (
    ANY_LETTERS,
    INNER_EDGE,
    WORD_EDGE,
    fold_entry,
    fold_text,
    is_without_spaces,
)
from bot.domain.moderation.word_matcher import WordMatcher

MAX_ENTRIES: Final = 1000
"""Entries in the list of one server."""
MAX_OPERATOR_ENTRIES: Final = 2000
MAX_ENTRY_LENGTH: Final = 60
_PREFIX_MARK: Final = ":"
_SEPARATORS: Final = (",", "，", "、", ";", "；")


class WordAction(StrEnum):
    """What is done about a request with a word of a list, the strictest first."""

    REFUSE = "refuse"
    ASK = "ask"
    """A moderator decides first. Where nobody can be asked, the request is refused."""
    LOG = "log"
    """The request is accepted, and the audit log says who used which entry where."""

    @property
    def prefix(self) -> str:
        """What stands before an entry in a file; nothing before those to refuse."""
        return "" if self is WordAction.REFUSE else f"{self}{_PREFIX_MARK}"


_MARKED_ACTIONS: Final = tuple(action for action in WordAction if action.prefix)


@dataclass(frozen=True, slots=True)
class WordEntry:
    """A word or phrase of a list. A ``*`` in ``text`` stands for any letters of a word."""

    text: str
    action: WordAction = WordAction.REFUSE


@dataclass(frozen=True, slots=True)
class WordListChange:
    """How many entries an admin's change added or removed, and how many the list has now."""

    changed: int
    total: int


def parse_entry(typed: str, action: WordAction = WordAction.REFUSE) -> WordEntry:
    """Return the entry for what an admin typed. Raises `WordEntryRefused`.

    An entry needs two letters, or one Chinese character, so that it does not fit almost any text.
    """
    text = " ".join(unicodedata.normalize("NFC", typed).lower().split())
    if len(text) > MAX_ENTRY_LENGTH:
        raise WordEntryRefused("too_long", entry=text, most=MAX_ENTRY_LENGTH)
    letters = [
        letter
        for letter in fold_entry(text)[0]
        if letter not in (WORD_EDGE, INNER_EDGE, ANY_LETTERS)
    ]
    is_short = len(letters) < (1 if any(map(is_without_spaces, letters)) else 2)
    if is_short or (len(letters) < 2 and "*" in text):
        raise WordEntryRefused("too_short", entry=text)
    return WordEntry(text, action)


def parse_entries(typed: str, action: WordAction = WordAction.REFUSE) -> tuple[WordEntry, ...]:
    """Return the entries of a list that an admin typed, separated by commas or lines.

    Raises `WordEntryRefused` for the first that cannot be used, and if there is none.
    """
    entries, refusals = split_entries(typed, action)
    if refusals:
        raise refusals[0]
    if not entries:
        raise WordEntryRefused("too_short", entry="")
    return entries


def split_entries(
    typed: str, action: WordAction = WordAction.REFUSE
) -> tuple[tuple[WordEntry, ...], tuple[WordEntryRefused, ...]]:
    """Return the entries that an admin typed, and why the others cannot be entries."""
    for separator in _SEPARATORS:
        typed = typed.replace(separator, "\n")
    entries: dict[WordEntry, None] = {}
    refusals = []
    for line in typed.splitlines():
        if line.strip():
            try:
                entries[parse_entry(line, action)] = None
            except WordEntryRefused as error:
                refusals.append(error)
    return tuple(entries), tuple(refusals)


def read_operator_list(content: str) -> tuple[WordEntry, ...]:
    """Return the entries of the operator's file, one a line.

    "ask:" stands before those for which a moderator is asked, and "log:" before those to log. Empty
    lines and those that begin with "#" do not count. Raises `ValueError` with the line.
    """
    entries: dict[str, WordEntry] = {}
    for number, line in enumerate(content.splitlines(), start=1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        action = next(
            (each for each in _MARKED_ACTIONS if words.lower().startswith(each.prefix)),
            WordAction.REFUSE,
        )
        try:
            entry = parse_entry(words[len(action.prefix) :], action)
        except WordEntryRefused as error:
            reason = error.reason.replace("_", " ")
            raise ValueError(f"line {number} is {reason} for an entry") from error
        entries[entry.text] = entry
    if len(entries) > MAX_OPERATOR_ENTRIES:
        raise ValueError(f"it has {len(entries)} entries, and {MAX_OPERATOR_ENTRIES} are possible")
    return tuple(entries.values())


class WordList:
    """The entries of one list, ready to be looked for."""

    def __init__(self, entries: Iterable[WordEntry] = ()) -> None:
        self.entries = tuple(entries)
        actions = [*WordAction]
        strictest_first = sorted(self.entries, key=lambda entry: actions.index(entry.action))
        self._matcher = WordMatcher([fold_entry(entry.text) for entry in strictest_first])
        self._strictest_first = strictest_first

    def find_entry(self, readings: Sequence[str]) -> WordEntry | None:
        """Return the strictest entry that is in any of the ``readings`` of a text, or `None`."""
        indexes = (self._matcher.find_first(reading) for reading in readings)
        found = min((index for index in indexes if index is not None), default=None)
        return None if found is None else self._strictest_first[found]


@dataclass(frozen=True, slots=True)
class WordMatch:
    """An entry that is in a request, and whether the operator's list or the server's has it."""

    entry: WordEntry
    by_operator: bool


@dataclass(frozen=True, slots=True)
class WordRules:
    """The lists that apply to a request: the operator's and the server's."""

    operator_list: WordList | None = None
    server_list: WordList | None = None

    def find_matches(self, request: VideoRequest) -> list[WordMatch]:
        """Return the strictest entry of each list that is in a text of ``request``."""
        lists = [
            (word_list, by_operator)
            for word_list, by_operator in ((self.operator_list, True), (self.server_list, False))
            if word_list is not None and word_list.entries
        ]
        if not lists:
            return []
        texts = [text for text in (request.prompt, request.negative_prompt) if text]
        readings = [reading for text in texts for reading in fold_text(text)]
        found = [(word_list.find_entry(readings), by_operator) for word_list, by_operator in lists]
        return [WordMatch(entry, by_operator) for entry, by_operator in found if entry is not None]

    def require_allowed(self, request: VideoRequest, *, can_ask: bool = False) -> None:
        """Raise `WordsRefused` if a text of ``request`` has words that a list refuses.

        Unless a moderator can be asked (``can_ask``), so are those for which one should be.
        """
        refused = {WordAction.REFUSE} if can_ask else {WordAction.REFUSE, WordAction.ASK}
        for match in self.find_matches(request):
            if match.entry.action in refused:
                raise WordsRefused(match.entry.text, by_operator=match.by_operator, request=request)

    def find_question(self, request: VideoRequest) -> WordMatch | None:
        """Return the entry for which a moderator has to be asked, the operator's first."""
        matches = self.find_matches(request)
        return next((match for match in matches if match.entry.action is WordAction.ASK), None)


NO_WORD_RULES: Final = WordRules()
