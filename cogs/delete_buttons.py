"""The *Delete* button on clips and on cards of jobs without clips."""

from collections import Counter, OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import discord
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.discord.interaction_edits import edit_response
from bot.discord.user_install import is_user_install
from bot.domain.billing.charges import compute_price_paid
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.jobs.job import Job
from bot.i18n.catalogs import translate
from bot.i18n.formatting import format_money, list_clip_numbers
from bot.services.clips.library import ClipLibrary
from bot.services.clips.removal import ClipRemoval
from bot.store.jobs.clips import ClipStore
from bot.ui.components import build_button
from bot.ui.custom_ids import ButtonAction
from bot.ui.router import InteractionRouter
from cogs._common.answers import build_button_row, respond_with
from cogs._common.context import build_acting_person

_MAX_REMEMBERED_PRESSES: Final = 1000


@dataclass(kw_only=True, eq=False)
class DeleteButtons(commands.Cog):
    """Asks before a clip is deleted.

    The pressed interaction is remembered until the answer. Where the bot is not a member, only that
    interaction can delete the message with the button.
    """

    router: InteractionRouter
    clips: ClipStore
    clip_library: ClipLibrary
    clip_removal: ClipRemoval
    _presses: OrderedDict[tuple[int, int], discord.Interaction] = field(
        init=False, default_factory=OrderedDict
    )

    def __post_init__(self) -> None:
        self.router.register_button(ButtonAction.DELETE, self.ask_to_delete)
        self.router.register_button(ButtonAction.CONFIRM_DELETE, self.confirm_deletion)
        self.router.register_button(ButtonAction.KEEP, self.keep_clips)

    async def ask_to_delete(self, interaction: discord.Interaction, job_id: int) -> None:
        """Ask whether to delete the clips. Without clips, the card is deleted at once."""
        if is_user_install(interaction):
            await interaction.response.defer()  # makes the message the original response
        else:
            await interaction.response.defer(ephemeral=True, thinking=True)
        locale, job = interaction.locale.value, await self._load_job(interaction, job_id)
        self.clip_removal.require_may_remove(job, build_acting_person(interaction))
        clips = await self.clips.list_for_request(job)
        if not clips:
            await self.clip_removal.remove_job(job, build_acting_person(interaction))
            await _delete_pressed(interaction)
            await respond_with(interaction, "delete.card")
            return
        self._presses[interaction.user.id, job_id] = interaction
        if len(self._presses) > _MAX_REMEMBERED_PRESSES:
            self._presses.popitem(last=False)
        text = translate(
            "delete.ask",
            locale,
            clip=list_clip_numbers(clips, locale),
            price=format_money(await self._sum_price(job, clips), locale),
        )
        confirm = build_button(ButtonAction.CONFIRM_DELETE, job_id, locale, danger=True)
        keep = build_button(ButtonAction.KEEP, job_id, locale)
        await respond_privately(interaction, text, build_button_row([confirm, keep]))

    async def confirm_deletion(self, interaction: discord.Interaction, job_id: int) -> None:
        await interaction.response.defer()
        job = await self._load_job(interaction, job_id)
        await self.clip_removal.remove_job(job, build_acting_person(interaction))
        pressed = self._presses.pop((interaction.user.id, job_id), None)
        is_gone = job.origin.user_install_reply is None
        if pressed is not None:
            is_gone |= await _delete_pressed(pressed)
        text = translate("delete.done", interaction.locale.value)
        if not is_gone:
            text += "\n" + translate("delete.press_again", interaction.locale.value)
        await edit_response(interaction, content=text, view=None)

    async def keep_clips(self, interaction: discord.Interaction, job_id: int) -> None:
        await interaction.response.defer()
        self._presses.pop((interaction.user.id, job_id), None)
        text = translate("delete.kept", interaction.locale.value)
        await edit_response(interaction, content=text, view=None)

    async def _sum_price(self, job: Job, clips: Sequence[Clip]) -> Micros:
        counts = Counter(clip.job_id for clip in clips)
        jobs = await self.clip_library.list_requested_together(job)
        return Micros(sum(compute_price_paid(each, clips=counts[each.id]) for each in jobs))

    async def _load_job(self, interaction: discord.Interaction, job_id: int) -> Job:
        return await self.clip_library.get_job(job_id, build_acting_person(interaction))


async def _delete_pressed(pressed: discord.Interaction) -> bool:
    """Delete the message with the button. Return whether that was possible."""
    with suppress(discord.HTTPException):  # it is already deleted, or the token has expired
        if is_user_install(pressed):
            await pressed.delete_original_response()
            return True
        if pressed.message is not None:
            await pressed.message.delete()
            return True
    return False
