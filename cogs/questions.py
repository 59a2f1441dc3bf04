"""The buttons under requests about which a moderator is asked first."""

from dataclasses import dataclass
from functools import partial

import discord
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.discord.user_install import guild_of
from bot.domain.errors import NotAllowed
from bot.domain.moderation.question import ModeratorAnswer
from bot.services.moderation.questions import QuestionDesk
from bot.ui.custom_ids import ButtonAction
from bot.ui.questions import describe_answer, describe_own_answer
from bot.ui.router import InteractionRouter
from cogs._common.answers import respond_with
from cogs._common.context import may_moderate


@dataclass(kw_only=True, eq=False)
class ModeratorQuestions(commands.Cog):
    router: InteractionRouter
    question_desk: QuestionDesk

    def __post_init__(self) -> None:
        for answer in ModeratorAnswer:
            action = ButtonAction(f"question_{answer}")
            self.router.register_button(action, partial(self.answer, answer))
        self.router.register_button(ButtonAction.QUESTION_CANCEL, self.cancel)

    async def answer(
        self, answer: ModeratorAnswer, interaction: discord.Interaction, question_id: int
    ) -> None:
        """Answer for the moderators. Who is second learns what the first one answered."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        if not may_moderate(interaction):
            raise NotAllowed("moderate")
        question, is_first = await self.question_desk.answer(
            question_id, answer, guild_id=interaction.guild_id, actor_id=interaction.user.id
        )
        describe = describe_own_answer if is_first else describe_answer
        await respond_privately(interaction, describe(question, interaction.locale.value))

    async def cancel(self, interaction: discord.Interaction, question_id: int) -> None:
        await cancel_question(self.question_desk, interaction, question_id)


async def cancel_question(
    question_desk: QuestionDesk, interaction: discord.Interaction, question_id: int
) -> None:
    """Cancel for the member who asked, or refuse for a moderator, and show the result."""
    await interaction.response.defer(ephemeral=True, thinking=True)
    is_canceled = await question_desk.withdraw(
        question_id,
        user_id=interaction.user.id,
        moderator=may_moderate(interaction),
        guild_id=guild_of(interaction),
    )
    key = "question.done.cancel" if is_canceled else "not_found.question"
    await respond_with(interaction, key)
