"""The showcase settings, as part of `/server`."""

from typing import Any, Final

import discord
from discord import app_commands
from discord.app_commands import Range
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.discord.permissions import find_missing_in_channel
from bot.domain.errors import MissingPermissions, RecordNotFound
from bot.domain.showcase.post import CurationPolicy, load_time_zone
from bot.i18n.catalogs import build_command_text
from bot.services.showcase.server_icons import ServerIcons
from bot.services.showcase.showcase import ShowcaseService
from bot.ui.showcase_card import format_showcase_settings
from cogs._common.options import build_choices, describe_options

_NEVER: Final = "never"
_DAY_CHOICES: Final = [
    *(
        app_commands.Choice(name=build_command_text(f"choice.day.{day}"), value=str(day))
        for day in range(7)
    ),
    app_commands.Choice(name=build_command_text("choice.day.never"), value=_NEVER),
]
_CURATION_CHOICES: Final = build_choices("curation", CurationPolicy)


class ShowcaseSettingsCommands(commands.Cog):
    """`/server showcase` (part of the `/server` group)."""

    def __init__(self, *, showcase_service: ShowcaseService, server_icons: ServerIcons) -> None:
        self._showcase_service = showcase_service
        self._server_icons = server_icons

    @app_commands.command(
        name="showcase", description=build_command_text("command.server.showcase")
    )
    @describe_options(channel="showcase_channel", off="showcase_off", moderators="curation")
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
        """Change the showcase's settings, or show them if there are no options."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild = interaction.guild
        if guild is None:
            raise RecordNotFound("server")
        chosen = {
            "stars": stars,
            "curation": None if moderators is None else CurationPolicy(moderators),
            "public": public,
            "digest_hour": digest_hour,
            "digest_zone": digest_zone,
        }
        changes: dict[str, Any] = {key: value for key, value in chosen.items() if value is not None}
        if digest_zone is not None and load_time_zone(digest_zone).key != digest_zone:
            raise RecordNotFound("zone")
        if digest_day is not None:
            changes["digest_day"] = None if digest_day == _NEVER else int(digest_day)
        if channel is not None:
            if missing := find_missing_in_channel(channel):
                raise MissingPermissions(missing)
            changes["channel_id"] = channel.id
        if off:
            changes["channel_id"] = None
        settings = previous = await self._showcase_service.settings.load_settings(guild.id)
        if changes:
            changes |= {"name": guild.name, "locale": guild.preferred_locale.value}
            settings = await self._showcase_service.configure(
                guild.id, actor_id=interaction.user.id, **changes
            )
            self._server_icons.request_refresh()
        is_opened = settings.public and not previous.public
        text = format_showcase_settings(
            settings,
            interaction.locale.value,
            gallery_url=self._showcase_service.gallery_url,
            is_channel_gone=self._showcase_service.is_channel_gone(settings),
            is_just_opened=is_opened,
        )
        await respond_privately(interaction, text)
