"""`/video`: make, extend, find and cancel clips."""

import asyncio
from typing import Final

import discord
from discord import app_commands
from discord.app_commands import Choice, Range
from discord.ext import commands

from bot.discord.client import answer
from bot.discord.user_install import acknowledge, home_of
from bot.domain.clips.history_query import MOST_WORDS, Only, Wanted
from bot.domain.errors import ClapperError
from bot.domain.jobs.presets import Camera, Style
from bot.i18n.catalogs import command_text, say
from bot.i18n.formatting import folded
from bot.services.admin.guild_rules import Servers
from bot.services.admin.model_directory import Models
from bot.services.clips.history import History
from bot.services.clips.input_images import Inputs
from bot.services.clips.library import Library
from bot.services.jobs.publishing import Poster
from bot.services.jobs.requests import Requests
from bot.ui.clip_card import Abilities, text_view
from bot.ui.lineage import tree
from bot.ui.text_lists import cancellation, history, models_overview, running
from cogs._common.answers import PrivateAnswer, pages_of
from cogs._common.clip_lookup import clip_asked_for
from cogs._common.context import may_moderate, origin_of, require_permissions, surroundings_of
from cogs._common.options import Suggestions, Wishes
from cogs._common.request_flow import Asking

_SEED: Final = 2**32 - 1
_SUGGESTED: Final = 25
_PATIENCE_S: Final = 2.0
"""Seconds that a suggestion may take: Discord waits three."""
_MAKING: Final = (
    "prompt",
    "negative_prompt",
    "model",
    "aspect_ratio",
    "resolution",
    "duration",
    "seed",
    "image",
    "last_frame",
    "reference_1",
    "reference_2",
    "reference_3",
    "videos",
    "style",
    "camera",
)
_ANIMATING: Final = tuple(name for name in _MAKING if not name.startswith("reference_"))


_STYLES: Final = [
    Choice(name=command_text(f"choice.style.{each}"), value=each.value) for each in Style
]
_CAMERAS: Final = [
    Choice(name=command_text(f"choice.camera.{each}"), value=each.value) for each in Camera
]
_ONLY: Final = [Choice(name=command_text(f"choice.only.{each}"), value=each.value) for each in Only]


def _described(*names: str) -> dict[str, app_commands.locale_str]:
    return {name: command_text(f"option.{name}") for name in names}


