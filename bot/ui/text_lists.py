"""Lists as text: details of a clip, histories, limits, usage, unknown jobs, models."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from io import StringIO
from typing import Final

from bot.domain.billing.charges import compute_price_paid
from bot.domain.billing.ledger import UsageRow
from bot.domain.billing.limits import LimitRow, LimitSubject, QuotaLine, QuotaStatus, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.clips.history_query import HistoryFilter, HistoryPage
from bot.domain.errors import LimitScope
from bot.domain.jobs.job import Job, Outcome
from bot.domain.jobs.request import GenerationMode, PersonGeneration, PersonRule
from bot.i18n.catalogs import translate
from bot.i18n.formatting import (
    MESSAGE_LIMIT,
    build_jump_link,
    format_clip_number,
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
from bot.ui.error_messages import format_limit_amount
from bot.ui.model_info import ModelInfoSource

_RULE_BY_PERSON_GENERATION: Final = {
    PersonGeneration.ALLOW_ALL: PersonRule.EVERYONE,
    PersonGeneration.ALLOW_ADULT: PersonRule.ADULTS,
    PersonGeneration.DONT_ALLOW: PersonRule.NOBODY,
}
"""The person rule that matches each of Google's values."""


def format_job_details(
    job: Job, clips: Sequence[Clip], model_info: ModelInfoSource, locale: str | None
) -> list[str]:
    """Return everything needed to make a clip again, as texts of at most `MESSAGE_LIMIT`."""
    plan = job.plan
    seed = translate("details.random", locale) if plan.seed is None else str(plan.seed)
    rows: list[tuple[str, str]] = [
        ("details.model", f"{model_info.get_display_name(plan.model)} (`{plan.model}`)"),
        ("details.mode", translate(f"mode.{plan.mode}", locale)),
        ("details.aspect_ratio", plan.aspect_ratio),
        ("details.resolution", plan.resolution or translate("details.default", locale)),
        ("details.seconds", translate("seconds", locale, count=plan.result_seconds)),
        ("details.seed", seed),
        ("details.people", _format_person_generation(plan.person_generation, locale)),
        ("details.price", format_money(_find_price(job, clips), locale)),
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
            *(("details.reference", reference) for reference in plan.references),
        )
        if image is not None
    ]
    if plan.source is not None:
        rows.append(("details.source", f"#{plan.source.clip_id}"))
    for clip in clips:
        size = format_mebibytes(clip.size_bytes, locale)
        rows.append(("details.clip", f"#{clip.id} · {clip.width}×{clip.height} · {size}"))
    facts = "\n".join(f"**{translate(key, locale)}** {value}" for key, value in rows)
    texts = [facts[:MESSAGE_LIMIT], *_format_labelled_text("details.prompt", plan.prompt, locale)]
    if plan.negative_prompt:
        texts += _format_labelled_text("details.negative_prompt", plan.negative_prompt, locale)
    return texts


def _find_price(job: Job, clips: Sequence[Clip]) -> Micros:
    """Return what the clips cost, or without any what the job reserved."""
    return compute_price_paid(job, clips=len(clips)) if clips else job.price


def _format_labelled_text(key: str, text: str, locale: str | None) -> list[str]:
    label = f"**{translate(key, locale)}** "
    first, *rest = split_text(text, MESSAGE_LIMIT - len(label))
    return [label + first, *rest]


def _format_person_generation(value: PersonGeneration | None, locale: str | None) -> str:
    """Return what was sent to Google about people: translated, and the value itself."""
    if value is None:
        return translate("details.default", locale)
    return f"{translate(f'people.{_RULE_BY_PERSON_GENERATION[value]}', locale)} (`{value}`)"


