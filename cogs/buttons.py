"""The buttons on clips, statuses and offers, and the forms they open."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

import discord
from discord.ext import commands

from bot.discord.client import answer
from bot.discord.user_install import acknowledge, home_of, is_visit, open_beside, visit_of
from bot.domain.clips.history_query import Turn
from bot.domain.errors import NotAllowed, NotFound, StoreAway
from bot.domain.jobs.job import Job
from bot.domain.jobs.request import VideoRequest
from bot.domain.ports import Clock, Delivery
from bot.i18n.catalogs import say
from bot.services.clips.history import History
from bot.services.clips.input_images import Inputs
from bot.services.clips.library import Library
from bot.services.clips.removal import Removal
from bot.services.jobs.requests import Requests
from bot.ui.clip_card import Abilities
from bot.ui.custom_ids import Action, Form, Presses
from bot.ui.text_lists import cancellation, details, history
from cogs._common.answers import EditedAnswer, PrivateAnswer, pages_of
from cogs._common.clip_lookup import clip_seen
from cogs._common.context import may_moderate, origin_of, surroundings_of
from cogs._common.modals import FORM_PATIENCE_S, PROMPT, edit_form, extend_form
from cogs._common.pending import STRANGER_WAITS_S, Offer, Offers
from cogs._common.request_flow import Asking

_DOUBLE_CLICK_S: Final = 3.0
_MOST_PRESSES: Final = 2000


class DoubleClicks:
    """Remembers who pressed what a moment ago: two clicks on Redo are one wish, not two clips."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pressed: OrderedDict[tuple[int, Action, int], float] = OrderedDict()

    def is_double(self, user_id: int, action: Action, number: int) -> bool:
        """Return whether this is the same person's same press within three seconds."""
        key = (user_id, action, number)
        now = self._clock.monotonic()
        before = self._pressed.pop(key, None)
        self._pressed[key] = now
        if len(self._pressed) > _MOST_PRESSES:
            self._pressed.popitem(last=False)
        return before is not None and now - before < _DOUBLE_CLICK_S


