"""`/server setup`: one message with the most important settings of a server.

Every choice takes effect at once. `cogs.setup_moderation` has the part about moderation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.permissions import (
    find_missing_in_channel,
    find_missing_permissions,
    find_missing_with_star,
)
from bot.domain.billing.limits import NO_SUBJECT, LimitSubject, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.billing.quota_presets import (
    CONFIRMATION_PRICES,
    QUOTA_PRESETS,
    QuotaPreset,
    list_monthly_budgets,
)
from bot.domain.errors import RecordNotFound
from bot.domain.guild import LANGUAGES, MAX_ALLOWED_CHANNELS, NEVER_CONFIRM, ReplyMode
from bot.domain.jobs.request import PersonRule
from bot.i18n.catalogs import build_command_text, translate
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.admin.quotas import QuotaService
from bot.services.jobs.requests import RequestService
from bot.services.showcase.showcase import ShowcaseService
from bot.store.guilds import GuildStore
from bot.ui.custom_ids import ButtonAction, SetupSetting
from bot.ui.router import InteractionRouter, parse_choice
from bot.ui.server_age import describe_age_rule
from bot.ui.server_rules import describe_person_rule_cost
from bot.ui.server_setup import (
    AGE_RESTRICTED_OPTION,
    KEEP_OPTION,
    NEVER_OPTION,
    PAGE_BUTTONS,
    UNSET_OPTION,
    PermissionCheck,
    SetupPage,
    format_permission_checks,
)
from cogs._common.context import require_manager
from cogs._common.setup_message import SetupMessage, acknowledge_manager
from cogs.server_age import has_age_restricted_channel
from cogs.server_staff import find_staff_access


@dataclass(kw_only=True, eq=False)
class SetupCommands(commands.Cog):
    """`/server setup` (part of the `/server` group) and the menus of its message."""

    router: InteractionRouter
    quota_service: QuotaService
    request_service: RequestService
    server_rules: ServerRulesService
    showcase_service: ShowcaseService
    guilds: GuildStore
    message: SetupMessage
    adults_only: bool = False

    def __post_init__(self) -> None:
        self.router.register_menu(SetupSetting.CHANNELS, self.choose_channels)
        self.router.register_menu(SetupSetting.PEOPLE, self.choose_people)
        self.router.register_menu(SetupSetting.AGE, self.choose_age_rule)
        self.router.register_menu(SetupSetting.QUOTA, self.choose_quota)
        self.router.register_menu(SetupSetting.BUDGET, self.choose_budget)
        self.router.register_menu(SetupSetting.CONFIRMATION, self.choose_confirmation)
        self.router.register_button(ButtonAction.SETUP, self.press_setup)
        for page, action in PAGE_BUTTONS.items():
            self.router.register_button(action, partial(self.turn_page, page))
        self.router.register_menu(SetupSetting.SHOWCASE, self.choose_showcase)
        self.router.register_menu(SetupSetting.REPLIES, self.choose_replies)
        self.router.register_menu(SetupSetting.LANGUAGE, self.choose_language)
        self.router.register_button(ButtonAction.CHECK_PERMISSIONS, self.check_permissions)

    @app_commands.command(name="setup", description=build_command_text("command.server.setup"))
    async def show_setup(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self.message.update(interaction, require_manager(interaction), notice="")

    async def choose_channels(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        """Allow the bot only in these channels, or everywhere if none is chosen."""
        channel_ids = frozenset(int(value) for value in values[:MAX_ALLOWED_CHANNELS])
        await self._change_rules(interaction, SetupPage.CHANNELS, allowed_channels=channel_ids)

    async def choose_people(self, interaction: discord.Interaction, values: Sequence[str]) -> None:
        """Set the server's person rule, and show what it costs."""
        rule = None if values[0] == UNSET_OPTION else parse_choice(PersonRule, values[0])
        guild = await acknowledge_manager(interaction)
        await self.server_rules.change_rules(
            guild.id, actor_id=interaction.user.id, person_rule=rule
        )
        locale = interaction.locale.value
        lines = [translate("setup.saved", locale)]
        if rule is not None:
            cost = self.request_service.assess_person_rule(rule)
            lines += describe_person_rule_cost(cost, locale)
        await self.message.update(interaction, guild, notice="\n".join(lines))

    async def choose_age_rule(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        """Make clips in age-restricted channels only, or everywhere."""
        guild = await acknowledge_manager(interaction)
        rules = await self.server_rules.change_rules(
            guild.id,
            actor_id=interaction.user.id,
            age_restricted_only=values[0] == AGE_RESTRICTED_OPTION,
        )
        locale = interaction.locale.value
        rule = describe_age_rule(
            rules,
            locale,
            adults_only=self.adults_only,
            has_channel=has_age_restricted_channel(guild, rules),
        )
        await self.message.update(
            interaction, guild, notice="\n".join([translate("setup.saved", locale), rule])
        )

    async def choose_quota(self, interaction: discord.Interaction, values: Sequence[str]) -> None:
        guild = await acknowledge_manager(interaction)
        if values[0] != KEEP_OPTION:
            limits = (
                None
                if values[0] == UNSET_OPTION
                else QUOTA_PRESETS[parse_choice(QuotaPreset, values[0])]
            )
            await self.quota_service.set_limit(
                guild.id, LimitSubject.DEFAULT, NO_SUBJECT, limits, actor_id=interaction.user.id
            )
        await self.message.update(interaction, guild)

    async def choose_budget(self, interaction: discord.Interaction, values: Sequence[str]) -> None:
        """Replace the server's budget by a limit for a month."""
        guild = await acknowledge_manager(interaction)
        if values[0] != KEEP_OPTION:
            limits = None
            if values[0] != UNSET_OPTION:
                offered = list_monthly_budgets(self.quota_service.server_ceiling)
                limits = UsageLimits(usd_per_month=_parse_amount(values[0], offered))
            await self.quota_service.replace_limit(
                guild.id, LimitSubject.GUILD, NO_SUBJECT, limits, actor_id=interaction.user.id
            )
        await self.message.update(interaction, guild)

    async def choose_confirmation(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        if values[0] == KEEP_OPTION:
            await self.message.update(interaction, await acknowledge_manager(interaction))
            return
        price = None
        if values[0] == NEVER_OPTION:
            price = NEVER_CONFIRM
        elif values[0] != UNSET_OPTION:
            price = _parse_amount(values[0], CONFIRMATION_PRICES)
        await self._change_rules(interaction, confirm_above=price)

    async def press_setup(self, interaction: discord.Interaction, _number: int) -> None:
        """Open the setup from the guide. Raises `NotAllowed`."""
        guild = require_manager(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self.message.update(interaction, guild, notice="")

    async def turn_page(
        self, page: SetupPage, interaction: discord.Interaction, _number: int
    ) -> None:
        guild = await acknowledge_manager(interaction)
        await self.message.update(interaction, guild, page, notice="")

    async def choose_showcase(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        guild = await acknowledge_manager(interaction)
        channel = guild.get_channel(int(values[0])) if values else None
        missing = None if channel is None else find_missing_in_channel(channel)
        if values and missing != []:
            check = PermissionCheck(int(values[0]), missing)
            notice = format_permission_checks([check], interaction.locale.value)
            await self.message.update(interaction, guild, SetupPage.CHANNELS, notice=notice)
            return
        await self.showcase_service.configure(
            guild.id,
            actor_id=interaction.user.id,
            channel_id=None if channel is None else channel.id,
            name=guild.name,
            locale=guild.preferred_locale.value,
        )
        await self.message.update(interaction, guild, SetupPage.CHANNELS)

    async def choose_replies(self, interaction: discord.Interaction, values: Sequence[str]) -> None:
        await self._change_rules(interaction, reply_mode=ReplyMode(values[0]))

    async def choose_language(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        locale = values[0] if values[0] in LANGUAGES else None
        await self._change_rules(interaction, SetupPage.CHANNELS, locale=locale)

    async def _change_rules(
        self,
        interaction: discord.Interaction,
        page: SetupPage = SetupPage.SAFETY,
        **changes: Any,
    ) -> None:
        guild = await acknowledge_manager(interaction)
        await self.server_rules.change_rules(guild.id, actor_id=interaction.user.id, **changes)
        await self.message.update(interaction, guild, page)

    async def check_permissions(self, interaction: discord.Interaction, _number: int) -> None:
        """Show which permissions the bot lacks here, and in the channels that were chosen."""
        guild = await acknowledge_manager(interaction)
        rules = await self.guilds.load_rules(guild.id)
        showcase_settings = await self.showcase_service.settings.load_settings(guild.id)
        other_ids = sorted(rules.allowed_channels)
        find_missing = find_missing_permissions
        if showcase_settings.channel_id is not None:
            other_ids.insert(0, showcase_settings.channel_id)
            find_missing = find_missing_with_star
        results = []
        here = interaction.channel_id
        if here is not None:
            missing = find_missing(interaction.app_permissions, interaction.channel)
            results.append(PermissionCheck(here, missing))
        for channel_id in dict.fromkeys(other for other in other_ids if other != here):
            channel = guild.get_channel_or_thread(channel_id)
            missing_there = (
                None
                if channel is None
                else find_missing(channel.permissions_for(guild.me), channel)
            )
            results.append(PermissionCheck(channel_id, missing_there))
        staff_channel = rules.staff_channel
        if staff_channel is not None and staff_channel not in (here, *other_ids):
            access = find_staff_access(guild, rules)
            results.append(PermissionCheck(staff_channel, access.missing))
        notice = format_permission_checks(results, interaction.locale.value)
        await self.message.update(interaction, guild, SetupPage.CHANNELS, notice=notice)


def _parse_amount(value: str, offered: Sequence[Micros]) -> Micros:
    """Return the chosen amount. Raises `RecordNotFound` if it is not offered any more."""
    chosen = next((amount for amount in offered if str(amount) == value), None)
    if chosen is None:
        raise RecordNotFound("component")
    return chosen
