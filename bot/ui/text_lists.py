"""Tables and lists: details of a clip, histories, limits, usage, models. Pure text, no I/O."""

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Final

from bot.domain.billing.limits import LimitRow, Limits, Line, Standing, Subject
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.clips.history_query import Page, Wanted
from bot.domain.errors import Scope
from bot.domain.jobs.job import Job, Outcome
from bot.domain.jobs.request import Mode, PersonGeneration, PersonRule
from bot.domain.stores import UsageRow
from bot.i18n.catalogs import say
from bot.i18n.formatting import (
    MESSAGE_LIMIT,
    excerpt,
    fit,
    jump_link,
    listed,
    mebibytes,
    money,
    pieces,
    readable,
    stamp,
)
from bot.services.admin.model_directory import ModelStanding
from bot.services.jobs.requests import Cancellation
from bot.ui.clip_card import Abilities
from bot.ui.error_messages import amount

_SENT: Final = {
    PersonGeneration.ALLOW_ALL: PersonRule.EVERYONE,
    PersonGeneration.ALLOW_ADULT: PersonRule.ADULTS,
    PersonGeneration.DONT_ALLOW: PersonRule.NOBODY,
}
"""Whom each of Google's values lets be seen."""


def details(job: Job, clips: Sequence[Clip], abilities: Abilities, locale: str | None) -> list[str]:
    """Return everything needed to make a clip again, as lines of at most 1,900 characters."""
    plan = job.plan
    seed = say("details.random", locale) if plan.seed is None else str(plan.seed)
    rows: list[tuple[str, str]] = [
        ("details.model", f"{abilities.title(plan.model)} (`{plan.model}`)"),
        ("details.mode", say(f"mode.{plan.mode}", locale)),
        ("details.aspect_ratio", plan.aspect_ratio),
        ("details.resolution", plan.resolution or say("details.default", locale)),
        ("details.seconds", say("seconds", locale, count=plan.result_seconds)),
        ("details.seed", seed),
        ("details.people", _people(plan.person_generation, locale)),
        ("details.price", money(job.price, locale)),
        ("details.requester", f"<@{job.origin.user_id}>"),
        ("details.asked", stamp(job.created_at, "f")),
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
            f"#{clip.id} · {clip.width}×{clip.height} · {mebibytes(clip.size, locale)}",
        )
        for clip in clips
    ]
    facts = "\n".join(f"**{say(key, locale)}** {value}" for key, value in rows)
    texts = [facts[:MESSAGE_LIMIT], *_labelled("details.prompt", plan.prompt, locale)]
    if plan.negative_prompt:
        texts += _labelled("details.negative_prompt", plan.negative_prompt, locale)
    return texts


def _labelled(key: str, typed: str, locale: str | None) -> list[str]:
    """Return what somebody typed, whole, under its label."""
    label = f"**{say(key, locale)}** "
    first, *rest = pieces(typed, MESSAGE_LIMIT - len(label))
    return [label + first, *rest]


def _people(sent: PersonGeneration | None, locale: str | None) -> str:
    """Return what Google was told about people, in words and as it was sent."""
    if sent is None:
        return say("details.default", locale)
    return f"{say(f'people.{_SENT[sent]}', locale)} (`{sent}`)"


def running(jobs: Sequence[Job], locale: str | None) -> str:
    """Return a member's own jobs that have not ended, one a line."""
    if not jobs:
        return say("jobs.none", locale)
    lines = [
        say(
            "jobs.line",
            locale,
            job=job.id,
            state=say(f"state.{job.state}", locale),
            asked=stamp(job.created_at, "R"),
            prompt=excerpt(job.plan.prompt, 60),
            price=money(job.price, locale),
        )
        for job in jobs
    ]
    return fit([say("jobs.title", locale), *lines])


def history(page: Page, abilities: Abilities, locale: str | None) -> str:
    """Return a page of finished clips, newest first, with links to their messages."""
    looked_for = _looked_for(page.wanted, abilities, locale)
    if not page.clips:
        return say("history.none_found" if looked_for else "history.none", locale)
    lines = [
        say(
            "history.line",
            locale,
            clip=clip.id,
            link=jump_link(clip),
            seconds=say("seconds", locale, count=clip.seconds),
            model=abilities.title(clip.model),
            made=stamp(clip.created_at, "R"),
            prompt=excerpt(clip.prompt, 60),
        )
        for clip in page.clips
    ]
    title = say("history.title", locale)
    return fit([f"{title} · {looked_for}" if looked_for else title, *lines])


def _looked_for(wanted: Wanted, abilities: Abilities, locale: str | None) -> str:
    parts = []
    if wanted.model:
        parts.append(readable(abilities.title(wanted.model)))
    if wanted.words:
        parts.append(f"*{excerpt(wanted.words)}*")
    if wanted.only is not None:
        parts.append(say(f"choice.only.{wanted.only}", locale))
    return " · ".join(parts)


def standing(status: Standing, locale: str | None) -> str:
    """Return how every limit stands: what is used, what is left, when the next part frees."""
    if not status.lines:
        return say("quota.unlimited", locale)
    lines = [say("quota.title", locale)]
    for scope in (Scope.MEMBER, Scope.GUILD, Scope.BOT, Scope.MODEL):
        rows = status.of(scope)
        if rows:
            lines.append(f"**{say(f'quota.scope.{scope}', locale)}**")
            lines += [_standing_line(row, locale) for row in rows]
    return fit(lines)


