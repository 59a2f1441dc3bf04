"""The buttons on clips, status messages and questions, and the forms that they open."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import discord
from discord.ext import commands

from bot.discord.interaction_edits import edit_response
from bot.discord.user_install import (
    acknowledge_request,
    get_user_install_reply,
    guild_of,
    send_followup,
)
from bot.domain.clips.history_query import PageRequest
from bot.domain.errors import NotAllowed
from bot.domain.jobs.job import Job
from bot.domain.jobs.remakes import Remake, build_remake
from bot.domain.jobs.request import PictureFit
from bot.domain.ports import Clock
from bot.i18n.catalogs import translate
from bot.services.clips.history import ClipHistory
from bot.services.clips.input_images import InputImages
from bot.services.clips.library import ClipLibrary
from bot.store.jobs.clips import ClipStore
from bot.ui.components import build_button
from bot.ui.custom_ids import ButtonAction, FormKind
from bot.ui.job_details import format_job_details
from bot.ui.model_info import ModelInfoSource
from bot.ui.router import InteractionRouter
from bot.ui.text_lists import format_history
from cogs._common.answers import (
    EditedAnswer,
    build_button_row,
    build_page_buttons,
    respond_with,
)
from cogs._common.context import build_acting_person, read_channel_context
from cogs._common.modals import (
    PROMPT_FIELD,
    build_edit_form,
    build_extend_form,
    build_reword_form,
    build_rewrite_form,
    read_for_form,
)
from cogs._common.pending import (
    OTHER_PROCESS_GRACE_S,
    PendingConfirmation,
    PendingConfirmations,
    RefusedRequest,
)
from cogs._common.request_flow import RequestFlow, RequestSource

_DOUBLE_CLICK_S: Final = 3.0
_MAX_REMEMBERED_PRESSES: Final = 2000


class DoubleClicks:
    """Remembers recent presses, so that a double click on *Redo* does not make two clips."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_press_at: OrderedDict[tuple[int, ButtonAction, int], float] = OrderedDict()

    def is_double(self, user_id: int, action: ButtonAction, number: int) -> bool:
        """Return whether the person pressed the same button within the last three seconds."""
        key = (user_id, action, number)
        now = self._clock.monotonic()
        last_press_at = self._last_press_at.pop(key, None)
        self._last_press_at[key] = now
        if len(self._last_press_at) > _MAX_REMEMBERED_PRESSES:
            self._last_press_at.popitem(last=False)
        return last_press_at is not None and now - last_press_at < _DOUBLE_CLICK_S


