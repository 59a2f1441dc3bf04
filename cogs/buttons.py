"""The buttons on clips, statuses and offers, and the forms they open."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

import discord
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.discord.user_install import (
    acknowledge_request,
    get_user_install_reply,
    guild_of,
    is_user_install,
    send_followup,
)
from bot.domain.clips.history_query import PageRequest
from bot.domain.errors import DatabaseUnavailable, NotAllowed, RecordNotFound
from bot.domain.jobs.job import Job
from bot.domain.jobs.request import VideoRequest
from bot.domain.ports import Clock, JobMessages
from bot.i18n.catalogs import translate
from bot.services.clips.history import ClipHistory
from bot.services.clips.input_images import InputImages
from bot.services.clips.library import ClipLibrary
from bot.services.clips.removal import ClipRemoval
from bot.services.jobs.requests import RequestService
from bot.ui.clip_card import ModelInfoSource
from bot.ui.custom_ids import ButtonAction, FormKind, InteractionRouter
from bot.ui.text_lists import format_cancellation, format_history, format_job_details
from cogs._common.answers import EditedAnswer, PrivateAnswer, build_page_buttons
from cogs._common.clip_lookup import get_accessible_clip
from cogs._common.context import build_channel_context, build_origin, may_moderate
from cogs._common.modals import FORM_TIMEOUT_S, PROMPT_FIELD, build_edit_form, build_extend_form
from cogs._common.pending import OTHER_PROCESS_GRACE_S, PendingConfirmation, PendingConfirmations
from cogs._common.request_flow import RequestFlow

_DOUBLE_CLICK_S: Final = 3.0
_MAX_REMEMBERED_PRESSES: Final = 2000


class DoubleClicks:
    """Remembers who pressed what a moment ago: two clicks on Redo are one wish, not two clips."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_press_at: OrderedDict[tuple[int, ButtonAction, int], float] = OrderedDict()

    def is_double(self, user_id: int, action: ButtonAction, number: int) -> bool:
        """Return whether this is the same person's same press within three seconds."""
        key = (user_id, action, number)
        now = self._clock.monotonic()
        before = self._last_press_at.pop(key, None)
        self._last_press_at[key] = now
        if len(self._last_press_at) > _MAX_REMEMBERED_PRESSES:
            self._last_press_at.popitem(last=False)
        return before is not None and now - before < _DOUBLE_CLICK_S


