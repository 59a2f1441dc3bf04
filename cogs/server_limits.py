"""`/server quota`, `budget`, `usage` and `unknown`: limits and usage of a server's members.

A command without options only shows the current state. Limits are only removed explicitly.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from typing import Final, Protocol

import discord
from discord import app_commands
from discord.app_commands import Range
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.domain.billing.ledger import UsageRow
from bot.domain.billing.limits import NO_LIMITS, NO_SUBJECT, LimitSubject, UsageLimits
from bot.domain.errors import RecordNotFound
from bot.domain.ports import Clock
from bot.i18n.catalogs import build_command_text, translate
from bot.services.admin.quotas import QuotaService
from bot.store.billing.ledger import LedgerStore
from bot.store.jobs.jobs import JobStore
from bot.ui.server_rules import describe_budget
from bot.ui.text_lists import (
    build_usage_csv,
    format_limit_rows,
    format_limits,
    format_unknown_jobs,
    format_usage,
)
from cogs._common.answers import respond_with
from cogs._common.context import require_guild_id
from cogs._common.options import DollarOption, describe_options, to_optional_micros

CountOption = Range[int, 0, 1_000_000]
_MAX_NAMES: Final = 100
_NAMES_TIMEOUT_S: Final = 10.0
"""Seconds for loading names. Each one is a request to Discord."""


class MemberNames(Protocol):
    """Asks Discord for the names of members."""

    async def fetch_creator_name(self, guild_id: int, user_id: int) -> str: ...


@dataclass(kw_only=True, eq=False)
class LimitsCommands(commands.Cog):
    """Limits of members, the server's budget, and their usage."""

    quota_group = app_commands.Group(
        name="quota", description=build_command_text("command.server.quota")
    )

    quota_service: QuotaService
    ledger: LedgerStore
    jobs: JobStore
    member_names: MemberNames
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
        """Set limits of a member, a role, or (with neither) every member. Others do not change."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        dollars = (to_optional_micros(usd_per_day), to_optional_micros(usd_per_month))
        limits = UsageLimits(clips_per_day, seconds_per_day, *dollars, jobs_at_once)
        locale = interaction.locale.value
        if limits == NO_LIMITS:
            await self._show_quotas(interaction, hint="server.quota.none_given")
            return
        subject, subject_id, name = _resolve_subject(member, role, locale)
        limits = await self._set_limit(interaction, subject, subject_id, limits)
        lines = [
            translate("server.quota.set", locale, whom=name, limits=format_limits(limits, locale))
        ]
        budget = self.quota_service.resolve_budget(
            await self.ledger.list_limits(require_guild_id(interaction))
        )
        if (narrower := limits.find_narrower(budget)) != NO_LIMITS:
            narrower_text = format_limits(narrower, locale)
            lines.append(translate("server.quota.over_budget", locale, limits=narrower_text))
        await respond_privately(interaction, "\n".join(lines))

    @quota_group.command(name="clear", description=build_command_text("command.server.quota.clear"))
    @describe_options(everyone="quota_everyone")
    async def clear_quota(
        self,
        interaction: discord.Interaction,
        member: discord.User | None = None,
        role: discord.Role | None = None,
        everyone: bool = False,
    ) -> None:
        """Remove the limits of a member, a role, or every member."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if member is None and role is None and not everyone:
            await self._show_quotas(interaction, hint="server.quota.nothing_cleared")
            return
        subject, subject_id, name = _resolve_subject(member, role, interaction.locale.value)
        await self._set_limit(interaction, subject, subject_id, None)
        await respond_with(interaction, "server.quota.cleared", whom=name)

    @quota_group.command(name="list", description=build_command_text("command.server.quota.list"))
    async def list_quotas(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._show_quotas(interaction)

    @app_commands.command(name="budget", description=build_command_text("command.server.budget"))
    @describe_options(clear="budget_clear")
    async def set_budget(
        self,
        interaction: discord.Interaction,
        usd_per_month: DollarOption | None = None,
        usd_per_day: DollarOption | None = None,
        clips_per_day: CountOption | None = None,
        seconds_per_day: CountOption | None = None,
        jobs_at_once: CountOption | None = None,
        clear: bool = False,
    ) -> None:
        """Set what the server may spend. Limits that are not given do not change."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        dollars = (to_optional_micros(usd_per_day), to_optional_micros(usd_per_month))
        new_limits = UsageLimits(clips_per_day, seconds_per_day, *dollars, jobs_at_once)
        if clear:  # new limits in the same command replace the old ones
            await self._set_limit(interaction, LimitSubject.GUILD, NO_SUBJECT, None)
        if new_limits != NO_LIMITS:
            await self._set_limit(interaction, LimitSubject.GUILD, NO_SUBJECT, new_limits)
        rows = await self.ledger.list_limits(require_guild_id(interaction))
        budget = next((row.limits for row in rows if row.subject is LimitSubject.GUILD), NO_LIMITS)
        text = describe_budget(budget, self.quota_service.server_ceiling, interaction.locale.value)
        await respond_privately(interaction, text)

    @app_commands.command(name="usage", description=build_command_text("command.server.usage"))
    @describe_options()
    async def show_usage(
        self, interaction: discord.Interaction, days: Range[int, 1, 365] = 30
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        since = self.clock.now() - timedelta(days=days)
        guild_id = require_guild_id(interaction)
        rows = await self.ledger.list_usage(guild_id, since=since)
        names = await self._fetch_names(guild_id, rows)
        data = build_usage_csv(rows, names, interaction.locale.value)
        file = discord.File(BytesIO(data), filename=f"usage-{days}-days.csv")
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
        if charge is None:  # settling cannot be undone, so there is no default
            await respond_with(interaction, "unknown.undecided", job=job)
            return
        await self.quota_service.settle_unknown(job, charge=charge, actor_id=interaction.user.id)
        key = "unknown.charged" if charge else "unknown.refunded"
        await respond_with(interaction, key, job=job)

    async def _show_quotas(
        self, interaction: discord.Interaction, *, hint: str | None = None
    ) -> None:
        locale = interaction.locale.value
        text = format_limit_rows(
            await self.ledger.list_limits(require_guild_id(interaction)),
            locale,
            ceiling=self.quota_service.server_ceiling,
        )
        lines = [text] if hint is None else [text, translate(hint, locale)]
        await respond_privately(interaction, "\n".join(lines))

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

    async def _fetch_names(self, guild_id: int, rows: Sequence[UsageRow]) -> dict[int, str]:
        """Return the names of those who spent the most, without names that load too slowly."""
        names: dict[int, str] = {}

        async def fetch_name(user_id: int) -> None:
            names[user_id] = await self.member_names.fetch_creator_name(guild_id, user_id)

        ids = [row.user_id for row in rows if row.user_id is not None and row.user_id > 0]
        with suppress(TimeoutError):
            async with asyncio.timeout(_NAMES_TIMEOUT_S), asyncio.TaskGroup() as group:
                for user_id in ids[:_MAX_NAMES]:
                    group.create_task(fetch_name(user_id))
        return names


def _resolve_subject(
    member: discord.User | None, role: discord.Role | None, locale: str
) -> tuple[LimitSubject, int, str]:
    """Return the subject of a limit, its id and its name. A member comes before a role."""
    if member is not None:
        return LimitSubject.MEMBER, member.id, f"<@{member.id}>"
    if role is not None and not role.is_default():
        return LimitSubject.ROLE, role.id, f"<@&{role.id}>"
    return LimitSubject.DEFAULT, NO_SUBJECT, translate("server.quota.default", locale)
