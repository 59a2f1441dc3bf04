"""Quotas and budgets: how much may be spent, by whom and in which window.

The store supplies the sums, and these functions decide. They are pure, so that tests can call them
with random sequences.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from bot.domain.billing.money import ZERO_MICROS, Micros
from bot.domain.errors import LimitReached, LimitScope
from bot.domain.jobs.request import VideoPlan

DAY: Final = timedelta(hours=24)
MONTH: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class UsageAmount:
    """What a job uses of each limit: micro-dollars, clips and seconds of video."""

    micros: Micros = ZERO_MICROS
    clips: int = 0
    seconds: int = 0

    @classmethod
    def from_plan(cls, plan: VideoPlan) -> Self:
        return cls(plan.price, plan.videos, plan.charged_seconds)

    def __add__(self, other: "UsageAmount") -> "UsageAmount":
        return UsageAmount(
            Micros(self.micros + other.micros),
            self.clips + other.clips,
            self.seconds + other.seconds,
        )

    def __neg__(self) -> "UsageAmount":
        return UsageAmount(Micros(-self.micros), -self.clips, -self.seconds)

    def __sub__(self, other: "UsageAmount") -> "UsageAmount":
        return self + (-other)

    def __bool__(self) -> bool:
        return self != NO_USAGE

    def prorated_share(self, part: int, whole: int) -> "UsageAmount":
        """Return the share of ``part`` of ``whole`` equal videos, with money rounded up."""
        if part >= whole:
            return self
        return UsageAmount(
            Micros(-(-self.micros * part // whole)),
            self.clips * part // whole,
            self.seconds * part // whole,
        )


NO_USAGE: Final = UsageAmount()


class LimitMeasure(StrEnum):
    """The part of a `UsageAmount` that a limit counts, named as its field."""

    CLIPS = "clips"
    SECONDS = "seconds"
    MICROS = "micros"

    def measure_amount(self, amount: UsageAmount) -> int:
        measured: int = getattr(amount, self)
        return measured


@dataclass(frozen=True, slots=True)
class UsageLimits:
    """One set of limits; `None` means not set.

    A day is the last 24 hours, a month the last 30 days.
    """

    clips_per_day: int | None = None
    seconds_per_day: int | None = None
    usd_per_day: Micros | None = None
    usd_per_month: Micros | None = None
    jobs_at_once: int | None = None

    def __post_init__(self) -> None:
        for name, value in self:
            if value is not None and value < 0:
                raise ValueError(f"{name} must not be negative: {value}")

    def __iter__(self) -> Iterator[tuple[str, int | None]]:
        return ((name, getattr(self, name)) for name in self.__slots__)

    def with_fallback(self, fallback: "UsageLimits") -> "UsageLimits":
        """Return these limits; those that are not set are taken from ``fallback``."""
        if fallback == NO_LIMITS:
            return self
        unset = {name: getattr(fallback, name) for name, value in self if value is None}
        return replace(self, **unset)

    def find_narrower(self, others: "UsageLimits") -> "UsageLimits":
        """Return those of ``others`` that are tighter, so that the ones here have no effect."""
        tighter: dict[str, Any] = {
            name: other
            for (name, value), (_, other) in zip(self, others, strict=True)
            if value is not None and other is not None and other < value
        }
        return UsageLimits(**tighter)


NO_LIMITS: Final = UsageLimits()


def combine_loosest(limit_sets: Iterable[UsageLimits]) -> UsageLimits:
    return _combine_limits(limit_sets, max)


def combine_tightest(limit_sets: Iterable[UsageLimits]) -> UsageLimits:
    return _combine_limits(limit_sets, min)


def _combine_limits(
    limit_sets: Iterable[UsageLimits], choose: Callable[[Iterable[int]], int]
) -> UsageLimits:
    values: dict[str, list[int]] = defaultdict(list)
    for limits in limit_sets:
        for name, value in limits:
            if value is not None:
                values[name].append(value)
    return UsageLimits(**{name: choose(options) for name, options in values.items()})  # type: ignore[arg-type]


class LimitSubject(StrEnum):
    MEMBER = "member"
    ROLE = "role"
    DEFAULT = "default"
    """Members without a limit of their own."""
    GUILD = "guild"
    """The server's budget."""


