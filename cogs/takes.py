"""The buttons on drafts: make one in full, or make more of them."""

from dataclasses import dataclass
from typing import Any

import discord
from discord.ext import commands

from bot.discord.user_install import acknowledge_request
from bot.domain.errors import NotAllowed, RecordNotFound
from bot.domain.jobs.takes import MAX_TAKES
from bot.services.clips.library import ClipLibrary
from bot.ui.custom_ids import ButtonAction, parse_shown_price
from bot.ui.router import InteractionRouter
from cogs._common.context import build_acting_person
from cogs._common.request_flow import RequestFlow, RequestSource


@dataclass(kw_only=True, eq=False)
class TakesButtons(commands.Cog):
    router: InteractionRouter
    request_flow: RequestFlow
    clip_library: ClipLibrary

    def __post_init__(self) -> None:
        self.router.register_button(ButtonAction.TAKE, self.make_in_full)
        self.router.register_button(ButtonAction.TAKES, self.offer_takes)
        self.router.register_button(ButtonAction.MORE_TAKES, self.offer_takes)

    async def make_in_full(self, interaction: discord.Interaction, clip_id: int) -> None:
        """Make a draft in full. However often it is pressed, that is one request."""
        await acknowledge_request(interaction)
        person = build_acting_person(interaction)
        draft = await self.clip_library.get_clip(clip_id, person)
        take = await self.clip_library.get_job(draft.job_id, person)
        if take.plan.takes is None:
            raise RecordNotFound("clip")
        if take.origin.user_id != interaction.user.id:
            raise NotAllowed("take")
        key = await self.clip_library.find_free_key(f"take:{draft.id}")
        source = RequestSource.from_interaction(interaction, dedupe_key=key)
        data: Any = interaction.data or {}
        shown_price = parse_shown_price(str(data.get("custom_id", "")))
        await self.request_flow.make_in_full(take, draft, source, shown_price)

    async def offer_takes(self, interaction: discord.Interaction, job_id: int) -> None:
        """Show what drafts of the job's request cost, and ask whether to make them."""
        await acknowledge_request(interaction)
        job = await self.clip_library.get_job(job_id, build_acting_person(interaction))
        if job.plan.source is not None:
            raise RecordNotFound("job")
        request = job.plan.as_request()
        count = request.takes or MAX_TAKES
        request = request.evolve(takes=count, videos=None, full_take=None)
        source = RequestSource.from_interaction(interaction)
        await self.request_flow.submit_request(request, source, repeated=job)
