"""Decides whether a reply in the imperative asks for an edit of the clip or for an extension.

"make it night" changes what is there, and "make him dance" says what happens next. "then make it
night" may be either. If a reply is ambiguous, its author is asked.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from bot.domain.jobs.reply_forms import ENGLISH_FORMS, LanguageForms, ReplyAim, split_words
from bot.domain.jobs.reply_forms_european import FRENCH_FORMS, GERMAN_FORMS, SPANISH_FORMS
from bot.domain.jobs.reply_forms_wide import WideForms
from bot.domain.jobs.reply_vocabulary import (
    ENGLISH,
    ENGLISH_BASE_ACTIONS,
    FRENCH,
    GERMAN,
    SPANISH,
    LanguageWords,
)

_FORMS: Final = (
    (ENGLISH, ENGLISH_FORMS),
    (GERMAN, GERMAN_FORMS),
    (FRENCH, FRENCH_FORMS),
    (SPANISH, SPANISH_FORMS),
)
_MAKE_OBJECTS: Final = split_words(
    """it him her them the his its their everything everyone everybody all both each a an some
    one two three"""
)
_STATES: Final = split_words("wear look have be seem sound")
"""After "make him", these say what he is like."""
_STATES_OR_EVENTS: Final = split_words(
    """rain snow glow shine sparkle shimmer glitter burn smile laugh hold float disappear vanish go
    grow shrink melt blink flicker light blur fade smoke sleep sit stand lie kneel flash beam dim
    darken brighten open close slow appear emerge morph transform become last loop continue end
    lower point cover rest bow swell expand inflate freeze bloom part"""
)
"""After "make it", these may say what it is like or what happens."""
_NO_VERB_AFTER: Final = split_words(
    """a an the his its their some more less of in into with like look on at for to as and very
    much super really dark bright light red blue green white black"""
)
_LENGTHS: Final = split_words("longer shorter loop endless")
_ENGLISH_ALLOWED: Final = (
    re.compile(r"^(make (?:\w+ ){1,4})looks?(?: like)?\b"),
    re.compile(r"^(turn) (?:up|down)\b"),
    re.compile(r"^()no (?!\w+ no\b)"),
    re.compile(r"\b(an? (?:\w+ ))(?:looks?|hat)\b"),
    re.compile(r"\b(an? )top (?=hat)"),
    re.compile(r"\b()the (?:lighting|ending|animation|quality|details?|season)\b"),
    re.compile(r"( )a (?:little )?(?:bit|more)$"),
    re.compile(
        r"\b(silent|old|horror|ghibli|noir|western|retro|\d0s) (?:movies?|films?|trailer)\b"
    ),
    re.compile(r"\b((?:a|an|the|some) \w+ )that (?=\w+s\b)"),
    re.compile(r"\b(the )(?:guys|dude|bro|admin|anyone)\b"),
    re.compile(r"\b(until|when|where|while) .*"),
)
_THIS_CLIP: Final = re.compile(
    r"^(make|turn|convert|transform|slow|speed|brighten|darken) (?:this|that)\b"
)
_MAX_READ_WORDS: Final = 200
"""The request is at the beginning of a reply, which may have thousands of words."""
_CLAUSE: Final = re.compile(r"\b(?:and|that|who|which|where|as|while)\b (.+)")


@dataclass(frozen=True, slots=True)
class FoundAim:
    """What a reply asks for.

    With ``is_fragment`` the reply is too short to spend money on without asking. With
    ``is_certain`` it cannot be a comment, even if its words are those of comments.
    """

    aim: ReplyAim
    is_fragment: bool = False
    is_certain: bool = False


def find_aim(words: Sequence[str], language: LanguageWords) -> FoundAim | None:
    """Return what ``words`` ask for, `None` if they do not have the form of a request."""
    forms = _find_forms(language)
    bare, is_sequence = _drop_openers(" ".join(words[:_MAX_READ_WORDS]), forms)
    bare = _THIS_CLIP.sub(r"\1 it", forms.polite_end.sub("", bare))
    if forms.idioms.search(bare) is not None:
        return None
    if forms.whole.fullmatch(bare) is not None and not is_sequence:
        return FoundAim(ReplyAim.EDIT, is_certain=True)
    aim = _read_make(bare.split()) if language is ENGLISH else None
    if aim is None:
        aim = next((aim for aim, form in forms.forms if form.fullmatch(bare)), None)
    if aim is None:
        is_fragment = forms.fragments.fullmatch(bare) is not None
        return FoundAim(ReplyAim.EDIT, is_fragment=True) if is_fragment else None
    has_sequence = is_sequence or forms.sequence.search(bare) is not None
    if aim is ReplyAim.EDIT and (has_sequence or (language is ENGLISH and _has_event(bare))):
        aim = ReplyAim.EITHER
    return FoundAim(aim)


def has_change_marker(words: Sequence[str], language: LanguageWords) -> bool:
    """Return whether a story also says that something should be different."""
    return _find_forms(language).markers.search(" ".join(words)) is not None


def drop_allowed_words(words: Sequence[str], language: LanguageWords) -> list[str]:
    """Return those ``words`` of a request that may still show that it is a comment.

    "ok", "look like an old tape" and "the guys" do not, so they are dropped.
    """
    forms = _find_forms(language)
    text, _ = _drop_openers(" ".join(words), forms)
    if language is ENGLISH:
        text = _THIS_CLIP.sub(r"\1 it", text)
        for pattern in _ENGLISH_ALLOWED:
            text = pattern.sub(r"\1", text)
    return [word for word in text.split() if word not in forms.allowed]


def find_wide_aim(letters: str, forms: WideForms) -> FoundAim | None:
    """Do the same as `find_aim` for the ``letters`` of a text without spaces."""
    text = forms.polite.sub("", letters)
    text = forms.polite_end.sub("", text) or text
    if forms.idioms.search(text) is not None:
        return None
    opener = forms.sequence.match(text)
    candidates = [text] if opener is None else [text[opener.end() :], text]
    for bare in candidates:
        aim = next((aim for aim, form in forms.forms if form.fullmatch(bare)), None)
        if aim is not None:
            has_sequence = forms.sequence.search(text) is not None
            is_open = aim is ReplyAim.EDIT and has_sequence
            return FoundAim(ReplyAim.EITHER if is_open else aim)
    if opener is None and forms.fragments.fullmatch(text) is not None:
        return FoundAim(ReplyAim.EDIT, is_fragment=True)
    return None


def drop_polite_letters(letters: str, forms: WideForms) -> str:
    return forms.polite_end.sub("", forms.polite.sub("", letters))


def _find_forms(language: LanguageWords) -> LanguageForms:
    return next(forms for known, forms in _FORMS if known is language)


def _drop_openers(text: str, forms: LanguageForms) -> tuple[str, bool]:
    """Return ``text`` after polite words and "then", and whether there was a "then"."""
    is_sequence = False
    while True:
        polite = forms.polite.match(text)
        bare = text if polite is None else text[polite.end() :]
        opener = forms.sequence.match(bare)
        if opener is not None and bare[opener.end() :].startswith(" "):
            bare, is_sequence = bare[opener.end() + 1 :], True
        if bare == text:
            return text, is_sequence
        text = bare


def _read_make(words: Sequence[str]) -> ReplyAim | None:
    """Return what an English "make …" asks for; a verb after its object says what happens."""
    if len(words) < 3 or words[0] != "make":
        return None
    if words[1] not in _MAKE_OBJECTS or words[1] in ("a", "an", "one", "some"):
        return ReplyAim.EITHER
    aim = ReplyAim.EITHER if words[1] == "it" and words[2] in _LENGTHS else ReplyAim.EDIT
    for before, word in pairwise(words[1:]):
        if word in _STATES:
            return aim
        if before in _NO_VERB_AFTER or word not in ENGLISH_BASE_ACTIONS | _STATES_OR_EVENTS:
            continue
        is_open = word in _STATES_OR_EVENTS or "and" in words[: words.index(word)]
        return ReplyAim.EITHER if is_open else ReplyAim.EXTEND
    return aim


def _has_event(text: str) -> bool:
    """Return whether a clause of an English change says what somebody does."""
    clause = _CLAUSE.search(text)
    if clause is None:
        return False
    words = clause[1].split()
    verb_positions = [
        position
        for position, word in enumerate(words)
        if (word in ENGLISH.actions and not word.endswith("ing"))
        or (word in ENGLISH_BASE_ACTIONS and position > 0 and words[position - 1].endswith("s"))
    ]
    if not verb_positions:
        return False
    is_relative = clause[0].split()[0] in ("that", "who", "which")
    return is_relative or any(
        position > 0 and words[position - 1] not in _NO_VERB_AFTER for position in verb_positions
    )
