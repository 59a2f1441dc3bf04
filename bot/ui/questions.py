"""Requests that wait for a moderator: what moderators and the member read.

The word and the prompt are for moderators, and for the member alone. What others read has neither.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import discord
from discord import ui

from bot.domain.moderation.question import ModeratorQuestion, QuestionState
from bot.domain.moderation.word_list import WordMatch
from bot.i18n.catalogs import translate
from bot.i18n.formatting import format_labeled, format_timestamp, sanitize_text
from bot.ui.components import (
    ACCENT_COLOR,
    build_action_row,
    build_button,
    build_text_view,
    build_view,
)
from bot.ui.custom_ids import ButtonAction
from bot.ui.model_info import ModelInfoSource
from bot.ui.plan_text import describe_plan

PROMPT_FILE_NAME: Final = "prompt.txt"
_PROMPT_LIMIT: Final = 1000
"""Characters of each text in a message of 4,000; escapes may double them."""


@dataclass(frozen=True, slots=True)
class QuestionCards:
    """Builds a new view for every message (see `bot.ui.components`)."""

    model_info: ModelInfoSource

    def build_question(
        self, question: ModeratorQuestion, picture_names: Sequence[str]
    ) -> ui.LayoutView:
        """Return what moderators see of a request, and their choices.

        The pictures refer to files with these names. A text that is too long for the message is in
        the file `PROMPT_FILE_NAME`.
        """
        plan, locale = question.plan, question.locale
        heading = translate(
            "question.ask",
            locale,
            member=f"<@{question.origin.user_id}>",
            channel=f"<#{question.origin.channel_id}>",
            word=sanitize_text(question.entry),
            list=_name_list(locale, by_operator=question.by_operator),
            until=_format_until(question),
        )
        lines = [heading, *(_format_text(key, text, locale) for key, text in list_texts(question))]
        container: ui.Container[ui.LayoutView] = ui.Container(accent_color=ACCENT_COLOR)
        container.add_item(ui.TextDisplay("\n".join(lines)))
        if picture_names:
            items = (
                discord.MediaGalleryItem(f"attachment://{name}", spoiler=True)
                for name in picture_names
            )
            container.add_item(ui.MediaGallery(*items))
        if is_cut(question):
            container.add_item(ui.File(f"attachment://{PROMPT_FILE_NAME}", spoiler=True))
        container.add_item(ui.TextDisplay(f"-# {describe_plan(plan, self.model_info, locale)}"))
        container.add_item(
            build_action_row(
                build_button(ButtonAction.QUESTION_ALLOW, question.id, locale, primary=True),
                build_button(ButtonAction.QUESTION_REFUSE, question.id, locale, danger=True),
            )
        )
        return build_view(container)


def list_texts(question: ModeratorQuestion) -> list[tuple[str, str]]:
    """Return what the member wrote, with the key of the option's name."""
    plan = question.plan
    texts = (("prompt", plan.prompt), ("negative_prompt", plan.negative_prompt))
    return [(f"name.option.{option}", text) for option, text in texts if text]


def is_cut(question: ModeratorQuestion) -> bool:
    """Return whether the message has not all of what the member wrote."""
    return any(len(text) > _PROMPT_LIMIT for _, text in list_texts(question))


def build_waiting_view(question: ModeratorQuestion) -> ui.LayoutView:
    """Return what the channel of the request sees until it is decided."""
    text = translate(
        "question.waiting",
        question.locale,
        member=f"<@{question.origin.user_id}>",
        until=_format_until(question),
    )
    cancel = build_button(ButtonAction.QUESTION_CANCEL, question.id, question.locale)
    container: ui.Container[ui.LayoutView] = ui.Container(
        ui.TextDisplay(text), build_action_row(cancel), accent_color=ACCENT_COLOR
    )
    return build_view(container)


def build_end_view(question: ModeratorQuestion) -> ui.LayoutView:
    """Return the same for the channel once the request has ended without a job."""
    return build_text_view(describe_end(question, question.locale))


def describe_asked(question: ModeratorQuestion, match: WordMatch, locale: str | None) -> str:
    """Return what the member alone reads when the request was made."""
    return translate(
        "question.asked",
        locale,
        word=sanitize_text(match.entry.text),
        list=_name_list(locale, by_operator=match.by_operator),
        until=_format_until(question),
    )


def describe_end(question: ModeratorQuestion, locale: str | None) -> str:
    """Return how a request ended without a job; it names the list and not the word."""
    return translate(
        f"question.told.{question.state}",
        locale,
        member=f"<@{question.origin.user_id}>",
        asked=format_timestamp(question.asked_at, "f"),
        list=_name_list(locale, by_operator=question.by_operator),
        reason=question.failure or "",
    )


def describe_answer(question: ModeratorQuestion, locale: str | None) -> str:
    """Return for moderators who answered what, or how else the request ended."""
    return translate(
        f"question.end.{question.state}",
        locale,
        who=f"<@{question.decided_by}>",
        member=f"<@{question.origin.user_id}>",
        job=question.job_id or 0,
        reason=question.failure or "",
    )


def describe_own_answer(question: ModeratorQuestion, locale: str | None) -> str:
    """Return what a moderator's answer led to."""
    if question.state is QuestionState.FAILED:
        return describe_answer(question, locale)
    is_refused = question.state is QuestionState.REFUSED
    return translate(
        "question.done.refuse" if is_refused else "question.done.allow",
        locale,
        member=f"<@{question.origin.user_id}>",
        channel=f"<#{question.origin.channel_id}>",
    )


def _format_text(key: str, text: str, locale: str | None) -> str:
    shown = text if len(text) <= _PROMPT_LIMIT else f"{text[: _PROMPT_LIMIT - 1]}…"
    return format_labeled(translate(key, locale), f"||{sanitize_text(shown)}||", locale)


def _name_list(locale: str | None, *, by_operator: bool) -> str:
    return translate("server.words.operators" if by_operator else "server.words.servers", locale)


def _format_until(question: ModeratorQuestion) -> str:
    return format_timestamp(question.expires_at, "f")
