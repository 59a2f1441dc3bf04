"""Who pays which part of Google's bill, and what cards say about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.billing.charges import Charge, compute_price_paid
from bot.domain.billing.ledger import (
    Settlement,
    build_reservation,
    build_resettlement,
    build_settlement,
    compute_balance,
)
from bot.domain.billing.limits import NO_USAGE, UsageAmount
from bot.domain.billing.money import Micros
from bot.domain.jobs.job import JobState
from tests.unit.words.examples import a_job, a_plan

PRICE = Micros(400_000)
amounts = st.builds(
    UsageAmount, st.integers(1, 10**9).map(Micros), st.integers(1, 4), st.integers(1, 60)
)
bills = st.integers(0, 2 * 10**9).map(Micros)
counts = st.integers(0, 4)


def charge_videos(
    reserved: UsageAmount, one: int, other: int, billed: Micros | None, planned: int = 4
) -> Charge:
    return Charge.for_videos(
        reserved, planned=planned, made=max(one, other), received=min(one, other), billed=billed
    )


@given(amounts, counts, counts, bills, st.sampled_from(Settlement))
def test_bill_is_shared_exactly(
    reserved: UsageAmount, one: int, other: int, billed: Micros, settlement: Settlement
) -> None:
    charge = charge_videos(reserved, one, other, billed)
    end = build_settlement(
        reserved,
        settlement,
        charged=charge.member,
        absorbed=charge.absorbed,
        beyond=charge.beyond,
    )
    after = compute_balance(build_reservation(reserved) + end)
    assert after.reserved == NO_USAGE
    assert 0 <= after.member.micros <= min(billed, reserved.micros)
    assert after.member.micros <= reserved.prorated_share(min(one, other), 4).micros
    assert after.budgets.micros == (0 if settlement is Settlement.REFUND else billed)
    assert min(after.member.clips, after.member.seconds) >= 0
    if settlement is not Settlement.CHARGE:
        assert after.member == NO_USAGE


@given(amounts, counts, counts)
def test_without_a_bill_it_costs_what_was_reserved(
    reserved: UsageAmount, one: int, other: int
) -> None:
    charge = charge_videos(reserved, one, other, None)
    assert charge.member == reserved.prorated_share(min(one, other), 4)
    assert charge.member + charge.absorbed == reserved.prorated_share(max(one, other), 4)
    assert charge.beyond == 0


@given(amounts, counts, bills, st.sampled_from(Settlement))
def test_late_bill_corrects_what_was_settled(
    reserved: UsageAmount, made: int, billed: Micros, first: Settlement
) -> None:
    before = build_reservation(reserved) + build_settlement(reserved, first)
    charge = charge_videos(reserved, made, made, billed)
    end = build_settlement(
        reserved,
        Settlement.CHARGE,
        charged=charge.member,
        absorbed=charge.absorbed,
        beyond=charge.beyond,
    )
    corrections = build_resettlement(before, reserved, end)
    after = compute_balance(before + corrections)
    assert after == compute_balance(build_reservation(reserved) + end)
    assert after.budgets.micros == billed


@given(amounts, bills)
def test_stopped_work_is_money_and_no_clip(reserved: UsageAmount, billed: Micros) -> None:
    charge = Charge.for_stopped_work(reserved, billed)
    assert charge.member.micros + charge.beyond == billed
    assert charge.member.micros <= reserved.micros
    assert (charge.member.clips, charge.member.seconds) == (0, 0)


@pytest.mark.parametrize(
    ("billed", "paid"),
    [
        pytest.param(None, 400_000, id="not-said"),
        pytest.param(350_000, 350_000, id="less"),
        pytest.param(500_000, 400_000, id="more"),
        pytest.param(0, 0, id="nothing"),
    ],
)
def test_member_pays_the_bill_up_to_the_price(billed: int | None, paid: int) -> None:
    bill = None if billed is None else Micros(billed)
    job = a_job(plan=a_plan(price=PRICE), state=JobState.POSTING, videos_made=1, billed_micros=bill)
    assert compute_price_paid(job, clips=1) == paid


def test_deleted_clips_stay_paid() -> None:
    job = a_job(plan=a_plan(price=PRICE), state=JobState.DONE, videos_made=1)
    assert compute_price_paid(job, clips=0) == PRICE


@pytest.mark.parametrize(
    ("facts", "paid"),
    [
        pytest.param({"cancel_requested": True, "billed_micros": Micros(9)}, 9, id="stopped"),
        pytest.param({"cancel_requested": True}, 0, id="stopped-without-a-bill"),
        pytest.param({"billed_micros": Micros(9)}, 0, id="stopped-by-google"),
        pytest.param(
            {"cancel_requested": True, "billed_micros": Micros(9), "videos_made": 1},
            0,
            id="made-and-not-received",
        ),
    ],
)
def test_what_brought_no_clip(facts: dict[str, object], paid: int) -> None:
    job = a_job(plan=a_plan(price=PRICE), state=JobState.CANCELLED, **facts)
    assert compute_price_paid(job, clips=0) == paid


def test_what_google_stopped_before_a_cancellation_was_heard_of_is_free() -> None:
    job = a_job(
        plan=a_plan(price=PRICE),
        state=JobState.FAILED,
        cancel_requested=True,
        billed_micros=Micros(9),
    )
    assert compute_price_paid(job, clips=0) == 0
