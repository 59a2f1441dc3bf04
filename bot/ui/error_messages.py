"""The one map from what went wrong to what a person reads: plain words, and what can be done.

Nothing else words a failure. A reply never carries a stack trace, an address or a key: texts come
from the catalogue, numbers and names from the error's own fields, and the only foreign words are
Google's stated reasons, cleaned by `safe_detail`.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import singledispatch
from typing import Final

import discord

from bot.domain.billing.money import Micros
from bot.domain.disclosure import redact_account_details
from bot.domain.errors import (
    AlreadyAccepted,
    ChannelNotAllowed,
    ChannelUnavailable,
    ClapperError,
    DatabaseUnavailable,
    DiscordUnavailable,
    FileTooLarge,
    ImageRefused,
    LimitReached,
    MissingPermissions,
    NotAllowed,
    PersonPolicyUnsatisfiable,
    RecordNotFound,
    RequestsPaused,
    RuleBroken,
)
from bot.domain.jobs.job import Job, Outcome
from bot.i18n.catalogs import has_message, translate
from bot.i18n.formatting import format_money, join_list, sanitize_text

_MAXIMUM_DETAIL_LENGTH: Final = 400
_OUTCOMES_WITHOUT_DETAIL: Final = frozenset({Outcome.CANCELLED, Outcome.ACCESS_REFUSED})
"""Outcomes whose reason is nobody's business here; the operator's account is the log's."""

MESSAGE_KEYS: Final[dict[type[ClapperError], str]] = {
    DatabaseUnavailable: "error.store_away",
    DiscordUnavailable: "error.delivery_busy",
}
"""Errors whose text needs nothing of the error itself.

Google's faults never reach a request: they end a job, which has words of its own (`outcome_text`).
"""


@singledispatch
def describe_error(fault: BaseException, locale: str | None = None) -> str:
    """Return what a person reads about ``fault``: the words of its kind, else of its parent's."""
    return translate("error.unexpected", locale)


def _build_fixed_describer(key: str) -> Callable[..., str]:
    def describe_fixed_error(_fault: ClapperError, locale: str | None = None) -> str:
        return translate(key, locale)

    return describe_fixed_error


for _kind, _key in MESSAGE_KEYS.items():
    describe_error.register(_kind, _build_fixed_describer(_key))


def describe_outcome(job: Job, locale: str | None = None) -> str:
    """Return what a person reads about a job that ended without its clip in the channel."""
    outcome = job.outcome or Outcome.OPERATION_FAILED
    text = translate(
        f"outcome.{outcome}", locale, job=job.id, price=format_money(job.price, locale)
    )
    if outcome is Outcome.OPERATION_LOST:
        posted = (
            not job.cancel_requested and job.origin.user_install_reply is None
        )  # a visit's token runs out
        key = "outcome.watched" if posted else "outcome.watched.kept"
        until = discord.utils.format_dt(job.watched_until, "f")
        text += " " + translate(key, locale, until=until)
    detail = clean_detail(job.detail) if outcome not in _OUTCOMES_WITHOUT_DETAIL else None
    if detail:
        text += "\n" + translate("outcome.reason", locale, reason=detail)
    return text


def clean_detail(detail: str | None) -> str | None:
    """Return Google's own reason without the sentences that hold addresses, keys or accounts, and
    without markup."""
    told = redact_account_details(detail, max_length=_MAXIMUM_DETAIL_LENGTH) if detail else None
    if told is None:
        return None
    text = sanitize_text(told)
    return text if len(text) <= _MAXIMUM_DETAIL_LENGTH else text[: _MAXIMUM_DETAIL_LENGTH - 1] + "…"


def format_limit_amount(limit: str, value: int, locale: str | None = None) -> str:
    """Return ``value`` of a limit in the limit's own unit: money, seconds, clips or jobs."""
    if limit.startswith("usd"):
        return format_money(Micros(value), locale)
    if limit.startswith("seconds"):
        return translate("seconds", locale, count=value)
    return str(value)


def format_moment(moment: datetime) -> str:
    """Return a time of day and how far it is, as every reader's own clock shows it."""
    return f"{discord.utils.format_dt(moment, 'f')} ({discord.utils.format_dt(moment, 'R')})"


