"""What each event writes into the ledger."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.billing.ledger import (
    EntryKind,
    Settlement,
    balance,
    judge,
    reserve,
    settle,
    settle_again,
)
from bot.domain.billing.limits import NOTHING, Amount
from bot.domain.billing.money import Micros

PRICE = Amount(Micros(400_000), 1, 8)

amounts = st.builds(
    Amount, st.integers(1, 10**9).map(Micros), st.integers(1, 4), st.integers(1, 60)
)
settlements = st.sampled_from(Settlement)


@given(amounts, settlements)
def test_what_was_reserved_is_settled_or_refunded_to_the_micro_dollar(
    price: Amount, settlement: Settlement
) -> None:
    after = balance(reserve(price) + settle(price, settlement))
    assert after.reserved == NOTHING
    member = price if settlement is Settlement.CHARGE else NOTHING
    house = NOTHING if settlement is Settlement.REFUND else price
    assert (after.member, after.house) == (member, house)


@given(amounts, settlements, st.integers(0, 4))
def test_a_part_that_was_made_is_charged_and_the_rest_refunded(
    price: Amount, settlement: Settlement, made: int
) -> None:
    charged = price.share(made, 4)
    after = balance(reserve(price) + settle(price, settlement, charged=charged))
    assert after.reserved == NOTHING
    assert after.house == (NOTHING if settlement is Settlement.REFUND else charged)


@given(amounts, st.integers(0, 4), st.integers(0, 4))
def test_what_was_made_and_never_arrived_is_borne_by_the_house(
    price: Amount, one: int, other: int
) -> None:
    made, arrived = price.share(max(one, other), 4), price.share(min(one, other), 4)
    end = settle(price, Settlement.CHARGE, charged=arrived, borne=made - arrived)
    after = balance(reserve(price) + end)
    assert (after.reserved, after.member, after.house) == (NOTHING, arrived, made)


@given(amounts, settlements, settlements, st.integers(0, 4))
def test_an_end_after_the_end_leads_where_it_would_have_led_at_once(
    price: Amount, first: Settlement, last: Settlement, made: int
) -> None:
    before = reserve(price) + settle(price, first)
    end = settle(price, last, charged=price.share(made, 4))
    corrections = settle_again(before, price, end)
    assert {each.kind for each in corrections} <= {EntryKind.ADJUST}
    assert balance(before + corrections) == balance(reserve(price) + end)
    assert settle_again(before + corrections, price, end) == ()


@given(amounts, settlements, st.lists(st.booleans(), min_size=1, max_size=4))
def test_the_last_judgement_holds_for_member_and_budgets(
    price: Amount, settlement: Settlement, verdicts: list[bool]
) -> None:
    entries = reserve(price) + settle(price, settlement)
    for verdict in verdicts:
        entries += judge(entries, price, charge=verdict)
    after = balance(entries)
    wanted = price if verdicts[-1] else NOTHING
    assert (after.reserved, after.member, after.house) == (NOTHING, wanted, wanted)


def test_nothing_is_written_when_a_judgement_changes_nothing() -> None:
    entries = reserve(PRICE) + settle(PRICE, Settlement.CHARGE)
    assert judge(entries, PRICE, charge=True) == ()


def test_more_than_was_reserved_is_never_charged() -> None:
    with pytest.raises(ValueError, match="more"):
        settle(PRICE, Settlement.CHARGE, charged=PRICE + PRICE)
