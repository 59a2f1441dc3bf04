"""`/video`: make, extend, find and cancel clips."""

import asyncio
from typing import Final

import discord
from discord import app_commands
from discord.app_commands import Choice, Range
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.discord.user_install import acknowledge_request, guild_of
from bot.domain.clips.history_query import MAX_SEARCH_LENGTH, HistoryFilter, HistoryKind
from bot.domain.errors import ClapperError
from bot.domain.jobs.presets import CameraPreset, StylePreset
from bot.i18n.catalogs import build_command_text, translate
from bot.i18n.formatting import truncate_text
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.admin.model_directory import ModelDirectory
from bot.services.clips.history import ClipHistory
from bot.services.clips.input_images import InputImages
from bot.services.clips.library import ClipLibrary
from bot.services.jobs.publishing import ClipPublisher
from bot.services.jobs.requests import RequestService
from bot.ui.clip_card import ModelInfoSource, build_text_view
from bot.ui.lineage import format_lineage
from bot.ui.text_lists import (
    format_cancellation,
    format_history,
    format_models_overview,
    format_running_jobs,
)
from cogs._common.answers import PrivateAnswer, build_page_buttons
from cogs._common.clip_lookup import resolve_visible_clip
from cogs._common.context import (
    build_channel_context,
    build_origin,
    may_moderate,
    require_permissions,
)
from cogs._common.options import Autocompleter, GenerateOptions
from cogs._common.request_flow import RequestFlow

