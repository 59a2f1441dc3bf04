"""`/privacy`: what is kept of a member, all of it as a file, and being forgotten.

Also hears when the bot leaves a server or is back in one: what is kept of a server goes with it.
"""

from contextlib import suppress
from io import BytesIO

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import DiscordClient
from bot.domain.errors import DatabaseUnavailable, NotAllowed
from bot.i18n.catalogs import build_command_text, translate
from bot.services.admin.privacy import AUDIT_LOG_RETENTION, PrivacyService
from bot.services.showcase.votes import VoteCounter
from bot.ui.custom_ids import ActionButton, ButtonAction, InteractionRouter
from cogs._common.answers import build_button_row


class PrivacyCommands(
    commands.GroupCog, group_name="privacy", group_description=build_command_text("command.privacy")
):
    """The `/privacy` group."""

    def __init__(
        self,
        *,
        client: DiscordClient,
        router: InteractionRouter,
        privacy_service: PrivacyService,
        vote_counter: VoteCounter,
    ) -> None:
        self._client = client
        self._privacy_service = privacy_service
        self._vote_counter = vote_counter
        router.register_button(ButtonAction.ERASE_MEMBER, self.press_forget)

    @app_commands.command(name="show", description=build_command_text("command.privacy.show"))
    async def show_privacy(self, interaction: discord.Interaction) -> None:
        """Say what is kept, why, and for how long."""
        text = translate(
            "privacy.kept",
            interaction.locale.value,
            grace=self._privacy_service.grace_period.days,
            log=AUDIT_LOG_RETENTION.days,
        )
        await interaction.response.send_message(text, ephemeral=True)

    @app_commands.command(name="export", description=build_command_text("command.privacy.export"))
    async def export_records(self, interaction: discord.Interaction) -> None:
        """Hand out everything that is kept of the person, to them alone."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        name, data = await self._privacy_service.export_member(interaction.user.id)
        await interaction.edit_original_response(
            content=translate("privacy.export", interaction.locale.value),
            attachments=[discord.File(BytesIO(data), filename=name)],
        )

    @app_commands.command(name="forget", description=build_command_text("command.privacy.forget"))
    async def ask_forget(self, interaction: discord.Interaction) -> None:
        """Ask whether the person means it."""
        locale = interaction.locale.value
        button = ActionButton(
            ButtonAction.ERASE_MEMBER,
            interaction.user.id,
            label=translate("button.forget", locale),
            danger=True,
        )
        view = build_button_row([button])
        assert view is not None
        await interaction.response.send_message(
            translate("privacy.confirm", locale), view=view, ephemeral=True
        )

    async def press_forget(self, interaction: discord.Interaction, user_id: int) -> None:
        """Forget the person."""
        if user_id != interaction.user.id:
            raise NotAllowed("offer")
        await interaction.response.defer()
        locale = interaction.locale.value
        await interaction.edit_original_response(
            content=translate("privacy.working", locale), view=None
        )
        done = await self._privacy_service.erase_member(user_id)
        key = "privacy.forgotten" if done else "privacy.will_be"
        await interaction.edit_original_response(content=translate(key, locale), view=None)

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """A session has begun: learn where the bot is, and doubt what was counted before."""
        here = [guild.id for guild in self._client.guilds]
        self._vote_counter.mark_stale(here)
        self._privacy_service.record_session_guilds(here, is_own_guild=self._is_served_here)

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """The bot is (back) in a server."""
        with suppress(DatabaseUnavailable):  # the next session sees it
            await self._privacy_service.reconcile_guilds([guild.id])

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """The bot is in a server, which Discord also says of one that it has just come back to."""
        await self.on_guild_join(guild)

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """The bot was taken out of a server."""
        with suppress(DatabaseUnavailable):
            await self._privacy_service.mark_guild_left(guild.id)

    def _is_served_here(self, guild_id: int) -> bool:
        """Whether the server hangs on a shard of this process, which would know of it."""
        shards = self._client.shard_count or 1
        return (guild_id >> 22) % shards in self._client.shards
