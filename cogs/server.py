"""`/server`: what a server's admins decide. Discord shows it to those who may manage the server."""

from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Range
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.domain.billing.limits import NO_LIMITS, LimitSubject, UsageLimits
from bot.domain.billing.money import Micros, to_micros
from bot.domain.errors import RecordNotFound
from bot.domain.guild import NEVER_CONFIRM, ExtendPermission
from bot.domain.jobs.people_policy import pick_strictest
from bot.domain.jobs.request import PersonRule
from bot.domain.ports import Clock
from bot.i18n.catalogs import build_command_text, translate
from bot.i18n.formatting import format_money
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.admin.quotas import QuotaService
from bot.services.showcase.showcase import ShowcaseService
from bot.ui.custom_ids import InteractionRouter
from bot.ui.server_setup import CLIP_CHANNEL_TYPES
from bot.ui.text_lists import (
    build_usage_csv,
    format_limit_rows,
    format_limits,
    format_unknown_jobs,
    format_usage,
)
from cogs.server_setup import SetupCommands
from cogs.server_showcase import ShowcaseSettingsCommands

CountOption = Range[int, 0, 1_000_000]
DollarOption = Range[float, 0.0, 1_000_000.0]
_LIMIT_OPTIONS = (
    "clips_per_day",
    "seconds_per_day",
    "usd_per_day",
    "usd_per_month",
    "jobs_at_once",
)


