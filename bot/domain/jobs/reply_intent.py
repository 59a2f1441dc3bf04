"""What a reply to a clip means: only a direction may spend money by itself.

People answer clips as they answer each other: "nice!", "what prompt was that?", "👏". A reply is a
direction only if it has the form of one in a language known here and nothing of a comment. All
else costs its author one tap, so whenever the words leave room for doubt it is not a direction.
Case, width, emoji, punctuation and invisible characters make no difference to that, except that a
question mark always counts as a question.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Final

from bot.domain.jobs.reply_vocabulary import (
    ENGLISH,
    ENGLISH_BASE_ACTIONS,
    ENGLISH_COMMAND_OBJECTS,
    ENGLISH_COPULAS,
    ENGLISH_LOOK_DIRECTIONS,
    ENGLISH_PLURAL_SUBJECTS,
    ENGLISH_WEAK_COMMANDS,
    REQUEST_WORDS,
    SPACED_LANGUAGES,
    UNIVERSAL_REMARKS,
    LanguageWords,
)
from bot.domain.jobs.reply_vocabulary_wide import (
    CHINESE_ACTIONS,
    CHINESE_DESCRIPTIONS,
    CHINESE_OPENERS,
    CHINESE_QUESTIONS,
    CHINESE_REMARKS,
    CHINESE_REQUESTS,
    CHINESE_SPEECH,
    CHINESE_WISHES,
    JAPANESE_ACTIONS,
    JAPANESE_OPENERS,
    JAPANESE_QUESTIONS,
    JAPANESE_REMARKS,
    JAPANESE_REQUESTS,
    JAPANESE_SPEECH,
    JAPANESE_WISHES,
)

MIN_WORDS: Final = 3
"""Fewer never spend by themselves."""
MIN_CHINESE_LETTERS: Final = 5
MIN_JAPANESE_LETTERS: Final = 6
"""The same for scripts without spaces: as long as three short words."""

_DISCORD_TOKENS: Final = re.compile(
    r"<a?:\w+:\d+>|<[@#][!&]?\d+>|<@&\d+>|<t:-?\d+(?::\w)?>|</[^<>:]+:\d+>|<id:\w+>"
)
_DISCORD_MENTION: Final = re.compile(r"<@!?\d+>")
_CLIP_NUMBER: Final = re.compile(r"\b\d+\b")
_LINKS: Final = re.compile(r"<?\b(?:https?|ftp)://\S+|\bwww\.\S+|\bdiscord\.gg/\S+", re.IGNORECASE)
_EMOTICONS: Final = re.compile(
    r":\w{2,32}:|<3+|(?<!\w)(?:[:;=8]['^o-]?[)(\]\[dpo/\\|*3}{><]+"
    r"|\^[_.]*\^|[-t>o][_.]+[-t<o])(?!\w)"
)
_HYPHENS: Final = re.compile(r"['’ʼ`´-]")
"""What stands inside words of the languages known here: "l'ours", "fais-le"."""
_SIGN: Final = "\x01"
"""Stands for whatever is no word; it neither parts words nor joins them by itself."""
_FILLERS: Final = frozenset("\u3164\u115f\u1160\uffa0")
"""Letters that show nothing."""
_QUESTION_MARKS: Final = frozenset("?？¿؟⁇⁈⁉❓❔")
_ONE_LETTER_WORDS: Final = frozenset("aioyeu")
_LONG_RUN: Final = re.compile(r"(.)\1{2,}")
_LAUGHTER: Final = re.compile(
    r"(?:a*(?:h+[aeiou]+){2,}h*|(?:j+[aeiou]+){2,}j*|l+(?:o+l+)+|l+m+f?a+o+"
    r"|(?:k+e+){2,}k*|r+o+f+l+|x+d+|w{3,}|h{3,}|z{3,})"
)


class ReplyKind(StrEnum):
    EMPTY = "empty"
    """Nothing but mentions."""
    WORDLESS = "wordless"
    """Only emoji, stickers or links."""
    BUTTON = "button"
    """The words of a button."""
    REMARK = "remark"
    """A comment, or a question to people."""
    UNCLEAR = "unclear"
    """Perhaps a direction; a question that asks for a video is one of these."""
    DIRECTION = "direction"
    """It says what the video shows next. The only kind that may spend by itself."""


@dataclass(frozen=True, slots=True)
class ReplyReading:
    """What a reply means; ``button`` is the name of a button's action."""

    kind: ReplyKind
    button: str | None = None


