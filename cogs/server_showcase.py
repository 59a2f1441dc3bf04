"""The showcase's part of `/server`: its settings, and the log of what moderators did."""

from typing import Any, Final

import discord
from discord import app_commands
from discord.app_commands import Range
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.domain.errors import RecordNotFound
from bot.domain.showcase.post import CurationPolicy, load_time_zone
from bot.i18n.catalogs import build_command_text
from bot.services.showcase.showcase import ShowcaseService
from bot.ui.showcase_card import format_audit_log, format_showcase_settings
from cogs._common.permissions import require_channel_permissions

_NEVER: Final = "never"
_DAY_CHOICES: Final = [
    *(
        app_commands.Choice(name=build_command_text(f"choice.day.{day}"), value=str(day))
        for day in range(7)
    ),
    app_commands.Choice(name=build_command_text("choice.day.never"), value=_NEVER),
]
_CURATION_CHOICES: Final = [
    app_commands.Choice(name=build_command_text(f"choice.curation.{each}"), value=each.value)
    for each in CurationPolicy
]


class ShowcaseSettingsCommands(commands.Cog):
    """Commands of `/server`; ``_showcase`` is the group's own."""

    _showcase_service: ShowcaseService

    @app_commands.command(
        name="showcase", description=build_command_text("command.server.showcase")
    )
    @app_commands.describe(
        channel=build_command_text("option.showcase_channel"),
        off=build_command_text("option.showcase_off"),
        stars=build_command_text("option.stars"),
        moderators=build_command_text("option.curation"),
        public=build_command_text("option.public"),
        digest_day=build_command_text("option.digest_day"),
        digest_hour=build_command_text("option.digest_hour"),
        digest_zone=build_command_text("option.digest_zone"),
    )
    @app_commands.choices(moderators=_CURATION_CHOICES, digest_day=_DAY_CHOICES)
    async def configure_showcase(
        self,
        interaction: discord.Interaction,
        channel: discord.TextChannel | None = None,
        off: bool = False,
        stars: Range[int, 0, 1000] | None = None,
        moderators: str | None = None,
        public: bool | None = None,
        digest_day: str | None = None,
        digest_hour: Range[int, 0, 23] | None = None,
        digest_zone: Range[str, 1, 64] | None = None,
    ) -> None:
        """Arrange the showcase; with nothing given, show how it is arranged."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild = interaction.guild
        if guild is None:
            raise RecordNotFound("server")
        changes = _drop_unset(
            stars=stars,
            curation=None if moderators is None else CurationPolicy(moderators),
            public=public,
            digest_hour=digest_hour,
            digest_zone=digest_zone,
        )
        if digest_zone is not None and load_time_zone(digest_zone).key != digest_zone:
            raise RecordNotFound("zone")
        if digest_day is not None:
            changes["digest_day"] = None if digest_day == _NEVER else int(digest_day)
        if channel is not None:
            require_channel_permissions(channel)
            changes["channel_id"] = channel.id
        if off:
            changes["channel_id"] = None
        house = await self._showcase_service.get_settings(guild.id)
        if changes:
            changes |= {"name": guild.name, "locale": guild.preferred_locale.value}
            house = await self._showcase_service.configure(
                guild.id, actor_id=interaction.user.id, **changes
            )
        await respond_privately(
            interaction, format_showcase_settings(house, interaction.locale.value)
        )

    @app_commands.command(name="log", description=build_command_text("command.server.log"))
    async def show_log(self, interaction: discord.Interaction) -> None:
        """Show what moderators and admins did with the showcase."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if interaction.guild_id is None:
            raise RecordNotFound("server")
        records = await self._showcase_service.list_audit_entries(interaction.guild_id)
        await respond_privately(interaction, format_audit_log(records, interaction.locale.value))


def _drop_unset(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if value is not None}