NO_SUBJECT: Final = 0
"""The ``subject_id`` of limits that do not name a member or role: default and budget."""


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One limit that an admin set; ``subject_id`` may be `NO_SUBJECT`."""

    guild_id: int
    subject: LimitSubject
    subject_id: int
    limits: UsageLimits
    changed_by: int | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PacingLimits:
    """How fast jobs are sent to Google; `None` means no limit.

    ``in_flight`` is the number of running operations over all models. The others are per model and
    follow Google's project quota. At the limit per minute, jobs wait in the queue. At the limit per
    day, requests are refused.
    """

    in_flight: int | None = None
    requests_per_minute: int | None = None
    requests_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class SpendingPolicy:
    """The operator's settings for money and pace.

    ``member`` is the default for members, ``guild`` the most that any server can set for itself,
    ``bot`` the budget of the whole bot.
    """

    member: UsageLimits = NO_LIMITS
    guild: UsageLimits = NO_LIMITS
    bot: UsageLimits = NO_LIMITS
    pace: PacingLimits = field(default_factory=PacingLimits)
    paused: bool = False


def resolve_member_limits(
    rows: Iterable[LimitRow], *, user_id: int, role_ids: frozenset[int], policy: SpendingPolicy
) -> UsageLimits:
    """Return the limits of one member of one server.

    For each limit: the member's own, else the loosest of their roles, else the server's default,
    else the operator's.
    """
    own = default = NO_LIMITS
    roles: list[UsageLimits] = []
    for row in rows:
        match row.subject:
            case LimitSubject.MEMBER if row.subject_id == user_id:
                own = row.limits
            case LimitSubject.ROLE if row.subject_id in role_ids:
                roles.append(row.limits)
            case LimitSubject.DEFAULT:
                default = row.limits
            case _:
                pass
    return (
        own.with_fallback(combine_loosest(roles))
        .with_fallback(default)
        .with_fallback(policy.member)
    )


def resolve_limits_everywhere(own: UsageLimits, *, policy: SpendingPolicy) -> UsageLimits:
    """Return what one member may use in all places together.

    ``own`` are their limits in the place where they ask. The operator's default applies, so that
    nobody multiplies it by using the bot in many places. If admins allow this member more here,
    that applies instead.
    """
    limits: dict[str, Any] = {
        name: None if default is None else max(default, own_limit or 0)
        for (name, default), (_, own_limit) in zip(policy.member, own, strict=True)
    }
    return UsageLimits(**limits)


def resolve_guild_limits(rows: Iterable[LimitRow], *, policy: SpendingPolicy) -> UsageLimits:
    """Return the server's budget: its own, or the operator's if that is tighter."""
    return combine_tightest(
        [policy.guild, *(row.limits for row in rows if row.subject is LimitSubject.GUILD)]
    )


def resolve_limits(
    rows: Iterable[LimitRow],
    *,
    guild_id: int | None,
    user_id: int,
    role_ids: frozenset[int],
    policy: SpendingPolicy,
) -> dict[LimitScope, UsageLimits]:
    """Return the limits that apply to a member's request, in the order in which they are checked.

    ``rows`` are those of the server, which is `None` for direct messages.
    """
    rows = list(rows)
    own = resolve_member_limits(rows, user_id=user_id, role_ids=role_ids, policy=policy)
    budget = NO_LIMITS if guild_id is None else resolve_guild_limits(rows, policy=policy)
    return {
        LimitScope.MEMBER: own,
        LimitScope.EVERYWHERE: resolve_limits_everywhere(own, policy=policy),
        LimitScope.GUILD: budget,
        LimitScope.BOT: policy.bot,
    }


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """What one member, one server or the bot has reserved or spent in the windows that end now.

    Grants raise the limits. ``jobs`` counts the running ones.
    """

    day: UsageAmount = NO_USAGE
    month: UsageAmount = NO_USAGE
    granted_day: UsageAmount = NO_USAGE
    granted_month: UsageAmount = NO_USAGE
    jobs: int = 0

    def __add__(self, other: "UsageTotals") -> "UsageTotals":
        return UsageTotals(
            day=self.day + other.day,
            month=self.month + other.month,
            granted_day=self.granted_day + other.granted_day,
            granted_month=self.granted_month + other.granted_month,
            jobs=self.jobs + other.jobs,
        )

    def with_job(self, amount: UsageAmount) -> "UsageTotals":
        return UsageTotals(
            day=self.day + amount,
            month=self.month + amount,
            granted_day=self.granted_day,
            granted_month=self.granted_month,
            jobs=self.jobs + 1,
        )


@dataclass(frozen=True, slots=True)
class LimitRule:
    """What a limit counts: a measure in a window, or running jobs if both are `None`."""

    limit: str
    measure: LimitMeasure | None
    window: timedelta | None


LIMIT_RULES: Final = (
    LimitRule("jobs_at_once", None, None),
    LimitRule("clips_per_day", LimitMeasure.CLIPS, DAY),
    LimitRule("seconds_per_day", LimitMeasure.SECONDS, DAY),
    LimitRule("usd_per_day", LimitMeasure.MICROS, DAY),
    LimitRule("usd_per_month", LimitMeasure.MICROS, MONTH),
)
LIMIT_RULES_BY_NAME: Final = {rule.limit: rule for rule in LIMIT_RULES}


@dataclass(frozen=True, slots=True)
class QuotaLine:
    """The state of one limit; ``frees_at`` is when the oldest usage leaves its window."""

    scope: LimitScope
    limit: str
    allowed: int
    used: int
    frees_at: datetime | None = None

    @property
    def remaining(self) -> int:
        return max(0, self.allowed - self.used)


@dataclass(frozen=True, slots=True)
class QuotaStatus:
    lines: tuple[QuotaLine, ...] = ()

    def lines_for(self, scope: LimitScope) -> tuple[QuotaLine, ...]:
        return tuple(line for line in self.lines if line.scope is scope)

    def find_least_remaining(self) -> tuple[QuotaLine, ...]:
        """Return the line with the least left for each of clips, seconds and money."""
        tightest: dict[LimitMeasure, QuotaLine] = {}
        for line in self.lines:
            rule = LIMIT_RULES_BY_NAME.get(line.limit)  # `None` for the limits of a model
            if rule is None or rule.measure is None:
                continue
            known = tightest.get(rule.measure)
            if known is None or line.remaining < known.remaining:
                tightest[rule.measure] = line
        return tuple(tightest[measure] for measure in LimitMeasure if measure in tightest)


@dataclass(frozen=True, slots=True)
class LimitExceeded:
    """A limit that a request would exceed: ``used + requested > allowed``, in the limit's unit."""

    scope: LimitScope
    limit: str
    used: int
    requested: int
    allowed: int

    @property
    def excess(self) -> int:
        """How much must become available before the request fits."""
        return self.used + self.requested - self.allowed

    @property
    def is_unattainable(self) -> bool:
        return self.requested > self.allowed

    def as_error(self, frees_at: datetime | None) -> LimitReached:
        return LimitReached(
            self.limit,
            self.scope,
            used=self.used,
            requested=self.requested,
            allowed=self.allowed,
            frees_at=None if self.is_unattainable else frees_at,
        )


