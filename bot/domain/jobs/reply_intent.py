"""Finds out what a reply to a clip means, because only a direction may spend money by itself.

People answer clips as they answer each other: "nice!", "what prompt was that?", "👏". A reply is a
direction only if it has the form of one in a supported language and nothing of a comment. In all
other cases its author has to press a button, so an ambiguous reply is not a direction. A direction
extends the clip or changes it. If that is ambiguous, its author chooses.

Case, width, emoji, punctuation and invisible characters do not matter, except question marks.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import pairwise
from typing import Final

from bot.domain.jobs.reply_aims import (
    FoundAim,
    drop_allowed_words,
    drop_polite_letters,
    find_aim,
    find_wide_aim,
    has_change_marker,
)
from bot.domain.jobs.reply_folding import (
    DISCORD_TOKENS,
    LINKS,
    drop_signs,
    is_invisible,
    is_kana,
    is_wide,
    join_at_signs,
    separate_at_signs,
)
from bot.domain.jobs.reply_forms import ReplyAim
from bot.domain.jobs.reply_forms_wide import CHINESE_FORMS, JAPANESE_FORMS
from bot.domain.jobs.reply_vocabulary import (
    ENGLISH,
    ENGLISH_BASE_ACTIONS,
    ENGLISH_COMMAND_OBJECTS,
    ENGLISH_COPULAS,
    ENGLISH_LOOK_DIRECTIONS,
    ENGLISH_PLURAL_SUBJECTS,
    ENGLISH_WEAK_COMMANDS,
    FRENCH,
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
    JAPANESE_WISHES,
)

MIN_WORDS: Final = 3
"""A shorter reply never spends money by itself."""
MIN_CHINESE_LETTERS: Final = 5
MIN_JAPANESE_LETTERS: Final = 6
"""The same for scripts without spaces: about as long as three short words."""
MIN_CHANGE_LETTERS: Final = 4
"""The same for a change: "夜にして" is a complete "make it night"."""

_DISCORD_MENTION: Final = re.compile(r"<@!?\d+>")
_CLIP_NUMBER: Final = re.compile(r"\b\d+\b")
_HYPHENS: Final = re.compile(r"['’ʼ`´-]")
"""Punctuation inside words, as in "l'ours" and "fais-le"."""
_POINTERS: Final = re.compile(r"\b(?:this|that|these|those|dies\w*)\b", re.IGNORECASE)
_ROMANCE_POINTERS: Final = re.compile(
    r"\b(?:cet|cette|ces|ceci|cela|[cç]a|est[aeo]s?|es[aeo])\b", re.IGNORECASE
)
_WIDE_POINTERS: Final = re.compile("この|これ|その|这个|这张|这只|这")
_QUESTION_MARKS: Final = frozenset("?？¿؟⁇⁈⁉❓❔")
_ONE_LETTER_WORDS: Final = frozenset("aioyeu")
_NARRATION: Final = re.compile(
    r" we(?= (?:see|hear) (?:the|a|an) )|(?<= after) that |(?<= at) us |(?<= towards) us "
)
"""Words of comments that are harmless in a story."""
_HAT: Final = re.compile(r"\b(un|le|son|leur|du) chapeau\b")
"""A hat, because "chapeau" without an article is praise."""
_MAX_GUESSED_WORDS: Final = 30
"""Words of a remark that are examined, because it may have thousands."""
_DESCRIPTION: Final = re.compile(r"\b(?:is|are|was|were) \w+ing\b|\b\d+:\d\d\b")
"""A story with these may describe what the clip shows already: "the car is floating"."""
_CLAUSE_ENDS: Final = re.compile(r"[.!,;:\n]+|\b(?:but|now|aber|jetzt|mais|pero)\b")
_MENTIONS_NEED: Final = re.compile(r"\b(?:should|could|needs?|must|has to|have to)\b")
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
    """Possibly a direction, such as a question that asks for a video."""
    DIRECTION = "direction"
    """Says what the video shows next, or what should be different in it.

    The only kind that may spend money by itself, if its ``aim`` is not ambiguous.
    """


@dataclass(frozen=True, slots=True)
class ReplyReading:
    """What a reply means; ``button`` is the name of a button's action.

    ``aim`` is what the author wants done with the clip, if the reply is about the clip.
    ``needs_choice`` means that it asks for a change, but is too short to act upon or may also say
    what happens next.
    """

    kind: ReplyKind
    button: str | None = None
    aim: ReplyAim = ReplyAim.EITHER
    needs_choice: bool = False

    @property
    def may_spend(self) -> bool:
        """Whether it may be carried out without asking."""
        return self.kind is ReplyKind.DIRECTION and self.aim is not ReplyAim.EITHER


def read_reply(
    text: str, button_words: Mapping[str, str] = {}, *, has_picture: bool = False
) -> ReplyReading:
    """Return what ``text`` means; ``button_words`` maps `fold_label` of a label to its action.

    With ``has_picture``, words that point at the picture are allowed, as in "put this hat on him".
    """
    reading = _read_text(text, button_words)
    if has_picture and reading.kind in (ReplyKind.REMARK, ReplyKind.UNCLEAR):
        pictured = _read_text(_replace_pointers(text), button_words)
        if pictured.kind is ReplyKind.DIRECTION:
            return pictured
    return reading


def _read_text(text: str, button_words: Mapping[str, str]) -> ReplyReading:
    bare = drop_signs(text)
    words = separate_at_signs(bare).split()
    if not words:
        is_empty = not _DISCORD_MENTION.sub(" ", text).strip()
        kind = ReplyKind.EMPTY if is_empty else ReplyKind.WORDLESS
        return ReplyReading(kind, aim=ReplyAim.EXTEND)
    label = fold_label(text)
    button = button_words.get(label) or button_words.get(_CLIP_NUMBER.sub("", label).strip())
    if button is not None:
        return ReplyReading(ReplyKind.BUTTON, button)
    letters = "".join(words)
    is_question = any(sign in _QUESTION_MARKS for sign in unicodedata.normalize("NFKC", text))
    if sum(map(is_wide, letters)) * 2 >= len(letters):
        reading = _read_wide(letters)
    else:
        reading = _read_spaced(bare, is_question=is_question)
    if is_question and reading.kind in (ReplyKind.DIRECTION, ReplyKind.UNCLEAR):
        return replace(reading, kind=ReplyKind.UNCLEAR, needs_choice=False)
    return reading


def _replace_pointers(text: str) -> str:
    """Return ``text`` with articles in place of words that point at a picture."""
    return _WIDE_POINTERS.sub("", _ROMANCE_POINTERS.sub("un", _POINTERS.sub("a", text)))


def fold_label(text: str) -> str:
    """Return the words of a button or reply in a form that can be compared."""
    return " ".join(join_at_signs(drop_signs(text)).split())


def asks_for_video(text: str) -> bool:
    """Return whether ``text`` seems to ask for a video: enough to offer one, not to make it."""
    bare = drop_signs(text)
    words = separate_at_signs(bare).split()
    if any(map(is_wide, "".join(words))):
        return _contains_any("".join(words), CHINESE_REQUESTS + JAPANESE_REQUESTS)
    begins_as_request = any(
        (words[:1] and words[0] in language.commands) or _find_prefix(words, language.wishes)
        for language in SPACED_LANGUAGES
    )
    return len(words) >= MIN_WORDS and (begins_as_request or not REQUEST_WORDS.isdisjoint(words))


def has_pictured_words(text: str) -> bool:
    """Return whether ``text`` has words or Unicode emoji, which a video can show."""
    bare = LINKS.sub(" ", DISCORD_TOKENS.sub(" ", text))
    return any(
        (sign.isalnum() and not is_invisible(sign)) or unicodedata.category(sign) == "So"
        for sign in bare
    )


# -- languages with spaces


def _read_spaced(bare: str, *, is_question: bool) -> ReplyReading:
    """Read ``bare`` text twice: with punctuation inside words as spaces, and without it.

    It is a remark if one reading is a remark, and a direction only if both are directions.
    """
    words = separate_at_signs(bare).split()
    elided = join_at_signs(_HYPHENS.sub(" ", bare)).split()
    joined = join_at_signs(bare).split()
    languages = _find_languages(words)
    wish = max(
        (_find_prefix(words, language.wishes) for language in SPACED_LANGUAGES), key=len, default=""
    )
    if wish:
        parsed = _find_common_aim([words[len(wish.split()) :]], languages)
        aim = ReplyAim.EITHER if parsed is None else parsed.aim
        return ReplyReading(ReplyKind.UNCLEAR, aim=aim)
    parsed = _find_common_aim([words, elided], languages)
    is_remark = any(
        _has_remark(form if parsed is None else drop_allowed_words(form, language), language)
        for language in languages
        for form in (words, elided, joined)
    )
    if is_remark and not (parsed is not None and parsed.is_certain):
        return _find_wish_after_remark(bare) or ReplyReading(
            ReplyKind.REMARK, aim=_guess_remark_aim(words, languages)
        )
    has_question_word = any(_find_prefix(words, language.questions) for language in languages)
    is_long = _count_words(elided) >= MIN_WORDS
    if parsed is None and any(_has_leading_command(words, language) for language in languages):
        return ReplyReading(ReplyKind.UNCLEAR)
    if parsed is None:
        is_story = all(
            any(_is_direction(form, language) for language in languages) for form in (words, elided)
        )
        if is_story:
            is_mixed = any(has_change_marker(words, language) for language in languages)
            parsed = FoundAim(ReplyAim.EITHER if is_mixed else ReplyAim.EXTEND)
            if _DESCRIPTION.search(bare) is not None:
                return ReplyReading(ReplyKind.UNCLEAR, aim=parsed.aim)
    if parsed is None:
        is_chat = len(words) == 1 or has_question_word or is_question
        return ReplyReading(ReplyKind.REMARK if is_chat else ReplyKind.UNCLEAR)
    if has_question_word and not parsed.is_certain:
        return ReplyReading(ReplyKind.REMARK, aim=parsed.aim)
    if parsed.is_fragment or not is_long:
        needs_choice = parsed.aim is not ReplyAim.EXTEND
        return ReplyReading(ReplyKind.UNCLEAR, aim=parsed.aim, needs_choice=needs_choice)
    is_ambiguous = parsed.aim is ReplyAim.EITHER
    return ReplyReading(ReplyKind.DIRECTION, aim=parsed.aim, needs_choice=is_ambiguous)


def _find_wish_after_remark(bare: str) -> ReplyReading | None:
    """Return the change that follows a remark, as in "love it, now make it night"."""
    *before, wish = _CLAUSE_ENDS.split(bare)
    if not before or not any(map(str.isalnum, wish)):
        return None
    reading = _read_spaced(wish, is_question=False)
    if reading.aim is not ReplyAim.EDIT or reading.kind is ReplyKind.REMARK:
        return None
    return replace(reading, kind=ReplyKind.UNCLEAR, needs_choice=reading.may_spend)


def _has_leading_command(words: Sequence[str], language: LanguageWords) -> bool:
    """Return whether a text begins with the verb of a request, whatever follows it."""
    rest = list(words)
    while rest and (opener := _find_prefix(rest, language.openers)):
        rest = rest[len(opener.split()) :]
    is_weak = language is ENGLISH and rest[:1] != [] and rest[0] in ENGLISH_WEAK_COMMANDS
    return is_weak or (bool(rest) and rest[0] in language.commands)


def _find_common_aim(
    forms: Sequence[Sequence[str]], languages: Sequence[LanguageWords]
) -> FoundAim | None:
    """Return what all ``forms`` of a text ask for; either, if they or the languages differ."""
    results: list[FoundAim] = []
    for words in forms:
        results_of_form = [
            result for language in languages if (result := find_aim(words, language)) is not None
        ]
        if not results_of_form:
            return None
        results += results_of_form
    aims = {result.aim for result in results}
    return FoundAim(
        aims.pop() if len(aims) == 1 else ReplyAim.EITHER,
        is_fragment=any(result.is_fragment for result in results),
        is_certain=all(result.is_certain for result in results),
    )


def _guess_remark_aim(words: Sequence[str], languages: Sequence[LanguageWords]) -> ReplyAim:
    """Return what to do with a remark if its author then says that it was a request."""
    asks_for_change = _MENTIONS_NEED.search(" ".join(words)) is not None or any(
        find_aim(words[start : start + _MAX_GUESSED_WORDS], language) is not None
        for language in languages
        for start in range(min(len(words), _MAX_GUESSED_WORDS))
    )
    return ReplyAim.EITHER if asks_for_change else ReplyAim.EXTEND


def _find_languages(words: Sequence[str]) -> list[LanguageWords]:
    """Return the language that most of the words belong to, or several with equal scores."""
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
    opener = _find_prefix(rest, language.openers)
    while opener:
        rest = rest[len(opener.split()) :]
        opener = _find_prefix(rest, language.openers)
        if not rest:
            return False
        if not opener:
            return _has_action(rest, language)
    if len(rest) < 2:
        return False
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
    """Return whether there are words of a comment, apart from what is spoken in the video."""
    story = _drop_speech(words, language)
    if language is FRENCH:
        story = _HAT.sub(r"\1", " ".join(story)).split()
    if language is ENGLISH:
        story = _NARRATION.sub(" ", f" {' '.join(story)} ").split()
    if any(_is_remark_word(word, language) for word in set(story)):
        return True
    text = f" {' '.join(story)} "
    if any(f" {phrase} " in text for phrase in language.remark_phrases):
        return True
    return language is ENGLISH and _is_statement(story)


def _is_remark_word(word: str, language: LanguageWords) -> bool:
    forms = {word, _LONG_RUN.sub(r"\1", word), _LONG_RUN.sub(r"\1\1", word)}
    return (
        not forms.isdisjoint(language.remarks)
        or not forms.isdisjoint(UNIVERSAL_REMARKS)
        or _LAUGHTER.fullmatch(word) is not None
        or (sum(map(is_wide, word)) > 0 and _contains_any(word, CHINESE_REMARKS + JAPANESE_REMARKS))
    )


def _drop_speech(words: Sequence[str], language: LanguageWords) -> Sequence[str]:
    """Return ``words`` without what somebody in the video says."""
    for position, word in enumerate(words):
        if position >= 2 and word in language.speech and words[0] in language.subjects:
            return words[: position + 1]
    return words


def _is_statement(words: Sequence[str]) -> bool:
    """Return whether an English text says how something is, not what it does."""
    for position, word in enumerate(words):
        is_contraction = word in ("s", "re")
        if word not in ENGLISH_COPULAS or (
            is_contraction and not _is_after_pronoun(words, position)
        ):
            continue
        after = words[position + 1 : position + 3]
        if word.startswith("look"):
            if not after or after[0] not in ENGLISH_LOOK_DIRECTIONS:
                return True
        elif not any(verb.endswith("ing") and verb in ENGLISH.actions for verb in after):
            return True
    return False


def _is_after_pronoun(words: Sequence[str], position: int) -> bool:
    pronouns = ("it", "he", "she", "they", "that", "there", "what")
    return position > 0 and words[position - 1] in pronouns


def _find_prefix(words: Sequence[str], phrases: Iterable[str]) -> str:
    """Return the longest of ``phrases`` that ``words`` begin with, or an empty string."""
    text = f"{' '.join(words)} "
    prefixes = (phrase for phrase in phrases if text.startswith(f"{phrase} "))
    return max(prefixes, key=len, default="")


# -- scripts without spaces


def _read_wide(letters: str) -> ReplyReading:
    is_japanese = any(map(is_kana, letters))
    if is_japanese:
        wishes, questions, forms = JAPANESE_WISHES, JAPANESE_QUESTIONS, JAPANESE_FORMS
        remarks, openers, actions = JAPANESE_REMARKS, JAPANESE_OPENERS, JAPANESE_ACTIONS
        minimum = MIN_JAPANESE_LETTERS
    else:
        wishes, questions, forms = CHINESE_WISHES, CHINESE_QUESTIONS, CHINESE_FORMS
        remarks, openers, actions = CHINESE_REMARKS, CHINESE_OPENERS, CHINESE_ACTIONS
        minimum = MIN_CHINESE_LETTERS
    parsed = find_wide_aim(letters, forms)
    if _contains_any(letters, wishes):
        return ReplyReading(ReplyKind.UNCLEAR)
    is_imperative = parsed is not None or letters.startswith(("让", "把", "将"))
    story = drop_polite_letters(letters, forms) if is_imperative else letters
    if not is_japanese:
        story = _cut_speech(story, CHINESE_SPEECH)
        for description in CHINESE_DESCRIPTIONS:
            story = story.replace(description, "的")
    latin = re.findall(r"[a-z]+", story)
    is_remark = (
        _contains_any(story, remarks)
        or any(_is_remark_word(word, ENGLISH) for word in latin)
        or (is_japanese and re.search("(?<!微)笑(?![うい])", story) is not None)
        or forms.idioms.search(letters) is not None
    )
    if is_remark or letters.startswith(questions):
        aim = ReplyAim.EXTEND if parsed is None else ReplyAim.EITHER
        return ReplyReading(ReplyKind.REMARK, aim=aim)
    count = sum(map(is_wide, letters))
    if parsed is not None:
        is_direction = count >= MIN_CHANGE_LETTERS and not parsed.is_fragment
        kind = ReplyKind.DIRECTION if is_direction else ReplyKind.UNCLEAR
        return ReplyReading(kind, aim=parsed.aim, needs_choice=parsed.aim is not ReplyAim.EXTEND)
    has_action = _contains_any(letters, actions)
    if letters.startswith("让"):  # as short as "make him dance"
        minimum = MIN_CHANGE_LETTERS
    if count < minimum:
        kind = ReplyKind.UNCLEAR if has_action else ReplyKind.REMARK
        aim = ReplyAim.EXTEND if has_action else ReplyAim.EITHER
        return ReplyReading(kind, aim=aim)
    if is_japanese:
        is_story = has_action and (
            letters.startswith(openers) or any(particle in letters for particle in "がはをにで")
        )
    else:
        is_story = has_action or letters.startswith(openers)
    if not is_story:
        return ReplyReading(ReplyKind.UNCLEAR)
    is_mixed = forms.markers.search(letters) is not None
    aim = ReplyAim.EITHER if is_mixed else ReplyAim.EXTEND
    return ReplyReading(ReplyKind.DIRECTION, aim=aim, needs_choice=is_mixed)


def _cut_speech(letters: str, speech: Iterable[str]) -> str:
    """Return the text before what somebody in the video says."""
    positions = [position for word in speech if (position := letters.find(word)) >= 2]
    return letters[: min(positions)] if positions else letters


def _contains_any(text: str, parts: Iterable[str]) -> bool:
    return any(part in text for part in parts)
