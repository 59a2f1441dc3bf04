"""The part of `/server setup` about moderation: a form, and the menu of the trusted role."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord.ext import commands

from bot.discord.permissions import drop_implied_permissions, find_missing_in_channel
from bot.domain.guild import GuildRules, ReviewScope
from bot.domain.moderation.report import MAX_REPORTS_TO_HIDE
from bot.domain.moderation.word_list import WordAction
from bot.i18n.catalogs import translate
from bot.i18n.formatting import join_fitting_lines
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.moderation.staff_channel import StaffChannelService
from bot.services.moderation.word_lists import WordListService
from bot.ui.custom_ids import ButtonAction, FormKind, SetupSetting
from bot.ui.error_messages import describe_error
from bot.ui.moderation_form import ModerationField, build_moderation_form
from bot.ui.router import InteractionRouter, parse_choice
from bot.ui.staff_channel import describe_unusable_channel, list_staff_warnings
from cogs._common.context import require_manager
from cogs._common.modals import read_for_form
from cogs._common.setup_message import SetupMessage, acknowledge_manager
from cogs.server_staff import find_staff_access


@dataclass(kw_only=True, eq=False)
class ModerationSetup(commands.Cog):
    router: InteractionRouter
    server_rules: ServerRulesService
    staff_channels: StaffChannelService
    word_lists: WordListService
    message: SetupMessage

    def __post_init__(self) -> None:
        self.router.register_button(ButtonAction.MODERATION, self.open_form)
        self.router.register_form(FormKind.MODERATION, self.save_form)
        self.router.register_menu(SetupSetting.TRUSTED_ROLE, self.choose_trusted_role)

    async def open_form(self, interaction: discord.Interaction, _number: int) -> None:
        """Show what is set, in a form that changes it."""
        guild = require_manager(interaction)
        rules = await read_for_form(self.server_rules.guilds.load_rules(guild.id))
        staff_channel = rules.staff_channel
        form = build_moderation_form(
            rules,
            interaction.locale.value,
            has_staff_channel=staff_channel is not None
            and guild.get_channel(staff_channel) is not None,
        )
        await interaction.response.send_modal(form)

    async def save_form(
        self, interaction: discord.Interaction, _number: int, fields: Mapping[str, str]
    ) -> None:
        """Save all that can be, and say what could not."""
        guild = await acknowledge_manager(interaction)
        locale, actor_id = interaction.locale.value, interaction.user.id
        rules = await self.server_rules.guilds.load_rules(guild.id)
        changes, problems = _read_changes(guild, rules, fields, locale)
        status = await self.staff_channels.change_rules(guild.id, actor_id=actor_id, **changes)
        lines = [translate("setup.saved", locale)]
        typed = fields.get(ModerationField.WORDS, "")
        if typed.strip():
            action = parse_choice(WordAction, fields.get(ModerationField.ACTION, ""))
            change, refusals = await self.word_lists.add_valid_entries(
                guild.id, typed, action, actor_id=actor_id
            )
            if change is not None:
                text = translate("setup.words", locale, added=change.changed, total=change.total)
                lines.append(text)
            problems += [describe_error(refusal, locale) for refusal in refusals]
        staff_channel = status.rules.staff_channel
        if staff_channel is not None and "staff_channel" in changes:
            access = find_staff_access(guild, status.rules)
            problems += list_staff_warnings(staff_channel, access, locale)
        notice = join_fitting_lines([*lines, *problems])
        await self.message.update(interaction, guild, notice=notice)

    async def choose_trusted_role(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        guild = await acknowledge_manager(interaction)
        role = int(values[0]) if values else None
        await self.server_rules.change_rules(
            guild.id, actor_id=interaction.user.id, trusted_role=role
        )
        await self.message.update(interaction, guild)


def _read_changes(
    guild: discord.Guild, rules: GuildRules, fields: Mapping[str, str], locale: str
) -> tuple[dict[str, Any], list[str]]:
    """Return the rules to change, and what is wrong with the other choices.

    The form never takes the staff channel away, and clips are reviewed only if there is one.
    """
    changes: dict[str, Any] = {}
    problems = []
    staff_channel, chosen = rules.staff_channel, fields.get(ModerationField.STAFF, "")
    if chosen:
        channel = guild.get_channel(int(chosen))
        missing = None if channel is None else find_missing_in_channel(channel)
        if channel is not None and not missing:
            changes["staff_channel"] = staff_channel = channel.id
        else:
            names = None if missing is None else drop_implied_permissions(missing)
            problems.append(describe_unusable_channel(int(chosen), names, locale))
    scope = parse_choice(ReviewScope, fields.get(ModerationField.REVIEW, ""))
    if scope is ReviewScope.OFF or staff_channel is not None:
        changes["review_scope"] = scope
    elif not chosen:
        problems.append(translate("setup.review_without_channel", locale))
    reports = fields.get(ModerationField.REPORTS, "")
    if reports.isdecimal():
        changes["reports_to_hide"] = min(int(reports), MAX_REPORTS_TO_HIDE)
    return changes, problems
