"""Tables and lists: details of a clip, histories, limits, usage, models. Pure text, no I/O."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Final

from bot.domain.billing.limits import LimitRow, LimitSubject, QuotaLine, QuotaStatus, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.clips.history_query import HistoryFilter, HistoryPage
from bot.domain.errors import LimitScope
from bot.domain.jobs.job import Job, Outcome
from bot.domain.jobs.request import GenerationMode, PersonGeneration, PersonRule
from bot.domain.stores import UsageRow
from bot.i18n.catalogs import translate
from bot.i18n.formatting import (
    MESSAGE_LIMIT,
    build_jump_link,
    format_excerpt,
    format_mebibytes,
    format_money,
    format_timestamp,
    join_fitting_lines,
    join_list,
    sanitize_text,
    split_text,
)
from bot.services.admin.model_directory import ModelOfferStatus
from bot.services.jobs.requests import CancellationResult
from bot.ui.clip_card import ModelInfoSource
from bot.ui.error_messages import format_limit_amount

_RULE_BY_PERSON_GENERATION: Final = {
    PersonGeneration.ALLOW_ALL: PersonRule.EVERYONE,
    PersonGeneration.ALLOW_ADULT: PersonRule.ADULTS,
    PersonGeneration.DONT_ALLOW: PersonRule.NOBODY,
}
"""Whom each of Google's values lets be seen."""


def format_job_details(
    job: Job, clips: Sequence[Clip], model_info: ModelInfoSource, locale: str | None
) -> list[str]:
    """Return everything needed to make a clip again, as lines of at most 1,900 characters."""
    plan = job.plan
    seed = translate("details.random", locale) if plan.seed is None else str(plan.seed)
    rows: list[tuple[str, str]] = [
        ("details.model", f"{model_info.get_display_name(plan.model)} (`{plan.model}`)"),
        ("details.mode", translate(f"mode.{plan.mode}", locale)),
        ("details.aspect_ratio", plan.aspect_ratio),
        ("details.resolution", plan.resolution or translate("details.default", locale)),
        ("details.seconds", translate("seconds", locale, count=plan.result_seconds)),
        ("details.seed", seed),
        ("details.people", _format_people(plan.person_generation, locale)),
        ("details.price", format_money(job.price, locale)),
        ("details.requester", f"<@{job.origin.user_id}>"),
        ("details.asked", format_timestamp(job.created_at, "f")),
    ]
    if plan.videos > 1:
        rows.append(("details.videos", str(plan.videos)))
    rows += [
        (key, f"{image.width}×{image.height}")
        for key, image in (
            ("details.first_frame", plan.image),
            ("details.last_frame", plan.last_frame),
            *(("details.reference", each) for each in plan.references),
        )
        if image is not None
    ]
    if plan.source is not None:
        rows.append(("details.source", f"#{plan.source.clip_id}"))
    rows += [
        (
            "details.clip",
            f"#{clip.id} · {clip.width}×{clip.height} · {format_mebibytes(clip.size, locale)}",
        )
        for clip in clips
    ]
    facts = "\n".join(f"**{translate(key, locale)}** {value}" for key, value in rows)
    texts = [facts[:MESSAGE_LIMIT], *_format_labelled_text("details.prompt", plan.prompt, locale)]
    if plan.negative_prompt:
        texts += _format_labelled_text("details.negative_prompt", plan.negative_prompt, locale)
    return texts


def _format_labelled_text(key: str, typed: str, locale: str | None) -> list[str]:
    """Return what somebody typed, whole, under its label."""
    label = f"**{translate(key, locale)}** "
    first, *rest = split_text(typed, MESSAGE_LIMIT - len(label))
    return [label + first, *rest]


def _format_people(sent: PersonGeneration | None, locale: str | None) -> str:
    """Return what Google was told about people, in words and as it was sent."""
    if sent is None:
        return translate("details.default", locale)
    return f"{translate(f'people.{_RULE_BY_PERSON_GENERATION[sent]}', locale)} (`{sent}`)"