def format_running_jobs(jobs: Sequence[Job], locale: str | None) -> str:
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
    """Return a page of clips, newest first, with links to their messages."""
    filter_text = _format_history_filter(page.history_filter, model_info, locale)
    if not page.clips:
        return translate("history.none_found" if filter_text else "history.none", locale)
    lines = [
        translate(
            "history.line",
            locale,
            clip=format_clip_number(clip.id, build_jump_link(clip)),
            seconds=translate("seconds", locale, count=clip.seconds),
            model=model_info.get_display_name(clip.model),
            made=format_timestamp(clip.created_at, "R"),
            prompt=format_excerpt(clip.prompt, 60),
        )
        for clip in page.clips
    ]
    title = translate("history.title", locale)
    return join_fitting_lines([f"{title} · {filter_text}" if filter_text else title, *lines])


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
    """Return a member's limits: what is used, what is left and when more becomes available.

    The limits of the whole bot are the operator's business and are left out.
    """
    lines = [translate("quota.title", locale)]
    shown = (LimitScope.MEMBER, LimitScope.EVERYWHERE, LimitScope.GUILD, LimitScope.MODEL)
    for scope in shown:
        quota_lines = status.lines_for(scope)
        if quota_lines:
            lines.append(f"**{translate(f'quota.scope.{scope}', locale)}**")
            lines += [_format_quota_line(line, locale) for line in quota_lines]
    return translate("quota.unlimited", locale) if len(lines) == 1 else join_fitting_lines(lines)


def format_remaining_quota(status: QuotaStatus, locale: str | None) -> str:
    """Return the least that is left of clips, seconds and money: a member's, server's or bot's."""
    parts = [
        _format_limit_part(line.limit, line.remaining, locale)
        for line in status.find_least_remaining()
    ]
    return translate("quota.left", locale, parts=" · ".join(parts)) if parts else ""


def format_limit_rows(rows: Sequence[LimitRow], locale: str | None, *, ceiling: UsageLimits) -> str:
    """Return the limits that a server has set, one subject per line, and the operator's."""
    order = list(LimitSubject)
    lines = [translate("server.quota.title" if rows else "server.quota.none", locale)]
    for row in sorted(rows, key=lambda row: (order.index(row.subject), row.subject_id)):
        subject = {
            LimitSubject.MEMBER: f"<@{row.subject_id}>",
            LimitSubject.ROLE: f"<@&{row.subject_id}>",
            LimitSubject.DEFAULT: translate("server.quota.default", locale),
            LimitSubject.GUILD: translate("server.quota.guild", locale),
        }[row.subject]
        lines.append(f"{subject}: {format_limits(row.limits, locale)}")
    if any(value is not None for _, value in ceiling):
        shown = format_limits(ceiling, locale)
        lines.append(translate("server.budget.ceiling", locale, limits=shown))
    return join_fitting_lines(lines)


def format_limits(limits: UsageLimits, locale: str | None) -> str:
    parts = [_format_limit_part(name, value, locale) for name, value in limits if value is not None]
    return " · ".join(parts) or translate("server.quota.nothing_set", locale)


def format_usage(rows: Sequence[UsageRow], days: int, locale: str | None) -> str:
    """Return what each member has used; ``rows`` are sorted by the highest cost."""
    if not rows:
        return translate("usage.none", locale, count=days)
    total = format_money(Micros(sum(row.micros for row in rows)), locale)
    lines = [translate("usage.title", locale, count=days, total=total)]
    lines += [
        translate(
            "usage.line",
            locale,
            member=_mention_member(row.user_id, locale),
            clips=translate("clips", locale, count=row.clips),
            seconds=translate("seconds", locale, count=row.seconds),
            price=format_money(row.micros, locale),
        )
        for row in rows
    ]
    return join_fitting_lines(lines)


