"""The decision over money, alone."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.billing.limits import (
    DAY,
    NO_LIMITS,
    Amount,
    LimitRow,
    Limits,
    Policy,
    Subject,
    Usage,
    breach,
    frees_at,
    guild_limits,
    loosest,
    member_limits,
    standing_lines,
    tightest,
)
from bot.domain.billing.money import Micros
from bot.domain.errors import Scope

GUILD, MEMBER = 1, 2
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLIP = Amount(Micros(400_000), 1, 8)


def row(subject: Subject, number: int = 0, **limits: int) -> LimitRow:
    return LimitRow(GUILD, subject, number, Limits(**limits))  # type: ignore[arg-type]


class TestWhoseLimitHolds:
    policy = Policy(member=Limits(clips_per_day=3, jobs_at_once=2))

    def of(self, *rows: LimitRow, roles: frozenset[int] = frozenset()) -> Limits:
        return member_limits(rows, user_id=MEMBER, role_ids=roles, policy=self.policy)

    def test_nothing_set_means_the_operators_default(self) -> None:
        assert self.of() == self.policy.member

    def test_the_servers_default_goes_before_the_operators(self) -> None:
        assert self.of(row(Subject.DEFAULT, clips_per_day=9)) == Limits(9, jobs_at_once=2)

    def test_the_best_of_a_members_roles_counts(self) -> None:
        rows = (
            row(Subject.ROLE, 10, clips_per_day=5),
            row(Subject.ROLE, 11, clips_per_day=20),
            row(Subject.ROLE, 12, clips_per_day=99),
            row(Subject.DEFAULT, clips_per_day=1),
        )
        assert self.of(*rows, roles=frozenset({10, 11})).clips_per_day == 20

    def test_a_members_own_limit_goes_before_better_roles(self) -> None:
        rows = (
            row(Subject.MEMBER, MEMBER, clips_per_day=0),
            row(Subject.ROLE, 10, clips_per_day=5),
        )
        assert self.of(*rows, roles=frozenset({10})).clips_per_day == 0

    def test_another_members_limit_does_not_count(self) -> None:
        assert self.of(row(Subject.MEMBER, 77, clips_per_day=50)) == self.policy.member

    def test_the_servers_budget_stays_under_the_operators_ceiling(self) -> None:
        policy = Policy(guild=Limits(clips_per_day=10))
        assert guild_limits([row(Subject.GUILD, clips_per_day=50)], policy=policy) == Limits(10)
        assert guild_limits([row(Subject.GUILD, clips_per_day=7)], policy=policy) == Limits(7)


class TestBreach:
    @pytest.mark.parametrize(
        ("limit", "allowed", "used", "unit"),
        [
            ("clips_per_day", 5, Usage(day=Amount(clips=5)), 1),
            ("seconds_per_day", 40, Usage(day=Amount(seconds=33)), 8),
            ("usd_per_day", 1_000_000, Usage(day=Amount(Micros(600_001))), 400_000),
            ("usd_per_month", 1_000_000, Usage(month=Amount(Micros(600_001))), 400_000),
            ("jobs_at_once", 2, Usage(jobs=2), 1),
        ],
    )
    def test_each_limit_refuses_what_would_pass_it(
        self, limit: str, allowed: int, used: Usage, unit: int
    ) -> None:
        limits = Limits(**{limit: allowed})  # type: ignore[arg-type]
        found = breach(Scope.MEMBER, limits, used, CLIP)
        assert found is not None
        assert (found.limit, found.asked, found.allowed) == (limit, unit, allowed)
        assert breach(Scope.MEMBER, limits, Usage(), CLIP) is None

    def test_a_request_that_just_fits_is_let_in(self) -> None:
        limits = Limits(usd_per_day=Micros(1_000_000))
        assert breach(Scope.BOT, limits, Usage(day=Amount(Micros(600_000))), CLIP) is None

    def test_a_grant_widens_its_window_and_is_never_usage(self) -> None:
        limits = Limits(clips_per_day=1)
        full = Usage(day=Amount(clips=1), granted_day=Amount(clips=1))
        assert breach(Scope.MEMBER, limits, full, CLIP) is None
        [line] = standing_lines(Scope.MEMBER, limits, full)
        assert (line.allowed, line.used, line.left) == (2, 1, 1)

    def test_larger_than_the_limit_never_frees(self) -> None:
        found = breach(Scope.GUILD, Limits(seconds_per_day=7), Usage(), CLIP)
        assert found is not None
        assert found.hopeless
        assert found.as_error(NOON).frees_at is None

    def test_no_limit_lets_everything_in(self) -> None:
        much = Usage(day=Amount(Micros(10**12), 10**6, 10**6), jobs=10**6)
        assert breach(Scope.MEMBER, NO_LIMITS, much, CLIP) is None


def test_a_negative_limit_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="clips_per_day"):
        Limits(clips_per_day=-1)


def test_frees_when_enough_of_the_oldest_has_left() -> None:
    spent = [(NOON, 1), (NOON + timedelta(hours=1), 2), (NOON + timedelta(hours=2), 5)]
    assert frees_at(spent, window=DAY, excess=1) == NOON + DAY
    assert frees_at(spent, window=DAY, excess=2) == NOON + timedelta(hours=1) + DAY
    assert frees_at(spent, window=DAY, excess=9) is None


_numbers = st.none() | st.integers(0, 100)
_limits = st.builds(Limits, *[_numbers for _ in fields(Limits)])


@given(st.lists(_limits, max_size=4))
def test_loosest_and_tightest_bound_every_limit_that_is_set(several: list[Limits]) -> None:
    high, low = dict(loosest(several)), dict(tightest(several))
    for each in fields(Limits):
        values = [v for one in several if (v := getattr(one, each.name)) is not None]
        assert high[each.name] == max(values, default=None)
        assert low[each.name] == min(values, default=None)


@given(st.integers(0, 10**9), st.integers(0, 9), st.integers(1, 9))
def test_a_share_is_never_less_than_its_part_nor_more_than_the_whole(
    price: int, part: int, whole: int
) -> None:
    amount = Amount(Micros(price), whole, whole * 8)
    share = amount.share(part, whole)
    assert share.micros * whole >= price * min(part, whole)
    assert share.micros <= price
    assert share.clips == min(part, whole)
