"""`/privacy`: shows, exports and erases what is stored about a member.

It also notices when the bot leaves or rejoins a server. A server's data is erased some time after
the bot has left.
"""

from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import DiscordClient, respond_privately
from bot.domain.errors import DatabaseUnavailable, NotAllowed
from bot.i18n.catalogs import build_command_text, translate
from bot.services.admin.privacy import AUDIT_LOG_RETENTION, PrivacyService
from bot.services.showcase.votes import VoteCounter
from bot.ui.components import build_button
from bot.ui.custom_ids import ButtonAction
from bot.ui.router import InteractionRouter
from cogs._common.answers import build_button_row


@app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
@dataclass(kw_only=True, eq=False)
class PrivacyCommands(
    commands.GroupCog, group_name="privacy", group_description=build_command_text("command.privacy")
):
    client: DiscordClient
    router: InteractionRouter
    privacy_service: PrivacyService
    vote_counter: VoteCounter

    def __post_init__(self) -> None:
        self.router.register_button(ButtonAction.ERASE_MEMBER, self.press_forget)

    @app_commands.command(name="show", description=build_command_text("command.privacy.show"))
    async def show_privacy(self, interaction: discord.Interaction) -> None:
        text = translate(
            "privacy.kept",
            interaction.locale.value,
            grace=self.privacy_service.grace_period.days,
            log=AUDIT_LOG_RETENTION.days,
        )
        await interaction.response.send_message(text, ephemeral=True)

    @app_commands.command(name="export", description=build_command_text("command.privacy.export"))
    async def export_records(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        name, data = await self.privacy_service.export_member(interaction.user.id)
        text = translate("privacy.export", interaction.locale.value)
        file = discord.File(BytesIO(data), filename=name)
        await interaction.edit_original_response(content=text, attachments=[file])

    @app_commands.command(name="forget", description=build_command_text("command.privacy.forget"))
    async def ask_forget(self, interaction: discord.Interaction) -> None:
        user_id, locale = interaction.user.id, interaction.locale.value
        button = build_button(ButtonAction.ERASE_MEMBER, user_id, locale, danger=True)
        text = translate("privacy.confirm", locale)
        await respond_privately(interaction, text, build_button_row([button]))

    async def press_forget(self, interaction: discord.Interaction, user_id: int) -> None:
        if user_id != interaction.user.id:
            raise NotAllowed("offer")
        await interaction.response.defer()
        locale = interaction.locale.value
        working = translate("privacy.working", locale)
        await interaction.edit_original_response(content=working, view=None)
        done = await self.privacy_service.erase_member(user_id)
        key = "privacy.forgotten" if done else "privacy.will_be"
        await interaction.edit_original_response(content=translate(key, locale), view=None)

    @commands.Cog.listener()
    async def on_shard_ready(self, shard_id: int) -> None:
        """Catch up with servers and votes that may have changed before this session."""
        if shard_id not in self.client.shards:  # another process has taken it since
            return
        guild_ids = [guild.id for guild in self.client.guilds if guild.shard_id == shard_id]
        self.vote_counter.mark_stale(guild_ids)
        self.privacy_service.record_shard_guilds(
            guild_ids, shard_id=shard_id, shard_count=self.client.shard_count or 1
        )

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Keep the data of a server that the bot has rejoined."""
        with suppress(DatabaseUnavailable):  # the next session will catch up
            await self.privacy_service.reconcile_guilds([guild.id])

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Handle rejoined servers that Discord announces with this event instead."""
        await self.on_guild_join(guild)

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Start the grace period of a server that the bot was removed from."""
        with suppress(DatabaseUnavailable):
            await self.privacy_service.mark_guild_left(guild.id)
