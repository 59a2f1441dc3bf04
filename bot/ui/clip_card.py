"""The messages about a job: its status, how it ended, and the card of its clips."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import discord
from discord import ui

from bot.domain.billing.charges import compute_price_paid
from bot.domain.clips.clip import Clip
from bot.domain.clips.result_differences import find_differences
from bot.domain.clips.upload_options import PreparedUpload, UploadOption
from bot.domain.jobs.job import Job, JobState, Outcome, ReviewState
from bot.domain.jobs.progress import JobProgress
from bot.domain.jobs.request import GenerationMode, VideoPlan
from bot.i18n.catalogs import translate
from bot.i18n.formatting import (
    EXCERPT_LIMIT,
    build_jump_link,
    format_eta,
    format_labeled,
    format_money,
    format_prompt,
    format_timestamp,
    join_sentences,
    list_clip_numbers,
)
from bot.ui.components import (
    ACCENT_COLOR,
    build_action_row,
    build_button,
    build_text_view,
    build_view,
)
from bot.ui.custom_ids import ButtonAction
from bot.ui.error_messages import describe_finding, describe_outcome
from bot.ui.model_info import ModelInfoSource
from bot.ui.takes_card import TakesCards
from bot.ui.upload_notes import describe_replacement, list_attachments

STATUS_PICTURE_NAME: Final = "waiting.webp"
"""The file name of a status's picture."""
_MAX_ROW_LENGTH: Final = 5
"""Discord's limit of buttons in a row."""
_REWORDABLE_OUTCOMES: Final = (
    Outcome.INVALID,
    Outcome.BLOCKED,
    Outcome.BLOCKED_AUDIO,
    Outcome.BLOCKED_IMAGE,
    Outcome.PERSON_REFUSED,
    Outcome.MODEL_RETIRED,
    Outcome.MODEL_UNAVAILABLE,
    Outcome.RESULT_REFUSED,
)
_RETRYABLE_OUTCOMES: Final = (
    Outcome.BLOCKED_AUDIO,
    Outcome.GOOGLE_QUOTA,
    Outcome.GOOGLE_BUSY,
    Outcome.OVERLOADED,
    Outcome.NOT_REACHED,
    Outcome.OPERATION_FAILED,
    Outcome.OPERATION_LOST,
    Outcome.DOWNLOAD_FAILED,
    Outcome.SUBMIT_UNKNOWN,
    Outcome.CANCELLED,
    Outcome.REVIEW_EXPIRED,
    Outcome.RESULT_UNCHECKED,
)


def describe_origin(model_name: str, locale: str | None) -> str:
    """Return that a clip was made with AI, and by which model."""
    return translate("card.origin", locale, model=model_name)


def describe_lineage(clip: Clip, locale: str | None) -> str:
    """Return which clip it was made from and, for an extension, the first clip of its chain."""
    parent = f"#{clip.parent_clip_id}"
    root = f"#{clip.root_clip_id or clip.parent_clip_id}"
    if clip.mode is GenerationMode.EDIT:
        return translate("card.edit", locale, parent=parent)
    if clip.mode is GenerationMode.CONTINUATION:
        return translate("card.continuation", locale, parent=parent)
    if clip.mode.has_first_frame:
        return translate("card.not_joined", locale, parent=parent)
    if root == parent:
        return translate("card.extension", locale, parent=parent)
    return translate("card.chain", locale, count=clip.extension_depth, parent=parent, root=root)


