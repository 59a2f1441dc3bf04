"""`/server setup`: one message in which an admin chooses what matters first.

Every choice is carried out at once and the message is built anew from what is stored then, so that
it tells the truth after any restart, and also after another admin's choice.
"""

from collections.abc import Sequence

import discord
from discord import app_commands
from discord.ext import commands

from bot.domain.billing.limits import NO_LIMITS, Subject
from bot.domain.billing.quota_presets import ALLOWANCES, Allowance
from bot.domain.errors import NotAllowed, NotFound
from bot.domain.guild import LANGUAGES, MOST_CHANNELS
from bot.domain.jobs.request import PersonRule
from bot.i18n.catalogs import command_text, say
from bot.services.admin.guild_rules import Servers
from bot.services.admin.quotas import Quotas
from bot.services.showcase.showcase import Showcase
from bot.ui.custom_ids import Action, Presses, Setting
from bot.ui.server_setup import KEEP, UNSET, Arrangement, Verdict, setup_view, verdicts
from cogs._common.permissions import lacking, lacking_in


class Setup(commands.Cog):
    """Part of `/server`; the services are the group's own."""

    _quotas: Quotas
    _servers: Servers
    _showcase: Showcase

    def listen(self, presses: Presses) -> None:
        """Let the menus of the message be answered here."""
        presses.on_choice(Setting.CHANNELS, self.choose_channels)
        presses.on_choice(Setting.PEOPLE, self.choose_people)
        presses.on_choice(Setting.QUOTA, self.choose_quota)
        presses.on_choice(Setting.SHOWCASE, self.choose_showcase)
        presses.on_choice(Setting.LANGUAGE, self.choose_language)
        presses.on_press(Action.CHECK, self.check)

    @app_commands.command(name="setup", description=command_text("command.server.setup"))
    async def setup(self, interaction: discord.Interaction) -> None:
        """Show what is set, with a menu for each choice."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._show(interaction, _managed(interaction), note="")

    async def choose_channels(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        """Let the bot be used in these channels only; in none named: everywhere."""
        guild = await _acknowledged(interaction)
        chosen = frozenset(int(each) for each in values[:MOST_CHANNELS])
        await self._servers.change(guild.id, by=interaction.user.id, allowed_channels=chosen)
        await self._show(interaction, guild)

    async def choose_people(self, interaction: discord.Interaction, values: Sequence[str]) -> None:
        """Set which people videos may show."""
        guild = await _acknowledged(interaction)
        rule = None if values[0] == UNSET else PersonRule(values[0])
        await self._servers.change(guild.id, by=interaction.user.id, person_rule=rule)
        await self._show(interaction, guild)

    async def choose_quota(self, interaction: discord.Interaction, values: Sequence[str]) -> None:
        """Set the limits of every member."""
        guild = await _acknowledged(interaction)
        if values[0] != KEEP:
            limits = None if values[0] == UNSET else ALLOWANCES[Allowance(values[0])]
            await self._quotas.set_limit(
                guild.id, Subject.DEFAULT, 0, limits, by=interaction.user.id
            )
        await self._show(interaction, guild)

    async def choose_showcase(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        """Set the channel of the showcase, if clips can be posted there."""
        guild = await _acknowledged(interaction)
        channel = guild.get_channel(int(values[0])) if values else None
        missing = None if channel is None else lacking_in(channel)
        if values and missing != []:
            note = verdicts([Verdict(int(values[0]), missing)], interaction.locale.value)
            await self._show(interaction, guild, note=note)
            return
        await self._showcase.arrange(
            guild.id,
            by=interaction.user.id,
            channel_id=None if channel is None else channel.id,
            name=guild.name,
            locale=guild.preferred_locale.value,
        )
        await self._show(interaction, guild)

    async def choose_language(
        self, interaction: discord.Interaction, values: Sequence[str]
    ) -> None:
        """Set the language of public messages."""
        guild = await _acknowledged(interaction)
        locale = values[0] if values[0] in LANGUAGES else None
        await self._servers.change(guild.id, by=interaction.user.id, locale=locale)
        await self._show(interaction, guild)

    async def check(self, interaction: discord.Interaction, _number: int) -> None:
        """Tell what the bot lacks here, in the showcase and in the channels it is kept to."""
        guild = await _acknowledged(interaction)
        rules = await self._servers.rules(guild.id)
        house = await self._showcase.house(guild.id)
        others = [*sorted(rules.allowed_channels)]
        if house.channel_id is not None:
            others.insert(0, house.channel_id)
        results = []
        here = interaction.channel_id
        if here is not None:
            in_thread = isinstance(interaction.channel, discord.Thread)
            results.append(Verdict(here, lacking(interaction.app_permissions, in_thread=in_thread)))
        for number in dict.fromkeys(each for each in others if each != here):
            channel = guild.get_channel_or_thread(number)
            results.append(Verdict(number, None if channel is None else lacking_in(channel)))
        await self._show(interaction, guild, note=verdicts(results, interaction.locale.value))

    async def _show(
        self, interaction: discord.Interaction, guild: discord.Guild, *, note: str | None = None
    ) -> None:
        locale = interaction.locale.value
        house = await self._showcase.house(guild.id)
        rows = await self._quotas.list_limits(guild.id)
        quota = next((row.limits for row in rows if row.subject is Subject.DEFAULT), NO_LIMITS)
        now = Arrangement(
            rules=await self._servers.rules(guild.id),
            quota=quota,
            showcase_id=house.channel_id,
            there=frozenset(channel.id for channel in guild.channels),
            spoken=guild.preferred_locale.value,
        )
        said = say("setup.saved", locale) if note is None else note
        await interaction.edit_original_response(view=setup_view(now, locale, note=said))


def _managed(interaction: discord.Interaction) -> discord.Guild:
    """Return the server; raises `NotAllowed` for whoever may not (any more) manage it."""
    guild = interaction.guild
    if guild is None:
        raise NotFound("server")
    if not interaction.permissions.manage_guild:
        raise NotAllowed("manage")
    return guild


async def _acknowledged(interaction: discord.Interaction) -> discord.Guild:
    guild = _managed(interaction)
    await interaction.response.defer()
    return guild
