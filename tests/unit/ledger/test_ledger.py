"""The ledger entries that each event adds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.billing.ledger import (
    EntryKind,
    Settlement,
    build_reservation,
    build_resettlement,
    build_settlement,
    build_unknown_settlement,
    compute_balance,
)
from bot.domain.billing.limits import NO_USAGE, UsageAmount
from bot.domain.billing.money import Micros

PRICE = UsageAmount(Micros(400_000), 1, 8)

amounts = st.builds(
    UsageAmount, st.integers(1, 10**9).map(Micros), st.integers(1, 4), st.integers(1, 60)
)
settlements = st.sampled_from(Settlement)


@given(amounts, settlements)
def test_reservation_is_settled_completely(price: UsageAmount, settlement: Settlement) -> None:
    after = compute_balance(build_reservation(price) + build_settlement(price, settlement))
    assert after.reserved == NO_USAGE
    member = price if settlement is Settlement.CHARGE else NO_USAGE
    budgets = NO_USAGE if settlement is Settlement.REFUND else price
    assert (after.member, after.budgets) == (member, budgets)


@given(amounts, settlements, st.integers(0, 4))
def test_received_part_is_charged_and_rest_refunded(
    price: UsageAmount, settlement: Settlement, made: int
) -> None:
    charged = price.prorated_share(made, 4)
    after = compute_balance(
        build_reservation(price) + build_settlement(price, settlement, charged=charged)
    )
    assert after.reserved == NO_USAGE
    assert after.budgets == (NO_USAGE if settlement is Settlement.REFUND else charged)


@given(amounts, st.integers(0, 4), st.integers(0, 4))
def test_undelivered_clip_is_absorbed(price: UsageAmount, one: int, other: int) -> None:
    made, delivered = (
        price.prorated_share(max(one, other), 4),
        price.prorated_share(min(one, other), 4),
    )
    end = build_settlement(price, Settlement.CHARGE, charged=delivered, absorbed=made - delivered)
    after = compute_balance(build_reservation(price) + end)
    assert (after.reserved, after.member, after.budgets) == (NO_USAGE, delivered, made)


@given(amounts, settlements, settlements, st.integers(0, 4))
def test_late_outcome_matches_immediate_outcome(
    price: UsageAmount, first: Settlement, last: Settlement, made: int
) -> None:
    before = build_reservation(price) + build_settlement(price, first)
    end = build_settlement(price, last, charged=price.prorated_share(made, 4))
    corrections = build_resettlement(before, price, end)
    assert {each.kind for each in corrections} <= {EntryKind.ADJUST}
    assert compute_balance(before + corrections) == compute_balance(build_reservation(price) + end)
    assert build_resettlement(before + corrections, price, end) == ()


@given(amounts, settlements, st.lists(st.booleans(), min_size=1, max_size=4))
def test_last_settlement_wins(
    price: UsageAmount, settlement: Settlement, decisions: list[bool]
) -> None:
    entries = build_reservation(price) + build_settlement(price, settlement)
    for decision in decisions:
        entries += build_unknown_settlement(entries, price, charge=decision)
    after = compute_balance(entries)
    expected = price if decisions[-1] else NO_USAGE
    assert (after.reserved, after.member, after.budgets) == (NO_USAGE, expected, expected)


def test_unchanged_settlement_writes_nothing() -> None:
    entries = build_reservation(PRICE) + build_settlement(PRICE, Settlement.CHARGE)
    assert build_unknown_settlement(entries, PRICE, charge=True) == ()


def test_charging_more_than_reserved_is_an_error() -> None:
    with pytest.raises(ValueError, match="exceeds"):
        build_settlement(PRICE, Settlement.CHARGE, charged=PRICE + PRICE)
