"""`/help`, and the guide for servers that the bot has just joined."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import discord
import structlog
from discord import app_commands, ui
from discord.ext import commands

from bot.discord.user_install import guild_of
from bot.domain.billing.limits import SpendingPolicy
from bot.domain.errors import DatabaseUnavailable
from bot.domain.legal_pages import LegalAddresses
from bot.domain.places import PlacePolicy
from bot.domain.ports import Clock
from bot.i18n.catalogs import build_command_text
from bot.services.admin.welcome import is_newly_joined
from bot.services.jobs.requests import RequestService
from bot.store.guilds import GuildStore, WelcomeStore
from bot.ui.help_text import AgeRule, build_help_view, build_welcome_view
from cogs._common.context import build_origin, list_writable_channels

_log: Final = structlog.get_logger(__name__)


@dataclass(kw_only=True, eq=False)
class HelpCommands(commands.Cog):
    request_service: RequestService
    guilds: GuildStore
    welcomed_guilds: WelcomeStore
    place_policy: PlacePolicy
    spending_policy: SpendingPolicy
    legal: LegalAddresses | None
    """The pages with the terms and on privacy; `None` without ``PUBLIC_URL``."""
    clock: Clock
    adults_only: bool = False
    """Whether the operator allows age-restricted channels only."""

    @app_commands.command(name="help", description=build_command_text("command.help"))
    async def show_help(self, interaction: discord.Interaction) -> None:
        """Show the help. The quota is left out if the database is unavailable."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        status, age_rule, guild_id = None, self._operators_age_rule, guild_of(interaction)
        with suppress(DatabaseUnavailable):
            status = await self.request_service.load_quota_status(build_origin(interaction))
            if age_rule is None and guild_id is not None:
                rules = await self.guilds.load_rules(guild_id)
                age_rule = "server" if rules.age_restricted_only else None
        view = build_help_view(
            status,
            interaction.locale.value,
            is_admin=interaction.guild_id is not None and interaction.permissions.manage_guild,
            legal=self.legal,
            age_rule=age_rule,
        )
        await interaction.edit_original_response(view=view)

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Post the guide once per server, in a channel that the bot may write in."""
        if not self.place_policy.may_serve_server(guild.id):
            return
        channels = list_writable_channels(guild)
        if not channels or not is_newly_joined(guild.me.joined_at, now=self.clock.now()):
            return
        with suppress(DatabaseUnavailable):  # the next session announces the server again
            rules = await self.guilds.load_rules(guild.id)
            if await self.welcomed_guilds.claim(guild.id, now=self.clock.now()):
                locale = rules.locale or guild.preferred_locale.value
                view = build_welcome_view(
                    self.spending_policy,
                    locale,
                    legal=self.legal,
                    age_rule=self._operators_age_rule,
                )
                await _post_guide(guild, channels, view)

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Handle joined servers that Discord announces with this event instead."""
        await self.on_guild_join(guild)

    @property
    def _operators_age_rule(self) -> AgeRule | None:
        return "operator" if self.adults_only else None


async def _post_guide(
    guild: discord.Guild, channels: list[discord.TextChannel], view: ui.LayoutView
) -> None:
    for channel in channels:
        try:
            await channel.send(view=view, nonce=f"guide-{guild.id}")
        except discord.Forbidden:
            continue  # Discord may refuse even if the permissions allow it
        except (discord.HTTPException, OSError) as error:
            _log.warning("guide.post_failed", guild=guild.id, error=type(error).__name__)
        return
