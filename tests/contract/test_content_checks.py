"""Checks of contents on both databases: what they cost, and that none is paid twice."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from bot.domain.billing.ledger import build_check_comment
from bot.domain.billing.limits import SpendingPolicy, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.errors import (
    AlreadyAccepted,
    CheckFailed,
    ContentRefused,
    ContentUnchecked,
    LimitReached,
)
from bot.domain.jobs.job import AdmissionRequest
from bot.domain.jobs.request import InputImage
from bot.domain.moderation.content_check import (
    CheckedRequest,
    ContentKind,
    ContentVerdict,
    estimate_usage,
)
from bot.store.billing.verification import verify_ledger
from bot.store.moderation.content_checks import KEPT_FOR
from bot.store.privacy.erasure import ErasureStore
from bot.store.tables.core import ledger_table
from bot.store.tables.moderation import content_checks_table
from tests.fakes.judge import BILLED, FREE, HATE, PRICES, USAGE, FakeJudge, build_checks
from tests.fakes.world import GUILD, MEMBER, PRICE, SimulatedWorld, make_origin, make_plan
from tests.harness.waiting import eventually

ESTIMATE = PRICES.compute_price(estimate_usage(CheckedRequest.from_plan(make_plan())))


async def list_booked(world: SimulatedWorld) -> list[int]:
    rows = await world.database.read_rows(select(ledger_table).order_by(ledger_table.c.id))
    checks = [row for row in rows if row["comment"] == build_check_comment("a-model")]
    for row in checks:
        assert (row["kind"], row["account"], row["job_id"]) == ("adjust", "house", None)
        assert (row["guild_id"], row["user_id"]) == (GUILD, MEMBER)
    assert (await verify_ledger(world.database)).mismatches == ()
    return [row["micros"] for row in checks]


async def test_the_estimate_is_booked_first_and_the_bill_after(world: SimulatedWorld) -> None:
    judge = FakeJudge()
    judge.may_answer.clear()
    checking = asyncio.create_task(
        build_checks(world, judge).require_allowed(make_plan(), make_origin(1))
    )

    async def is_asked() -> bool:
        return bool(judge.asked)

    await eventually(is_asked, what="the question")
    assert await list_booked(world) == [ESTIMATE]
    judge.may_answer.set()
    await checking
    assert await list_booked(world) == [ESTIMATE, BILLED - ESTIMATE]
    [row] = await world.database.read_rows(select(content_checks_table))
    assert make_plan().prompt not in str(dict(row))


async def test_the_same_content_is_paid_once_in_ten_minutes(world: SimulatedWorld) -> None:
    """For everybody and in all processes, also if it was refused and at the same time."""
    judge = FakeJudge(HATE)
    services = [build_checks(world, judge) for _ in range(2)]
    answers = await asyncio.gather(
        *(
            service.require_allowed(make_plan(), make_origin(n))
            for n, service in enumerate(services)
        ),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers] == [ContentRefused] * 2
    with pytest.raises(ContentRefused) as refused:
        await services[0].require_allowed(make_plan(price=Micros(1)), make_origin(3))
    assert refused.value.kinds == (ContentKind.HATE,)
    assert len(judge.asked) == 1
    assert sum(await list_booked(world)) == BILLED
    world.clock.jump(timedelta(minutes=11))
    judge.answer = FREE
    await services[1].require_allowed(make_plan(), make_origin(4))
    await services[1].require_allowed(make_plan(prompt="another"), make_origin(5))
    assert len(judge.asked) == 3


async def test_a_killed_process_leaves_its_estimate_and_the_next_asks_again(
    world: SimulatedWorld,
) -> None:
    judge = FakeJudge()
    judge.may_answer.clear()
    service = build_checks(world, judge)
    content = CheckedRequest.from_plan(make_plan())
    dead = await service.store.begin(
        content.build_key(judge.model),
        AdmissionRequest(make_plan(), make_origin(1), extra=ESTIMATE),
        model=judge.model,
        policy=SpendingPolicy(),
    )
    assert await list_booked(world) == [ESTIMATE]
    judge.may_answer.set()
    await service.require_allowed(
        make_plan(), make_origin(2)
    )  # waits until the other counts as dead
    assert await list_booked(world) == [ESTIMATE, ESTIMATE, BILLED - ESTIMATE]
    # it was only slow: what it says is booked, and its verdict does not replace the newer one
    assert not isinstance(dead, ContentVerdict)
    await service.store.finish(dead, HATE, price=BILLED)
    assert sum(await list_booked(world)) == 2 * BILLED
    await service.require_allowed(make_plan(), make_origin(3))
    assert len(judge.asked) == 1


@pytest.mark.parametrize(
    ("failure", "billed"),
    [
        (CheckFailed("answered 503 UNAVAILABLE", may_be_billed=False), 0),
        (CheckFailed("TimeoutError", may_be_billed=True), ESTIMATE),
        (CheckFailed("off the schema", may_be_billed=True, usage=USAGE), BILLED),
    ],
    ids=["refused", "no answer", "malformed"],
)
async def test_without_a_verdict_the_operator_has_chosen(
    world: SimulatedWorld, failure: CheckFailed, billed: int
) -> None:
    judge = FakeJudge(failure)
    closed = build_checks(world, judge)
    with pytest.raises(ContentUnchecked):
        await closed.require_allowed(make_plan(), make_origin(1))
    assert sum(await list_booked(world)) == billed
    await replace(closed, accepts_unchecked=True).require_allowed(make_plan(), make_origin(2))
    judge.answer = FREE
    await closed.require_allowed(make_plan(), make_origin(3))
    assert len(judge.asked) == 3


async def test_googles_filter_refuses_even_if_unchecked_requests_are_accepted(
    world: SimulatedWorld,
) -> None:
    service = build_checks(world, FakeJudge(ContentVerdict(None)), accepts_unchecked=True)
    with pytest.raises(ContentRefused) as refused:
        await service.require_allowed(make_plan(), make_origin(1))
    assert refused.value.kinds == ()


async def test_a_missing_picture_is_not_billed(world: SimulatedWorld) -> None:
    judge = FakeJudge()
    image = InputImage("inputs/gone.png", "image/png", 10, 10, "aa")
    with pytest.raises(ContentUnchecked):
        await build_checks(world, judge).require_allowed(make_plan(image=image), make_origin(1))
    assert judge.asked == []
    assert sum(await list_booked(world)) == 0


@pytest.mark.parametrize("scope", ["bot", "guild"])
async def test_a_check_counts_for_budgets_and_never_for_the_member(
    world: SimulatedWorld, scope: str
) -> None:
    """A budget that has just enough for the clip has too little for its check."""
    judge = FakeJudge()
    limits: dict[str, Any] = {scope: UsageLimits(usd_per_day=PRICE)}
    tight = SpendingPolicy(**limits)
    with pytest.raises(LimitReached):
        await build_checks(world, judge, policy=tight).require_allowed(make_plan(), make_origin(1))
    assert judge.asked == []
    assert await list_booked(world) == []
    limits = {scope: UsageLimits(usd_per_day=Micros(PRICE + ESTIMATE))}
    enough = SpendingPolicy(member=UsageLimits(usd_per_day=PRICE), **limits)
    await build_checks(world, judge, policy=enough).require_allowed(make_plan(), make_origin(2))
    [line] = (await world.ledger.quota_status(make_origin(3), policy=enough)).lines[-1:]
    assert line.used == BILLED
    member = (await world.ledger.quota_status(make_origin(3), policy=enough)).lines[0]
    assert member.used == 0


async def test_what_would_not_be_accepted_is_not_checked(world: SimulatedWorld) -> None:
    judge = FakeJudge()
    await world.admit_job("interaction:1")
    service = build_checks(world, judge, policy=SpendingPolicy(member=UsageLimits(clips_per_day=0)))
    with pytest.raises(LimitReached):
        await service.require_allowed(make_plan(), make_origin(2))
    job = await world.admit_job("same")
    with pytest.raises(AlreadyAccepted):
        await build_checks(world, judge).require_allowed(make_plan(), job.origin)
    assert judge.asked == []


async def test_old_checks_are_deleted_also_if_nobody_asks_again(world: SimulatedWorld) -> None:
    now = world.clock.now()
    rows = [
        {"content_key": name, "attempt": name, "asked_at": now - age, "verdict": FREE.text}
        for name, age in (("old", KEPT_FOR * 2), ("new", KEPT_FOR / 2))
    ]
    await world.database.execute(insert(content_checks_table).values(rows))
    await ErasureStore(world.database).purge_expired(now=now, audit_before=now)
    query = select(content_checks_table.c.content_key)
    assert await world.database.read_scalars(query) == ["new"]