def left(status: Standing, locale: str | None) -> str:
    """Return in one line what a member has left, empty where nothing limits them."""
    parts = [
        _so_much(row.limit, row.left, locale)
        for row in status.of(Scope.MEMBER)
        if row.limit != "jobs_at_once"
    ]
    return say("quota.left", locale, parts=" · ".join(parts)) if parts else ""


def limit_rows(rows: Sequence[LimitRow], locale: str | None) -> str:
    """Return the limits that a server has set, one subject a line."""
    if not rows:
        return say("server.quota.none", locale)
    order = list(Subject)
    lines = [say("server.quota.title", locale)]
    for row in sorted(rows, key=lambda each: (order.index(each.subject), each.subject_id)):
        whom = {
            Subject.MEMBER: f"<@{row.subject_id}>",
            Subject.ROLE: f"<@&{row.subject_id}>",
            Subject.DEFAULT: say("server.quota.default", locale),
            Subject.GUILD: say("server.quota.guild", locale),
        }[row.subject]
        lines.append(f"{whom}: {limits(row.limits, locale)}")
    return fit(lines)


def limits(given: Limits, locale: str | None) -> str:
    """Return the limits that are set, in one line."""
    parts = [_so_much(name, value, locale) for name, value in given if value is not None]
    return " · ".join(parts) or say("server.quota.nothing_set", locale)


def usage(rows: Sequence[UsageRow], days: int, locale: str | None) -> str:
    """Return who has used how much, the dearest first."""
    if not rows:
        return say("usage.none", locale, count=days)
    total = sum(row.micros for row in rows)
    lines = [say("usage.title", locale, count=days, total=money(Micros(total), locale))]
    lines += [
        say(
            "usage.line",
            locale,
            member=f"<@{row.user_id}>" if row.user_id > 0 else say("usage.former", locale),
            clips=say("clips", locale, count=row.clips),
            seconds=say("seconds", locale, count=row.seconds),
            price=money(row.micros, locale),
        )
        for row in rows
    ]
    return fit(lines)


def usage_csv(rows: Iterable[UsageRow]) -> bytes:
    """Return the usage as a CSV file in UTF-8; ids and numbers only, so nothing to escape."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(["user_id", "clips", "seconds", "usd_micros"])
    writer.writerows([row.user_id, row.clips, row.seconds, row.micros] for row in rows)
    return text.getvalue().encode()


def unknown(jobs: Sequence[Job], locale: str | None) -> str:
    """Return the jobs that may have been paid, for an admin to judge."""
    if not jobs:
        return say("unknown.none", locale)
    lines = [
        say(
            "unknown.watched" if job.outcome is Outcome.OPERATION_LOST else "unknown.line",
            locale,
            job=job.id,
            member=(
                f"<@{job.origin.user_id}>"
                if job.origin.user_id > 0
                else say("usage.former", locale)
            ),
            price=money(job.price, locale),
            asked=stamp(job.created_at, "f"),
            until=stamp(job.watched_until, "f"),
        )
        for job in jobs
    ]
    return fit([say("unknown.title", locale), *lines])


def cancellation(outcome: Cancellation, job_id: int, locale: str | None) -> str:
    """Return what became of a wish to cancel."""
    return say(f"cancel.{outcome}", locale, job=job_id)


def models_overview(overview: Sequence[ModelStanding], locale: str | None) -> list[str]:
    """Return every model with its abilities and prices, as messages; why not, where not."""
    if not overview:
        return [say("models.none", locale)]
    blocks = ["\n".join(_model_lines(each, locale)) for each in overview]
    texts, current = [], say("models.title", locale)
    for block in blocks:
        if len(current) + len(block) + 1 > MESSAGE_LIMIT:
            texts.append(current)
            current = block
        else:
            current = f"{current}\n{block}"
    return [*texts, current]


def _model_lines(standing: ModelStanding, locale: str | None) -> list[str]:
    model = standing.model
    modes = listed((say(f"with.{mode}", locale) for mode in Mode if mode in model.modes), locale)
    prices = " / ".join(
        f"{resolution} {money(price, locale)}" for resolution, price in model.prices.items()
    )
    lines = [
        say(
            "models.line",
            locale,
            mark="✓" if standing.offered else "✗",
            name=model.name,
            id=model.id,
            modes=modes,
            lengths=listed(map(str, model.lengths), locale),
            prices=prices,
        )
    ]
    if not standing.configured:
        lines.append(say("models.not_configured", locale))
    elif not standing.offered:
        reason = standing.reason
        lines.append(
            say("models.refused", locale)
            if reason is None
            else say("models.reason", locale, reason=readable(reason))
        )
    if model.retires is not None:
        lines.append(say("models.retires", locale, date=model.retires.isoformat()))
    return lines


def _so_much(limit: str, value: int, locale: str | None) -> str:
    """Return an amount with what it is of: "20 clips a day"."""
    return say(
        "quota.left_part",
        locale,
        left=amount(limit, value, locale),
        limit=say(f"limit.{limit}", locale, count=value),
    )


def _standing_line(row: Line, locale: str | None) -> str:
    text = say(
        "quota.line",
        locale,
        limit=say(f"limit.{row.limit}", locale, count=row.allowed),
        used=amount(row.limit, row.used, locale),
        allowed=amount(row.limit, row.allowed, locale),
        left=amount(row.limit, row.left, locale),
    )
    if row.frees_at is not None:
        text += " " + say("quota.frees", locale, when=stamp(row.frees_at, "R"))
    return text
