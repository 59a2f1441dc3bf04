"""`/server setup`: one message with the most important settings of a server.

Every choice takes effect at once. Then the message is rebuilt from what is stored, so that it is
correct after a restart and after another admin's changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.permissions import (
    find_missing_in_channel,
    find_missing_permissions,
    find_missing_with_star,
)
from bot.domain.billing.limits import NO_LIMITS, NO_SUBJECT, LimitSubject, UsageLimits
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
from bot.services.moderation.request_blocks import RequestBlockService
from bot.services.moderation.word_lists import WordListService
from bot.services.showcase.showcase import ShowcaseService
from bot.store.billing.ledger import LedgerStore
from bot.store.guilds import GuildStore
from bot.ui.custom_ids import ButtonAction, SetupSetting
from bot.ui.router import InteractionRouter, parse_choice
from bot.ui.server_age import describe_age_rule
from bot.ui.server_rules import describe_person_rule_cost
from bot.ui.server_setup import (
    AGE_RESTRICTED_OPTION,
    KEEP_OPTION,
    NEVER_OPTION,
    UNSET_OPTION,
    PermissionCheck,
    SetupState,
    build_setup_view,
    format_permission_checks,
)
from cogs._common.context import require_manager
from cogs.server_age import has_age_restricted_channel


@dataclass(kw_only=True, eq=False)
class SetupCommands(commands.Cog):
    """`/server setup` (part of the `/server` group) and the menus of its message."""

    router: InteractionRouter
    quota_service: QuotaService
    request_service: RequestService
    server_rules: ServerRulesService
    showcase_service: ShowcaseService
    guilds: GuildStore
    ledger: LedgerStore
    word_lists: WordListService
    request_blocks: RequestBlockService
    adults_only: bool = False

    def __post_init__(self) -> None:
        self.router.register_menu(SetupSetting.CHANNELS, self.choose_channels)
        self.router.register_menu(SetupSetting.PEOPLE, self.choose_people)
        self.router.register_menu(SetupSetting.AGE, self.choose_age_rule)
        self.router.register_menu(SetupSetting.QUOTA, self.choose_quota)
        self.router.register_menu(SetupSetting.BUDGET, self.choose_budget)
        self.router.register_menu(SetupSetting.CONFIRMATION, self.choose_confirmation)
        self.router.register_button(ButtonAction.SETUP, self.press_setup)
        self.router.register_menu(SetupSetting.SHOWCASE, self.choose_showcase)
        self.router.register_menu(SetupSetting.REPLIES, self.choose_replies)
        self.router.register_menu(SetupSetting.LANGUAGE, self.choose_language)
        self.router.register_button(ButtonAction.CHECK_PERMISSIONS, self.check_permissions)

    @app_commands.command(name="setup", description=build_command_text("command.server.setup"))
    async def show_setup(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._update_message(interaction, require_manager(interaction), notice="")

    async def choose_channels(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        """Allow the bot only in these channels, or everywhere if none is chosen."""
        channel_ids = frozenset(int(value) for value in values[:MAX_ALLOWED_CHANNELS])
        await self._change_rules(interaction, allowed_channels=channel_ids)

    async def choose_people(self, interaction: discord.Interaction, values: Sequence[str]) -> None:
        """Set the server's person rule, and show what it costs."""
        rule = None if values[0] == UNSET_OPTION else parse_choice(PersonRule, values[0])
        guild = await _acknowledge_manager(interaction)
        await self.server_rules.change_rules(
            guild.id, actor_id=interaction.user.id, person_rule=rule
        )
        locale = interaction.locale.value
        lines = [translate("setup.saved", locale)]
        if rule is not None:
            cost = self.request_service.assess_person_rule(rule)
            lines += describe_person_rule_cost(cost, locale)
        await self._update_message(interaction, guild, notice="\n".join(lines))

    async def choose_age_rule(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        """Make clips in age-restricted channels only, or everywhere."""
        guild = await _acknowledge_manager(interaction)
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
        await self._update_message(
            interaction, guild, notice="\n".join([translate("setup.saved", locale), rule])
        )

    async def choose_quota(self, interaction: discord.Interaction, values: Sequence[str]) -> None:
        guild = await _acknowledge_manager(interaction)
        if values[0] != KEEP_OPTION:
            limits = (
                None
                if values[0] == UNSET_OPTION
                else QUOTA_PRESETS[parse_choice(QuotaPreset, values[0])]
            )
            await self.quota_service.set_limit(
                guild.id, LimitSubject.DEFAULT, NO_SUBJECT, limits, actor_id=interaction.user.id
            )
        await self._update_message(interaction, guild)

    async def choose_budget(self, interaction: discord.Interaction, values: Sequence[str]) -> None:
        """Replace the server's budget by a limit for a month."""
        guild = await _acknowledge_manager(interaction)
        if values[0] != KEEP_OPTION:
            limits = None
            if values[0] != UNSET_OPTION:
                offered = list_monthly_budgets(self.quota_service.server_ceiling)
                limits = UsageLimits(usd_per_month=_parse_amount(values[0], offered))
            await self.quota_service.replace_limit(
                guild.id, LimitSubject.GUILD, NO_SUBJECT, limits, actor_id=interaction.user.id
            )
        await self._update_message(interaction, guild)

    async def choose_confirmation(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        if values[0] == KEEP_OPTION:
            await self._update_message(interaction, await _acknowledge_manager(interaction))
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
        await self._update_message(interaction, guild, notice="")

    async def choose_showcase(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        guild = await _acknowledge_manager(interaction)
        channel = guild.get_channel(int(values[0])) if values else None
        missing = None if channel is None else find_missing_in_channel(channel)
        if values and missing != []:
            check = PermissionCheck(int(values[0]), missing)
            notice = format_permission_checks([check], interaction.locale.value)
            await self._update_message(interaction, guild, notice=notice)
            return
        await self.showcase_service.configure(
            guild.id,
            actor_id=interaction.user.id,
            channel_id=None if channel is None else channel.id,
            name=guild.name,
            locale=guild.preferred_locale.value,
        )
        await self._update_message(interaction, guild)

    async def choose_replies(self, interaction: discord.Interaction, values: Sequence[str]) -> None:
        await self._change_rules(interaction, reply_mode=ReplyMode(values[0]))

    async def choose_language(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        await self._change_rules(interaction, locale=values[0] if values[0] in LANGUAGES else None)

    async def _change_rules(self, interaction: discord.Interaction, **changes: Any) -> None:
        guild = await _acknowledge_manager(interaction)
        await self.server_rules.change_rules(guild.id, actor_id=interaction.user.id, **changes)
        await self._update_message(interaction, guild)

    async def check_permissions(self, interaction: discord.Interaction, _number: int) -> None:
        """Show which permissions the bot lacks here, in the showcase and in allowed channels."""
        guild = await _acknowledge_manager(interaction)
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
        notice = format_permission_checks(results, interaction.locale.value)
        await self._update_message(interaction, guild, notice=notice)

    async def _update_message(
        self, interaction: discord.Interaction, guild: discord.Guild, *, notice: str | None = None
    ) -> None:
        locale = interaction.locale.value
        showcase_settings = await self.showcase_service.settings.load_settings(guild.id)
        rows = await self.ledger.list_limits(guild.id)
        limits = (row.limits for row in rows if row.subject is LimitSubject.DEFAULT)
        state = SetupState(
            rules=await self.guilds.load_rules(guild.id),
            budget=next(
                (row.limits for row in rows if row.subject is LimitSubject.GUILD), NO_LIMITS
            ),
            ceiling=self.quota_service.server_ceiling,
            default_confirmation_price=self.request_service.default_confirmation_price,
            member_limits=next(limits, NO_LIMITS),
            showcase_channel_id=showcase_settings.channel_id,
            existing_channel_ids=frozenset(channel.id for channel in guild.channels),
            discord_locale=guild.preferred_locale.value,
            word_count=len(await self.word_lists.list_entries(guild.id)),
            adults_only=self.adults_only,
            block_count=len(await self.request_blocks.list_blocks(guild.id)),
        )
        notice = translate("setup.saved", locale) if notice is None else notice
        view = build_setup_view(state, locale, notice=notice)
        await interaction.edit_original_response(view=view)


def _parse_amount(value: str, offered: Sequence[Micros]) -> Micros:
    """Return the chosen amount. Raises `RecordNotFound` if it is not offered any more."""
    chosen = next((amount for amount in offered if str(amount) == value), None)
    if chosen is None:
        raise RecordNotFound("component")
    return chosen


async def _acknowledge_manager(interaction: discord.Interaction) -> discord.Guild:
    guild = require_manager(interaction)
    await interaction.response.defer()
    return guild