class ButtonActions(commands.Cog):
    """Answers buttons and forms; each handler acknowledges before anything else."""

    def __init__(
        self,
        *,
        router: InteractionRouter,
        request_flow: RequestFlow,
        confirmations: PendingConfirmations,
        request_service: RequestService,
        clip_library: ClipLibrary,
        clip_history: ClipHistory,
        input_images: InputImages,
        model_info: ModelInfoSource,
        clip_removal: ClipRemoval,
        job_messages: JobMessages,
        clock: Clock,
    ) -> None:
        self._request_flow = request_flow
        self._confirmations = confirmations
        self._request_service = request_service
        self._clip_library = clip_library
        self._clip_history = clip_history
        self._input_images = input_images
        self._model_info = model_info
        self._clip_removal = clip_removal
        self._job_messages = job_messages
        self._clock = clock
        self._double_clicks = DoubleClicks(clock)
        router.register_button(ButtonAction.EXTEND, self.open_extend_form)
        router.register_button(ButtonAction.REDO, self.redo_job)
        router.register_button(ButtonAction.EDIT, self.open_edit_form)
        router.register_button(ButtonAction.DETAILS, self.show_details)
        router.register_button(ButtonAction.DELETE, self.delete_clip)
        router.register_button(ButtonAction.CANCEL, self.cancel_job)
        router.register_button(ButtonAction.RETRY, self.retry_job)
        router.register_button(ButtonAction.ACCEPT, self.accept_confirmation)
        router.register_button(ButtonAction.DECLINE, self.decline_confirmation)
        router.register_pager(self.turn_page)
        router.register_form(FormKind.EXTEND, self.submit_extend)
        router.register_form(FormKind.EDIT, self.submit_edit)

    async def open_extend_form(self, interaction: discord.Interaction, clip_id: int) -> None:
        """Ask what happens next."""
        await interaction.response.send_modal(build_extend_form(clip_id, interaction.locale.value))

    async def submit_extend(
        self, interaction: discord.Interaction, clip_id: int, fields: Mapping[str, str]
    ) -> None:
        """Extend the clip by what was written."""
        await acknowledge_request(interaction)
        clip = await get_accessible_clip(clip_id, self._clip_library, interaction)
        await self._request_flow.extend_clip(
            clip,
            fields.get(PROMPT_FIELD, ""),
            requester=interaction,
            origin=build_origin(interaction),
            channel_context=build_channel_context(interaction),
            answer=PrivateAnswer(interaction),
        )

    async def redo_job(self, interaction: discord.Interaction, job_id: int) -> None:
        """Make the clip again with another seed."""
        if self._double_clicks.is_double(interaction.user.id, ButtonAction.REDO, job_id):
            await interaction.response.defer()
            return
        await acknowledge_request(interaction)
        job = await self._load_job(interaction, job_id)
        await self._repeat_job(interaction, job)

    async def retry_job(self, interaction: discord.Interaction, job_id: int) -> None:
        """Try a failed job again, once: the attempt has a button of its own if it fails too."""
        await acknowledge_request(interaction)
        job = await self._load_job(interaction, job_id)
        await self._repeat_job(interaction, job, key=f"retry:{job_id}")

    async def open_edit_form(self, interaction: discord.Interaction, job_id: int) -> None:
        """Open the prompt in a form."""
        try:
            async with asyncio.timeout(FORM_TIMEOUT_S):
                job = await self._load_job(interaction, job_id)
        except TimeoutError as fault:
            raise DatabaseUnavailable("no answer in time for the form") from fault
        await interaction.response.send_modal(
            build_edit_form(job_id, job.plan.prompt, interaction.locale.value)
        )

    async def submit_edit(
        self, interaction: discord.Interaction, job_id: int, fields: Mapping[str, str]
    ) -> None:
        """Ask for the same with the changed prompt."""
        await acknowledge_request(interaction)
        job = await self._load_job(interaction, job_id)
        await self._submit_request(
            interaction, job.plan.as_request().evolve(prompt=fields.get(PROMPT_FIELD, ""))
        )

    async def show_details(self, interaction: discord.Interaction, job_id: int) -> None:
        """Show everything needed to make the clip again."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        job = await self._load_job(interaction, job_id)
        clips = await self._clip_library.clips_of_job(job_id)
        pictures = await self._input_images.list_stored(job.plan)
        first, *rest = format_job_details(job, clips, self._model_info, interaction.locale.value)
        files = [await asyncio.to_thread(discord.File, each.path, each.name) for each in pictures]
        await interaction.edit_original_response(content=first, attachments=files)
        for page in rest:
            await interaction.followup.send(page, ephemeral=True)

    async def delete_clip(self, interaction: discord.Interaction, job_id: int) -> None:
        """Delete the clip with its messages and files, for its requester or a moderator."""
        if is_user_install(interaction):
            await interaction.response.defer()  # the message is reached as the button's own
        else:
            await interaction.response.defer(ephemeral=True, thinking=True)
        job = await self._load_job(interaction, job_id)
        home = guild_of(interaction)
        moderator = may_moderate(interaction) and home is not None and job.origin.guild_id == home
        await self._clip_removal.remove_clips(
            job, actor_id=interaction.user.id, moderator=moderator
        )
        await self._job_messages.delete_clip_post(job)
        pressed = interaction.message
        if is_user_install(interaction):
            with suppress(discord.NotFound):
                await interaction.delete_original_response()
        elif pressed is not None and pressed.id != job.posted_message_id:
            with suppress(discord.NotFound):  # a second press of the same button
                await pressed.delete()
        await respond_privately(interaction, translate("delete.done", interaction.locale.value))

    async def cancel_job(self, interaction: discord.Interaction, job_id: int) -> None:
        """Cancel a job, for its requester or a moderator."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        outcome = await self._request_service.cancel(
            job_id,
            user_id=interaction.user.id,
            moderator=may_moderate(interaction),
            guild_id=guild_of(interaction),
        )
        await respond_privately(
            interaction, format_cancellation(outcome, job_id, interaction.locale.value)
        )

    async def accept_confirmation(self, interaction: discord.Interaction, number: int) -> None:
        """Make what was offered, for the one it was offered to, once."""
        offer = await self._load_confirmation(interaction, number)
        if offer is None:
            return
        offer.is_resolved = True
        public = offer.origin.request_message_id is not None
        try:
            await send_followup(interaction)
            await self._request_flow.submit_request(
                offer.request,
                requester=interaction,
                origin=replace(
                    offer.origin, user_install_reply=get_user_install_reply(interaction)
                ),
                channel_context=offer.channel_context,
                answer=EditedAnswer(interaction, public=public),
                confirmed=offer,
            )
        except BaseException:
            offer.is_resolved = False  # nothing was accepted: the button may be pressed again
            raise

    async def decline_confirmation(self, interaction: discord.Interaction, number: int) -> None:
        """Forget what was offered."""
        offer = await self._load_confirmation(interaction, number)
        if offer is None:
            return
        offer.is_resolved = True
        await interaction.edit_original_response(
            content=translate("ask.declined", interaction.locale.value), view=None
        )

    async def turn_page(self, interaction: discord.Interaction, to: PageRequest) -> None:
        """Turn the page of a history."""
        await interaction.response.defer()
        page = await self._clip_history.load_page(
            to, user_id=interaction.user.id, guild_id=guild_of(interaction)
        )
        locale = interaction.locale.value
        await interaction.edit_original_response(
            content=format_history(page, self._model_info, locale),
            view=build_page_buttons(page, locale),
        )

    async def _load_confirmation(
        self, interaction: discord.Interaction, number: int
    ) -> PendingConfirmation | None:
        """Acknowledge the press of an offer's button and return the offer if it may be taken.

        Offers live in the process that made them; one that does not know it lets that one answer.
        """
        offer = self._confirmations.find_confirmation(number)
        if offer is None:
            await self._clock.sleep(OTHER_PROCESS_GRACE_S)
        if offer is not None and offer.origin.user_id != interaction.user.id:
            raise NotAllowed("offer")
        await interaction.response.defer()
        if offer is None:
            await interaction.edit_original_response(
                content=translate("ask.gone", interaction.locale.value), view=None
            )
            return None
        return None if offer.is_resolved else offer

    async def _load_job(self, interaction: discord.Interaction, job_id: int) -> Job:
        """Return the job, if it belongs to this server, this conversation or this person."""
        job = await self._clip_library.get_job(job_id)
        home, origin = guild_of(interaction), job.origin
        here = origin.guild_id == home and (
            home is not None or origin.channel_id == interaction.channel_id
        )
        if not here and origin.user_id != interaction.user.id:
            raise RecordNotFound("job")
        return job

    async def _submit_request(
        self, interaction: discord.Interaction, request: VideoRequest
    ) -> None:
        await self._request_flow.submit_request(
            request,
            requester=interaction,
            origin=build_origin(interaction),
            channel_context=build_channel_context(interaction),
            answer=PrivateAnswer(interaction),
        )

    async def _repeat_job(
        self, interaction: discord.Interaction, job: Job, *, key: str | None = None
    ) -> None:
        await self._request_flow.repeat_job(
            job,
            requester=interaction,
            origin=build_origin(interaction, key=key),
            channel_context=build_channel_context(interaction),
            answer=PrivateAnswer(interaction),
        )