class Buttons(commands.Cog):
    """Answers buttons and forms; each handler acknowledges before anything else."""

    def __init__(
        self,
        *,
        presses: Presses,
        asking: Asking,
        offers: Offers,
        requests: Requests,
        library: Library,
        history: History,
        inputs: Inputs,
        abilities: Abilities,
        removal: Removal,
        delivery: Delivery,
        clock: Clock,
    ) -> None:
        self._asking = asking
        self._offers = offers
        self._requests = requests
        self._library = library
        self._history = history
        self._inputs = inputs
        self._abilities = abilities
        self._removal = removal
        self._delivery = delivery
        self._clock = clock
        self._doubles = DoubleClicks(clock)
        presses.on_press(Action.EXTEND, self.extend)
        presses.on_press(Action.REDO, self.redo)
        presses.on_press(Action.EDIT, self.edit)
        presses.on_press(Action.DETAILS, self.details)
        presses.on_press(Action.DELETE, self.delete)
        presses.on_press(Action.CANCEL, self.cancel)
        presses.on_press(Action.RETRY, self.retry)
        presses.on_press(Action.ACCEPT, self.accept)
        presses.on_press(Action.DECLINE, self.decline)
        presses.on_turn(self.turn)
        presses.on_submit(Form.EXTEND, self.submit_extend)
        presses.on_submit(Form.EDIT, self.submit_edit)

    async def extend(self, interaction: discord.Interaction, clip_id: int) -> None:
        """Ask what happens next."""
        await interaction.response.send_modal(extend_form(clip_id, interaction.locale.value))

    async def submit_extend(
        self, interaction: discord.Interaction, clip_id: int, fields: Mapping[str, str]
    ) -> None:
        """Extend the clip by what was written."""
        await acknowledge(interaction)
        clip = await clip_seen(clip_id, self._library, interaction)
        await self._asking.extend(
            clip,
            fields.get(PROMPT, ""),
            asker=interaction,
            origin=origin_of(interaction),
            surroundings=surroundings_of(interaction),
            answer=PrivateAnswer(interaction),
        )

    async def redo(self, interaction: discord.Interaction, job_id: int) -> None:
        """Make the clip again with another seed."""
        if self._doubles.is_double(interaction.user.id, Action.REDO, job_id):
            await interaction.response.defer()
            return
        await acknowledge(interaction)
        job = await self._job(interaction, job_id)
        await self._again(interaction, job)

    async def retry(self, interaction: discord.Interaction, job_id: int) -> None:
        """Try a failed job again, once: the attempt has a button of its own if it fails too."""
        await acknowledge(interaction)
        job = await self._job(interaction, job_id)
        await self._again(interaction, job, key=f"retry:{job_id}")

    async def edit(self, interaction: discord.Interaction, job_id: int) -> None:
        """Open the prompt in a form."""
        try:
            async with asyncio.timeout(FORM_PATIENCE_S):
                job = await self._job(interaction, job_id)
        except TimeoutError as fault:
            raise StoreAway("no answer in time for the form") from fault
        await interaction.response.send_modal(
            edit_form(job_id, job.plan.prompt, interaction.locale.value)
        )

    async def submit_edit(
        self, interaction: discord.Interaction, job_id: int, fields: Mapping[str, str]
    ) -> None:
        """Ask for the same with the changed prompt."""
        await acknowledge(interaction)
        job = await self._job(interaction, job_id)
        await self._ask(interaction, job.plan.as_request().evolve(prompt=fields.get(PROMPT, "")))

    async def details(self, interaction: discord.Interaction, job_id: int) -> None:
        """Show everything needed to make the clip again."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        job = await self._job(interaction, job_id)
        clips = await self._library.clips_of(job_id)
        pictures = await self._inputs.kept(job.plan)
        first, *rest = details(job, clips, self._abilities, interaction.locale.value)
        files = [await asyncio.to_thread(discord.File, each.path, each.name) for each in pictures]
        await interaction.edit_original_response(content=first, attachments=files)
        for page in rest:
            await interaction.followup.send(page, ephemeral=True)

    async def delete(self, interaction: discord.Interaction, job_id: int) -> None:
        """Delete the clip with its messages and files, for its requester or a moderator."""
        if is_visit(interaction):
            await interaction.response.defer()  # the message is reached as the button's own
        else:
            await interaction.response.defer(ephemeral=True, thinking=True)
        job = await self._job(interaction, job_id)
        home = home_of(interaction)
        moderator = may_moderate(interaction) and home is not None and job.origin.guild_id == home
        await self._removal.remove(job, by=interaction.user.id, moderator=moderator)
        await self._delivery.withdraw(job)
        pressed = interaction.message
        if is_visit(interaction):
            with suppress(discord.NotFound):
                await interaction.delete_original_response()
        elif pressed is not None and pressed.id != job.posted_message_id:
            with suppress(discord.NotFound):  # a second press of the same button
                await pressed.delete()
        await answer(interaction, say("delete.done", interaction.locale.value))

    async def cancel(self, interaction: discord.Interaction, job_id: int) -> None:
        """Cancel a job, for its requester or a moderator."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        outcome = await self._requests.cancel(
            job_id,
            user_id=interaction.user.id,
            moderator=may_moderate(interaction),
            guild_id=home_of(interaction),
        )
        await answer(interaction, cancellation(outcome, job_id, interaction.locale.value))

    async def accept(self, interaction: discord.Interaction, number: int) -> None:
        """Make what was offered, for the one it was offered to, once."""
        offer = await self._taken(interaction, number)
        if offer is None:
            return
        offer.taken = True
        public = offer.origin.request_message_id is not None
        try:
            await open_beside(interaction)
            await self._asking.ask(
                offer.request,
                asker=interaction,
                origin=replace(offer.origin, visit=visit_of(interaction)),
                surroundings=offer.surroundings,
                answer=EditedAnswer(interaction, public=public),
                agreed=offer,
            )
        except BaseException:
            offer.taken = False  # nothing was accepted: the button may be pressed again
            raise

    async def decline(self, interaction: discord.Interaction, number: int) -> None:
        """Forget what was offered."""
        offer = await self._taken(interaction, number)
        if offer is None:
            return
        offer.taken = True
        await interaction.edit_original_response(
            content=say("ask.declined", interaction.locale.value), view=None
        )

    async def turn(self, interaction: discord.Interaction, to: Turn) -> None:
        """Turn the page of a history."""
        await interaction.response.defer()
        page = await self._history.turn(
            to, user_id=interaction.user.id, guild_id=home_of(interaction)
        )
        locale = interaction.locale.value
        await interaction.edit_original_response(
            content=history(page, self._abilities, locale), view=pages_of(page, locale)
        )

    async def _taken(self, interaction: discord.Interaction, number: int) -> Offer | None:
        """Acknowledge the press of an offer's button and return the offer if it may be taken.

        Offers live in the process that made them; one that does not know it lets that one answer.
        """
        offer = self._offers.offer(number)
        if offer is None:
            await self._clock.sleep(STRANGER_WAITS_S)
        if offer is not None and offer.origin.user_id != interaction.user.id:
            raise NotAllowed("offer")
        await interaction.response.defer()
        if offer is None:
            await interaction.edit_original_response(
                content=say("ask.gone", interaction.locale.value), view=None
            )
            return None
        return None if offer.taken else offer

    async def _job(self, interaction: discord.Interaction, job_id: int) -> Job:
        """Return the job, if it belongs to this server, this conversation or this person."""
        job = await self._library.job(job_id)
        home, origin = home_of(interaction), job.origin
        here = origin.guild_id == home and (
            home is not None or origin.channel_id == interaction.channel_id
        )
        if not here and origin.user_id != interaction.user.id:
            raise NotFound("job")
        return job

    async def _ask(self, interaction: discord.Interaction, request: VideoRequest) -> None:
        await self._asking.ask(
            request,
            asker=interaction,
            origin=origin_of(interaction),
            surroundings=surroundings_of(interaction),
            answer=PrivateAnswer(interaction),
        )

    async def _again(
        self, interaction: discord.Interaction, job: Job, *, key: str | None = None
    ) -> None:
        await self._asking.again(
            job,
            asker=interaction,
            origin=origin_of(interaction, key=key),
            surroundings=surroundings_of(interaction),
            answer=PrivateAnswer(interaction),
        )
