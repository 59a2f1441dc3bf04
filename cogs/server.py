"""`/server`: what a server's admins decide.

The group is put together from three parts, each with services of its own; Discord shows it to
those who may manage the server.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Range
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.domain.billing.limits import NO_LIMITS, NO_SUBJECT, LimitSubject, UsageLimits
from bot.domain.billing.money import Micros, to_micros
from bot.domain.errors import RecordNotFound
from bot.domain.guild import NEVER_CONFIRM, ExtendPermission, GuildRules
from bot.domain.jobs.people_policy import pick_strictest
from bot.domain.jobs.request import PersonRule
from bot.domain.ports import Clock
from bot.i18n.catalogs import build_command_text, translate
from bot.i18n.formatting import format_money
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.admin.quotas import QuotaService
from bot.store.billing.ledger import LedgerStore
from bot.store.jobs.jobs import JobStore
from bot.ui.server_setup import CLIP_CHANNEL_TYPES
from bot.ui.text_lists import (
    build_usage_csv,
    format_limit_rows,
    format_limits,
    format_unknown_jobs,
    format_usage,
)
from cogs._common.answers import respond_with
from cogs._common.context import require_guild_id
from cogs._common.options import build_choices, describe_options

CountOption = Range[int, 0, 1_000_000]
DollarOption = Range[float, 0.0, 1_000_000.0]


class ChannelTransformer(app_commands.Transformer):
    """A channel in which clips can be asked for."""

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
    """The `/server` group; ``parts`` are cogs that are not added to the client themselves."""

    def __init__(self, parts: Iterable[commands.Cog]) -> None:
        group = self.app_command
        assert group is not None, "a GroupCog has a group"
        for part in parts:
            for command in part.get_app_commands():
                group.add_command(command)


@dataclass(kw_only=True, eq=False)
class RulesCommands(commands.Cog):
    """Limits, the pause, and rules for requests."""

    quota_group = app_commands.Group(
        name="quota", description=build_command_text("command.server.quota")
    )

    quota_service: QuotaService
    server_rules: ServerRulesService
    ledger: LedgerStore
    jobs: JobStore
    clock: Clock

    @quota_group.command(name="set", description=build_command_text("command.server.quota.set"))
    @describe_options()
    async def set_quota(
        self,
        interaction: discord.Interaction,
        member: discord.User | None = None,
        role: discord.Role | None = None,
        clips_per_day: CountOption | None = None,
        seconds_per_day: CountOption | None = None,
        usd_per_day: DollarOption | None = None,
        usd_per_month: DollarOption | None = None,
        jobs_at_once: CountOption | None = None,
    ) -> None:
        """Set limits of a member, a role, or (with neither) every member; the others stay."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        dollars = (_to_micros(usd_per_day), _to_micros(usd_per_month))
        limits = UsageLimits(clips_per_day, seconds_per_day, *dollars, jobs_at_once)
        if limits == NO_LIMITS:
            await respond_with(interaction, "server.quota.none_given")
            return
        locale = interaction.locale.value
        subject, subject_id, name = _resolve_subject(member, role, locale)
        limits = await self._set_limit(interaction, subject, subject_id, limits)
        await respond_with(
            interaction, "server.quota.set", whom=name, limits=format_limits(limits, locale)
        )

    @quota_group.command(name="clear", description=build_command_text("command.server.quota.clear"))
    @describe_options()
    async def clear_quota(
        self,
        interaction: discord.Interaction,
        member: discord.User | None = None,
        role: discord.Role | None = None,
    ) -> None:
        """Clear the limits of a member, a role, or (with neither) every member."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        subject, subject_id, name = _resolve_subject(member, role, interaction.locale.value)
        await self._set_limit(interaction, subject, subject_id, None)
        await respond_with(interaction, "server.quota.cleared", whom=name)

    @quota_group.command(name="list", description=build_command_text("command.server.quota.list"))
    async def list_quotas(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        rows = await self.ledger.list_limits(require_guild_id(interaction))
        await respond_privately(interaction, format_limit_rows(rows, interaction.locale.value))

    @app_commands.command(name="budget", description=build_command_text("command.server.budget"))
    @describe_options()
    async def set_budget(
        self,
        interaction: discord.Interaction,
        usd_per_month: DollarOption | None = None,
        usd_per_day: DollarOption | None = None,
        clips_per_day: CountOption | None = None,
        seconds_per_day: CountOption | None = None,
        jobs_at_once: CountOption | None = None,
    ) -> None:
        """Set what the server may spend, keeping what is not given; with nothing, clear it."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        dollars = (_to_micros(usd_per_day), _to_micros(usd_per_month))
        limits = UsageLimits(clips_per_day, seconds_per_day, *dollars, jobs_at_once)
        given = None if limits == NO_LIMITS else limits
        limits = await self._set_limit(interaction, LimitSubject.GUILD, NO_SUBJECT, given)
        key = "server.budget.cleared" if given is None else "server.budget.set"
        await respond_with(interaction, key, limits=format_limits(limits, interaction.locale.value))

    @app_commands.command(name="pause", description=build_command_text("command.server.pause"))
    @describe_options()
    async def pause_requests(
        self, interaction: discord.Interaction, reason: Range[str, 1, 200] | None = None
    ) -> None:
        """Accept no new requests here; running jobs finish."""
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

    @app_commands.command(name="usage", description=build_command_text("command.server.usage"))
    @describe_options()
    async def show_usage(
        self, interaction: discord.Interaction, days: Range[int, 1, 365] = 30
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        since = self.clock.now() - timedelta(days=days)
        rows = await self.ledger.list_usage(require_guild_id(interaction), since=since)
        file = discord.File(BytesIO(build_usage_csv(rows)), filename=f"usage-{days}-days.csv")
        text = format_usage(rows, days, interaction.locale.value)
        await interaction.edit_original_response(content=text, attachments=[file])

    @app_commands.command(name="unknown", description=build_command_text("command.server.unknown"))
    @describe_options()
    async def review_unknown_jobs(
        self,
        interaction: discord.Interaction,
        job: Range[int, 1] | None = None,
        charge: bool | None = None,
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = require_guild_id(interaction)
        unknown_jobs = await self.jobs.list_unknown(guild_id)
        if job is None:
            text = format_unknown_jobs(unknown_jobs, interaction.locale.value)
            await respond_privately(interaction, text)
            return
        if job not in {unknown_job.id for unknown_job in unknown_jobs}:
            raise RecordNotFound("unknown_job")
        if charge is None:  # settling cannot be undone, so it takes an explicit choice
            await respond_with(interaction, "unknown.undecided", job=job)
            return
        await self.quota_service.settle_unknown(job, charge=charge, actor_id=interaction.user.id)
        key = "unknown.charged" if charge else "unknown.refunded"
        await respond_with(interaction, key, job=job)

    @app_commands.command(name="people", description=build_command_text("command.server.people"))
    @describe_options()
    @app_commands.choices(rule=build_choices("people", PersonRule))
    async def set_person_rule(
        self, interaction: discord.Interaction, rule: str, channel: ChannelOption | None = None
    ) -> None:
        """Set which people videos may show, in the server or (stricter) in a channel."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        chosen, locale = PersonRule(rule), interaction.locale.value
        if channel is None:
            rules = await self._change_rules(interaction, person_rule=chosen)
            where = translate("server.people.server", locale)
        else:
            changes = {channel.id: chosen}
            rules = await self._change_rules(interaction, channel_person_rules=changes)
            where = f"<#{channel.id}>"
        name = translate(f"people.{rule}", locale)
        lines = [translate("server.people.set", locale, rule=name, where=where)]
        if (effective := pick_strictest(rules.person_rule, chosen)) not in (None, chosen):
            stricter = translate(f"people.{effective}", locale)
            lines.append(translate("server.people.stricter", locale, rule=stricter))
        await respond_privately(interaction, "\n".join(lines))

    @app_commands.command(name="confirm", description=build_command_text("command.server.confirm"))
    @describe_options()
    async def set_confirmation_price(
        self, interaction: discord.Interaction, above: DollarOption | None = None
    ) -> None:
        """Set the price from which a request asks for confirmation; without one, never."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        price = _to_micros(above)
        above_price = NEVER_CONFIRM if price is None else price
        await self._change_rules(interaction, confirm_above=above_price)
        if price is None:
            await respond_with(interaction, "server.confirm.never")
        else:
            shown = format_money(price, interaction.locale.value)
            await respond_with(interaction, "server.confirm.above", price=shown)

    @app_commands.command(
        name="extending", description=build_command_text("command.server.extending")
    )
    @describe_options()
    @app_commands.choices(who=build_choices("extending", ExtendPermission))
    async def set_extension_rule(self, interaction: discord.Interaction, who: str) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._change_rules(interaction, extend_by=ExtendPermission(who))
        await respond_with(interaction, f"server.extending.{who}")

    async def _set_limit(
        self,
        interaction: discord.Interaction,
        subject: LimitSubject,
        subject_id: int,
        limits: UsageLimits | None,
    ) -> UsageLimits:
        guild_id, actor_id = require_guild_id(interaction), interaction.user.id
        return await self.quota_service.set_limit(
            guild_id, subject, subject_id, limits, actor_id=actor_id
        )

    async def _change_rules(self, interaction: discord.Interaction, **changes: Any) -> GuildRules:
        guild_id, actor_id = require_guild_id(interaction), interaction.user.id
        return await self.server_rules.change_rules(guild_id, actor_id=actor_id, **changes)


def _resolve_subject(
    member: discord.User | None, role: discord.Role | None, locale: str
) -> tuple[LimitSubject, int, str]:
    """Return whom a limit is for, their id and how to name them; a member comes before a role."""
    if member is not None:
        return LimitSubject.MEMBER, member.id, f"<@{member.id}>"
    if role is not None and not role.is_default():
        return LimitSubject.ROLE, role.id, f"<@&{role.id}>"
    return LimitSubject.DEFAULT, NO_SUBJECT, translate("server.quota.default", locale)


def _to_micros(dollars: float | None) -> Micros | None:
    return None if dollars is None else to_micros(Decimal(str(dollars)))