@describe_error.register
def _describe_broken_rule(fault: RuleBroken, locale: str | None = None) -> str:
    values = {name: _format_value(name, value, locale) for name, value in fault.values.items()}
    option = f"name.option.{fault.parameter}"
    parameter = translate(option, locale) if has_message(option) else fault.parameter
    return translate(f"rule.{fault.rule}", locale, parameter=parameter, **values)


@describe_error.register
def _describe_person_policy(fault: PersonPolicyUnsatisfiable, locale: str | None = None) -> str:
    rule = translate(f"people.{fault.values['person_rule']}", locale)
    mode = translate(f"mode.{fault.values['mode']}", locale)
    text = translate("rule.person_rule", locale, rule=rule, mode=mode, model=fault.values["model"])
    if fault.models:
        models = join_list(fault.models, locale)
        return f"{text} {translate('rule.person_rule_models', locale, models=models)}"
    return f"{text} {translate('rule.person_rule_none', locale)}"


@describe_error.register
def _describe_refused_image(fault: ImageRefused, locale: str | None = None) -> str:
    key = f"image.{fault.reason}"
    values = {name: _format_value(name, value, locale) for name, value in fault.values.items()}
    return translate(key, locale, **values)


@describe_error.register
def _describe_reached_limit(fault: LimitReached, locale: str | None = None) -> str:
    text = translate(
        "limit.reached",
        locale,
        limit=translate(f"limit.{fault.limit}", locale, count=fault.allowed),
        whose=translate(f"scope.{fault.scope}", locale),
        used=format_limit_amount(fault.limit, fault.used, locale),
        asked=format_limit_amount(fault.limit, fault.requested, locale),
        allowed=format_limit_amount(fault.limit, fault.allowed, locale),
    )
    if fault.limit == "jobs_at_once":
        return f"{text} {translate('limit.frees_with_job', locale)}"
    if fault.frees_at is None:
        hopeless = fault.requested > fault.allowed
        key = "limit.never_frees" if hopeless else "limit.frees_sometime"
        return f"{text} {translate(key, locale)}"
    return f"{text} {translate('limit.frees', locale, when=format_moment(fault.frees_at))}"


@describe_error.register
def _describe_pause(fault: RequestsPaused, locale: str | None = None) -> str:
    text = translate("paused.operator" if fault.by_operator else "paused.server", locale)
    reason = clean_detail(fault.reason)
    return f"{text} {translate('paused.reason', locale, reason=reason)}" if reason else text


@describe_error.register
def _describe_not_allowed(fault: NotAllowed, locale: str | None = None) -> str:
    return translate(f"not_allowed.{fault.reason}", locale)


@describe_error.register
def _describe_refused_channel(fault: ChannelNotAllowed, locale: str | None = None) -> str:
    named = join_list((f"<#{channel}>" for channel in fault.channels), locale)
    return translate("error.channel_not_allowed", locale, channels=named)


@describe_error.register
def _describe_not_found(fault: RecordNotFound, locale: str | None = None) -> str:
    return translate(f"not_found.{fault.reason}", locale)


@describe_error.register
def _describe_permissions(
    fault: MissingPermissions | ChannelUnavailable, locale: str | None = None
) -> str:
    if not fault.missing:
        return translate("error.channel_closed", locale)
    names = (
        translate(f"permission.{name}", locale)
        if has_message(f"permission.{name}")
        else name.replace("_", " ").title()
        for name in fault.missing
    )
    return translate(
        "error.missing_permissions", locale, missing=join_list((f"**{n}**" for n in names), locale)
    )


@describe_error.register
def _describe_already_accepted(fault: AlreadyAccepted, locale: str | None = None) -> str:
    return translate("error.already_accepted", locale, job=fault.job.id)


@describe_error.register
def _describe_file_too_large(fault: FileTooLarge, locale: str | None = None) -> str:
    if fault.limit is None:
        return translate("error.file_too_large", locale)
    return translate("error.file_too_large_limit", locale, limit=f"{fault.limit / 2**20:.0f} MiB")


def _format_value(name: str, value: str | int, locale: str | None) -> str:
    """Return a value of a broken rule as people read it: modes by name, times on their clocks."""
    if name.endswith("_at") and isinstance(value, int):
        return discord.utils.format_dt(datetime.fromtimestamp(value, UTC), "f")
    if name == "mode":
        return translate(f"mode.{value}", locale)
    if name == "when" and has_message(f"with.{value}"):
        return translate(f"with.{value}", locale)
    return discord.utils.escape_markdown(str(value))