def read_reply(text: str, button_words: Mapping[str, str] = {}) -> ReplyReading:
    """Return what ``text`` means; ``button_words`` maps `fold_label` of a label to its action."""
    bare = _drop_signs(text)
    words = _split_words(_separate(bare))
    if not words:
        is_empty = not _DISCORD_MENTION.sub(" ", text).strip()
        return ReplyReading(ReplyKind.EMPTY if is_empty else ReplyKind.WORDLESS)
    label = fold_label(text)
    button = button_words.get(label) or button_words.get(_CLIP_NUMBER.sub("", label).strip())
    if button is not None:
        return ReplyReading(ReplyKind.BUTTON, button)
    letters = "".join(words)
    is_question = any(sign in _QUESTION_MARKS for sign in unicodedata.normalize("NFKC", text))
    if sum(map(_is_wide, letters)) * 2 >= len(letters):
        kind = _read_wide(letters)
    else:
        kind = _read_spaced(bare, is_question=is_question)
    if kind is ReplyKind.DIRECTION and is_question:
        kind = ReplyKind.UNCLEAR
    return ReplyReading(kind)


def fold_label(text: str) -> str:
    """Return the words of a button or reply in the form in which they are compared."""
    return " ".join(_split_words(_join(_drop_signs(text))))


def asks_for_video(text: str) -> bool:
    """Return whether somebody asks for something to be made; enough for an offer, not for more."""
    bare = _drop_signs(text)
    words = _split_words(_separate(bare))
    if any(map(_is_wide, "".join(words))):
        return _holds_any("".join(words), CHINESE_REQUESTS + JAPANESE_REQUESTS)
    begins_as_one = any(
        (words[:1] and words[0] in language.commands) or _begins_with(words, language.wishes)
        for language in SPACED_LANGUAGES
    )
    return len(words) >= MIN_WORDS and (begins_as_one or not REQUEST_WORDS.isdisjoint(words))


def has_pictured_words(text: str) -> bool:
    """Return whether ``text`` says anything that a video can show, if only by Unicode's emoji."""
    bare = _LINKS.sub(" ", _DISCORD_TOKENS.sub(" ", text))
    return any(
        (sign.isalnum() and not _is_invisible(sign)) or unicodedata.category(sign) == "So"
        for sign in bare
    )


# -- folding


def _drop_signs(text: str) -> str:
    """Return folded text without emoji, mentions, links and invisible characters."""
    visible = "".join(
        _SIGN if unicodedata.category(sign) in ("So", "Sk", "Co", "Cn", "Cs") else sign
        for sign in text
        if unicodedata.category(sign) not in ("Cf", "Me") and not _is_invisible(sign)
    )
    folded = _fold_letters(visible)
    folded = _LINKS.sub(_SIGN, _DISCORD_TOKENS.sub(_SIGN, folded))
    return _EMOTICONS.sub(_SIGN, folded)


def _is_invisible(sign: str) -> bool:
    return sign in _FILLERS or "\ufe00" <= sign <= "\ufe0f"