class Video(commands.GroupCog, group_name="video", group_description=command_text("command.video")):
    """The `/video` group."""

    def __init__(
        self,
        *,
        asking: Asking,
        suggestions: Suggestions,
        requests: Requests,
        library: Library,
        history: History,
        servers: Servers,
        models: Models,
        abilities: Abilities,
        inputs: Inputs,
        poster: Poster,
    ) -> None:
        self._asking = asking
        self._suggestions = suggestions
        self._requests = requests
        self._library = library
        self._history = history
        self._servers = servers
        self._models = models
        self._abilities = abilities
        self._inputs = inputs
        self._poster = poster

    @app_commands.command(name="generate", description=command_text("command.video.generate"))
    @app_commands.describe(**_described(*_MAKING))
    @app_commands.choices(style=_STYLES, camera=_CAMERAS)
    async def generate(
        self,
        interaction: discord.Interaction,
        prompt: Range[str, 1, 4000],
        negative_prompt: Range[str, 1, 4000] | None = None,
        model: str | None = None,
        aspect_ratio: str | None = None,
        resolution: str | None = None,
        duration: int | None = None,
        seed: Range[int, 0, _SEED] | None = None,
        image: discord.Attachment | None = None,
        last_frame: discord.Attachment | None = None,
        reference_1: discord.Attachment | None = None,
        reference_2: discord.Attachment | None = None,
        reference_3: discord.Attachment | None = None,
        videos: Range[int, 1, 4] | None = None,
        style: str | None = None,
        camera: str | None = None,
    ) -> None:
        """Make a clip."""
        await self._make(
            interaction,
            Wishes(
                prompt,
                negative_prompt,
                model,
                aspect_ratio,
                resolution,
                duration,
                seed,
                videos,
                image,
                last_frame,
                (reference_1, reference_2, reference_3),
                style=style,
                camera=camera,
            ),
        )

    @app_commands.command(name="animate", description=command_text("command.video.animate"))
    @app_commands.describe(**_described(*_ANIMATING))
    @app_commands.choices(style=_STYLES, camera=_CAMERAS)
    async def animate(
        self,
        interaction: discord.Interaction,
        image: discord.Attachment,
        prompt: Range[str, 1, 4000],
        negative_prompt: Range[str, 1, 4000] | None = None,
        model: str | None = None,
        aspect_ratio: str | None = None,
        resolution: str | None = None,
        duration: int | None = None,
        seed: Range[int, 0, _SEED] | None = None,
        last_frame: discord.Attachment | None = None,
        videos: Range[int, 1, 4] | None = None,
        style: str | None = None,
        camera: str | None = None,
    ) -> None:
        """Make a clip that begins with a picture."""
        await self._make(
            interaction,
            Wishes(
                prompt,
                negative_prompt,
                model,
                aspect_ratio,
                resolution,
                duration,
                seed,
                videos,
                image,
                last_frame,
                style=style,
                camera=camera,
            ),
        )

    @app_commands.command(name="extend", description=command_text("command.video.extend"))
    @app_commands.describe(**_described("clip"), prompt=command_text("option.extend_prompt"))
    async def extend(
        self,
        interaction: discord.Interaction,
        clip: Range[str, 1, 200],
        prompt: Range[str, 1, 4000],
    ) -> None:
        """Make a clip longer."""
        await acknowledge(interaction)
        found = await clip_asked_for(interaction, clip, self._library)
        await self._asking.extend(
            found,
            prompt,
            asker=interaction,
            origin=origin_of(interaction),
            surroundings=surroundings_of(interaction),
            answer=PrivateAnswer(interaction),
        )

    @app_commands.command(name="get", description=command_text("command.video.get"))
    @app_commands.describe(**_described("clip"))
    async def get(self, interaction: discord.Interaction, clip: Range[str, 1, 200]) -> None:
        """Post a finished clip again, here."""
        await acknowledge(interaction)
        require_permissions(interaction)
        found = await clip_asked_for(interaction, clip, self._library)
        origin = await self._servers.at_home(origin_of(interaction))
        parent = surroundings_of(interaction).parent_channel_id
        await self._servers.require_open(origin, parent_channel_id=parent)
        job = await self._library.job(found.job_id)
        await self._poster.post_again(job, [found], origin)
        await PrivateAnswer(interaction).accepted(
            say("get.done", interaction.locale.value, clip=found.id)
        )

    @app_commands.command(name="cancel", description=command_text("command.video.cancel"))
    @app_commands.describe(**_described("job"))
    async def cancel(self, interaction: discord.Interaction, job: Range[int, 1]) -> None:
        """Cancel a job."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        outcome = await self._requests.cancel(
            job,
            user_id=interaction.user.id,
            moderator=may_moderate(interaction),
            guild_id=home_of(interaction),
        )
        await answer(interaction, cancellation(outcome, job, interaction.locale.value))

    @app_commands.command(name="jobs", description=command_text("command.video.jobs"))
    async def jobs(self, interaction: discord.Interaction) -> None:
        """List what is being made for the person."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._library.running(user_id=interaction.user.id)
        await answer(interaction, running(found, interaction.locale.value))

    @app_commands.command(name="chain", description=command_text("command.video.chain"))
    @app_commands.describe(**_described("clip"))
    async def chain(self, interaction: discord.Interaction, clip: Range[str, 1, 200]) -> None:
        """Show what a clip grew from, and what grew from it."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await clip_asked_for(interaction, clip, self._library)
        rows = await self._library.tree(
            found, user_id=interaction.user.id, guild_id=home_of(interaction)
        )
        text = tree(rows, found, interaction.locale.value)
        await interaction.edit_original_response(view=text_view(text))

    @app_commands.command(name="history", description=command_text("command.video.history"))
    @app_commands.describe(
        model=command_text("option.history_model"), **_described("words", "only")
    )
    @app_commands.choices(only=_ONLY)
    async def history(
        self,
        interaction: discord.Interaction,
        model: Range[str, 1, 32] | None = None,
        words: Range[str, 1, MOST_WORDS] | None = None,
        only: str | None = None,
    ) -> None:
        """List the person's clips, or those they look for."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        page = await self._history.first(
            user_id=interaction.user.id,
            guild_id=home_of(interaction),
            wanted=Wanted(model, words, None if only is None else Only(only)),
        )
        locale = interaction.locale.value
        await answer(interaction, history(page, self._abilities, locale), pages_of(page, locale))

    @app_commands.command(name="models", description=command_text("command.video.models"))
    async def models(self, interaction: discord.Interaction) -> None:
        """List the models with their abilities and prices."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        pages = models_overview(self._models.overview(), interaction.locale.value)
        await answer(interaction, pages[0])
        for page in pages[1:]:
            await interaction.followup.send(page, ephemeral=True)

    @generate.autocomplete("model")
    @animate.autocomplete("model")
    async def _suggest_model(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        return await self._suggestions.suggest(interaction, current, "model")

    @generate.autocomplete("aspect_ratio")
    @animate.autocomplete("aspect_ratio")
    async def _suggest_aspect_ratio(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        return await self._suggestions.suggest(interaction, current, "aspect_ratio")

    @generate.autocomplete("resolution")
    @animate.autocomplete("resolution")
    async def _suggest_resolution(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        return await self._suggestions.suggest(interaction, current, "resolution")

    @generate.autocomplete("duration")
    @animate.autocomplete("duration")
    async def _suggest_duration(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        return await self._suggestions.suggest(interaction, current, "duration")

    @generate.autocomplete("videos")
    @animate.autocomplete("videos")
    async def _suggest_videos(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[int]]:
        return await self._suggestions.suggest(interaction, current, "videos")

    @history.autocomplete("model")
    async def _suggest_made_with(
        self, _interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        known = self._models.catalogue.models
        wanted = current.lower()
        return [
            Choice(name=model.name[:100], value=model.id[:32])
            for model in known
            if wanted in f"{model.name} {model.id}".lower()
        ][:_SUGGESTED]

    @extend.autocomplete("clip")
    @get.autocomplete("clip")
    @chain.autocomplete("clip")
    async def _suggest_clip(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                clips = await self._history.suggest(
                    current, user_id=interaction.user.id, most=_SUGGESTED
                )
        except (ClapperError, TimeoutError):
            return []  # suggestions are a courtesy
        return [
            Choice(name=f"#{clip.id} {folded(clip.prompt, 80)}"[:100], value=str(clip.id))
            for clip in clips
        ]

    async def _make(self, interaction: discord.Interaction, wishes: Wishes) -> None:
        await acknowledge(interaction)
        require_permissions(interaction)
        await self._asking.ask(
            await wishes.as_request(self._inputs),
            asker=interaction,
            origin=origin_of(interaction),
            surroundings=surroundings_of(interaction),
            answer=PrivateAnswer(interaction),
        )
