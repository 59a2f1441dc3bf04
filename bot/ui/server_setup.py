"""The one message of `/server setup`: a menu for each choice, below what is set now. Pure, no I/O.

It has five rows and a button beside its last text; every item works for ever (`bot.ui.components`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import ui

from bot.domain.billing.limits import Limits
from bot.domain.billing.quota_presets import ALLOWANCES, Allowance, allowance_of, is_unset
from bot.domain.guild import LANGUAGES, MOST_CHANNELS, GuildRules
from bot.domain.jobs.request import PersonRule
from bot.i18n.catalogs import language_for, say
from bot.i18n.formatting import fit, listed
from bot.ui.components import SettingMenu
from bot.ui.custom_ids import Action, ActionButton, Setting
from bot.ui.text_lists import limits

UNSET: Final = "unset"
"""The choice that takes a setting back."""
KEEP: Final = "keep"
"""The choice that stands for limits which no preset is."""
ROOMS: Final = (
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.voice,
    discord.ChannelType.stage_voice,
    discord.ChannelType.forum,
)
"""Where clips can be asked for."""
_LABEL: Final = 100


@dataclass(frozen=True, slots=True)
class Arrangement:
    """What is set in a server now.

    ``quota`` are the limits of every member; ``there`` are the channels that still exist, which a
    menu may show as chosen; ``spoken`` is the server's language in Discord.
    """

    rules: GuildRules
    quota: Limits
    showcase_id: int | None
    there: frozenset[int]
    spoken: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the bot lacks in a channel; ``missing`` is ``None`` where it cannot even see it."""

    channel_id: int
    missing: Sequence[str] | None


def setup_view(now: Arrangement, locale: str | None, *, note: str = "") -> ui.LayoutView:
    """Return the message; ``note`` says what has just been done."""
    container: ui.Container[ui.LayoutView] = ui.Container(accent_colour=0x4F7CAC)
    container.add_item(ui.TextDisplay(say("setup.title", locale)))
    for text, menu in (
        _channels(now, locale),
        _people(now, locale),
        _quota(now, locale),
        _showcase(now, locale),
        _language(now, locale),
    ):
        container.add_item(ui.TextDisplay(text))
        row: ui.ActionRow[Any] = ui.ActionRow()
        row.add_item(menu)
        container.add_item(row)
    test = ActionButton(Action.CHECK, 0, label=say("button.check", locale))
    container.add_item(ui.Section(say("setup.permissions", locale), accessory=test))
    if note:
        container.add_item(ui.TextDisplay(note))
    view = ui.LayoutView(timeout=None)
    view.add_item(container)
    return view


def verdicts(results: Sequence[Verdict], locale: str | None) -> str:
    """Return what the test of the permissions found, a channel a line."""
    return fit([_tested(each, locale) for each in results])


def _tested(result: Verdict, locale: str | None) -> str:
    channel = f"<#{result.channel_id}>"
    if result.missing is None:
        return say("setup.unseen", locale, channel=channel)
    if not result.missing:
        return say("setup.fine", locale, channel=channel)
    names = listed((f"**{say(f'permission.{name}', locale)}**" for name in result.missing), locale)
    return say("setup.lacking", locale, channel=channel, missing=names)


def _channels(now: Arrangement, locale: str | None) -> tuple[str, SettingMenu]:
    allowed = sorted(now.rules.allowed_channels)
    named = listed((f"<#{each}>" for each in allowed), locale) or say("setup.everywhere", locale)
    menu = SettingMenu.of_channels(
        Setting.CHANNELS,
        kinds=ROOMS,
        chosen=[each for each in allowed if each in now.there],
        most=MOST_CHANNELS,
        placeholder=say("setup.channels_hint", locale),
    )
    return say("setup.channels", locale, channels=named), menu


def _people(now: Arrangement, locale: str | None) -> tuple[str, SettingMenu]:
    rule = now.rules.person_rule
    options = [
        discord.SelectOption(
            label=say("choice.people.unset", locale), value=UNSET, default=rule is None
        ),
        *(
            discord.SelectOption(
                label=say(f"choice.people.{each}", locale), value=each, default=rule is each
            )
            for each in PersonRule
        ),
    ]
    return say("setup.people", locale), SettingMenu.of(Setting.PEOPLE, options)


def _quota(now: Arrangement, locale: str | None) -> tuple[str, SettingMenu]:
    chosen = allowance_of(now.quota)
    unset = is_unset(now.quota)
    options = [
        discord.SelectOption(label=say("choice.quota.unset", locale), value=UNSET, default=unset),
        *(
            discord.SelectOption(
                label=say(f"choice.quota.{each}", locale),
                value=each,
                description=_short(limits(ALLOWANCES[each], locale)),
                default=chosen is each,
            )
            for each in Allowance
        ),
    ]
    if chosen is None and not unset:
        options.append(
            discord.SelectOption(
                label=say("choice.quota.keep", locale),
                value=KEEP,
                description=_short(limits(now.quota, locale)),
                default=True,
            )
        )
    return say("setup.quota", locale), SettingMenu.of(Setting.QUOTA, options)


def _showcase(now: Arrangement, locale: str | None) -> tuple[str, SettingMenu]:
    here = now.showcase_id
    menu = SettingMenu.of_channels(
        Setting.SHOWCASE,
        kinds=(discord.ChannelType.text,),
        chosen=[here] if here is not None and here in now.there else [],
        most=1,
        placeholder=say("setup.showcase_hint", locale),
    )
    named = say("setup.nowhere", locale) if here is None else f"<#{here}>"
    return say("setup.showcase", locale, channel=named), menu


def _language(now: Arrangement, locale: str | None) -> tuple[str, SettingMenu]:
    spoken = language_for(now.spoken)
    name = next((LANGUAGES[each] for each in LANGUAGES if language_for(each) == spoken), spoken)
    options = [
        discord.SelectOption(
            label=_short(say("choice.language.unset", locale, language=name)),
            value=UNSET,
            default=now.rules.locale is None,
        ),
        *(
            discord.SelectOption(label=own, value=each, default=now.rules.locale == each)
            for each, own in LANGUAGES.items()
        ),
    ]
    return say("setup.language", locale), SettingMenu.of(Setting.LANGUAGE, options)


def _short(text: str) -> str:
    return text if len(text) <= _LABEL else text[: _LABEL - 1] + "…"
