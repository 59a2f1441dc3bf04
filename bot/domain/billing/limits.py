"""What may be spent, by whom, in which window: the decision alone, without a database.

The store supplies sums; these functions say yes or no. They are pure so that the rule that guards
everybody's money can be read in one place and driven by random sequences in the tests.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Self

from bot.domain.billing.money import ZERO, Micros
from bot.domain.errors import LimitReached, Scope
from bot.domain.jobs.request import VideoPlan

DAY: Final = timedelta(hours=24)
MONTH: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Amount:
    """What a job takes of every limit at once: micro-dollars, clips and seconds of video."""

    micros: Micros = ZERO
    clips: int = 0
    seconds: int = 0

    @classmethod
    def of(cls, plan: VideoPlan) -> Self:
        """Return what ``plan`` reserves."""
        return cls(plan.price, plan.videos, plan.charged_seconds)

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(
            Micros(self.micros + other.micros),
            self.clips + other.clips,
            self.seconds + other.seconds,
        )

    def __neg__(self) -> "Amount":
        return Amount(Micros(-self.micros), -self.clips, -self.seconds)

    def __sub__(self, other: "Amount") -> "Amount":
        return self + (-other)

    def __bool__(self) -> bool:
        return self != NOTHING

    def share(self, part: int, whole: int) -> "Amount":
        """Return the share of ``part`` of ``whole`` equal videos, money rounded up."""
        if part >= whole:
            return self
        return Amount(
            Micros(-(-self.micros * part // whole)),
            self.clips * part // whole,
            self.seconds * part // whole,
        )


NOTHING: Final = Amount()


class Measure(StrEnum):
    """The parts of an `Amount` that limits count."""

    CLIPS = "clips"
    SECONDS = "seconds"
    MICROS = "micros"

    def of(self, amount: Amount) -> int:
        """Return this part of ``amount``."""
        match self:
            case Measure.CLIPS:
                return amount.clips
            case Measure.SECONDS:
                return amount.seconds
            case Measure.MICROS:
                return amount.micros


@dataclass(frozen=True, slots=True)
class Limits:
    """One set of limits; ``None`` means: not set here (the next level decides, or none does).

    Days are rolling 24 hours, months rolling 30 days; money is in micro-dollars.
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
        return ((each.name, getattr(self, each.name)) for each in fields(self))

    def or_else(self, fallback: "Limits") -> "Limits":
        """Return these limits, with ``fallback`` where one is not set."""
        unset = {name: getattr(fallback, name) for name, value in self if value is None}
        return replace(self, **unset)


NO_LIMITS: Final = Limits()


def loosest(several: Iterable[Limits]) -> Limits:
    """Return the best of ``several`` for each limit that any of them sets."""
    return _combine(several, most=True)


def tightest(several: Iterable[Limits]) -> Limits:
    """Return the strictest of ``several`` for each limit that any of them sets."""
    return _combine(several, most=False)


def _combine(several: Iterable[Limits], *, most: bool) -> Limits:
    rows = list(several)
    chosen: dict[str, int | None] = {}
    for each in fields(Limits):
        values = [value for row in rows if (value := getattr(row, each.name)) is not None]
        chosen[each.name] = (max(values) if most else min(values)) if values else None
    return Limits(**chosen)  # type: ignore[arg-type]


class Subject(StrEnum):
    """Whom an admin's limit is for."""

    MEMBER = "member"
    ROLE = "role"
    DEFAULT = "default"
    """Every member of the server who has none of their own."""
    GUILD = "guild"
    """The server's budget as a whole."""


