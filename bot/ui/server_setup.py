"""The message of `/server setup`: two pages with a menu for each setting, and what belongs to it.

The first page has all that keeps a new server safe.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import discord
from discord import ui

from bot.domain.billing.limits import NO_LIMITS, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.billing.quota_presets import (
    CONFIRMATION_PRICES,
    find_quota_preset,
    is_unset,
    list_monthly_budgets,
    list_quota_presets,
)
from bot.domain.guild import (
    LANGUAGES,
    MAX_ALLOWED_CHANNELS,
    NEVER_CONFIRM,
    GuildRules,
    ReplyMode,
    ReviewScope,
)
from bot.domain.jobs.request import PersonRule
from bot.i18n.catalogs import resolve_language, translate
from bot.i18n.formatting import format_money, join_fitting_lines, join_list
from bot.ui.components import (
    ACCENT_COLOR,
    ActionButton,
    SettingMenu,
    build_action_row,
    build_button,
    build_view,
)
from bot.ui.custom_ids import ButtonAction, SetupSetting
from bot.ui.moderation_form import describe_moderation
from bot.ui.text_lists import format_limits

UNSET_OPTION: Final = "unset"
"""The option that removes a setting."""
KEEP_OPTION: Final = "keep"
"""The option for current values that no other option has."""
CLIP_CHANNEL_TYPES: Final = (
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.voice,
    discord.ChannelType.stage_voice,
    discord.ChannelType.forum,
)
"""Channels in which clips can be requested."""
NEVER_OPTION: Final = "never"
"""The option to never ask for confirmation."""
AGE_RESTRICTED_OPTION: Final = "restricted"
"""The option to make clips in age-restricted channels only."""
_MAXIMUM_LABEL_LENGTH: Final = 100
_PART_SEPARATOR: Final = " · "


class SetupPage(StrEnum):
    """A part of the message, which a button of `PAGE_BUTTONS` shows."""

    SAFETY = "safety"
    """Costs, replies, people, age and moderation."""
    CHANNELS = "channels"
    """Where the bot works, and in which language."""


PAGE_BUTTONS: Final = {
    SetupPage.SAFETY: ButtonAction.SETUP_PAGE_SAFETY,
    SetupPage.CHANNELS: ButtonAction.SETUP_PAGE_CHANNELS,
}


@dataclass(frozen=True, slots=True)
class SetupState:
    """The current settings of a server.

    ``member_limits`` are the default for members. Menus show only ``existing_channel_ids`` and
    ``existing_role_ids`` as selected. ``discord_locale`` is the server's language in Discord.
    ``budget`` is set by the server, ``ceiling`` and ``default_confirmation_price`` by the operator.
    ``word_count`` and ``block_count`` are the lengths of the word list and of the list of blocked
    members.
    ``adults_only`` is the operator's choice of age-restricted channels for every server.
    """

    rules: GuildRules
    member_limits: UsageLimits
    showcase_channel_id: int | None
    existing_channel_ids: frozenset[int]
    discord_locale: str
    budget: UsageLimits = NO_LIMITS
    ceiling: UsageLimits = NO_LIMITS
    default_confirmation_price: Micros | None = None
    word_count: int = 0
    block_count: int = 0
    adults_only: bool = False
    existing_role_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class PermissionCheck:
    """The permissions that the bot lacks in a channel, or `None` if it cannot see the channel."""

    channel_id: int
    missing: Sequence[str] | None


def build_setup_view(
    state: SetupState,
    locale: str | None,
    *,
    page: SetupPage = SetupPage.SAFETY,
    notice: str = "",
) -> ui.LayoutView:
    """Return a page of the message. ``notice`` says what has just changed."""
    container: ui.Container[ui.LayoutView] = ui.Container(accent_color=ACCENT_COLOR)
    container.add_item(ui.TextDisplay(translate("setup.title", locale)))
    container.add_item(build_action_row(*_build_page_buttons(page, locale)))
    is_first = page is SetupPage.SAFETY
    for item in (
        _build_safety_page(state, locale) if is_first else _build_channels_page(state, locale)
    ):
        container.add_item(item)
    if notice:
        container.add_item(ui.Separator())
        container.add_item(ui.TextDisplay(notice))
    return build_view(container)


def _build_page_buttons(current: SetupPage, locale: str | None) -> list[ActionButton]:
    return [
        build_button(action, 0, locale, primary=page is current)
        for page, action in PAGE_BUTTONS.items()
    ]


def _build_safety_page(state: SetupState, locale: str | None) -> Iterator[ui.Item[Any]]:
    for text, menu in (
        _build_quota_menu(state, locale),
        _build_budget_menu(state, locale),
        _build_confirmation_menu(state, locale),
        _build_replies_menu(state, locale),
        _build_people_menu(state, locale),
        _build_age_menu(state, locale),
    ):
        yield ui.TextDisplay(text)
        yield build_action_row(menu)
    moderation = describe_moderation(
        state.rules, locale, word_count=state.word_count, block_count=state.block_count
    )
    button = build_button(ButtonAction.MODERATION, 0, locale, primary=True)
    yield ui.Section(moderation, accessory=button)
    if state.rules.review_scope is ReviewScope.UNTRUSTED:
        text, menu = _build_trusted_role_menu(state, locale)
        yield ui.TextDisplay(text)
        yield build_action_row(menu)


def _build_channels_page(state: SetupState, locale: str | None) -> Iterator[ui.Item[Any]]:
    for text, menu in (
        _build_channels_menu(state, locale),
        _build_showcase_menu(state, locale),
        _build_language_menu(state, locale),
    ):
        yield ui.TextDisplay(text)
        yield build_action_row(menu)
    check = build_button(ButtonAction.CHECK_PERMISSIONS, 0, locale)
    yield ui.Section(translate("setup.permissions", locale), accessory=check)


def format_permission_checks(results: Sequence[PermissionCheck], locale: str | None) -> str:
    return join_fitting_lines([_format_permission_check(result, locale) for result in results])


def _format_permission_check(result: PermissionCheck, locale: str | None) -> str:
    channel = f"<#{result.channel_id}>"
    if result.missing is None:
        return translate("setup.unseen", locale, channel=channel)
    if not result.missing:
        return translate("setup.fine", locale, channel=channel)
    names = (f"**{translate(f'permission.{name}', locale)}**" for name in result.missing)
    return translate("setup.lacking", locale, channel=channel, missing=join_list(names, locale))


def _build_channels_menu(state: SetupState, locale: str | None) -> tuple[str, SettingMenu]:
    allowed = sorted(state.rules.allowed_channels)
    mentions = join_list((f"<#{channel_id}>" for channel_id in allowed), locale)
    menu = SettingMenu.from_channels(
        SetupSetting.CHANNELS,
        channel_types=CLIP_CHANNEL_TYPES,
        selected_ids=[channel for channel in allowed if channel in state.existing_channel_ids],
        maximum=MAX_ALLOWED_CHANNELS,
        placeholder=translate("setup.channels_hint", locale),
    )
    channels = mentions or translate("setup.everywhere", locale)
    return translate("setup.channels", locale, channels=channels), menu


def _build_people_menu(state: SetupState, locale: str | None) -> tuple[str, SettingMenu]:
    current = state.rules.person_rule
    options = [
        discord.SelectOption(
            label=translate(f"choice.people.{rule or UNSET_OPTION}", locale),
            value=rule or UNSET_OPTION,
            default=current is rule,
        )
        for rule in (None, *PersonRule)
    ]
    return translate("setup.people", locale), SettingMenu.from_options(SetupSetting.PEOPLE, options)


def _build_age_menu(state: SetupState, locale: str | None) -> tuple[str, SettingMenu]:
    options = [
        discord.SelectOption(
            label=translate(f"choice.age.{option}", locale),
            value=option,
            default=state.rules.age_restricted_only is is_restricted,
        )
        for option, is_restricted in ((UNSET_OPTION, False), (AGE_RESTRICTED_OPTION, True))
    ]
    text = translate("setup.age_by_operator" if state.adults_only else "setup.age", locale)
    return text, SettingMenu.from_options(SetupSetting.AGE, options)


def _build_trusted_role_menu(state: SetupState, locale: str | None) -> tuple[str, SettingMenu]:
    role = state.rules.trusted_role
    menu = SettingMenu.from_roles(
        SetupSetting.TRUSTED_ROLE,
        selected_id=role if role in state.existing_role_ids else None,
        placeholder=translate("setup.trusted_role_hint", locale),
    )
    if role is None:
        return translate("setup.no_trusted_role", locale), menu
    return translate("setup.trusted_role", locale, role=f"<@&{role}>"), menu


def _build_quota_menu(state: SetupState, locale: str | None) -> tuple[str, SettingMenu]:
    current = find_quota_preset(state.member_limits)
    if current not in list_quota_presets(state.ceiling):
        current = None  # more than the server may spend, so it is shown but not offered
    unset = is_unset(state.member_limits)
    options = [
        discord.SelectOption(
            label=translate("choice.quota.unset", locale), value=UNSET_OPTION, default=unset
        ),
        *(
            discord.SelectOption(
                label=translate(f"choice.quota.{preset}", locale),
                value=preset,
                description=_shorten_label(format_limits(limits, locale)),
                default=current is preset,
            )
            for preset, limits in list_quota_presets(state.ceiling).items()
        ),
    ]
    if current is None and not unset:
        options.append(_build_keep_option(format_limits(state.member_limits, locale), locale))
    return translate("setup.quota", locale), SettingMenu.from_options(SetupSetting.QUOTA, options)


def _build_budget_menu(state: SetupState, locale: str | None) -> tuple[str, SettingMenu]:
    budget = state.budget
    amounts = list_monthly_budgets(state.ceiling)
    current = budget.usd_per_month
    is_offered = current in amounts and budget == UsageLimits(usd_per_month=current)
    options = [
        discord.SelectOption(
            label=translate("choice.budget.unset", locale),
            value=UNSET_OPTION,
            description=_shorten_label(format_limits(state.ceiling, locale)),
            default=is_unset(budget),
        ),
        *(
            discord.SelectOption(
                label=translate("choice.budget.amount", locale, price=format_money(amount, locale)),
                value=str(amount),
                default=is_offered and current == amount,
            )
            for amount in amounts
        ),
    ]
    if not is_offered and not is_unset(budget):
        options.append(_build_keep_option(format_limits(budget, locale), locale))
    menu = SettingMenu.from_options(SetupSetting.BUDGET, options)
    return translate("setup.budget", locale), menu


def _build_confirmation_menu(state: SetupState, locale: str | None) -> tuple[str, SettingMenu]:
    current, default = state.rules.confirm_above, state.default_confirmation_price
    choices = {str(price): price for price in CONFIRMATION_PRICES} | {
        NEVER_OPTION: NEVER_CONFIRM,
    }
    shown_default = (
        translate("choice.confirm.never", locale)
        if default is None
        else translate("choice.confirm.amount", locale, price=format_money(default, locale))
    )
    options = [
        discord.SelectOption(
            label=_shorten_label(translate("choice.confirm.unset", locale, default=shown_default)),
            value=UNSET_OPTION,
            default=current is None,
        ),
        *(
            discord.SelectOption(
                label=translate("choice.confirm.never", locale)
                if price >= NEVER_CONFIRM
                else translate("choice.confirm.amount", locale, price=format_money(price, locale)),
                value=value,
                default=current == price,
            )
            for value, price in choices.items()
        ),
    ]
    if current is not None and current not in choices.values():
        options.append(_build_keep_option(format_money(current, locale), locale))
    menu = SettingMenu.from_options(SetupSetting.CONFIRMATION, options)
    return translate("setup.confirm", locale), menu


def _build_keep_option(description: str, locale: str | None) -> discord.SelectOption:
    """Return the option for a current value that no other option has."""
    return discord.SelectOption(
        label=translate("choice.quota.keep", locale),
        value=KEEP_OPTION,
        description=_shorten_label(description),
        default=True,
    )


def _build_showcase_menu(state: SetupState, locale: str | None) -> tuple[str, SettingMenu]:
    current = state.showcase_channel_id
    menu = SettingMenu.from_channels(
        SetupSetting.SHOWCASE,
        channel_types=(discord.ChannelType.text,),
        selected_ids=[current] if current in state.existing_channel_ids else [],
        maximum=1,
        placeholder=translate("setup.showcase_hint", locale),
    )
    channel = translate("setup.nowhere", locale) if current is None else f"<#{current}>"
    return translate("setup.showcase", locale, channel=channel), menu


def _build_replies_menu(state: SetupState, locale: str | None) -> tuple[str, SettingMenu]:
    options = [
        discord.SelectOption(
            label=translate(f"choice.replies.{mode}", locale),
            value=mode,
            default=state.rules.reply_mode is mode,
        )
        for mode in ReplyMode
    ]
    menu = SettingMenu.from_options(SetupSetting.REPLIES, options)
    return translate("setup.replies", locale), menu


def _build_language_menu(state: SetupState, locale: str | None) -> tuple[str, SettingMenu]:
    language = resolve_language(state.discord_locale)
    name = next(
        (name for code, name in LANGUAGES.items() if resolve_language(code) == language), language
    )
    options = [
        discord.SelectOption(
            label=_shorten_label(translate("choice.language.unset", locale, language=name)),
            value=UNSET_OPTION,
            default=state.rules.locale is None,
        ),
        *(
            discord.SelectOption(label=own_name, value=code, default=state.rules.locale == code)
            for code, own_name in LANGUAGES.items()
        ),
    ]
    menu = SettingMenu.from_options(SetupSetting.LANGUAGE, options)
    return translate("setup.language", locale), menu


def _shorten_label(text: str) -> str:
    """Return as many whole parts as fit, because a cut amount would be a different amount."""
    if len(text) <= _MAXIMUM_LABEL_LENGTH:
        return text
    head = text[: _MAXIMUM_LABEL_LENGTH - 1]
    end = max(head.rfind(_PART_SEPARATOR), 0) or max(head.rfind(" "), 0) or len(head) - 1
    return head[:end].rstrip() + " …"
