"""*Report* under showcase posts and in *Details*, and the staff's buttons on reported clips."""

from dataclasses import dataclass
from functools import partial

import discord
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.domain.moderation.report import ReportDecision
from bot.i18n.catalogs import translate
from bot.services.clips.library import ClipLibrary
from bot.services.moderation.report_desk import ReportDesk
from bot.services.moderation.reports import ReportDecisions, ReportIntake
from bot.ui.components import build_button
from bot.ui.custom_ids import ButtonAction
from bot.ui.reports import describe_lost_race
from bot.ui.router import InteractionRouter
from cogs._common.answers import build_button_row, respond_with
from cogs._common.context import build_acting_person, require_manager

_DECISIONS = {
    ButtonAction.REPORT_HIDE: ReportDecision.HIDE,
    ButtonAction.REPORT_DELETE: ReportDecision.DELETE,
    ButtonAction.REPORT_DISMISS: ReportDecision.DISMISS,
    ButtonAction.REPORT_SHOW: ReportDecision.SHOW,
}


@dataclass(kw_only=True, eq=False)
class Reports(commands.Cog):
    router: InteractionRouter
    report_intake: ReportIntake
    report_decisions: ReportDecisions
    report_desk: ReportDesk
    clip_library: ClipLibrary

    def __post_init__(self) -> None:
        self.router.register_button(ButtonAction.ASK_REPORT, self.ask_to_report)
        self.router.register_button(ButtonAction.REPORT, self.report_clip)
        for action in _DECISIONS:
            self.router.register_button(action, partial(self.decide, action))
        self.router.register_button(ButtonAction.REPORT_BLOCK, self.block_creator)

    async def ask_to_report(self, interaction: discord.Interaction, clip_id: int) -> None:
        """Ask whether this is meant, because everybody sees the button under a showcase post."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        clip = await self.clip_library.get_clip(clip_id, build_acting_person(interaction))
        locale = interaction.locale.value
        button = build_button(ButtonAction.REPORT, clip.id, locale)
        text = translate("report.ask", locale)
        await respond_privately(interaction, text, build_button_row([button]))

    async def report_clip(self, interaction: discord.Interaction, clip_id: int) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        clip = await self.clip_library.get_clip(clip_id, build_acting_person(interaction))
        receipt = await self.report_intake.report_as_member(clip, interaction.user.id)
        await respond_with(interaction, f"report.receipt.{receipt}", clip=f"#{clip.id}")

    async def decide(
        self, action: ButtonAction, interaction: discord.Interaction, clip_id: int
    ) -> None:
        """Decide about a reported clip. Who is second learns what the first one decided."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        person, decision = build_acting_person(interaction), _DECISIONS[action]
        case, is_first = await self.report_decisions.decide(clip_id, decision, person)
        await self.report_desk.settle(clip_id)
        if is_first:
            await respond_with(interaction, "report.saved")
        else:
            await respond_privately(interaction, describe_lost_race(case, interaction.locale.value))

    async def block_creator(self, interaction: discord.Interaction, clip_id: int) -> None:
        """Keep the clip's creator from making clips, as `/server block` does."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild = require_manager(interaction)
        case, is_first = await self.report_decisions.block_creator(
            clip_id, guild_id=guild.id, actor_id=interaction.user.id
        )
        await self.report_desk.settle(clip_id)
        key = "report.member_blocked" if is_first else "report.already_blocked"
        await respond_with(interaction, key, member=f"<@{case.creator_id}>")
