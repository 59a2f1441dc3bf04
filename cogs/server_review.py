"""`/server review`, and the buttons under clips that moderators see before anybody else."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.domain.errors import NotAllowed
from bot.domain.guild import ReviewScope
from bot.domain.moderation.clip_review import MODERATOR_DECISIONS, ReviewDecision
from bot.i18n.catalogs import build_command_text
from bot.services.moderation.clip_reviews import ClipReviewService, ReviewStatus
from bot.ui.custom_ids import ButtonAction
from bot.ui.review import describe_decision, describe_review_rules
from bot.ui.router import InteractionRouter
from cogs._common.answers import respond_with
from cogs._common.context import may_moderate, require_guild_id
from cogs._common.options import build_choices, describe_options
from cogs.server import ChannelOption
from cogs.server_staff import find_staff_access


@dataclass(kw_only=True, eq=False)
class ReviewCommands(commands.Cog):
    """`/server review` (part of the `/server` group), and the moderators' buttons."""

    router: InteractionRouter
    clip_reviews: ClipReviewService

    def __post_init__(self) -> None:
        for decision in MODERATOR_DECISIONS:
            action = ButtonAction(f"review_{decision}")
            self.router.register_button(action, partial(self.decide, decision))

    @app_commands.command(name="review", description=build_command_text("command.server.review"))
    @describe_options(clips="reviewed_clips", channel="reviewed_channel")
    @app_commands.choices(clips=build_choices("review", ReviewScope))
    async def set_review(
        self,
        interaction: discord.Interaction,
        clips: str | None = None,
        trusted_role: discord.Role | None = None,
        channel: ChannelOption | None = None,
    ) -> None:
        """Show or set whose clips moderators see before they are posted."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = require_guild_id(interaction)
        changes: dict[str, Any] = {
            name: option.id
            for name, option in (
                ("trusted_role", trusted_role),
                ("review_channel", channel),
            )
            if option is not None
        }
        if clips is not None:
            changes["review_scope"] = ReviewScope(clips)
        status = await self.clip_reviews.load_status(guild_id)
        if changes:
            lacking = _find_lacking(status, changes)
            if lacking is not None:
                await respond_with(interaction, f"server.review.{lacking}")
                return
            status = await self.clip_reviews.change_rules(
                guild_id, actor_id=interaction.user.id, **changes
            )
        text = describe_review_rules(
            status.rules,
            find_staff_access(interaction.guild, status.rules),
            interaction.locale.value,
            waiting=status.waiting,
            unseen=status.unseen,
        )
        await respond_privately(interaction, text)

    async def decide(
        self, decision: ReviewDecision, interaction: discord.Interaction, job_id: int
    ) -> None:
        """Decide about a clip; the stage of its job then changes the message with the button."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if not may_moderate(interaction):
            raise NotAllowed("moderate")
        pressed = interaction.message
        earlier = await self.clip_reviews.decide(
            job_id,
            decision,
            actor_id=interaction.user.id,
            guild_id=interaction.guild_id,
            message=None if pressed is None else (pressed.channel.id, pressed.id),
        )
        if earlier is None:
            await respond_with(interaction, f"review.done.{decision}")
            return
        job, review = earlier
        text = describe_decision(job, review.decided_by, interaction.locale.value)
        await respond_privately(interaction, text)


def _find_lacking(status: ReviewStatus, changes: dict[str, Any]) -> str | None:
    """Return which text says what the rules would lack, `None` if they are complete."""
    scope = changes.get("review_scope", status.rules.review_scope)
    if scope is ReviewScope.OFF:
        return None
    if status.rules.staff_channel is None:
        return "needs_staff_channel"
    if scope is ReviewScope.CHANNEL:
        channel = changes.get("review_channel", status.rules.review_channel)
        return "needs_channel" if channel is None else None
    return None
