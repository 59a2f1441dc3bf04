"""The one message of `/server setup`: a menu for each choice, below what is set now. Pure, no I/O.

It has five rows and a button beside its last text; every item works for ever (`bot.ui.components`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import ui

from bot.domain.billing.limits import UsageLimits
from bot.domain.billing.quota_presets import QUOTA_PRESETS, QuotaPreset, find_quota_preset, is_unset
from bot.domain.guild import LANGUAGES, MAX_ALLOWED_CHANNELS, GuildRules
from bot.domain.jobs.request import PersonRule
from bot.i18n.catalogs import resolve_language, translate
from bot.i18n.formatting import join_fitting_lines, join_list
from bot.ui.components import SettingMenu
from bot.ui.custom_ids import ActionButton, ButtonAction, SetupSetting
from bot.ui.text_lists import format_limits

UNSET_OPTION: Final = "unset"
"""The choice that takes a setting back."""
KEEP_OPTION: Final = "keep"
"""The choice that stands for limits which no preset is."""
CLIP_CHANNEL_TYPES: Final = (
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.voice,
    discord.ChannelType.stage_voice,
    discord.ChannelType.forum,
)
"""Where clips can be asked for."""
_MAXIMUM_LABEL_LENGTH: Final = 100


@dataclass(frozen=True, slots=True)
class SetupState:
    """What is set in a server now.

    ``quota`` are the limits of every member; ``there`` are the channels that still exist, which a
    menu may show as chosen; ``spoken`` is the server's language in Discord.
    """

    rules: GuildRules
    member_limits: UsageLimits
    showcase_channel_id: int | None
    existing_channel_ids: frozenset[int]
    discord_locale: str


@dataclass(frozen=True, slots=True)
class PermissionCheck:
    """What the bot lacks in a channel; ``missing`` is ``None`` where it cannot even see it."""

    channel_id: int
    missing: Sequence[str] | None


def build_setup_view(state: SetupState, locale: str | None, *, notice: str = "") -> ui.LayoutView:
    """Return the message; ``note`` says what has just been done."""
    container: ui.Container[ui.LayoutView] = ui.Container(accent_colour=0x4F7CAC)
    container.add_item(ui.TextDisplay(translate("setup.title", locale)))
    for text, menu in (
        _build_channels_menu(state, locale),
        _build_people_menu(state, locale),
        _build_quota_menu(state, locale),
        _build_showcase_menu(state, locale),
        _build_language_menu(state, locale),
    ):
        container.add_item(ui.TextDisplay(text))
        row: ui.ActionRow[Any] = ui.ActionRow()
        row.add_item(menu)
        container.add_item(row)
    test = ActionButton(ButtonAction.CHECK_PERMISSIONS, 0, label=translate("button.check", locale))
    container.add_item(ui.Section(translate("setup.permissions", locale), accessory=test))
    if notice:
        container.add_item(ui.TextDisplay(notice))
    view = ui.LayoutView(timeout=None)
    view.add_item(container)
    return view


def format_permission_checks(results: Sequence[PermissionCheck], locale: str | None) -> str:
    """Return what the test of the permissions found, a channel a line."""
    return join_fitting_lines([_format_permission_check(each, locale) for each in results])


def _format_permission_check(result: PermissionCheck, locale: str | None) -> str:
    channel = f"<#{result.channel_id}>"
    if result.missing is None:
        return translate("setup.unseen", locale, channel=channel)
    if not result.missing:
        return translate("setup.fine", locale, channel=channel)
    names = join_list(
        (f"**{translate(f'permission.{name}', locale)}**" for name in result.missing), locale
    )
    return translate("setup.lacking", locale, channel=channel, missing=names)


def _build_channels_menu(state: SetupState, locale: str | None) -> tuple[str, SettingMenu]:
    allowed = sorted(state.rules.allowed_channels)
    named = join_list((f"<#{each}>" for each in allowed), locale) or translate(
        "setup.everywhere", locale
    )
    menu = SettingMenu.from_channels(
        SetupSetting.CHANNELS,
        channel_types=CLIP_CHANNEL_TYPES,
        selected_ids=[each for each in allowed if each in state.existing_channel_ids],
        maximum=MAX_ALLOWED_CHANNELS,
        placeholder=translate("setup.channels_hint", locale),
    )
    return translate("setup.channels", locale, channels=named), menu


def _build_people_menu(state: SetupState, locale: str | None) -> tuple[str, SettingMenu]:
    rule = state.rules.person_rule
    options = [
        discord.SelectOption(
            label=translate("choice.people.unset", locale), value=UNSET_OPTION, default=rule is None
        ),
        *(
            discord.SelectOption(
                label=translate(f"choice.people.{each}", locale), value=each, default=rule is each
            )
            for each in PersonRule
        ),
    ]
    return translate("setup.people", locale), SettingMenu.from_options(SetupSetting.PEOPLE, options)


def _build_quota_menu(state: SetupState, locale: str | None) -> tuple[str, SettingMenu]:
    chosen = find_quota_preset(state.member_limits)
    unset = is_unset(state.member_limits)
    options = [
        discord.SelectOption(
            label=translate("choice.quota.unset", locale), value=UNSET_OPTION, default=unset
        ),
        *(
            discord.SelectOption(
                label=translate(f"choice.quota.{each}", locale),
                value=each,
                description=_shorten_label(format_limits(QUOTA_PRESETS[each], locale)),
                default=chosen is each,
            )
            for each in QuotaPreset
        ),
    ]
    if chosen is None and not unset:
        options.append(
            discord.SelectOption(
                label=translate("choice.quota.keep", locale),
                value=KEEP_OPTION,
                description=_shorten_label(format_limits(state.member_limits, locale)),
                default=True,
            )
        )
    return translate("setup.quota", locale), SettingMenu.from_options(SetupSetting.QUOTA, options)


def _build_showcase_menu(state: SetupState, locale: str | None) -> tuple[str, SettingMenu]:
    here = state.showcase_channel_id
    menu = SettingMenu.from_channels(
        SetupSetting.SHOWCASE,
        channel_types=(discord.ChannelType.text,),
        selected_ids=[here] if here is not None and here in state.existing_channel_ids else [],
        maximum=1,
        placeholder=translate("setup.showcase_hint", locale),
    )
    named = translate("setup.nowhere", locale) if here is None else f"<#{here}>"
    return translate("setup.showcase", locale, channel=named), menu


def _build_language_menu(state: SetupState, locale: str | None) -> tuple[str, SettingMenu]:
    spoken = resolve_language(state.discord_locale)
    name = next((LANGUAGES[each] for each in LANGUAGES if resolve_language(each) == spoken), spoken)
    options = [
        discord.SelectOption(
            label=_shorten_label(translate("choice.language.unset", locale, language=name)),
            value=UNSET_OPTION,
            default=state.rules.locale is None,
        ),
        *(
            discord.SelectOption(label=own, value=each, default=state.rules.locale == each)
            for each, own in LANGUAGES.items()
        ),
    ]
    return translate("setup.language", locale), SettingMenu.from_options(
        SetupSetting.LANGUAGE, options
    )


def _shorten_label(text: str) -> str:
    return text if len(text) <= _MAXIMUM_LABEL_LENGTH else text[: _MAXIMUM_LABEL_LENGTH - 1] + "…"