@dataclass(frozen=True, slots=True)
class LimitRow:
    """One limit that an admin set; ``subject_id`` is 0 for the default and the server's budget."""

    guild_id: int
    subject: Subject
    subject_id: int
    limits: Limits
    changed_by: int | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast work may go to Google; ``None`` means no limit.

    ``in_flight`` is operations running at once over all models, the rest is per model and follows
    Google's project quota: the queue waits for the minute, a request is refused for the day.
    """

    in_flight: int | None = None
    requests_per_minute: int | None = None
    requests_per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """The operator's settings over money and pace.

    ``member`` is the default of members, ``guild`` a ceiling over what any server may set for
    itself, ``bot`` the budget over everything.
    """

    member: Limits = NO_LIMITS
    guild: Limits = NO_LIMITS
    bot: Limits = NO_LIMITS
    pace: Pace = field(default_factory=Pace)
    paused: bool = False


def member_limits(
    rows: Iterable[LimitRow], *, user_id: int, role_ids: frozenset[int], policy: Policy
) -> Limits:
    """Return what holds for one member of one server.

    Per limit: the member's own, else the best of the roles that set it, else the server's
    default, else the operator's.
    """
    own = default = NO_LIMITS
    roles: list[Limits] = []
    for row in rows:
        match row.subject:
            case Subject.MEMBER if row.subject_id == user_id:
                own = row.limits
            case Subject.ROLE if row.subject_id in role_ids:
                roles.append(row.limits)
            case Subject.DEFAULT:
                default = row.limits
            case _:
                pass
    return own.or_else(loosest(roles)).or_else(default).or_else(policy.member)


def guild_limits(rows: Iterable[LimitRow], *, policy: Policy) -> Limits:
    """Return the server's budget: its own, under the operator's ceiling."""
    return tightest([policy.guild, *(row.limits for row in rows if row.subject is Subject.GUILD)])


@dataclass(frozen=True, slots=True)
class Usage:
    """What one member, server or the bot has reserved or spent in the windows ending now.

    ``granted`` widens the limits; ``jobs`` are those that have not ended.
    """

    day: Amount = NOTHING
    month: Amount = NOTHING
    granted_day: Amount = NOTHING
    granted_month: Amount = NOTHING
    jobs: int = 0

    def plus(self, amount: Amount) -> "Usage":
        """Return the usage once a job of ``amount`` is accepted."""
        return replace(self, day=self.day + amount, month=self.month + amount, jobs=self.jobs + 1)


@dataclass(frozen=True, slots=True)
class Rule:
    """What one limit counts: a measure in a window, or (``window`` is ``None``) jobs at once."""

    limit: str
    measure: Measure | None
    window: timedelta | None


RULES: Final = (
    Rule("jobs_at_once", None, None),
    Rule("clips_per_day", Measure.CLIPS, DAY),
    Rule("seconds_per_day", Measure.SECONDS, DAY),
    Rule("usd_per_day", Measure.MICROS, DAY),
    Rule("usd_per_month", Measure.MICROS, MONTH),
)
RULE_OF: Final = {rule.limit: rule for rule in RULES}


@dataclass(frozen=True, slots=True)
class Line:
    """How one limit stands; ``frees_at`` is when the oldest part of what is used frees."""

    scope: Scope
    limit: str
    allowed: int
    used: int
    frees_at: datetime | None = None

    @property
    def left(self) -> int:
        """What is left of the limit, never below zero."""
        return max(0, self.allowed - self.used)


@dataclass(frozen=True, slots=True)
class Standing:
    """How every limit stands that holds for a request: the member's, the server's, the bot's."""

    lines: tuple[Line, ...] = ()

    def of(self, scope: Scope) -> tuple[Line, ...]:
        """Return the lines of one scope."""
        return tuple(line for line in self.lines if line.scope is scope)


@dataclass(frozen=True, slots=True)
class Breach:
    """A limit that a request would pass: ``used + asked > allowed``, in the limit's own unit."""

    scope: Scope
    limit: str
    used: int
    asked: int
    allowed: int

    @property
    def excess(self) -> int:
        """How much must free before the request fits."""
        return self.used + self.asked - self.allowed

    @property
    def hopeless(self) -> bool:
        """Whether the request is larger than the whole limit."""
        return self.asked > self.allowed

    def as_error(self, frees_at: datetime | None) -> LimitReached:
        """Return the refusal."""
        return LimitReached(
            self.limit,
            self.scope,
            used=self.used,
            asked=self.asked,
            allowed=self.allowed,
            frees_at=None if self.hopeless else frees_at,
        )


def standing_lines(scope: Scope, limits: Limits, usage: Usage) -> tuple[Line, ...]:
    """Return how each limit that is set stands."""
    lines = []
    for rule in RULES:
        allowed: int | None = getattr(limits, rule.limit)
        if allowed is not None:
            used, granted = _count(rule, usage)
            lines.append(Line(scope, rule.limit, allowed + granted, used))
    return tuple(lines)


def breach(scope: Scope, limits: Limits, usage: Usage, asked: Amount) -> Breach | None:
    """Return the first limit that ``asked`` would pass, or ``None`` when it fits."""
    for line in standing_lines(scope, limits, usage):
        measure = RULE_OF[line.limit].measure
        wanted = 1 if measure is None else measure.of(asked)
        if line.used + wanted > line.allowed:
            return Breach(scope, line.limit, line.used, wanted, line.allowed)
    return None


def _count(rule: Rule, usage: Usage) -> tuple[int, int]:
    if rule.measure is None:
        return usage.jobs, 0
    if rule.window == DAY:
        return rule.measure.of(usage.day), rule.measure.of(usage.granted_day)
    return rule.measure.of(usage.month), rule.measure.of(usage.granted_month)


def frees_at(
    spent: Iterable[tuple[datetime, int]], *, window: timedelta, excess: int
) -> datetime | None:
    """Return when at least ``excess`` has left the window.

    ``spent`` are the counted parts in the window, oldest first; ``None`` when they never suffice.
    """
    freed = 0
    for at, part in spent:
        freed += part
        if freed >= excess:
            return at + window
    return None