def _fold_letters(text: str) -> str:
    """Return ``text`` in one width, in lower case and without the accents of Latin letters."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    decomposed = unicodedata.normalize("NFD", folded)
    plain = "".join(sign for sign in decomposed if not "\u0300" <= sign <= "\u036f")
    return "".join(
        sign
        for sign in unicodedata.normalize("NFC", plain)
        if unicodedata.category(sign) not in ("Cf", "Mn", "Me")
    )


def _separate(text: str) -> str:
    return "".join(sign if sign.isalnum() else " " for sign in text)


def _join(text: str) -> str:
    return "".join(sign if sign.isalnum() or sign.isspace() else "" for sign in text)


def _split_words(text: str) -> list[str]:
    return text.split()


def _is_wide(letter: str) -> bool:
    """Return whether ``letter`` belongs to a script that is written without spaces."""
    return (
        "\u3005" <= letter <= "\u30ff" or "\u3400" <= letter <= "\u9fff" or letter >= "\U00020000"
    )


def _is_kana(letter: str) -> bool:
    return "\u3040" <= letter <= "\u30ff"


# -- languages with spaces


def _read_spaced(bare: str, *, is_question: bool) -> ReplyKind:
    """Read ``bare`` text with signs in words as spaces and as nothing.

    It is a remark if one reading is, and a direction only if both are.
    """
    words = _split_words(_separate(bare))
    elided = _split_words(_join(_HYPHENS.sub(" ", bare)))
    joined = _split_words(_join(bare))
    languages = _find_languages(words)
    if any(
        _has_remark(form, language) for language in languages for form in (words, elided, joined)
    ):
        kind = ReplyKind.REMARK
    elif _count_words(elided) >= MIN_WORDS and all(
        any(_is_direction(form, language) for language in languages) for form in (words, elided)
    ):
        kind = ReplyKind.DIRECTION
    else:
        kind = ReplyKind.UNCLEAR if len(words) > 1 else ReplyKind.REMARK
    asks = any(_begins_with(words, language.questions) for language in languages)
    wishes = any(_begins_with(words, language.wishes) for language in SPACED_LANGUAGES)
    if wishes:
        return ReplyKind.UNCLEAR
    return ReplyKind.REMARK if asks or (is_question and kind is not ReplyKind.DIRECTION) else kind


def _find_languages(words: Sequence[str]) -> list[LanguageWords]:
    """Return the languages that most of the words belong to; several if they cannot be told."""
    scores = [sum(word in language.common for word in words) for language in SPACED_LANGUAGES]
    best = max(scores)
    return [
        language for language, score in zip(SPACED_LANGUAGES, scores, strict=True) if score == best
    ]


def _count_words(words: Iterable[str]) -> int:
    return sum(
        any(map(str.isalpha, word)) and (len(word) > 1 or word in _ONE_LETTER_WORDS)
        for word in words
    )


def _is_direction(words: Sequence[str], language: LanguageWords) -> bool:
    rest = list(words)
    opener = _begins_with(rest, language.openers)
    while opener:
        rest = rest[len(opener.split()) :]
        opened, opener = True, _begins_with(rest, language.openers)
        if not rest:
            return False
        if not opener:
            return opened and _has_action(rest, language)
    if rest[0] in language.commands:
        return True
    if rest[0] in ENGLISH_WEAK_COMMANDS and rest[1] in ENGLISH_COMMAND_OBJECTS:
        return True
    if rest[0] in language.subjects:
        return _has_action(rest[1:], language)
    # "Cem goes on", "birds fly away"
    is_named = (
        rest[0] not in language.common
        and rest[1] in language.actions
        and not rest[1].endswith("ing")
    )
    is_plural = rest[0].endswith("s") and rest[1] in ENGLISH_BASE_ACTIONS
    return language is ENGLISH and (is_named or is_plural)


def _has_action(words: Sequence[str], language: LanguageWords) -> bool:
    if any(word in language.actions or word in language.speech for word in words):
        return True
    if words and words[0] in language.commands:
        return True
    return language is ENGLISH and any(
        word in ENGLISH_BASE_ACTIONS and (before in ENGLISH_PLURAL_SUBJECTS or before.endswith("s"))
        for before, word in pairwise(words)
    )


def _has_remark(words: Sequence[str], language: LanguageWords) -> bool:
    """Return whether anything outside of what is spoken in the video belongs in a comment."""
    told = _drop_speech(words, language)
    if any(_is_remark_word(word, language) for word in told):
        return True
    text = f" {' '.join(told)} "
    if any(f" {phrase} " in text for phrase in language.remark_phrases):
        return True
    return language is ENGLISH and _is_statement(told)


def _is_remark_word(word: str, language: LanguageWords) -> bool:
    forms = {word, _LONG_RUN.sub(r"\1", word), _LONG_RUN.sub(r"\1\1", word)}
    return (
        not forms.isdisjoint(language.remarks)
        or not forms.isdisjoint(UNIVERSAL_REMARKS)
        or _LAUGHTER.fullmatch(word) is not None
        or (sum(map(_is_wide, word)) > 0 and _holds_any(word, CHINESE_REMARKS + JAPANESE_REMARKS))
    )


def _drop_speech(words: Sequence[str], language: LanguageWords) -> Sequence[str]:
    """Return the words before those that somebody in the video says."""
    for place, word in enumerate(words):
        if place >= 2 and word in language.speech and words[0] in language.subjects:
            return words[: place + 1]
    return words


def _is_statement(words: Sequence[str]) -> bool:
    """Return whether an English text says how something is, not what it does."""
    for place, word in enumerate(words):
        after = words[place + 1 : place + 3]
        if word not in ENGLISH_COPULAS or (word in ("s", "re") and not _is_pronoun(words, place)):
            continue
        if word.startswith("look"):
            if not after or after[0] not in ENGLISH_LOOK_DIRECTIONS:
                return True
        elif not any(each.endswith("ing") and each in ENGLISH.actions for each in after):
            return True
    return False


def _is_pronoun(words: Sequence[str], place: int) -> bool:
    return place > 0 and words[place - 1] in ("it", "he", "she", "they", "that", "there", "what")


def _begins_with(words: Sequence[str], phrases: Iterable[str]) -> str:
    """Return the longest of ``phrases`` that ``words`` begin with, or an empty text."""
    text = f"{' '.join(words)} "
    return max((each for each in phrases if text.startswith(f"{each} ")), key=len, default="")


# -- scripts without spaces


def _read_wide(letters: str) -> ReplyKind:
    is_japanese = any(map(_is_kana, letters))
    if is_japanese:
        wishes, questions, speech = JAPANESE_WISHES, JAPANESE_QUESTIONS, JAPANESE_SPEECH
        remarks, openers, actions = JAPANESE_REMARKS, JAPANESE_OPENERS, JAPANESE_ACTIONS
        minimum = MIN_JAPANESE_LETTERS
    else:
        wishes, questions, speech = CHINESE_WISHES, CHINESE_QUESTIONS, CHINESE_SPEECH
        remarks, openers, actions = CHINESE_REMARKS, CHINESE_OPENERS, CHINESE_ACTIONS
        minimum = MIN_CHINESE_LETTERS
    if _holds_any(letters, wishes):
        return ReplyKind.UNCLEAR
    told = letters
    if not is_japanese:
        told = _cut_speech(told, speech)
        for description in CHINESE_DESCRIPTIONS:
            told = told.replace(description, "的")
    latin = re.findall(r"[a-z]+", told)
    is_remark = _holds_any(told, remarks) or any(_is_remark_word(word, ENGLISH) for word in latin)
    is_remark = is_remark or (is_japanese and re.search("(?<!微)笑(?![うい])", told) is not None)
    if is_remark or letters.startswith(questions):
        return ReplyKind.REMARK
    if sum(map(_is_wide, letters)) < minimum:
        return ReplyKind.UNCLEAR if _holds_any(letters, actions) else ReplyKind.REMARK
    is_direction = _holds_any(letters, actions)
    if is_japanese:
        is_direction = is_direction and (
            letters.startswith(openers) or any(particle in letters for particle in "がはをにで")
        )
    else:
        is_direction = is_direction or letters.startswith(openers)
    return ReplyKind.DIRECTION if is_direction else ReplyKind.UNCLEAR


def _cut_speech(letters: str, speech: Iterable[str]) -> str:
    """Return the text before what somebody in the video says."""
    places = [place for word in speech if (place := letters.find(word)) >= 2]
    return letters[: min(places)] if places else letters


def _holds_any(text: str, parts: Iterable[str]) -> bool:
    return any(part in text for part in parts)
