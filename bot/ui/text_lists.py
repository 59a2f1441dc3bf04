"""Lists as text: running jobs, clips, limits, usage, unknown jobs."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from io import StringIO
from typing import Final

from bot.domain.billing.ledger import UsageRow
from bot.domain.billing.limits import LimitRow, LimitSubject, QuotaLine, QuotaStatus, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.clips.history_query import HistoryFilter, HistoryPage
from bot.domain.errors import LimitScope
from bot.domain.jobs.job import Job, Outcome
from bot.domain.jobs.request import GenerationMode
from bot.domain.moderation.question import ModeratorQuestion
from bot.i18n.catalogs import translate
from bot.i18n.formatting import (
    build_jump_link,
    format_clip_number,
    format_excerpt,
    format_labeled,
    format_money,
    format_timestamp,
    join_fitting_lines,
    sanitize_text,
)
from bot.ui.error_messages import format_limit_amount
from bot.ui.lineage import get_edge_mark
from bot.ui.model_info import ModelInfoSource

_MADE_FROM: Final = {
    GenerationMode.EDIT: "card.edit",
    GenerationMode.CONTINUATION: "card.continuation",
    GenerationMode.IMAGE: "card.not_joined",
    GenerationMode.FRAMES: "card.not_joined",
}
"""How a clip was made from another, if it does not extend it."""


def format_running_jobs(
    jobs: Sequence[Job], questions: Sequence[ModeratorQuestion], locale: str | None
) -> str:
    """Return a member's jobs, and their requests that wait for a moderator."""
    job_lines = [
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
    question_lines = [
        translate(
            "jobs.request",
            locale,
            request=question.id,
            until=format_timestamp(question.expires_at, "R"),
            prompt=format_excerpt(question.plan.prompt, 60),
            price=format_money(question.plan.price, locale),
        )
        for question in questions
    ]
    # first the requests: at most some wait in each server, and a long list of jobs is cut
    lines = [translate("jobs.requests", locale), *question_lines] if questions else []
    lines += [translate("jobs.title", locale), *job_lines] if jobs else []
    return join_fitting_lines(lines) if lines else translate("jobs.none", locale)


def format_history(page: HistoryPage, model_info: ModelInfoSource, locale: str | None) -> str:
    """Return a page of clips, newest first, with links to their messages."""
    filter_text = _format_history_filter(page.history_filter, model_info, locale)
    if not page.clips:
        if not filter_text:
            return translate("history.none", locale)
        key = "history.none_found" if page.older is None else "history.none_so_far"
        return translate(key, locale)
    lines = [_format_history_line(clip, model_info, locale) for clip in page.clips]
    title = translate("history.title", locale)
    return join_fitting_lines([f"{title} · {filter_text}" if filter_text else title, *lines])


def _format_history_line(clip: Clip, model_info: ModelInfoSource, locale: str | None) -> str:
    number = format_clip_number(clip.id, build_jump_link(clip))
    if clip.parent_clip_id is not None:
        made_from = _MADE_FROM.get(clip.mode, "card.extension")
        edge = translate(made_from, locale, parent=f"#{clip.parent_clip_id}")
        number = f"{number} {get_edge_mark(clip)} {edge} ·"
    return translate(
        "history.line",
        locale,
        clip=number,
        seconds=translate("seconds", locale, count=clip.seconds),
        model=model_info.get_display_name(clip.model),
        made=format_timestamp(clip.created_at, "R"),
        prompt=format_excerpt(clip.prompt, 60),
    )


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


def list_quota_sections(status: QuotaStatus, locale: str | None) -> list[str]:
    """Return a member's limits: what is used, what is left and when more becomes available.

    There is one text for each kind of limit. Those of the whole bot are left out, because they
    only concern the operator.
    """
    sections = []
    scopes = (LimitScope.MEMBER, LimitScope.EVERYWHERE, LimitScope.GUILD, LimitScope.MODEL)
    for scope in scopes:
        quota_lines = status.lines_for(scope)
        if quota_lines:
            lines = [f"**{translate(f'quota.scope.{scope}', locale)}**"]
            lines += [_format_quota_line(line, locale) for line in quota_lines]
            sections.append("\n".join(lines))
    if not sections:
        return [translate("quota.unlimited", locale)]
    return [f"{translate('quota.title', locale)}\n{sections[0]}", *sections[1:]]


def format_remaining_quota(status: QuotaStatus, locale: str | None) -> str:
    """Return what is left of clips, seconds and money, by the narrowest limit of each."""
    parts = [
        _format_limit_part(line.limit, line.remaining, locale)
        for line in status.find_least_remaining()
    ]
    return translate("quota.left", locale, parts=" · ".join(parts)) if parts else ""


def format_limit_rows(rows: Sequence[LimitRow], locale: str | None, *, ceiling: UsageLimits) -> str:
    """Return the limits that a server has set, one subject per line, and the operator's limit."""
    order = list(LimitSubject)
    lines = [translate("server.quota.title" if rows else "server.quota.none", locale)]
    for row in sorted(rows, key=lambda row: (order.index(row.subject), row.subject_id)):
        subject = {
            LimitSubject.MEMBER: f"<@{row.subject_id}>",
            LimitSubject.ROLE: f"<@&{row.subject_id}>",
            LimitSubject.DEFAULT: translate("server.quota.default", locale),
            LimitSubject.GUILD: translate("server.quota.guild", locale),
        }[row.subject]
        lines.append(format_labeled(subject, format_limits(row.limits, locale), locale))
    if any(value is not None for _, value in ceiling):
        ceiling_text = format_limits(ceiling, locale)
        lines.append(translate("server.budget.ceiling", locale, limits=ceiling_text))
    return join_fitting_lines(lines)


def format_limits(limits: UsageLimits, locale: str | None) -> str:
    parts = [_format_limit_part(name, value, locale) for name, value in limits if value is not None]
    return " · ".join(parts) or translate("server.quota.nothing_set", locale)


def format_usage(rows: Sequence[UsageRow], days: int, locale: str | None) -> str:
    """Return what each member has used. ``rows`` are sorted by cost, highest first."""
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
    """Return the usage as a CSV file for spreadsheets.

    It begins with a byte order mark, by which spreadsheets recognize UTF-8. Ids are written as
    mentions, which are text. Spreadsheets round numbers of 19 digits.
    """
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(["member", "member_id", "clips", "seconds", "usd"])
    for row in rows:
        is_known = row.user_id is not None and row.user_id > 0
        name = names.get(row.user_id or 0, "?") if is_known else translate("usage.former", locale)
        member_id = f"<@{row.user_id}>" if is_known else ""
        usd = Decimal(row.micros) / 1_000_000
        amount = f"{usd:.2f}" if row.micros % 10_000 == 0 else f"{usd:f}"
        writer.writerow([_quote_formula(name), member_id, row.clips, row.seconds, amount])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _quote_formula(text: str) -> str:
    """Return ``text`` in a form that no spreadsheet reads as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def format_unknown_jobs(jobs: Sequence[Job], locale: str | None) -> str:
    """Return the unknown jobs that an admin can settle."""
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


def _format_limit_part(limit: str, value: int, locale: str | None) -> str:
    return translate(
        "quota.left_part",
        locale,
        left=format_limit_amount(limit, value, locale),
        limit=translate(f"limit.{limit}", locale, count=value),
    )


def _mention_member(user_id: int | None, locale: str | None) -> str:
    """Return a mention, or a text for erased members, who have a pseudonym (negative) or no id."""
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
