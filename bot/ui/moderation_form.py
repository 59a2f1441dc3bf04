"""The form of `/server setup` about moderation, and its settings as text."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import discord
from discord import ui

from bot.domain.guild import GuildRules, ReviewScope
from bot.domain.moderation.word_list import WordAction
from bot.i18n.catalogs import translate
from bot.ui.custom_ids import FormKind, build_custom_id

_REPORTS_TO_HIDE: Final = (0, 2, 3, 5, 10)
"""How many reports an admin can choose in the form; `/server reports` takes any number."""
_MAX_TEXT_LENGTH: Final = 4000
"""Discord's limit for a text field."""
_OFFERED_SCOPES: Final = (ReviewScope.UNTRUSTED, ReviewScope.EVERYONE, ReviewScope.OFF)


class ModerationField(StrEnum):
    """What an admin fills in."""

    STAFF = "staff"
    REVIEW = "review"
    REPORTS = "reports"
    WORDS = "words"
    ACTION = "action"


def build_moderation_form(
    rules: GuildRules, locale: str | None, *, has_staff_channel: bool
) -> ui.Modal:
    """Return the form with what is set. ``has_staff_channel`` says that the channel exists.

    A server that never had a staff channel is offered the review of clips, which it has only after
    it has chosen a channel for it.
    """
    staff: ui.ChannelSelect[ui.View] = ui.ChannelSelect(
        custom_id=ModerationField.STAFF,
        channel_types=[discord.ChannelType.text],
        placeholder=translate("setup.staff_hint", locale),
        min_values=0 if rules.staff_channel is None else 1,
        required=rules.staff_channel is not None,
        default_values=_list_default_channels(rules if has_staff_channel else None),
    )
    words: ui.TextInput[ui.View] = ui.TextInput(
        style=discord.TextStyle.paragraph,
        custom_id=ModerationField.WORDS,
        required=False,
        max_length=_MAX_TEXT_LENGTH,
    )
    inputs: dict[ModerationField, ui.Item[Any]] = {
        ModerationField.STAFF: staff,
        ModerationField.REVIEW: _build_select(
            ModerationField.REVIEW, _list_scope_options(rules, locale)
        ),
        ModerationField.REPORTS: _build_select(
            ModerationField.REPORTS, _list_report_options(rules, locale)
        ),
        ModerationField.WORDS: words,
        ModerationField.ACTION: _build_select(
            ModerationField.ACTION,
            [
                discord.SelectOption(
                    label=translate(f"choice.words.{action}", locale),
                    value=action,
                    default=action is WordAction.REFUSE,
                )
                for action in WordAction
            ],
        ),
    }
    modal = ui.Modal(
        title=translate("form.moderation.title", locale),
        timeout=None,
        custom_id=build_custom_id(FormKind.MODERATION, 0),
    )
    for field, component in inputs.items():
        modal.add_item(
            ui.Label(
                text=translate(f"form.moderation_{field}.label", locale),
                description=translate(f"form.moderation_{field}.hint", locale),
                component=component,
            )
        )
    modal.stop()  # so that discord.py does not keep a record, which is not needed here
    return modal


def describe_moderation(
    rules: GuildRules, locale: str | None, *, word_count: int, block_count: int
) -> str:
    """Return a server's settings for moderation, one a line."""
    staff = rules.staff_channel
    return translate(
        "setup.moderation",
        locale,
        staff=translate("setup.no_staff_channel", locale) if staff is None else f"<#{staff}>",
        clips=translate("setup.no_review", locale)
        if rules.review_scope is ReviewScope.OFF
        else translate(f"choice.review.{rules.review_scope}", locale),
        reports=_format_reports(rules.reports_to_hide, locale),
        words=word_count,
        blocked=block_count,
    )


def _list_default_channels(rules: GuildRules | None) -> list[discord.SelectDefaultValue]:
    if rules is None or rules.staff_channel is None:
        return []
    kind = discord.SelectDefaultValueType.channel
    return [discord.SelectDefaultValue(id=rules.staff_channel, type=kind)]


def _list_scope_options(rules: GuildRules, locale: str | None) -> list[discord.SelectOption]:
    is_new = rules.staff_channel is None and rules.review_scope is ReviewScope.OFF
    current = ReviewScope.UNTRUSTED if is_new else rules.review_scope
    scopes = dict.fromkeys((*_OFFERED_SCOPES, current))
    return [
        discord.SelectOption(
            label=translate(f"choice.review.{scope}", locale),
            value=scope,
            default=scope is current,
        )
        for scope in scopes
    ]


def _list_report_options(rules: GuildRules, locale: str | None) -> list[discord.SelectOption]:
    current = rules.reports_to_hide
    return [
        discord.SelectOption(
            label=_format_reports(count, locale), value=str(count), default=count == current
        )
        for count in sorted({*_REPORTS_TO_HIDE, current})
    ]


def _format_reports(count: int, locale: str | None) -> str:
    if count == 0:
        return translate("choice.hide_after.off", locale)
    return translate("choice.hide_after.reports", locale, count=count)


def _build_select(
    field: ModerationField, options: Sequence[discord.SelectOption]
) -> ui.Select[ui.View]:
    return ui.Select(custom_id=field, options=list(options))