class ClipCards:
    """Builds a new view for every message (see `bot.ui.components`)."""

    def __init__(self, *, model_info: ModelInfoSource) -> None:
        self._model_info = model_info
        self.takes_cards = TakesCards(model_info=model_info)

    def build_clip_card(
        self,
        job: Job,
        uploads: Sequence[PreparedUpload],
        now: datetime,
        locale: str | None = None,
        *,
        with_price: bool = False,
    ) -> ui.LayoutView:
        """Return the card of a job's clips, which refers to the files of `list_attachments`."""
        locale = locale or get_public_locale(job)
        clips = [upload.clip for upload in uploads]
        container: ui.Container[ui.LayoutView] = ui.Container(accent_color=ACCENT_COLOR)
        items = [
            discord.MediaGalleryItem(f"attachment://{name}", spoiler=upload.clip.spoiler)
            for upload in uploads
            for _, name in list_attachments(upload)
        ]
        if items:
            container.add_item(ui.MediaGallery(*items))
        container.add_item(ui.TextDisplay(format_prompt(job.plan.prompt)))
        container.add_item(ui.TextDisplay(self._format_facts(job, clips, locale, with_price)))
        notes = [
            describe_replacement(upload, locale)
            for upload in uploads
            if upload.option is not UploadOption.AS_IS
        ]
        notes += _describe_differences(job.plan, clips, locale)
        notes += _list_first_post_notes(job, clips, locale)
        if notes:
            container.add_item(ui.TextDisplay("\n".join(notes)))
        for row in self._build_clip_rows(job, clips, now, locale):
            container.add_item(row)
        return build_view(container)

    def build_status_card(self, progress: JobProgress) -> ui.LayoutView:
        """Return how far a job is; its picture refers to the file `STATUS_PICTURE_NAME`."""
        job = progress.job
        locale = get_public_locale(job)
        if progress.takes:
            return self.takes_cards.build_status(progress, locale)
        lines = [self._format_request(job, locale), f"-# {self._describe_stage(progress, locale)}"]
        if (
            progress.gives_up_at is not None
            and job.state is JobState.POLLING
            and not job.cancel_requested
        ):
            limit = format_timestamp(progress.gives_up_at)
            lines.append(f"-# {translate('status.limit', locale, until=limit)}")
        if job.origin.user_install_reply is not None:
            until = format_timestamp(job.origin.user_install_reply.editable_until, "t")
            lines.append(f"-# {translate('status.visit', locale, until=until)}")
        is_undoable = progress.undo_until is not None
        action = ButtonAction.UNDO if is_undoable else ButtonAction.CANCEL
        container: ui.Container[ui.LayoutView] = ui.Container(accent_color=ACCENT_COLOR)
        if progress.picture is not None:
            picture = discord.MediaGalleryItem(f"attachment://{STATUS_PICTURE_NAME}")
            container.add_item(ui.MediaGallery(picture))
        container.add_item(ui.TextDisplay("\n".join(lines)))
        if not job.cancel_requested:
            container.add_item(build_action_row(build_button(action, job.id, locale)))
        return build_view(container)

    def build_review_card(
        self, job: Job, uploads: Sequence[PreparedUpload], locale: str
    ) -> ui.LayoutView:
        """Return what moderators see of clips that nobody else has seen, and their choices."""
        clips = [upload.clip for upload in uploads]
        container: ui.Container[ui.LayoutView] = ui.Container(accent_color=ACCENT_COLOR)
        names = [name for upload in uploads for _, name in list_attachments(upload)]
        if names:
            items = (discord.MediaGalleryItem(f"attachment://{name}") for name in names)
            container.add_item(ui.MediaGallery(*items))
        heading = translate(
            "review.ask",
            locale,
            member=f"<@{job.origin.user_id}>",
            clip=list_clip_numbers(clips, locale),
            channel=f"<#{job.origin.channel_id}>",
        )
        container.add_item(ui.TextDisplay(f"{heading}\n{format_prompt(job.plan.prompt)}"))
        if job.detail is not None:
            container.add_item(ui.TextDisplay(describe_finding(job.detail, "review.found", locale)))
        notes = [
            describe_replacement(upload, locale)
            for upload in uploads
            if upload.option is not UploadOption.AS_IS
        ]
        if notes:
            container.add_item(ui.TextDisplay("\n".join(notes)))
        price = format_money(compute_price_paid(job, clips=len(clips)), locale)
        container.add_item(ui.TextDisplay(f"-# {translate('review.price', locale, price=price)}"))
        container.add_item(
            build_action_row(
                build_button(ButtonAction.REVIEW_POST, job.id, locale, primary=True),
                build_button(ButtonAction.REVIEW_SPOILER, job.id, locale),
                build_button(ButtonAction.REVIEW_REFUSE, job.id, locale, danger=True),
                build_button(ButtonAction.REVIEW_REFUSE_CHARGED, job.id, locale, danger=True),
            )
        )
        return build_view(container)

    def build_outcome_card(
        self, job: Job, clips: Sequence[Clip] = (), takes: Sequence[Job] = ()
    ) -> ui.LayoutView:
        """Return how the job ended without a post. ``clips`` were made and kept anyway."""
        return self._build_outcome_view(job, clips, takes, get_public_locale(job))

    def build_direct_notice(
        self, job: Job, clips: Sequence[Clip], takes: Sequence[Job] = ()
    ) -> ui.LayoutView:
        """Return the direct message to the requester: the clip is posted, or how the job ended."""
        locale = job.origin.locale
        if job.outcome is not Outcome.DELIVERED or not clips:
            return self._build_outcome_view(job, clips, takes, locale)
        link = build_jump_link(clips[0])
        is_guest = job.origin.user_install_reply is not None
        location = f"<#{job.origin.channel_id}>" if is_guest or link is None else link
        text = translate(
            "notice.ready",
            locale,
            clip=list_clip_numbers(clips, locale),
            prompt=format_prompt(" ".join(job.plan.prompt.split()), EXCERPT_LIMIT),
            where=location,
        )
        return build_text_view(text, build_button(ButtonAction.DETAILS, job.id, locale))

    def _build_outcome_view(
        self, job: Job, clips: Sequence[Clip], takes: Sequence[Job], locale: str
    ) -> ui.LayoutView:
        if takes:
            return self.takes_cards.build_outcome(job, takes, clips, locale)
        actions = [
            *([ButtonAction.RETRY] if job.outcome in _RETRYABLE_OUTCOMES else []),
            *([ButtonAction.OTHER_MODEL] if job.outcome and job.outcome.is_about_model else []),
            *([ButtonAction.REWORD] if job.outcome in _REWORDABLE_OUTCOMES else []),
            ButtonAction.DELETE,  # this button also identifies the card after a crash
        ]
        text = f"{self._format_request(job, locale)}\n{describe_outcome(job, locale, clips)}"
        row = build_action_row(*(build_button(action, job.id, locale) for action in actions))
        return build_view(ui.Container(ui.TextDisplay(text), row, accent_color=ACCENT_COLOR))

    def _format_request(self, job: Job, locale: str) -> str:
        source = job.plan.parent
        made_from = "status.edits" if job.plan.mode is GenerationMode.EDIT else "status.extends"
        if job.plan.preceding is not None:
            made_from = "status.goes_on"
        return translate(
            "status.asks" if source is None else made_from,
            locale,
            member=f"<@{job.origin.user_id}>",
            prompt=format_prompt(" ".join(job.plan.prompt.split()), EXCERPT_LIMIT),
            model=self._model_info.get_display_name(job.plan.model),
            clip=0 if source is None else source.clip_id,
        )

    def _describe_stage(self, progress: JobProgress, locale: str) -> str:
        job = progress.job
        if job.cancel_requested:
            can_be_stopped = job.can_be_stopped and job.state is not JobState.FETCHING
            key = "stage.stopping" if can_be_stopped else "stage.cancelling"
            return translate(key, locale, price=format_money(job.price, locale))
        if progress.paused:
            return translate("stage.paused", locale)
        if progress.undo_until is not None:
            start, price = (
                format_timestamp(progress.undo_until, "R"),
                format_money(job.price, locale),
            )
            return translate("stage.undo", locale, when=start, price=price)
        retry_at = progress.retry_at or job.retry_at
        if job.review is ReviewState.CHECK and retry_at is not None:
            return translate("stage.check_later", locale, when=format_timestamp(retry_at, "R"))
        if job.is_under_review:
            key = "stage.check" if job.review is ReviewState.CHECK else "stage.review"
            return translate(key, locale)
        if progress.waiting_for is not None and retry_at is not None:
            key = f"stage.waiting.{progress.waiting_for}"
            until = format_timestamp(job.watched_until, "f")
            return translate(key, locale, when=format_timestamp(retry_at, "R"), until=until)
        if job.state is JobState.POSTING and retry_at is not None:
            return translate("stage.posting_later", locale, when=format_timestamp(retry_at, "R"))
        if job.state is JobState.QUEUED:
            position = progress.queue_position
            key = "stage.queued_soon" if position is None else "stage.queued"
            text = translate(key, locale, place=position)
        elif job.state is JobState.POLLING:
            started = format_timestamp(job.submitted_at or job.created_at, "R")
            text = translate("stage.polling", locale, since=started)
            if progress.eta is None:
                key = "eta.passed" if progress.is_late else "eta.unknown"
                text = join_sentences(text, translate(key, locale), locale)
        else:
            text = translate(f"stage.{job.state}", locale)
        if progress.eta is not None:
            text = join_sentences(text, format_eta(*progress.eta, locale), locale)
        return text

    def _format_facts(self, job: Job, clips: Sequence[Clip], locale: str, with_price: bool) -> str:
        """Return one quiet line. *Details* has the rest, for the person who presses it."""
        first = clips[0]
        facts = [
            describe_origin(self._model_info.get_display_name(first.model), locale),
            translate("seconds", locale, count=first.seconds),
            translate("card.by", locale, member=f"<@{job.origin.user_id}>"),
            translate("card.clip", locale, clip=list_clip_numbers(clips, locale)),
        ]
        if first.parent_clip_id is not None:
            facts.append(describe_lineage(first, locale))
        if with_price:
            facts.append(format_money(compute_price_paid(job, clips=len(clips)), locale))
        return f"-# {' · '.join(facts)}"

    def _build_clip_rows(
        self, job: Job, clips: Sequence[Clip], now: datetime, locale: str
    ) -> list[ui.ActionRow[Any]]:
        suffix = "" if len(clips) == 1 else "_one"
        extend, edit = (
            [
                build_button(
                    action, clip.id, locale, key=f"{action}{suffix}", clip=clip.id, primary=True
                )
                for clip in clips
                if is_possible(clip, now)
            ]
            for action, is_possible in (
                (ButtonAction.EXTEND, self._model_info.is_extendable),
                (ButtonAction.EDIT, self._model_info.is_editable),
            )
        )
        repeat = [
            build_button(action, job.id, locale)
            for action in (ButtonAction.REDO, ButtonAction.REWORD)
        ]
        remakes = [
            build_button(ButtonAction(remake), job.id, locale)
            for remake in self._model_info.list_remakes(job.plan, now)
            if job.plan.takes is None
        ]
        is_first_shot = job.plan.source is None and job.plan.preceding is None
        if len(clips) == 1 and is_first_shot and job.plan.takes is None:
            remakes.insert(0, build_button(ButtonAction.TAKES, job.id, locale))
        showcase = [
            build_button(
                ButtonAction.SHOWCASE, clip.id, locale, key=f"showcase{suffix}", clip=clip.id
            )
            for clip in clips
            if clip.guild_id is not None
        ]
        others = [
            build_button(ButtonAction.DETAILS, job.id, locale),
            build_button(ButtonAction.DELETE, job.id, locale),
        ]
        if len(clips) == 1:
            paid, free = [*extend, *edit, *repeat], [*remakes, *showcase, *others]
            rows = [paid + free] if len(paid + free) <= _MAX_ROW_LENGTH else [paid, free]
            if len(free) >= _MAX_ROW_LENGTH:  # the last one would be alone in a line
                rows = [paid, [*remakes, *showcase], others]
        else:
            clip_rows = (extend, edit, showcase)
            rows = [*(row[:_MAX_ROW_LENGTH] for row in clip_rows), remakes, [*repeat, *others]]
        return [build_action_row(*row) for row in rows if row]


