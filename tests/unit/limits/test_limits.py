"""Which limit applies, what exceeds it, and when more becomes available."""

from dataclasses import fields
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.billing.limits import (
    NO_LIMITS,
    LimitRow,
    LimitSubject,
    SpendingPolicy,
    UsageAmount,
    UsageLimits,
    UsageTotals,
    build_quota_lines,
    combine_loosest,
    combine_tightest,
    find_exceeded_limit,
    resolve_guild_limits,
    resolve_member_limits,
)
from bot.domain.billing.money import Micros
from bot.domain.errors import LimitScope

GUILD, MEMBER = 1, 2
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLIP = UsageAmount(Micros(400_000), 1, 8)


def row(subject: LimitSubject, number: int = 0, **limits: int) -> LimitRow:
    return LimitRow(GUILD, subject, number, UsageLimits(**limits))  # type: ignore[arg-type]


class TestWhichLimitApplies:
    policy = SpendingPolicy(member=UsageLimits(clips_per_day=3, jobs_at_once=2))

    def resolve(self, *rows: LimitRow, roles: frozenset[int] = frozenset()) -> UsageLimits:
        return resolve_member_limits(rows, user_id=MEMBER, role_ids=roles, policy=self.policy)

    def test_operators_default_applies_if_nothing_is_set(self) -> None:
        assert self.resolve() == self.policy.member

    def test_servers_default_overrides_operators(self) -> None:
        assert self.resolve(row(LimitSubject.DEFAULT, clips_per_day=9)) == UsageLimits(
            9, jobs_at_once=2
        )

    def test_loosest_role_counts(self) -> None:
        rows = (
            row(LimitSubject.ROLE, 10, clips_per_day=5),
            row(LimitSubject.ROLE, 11, clips_per_day=20),
            row(LimitSubject.ROLE, 12, clips_per_day=99),
            row(LimitSubject.DEFAULT, clips_per_day=1),
        )
        assert self.resolve(*rows, roles=frozenset({10, 11})).clips_per_day == 20

    def test_own_limit_overrides_roles(self) -> None:
        rows = (
            row(LimitSubject.MEMBER, MEMBER, clips_per_day=0),
            row(LimitSubject.ROLE, 10, clips_per_day=5),
        )
        assert self.resolve(*rows, roles=frozenset({10})).clips_per_day == 0

    def test_another_members_limit_does_not_count(self) -> None:
        assert self.resolve(row(LimitSubject.MEMBER, 77, clips_per_day=50)) == self.policy.member

    def test_servers_budget_stays_below_operators(self) -> None:
        policy = SpendingPolicy(guild=UsageLimits(clips_per_day=10))
        assert resolve_guild_limits(
            [row(LimitSubject.GUILD, clips_per_day=50)], policy=policy
        ) == UsageLimits(10)
        assert resolve_guild_limits(
            [row(LimitSubject.GUILD, clips_per_day=7)], policy=policy
        ) == UsageLimits(7)


class TestExceededLimit:
    @pytest.mark.parametrize(
        ("limit", "allowed", "used", "unit"),
        [
            ("clips_per_day", 5, UsageTotals(day=UsageAmount(clips=5)), 1),
            ("seconds_per_day", 40, UsageTotals(day=UsageAmount(seconds=33)), 8),
            ("usd_per_day", 1_000_000, UsageTotals(day=UsageAmount(Micros(600_001))), 400_000),
            ("usd_per_month", 1_000_000, UsageTotals(month=UsageAmount(Micros(600_001))), 400_000),
            ("jobs_at_once", 2, UsageTotals(jobs=2), 1),
        ],
    )
    def test_each_limit_refuses_what_exceeds_it(
        self, limit: str, allowed: int, used: UsageTotals, unit: int
    ) -> None:
        limits = UsageLimits(**{limit: allowed})  # type: ignore[arg-type]
        exceeded = find_exceeded_limit(LimitScope.MEMBER, limits, used, CLIP)
        assert exceeded is not None
        assert (exceeded.limit, exceeded.requested, exceeded.allowed) == (limit, unit, allowed)
        assert find_exceeded_limit(LimitScope.MEMBER, limits, UsageTotals(), CLIP) is None

    def test_request_that_just_fits_is_accepted(self) -> None:
        limits = UsageLimits(usd_per_day=Micros(1_000_000))
        assert (
            find_exceeded_limit(
                LimitScope.BOT, limits, UsageTotals(day=UsageAmount(Micros(600_000))), CLIP
            )
            is None
        )

    def test_grant_raises_limit_and_is_no_usage(self) -> None:
        limits = UsageLimits(clips_per_day=1)
        full = UsageTotals(day=UsageAmount(clips=1), granted_day=UsageAmount(clips=1))
        assert find_exceeded_limit(LimitScope.MEMBER, limits, full, CLIP) is None
        [line] = build_quota_lines(LimitScope.MEMBER, limits, full)
        assert (line.allowed, line.used, line.remaining) == (2, 1, 1)

    def test_request_above_whole_limit_never_fits(self) -> None:
        exceeded = find_exceeded_limit(
            LimitScope.GUILD, UsageLimits(seconds_per_day=7), UsageTotals(), CLIP
        )
        assert exceeded is not None
        assert exceeded.is_unattainable
        assert exceeded.as_error(NOON).frees_at is None

    def test_no_limit_accepts_everything(self) -> None:
        much = UsageTotals(day=UsageAmount(Micros(10**12), 10**6, 10**6), jobs=10**6)
        assert find_exceeded_limit(LimitScope.MEMBER, NO_LIMITS, much, CLIP) is None


def test_negative_limit_is_an_error() -> None:
    with pytest.raises(ValueError, match="clips_per_day"):
        UsageLimits(clips_per_day=-1)


_numbers = st.none() | st.integers(0, 100)
_limits = st.builds(UsageLimits, *[_numbers for _ in fields(UsageLimits)])


@given(st.lists(_limits, max_size=4))
def test_loosest_and_tightest_bound_every_limit_that_is_set(several: list[UsageLimits]) -> None:
    high, low = dict(combine_loosest(several)), dict(combine_tightest(several))
    for each in fields(UsageLimits):
        values = [v for one in several if (v := getattr(one, each.name)) is not None]
        assert high[each.name] == max(values, default=None)
        assert low[each.name] == min(values, default=None)


@given(st.integers(0, 10**9), st.integers(0, 9), st.integers(1, 9))
def test_share_is_rounded_up_but_at_most_the_whole(price: int, part: int, whole: int) -> None:
    amount = UsageAmount(Micros(price), whole, whole * 8)
    share = amount.prorated_share(part, whole)
    assert share.micros * whole >= price * min(part, whole)
    assert share.micros <= price
    assert share.clips == min(part, whole)