@dataclass(kw_only=True, eq=False)
class ButtonActions(commands.Cog):
    """Handles buttons and forms. Each handler acknowledges the interaction first."""

    router: InteractionRouter
    request_flow: RequestFlow
    confirmations: PendingConfirmations
    clips: ClipStore
    clip_library: ClipLibrary
    clip_history: ClipHistory
    input_images: InputImages
    model_info: ModelInfoSource
    clock: Clock

    def __post_init__(self) -> None:
        self._double_clicks = DoubleClicks(self.clock)
        self.router.register_button(ButtonAction.EXTEND, self.open_extend_form)
        self.router.register_button(ButtonAction.EDIT, self.open_edit_form)
        self.router.register_button(ButtonAction.REDO, self.redo_job)
        for remake in Remake:
            self.router.register_button(ButtonAction(remake), partial(self.remake_job, remake))
        self.router.register_button(ButtonAction.REWORD, self.open_reword_form)
        self.router.register_button(ButtonAction.DETAILS, self.show_details)
        self.router.register_button(ButtonAction.CANCEL, self.request_flow.cancel_job)
        self.router.register_button(ButtonAction.UNDO, self.request_flow.cancel_job)
        self.router.register_button(ButtonAction.RETRY, self.retry_job)
        self.router.register_button(ButtonAction.OTHER_MODEL, self.offer_other_model)
        self.router.register_button(ButtonAction.ACCEPT, self.accept_confirmation)
        self.router.register_button(ButtonAction.ACCEPT_FITTED, self.accept_fitted)
        self.router.register_button(ButtonAction.DECLINE, self.decline_confirmation)
        self.router.register_button(ButtonAction.REWRITE, self.open_rewrite_form)
        self.router.register_form(FormKind.REWRITE, self.submit_rewrite)
        self.router.register_pager(self.turn_page)
        self.router.register_form(FormKind.EXTEND, self.submit_extend)
        self.router.register_form(FormKind.EDIT, self.submit_edit)
        self.router.register_form(FormKind.REWORD, self.submit_reword)

    async def open_extend_form(self, interaction: discord.Interaction, clip_id: int) -> None:
        await interaction.response.send_modal(build_extend_form(clip_id, interaction.locale.value))

    async def submit_extend(
        self, interaction: discord.Interaction, clip_id: int, fields: Mapping[str, str]
    ) -> None:
        await acknowledge_request(interaction)
        clip = await self.clip_library.get_clip(clip_id, build_acting_person(interaction))
        source = RequestSource.from_interaction(interaction)
        await self.request_flow.extend_clip(clip, fields.get(PROMPT_FIELD, ""), source)

    async def open_edit_form(self, interaction: discord.Interaction, clip_id: int) -> None:
        await interaction.response.send_modal(build_edit_form(clip_id, interaction.locale.value))

    async def submit_edit(
        self, interaction: discord.Interaction, clip_id: int, fields: Mapping[str, str]
    ) -> None:
        await acknowledge_request(interaction)
        clip = await self.clip_library.get_clip(clip_id, build_acting_person(interaction))
        source = RequestSource.from_interaction(interaction)
        await self.request_flow.edit_clip(clip, fields.get(PROMPT_FIELD, ""), source)

    async def redo_job(self, interaction: discord.Interaction, job_id: int) -> None:
        """Make the clip again with another seed."""
        if self._double_clicks.is_double(interaction.user.id, ButtonAction.REDO, job_id):
            await interaction.response.defer()
            return
        await acknowledge_request(interaction)
        job = await self._load_job(interaction, job_id)
        await self.request_flow.repeat_job(job, RequestSource.from_interaction(interaction))

    async def remake_job(
        self, remake: Remake, interaction: discord.Interaction, job_id: int
    ) -> None:
        """Make the clip again in a larger resolution or in the other shape."""
        if self._double_clicks.is_double(interaction.user.id, ButtonAction(remake), job_id):
            await interaction.response.defer()
            return
        await acknowledge_request(interaction)
        job = await self._load_job(interaction, job_id)
        source = RequestSource.from_interaction(interaction)
        await self.request_flow.submit_request(build_remake(job.plan, remake), source, repeated=job)

    async def retry_job(self, interaction: discord.Interaction, job_id: int) -> None:
        """Retry a failed job once. If that fails too, the new job has its own button."""
        await acknowledge_request(interaction)
        job = await self._load_job(interaction, job_id)
        source = RequestSource.from_interaction(interaction, dedupe_key=f"retry:{job_id}")
        await self.request_flow.repeat_job(job, source)

    async def offer_other_model(self, interaction: discord.Interaction, job_id: int) -> None:
        """Offer to make a failed job's video with another model, and show the price."""
        await acknowledge_request(interaction)
        job = await self._load_job(interaction, job_id)
        request = job.plan.as_request().evolve(model=None)
        source = RequestSource.from_interaction(interaction)
        await self.request_flow.offer_request(request, source, repeated=job)

    async def open_reword_form(self, interaction: discord.Interaction, job_id: int) -> None:
        job = await read_for_form(self._load_job(interaction, job_id))
        form = build_reword_form(job_id, job.plan.prompt, interaction.locale.value)
        await interaction.response.send_modal(form)

    async def submit_reword(
        self, interaction: discord.Interaction, job_id: int, fields: Mapping[str, str]
    ) -> None:
        await acknowledge_request(interaction)
        job = await self._load_job(interaction, job_id)
        request = job.plan.as_request().evolve(prompt=fields.get(PROMPT_FIELD, ""))
        source = RequestSource.from_interaction(interaction)
        await self.request_flow.submit_request(request, source, repeated=job)

    async def open_rewrite_form(self, interaction: discord.Interaction, number: int) -> None:
        """Open the prompt of a refused request for editing."""
        refused = await self._find_refused(interaction, number)
        if refused is not None:
            form = build_rewrite_form(
                number, refused.request.prompt, interaction.locale.value, entry=refused.entry
            )
            await interaction.response.send_modal(form)

    async def submit_rewrite(
        self, interaction: discord.Interaction, number: int, fields: Mapping[str, str]
    ) -> None:
        refused = await self._find_refused(interaction, number)
        if refused is not None:
            await acknowledge_request(interaction)
            request = refused.request.evolve(prompt=fields.get(PROMPT_FIELD, ""))
            source = RequestSource.from_interaction(interaction)
            await self.request_flow.submit_request(request, source)

    async def _find_refused(
        self, interaction: discord.Interaction, number: int
    ) -> RefusedRequest | None:
        """Return the refused request, or say that it is gone. Raises `NotAllowed`.

        Another process may know it, and gets some time to answer first.
        """
        refused = self.confirmations.find_refused(number)
        if refused is None:
            await self.clock.sleep(OTHER_PROCESS_GRACE_S)
            await respond_with(interaction, "ask.gone")
        elif refused.user_id != interaction.user.id:
            raise NotAllowed("offer")
        return refused

    async def show_details(self, interaction: discord.Interaction, job_id: int) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        job = await self._load_job(interaction, job_id)
        clips = await self.clips.list_for_job(job_id)
        first, *rest = format_job_details(
            job, clips, self.model_info, interaction.locale.value, now=self.clock.now()
        )
        async with self.input_images.read_stored(job.plan) as images:
            files = [
                await asyncio.to_thread(discord.File, image.path, image.name) for image in images
            ]
        reported = await self.clips.list_for_request(job)
        reports = [
            build_button(
                ButtonAction.REPORT, clip.id, interaction.locale.value, key=key, clip=clip.id
            )
            for clip in reported
            for key in ["report" if len(reported) == 1 else "report_one"]
            if clip.guild_id is not None and clip.user_id != interaction.user.id
        ]
        view = build_button_row(reports)
        await edit_response(interaction, content=first, attachments=files, view=view)
        for page in rest:
            await interaction.followup.send(page, ephemeral=True)

    async def accept_confirmation(self, interaction: discord.Interaction, number: int) -> None:
        """Submit the offered request."""
        await self._accept(interaction, number)

    async def accept_fitted(self, interaction: discord.Interaction, number: int) -> None:
        """Submit the offered request, but fit the whole image into the frame."""
        await self._accept(interaction, number, picture_fit=PictureFit.FIT)

    async def _accept(
        self,
        interaction: discord.Interaction,
        number: int,
        *,
        picture_fit: PictureFit | None = None,
    ) -> None:
        confirmation = await self._load_confirmation(interaction, number)
        if confirmation is None:
            return
        with confirmation.accepting():
            await send_followup(interaction)
            reply = get_user_install_reply(interaction)
            channel = read_channel_context(interaction, confirmation.origin.channel_id)
            origin = replace(
                confirmation.origin,
                user_install_reply=reply,
                age_restricted=confirmation.origin.age_restricted or channel.age_restricted,
            )
            answer = EditedAnswer(interaction, public=origin.request_message_id is not None)
            source = RequestSource(interaction, origin, channel, answer)
            request = confirmation.request
            if picture_fit is not None:
                request = request.evolve(picture_fit=picture_fit)
            await self.request_flow.submit_request(request, source, confirmed=confirmation)

    async def decline_confirmation(self, interaction: discord.Interaction, number: int) -> None:
        confirmation = await self._load_confirmation(interaction, number)
        if confirmation is None:
            return
        confirmation.is_resolved = True
        text = translate("ask.declined", interaction.locale.value)
        await edit_response(interaction, content=text, view=None)

    async def turn_page(self, interaction: discord.Interaction, page_request: PageRequest) -> None:
        await interaction.response.defer()
        page = await self.clip_history.load_page(
            page_request, user_id=interaction.user.id, guild_id=guild_of(interaction)
        )
        locale = interaction.locale.value
        text, view = format_history(page, self.model_info, locale), build_page_buttons(page, locale)
        await edit_response(interaction, content=text, view=view)

    async def _load_confirmation(
        self, interaction: discord.Interaction, number: int
    ) -> PendingConfirmation | None:
        """Acknowledge the press and return the question if it can be answered.

        Only the process that asked knows the question. Other processes wait, so that it can answer
        first. Raises `NotAllowed`.
        """
        confirmation = self.confirmations.find_confirmation(number)
        if confirmation is None:
            await self.clock.sleep(OTHER_PROCESS_GRACE_S)
        elif confirmation.origin.user_id != interaction.user.id:
            raise NotAllowed("offer")
        await interaction.response.defer()
        if confirmation is None:
            text = translate("ask.gone", interaction.locale.value)
            await edit_response(interaction, content=text, view=None)
            return None
        return None if confirmation.is_resolved else confirmation

    async def _load_job(self, interaction: discord.Interaction, job_id: int) -> Job:
        return await self.clip_library.get_job(job_id, build_acting_person(interaction))
