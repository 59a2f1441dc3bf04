"""`/privacy`: what is kept of a member, all of it as a file, and being forgotten.

Also hears when the bot leaves a server or is back in one: what is kept of a server goes with it.
"""

from contextlib import suppress
from io import BytesIO

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import Client
from bot.domain.errors import NotAllowed, StoreAway
from bot.i18n.catalogs import command_text, say
from bot.services.admin.privacy import LOG_KEPT, Privacy
from bot.services.showcase.votes import Votes
from bot.ui.custom_ids import Action, ActionButton, Presses
from cogs._common.answers import row_of


class PrivacyCommands(
    commands.GroupCog, group_name="privacy", group_description=command_text("command.privacy")
):
    """The `/privacy` group."""

    def __init__(
        self,
        *,
        client: Client,
        presses: Presses,
        privacy: Privacy,
        votes: Votes,
    ) -> None:
        self._client = client
        self._privacy = privacy
        self._votes = votes
        presses.on_press(Action.FORGET, self.press_forget)

    @app_commands.command(name="show", description=command_text("command.privacy.show"))
    async def show(self, interaction: discord.Interaction) -> None:
        """Say what is kept, why, and for how long."""
        text = say(
            "privacy.kept",
            interaction.locale.value,
            grace=self._privacy.grace.days,
            log=LOG_KEPT.days,
        )
        await interaction.response.send_message(text, ephemeral=True)

    @app_commands.command(name="export", description=command_text("command.privacy.export"))
    async def export(self, interaction: discord.Interaction) -> None:
        """Hand out everything that is kept of the person, to them alone."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        name, data = await self._privacy.export(interaction.user.id)
        await interaction.edit_original_response(
            content=say("privacy.export", interaction.locale.value),
            attachments=[discord.File(BytesIO(data), filename=name)],
        )

    @app_commands.command(name="forget", description=command_text("command.privacy.forget"))
    async def forget(self, interaction: discord.Interaction) -> None:
        """Ask whether the person means it."""
        locale = interaction.locale.value
        button = ActionButton(
            Action.FORGET,
            interaction.user.id,
            label=say("button.forget", locale),
            danger=True,
        )
        view = row_of([button])
        assert view is not None
        await interaction.response.send_message(
            say("privacy.confirm", locale), view=view, ephemeral=True
        )

    async def press_forget(self, interaction: discord.Interaction, user_id: int) -> None:
        """Forget the person."""
        if user_id != interaction.user.id:
            raise NotAllowed("offer")
        await interaction.response.defer()
        locale = interaction.locale.value
        await interaction.edit_original_response(content=say("privacy.working", locale), view=None)
        done = await self._privacy.forget(user_id)
        key = "privacy.forgotten" if done else "privacy.will_be"
        await interaction.edit_original_response(content=say(key, locale), view=None)

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """A session has begun: learn where the bot is, and doubt what was counted before."""
        here = [guild.id for guild in self._client.guilds]
        self._votes.doubt(here)
        self._privacy.session_begun(here, ours=self._ours)

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """The bot is (back) in a server."""
        with suppress(StoreAway):  # the next session sees it
            await self._privacy.present([guild.id])

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """The bot is in a server, which Discord also says of one that it has just come back to."""
        await self.on_guild_join(guild)

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """The bot was taken out of a server."""
        with suppress(StoreAway):
            await self._privacy.left(guild.id)

    def _ours(self, guild_id: int) -> bool:
        """Whether the server hangs on a shard of this process, which would know of it."""
        shards = self._client.shard_count or 1
        return (guild_id >> 22) % shards in self._client.shards
