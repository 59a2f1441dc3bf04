"""`/video`: make, extend, edit, find and cancel clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import discord
from discord import app_commands
from discord.app_commands import Choice, Range
from discord.ext import commands

from bot.discord.api_errors import DISCORD_ERRORS, to_delivery_error
from bot.discord.client import respond_privately
from bot.discord.interaction_edits import edit_response
from bot.discord.user_install import acknowledge_request, guild_of
from bot.domain.access import ActingPerson
from bot.domain.clips.clip import Clip
from bot.domain.clips.history_query import MAX_SEARCH_LENGTH, HistoryFilter, HistoryKind
from bot.domain.errors import RuleBroken
from bot.domain.jobs.announcement import NotifyChoice
from bot.domain.jobs.presets import CameraPreset, StylePreset
from bot.domain.jobs.request import PictureFit
from bot.domain.jobs.takes import MAX_TAKES, MIN_TAKES
from bot.i18n.catalogs import build_command_text, translate
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.admin.model_directory import ModelDirectory
from bot.services.clips.history import ClipHistory
from bot.services.clips.library import ClipLibrary
from bot.services.clips.origin_checks import OriginChecks
from bot.services.jobs.publishing import ClipPublisher
from bot.services.moderation.questions import QuestionDesk
from bot.store.jobs.jobs import JobStore
from bot.store.member_preferences import MemberPreferenceStore
from bot.ui.components import build_section_views, build_text_view
from bot.ui.lineage import format_lineage
from bot.ui.model_info import ModelInfoSource
from bot.ui.models_overview import list_model_sections
from bot.ui.origin_text import describe_origin_check, format_origin
from bot.ui.text_lists import format_history, format_running_jobs
from cogs._common.answers import PrivateAnswer, build_page_buttons
from cogs._common.clip_lookup import ClipFinder
from cogs._common.context import (
    build_acting_person,
    build_channel_context,
    build_origin,
    require_permissions,
)
from cogs._common.options import (
    Autocompleter,
    GenerateOptions,
    build_choices,
    describe_attachments,
    describe_options,
)
from cogs._common.request_flow import RequestFlow, RequestSource
from cogs._common.suggestions import (
    MAX_CHOICES,
    load_in_time,
    suggest_clips,
    suggest_jobs,
    suggest_questions,
)
from cogs.questions import cancel_question

_MAX_SEED: Final = 2**32 - 1

_STYLE_CHOICES: Final = build_choices("style", StylePreset)
_CAMERA_CHOICES: Final = build_choices("camera", CameraPreset)
_FIT_CHOICES: Final = build_choices("fit", PictureFit)
_KIND_CHOICES: Final = build_choices("only", HistoryKind)
_NOTIFY_CHOICES: Final = build_choices(
    "notify", (NotifyChoice.PING, NotifyChoice.QUIET, NotifyChoice.DIRECT_MESSAGE)
)


@dataclass(kw_only=True, eq=False)
class VideoCommands(
    commands.GroupCog, group_name="video", group_description=build_command_text("command.video")
):
    request_flow: RequestFlow
    autocompleter: Autocompleter
    jobs: JobStore
    question_desk: QuestionDesk
    clip_finder: ClipFinder
    clip_library: ClipLibrary
    clip_history: ClipHistory
    server_rules: ServerRulesService
    model_directory: ModelDirectory
    model_info: ModelInfoSource
    clip_publisher: ClipPublisher
    member_preferences: MemberPreferenceStore
    origin_checks: OriginChecks

    @app_commands.command(name="generate", description=build_command_text("command.video.generate"))
    @describe_options()
    @app_commands.choices(style=_STYLE_CHOICES, camera=_CAMERA_CHOICES, fit=_FIT_CHOICES)
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
        reference_4: discord.Attachment | None = None,
        reference_5: discord.Attachment | None = None,
        reference_6: discord.Attachment | None = None,
        videos: Range[int, 1, 4] | None = None,
        style: str | None = None,
        camera: str | None = None,
        fit: str | None = None,
        cuts: bool | None = None,
    ) -> None:
        values = (model, aspect_ratio, resolution, duration, seed, videos, image, last_frame)
        references = reference_1, reference_2, reference_3, reference_4, reference_5, reference_6
        options = GenerateOptions(
            prompt, negative_prompt, style, camera, *values, references, fit, cuts
        )
        await self._submit_options(interaction, options)

    @app_commands.command(name="animate", description=build_command_text("command.video.animate"))
    @describe_options()
    @app_commands.choices(style=_STYLE_CHOICES, camera=_CAMERA_CHOICES, fit=_FIT_CHOICES)
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
        fit: str | None = None,
        cuts: bool | None = None,
    ) -> None:
        values = (model, aspect_ratio, resolution, duration, seed, videos, image, last_frame)
        options = GenerateOptions(
            prompt, negative_prompt, style, camera, *values, fit=fit, cuts=cuts
        )
        await self._submit_options(interaction, options)

    @app_commands.command(name="takes", description=build_command_text("command.video.takes"))
    @describe_options(model="full_model", resolution="full_resolution")
    @app_commands.choices(style=_STYLE_CHOICES, camera=_CAMERA_CHOICES, fit=_FIT_CHOICES)
    async def make_takes(
        self,
        interaction: discord.Interaction,
        prompt: Range[str, 1, 4000],
        takes: Range[int, MIN_TAKES, MAX_TAKES] = MAX_TAKES,
        model: str | None = None,
        aspect_ratio: str | None = None,
        resolution: str | None = None,
        duration: int | None = None,
        image: discord.Attachment | None = None,
        style: str | None = None,
        camera: str | None = None,
        fit: str | None = None,
        cuts: bool | None = None,
    ) -> None:
        """Make cheap drafts, of which the member has one made in full."""
        values = (model, aspect_ratio, resolution, duration, None, None, image)
        options = GenerateOptions(prompt, None, style, camera, *values, fit=fit, cuts=cuts)
        await self._submit_options(interaction, options, takes=takes)

    @app_commands.command(name="extend", description=build_command_text("command.video.extend"))
    @describe_options(prompt="extend_prompt", duration="added_duration")
    async def extend_clip(
        self,
        interaction: discord.Interaction,
        clip: Range[str, 1, 200],
        prompt: Range[str, 1, 4000],
        duration: int | None = None,
        resolution: str | None = None,
    ) -> None:
        await acknowledge_request(interaction)
        source_clip = await self.clip_finder.resolve_visible(clip, interaction)
        source = RequestSource.from_interaction(interaction)
        await self.request_flow.extend_clip(
            source_clip, prompt, source, seconds=duration, resolution=resolution
        )

    @app_commands.command(name="edit", description=build_command_text("command.video.edit"))
    @describe_options(prompt="edit_prompt", reference_1="edit_reference")
    async def edit_clip(
        self,
        interaction: discord.Interaction,
        clip: Range[str, 1, 200],
        prompt: Range[str, 1, 4000],
        reference_1: discord.Attachment | None = None,
        reference_2: discord.Attachment | None = None,
        reference_3: discord.Attachment | None = None,
        reference_4: discord.Attachment | None = None,
        reference_5: discord.Attachment | None = None,
        reference_6: discord.Attachment | None = None,
        resolution: str | None = None,
        model: str | None = None,
    ) -> None:
        """Change a clip as ``prompt`` says. What it does not mention stays the same."""
        await acknowledge_request(interaction)
        source_clip = await self.clip_finder.resolve_visible(clip, interaction)
        source = RequestSource.from_interaction(interaction)
        attachments = reference_1, reference_2, reference_3, reference_4, reference_5, reference_6
        await self.request_flow.edit_clip(
            source_clip,
            prompt,
            source,
            references=describe_attachments(attachments),
            resolution=resolution,
            model=model,
        )

    @app_commands.command(name="get", description=build_command_text("command.video.get"))
    @describe_options()
    async def repost_clip(self, interaction: discord.Interaction, clip: Range[str, 1, 200]) -> None:
        await acknowledge_request(interaction)
        require_permissions(interaction)
        finished_clip = await self.clip_finder.resolve_visible(clip, interaction)
        context = await self.server_rules.load_context(
            build_origin(interaction), build_channel_context(interaction)
        )
        context.require_allowed_channel()
        if finished_clip.user_id != interaction.user.id:
            context.require_age_restricted_channel()
        context.require_may_show(age_restricted=finished_clip.age_restricted)
        person = build_acting_person(interaction)
        job = await self.clip_library.get_job(finished_clip.job_id, person)
        await self.clip_publisher.publish_again(job, [finished_clip], context.origin)
        text = translate("get.done", interaction.locale.value, clip=finished_clip.id)
        await PrivateAnswer(interaction).confirm_accepted(text)

    @app_commands.command(name="cancel", description=build_command_text("command.video.cancel"))
    @describe_options()
    async def cancel_job(
        self,
        interaction: discord.Interaction,
        job: Range[int, 1] | None = None,
        request: Range[int, 1] | None = None,
    ) -> None:
        """Cancel a job or a request that waits for a moderator; with neither, show both lists."""
        if job is not None:
            await self.request_flow.cancel_job(interaction, job)
        elif request is not None:
            await cancel_question(self.question_desk, interaction, request)
        else:
            await self._show_jobs(interaction)

    @app_commands.command(name="jobs", description=build_command_text("command.video.jobs"))
    async def list_jobs(self, interaction: discord.Interaction) -> None:
        await self._show_jobs(interaction)

    @app_commands.command(name="notify", description=build_command_text("command.video.notify"))
    @describe_options()
    @app_commands.choices(how=_NOTIFY_CHOICES)
    async def choose_notification(
        self, interaction: discord.Interaction, how: str | None = None
    ) -> None:
        """Show or change how the member learns about finished clips, in all servers."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        user, locale = interaction.user, interaction.locale.value
        choice = await self.member_preferences.load_notify_choice(user.id)
        if how is not None:
            choice = NotifyChoice(how)
            if choice is NotifyChoice.DIRECT_MESSAGE and not await _accepts_direct_messages(
                user, translate("notify.test", locale)
            ):
                choice = NotifyChoice.DIRECT_MESSAGE_REFUSED
            await self.member_preferences.save_notify_choice(user.id, choice)
        await respond_privately(interaction, translate(f"notify.{choice}", locale))

    @app_commands.command(name="chain", description=build_command_text("command.video.chain"))
    @describe_options()
    async def show_lineage(
        self, interaction: discord.Interaction, clip: Range[str, 1, 200]
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        shown_clip = await self.clip_finder.resolve_visible(clip, interaction)
        person = ActingPerson(interaction.user.id, guild_of(interaction))
        rows = await self.clip_library.load_lineage(shown_clip, person)
        text = format_lineage(rows, shown_clip, interaction.locale.value)
        await interaction.edit_original_response(view=build_text_view(text))

    @app_commands.command(name="history", description=build_command_text("command.video.history"))
    @describe_options(model="history_model")
    @app_commands.choices(only=_KIND_CHOICES)
    async def show_history(
        self,
        interaction: discord.Interaction,
        model: Range[str, 1, 32] | None = None,
        words: Range[str, 1, MAX_SEARCH_LENGTH] | None = None,
        only: str | None = None,
    ) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        page = await self.clip_history.load_first_page(
            user_id=interaction.user.id,
            guild_id=guild_of(interaction),
            history_filter=HistoryFilter(model, words, None if only is None else HistoryKind(only)),
        )
        locale = interaction.locale.value
        text = format_history(page, self.model_info, locale)
        await respond_privately(interaction, text, build_page_buttons(page, locale))

    @app_commands.command(name="models", description=build_command_text("command.video.models"))
    async def list_models(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        statuses = self.model_directory.list_offer_statuses()
        sections = list_model_sections(statuses, interaction.locale.value)
        first, *rest = build_section_views(sections)
        await edit_response(interaction, view=first)
        for page in rest:
            await interaction.followup.send(view=page, ephemeral=True)

    @app_commands.command(name="check", description=build_command_text("command.video.check"))
    @describe_options(clip="check_clip")
    async def check_origin(
        self,
        interaction: discord.Interaction,
        file: discord.Attachment | None = None,
        clip: Range[str, 1, 200] | None = None,
    ) -> None:
        """Say what is known about where a file or a clip comes from."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        locale = interaction.locale.value
        if file is not None:

            async def may_view(found: Clip) -> bool:
                return await self.clip_finder.may_view(found, interaction)

            checked = await self.origin_checks.check_attachment(
                file.url,
                size_bytes=file.size,
                person=build_acting_person(interaction),
                may_view=may_view,
            )
        elif clip is not None:
            found = await self.clip_finder.resolve_visible(clip, interaction)
            person = build_acting_person(interaction)
            checked = await self.origin_checks.check_clip(found, person)
        else:
            await respond_privately(interaction, describe_origin_check(locale))
            return
        known, model_name = checked.clip, None
        if known is not None:
            model_name = self.model_info.get_display_name(known.model)
        text = format_origin(checked.origin, known, model_name, locale)
        await respond_privately(interaction, text)

    @make_takes.autocomplete("model")
    @make_takes.autocomplete("aspect_ratio")
    @make_takes.autocomplete("resolution")
    @make_takes.autocomplete("duration")
    @generate_clip.autocomplete("model")
    @generate_clip.autocomplete("aspect_ratio")
    @generate_clip.autocomplete("resolution")
    @generate_clip.autocomplete("duration")
    @generate_clip.autocomplete("videos")
    @animate_image.autocomplete("model")
    @animate_image.autocomplete("aspect_ratio")
    @animate_image.autocomplete("resolution")
    @animate_image.autocomplete("duration")
    @animate_image.autocomplete("videos")
    async def _suggest_value(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[Any]]:
        return await self.autocompleter.suggest_values(interaction, current)

    @extend_clip.autocomplete("duration")
    @extend_clip.autocomplete("resolution")
    async def _suggest_extension_value(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[Any]]:
        return await self._suggest_source_value(interaction, current, is_edit=False)

    @edit_clip.autocomplete("resolution")
    @edit_clip.autocomplete("model")
    async def _suggest_edit_value(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[Any]]:
        return await self._suggest_source_value(interaction, current, is_edit=True)

    @show_history.autocomplete("model")
    async def _suggest_history_model(
        self, _interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        typed = current.lower()
        return [
            Choice(name=model.name[:100], value=model.id[:32])
            for model in self.model_directory.catalog.models
            if typed in f"{model.name} {model.id}".lower()
        ][:MAX_CHOICES]

    @extend_clip.autocomplete("clip")
    @edit_clip.autocomplete("clip")
    @repost_clip.autocomplete("clip")
    @show_lineage.autocomplete("clip")
    @check_origin.autocomplete("clip")
    async def _suggest_clip(
        self, interaction: discord.Interaction, current: str
    ) -> list[Choice[str]]:
        return suggest_clips(
            await load_in_time(
                self.clip_history.suggest_clips(
                    current, user_id=interaction.user.id, limit=MAX_CHOICES
                )
            )
        )

    @cancel_job.autocomplete("job")
    async def _suggest_job(
        self, interaction: discord.Interaction, current: int | str
    ) -> list[Choice[int]]:
        running = await load_in_time(self.jobs.list_running(user_id=interaction.user.id))
        return suggest_jobs(running, str(current))

    @cancel_job.autocomplete("request")
    async def _suggest_request(
        self, interaction: discord.Interaction, current: int | str
    ) -> list[Choice[int]]:
        waiting = await load_in_time(self.question_desk.questions.list_waiting(interaction.user.id))
        return suggest_questions(waiting, str(current))

    async def _show_jobs(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        user_id = interaction.user.id
        running = await self.jobs.list_running(user_id=user_id)
        waiting = await self.question_desk.questions.list_waiting(user_id)
        text = format_running_jobs(running, waiting, interaction.locale.value)
        await respond_privately(interaction, text)

    async def _suggest_source_value(
        self, interaction: discord.Interaction, current: str, *, is_edit: bool
    ) -> list[Choice[Any]]:
        """Suggest values of an option for the chosen clip. Without a clip, suggest nothing."""
        typed = str(getattr(interaction.namespace, "clip", None) or "")

        async def load_clips() -> Sequence[Clip]:
            return [await self.clip_finder.resolve_visible(typed, interaction)]

        for clip in await load_in_time(load_clips()):
            return await self.autocompleter.suggest_values(
                interaction, current, source=clip.as_source(), is_edit=is_edit
            )
        return []

    async def _submit_options(
        self,
        interaction: discord.Interaction,
        options: GenerateOptions,
        *,
        takes: int | None = None,
    ) -> None:
        await acknowledge_request(interaction)
        source = RequestSource.from_interaction(interaction)
        try:
            request = options.build_request().evolve(takes=takes)
        except RuleBroken as error:
            if error.nearest is not None:
                error.nearest = error.nearest.evolve(takes=takes)
            await self.request_flow.suggest_nearest(error, source)
        else:
            await self.request_flow.submit_request(request, source)


async def _accepts_direct_messages(user: discord.abc.User, text: str) -> bool:
    """Send a test message, and return false if the member refuses direct messages.

    Raises `DeliveryError` for temporary errors.
    """
    assert isinstance(user, (discord.User, discord.Member))
    try:
        await user.send(text)
    except discord.Forbidden:
        return False
    except DISCORD_ERRORS as error:
        raise to_delivery_error(error) from error
    return True
