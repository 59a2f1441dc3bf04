"""`/server setup`: one message in which an admin chooses what matters first.

Every choice is carried out at once and the message is built anew from what is stored then, so that
it tells the truth after any restart, and also after another admin's choice.
"""

from collections.abc import Sequence

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.billing.limits import NO_LIMITS, LimitSubject
from bot.domain.billing.quota_presets import QUOTA_PRESETS, QuotaPreset
from bot.domain.errors import NotAllowed, RecordNotFound
from bot.domain.guild import LANGUAGES, MAX_ALLOWED_CHANNELS
from bot.domain.jobs.request import PersonRule
from bot.i18n.catalogs import build_command_text, translate
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.admin.quotas import QuotaService
from bot.services.showcase.showcase import ShowcaseService
from bot.ui.custom_ids import ButtonAction, InteractionRouter, SetupSetting
from bot.ui.server_setup import (
    KEEP_OPTION,
    UNSET_OPTION,
    PermissionCheck,
    SetupState,
    build_setup_view,
    format_permission_checks,
)
from cogs._common.permissions import find_missing_in_channel, find_missing_permissions


class SetupCommands(commands.Cog):
    """Part of `/server`; the services are the group's own."""

    _quota_service: QuotaService
    _server_rules: ServerRulesService
    _showcase_service: ShowcaseService

    def register_menus(self, router: InteractionRouter) -> None:
        """Let the menus of the message be answered here."""
        router.register_menu(SetupSetting.CHANNELS, self.choose_channels)
        router.register_menu(SetupSetting.PEOPLE, self.choose_people)
        router.register_menu(SetupSetting.QUOTA, self.choose_quota)
        router.register_menu(SetupSetting.SHOWCASE, self.choose_showcase)
        router.register_menu(SetupSetting.LANGUAGE, self.choose_language)
        router.register_button(ButtonAction.CHECK_PERMISSIONS, self.check_permissions)

    @app_commands.command(name="setup", description=build_command_text("command.server.setup"))
    async def show_setup(self, interaction: discord.Interaction) -> None:
        """Show what is set, with a menu for each choice."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._update_message(interaction, _require_manager(interaction), notice="")

    async def choose_channels(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        """Let the bot be used in these channels only; in none named: everywhere."""
        guild = await _acknowledge_manager(interaction)
        chosen = frozenset(int(each) for each in values[:MAX_ALLOWED_CHANNELS])
        await self._server_rules.change_rules(
            guild.id, actor_id=interaction.user.id, allowed_channels=chosen
        )
        await self._update_message(interaction, guild)

    async def choose_people(self, interaction: discord.Interaction, values: Sequence[str]) -> None:
        """Set which people videos may show."""
        guild = await _acknowledge_manager(interaction)
        rule = None if values[0] == UNSET_OPTION else PersonRule(values[0])
        await self._server_rules.change_rules(
            guild.id, actor_id=interaction.user.id, person_rule=rule
        )
        await self._update_message(interaction, guild)

    async def choose_quota(self, interaction: discord.Interaction, values: Sequence[str]) -> None:
        """Set the limits of every member."""
        guild = await _acknowledge_manager(interaction)
        if values[0] != KEEP_OPTION:
            limits = None if values[0] == UNSET_OPTION else QUOTA_PRESETS[QuotaPreset(values[0])]
            await self._quota_service.set_limit(
                guild.id, LimitSubject.DEFAULT, 0, limits, actor_id=interaction.user.id
            )
        await self._update_message(interaction, guild)

    async def choose_showcase(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        """Set the channel of the showcase, if clips can be posted there."""
        guild = await _acknowledge_manager(interaction)
        channel = guild.get_channel(int(values[0])) if values else None
        missing = None if channel is None else find_missing_in_channel(channel)
        if values and missing != []:
            note = format_permission_checks(
                [PermissionCheck(int(values[0]), missing)], interaction.locale.value
            )
            await self._update_message(interaction, guild, notice=note)
            return
        await self._showcase_service.configure(
            guild.id,
            actor_id=interaction.user.id,
            channel_id=None if channel is None else channel.id,
            name=guild.name,
            locale=guild.preferred_locale.value,
        )
        await self._update_message(interaction, guild)

    async def choose_language(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        """Set the language of public messages."""
        guild = await _acknowledge_manager(interaction)
        locale = values[0] if values[0] in LANGUAGES else None
        await self._server_rules.change_rules(guild.id, actor_id=interaction.user.id, locale=locale)
        await self._update_message(interaction, guild)

    async def check_permissions(self, interaction: discord.Interaction, _number: int) -> None:
        """Tell what the bot lacks here, in the showcase and in the channels it is kept to."""
        guild = await _acknowledge_manager(interaction)
        rules = await self._server_rules.get_rules(guild.id)
        house = await self._showcase_service.get_settings(guild.id)
        others = [*sorted(rules.allowed_channels)]
        if house.channel_id is not None:
            others.insert(0, house.channel_id)
        results = []
        here = interaction.channel_id
        if here is not None:
            in_thread = isinstance(interaction.channel, discord.Thread)
            results.append(
                PermissionCheck(
                    here, find_missing_permissions(interaction.app_permissions, in_thread=in_thread)
                )
            )
        for number in dict.fromkeys(each for each in others if each != here):
            channel = guild.get_channel_or_thread(number)
            results.append(
                PermissionCheck(
                    number, None if channel is None else find_missing_in_channel(channel)
                )
            )
        await self._update_message(
            interaction, guild, notice=format_permission_checks(results, interaction.locale.value)
        )

    async def _update_message(
        self, interaction: discord.Interaction, guild: discord.Guild, *, notice: str | None = None
    ) -> None:
        locale = interaction.locale.value
        house = await self._showcase_service.get_settings(guild.id)
        rows = await self._quota_service.list_limits(guild.id)
        quota = next((row.limits for row in rows if row.subject is LimitSubject.DEFAULT), NO_LIMITS)
        now = SetupState(
            rules=await self._server_rules.get_rules(guild.id),
            member_limits=quota,
            showcase_channel_id=house.channel_id,
            existing_channel_ids=frozenset(channel.id for channel in guild.channels),
            discord_locale=guild.preferred_locale.value,
        )
        said = translate("setup.saved", locale) if notice is None else notice
        await interaction.edit_original_response(view=build_setup_view(now, locale, notice=said))


def _require_manager(interaction: discord.Interaction) -> discord.Guild:
    """Return the server; raises `NotAllowed` for whoever may not (any more) manage it."""
    guild = interaction.guild
    if guild is None:
        raise RecordNotFound("server")
    if not interaction.permissions.manage_guild:
        raise NotAllowed("manage")
    return guild


async def _acknowledge_manager(interaction: discord.Interaction) -> discord.Guild:
    guild = _require_manager(interaction)
    await interaction.response.defer()
    return guild