class ChannelTransformer(app_commands.Transformer):
    """A channel in which clips can be asked for."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        """What Discord offers to choose."""
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        """Which kinds of it."""
        return list(CLIP_CHANNEL_TYPES)

    async def transform(
        self, _interaction: discord.Interaction, value: app_commands.AppCommandChannel, /
    ) -> app_commands.AppCommandChannel:
        """Return the channel as it is."""
        return value


ChannelOption = app_commands.Transform[app_commands.AppCommandChannel, ChannelTransformer]


def _describe_options(*names: str) -> dict[str, app_commands.locale_str]:
    return {name: build_command_text(f"option.{name}") for name in names}


def _build_choices(
    prefix: str, enum_class: type[PersonRule] | type[ExtendPermission]
) -> list[app_commands.Choice[str]]:
    return [
        app_commands.Choice(name=build_command_text(f"{prefix}.{each}"), value=each.value)
        for each in enum_class
    ]


@app_commands.guild_only()
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.default_permissions(manage_guild=True)
class ServerCommands(
    ShowcaseSettingsCommands,
    SetupCommands,
    commands.GroupCog,
    group_name="server",
    group_description=build_command_text("command.server"),
):
    """The `/server` group; Discord asks for Manage Server unless an admin says otherwise."""

    quota_group = app_commands.Group(
        name="quota", description=build_command_text("command.server.quota")
    )

    def __init__(
        self,
        *,
        router: InteractionRouter,
        quota_service: QuotaService,
        server_rules: ServerRulesService,
        showcase_service: ShowcaseService,
        clock: Clock,
    ) -> None:
        self.register_menus(router)
        self._showcase_service = showcase_service
        self._quota_service = quota_service
        self._server_rules = server_rules
        self._clock = clock

    @quota_group.command(name="set", description=build_command_text("command.server.quota.set"))
    @app_commands.describe(**_describe_options("member", "role", *_LIMIT_OPTIONS))
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
        given = UsageLimits(
            clips_per_day,
            seconds_per_day,
            _to_micros(usd_per_day),
            _to_micros(usd_per_month),
            jobs_at_once,
        )
        if given == NO_LIMITS:
            await _send_text(interaction, "server.quota.none_given")
            return
        subject, number, name = _resolve_subject(member, role, interaction.locale.value)
        now = await self._quota_service.set_limit(
            _require_guild(interaction), subject, number, given, actor_id=interaction.user.id
        )
        await _send_text(
            interaction,
            "server.quota.set",
            whom=name,
            limits=format_limits(now, interaction.locale.value),
        )

    @quota_group.command(name="clear", description=build_command_text("command.server.quota.clear"))
    @app_commands.describe(**_describe_options("member", "role"))
    async def clear_quota(
        self,
        interaction: discord.Interaction,
        member: discord.User | None = None,
        role: discord.Role | None = None,
    ) -> None:
        """Forget the limits of a member, a role, or (with neither) every member."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        subject, number, name = _resolve_subject(member, role, interaction.locale.value)
        await self._quota_service.set_limit(
            _require_guild(interaction), subject, number, None, actor_id=interaction.user.id
        )
        await _send_text(interaction, "server.quota.cleared", whom=name)

    @quota_group.command(name="list", description=build_command_text("command.server.quota.list"))
    async def list_quotas(self, interaction: discord.Interaction) -> None:
        """List the limits that the server has set."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        rows = await self._quota_service.list_limits(_require_guild(interaction))
        await respond_privately(interaction, format_limit_rows(rows, interaction.locale.value))

    @app_commands.command(name="budget", description=build_command_text("command.server.budget"))
    @app_commands.describe(**_describe_options(*_LIMIT_OPTIONS))
    async def set_budget(
        self,
        interaction: discord.Interaction,
        usd_per_month: DollarOption | None = None,
        usd_per_day: DollarOption | None = None,
        clips_per_day: CountOption | None = None,
        seconds_per_day: CountOption | None = None,
        jobs_at_once: CountOption | None = None,
    ) -> None:
        """Set what the whole server may spend, what is not given stays; without any, forget it."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        given = UsageLimits(
            clips_per_day,
            seconds_per_day,
            _to_micros(usd_per_day),
            _to_micros(usd_per_month),
            jobs_at_once,
        )
        empty = given == NO_LIMITS
        now = await self._quota_service.set_budget(
            _require_guild(interaction), None if empty else given, actor_id=interaction.user.id
        )
        await _send_text(
            interaction,
            "server.budget.cleared" if empty else "server.budget.set",
            limits=format_limits(now, interaction.locale.value),
        )

    @app_commands.command(name="pause", description=build_command_text("command.server.pause"))
    @app_commands.describe(**_describe_options("reason"))
    async def pause_requests(
        self, interaction: discord.Interaction, reason: Range[str, 1, 200] | None = None
    ) -> None:
        """Accept no new request here; running jobs finish."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._server_rules.pause_guild(
            _require_guild(interaction), actor_id=interaction.user.id, reason=reason
        )
        await _send_text(interaction, "server.paused")

    @app_commands.command(name="resume", description=build_command_text("command.server.resume"))
    async def resume_requests(self, interaction: discord.Interaction) -> None:
        """Accept requests again."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._server_rules.resume_guild(
            _require_guild(interaction), actor_id=interaction.user.id
        )
        await _send_text(interaction, "server.resumed")

    @app_commands.command(name="usage", description=build_command_text("command.server.usage"))
    @app_commands.describe(**_describe_options("days"))
    async def show_usage(
        self, interaction: discord.Interaction, days: Range[int, 1, 365] = 30
    ) -> None:
        """Show who has used how much, with a file for a spreadsheet."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        since = self._clock.now() - timedelta(days=days)
        rows = await self._quota_service.list_usage(_require_guild(interaction), since=since)
        file = discord.File(BytesIO(build_usage_csv(rows)), filename=f"usage-{days}-days.csv")
        await interaction.edit_original_response(
            content=format_usage(rows, days, interaction.locale.value), attachments=[file]
        )

    @app_commands.command(name="unknown", description=build_command_text("command.server.unknown"))
    @app_commands.describe(**_describe_options("job", "charge"))
    async def review_unknown_jobs(
        self,
        interaction: discord.Interaction,
        job: Range[int, 1] | None = None,
        charge: bool | None = None,
    ) -> None:
        """List the jobs nobody knows the end of, or judge one of them."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = _require_guild(interaction)
        open_jobs = await self._quota_service.list_unknown_jobs(guild_id)
        if job is None:
            await respond_privately(
                interaction, format_unknown_jobs(open_jobs, interaction.locale.value)
            )
            return
        if job not in {each.id for each in open_jobs}:
            raise RecordNotFound("unknown_job")
        if charge is None:  # a judgement cannot be taken back: none is made by leaving it out
            await _send_text(interaction, "unknown.undecided", job=job)
            return
        await self._quota_service.settle_unknown(job, charge=charge, actor_id=interaction.user.id)
        await _send_text(interaction, "unknown.charged" if charge else "unknown.refunded", job=job)

    @app_commands.command(name="people", description=build_command_text("command.server.people"))
    @app_commands.describe(**_describe_options("rule", "channel"))
    @app_commands.choices(rule=_build_choices("choice.people", PersonRule))
    async def set_person_rule(
        self,
        interaction: discord.Interaction,
        rule: str,
        channel: ChannelOption | None = None,
    ) -> None:
        """Say which people videos may show, in the server or (stricter) in a channel."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id, locale = _require_guild(interaction), interaction.locale.value
        chosen = PersonRule(rule)
        if channel is None:
            changed: dict[str, Any] = {"person_rule": chosen}
            where = translate("server.people.server", locale)
        else:
            changed = {"channel_person_rules": {channel.id: chosen}}
            where = f"<#{channel.id}>"
        rules = await self._server_rules.change_rules(
            guild_id, actor_id=interaction.user.id, **changed
        )
        told = [
            translate(
                "server.people.set", locale, rule=translate(f"people.{rule}", locale), where=where
            )
        ]
        if (held := pick_strictest(rules.person_rule, chosen)) not in (None, chosen):
            whole = translate(f"people.{held}", locale)
            told.append(translate("server.people.stricter", locale, rule=whole))
        await respond_privately(interaction, "\n".join(told))

    @app_commands.command(name="confirm", description=build_command_text("command.server.confirm"))
    @app_commands.describe(**_describe_options("above"))
    async def set_confirmation_price(
        self, interaction: discord.Interaction, above: DollarOption | None = None
    ) -> None:
        """Say from which price on a request asks before it spends; without one, never."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        price = _to_micros(above)
        await self._server_rules.change_rules(
            _require_guild(interaction),
            actor_id=interaction.user.id,
            confirm_above=NEVER_CONFIRM if price is None else price,
        )
        if price is None:
            await _send_text(interaction, "server.confirm.never")
        else:
            shown = format_money(price, interaction.locale.value)
            await _send_text(interaction, "server.confirm.above", price=shown)

    @app_commands.command(
        name="extending", description=build_command_text("command.server.extending")
    )
    @app_commands.describe(**_describe_options("who"))
    @app_commands.choices(who=_build_choices("choice.extending", ExtendPermission))
    async def set_extension_rule(self, interaction: discord.Interaction, who: str) -> None:
        """Say who may extend a clip: everyone, or only the one who asked for it."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._server_rules.change_rules(
            _require_guild(interaction),
            actor_id=interaction.user.id,
            extend_by=ExtendPermission(who),
        )
        await _send_text(interaction, f"server.extending.{who}")


def _resolve_subject(
    member: discord.User | None, role: discord.Role | None, locale: str
) -> tuple[LimitSubject, int, str]:
    """Return whom a limit is for, its id, and how to call them; a member goes before a role."""
    if member is not None:
        return LimitSubject.MEMBER, member.id, f"<@{member.id}>"
    if role is not None and not role.is_default():
        return LimitSubject.ROLE, role.id, f"<@&{role.id}>"
    return LimitSubject.DEFAULT, 0, translate("server.quota.default", locale)


def _to_micros(dollars: float | None) -> Micros | None:
    return None if dollars is None else to_micros(Decimal(str(dollars)))


def _require_guild(interaction: discord.Interaction) -> int:
    if interaction.guild_id is None:
        raise RecordNotFound("server")
    return interaction.guild_id


async def _send_text(interaction: discord.Interaction, key: str, **values: object) -> None:
    await respond_privately(interaction, translate(key, interaction.locale.value, **values))