def build_quota_lines(
    scope: LimitScope, limits: UsageLimits, usage: UsageTotals
) -> tuple[QuotaLine, ...]:
    return tuple(
        QuotaLine(scope, rule.limit, allowed, used)
        for rule, allowed, used in _measure_usage(limits, usage)
    )


def build_quota_status(
    limits: Mapping[LimitScope, UsageLimits], usages: Mapping[LimitScope, UsageTotals]
) -> QuotaStatus:
    """Return the state of every limit, without the times at which usage leaves its window."""
    lines: list[QuotaLine] = []
    is_only_here = usages[LimitScope.EVERYWHERE] == usages[LimitScope.MEMBER]
    for scope, scope_limits in limits.items():
        if scope is LimitScope.EVERYWHERE and is_only_here:
            continue  # the lines would be the same
        lines += build_quota_lines(scope, scope_limits, usages[scope])
    return QuotaStatus(tuple(lines))


def find_exceeded_limit(
    scope: LimitScope, limits: UsageLimits, usage: UsageTotals, requested: UsageAmount
) -> LimitExceeded | None:
    """Return the first limit that ``requested`` would exceed, or `None` if it fits."""
    for rule, allowed, used in _measure_usage(limits, usage):
        amount = 1 if rule.measure is None else rule.measure.measure_amount(requested)
        if used + amount > allowed:
            return LimitExceeded(scope, rule.limit, used, amount, allowed)
    return None


def _measure_usage(limits: UsageLimits, usage: UsageTotals) -> Iterator[tuple[LimitRule, int, int]]:
    """Yield for each limit that is set: its rule, what it allows with grants, what is used."""
    for rule in LIMIT_RULES:
        allowed: int | None = getattr(limits, rule.limit)
        if allowed is not None:
            used, granted = _count_usage(rule, usage)
            yield rule, allowed + granted, used


def _count_usage(rule: LimitRule, usage: UsageTotals) -> tuple[int, int]:
    if rule.measure is None:
        return usage.jobs, 0
    used, granted = usage.month, usage.granted_month
    if rule.window == DAY:
        used, granted = usage.day, usage.granted_day
    return rule.measure.measure_amount(used), rule.measure.measure_amount(granted)