def format_running_jobs(jobs: Sequence[Job], locale: str | None) -> str:
    """Return a member's own jobs that have not ended, one a line."""
    if not jobs:
        return translate("jobs.none", locale)
    lines = [
        translate(
            "jobs.line",
            locale,
            job=job.id,
            state=translate(f"state.{job.state}", locale),
            asked=format_timestamp(job.created_at, "R"),
            prompt=format_excerpt(job.plan.prompt, 60),
            price=format_money(job.price, locale),
        )
        for job in jobs
    ]
    return join_fitting_lines([translate("jobs.title", locale), *lines])


def format_history(page: HistoryPage, model_info: ModelInfoSource, locale: str | None) -> str:
    """Return a page of finished clips, newest first, with links to their messages."""
    looked_for = _format_history_filter(page.history_filter, model_info, locale)
    if not page.clips:
        return translate("history.none_found" if looked_for else "history.none", locale)
    lines = [
        translate(
            "history.line",
            locale,
            clip=clip.id,
            link=build_jump_link(clip),
            seconds=translate("seconds", locale, count=clip.seconds),
            model=model_info.get_display_name(clip.model),
            made=format_timestamp(clip.created_at, "R"),
            prompt=format_excerpt(clip.prompt, 60),
        )
        for clip in page.clips
    ]
    title = translate("history.title", locale)
    return join_fitting_lines([f"{title} · {looked_for}" if looked_for else title, *lines])


def _format_history_filter(
    history_filter: HistoryFilter, model_info: ModelInfoSource, locale: str | None
) -> str:
    parts = []
    if history_filter.model:
        parts.append(sanitize_text(model_info.get_display_name(history_filter.model)))
    if history_filter.search_text:
        parts.append(f"*{format_excerpt(history_filter.search_text)}*")
    if history_filter.kind is not None:
        parts.append(translate(f"choice.only.{history_filter.kind}", locale))
    return " · ".join(parts)


def format_quota_lines(status: QuotaStatus, locale: str | None) -> str:
    """Return how every limit stands: what is used, what is left, when the next part frees."""
    if not status.lines:
        return translate("quota.unlimited", locale)
    lines = [translate("quota.title", locale)]
    for scope in (LimitScope.MEMBER, LimitScope.GUILD, LimitScope.BOT, LimitScope.MODEL):
        rows = status.lines_for(scope)
        if rows:
            lines.append(f"**{translate(f'quota.scope.{scope}', locale)}**")
            lines += [_format_quota_line(row, locale) for row in rows]
    return join_fitting_lines(lines)


def format_remaining_quota(status: QuotaStatus, locale: str | None) -> str:
    """Return in one line what a member has left, empty where nothing limits them."""
    parts = [
        _format_limit_part(row.limit, row.remaining, locale)
        for row in status.lines_for(LimitScope.MEMBER)
        if row.limit != "jobs_at_once"
    ]
    return translate("quota.left", locale, parts=" · ".join(parts)) if parts else ""


def format_limit_rows(rows: Sequence[LimitRow], locale: str | None) -> str:
    """Return the limits that a server has set, one subject a line."""
    if not rows:
        return translate("server.quota.none", locale)
    order = list(LimitSubject)
    lines = [translate("server.quota.title", locale)]
    for row in sorted(rows, key=lambda each: (order.index(each.subject), each.subject_id)):
        whom = {
            LimitSubject.MEMBER: f"<@{row.subject_id}>",
            LimitSubject.ROLE: f"<@&{row.subject_id}>",
            LimitSubject.DEFAULT: translate("server.quota.default", locale),
            LimitSubject.GUILD: translate("server.quota.guild", locale),
        }[row.subject]
        lines.append(f"{whom}: {format_limits(row.limits, locale)}")
    return join_fitting_lines(lines)


def format_limits(limits: UsageLimits, locale: str | None) -> str:
    """Return the limits that are set, in one line."""
    parts = [_format_limit_part(name, value, locale) for name, value in limits if value is not None]
    return " · ".join(parts) or translate("server.quota.nothing_set", locale)


