"""The texts of *Details*: everything needed to make a clip again, and what it cost."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from bot.domain.billing.charges import compute_price_paid
from bot.domain.clips.clip import Clip
from bot.domain.jobs.job import Job
from bot.domain.jobs.request import GenerationMode, PersonGeneration, PersonRule, VideoPlan
from bot.domain.jobs.sent_prompt import describe_additions
from bot.i18n.catalogs import translate
from bot.i18n.formatting import (
    MESSAGE_LIMIT,
    format_mebibytes,
    format_money,
    format_timestamp,
    split_text,
)
from bot.ui.model_info import ModelInfoSource, find_end
from bot.ui.plan_text import format_charged_length

_RULE_BY_PERSON_GENERATION: Final = {
    PersonGeneration.ALLOW_ALL: PersonRule.EVERYONE,
    PersonGeneration.ALLOW_ADULT: PersonRule.ADULTS,
    PersonGeneration.DONT_ALLOW: PersonRule.NOBODY,
}
"""The person rule that matches each of Google's values."""


def format_job_details(
    job: Job,
    clips: Sequence[Clip],
    model_info: ModelInfoSource,
    locale: str | None,
    *,
    now: datetime,
) -> list[str]:
    """Return what was requested, sent and paid, as texts of at most `MESSAGE_LIMIT` characters."""
    plan = job.plan
    rows = [*_list_settings(job, clips, model_info, locale), *_list_inputs(plan, locale)]
    for clip in clips:
        size = format_mebibytes(clip.size_bytes, locale)
        facts = [f"#{clip.id}", f"{clip.width}×{clip.height}", size]
        # where the bot is not a member, it gets no replies, so only the buttons work
        if job.origin.user_install_reply is None:
            facts += _list_reply_uses(clip, model_info, now, locale)
        rows.append(("details.clip", " · ".join(facts)))
    table = "\n".join(f"**{translate(key, locale)}** {value}" for key, value in rows)
    texts = [table[:MESSAGE_LIMIT], *_format_labeled_text("details.prompt", plan.prompt, locale)]
    if plan.negative_prompt:
        texts += _format_labeled_text("details.negative_prompt", plan.negative_prompt, locale)
    return texts + _join_short(
        text
        for addition in describe_additions(plan)
        for text in _format_labeled_text(f"details.written.{addition.kind}", addition.text, locale)
    )


def _list_reply_uses(
    clip: Clip, model_info: ModelInfoSource, now: datetime, locale: str | None
) -> list[str]:
    """Return what a reply can do to the clip, and until when."""
    checks = {"extendable": model_info.is_extendable, "editable": model_info.is_editable}
    ends = {
        key: find_end(is_possible, clip, now)
        for key, is_possible in checks.items()
        if is_possible(clip, now)
    }
    if len(ends) == len(checks) and len(set(ends.values())) == 1:
        ends = {"changeable": ends["editable"]}
    return [
        translate(f"card.{key}", locale)
        if end is None
        else translate(f"card.{key}_until", locale, when=format_timestamp(end, "f"))
        for key, end in ends.items()
    ]


def _list_settings(
    job: Job, clips: Sequence[Clip], model_info: ModelInfoSource, locale: str | None
) -> list[tuple[str, str]]:
    plan = job.plan
    seed = translate("details.random", locale) if plan.seed is None else str(plan.seed)
    rows: list[tuple[str, str]] = [
        ("details.model", f"{model_info.get_display_name(plan.model)} (`{plan.model}`)"),
        ("details.mode", translate(f"mode.{plan.mode}", locale)),
        ("details.aspect_ratio", plan.aspect_ratio),
        ("details.resolution", plan.resolution or translate("details.default", locale)),
        ("details.seconds", translate("seconds", locale, count=plan.result_seconds)),
    ]
    if plan.mode is GenerationMode.EXTENSION or plan.preceding is not None:
        rows.append(("details.added", format_charged_length(plan, locale)))
    if plan.with_cuts:
        rows.append(("details.cuts", translate("details.cuts_allowed", locale)))
    rows += [
        ("details.seed", seed),
        ("details.people", _format_person_generation(plan.person_generation, locale)),
        ("details.price", _format_price(job, clips, locale)),
        ("details.requester", f"<@{job.origin.user_id}>"),
        ("details.asked", format_timestamp(job.created_at, "f")),
    ]
    if plan.videos > 1:
        rows.append(("details.videos", str(plan.videos)))
    return rows


def _list_inputs(plan: VideoPlan, locale: str | None) -> list[tuple[str, str]]:
    rows = [
        (key, f"{image.width}×{image.height}")
        for key, image in (
            ("details.first_frame", plan.image),
            ("details.last_frame", plan.last_frame),
            *(("details.reference", reference) for reference in plan.references),
        )
        if image is not None
    ]
    if plan.parent is not None:
        is_edit = plan.mode is GenerationMode.EDIT
        rows.append(("details.edited" if is_edit else "details.source", f"#{plan.parent.clip_id}"))
    return rows


def _format_price(job: Job, clips: Sequence[Clip], locale: str | None) -> str:
    """Return what was paid, and also what was reserved if that was more."""
    paid = compute_price_paid(job, clips=len(clips)) if clips else job.price
    if paid == job.price:
        return format_money(paid, locale)
    return translate(
        "details.price_paid",
        locale,
        paid=format_money(paid, locale),
        reserved=format_money(job.price, locale),
    )


def _format_labeled_text(key: str, text: str, locale: str | None) -> list[str]:
    label = f"**{translate(key, locale)}** "
    first, *rest = split_text(text, MESSAGE_LIMIT - len(label))
    return [label + first, *rest]


def _join_short(texts: Iterable[str]) -> list[str]:
    """Return ``texts`` joined by line breaks into as few messages as possible."""
    joined: list[str] = []
    for text in texts:
        if joined and len(joined[-1]) + 1 + len(text) <= MESSAGE_LIMIT:
            joined[-1] += f"\n{text}"
        else:
            joined.append(text)
    return joined


def _format_person_generation(value: PersonGeneration | None, locale: str | None) -> str:
    """Return the rule for people that was sent to Google, as text and as Google's value."""
    if value is None:
        return translate("details.default", locale)
    return f"{translate(f'people.{_RULE_BY_PERSON_GENERATION[value]}', locale)} (`{value}`)"
