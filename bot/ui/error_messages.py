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
from bot.domain.disclosure import disclosed
from bot.domain.errors import (
    AlreadyAccepted,
    ChannelClosed,
    ChannelNotAllowed,
    ClapperError,
    DeliveryBusy,
    FileTooLarge,
    ImageRefused,
    LimitReached,
    MissingPermissions,
    NotAllowed,
    NotFound,
    Paused,
    PersonRuleUnkept,
    RuleBroken,
    StoreAway,
)
from bot.domain.jobs.job import Job, Outcome
from bot.i18n.catalogs import knows, say
from bot.i18n.formatting import listed, money, readable

_DETAIL_LIMIT: Final = 400
_NO_DETAIL: Final = frozenset({Outcome.CANCELLED, Outcome.ACCESS_REFUSED})
"""Outcomes whose reason is nobody's business here; the operator's account is the log's."""

PLAIN: Final[dict[type[ClapperError], str]] = {
    StoreAway: "error.store_away",
    DeliveryBusy: "error.delivery_busy",
}
"""Errors whose text needs nothing of the error itself.

Google's faults never reach a request: they end a job, which has words of its own (`outcome_text`).
"""


@singledispatch
def error_text(fault: BaseException, locale: str | None = None) -> str:
    """Return what a person reads about ``fault``: the words of its kind, else of its parent's."""
    return say("error.unexpected", locale)


def _plain(key: str) -> Callable[..., str]:
    def words(_fault: ClapperError, locale: str | None = None) -> str:
        return say(key, locale)

    return words


for _kind, _key in PLAIN.items():
    error_text.register(_kind, _plain(_key))


def outcome_text(job: Job, locale: str | None = None) -> str:
    """Return what a person reads about a job that ended without its clip in the channel."""
    outcome = job.outcome or Outcome.OPERATION_FAILED
    text = say(f"outcome.{outcome}", locale, job=job.id, price=money(job.price, locale))
    if outcome is Outcome.OPERATION_LOST:
        posted = not job.cancel_requested and job.origin.visit is None  # a visit's token runs out
        key = "outcome.watched" if posted else "outcome.watched.kept"
        until = discord.utils.format_dt(job.watched_until, "f")
        text += " " + say(key, locale, until=until)
    detail = safe_detail(job.detail) if outcome not in _NO_DETAIL else None
    if detail:
        text += "\n" + say("outcome.reason", locale, reason=detail)
    return text


def safe_detail(detail: str | None) -> str | None:
    """Return Google's own reason without the sentences that hold addresses, keys or accounts, and
    without markup."""
    told = disclosed(detail, most=_DETAIL_LIMIT) if detail else None
    if told is None:
        return None
    text = readable(told)
    return text if len(text) <= _DETAIL_LIMIT else text[: _DETAIL_LIMIT - 1] + "…"


def amount(limit: str, value: int, locale: str | None = None) -> str:
    """Return ``value`` of a limit in the limit's own unit: money, seconds, clips or jobs."""
    if limit.startswith("usd"):
        return money(Micros(value), locale)
    if limit.startswith("seconds"):
        return say("seconds", locale, count=value)
    return str(value)


def when(moment: datetime) -> str:
    """Return a time of day and how far it is, as every reader's own clock shows it."""
    return f"{discord.utils.format_dt(moment, 'f')} ({discord.utils.format_dt(moment, 'R')})"


@error_text.register
def _rule(fault: RuleBroken, locale: str | None = None) -> str:
    values = {name: _value(name, value, locale) for name, value in fault.values.items()}
    option = f"name.option.{fault.parameter}"
    parameter = say(option, locale) if knows(option) else fault.parameter
    return say(f"rule.{fault.rule}", locale, parameter=parameter, **values)


@error_text.register
def _person_rule(fault: PersonRuleUnkept, locale: str | None = None) -> str:
    rule = say(f"people.{fault.values['person_rule']}", locale)
    mode = say(f"mode.{fault.values['mode']}", locale)
    text = say("rule.person_rule", locale, rule=rule, mode=mode, model=fault.values["model"])
    if fault.models:
        models = listed(fault.models, locale)
        return f"{text} {say('rule.person_rule_models', locale, models=models)}"
    return f"{text} {say('rule.person_rule_none', locale)}"


@error_text.register
def _image(fault: ImageRefused, locale: str | None = None) -> str:
    key = f"image.{fault.reason}"
    values = {name: _value(name, value, locale) for name, value in fault.values.items()}
    return say(key, locale, **values)


@error_text.register
def _limit(fault: LimitReached, locale: str | None = None) -> str:
    text = say(
        "limit.reached",
        locale,
        limit=say(f"limit.{fault.limit}", locale, count=fault.allowed),
        whose=say(f"scope.{fault.scope}", locale),
        used=amount(fault.limit, fault.used, locale),
        asked=amount(fault.limit, fault.asked, locale),
        allowed=amount(fault.limit, fault.allowed, locale),
    )
    if fault.limit == "jobs_at_once":
        return f"{text} {say('limit.frees_with_job', locale)}"
    if fault.frees_at is None:
        hopeless = fault.asked > fault.allowed
        key = "limit.never_frees" if hopeless else "limit.frees_sometime"
        return f"{text} {say(key, locale)}"
    return f"{text} {say('limit.frees', locale, when=when(fault.frees_at))}"


@error_text.register
def _paused(fault: Paused, locale: str | None = None) -> str:
    text = say("paused.operator" if fault.by_operator else "paused.server", locale)
    reason = safe_detail(fault.reason)
    return f"{text} {say('paused.reason', locale, reason=reason)}" if reason else text


@error_text.register
def _not_allowed(fault: NotAllowed, locale: str | None = None) -> str:
    return say(f"not_allowed.{fault.what}", locale)


@error_text.register
def _channel(fault: ChannelNotAllowed, locale: str | None = None) -> str:
    named = listed((f"<#{channel}>" for channel in fault.channels), locale)
    return say("error.channel_not_allowed", locale, channels=named)


@error_text.register
def _not_found(fault: NotFound, locale: str | None = None) -> str:
    return say(f"not_found.{fault.what}", locale)


@error_text.register
def _permissions(fault: MissingPermissions | ChannelClosed, locale: str | None = None) -> str:
    if not fault.missing:
        return say("error.channel_closed", locale)
    names = (
        say(f"permission.{name}", locale)
        if knows(f"permission.{name}")
        else name.replace("_", " ").title()
        for name in fault.missing
    )
    return say(
        "error.missing_permissions", locale, missing=listed((f"**{n}**" for n in names), locale)
    )


@error_text.register
def _accepted(fault: AlreadyAccepted, locale: str | None = None) -> str:
    return say("error.already_accepted", locale, job=fault.job.id)


@error_text.register
def _too_large(fault: FileTooLarge, locale: str | None = None) -> str:
    if fault.limit is None:
        return say("error.file_too_large", locale)
    return say("error.file_too_large_limit", locale, limit=f"{fault.limit / 2**20:.0f} MiB")


def _value(name: str, value: str | int, locale: str | None) -> str:
    """Return a value of a broken rule as people read it: modes by name, times on their clocks."""
    if name.endswith("_at") and isinstance(value, int):
        return discord.utils.format_dt(datetime.fromtimestamp(value, UTC), "f")
    if name == "mode":
        return say(f"mode.{value}", locale)
    if name == "when" and knows(f"with.{value}"):
        return say(f"with.{value}", locale)
    return discord.utils.escape_markdown(str(value))