def format_usage(rows: Sequence[UsageRow], days: int, locale: str | None) -> str:
    """Return who has used how much, the dearest first."""
    if not rows:
        return translate("usage.none", locale, count=days)
    total = sum(row.micros for row in rows)
    lines = [
        translate("usage.title", locale, count=days, total=format_money(Micros(total), locale))
    ]
    lines += [
        translate(
            "usage.line",
            locale,
            member=f"<@{row.user_id}>" if row.user_id > 0 else translate("usage.former", locale),
            clips=translate("clips", locale, count=row.clips),
            seconds=translate("seconds", locale, count=row.seconds),
            price=format_money(row.micros, locale),
        )
        for row in rows
    ]
    return join_fitting_lines(lines)


def build_usage_csv(rows: Iterable[UsageRow]) -> bytes:
    """Return the usage as a CSV file in UTF-8; ids and numbers only, so nothing to escape."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(["user_id", "clips", "seconds", "usd_micros"])
    writer.writerows([row.user_id, row.clips, row.seconds, row.micros] for row in rows)
    return text.getvalue().encode()


def format_unknown_jobs(jobs: Sequence[Job], locale: str | None) -> str:
    """Return the jobs that may have been paid, for an admin to judge."""
    if not jobs:
        return translate("unknown.none", locale)
    lines = [
        translate(
            "unknown.watched" if job.outcome is Outcome.OPERATION_LOST else "unknown.line",
            locale,
            job=job.id,
            member=(
                f"<@{job.origin.user_id}>"
                if job.origin.user_id > 0
                else translate("usage.former", locale)
            ),
            price=format_money(job.price, locale),
            asked=format_timestamp(job.created_at, "f"),
            until=format_timestamp(job.watched_until, "f"),
        )
        for job in jobs
    ]
    return join_fitting_lines([translate("unknown.title", locale), *lines])


def format_cancellation(outcome: CancellationResult, job_id: int, locale: str | None) -> str:
    """Return what became of a wish to cancel."""
    return translate(f"cancel.{outcome}", locale, job=job_id)


def format_models_overview(overview: Sequence[ModelOfferStatus], locale: str | None) -> list[str]:
    """Return every model with its abilities and prices, as messages; why not, where not."""
    if not overview:
        return [translate("models.none", locale)]
    blocks = ["\n".join(_format_model_lines(each, locale)) for each in overview]
    texts, current = [], translate("models.title", locale)
    for block in blocks:
        if len(current) + len(block) + 1 > MESSAGE_LIMIT:
            texts.append(current)
            current = block
        else:
            current = f"{current}\n{block}"
    return [*texts, current]


def _format_model_lines(standing: ModelOfferStatus, locale: str | None) -> list[str]:
    model = standing.model
    modes = join_list(
        (translate(f"with.{mode}", locale) for mode in GenerationMode if mode in model.modes),
        locale,
    )
    prices = " / ".join(
        f"{resolution} {format_money(price, locale)}" for resolution, price in model.prices.items()
    )
    lines = [
        translate(
            "models.line",
            locale,
            mark="✓" if standing.offered else "✗",
            name=model.name,
            id=model.id,
            modes=modes,
            lengths=join_list(map(str, model.lengths), locale),
            prices=prices,
        )
    ]
    if not standing.configured:
        lines.append(translate("models.not_configured", locale))
    elif not standing.offered:
        reason = standing.reason
        lines.append(
            translate("models.refused", locale)
            if reason is None
            else translate("models.reason", locale, reason=sanitize_text(reason))
        )
    if model.retires is not None:
        lines.append(translate("models.retires", locale, date=model.retires.isoformat()))
    return lines


def _format_limit_part(limit: str, value: int, locale: str | None) -> str:
    """Return an amount with what it is of: "20 clips a day"."""
    return translate(
        "quota.left_part",
        locale,
        left=format_limit_amount(limit, value, locale),
        limit=translate(f"limit.{limit}", locale, count=value),
    )


def _format_quota_line(row: QuotaLine, locale: str | None) -> str:
    text = translate(
        "quota.line",
        locale,
        limit=translate(f"limit.{row.limit}", locale, count=row.allowed),
        used=format_limit_amount(row.limit, row.used, locale),
        allowed=format_limit_amount(row.limit, row.allowed, locale),
        left=format_limit_amount(row.limit, row.remaining, locale),
    )
    if row.frees_at is not None:
        text += " " + translate("quota.frees", locale, when=format_timestamp(row.frees_at, "R"))
    return text
