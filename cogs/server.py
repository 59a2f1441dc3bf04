"""`/server`: the settings of a server.

The group consists of several cogs. Discord shows it only to those who may manage the server. A
command without options shows the current setting.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import app_commands
from discord.app_commands import Range
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.domain.guild import NEVER_CONFIRM, ExtendPermission, GuildRules, ReplyMode
from bot.domain.jobs.people_policy import pick_strictest
from bot.domain.jobs.request import PersonRule
from bot.i18n.catalogs import build_command_text, translate
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.jobs.requests import RequestService
from bot.store.guilds import GuildStore
from bot.ui.server_rules import (
    UNSET_RULE,
    describe_confirmation_price,
    describe_person_rule_cost,
    describe_person_rules,
)
from bot.ui.server_setup import CLIP_CHANNEL_TYPES
from cogs._common.answers import respond_with
from cogs._common.context import require_guild_id
from cogs._common.options import DollarOption, build_choices, describe_options, to_optional_micros

_PEOPLE_CHOICES: Final = [
    *build_choices("people", PersonRule),
    app_commands.Choice(name=build_command_text("choice.people.unset"), value=UNSET_RULE),
]


class ChannelTransformer(app_commands.Transformer):
    """A channel in which clips can be requested."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        return list(CLIP_CHANNEL_TYPES)

    async def transform(
        self, _interaction: discord.Interaction, value: app_commands.AppCommandChannel, /
    ) -> app_commands.AppCommandChannel:
        return value


ChannelOption = app_commands.Transform[app_commands.AppCommandChannel, ChannelTransformer]


@app_commands.guild_only()
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.default_permissions(manage_guild=True)
class ServerCommands(
    commands.GroupCog, group_name="server", group_description=build_command_text("command.server")
):
    """The `/server` group with the commands of ``parts``, which are not added to the client."""

    def __init__(self, parts: Iterable[commands.Cog]) -> None:
        group = self.app_command
        assert group is not None, "a GroupCog has a group"
        for part in parts:
            for command in part.get_app_commands():
                group.add_command(command)


@dataclass(kw_only=True, eq=False)
class RulesCommands(commands.Cog):
    """Pauses, and rules for requests."""

    server_rules: ServerRulesService
    request_service: RequestService
    guilds: GuildStore

    @app_commands.command(name="pause", description=build_command_text("command.server.pause"))
    @describe_options()
    async def pause_requests(
        self, interaction: discord.Interaction, reason: Range[str, 1, 200] | None = None
    ) -> None:
        """Accept no new requests. Running jobs finish."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = require_guild_id(interaction)
        await self.server_rules.pause_guild(guild_id, actor_id=interaction.user.id, reason=reason)
        await respond_with(interaction, "server.paused")

    @app_commands.command(name="resume", description=build_command_text("command.server.resume"))
    async def resume_requests(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = require_guild_id(interaction)
        await self.server_rules.resume_guild(guild_id, actor_id=interaction.user.id)
        await respond_with(interaction, "server.resumed")

    @app_commands.command(name="people", description=build_command_text("command.server.people"))
    @describe_options()
    @app_commands.choices(rule=_PEOPLE_CHOICES)
    async def set_person_rule(
        self,
        interaction: discord.Interaction,
        rule: str | None = None,
        channel: ChannelOption | None = None,
    ) -> None:
        """Set which people videos may show, in the server or in a channel.

        A channel's rule only counts if it is stricter than the server's.
        """
        await interaction.response.defer(ephemeral=True, thinking=True)
        locale = interaction.locale.value
        if rule is None:
            rules = await self.guilds.load_rules(require_guild_id(interaction))
            costs = [
                self.request_service.assess_person_rule(person_rule) for person_rule in PersonRule
            ]
            await respond_privately(interaction, describe_person_rules(rules, costs, locale))
            return
        chosen = None if rule == UNSET_RULE else PersonRule(rule)
        if channel is None:
            rules = await self._change_rules(interaction, person_rule=chosen)
            place_name = translate("server.people.server", locale)
        else:
            changes = {channel.id: chosen}
            rules = await self._change_rules(interaction, channel_person_rules=changes)
            place_name = f"<#{channel.id}>"
        name = translate(f"choice.people.{rule}", locale)
        lines = [translate("server.people.set", locale, rule=name, where=place_name)]
        effective = pick_strictest(rules.person_rule, chosen)
        if effective not in (None, chosen):
            stricter = translate(f"people.{effective}", locale)
            lines.append(translate("server.people.stricter", locale, rule=stricter))
        if effective is not None:
            cost = self.request_service.assess_person_rule(effective)
            lines += describe_person_rule_cost(cost, locale)
        await respond_privately(interaction, "\n".join(lines))

    @app_commands.command(name="confirm", description=build_command_text("command.server.confirm"))
    @describe_options(never="confirm_never", clear="confirm_clear")
    async def set_confirmation_price(
        self,
        interaction: discord.Interaction,
        above: DollarOption | None = None,
        never: bool = False,
        clear: bool = False,
    ) -> None:
        """Set the price from which a request asks for confirmation."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        price = to_optional_micros(above)
        if price is not None or never or clear:
            if price is None and never:
                price = NEVER_CONFIRM
            rules = await self._change_rules(interaction, confirm_above=price)
        else:
            rules = await self.guilds.load_rules(require_guild_id(interaction))
        default = self.request_service.default_confirmation_price
        text = describe_confirmation_price(rules, default, interaction.locale.value)
        await respond_privately(interaction, text)

    @app_commands.command(
        name="extending", description=build_command_text("command.server.extending")
    )
    @describe_options()
    @app_commands.choices(who=build_choices("extending", ExtendPermission))
    async def set_extension_rule(
        self, interaction: discord.Interaction, who: str | None = None
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        if who is None:
            rules = await self.guilds.load_rules(require_guild_id(interaction))
        else:
            rules = await self._change_rules(interaction, extend_by=ExtendPermission(who))
        await respond_with(interaction, f"server.extending.{rules.extend_by}")

    @app_commands.command(name="replies", description=build_command_text("command.server.replies"))
    @describe_options(mode="reply_mode")
    @app_commands.choices(mode=build_choices("replies", ReplyMode))
    async def set_reply_mode(
        self, interaction: discord.Interaction, mode: str | None = None
    ) -> None:
        """Set what a reply to a clip does."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if mode is None:
            rules = await self.guilds.load_rules(require_guild_id(interaction))
        else:
            rules = await self._change_rules(interaction, reply_mode=ReplyMode(mode))
        await respond_with(interaction, f"server.replies.{rules.reply_mode}")

    @app_commands.command(name="prices", description=build_command_text("command.server.prices"))
    @describe_options(shown="prices_shown")
    async def set_price_display(
        self, interaction: discord.Interaction, shown: bool | None = None
    ) -> None:
        """Set whether a clip's card says what it cost."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if shown is None:
            rules = await self.guilds.load_rules(require_guild_id(interaction))
        else:
            rules = await self._change_rules(interaction, shows_prices=shown)
        key = "shown" if rules.shows_prices else "private"
        await respond_with(interaction, f"server.prices.{key}")

    async def _change_rules(self, interaction: discord.Interaction, **changes: Any) -> GuildRules:
        guild_id, actor_id = require_guild_id(interaction), interaction.user.id
        return await self.server_rules.change_rules(guild_id, actor_id=actor_id, **changes)