_MAX_SEED: Final = 2**32 - 1
_MAX_SUGGESTIONS: Final = 25
_SUGGESTION_TIMEOUT_S: Final = 2.0
"""Seconds that a suggestion may take: Discord waits three."""
_GENERATE_OPTIONS: Final = (
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
_ANIMATE_OPTIONS: Final = tuple(
    name for name in _GENERATE_OPTIONS if not name.startswith("reference_")
)


_STYLE_CHOICES: Final = [
    Choice(name=build_command_text(f"choice.style.{each}"), value=each.value)
    for each in StylePreset
]
_CAMERA_CHOICES: Final = [
    Choice(name=build_command_text(f"choice.camera.{each}"), value=each.value)
    for each in CameraPreset
]
_KIND_CHOICES: Final = [
    Choice(name=build_command_text(f"choice.only.{each}"), value=each.value) for each in HistoryKind
]


def _describe_options(*names: str) -> dict[str, app_commands.locale_str]:
    return {name: build_command_text(f"option.{name}") for name in names}


class VideoCommands(
    commands.GroupCog, group_name="video", group_description=build_command_text("command.video")
):
    """The `/video` group."""

    def __init__(
        self,
        *,
        request_flow: RequestFlow,
        autocompleter: Autocompleter,
        request_service: RequestService,
        clip_library: ClipLibrary,
        clip_history: ClipHistory,
        server_rules: ServerRulesService,
        model_directory: ModelDirectory,
        model_info: ModelInfoSource,
        input_images: InputImages,
        clip_publisher: ClipPublisher,
    ) -> None:
        self._request_flow = request_flow
        self._autocompleter = autocompleter
        self._request_service = request_service
        self._clip_library = clip_library
        self._clip_history = clip_history
        self._server_rules = server_rules
        self._model_directory = model_directory
        self._model_info = model_info
        self._input_images = input_images
        self._clip_publisher = clip_publisher

    @app_commands.command(name="generate", description=build_command_text("command.video.generate"))
    @app_commands.describe(**_describe_options(*_GENERATE_OPTIONS))
    @app_commands.choices(style=_STYLE_CHOICES, camera=_CAMERA_CHOICES)
    async def generate_clip(
        self,
        interaction: discord.Interaction,
        prompt: Range[str, 1, 4000],
        negative_prompt: Range[str, 1, 4000] | None = None,
        model: str | None = None,
        aspect_ratio: str | None = None,
        resolution: str | None = None,
        duration: int | None = None,
        seed: Range[int, 0, _MAX_SEED] | None = None,
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
        await self._submit_options(
            interaction,
            GenerateOptions(
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

    @app_commands.command(name="animate", description=build_command_text("command.video.animate"))
    @app_commands.describe(**_describe_options(*_ANIMATE_OPTIONS))
    @app_commands.choices(style=_STYLE_CHOICES, camera=_CAMERA_CHOICES)
    async def animate_image(
        self,
        interaction: discord.Interaction,
        image: discord.Attachment,
        prompt: Range[str, 1, 4000],
        negative_prompt: Range[str, 1, 4000] | None = None,
        model: str | None = None,
        aspect_ratio: str | None = None,
        resolution: str | None = None,
        duration: int | None = None,
        seed: Range[int, 0, _MAX_SEED] | None = None,
        last_frame: discord.Attachment | None = None,
        videos: Range[int, 1, 4] | None = None,
        style: str | None = None,
        camera: str | None = None,
    ) -> None:
        """Make a clip that begins with a picture."""
        await self._submit_options(
            interaction,
            GenerateOptions(
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

    @app_commands.command(name="extend", description=build_command_text("command.video.extend"))
    @app_commands.describe(
        **_describe_options("clip"), prompt=build_command_text("option.extend_prompt")
    )
    async def extend_clip(
        self,
        interaction: discord.Interaction,
        clip: Range[str, 1, 200],
        prompt: Range[str, 1, 4000],
    ) -> None:
        """Make a clip longer."""
        await acknowledge_request(interaction)
        found = await resolve_visible_clip(interaction, clip, self._clip_library)
        await self._request_flow.extend_clip(
            found,
            prompt,
            requester=interaction,
            origin=build_origin(interaction),
            channel_context=build_channel_context(interaction),
            answer=PrivateAnswer(interaction),
        )

    @app_commands.command(name="get", description=build_command_text("command.video.get"))
    @app_commands.describe(**_describe_options("clip"))
    async def repost_clip(self, interaction: discord.Interaction, clip: Range[str, 1, 200]) -> None:
        """Post a finished clip again, here."""
        await acknowledge_request(interaction)
        require_permissions(interaction)
        found = await resolve_visible_clip(interaction, clip, self._clip_library)
        origin = await self._server_rules.apply_guild_language(build_origin(interaction))
        parent = build_channel_context(interaction).parent_channel_id
        await self._server_rules.require_open(origin, parent_channel_id=parent)
        job = await self._clip_library.get_job(found.job_id)
        await self._clip_publisher.publish_again(job, [found], origin)
        await PrivateAnswer(interaction).confirm_accepted(
            translate("get.done", interaction.locale.value, clip=found.id)
        )

    @app_commands.command(name="cancel", description=build_command_text("command.video.cancel"))
    @app_commands.describe(**_describe_options("job"))
    async def cancel_job(self, interaction: discord.Interaction, job: Range[int, 1]) -> None:
        """Cancel a job."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        outcome = await self._request_service.cancel(
            job,
            user_id=interaction.user.id,
            moderator=may_moderate(interaction),
            guild_id=guild_of(interaction),
        )
        await respond_privately(
            interaction, format_cancellation(outcome, job, interaction.locale.value)
        )

    @app_commands.command(name="jobs", description=build_command_text("command.video.jobs"))
    async def list_jobs(self, interaction: discord.Interaction) -> None:
        """List what is being made for the person."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await self._clip_library.list_running(user_id=interaction.user.id)
        await respond_privately(interaction, format_running_jobs(found, interaction.locale.value))

    @app_commands.command(name="chain", description=build_command_text("command.video.chain"))
    @app_commands.describe(**_describe_options("clip"))
    async def show_lineage(
        self, interaction: discord.Interaction, clip: Range[str, 1, 200]
    ) -> None:
        """Show what a clip grew from, and what grew from it."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await resolve_visible_clip(interaction, clip, self._clip_library)
        rows = await self._clip_library.lineage(
            found, user_id=interaction.user.id, guild_id=guild_of(interaction)
        )
        text = format_lineage(rows, found, interaction.locale.value)
        await interaction.edit_original_response(view=build_text_view(text))

    @app_commands.command(name="history", description=build_command_text("command.video.history"))
    @app_commands.describe(
        model=build_command_text("option.history_model"), **_describe_options("words", "only")
    )
    @app_commands.choices(only=_KIND_CHOICES)
    async def show_history(
        self,
        interaction: discord.Interaction,
        model: Range[str, 1, 32] | None = None,
        words: Range[str, 1, MAX_SEARCH_LENGTH] | None = None,
        only: str | None = None,
    ) -> None:
        """List the person's clips, or those they look for."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        page = await self._clip_history.load_first_page(
            user_id=interaction.user.id,
            guild_id=guild_of(interaction),
            history_filter=HistoryFilter(model, words, None if only is None else HistoryKind(only)),
        )
        locale = interaction.locale.value
        await respond_privately(
            interaction,
            format_history(page, self._model_info, locale),
            build_page_buttons(page, locale),
        )

    @app_commands.command(name="models", description=build_command_text("command.video.models"))
    async def list_models(self, interaction: discord.Interaction) -> None:
        """List the models with their abilities and prices."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        pages = format_models_overview(
            self._model_directory.list_offer_statuses(), interaction.locale.value
        )
        await respond_privately(interaction, pages[0])
        for page in pages[1:]:
            await interaction.followup.send(page, ephemeral=True)

    @generate_clip.autocomplete("model")
    @animate_image.autocomplete("model")
    async def _suggest_model(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        return await self._autocompleter.suggest_values(interaction, current, "model")

    @generate_clip.autocomplete("aspect_ratio")
    @animate_image.autocomplete("aspect_ratio")
    async def _suggest_aspect_ratio(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        return await self._autocompleter.suggest_values(interaction, current, "aspect_ratio")

    @generate_clip.autocomplete("resolution")
    @animate_image.autocomplete("resolution")
    async def _suggest_resolution(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        return await self._autocompleter.suggest_values(interaction, current, "resolution")

    @generate_clip.autocomplete("duration")
    @animate_image.autocomplete("duration")
    async def _suggest_duration(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        return await self._autocompleter.suggest_values(interaction, current, "duration")

    @generate_clip.autocomplete("videos")
    @animate_image.autocomplete("videos")
    async def _suggest_videos(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[int]]:
        return await self._autocompleter.suggest_values(interaction, current, "videos")

    @show_history.autocomplete("model")
    async def _suggest_history_model(
        self, _interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        known = self._model_directory.catalogue.models
        wanted = current.lower()
        return [
            Choice(name=model.name[:100], value=model.id[:32])
            for model in known
            if wanted in f"{model.name} {model.id}".lower()
        ][:_MAX_SUGGESTIONS]

    @extend_clip.autocomplete("clip")
    @repost_clip.autocomplete("clip")
    @show_lineage.autocomplete("clip")
    async def _suggest_clip(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        try:
            async with asyncio.timeout(_SUGGESTION_TIMEOUT_S):
                clips = await self._clip_history.suggest_clips(
                    current, user_id=interaction.user.id, limit=_MAX_SUGGESTIONS
                )
        except (ClapperError, TimeoutError):
            return []  # suggestions are a courtesy
        return [
            Choice(name=f"#{clip.id} {truncate_text(clip.prompt, 80)}"[:100], value=str(clip.id))
            for clip in clips
        ]

    async def _submit_options(
        self, interaction: discord.Interaction, options: GenerateOptions
    ) -> None:
        await acknowledge_request(interaction)
        require_permissions(interaction)
        await self._request_flow.submit_request(
            await options.build_request(self._input_images),
            requester=interaction,
            origin=build_origin(interaction),
            channel_context=build_channel_context(interaction),
            answer=PrivateAnswer(interaction),
        )
