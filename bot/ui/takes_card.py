"""The messages about drafts: how far each one is, the choice between them, and what was kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import discord
from discord import ui

from bot.domain.billing.charges import compute_price_paid
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.clips.file_names import build_file_name
from bot.domain.clips.upload_options import PreparedUpload, UploadOption
from bot.domain.jobs.job import Job, Outcome
from bot.domain.jobs.progress import JobProgress
from bot.domain.jobs.takes import DRAFT_LIFETIME
from bot.i18n.catalogs import translate
from bot.i18n.formatting import (
    EXCERPT_LIMIT,
    format_labeled,
    format_money,
    format_prompt,
    format_timestamp,
    join_sentences,
    list_clip_numbers,
)
from bot.ui.components import ACCENT_COLOR, ActionButton, build_action_row, build_button, build_view
from bot.ui.custom_ids import ButtonAction
from bot.ui.error_messages import describe_outcome
from bot.ui.model_info import ModelInfoSource
from bot.ui.upload_notes import describe_replacement, list_attachments


class TakesCards:
    """Builds the messages in the language of the channel."""

    def __init__(self, *, model_info: ModelInfoSource) -> None:
        self._model_info = model_info

    def build_status(self, progress: JobProgress, locale: str) -> ui.LayoutView:
        """Return how far each draft is, with a button that cancels all."""
        job = progress.job
        lines = [self._format_request(job, len(progress.takes), locale)]
        lines += [f"-# {_describe_state(take, locale)}" for take in progress.takes]
        container: ui.Container[ui.LayoutView] = ui.Container(accent_color=ACCENT_COLOR)
        container.add_item(ui.TextDisplay("\n".join(lines)))
        if not any(take.cancel_requested for take in progress.takes):
            container.add_item(build_action_row(build_button(ButtonAction.CANCEL, job.id, locale)))
        return build_view(container)

    def build_choice(
        self, takes: Sequence[Job], uploads: Sequence[PreparedUpload], now: datetime
    ) -> ui.LayoutView:
        """Return the drafts, which can be played, and a button for each that makes it in full."""
        first = takes[0]
        locale = first.origin.guild_locale or first.origin.locale
        clips = {upload.clip.job_id: upload.clip for upload in uploads}
        container: ui.Container[ui.LayoutView] = ui.Container(accent_color=ACCENT_COLOR)
        items = [
            discord.MediaGalleryItem(f"attachment://{name}", spoiler=upload.clip.spoiler)
            for upload in uploads
            for _, name in list_attachments(upload)
        ]
        if items:
            container.add_item(ui.MediaGallery(*items))
        container.add_item(ui.TextDisplay(format_prompt(first.plan.prompt)))
        facts = [
            self._model_info.get_display_name(first.plan.model),
            *([first.plan.resolution] if first.plan.resolution else []),
            translate("seconds", locale, count=first.plan.seconds),
            translate("card.by", locale, member=f"<@{first.origin.user_id}>"),
            translate("card.clip", locale, clip=list_clip_numbers(clips.values(), locale)),
        ]
        notes = [
            describe_replacement(upload, locale)
            for upload in uploads
            if upload.option is not UploadOption.AS_IS
        ]
        notes += [f"-# {_describe_state(take, locale)}" for take in takes if take.id not in clips]
        paid = Micros(sum(compute_price_paid(take, clips=1) for take in takes if take.id in clips))
        text = translate(
            "takes.price",
            locale,
            count=len(clips),
            paid=format_money(paid, locale),
            full=format_money(self._find_full_price(takes, clips, now), locale),
        )
        kept = translate("takes.kept", locale, when=format_timestamp(now + DRAFT_LIFETIME, "f"))
        notes.append(f"-# {join_sentences(text, kept, locale)}")
        container.add_item(ui.TextDisplay(f"-# {' · '.join(facts)}"))
        container.add_item(ui.TextDisplay("\n".join(notes)))
        container.add_item(build_action_row(*self._build_choices(takes, clips, now, locale)))
        container.add_item(_build_other_row(first, locale))
        return build_view(container)

    def build_outcome(
        self, job: Job, takes: Sequence[Job], clips: Sequence[Clip], locale: str
    ) -> ui.LayoutView:
        """Return why no draft was posted. ``clips`` were made nevertheless."""
        lines = [self._format_request(job, len(takes), locale)]
        if job.outcome is Outcome.DELIVERY_FAILED or (clips and job.outcome is Outcome.CANCELLED):
            paid = Micros(sum(compute_price_paid(take, clips=0) for take in takes))
            lines.append(
                translate(
                    f"takes.{job.outcome}",
                    locale,
                    clip=list_clip_numbers(clips, locale),
                    price=format_money(paid, locale),
                )
            )
        else:
            lines += _describe_failures(takes, locale)
        row = build_action_row(
            build_button(ButtonAction.MORE_TAKES, job.id, locale),
            build_button(ButtonAction.DELETE, job.id, locale),
        )
        text = ui.TextDisplay[Any]("\n".join(lines))
        return build_view(ui.Container(text, row, accent_color=ACCENT_COLOR))

    def build_remainder(self, first: Job, kept: Sequence[Clip]) -> ui.LayoutView:
        """Return what the message shows after the drafts that nobody chose were deleted."""
        locale = first.origin.guild_locale or first.origin.locale
        container: ui.Container[ui.LayoutView] = ui.Container(accent_color=ACCENT_COLOR)
        if kept:
            container.add_item(
                ui.MediaGallery(
                    *(
                        discord.MediaGalleryItem(
                            f"attachment://{build_file_name(clip)}", spoiler=clip.spoiler
                        )
                        for clip in kept
                    )
                )
            )
        container.add_item(ui.TextDisplay(format_prompt(first.plan.prompt)))
        key = "takes.only_chosen" if kept else "takes.expired"
        text = translate(key, locale, clip=list_clip_numbers(kept, locale))
        container.add_item(ui.TextDisplay(f"-# {text}"))
        container.add_item(
            build_action_row(
                build_button(ButtonAction.MORE_TAKES, first.id, locale),
                build_button(ButtonAction.DETAILS, first.id, locale),
                build_button(ButtonAction.DELETE, first.id, locale),
            )
        )
        return build_view(container)

    def _build_choices(
        self, takes: Sequence[Job], clips: dict[int, Clip], now: datetime, locale: str
    ) -> list[ActionButton]:
        """Return a button for each draft. A press accepts the price in the text, if it is known."""
        return [
            ActionButton(
                ButtonAction.TAKE,
                clips[take.id].id,
                label=translate("button.take", locale, number=take.take_number),
                primary=True,
                price=self._find_price(take, clips[take.id], now),
            )
            for take in takes
            if take.id in clips
        ]

    def _find_price(self, take: Job, clip: Clip, now: datetime) -> Micros | None:
        return self._model_info.find_full_price(take.plan, clip, now)

    def _find_full_price(
        self, takes: Sequence[Job], clips: dict[int, Clip], now: datetime
    ) -> Micros:
        """Return the highest price of making one of the drafts in full."""
        order = takes[0].plan.takes
        usual = Micros(0) if order is None else order.price
        prices = (self._find_price(take, clips[take.id], now) for take in takes if take.id in clips)
        return max((price for price in prices if price is not None), default=usual)

    def _format_request(self, job: Job, count: int, locale: str) -> str:
        return translate(
            "takes.asks",
            locale,
            count=count,
            member=f"<@{job.origin.user_id}>",
            prompt=format_prompt(" ".join(job.plan.prompt.split()), EXCERPT_LIMIT),
            model=self._model_info.get_display_name(job.plan.model),
        )


def _build_other_row(first: Job, locale: str) -> ui.ActionRow[Any]:
    actions = (ButtonAction.MORE_TAKES, ButtonAction.DETAILS, ButtonAction.DELETE)
    return build_action_row(*(build_button(action, first.id, locale) for action in actions))


def _describe_state(take: Job, locale: str) -> str:
    if take.state.has_ended and take.outcome is not Outcome.DELIVERED:
        text = describe_outcome(take, locale)
    elif take.state.has_ended:
        text = translate("takes.ready", locale)
    elif take.is_under_review:
        text = translate("takes.review", locale)
    else:
        text = translate(f"state.{take.state}", locale)
    label = translate("takes.number", locale, number=take.take_number)
    return format_labeled(label, " ".join(text.split()), locale)


def _describe_failures(takes: Sequence[Job], locale: str) -> list[str]:
    """Return why there is no draft: once, if the reason is the same for all."""
    texts = {describe_outcome(take, locale) for take in takes}
    return list(texts) if len(texts) == 1 else [_describe_state(take, locale) for take in takes]
