"""The text that is sent to Gemini Omni for a plan: the member's words with the bot's additions.

Veo has parameters for the roles of pictures, for extensions and for what should not be seen. Omni
reads all of this from the prompt, so the bot adds Google's role tags. It removes such tags from
what members typed, because they would give a picture another role than the one that was paid for.
Nothing else that a member wrote is changed. Google's page: ai.google.dev/gemini-api/docs/omni.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from bot.domain.jobs.request import GenerationMode, VideoPlan
from bot.domain.jobs.source_access import SourceAccess
from bot.domain.typed_text import is_zero_width


class AdditionKind(StrEnum):
    """How the prompt that is sent differs from the member's; the values are keys of texts."""

    ROLE_TAGS = "role_tags"
    EXTEND = "extend"
    EDIT = "edit"
    ONE_SHOT = "one_shot"
    FULL_TAKE = "full_take"
    NEGATIVE_PROMPT = "negative_prompt"
    REMOVED_TAGS = "removed_tags"
    """Tags that the member typed and that were removed."""


@dataclass(frozen=True, slots=True)
class PromptAddition:
    """``text`` is what was added or removed, word for word."""

    kind: AdditionKind
    text: str


_EXTEND: Final = "Extend this video:"
_EDIT: Final = "Edit this video:"
"""A request that continues an interaction names its task only in these words. Without them, an edit
whose prompt begins with "extend" would be made and billed as an extension."""
_TASK_WORDS: Final = {AdditionKind.EXTEND: _EXTEND, AdditionKind.EDIT: _EDIT}
_ONE_SHOT: Final = "One continuous shot, without any cuts."
_ONE_SHOT_OF_EXTENSION: Final = "The new part is one continuous shot, without any cuts."
_FULL_TAKE: Final = (
    "This is what the video already shows. Render the same video again in full quality and change"
    " nothing else: the same shots, people, movements, framing, light and sound."
)
_LEFT_OUT: Final = "Keep all of this out of the video and its sound: {unwanted}."


def compose_sent_prompt(plan: VideoPlan, source_access: SourceAccess | None = None) -> str:
    """Return the whole text that is sent for ``plan``; on Veo's routes that is its prompt.

    ``source_access`` is how the adapter sends the plan's source; by default it is derived from the
    clip.
    """
    if not plan.route.is_omni:
        return plan.prompt
    before, after = _list_role_tags(plan, source_access)
    sentences = [addition.text for addition in _list_sentences(plan)]
    lines = [" ".join((*before, strip_role_tags(plan.prompt), *after)), *sentences]
    return "\n".join(lines)


def describe_additions(
    plan: VideoPlan, source_access: SourceAccess | None = None
) -> tuple[PromptAddition, ...]:
    """Return what `compose_sent_prompt` adds to the member's words and removes from them."""
    if not plan.route.is_omni:
        return ()
    before, after = _list_role_tags(plan, source_access)
    additions = []
    if tags := [tag for tag in (*before, *after) if tag not in _TASK_WORDS.values()]:
        additions.append(PromptAddition(AdditionKind.ROLE_TAGS, " ".join(tags)))
    additions += [
        PromptAddition(kind, words) for kind, words in _TASK_WORDS.items() if words in before
    ]
    additions += _list_sentences(plan)
    typed = [*_find_tags(plan.prompt), *_find_tags(plan.negative_prompt or "")]
    if typed:
        additions.append(PromptAddition(AdditionKind.REMOVED_TAGS, " ".join(typed)))
    return tuple(additions)


@lru_cache(maxsize=64)  # the rules of every model strip the same prompt
def strip_role_tags(text: str) -> str:
    """Return ``text`` without Google's role tags, even if they are disguised."""
    while (spans := _find_spans(text)) != []:  # what is left may form another tag
        text = _cut_out(text, spans)
    return text