def _describe_differences(plan: VideoPlan, clips: Sequence[Clip], locale: str) -> list[str]:
    """Return one sentence for each difference between the plan and the clips."""
    notes = []
    for clip in clips:
        changes = []
        differences = find_differences(plan, clip)
        if (seconds := differences.planned_seconds) is not None:
            made = translate("seconds", locale, count=clip.seconds)
            changes.append((translate("seconds", locale, count=seconds), made))
        if differences.planned_ratio is not None:
            changes.append((differences.planned_ratio, f"{clip.width}×{clip.height}"))
        for planned, made in changes:
            note = translate("card.differs", locale, wished=planned, made=made)
            if len(clips) > 1:
                note = format_labeled(f"#{clip.id}", note, locale)
            notes.append(f"-# {note}")
    return notes


def _list_first_post_notes(job: Job, clips: Sequence[Clip], locale: str) -> list[str]:
    if job.state is not JobState.POSTING:
        return []
    notes = []
    if job.was_reopened:
        notes.append(f"-# {translate('card.late', locale)}")
    missing = job.plan.videos - len(clips)
    if missing > 0:  # Google sometimes makes more clips than requested
        notes.append(f"-# {translate('card.missing', locale, count=missing)}")
    return notes


def get_public_locale(job: Job) -> str:
    """Return the locale of public messages: the server's, or outside of servers the member's."""
    return job.origin.guild_locale or job.origin.locale
