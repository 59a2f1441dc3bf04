"""`/server`: what a server's admins decide. Discord shows it to those who may manage the server."""

from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import Range
from discord.ext import commands

from bot.discord.client import answer
from bot.domain.billing.limits import NO_LIMITS, Limits, Subject
from bot.domain.billing.money import Micros, micros
from bot.domain.errors import NotFound
from bot.domain.guild import NEVER, ExtendBy
from bot.domain.jobs.people_policy import strictest
from bot.domain.jobs.request import PersonRule
from bot.domain.ports import Clock
from bot.i18n.catalogs import command_text, say
from bot.i18n.formatting import money
from bot.services.admin.guild_rules import Servers
from bot.services.admin.quotas import Quotas
from bot.services.showcase.showcase import Showcase
from bot.ui.custom_ids import Presses
from bot.ui.server_setup import ROOMS
from bot.ui.text_lists import limit_rows, limits, unknown, usage, usage_csv
from cogs.server_setup import Setup
from cogs.server_showcase import Arranging

Count = Range[int, 0, 1_000_000]
Dollars = Range[float, 0.0, 1_000_000.0]
_LIMITS = ("clips_per_day", "seconds_per_day", "usd_per_day", "usd_per_month", "jobs_at_once")


class Room(app_commands.Transformer):
    """A channel in which clips can be asked for."""

    @property
    def type(self) -> discord.AppCommandOptionType:
        """What Discord offers to choose."""
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        """Which kinds of it."""
        return list(ROOMS)

    async def transform(
        self, _interaction: discord.Interaction, value: app_commands.AppCommandChannel, /
    ) -> app_commands.AppCommandChannel:
        """Return the channel as it is."""
        return value


RoomOption = app_commands.Transform[app_commands.AppCommandChannel, Room]


def _described(*names: str) -> dict[str, app_commands.locale_str]:
    return {name: command_text(f"option.{name}") for name in names}


def _choices(
    prefix: str, kind: type[PersonRule] | type[ExtendBy]
) -> list[app_commands.Choice[str]]:
    return [
        app_commands.Choice(name=command_text(f"{prefix}.{each}"), value=each.value)
        for each in kind
    ]