def build_usage_csv(
    rows: Iterable[UsageRow], names: Mapping[int, str], locale: str | None
) -> bytes:
    """Return the usage as a CSV file that a spreadsheet opens as it is.

    It begins with the mark by which spreadsheets know UTF-8. An id is written as a mention, which
    is text: of a bare number of 19 digits they would round the last four.
    """
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(["member", "member_id", "clips", "seconds", "usd"])
    for row in rows:
        is_known = row.user_id is not None and row.user_id > 0
        name = names.get(row.user_id or 0, "?") if is_known else translate("usage.former", locale)
        member_id = f"<@{row.user_id}>" if is_known else ""
        usd = Decimal(row.micros) / 1_000_000
        shown = f"{usd:.2f}" if row.micros % 10_000 == 0 else f"{usd:f}"
        writer.writerow([_quote_formula(name), member_id, row.clips, row.seconds, shown])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _quote_formula(text: str) -> str:
    """Return ``text`` so that no spreadsheet takes a member's name for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def format_unknown_jobs(jobs: Sequence[Job], locale: str | None) -> str:
    """Return the jobs whose outcome is unknown, for an admin to settle."""
    if not jobs:
        return translate("unknown.none", locale)
    lines = [
        translate(
            "unknown.watched" if job.outcome is Outcome.OPERATION_LOST else "unknown.line",
            locale,
            job=job.id,
            member=_mention_member(job.origin.user_id, locale),
            price=format_money(job.price, locale),
            asked=format_timestamp(job.created_at, "f"),
            until=format_timestamp(job.watched_until, "f"),
        )
        for job in jobs
    ]
    return join_fitting_lines([translate("unknown.title", locale), *lines])


def format_models_overview(overview: Sequence[ModelOfferStatus], locale: str | None) -> list[str]:
    """Return every model with modes, lengths and prices, or why it is unavailable, as messages."""
    if not overview:
        return [translate("models.none", locale)]
    blocks = ["\n".join(_format_model_lines(status, locale)) for status in overview]
    texts, current = [], translate("models.title", locale)
    for block in blocks:
        if len(current) + len(block) + 1 > MESSAGE_LIMIT:
            texts.append(current)
            current = block
        else:
            current = f"{current}\n{block}"
    return [*texts, current]


def _format_model_lines(status: ModelOfferStatus, locale: str | None) -> list[str]:
    model = status.model
    modes = (translate(f"with.{mode}", locale) for mode in GenerationMode if mode in model.modes)
    prices = " / ".join(
        f"{resolution} {format_money(price, locale)}" for resolution, price in model.prices.items()
    )
    lines = [
        translate(
            "models.line",
            locale,
            mark="✓" if status.offered else "✗",
            name=model.name,
            id=model.id,
            modes=join_list(modes, locale),
            lengths=join_list(map(str, model.lengths), locale),
            prices=prices,
        )
    ]
    if not status.configured:
        lines.append(translate("models.not_configured", locale))
    elif status.is_past_end:
        lines.append(_describe_passed_end(status, locale))
    elif not status.offered and status.reason is None:
        lines.append(translate("models.refused", locale))
    elif not status.offered:
        lines.append(translate("models.reason", locale, reason=sanitize_text(status.reason or "")))
    if model.retires is not None and not status.is_past_end:
        lines.append(translate("models.retires", locale, date=model.retires.isoformat()))
    return lines


def _describe_passed_end(status: ModelOfferStatus, locale: str | None) -> str:
    date = str(status.model.retires)
    if status.is_unconfirmed:
        return translate("models.unconfirmed", locale, date=date)
    if status.replacement is None:
        return translate("models.retired", locale, date=date)
    return translate("models.replaced", locale, date=date, replacement=status.replacement)


def _format_limit_part(limit: str, value: int, locale: str | None) -> str:
    return translate(
        "quota.left_part",
        locale,
        left=format_limit_amount(limit, value, locale),
        limit=translate(f"limit.{limit}", locale, count=value),
    )


def _mention_member(user_id: int | None, locale: str | None) -> str:
    """Return a mention; erased members have a negative pseudonym, or no id."""
    if user_id is None or user_id <= 0:
        return translate("usage.former", locale)
    return f"<@{user_id}>"


def _format_quota_line(line: QuotaLine, locale: str | None) -> str:
    text = translate(
        "quota.line",
        locale,
        limit=translate(f"quota.name.{line.limit}", locale),
        used=format_limit_amount(line.limit, line.used, locale),
        allowed=format_limit_amount(line.limit, line.allowed, locale),
        left=format_limit_amount(line.limit, line.remaining, locale),
    )
    if line.frees_at is not None:
        text += " " + translate("quota.frees", locale, when=format_timestamp(line.frees_at, "R"))
    return text