def _list_role_tags(
    plan: VideoPlan, source_access: SourceAccess | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the tags before the member's words, and those after them."""
    references = _tag_references(len(plan.references))
    match plan.mode:
        case GenerationMode.IMAGE:
            return ("<FIRST_FRAME>",), ()
        case GenerationMode.FRAMES:
            return ("<FIRST_FRAME>",), ("<LAST_FRAME>",)
        case GenerationMode.EXTENSION | GenerationMode.EDIT:
            is_copied = (source_access or _guess_access(plan)) is not SourceAccess.INTERACTION
            if plan.mode is GenerationMode.EXTENSION:
                return ("<PREVIOUS_VIDEO>@Video1" if is_copied else _EXTEND,), ()
            return (*references, "<VIDEO_0>@Video1" if is_copied else _EDIT), ()
        case _:
            return references, ()


def _tag_references(count: int) -> tuple[str, ...]:
    """Return the header that gives each picture, in the order sent, its number as a reference."""
    if count == 0:
        return ()
    tags = (f"<IMAGE_REF_{number}>@Image{number + 1}" for number in range(count))
    return (f"[# References {' '.join(tags)}]",)


def _guess_access(plan: VideoPlan) -> SourceAccess:
    source = plan.source
    has_interaction = source is not None and source.interaction_id is not None
    may_continue = has_interaction and plan.route.keeps_interactions
    return SourceAccess.INTERACTION if may_continue else SourceAccess.COPY


def _list_sentences(plan: VideoPlan) -> Iterator[PromptAddition]:
    """Yield the sentences that follow the member's words.

    Edits get none about cuts, because they keep the shots of their clip.
    """
    if not plan.with_cuts and plan.mode is not GenerationMode.EDIT:
        is_extension = plan.mode is GenerationMode.EXTENSION
        yield PromptAddition(
            AdditionKind.ONE_SHOT, _ONE_SHOT_OF_EXTENSION if is_extension else _ONE_SHOT
        )
    if plan.full_take is not None and plan.mode is GenerationMode.EDIT:
        yield PromptAddition(AdditionKind.FULL_TAKE, _FULL_TAKE)
    unwanted = strip_role_tags(plan.negative_prompt or "").strip().rstrip(".")
    if unwanted:
        yield PromptAddition(AdditionKind.NEGATIVE_PROMPT, _LEFT_OUT.format(unwanted=unwanted))


_SPACE: Final = r"\s{0,8}"
"""Bounded, so that long runs of spaces do not slow the search down."""
_JOINT: Final = r"[\s_-]{0,8}"
_TAG_NAME: Final = (
    rf"(?:(?:first|last){_JOINT}frame|(?:image|video){_JOINT}ref(?:erence)?{_JOINT}\d*"
    rf"|previous{_JOINT}video|(?:image|video){_JOINT}\d+)"
)
_MEDIA_NAME: Final = r"@\s?(?:image|video)[\s_-]?\d+(?![a-z0-9_])"
_TAG: Final = re.compile(
    rf"<{_SPACE}/?{_SPACE}{_TAG_NAME}{_SPACE}/?{_SPACE}>"
    rf"|<{_SPACE}"
    r"(?:first_frame|last_frame|(?:image|video)_ref_\d+|previous_video|video_\d+)(?![a-z0-9_])"
    # not the host of an address
    rf"|(?<![a-z0-9._%+-]){_MEDIA_NAME}|{_MEDIA_NAME}(?!\.[a-z])"
    rf"|\[{_SPACE}#{{1,6}}{_SPACE}(?:sources?|references?)(?![a-z0-9_])(?:[^\[\]]*\])?"
)
_BRACKETS: Final = str.maketrans("〈《⟨‹«〉》⟩›»【】〔〕", "<<<<<>>>>>[][]")


def _find_tags(text: str) -> list[str]:
    return [text[start:end].strip() for start, end in _find_spans(text)]


def _find_spans(text: str) -> list[tuple[int, int]]:
    """Return the positions of tags in ``text``, including those that removing others creates.

    Case, width and invisible characters make no difference.
    """
    folded, positions = _fold_text(text)
    spans: list[tuple[int, int]] = []
    while matches := list(_TAG.finditer(folded)):
        for match in reversed(matches):
            start, end = match.span()
            spans.append((positions[start], positions[end - 1] + 1))
            folded = folded[:start] + folded[end:]
            del positions[start:end]
    return _drop_inner_spans(spans)


def _fold_text(text: str) -> tuple[str, list[int]]:
    """Return the folded text, and for each of its characters the position in ``text``."""
    parts, positions = [], []
    for position, character in enumerate(text):
        if is_zero_width(character):
            continue
        plain = unicodedata.normalize("NFKC", character).casefold().translate(_BRACKETS)
        parts.append(plain)
        positions += [position] * len(plain)
    folded = "".join(parts)
    for entity, bracket in (("&lt;", "<   "), ("&gt;", "   >")):  # of equal length
        folded = folded.replace(entity, bracket)
    return folded, positions


def _drop_inner_spans(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ``spans`` in order, without those inside another."""
    outer: list[tuple[int, int]] = []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not outer or start >= outer[-1][1]:
            outer.append((start, end))
    return outer


def _cut_out(text: str, spans: list[tuple[int, int]]) -> str:
    """Return ``text`` without ``spans``; the words around each stay separated."""
    kept = text[: spans[0][0]]
    for number, (_, end) in enumerate(spans):
        following = text[end : spans[number + 1][0] if number + 1 < len(spans) else len(text)]
        left, right = kept.rstrip(), following.lstrip()
        gap = kept[len(left) :] + following[: len(following) - len(right)]
        if "\n" in gap:
            between = "\n" * min(gap.count("\n"), 2)
        elif gap or (left[-1:].isascii() and left[-1:].isalnum() and right[:1].isalnum()):
            between = " "
        else:
            between = ""
        kept = f"{left}{between}{right}"
    return kept.strip()