@app_commands.guild_only()
@app_commands.allowed_installs(guilds=True, users=False)
@app_commands.default_permissions(manage_guild=True)
class Server(
    Arranging,
    Setup,
    commands.GroupCog,
    group_name="server",
    group_description=command_text("command.server"),
):
    """The `/server` group; Discord asks for Manage Server unless an admin says otherwise."""

    quota = app_commands.Group(name="quota", description=command_text("command.server.quota"))

    def __init__(
        self,
        *,
        presses: Presses,
        quotas: Quotas,
        servers: Servers,
        showcase: Showcase,
        clock: Clock,
    ) -> None:
        self.listen(presses)
        self._showcase = showcase
        self._quotas = quotas
        self._servers = servers
        self._clock = clock

    @quota.command(name="set", description=command_text("command.server.quota.set"))
    @app_commands.describe(**_described("member", "role", *_LIMITS))
    async def quota_set(
        self,
        interaction: discord.Interaction,
        member: discord.User | None = None,
        role: discord.Role | None = None,
        clips_per_day: Count | None = None,
        seconds_per_day: Count | None = None,
        usd_per_day: Dollars | None = None,
        usd_per_month: Dollars | None = None,
        jobs_at_once: Count | None = None,
    ) -> None:
        """Set limits of a member, a role, or (with neither) every member; the others stay."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        given = Limits(
            clips_per_day,
            seconds_per_day,
            _micros(usd_per_day),
            _micros(usd_per_month),
            jobs_at_once,
        )
        if given == NO_LIMITS:
            await _say(interaction, "server.quota.none_given")
            return
        subject, number, name = _subject(member, role, interaction.locale.value)
        now = await self._quotas.set_limit(
            _guild(interaction), subject, number, given, by=interaction.user.id
        )
        await _say(
            interaction,
            "server.quota.set",
            whom=name,
            limits=limits(now, interaction.locale.value),
        )

    @quota.command(name="clear", description=command_text("command.server.quota.clear"))
    @app_commands.describe(**_described("member", "role"))
    async def quota_clear(
        self,
        interaction: discord.Interaction,
        member: discord.User | None = None,
        role: discord.Role | None = None,
    ) -> None:
        """Forget the limits of a member, a role, or (with neither) every member."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        subject, number, name = _subject(member, role, interaction.locale.value)
        await self._quotas.set_limit(
            _guild(interaction), subject, number, None, by=interaction.user.id
        )
        await _say(interaction, "server.quota.cleared", whom=name)

    @quota.command(name="list", description=command_text("command.server.quota.list"))
    async def quota_list(self, interaction: discord.Interaction) -> None:
        """List the limits that the server has set."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        rows = await self._quotas.list_limits(_guild(interaction))
        await answer(interaction, limit_rows(rows, interaction.locale.value))

    @app_commands.command(name="budget", description=command_text("command.server.budget"))
    @app_commands.describe(**_described(*_LIMITS))
    async def budget(
        self,
        interaction: discord.Interaction,
        usd_per_month: Dollars | None = None,
        usd_per_day: Dollars | None = None,
        clips_per_day: Count | None = None,
        seconds_per_day: Count | None = None,
        jobs_at_once: Count | None = None,
    ) -> None:
        """Set what the whole server may spend, what is not given stays; without any, forget it."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        given = Limits(
            clips_per_day,
            seconds_per_day,
            _micros(usd_per_day),
            _micros(usd_per_month),
            jobs_at_once,
        )
        empty = given == NO_LIMITS
        now = await self._quotas.set_budget(
            _guild(interaction), None if empty else given, by=interaction.user.id
        )
        await _say(
            interaction,
            "server.budget.cleared" if empty else "server.budget.set",
            limits=limits(now, interaction.locale.value),
        )

    @app_commands.command(name="pause", description=command_text("command.server.pause"))
    @app_commands.describe(**_described("reason"))
    async def pause(
        self, interaction: discord.Interaction, reason: Range[str, 1, 200] | None = None
    ) -> None:
        """Accept no new request here; running jobs finish."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._servers.pause(_guild(interaction), by=interaction.user.id, reason=reason)
        await _say(interaction, "server.paused")

    @app_commands.command(name="resume", description=command_text("command.server.resume"))
    async def resume(self, interaction: discord.Interaction) -> None:
        """Accept requests again."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._servers.resume(_guild(interaction), by=interaction.user.id)
        await _say(interaction, "server.resumed")

    @app_commands.command(name="usage", description=command_text("command.server.usage"))
    @app_commands.describe(**_described("days"))
    async def usage(self, interaction: discord.Interaction, days: Range[int, 1, 365] = 30) -> None:
        """Show who has used how much, with a file for a spreadsheet."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        since = self._clock.now() - timedelta(days=days)
        rows = await self._quotas.usage(_guild(interaction), since=since)
        file = discord.File(BytesIO(usage_csv(rows)), filename=f"usage-{days}-days.csv")
        await interaction.edit_original_response(
            content=usage(rows, days, interaction.locale.value), attachments=[file]
        )

    @app_commands.command(name="unknown", description=command_text("command.server.unknown"))
    @app_commands.describe(**_described("job", "charge"))
    async def unknown(
        self,
        interaction: discord.Interaction,
        job: Range[int, 1] | None = None,
        charge: bool | None = None,
    ) -> None:
        """List the jobs nobody knows the end of, or judge one of them."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = _guild(interaction)
        open_jobs = await self._quotas.unknown(guild_id)
        if job is None:
            await answer(interaction, unknown(open_jobs, interaction.locale.value))
            return
        if job not in {each.id for each in open_jobs}:
            raise NotFound("unknown_job")
        if charge is None:  # a judgement cannot be taken back: none is made by leaving it out
            await _say(interaction, "unknown.undecided", job=job)
            return
        await self._quotas.judge(job, charge=charge, by=interaction.user.id)
        await _say(interaction, "unknown.charged" if charge else "unknown.refunded", job=job)

    @app_commands.command(name="people", description=command_text("command.server.people"))
    @app_commands.describe(**_described("rule", "channel"))
    @app_commands.choices(rule=_choices("choice.people", PersonRule))
    async def people(
        self,
        interaction: discord.Interaction,
        rule: str,
        channel: RoomOption | None = None,
    ) -> None:
        """Say which people videos may show, in the server or (stricter) in a channel."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id, locale = _guild(interaction), interaction.locale.value
        chosen = PersonRule(rule)
        if channel is None:
            changed: dict[str, Any] = {"person_rule": chosen}
            where = say("server.people.server", locale)
        else:
            changed = {"channel_person_rules": {channel.id: chosen}}
            where = f"<#{channel.id}>"
        rules = await self._servers.change(guild_id, by=interaction.user.id, **changed)
        told = [say("server.people.set", locale, rule=say(f"people.{rule}", locale), where=where)]
        if (held := strictest(rules.person_rule, chosen)) not in (None, chosen):
            whole = say(f"people.{held}", locale)
            told.append(say("server.people.stricter", locale, rule=whole))
        await answer(interaction, "\n".join(told))

    @app_commands.command(name="confirm", description=command_text("command.server.confirm"))
    @app_commands.describe(**_described("above"))
    async def confirm(self, interaction: discord.Interaction, above: Dollars | None = None) -> None:
        """Say from which price on a request asks before it spends; without one, never."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        price = _micros(above)
        await self._servers.change(
            _guild(interaction),
            by=interaction.user.id,
            confirm_above=NEVER if price is None else price,
        )
        if price is None:
            await _say(interaction, "server.confirm.never")
        else:
            shown = money(price, interaction.locale.value)
            await _say(interaction, "server.confirm.above", price=shown)

    @app_commands.command(name="extending", description=command_text("command.server.extending"))
    @app_commands.describe(**_described("who"))
    @app_commands.choices(who=_choices("choice.extending", ExtendBy))
    async def extending(self, interaction: discord.Interaction, who: str) -> None:
        """Say who may extend a clip: everyone, or only the one who asked for it."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        await self._servers.change(
            _guild(interaction), by=interaction.user.id, extend_by=ExtendBy(who)
        )
        await _say(interaction, f"server.extending.{who}")


def _subject(
    member: discord.User | None, role: discord.Role | None, locale: str
) -> tuple[Subject, int, str]:
    """Return whom a limit is for, its id, and how to call them; a member goes before a role."""
    if member is not None:
        return Subject.MEMBER, member.id, f"<@{member.id}>"
    if role is not None and not role.is_default():
        return Subject.ROLE, role.id, f"<@&{role.id}>"
    return Subject.DEFAULT, 0, say("server.quota.default", locale)


def _micros(dollars: float | None) -> Micros | None:
    return None if dollars is None else micros(Decimal(str(dollars)))


def _guild(interaction: discord.Interaction) -> int:
    if interaction.guild_id is None:
        raise NotFound("server")
    return interaction.guild_id


async def _say(interaction: discord.Interaction, key: str, **values: object) -> None:
    await answer(interaction, say(key, interaction.locale.value, **values))
