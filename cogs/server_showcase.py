"""The showcase's part of `/server`: its settings, and the log of what moderators did."""

from typing import Any, Final

import discord
from discord import app_commands
from discord.app_commands import Range
from discord.ext import commands

from bot.discord.client import answer
from bot.domain.errors import NotFound
from bot.domain.showcase.post import Curation, zone
from bot.i18n.catalogs import command_text
from bot.services.showcase.showcase import Showcase
from bot.ui.showcase_card import arrangement, log_page
from cogs._common.permissions import require_in

_NEVER: Final = "never"
_DAYS: Final = [
    *(
        app_commands.Choice(name=command_text(f"choice.day.{day}"), value=str(day))
        for day in range(7)
    ),
    app_commands.Choice(name=command_text("choice.day.never"), value=_NEVER),
]
_CURATIONS: Final = [
    app_commands.Choice(name=command_text(f"choice.curation.{each}"), value=each.value)
    for each in Curation
]


class Arranging(commands.Cog):
    """Commands of `/server`; ``_showcase`` is the group's own."""

    _showcase: Showcase

    @app_commands.command(name="showcase", description=command_text("command.server.showcase"))
    @app_commands.describe(
        channel=command_text("option.showcase_channel"),
        off=command_text("option.showcase_off"),
        stars=command_text("option.stars"),
        moderators=command_text("option.curation"),
        public=command_text("option.public"),
        digest_day=command_text("option.digest_day"),
        digest_hour=command_text("option.digest_hour"),
        digest_zone=command_text("option.digest_zone"),
    )
    @app_commands.choices(moderators=_CURATIONS, digest_day=_DAYS)
    async def showcase(
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
            raise NotFound("server")
        changes = _given(
            stars=stars,
            curation=None if moderators is None else Curation(moderators),
            public=public,
            digest_hour=digest_hour,
            digest_zone=digest_zone,
        )
        if digest_zone is not None and zone(digest_zone).key != digest_zone:
            raise NotFound("zone")
        if digest_day is not None:
            changes["digest_day"] = None if digest_day == _NEVER else int(digest_day)
        if channel is not None:
            require_in(channel)
            changes["channel_id"] = channel.id
        if off:
            changes["channel_id"] = None
        house = await self._showcase.house(guild.id)
        if changes:
            changes |= {"name": guild.name, "locale": guild.preferred_locale.value}
            house = await self._showcase.arrange(guild.id, by=interaction.user.id, **changes)
        await answer(interaction, arrangement(house, interaction.locale.value))

    @app_commands.command(name="log", description=command_text("command.server.log"))
    async def log(self, interaction: discord.Interaction) -> None:
        """Show what moderators and admins did with the showcase."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if interaction.guild_id is None:
            raise NotFound("server")
        records = await self._showcase.log(interaction.guild_id)
        await answer(interaction, log_page(records, interaction.locale.value))


def _given(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in changes.items() if value is not None}
