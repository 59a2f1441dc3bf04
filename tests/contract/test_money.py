"""Ledger sums stay correct through random sequences of job events.

Hypothesis draws the events. A simple model tracks what is reserved and spent, and must agree with
the database after every event.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.charges import Charge
from bot.domain.billing.ledger import EntryKind, Settlement, build_settlement, compute_balance
from bot.domain.billing.limits import DAY, MONTH, NO_USAGE, SpendingPolicy, UsageAmount, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.errors import AlreadyAccepted, LeaseLost, LimitReached
from bot.domain.jobs.job import ACTIVE_STATES, AdmissionRequest, Job, JobState, Outcome
from bot.store.billing.ledger import LedgerStore
from bot.store.billing.verification import verify_ledger
from bot.store.engine.database import Database, open_database
from bot.store.engine.schema import upgrade_schema
from bot.store.jobs.admission import Admission
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.transitions import IllegalTransition
from tests.contract.conftest import POSTGRES_URL, delete_all_rows, drop_schema, new_schema
from tests.fakes.world import GUILD, make_origin, make_plan

MEMBERS = (1, 2, 3)
MEMBER_LIMITS = UsageLimits(clips_per_day=4, usd_per_day=Micros(1_500_000), jobs_at_once=3)
GUILD_LIMITS = UsageLimits(usd_per_month=Micros(4_000_000), seconds_per_day=64)
POLICY = SpendingPolicy(member=MEMBER_LIMITS, guild=GUILD_LIMITS)

UNKNOWN = (Settlement.ABSORBED, Settlement.CHARGE)

members = st.sampled_from(MEMBERS)
which = st.integers(0, 7)
events = st.one_of(
    *[st.tuples(st.just("ask"), members, st.sampled_from([100_000, 400_000, 900_000]))] * 6,
    st.tuples(st.just("claim"), which, st.just(0)),
    st.tuples(st.just("send"), which, st.just(0)),
    st.tuples(st.just("requeue"), which, st.just(0)),
    st.tuples(st.just("cancel"), which, st.just(0)),
    st.tuples(st.just("adopt"), which, st.just(0)),
    st.tuples(st.just("end"), which, st.sampled_from(Settlement)),
    st.tuples(st.just("unknown"), which, st.sampled_from(UNKNOWN)),
    st.tuples(st.just("judge"), which, st.booleans()),
    st.tuples(st.just("find"), which, st.booleans()),
    st.tuples(
        st.just("finish"),
        which,
        st.tuples(
            st.integers(0, 4), st.integers(0, 4), st.booleans(), st.none() | st.integers(0, 10**6)
        ),
    ),
    st.tuples(st.just("stop"), which, st.integers(0, 10**6)),
    st.tuples(st.just("anew"), which, st.just(0)),
    st.tuples(st.just("wait"), st.sampled_from([1, 300, 1439, 1441, 43_201]), st.just(0)),
    st.tuples(st.just("again"), which, st.just(0)),
    st.tuples(st.just("poll"), which, st.just(0)),
)


@dataclass
class Kept:
    """What the simple model remembers about one job."""

    job: Job
    member: UsageAmount
    house: UsageAmount


class Machine:
    """Applies events to the database and the model."""

    def __init__(self, database: Database) -> None:
        self.jobs = JobStore(database, now=self._time)
        self.ledger = LedgerStore(database, now=self._time)
        self.now = datetime(2026, 11, 23, tzinfo=UTC)
        self.kept: list[Kept] = []
        self.owner = 0
        self.asked = 0

    async def _time(self, _: AsyncConnection) -> datetime:
        return self.now

    async def play(self, event: tuple[str, Any, Any]) -> None:
        name, first, second = event
        self.now += timedelta(milliseconds=1)
        await getattr(self, f"_{name}")(first, second)
        await self._check()

    def _one(self, number: int, *states: JobState) -> Kept | None:
        fitting = [each for each in self.kept if each.job.state in states]
        return fitting[number % len(fitting)] if fitting else None

    async def _ask(self, user_id: int, price: int) -> None:
        self.asked += 1
        asked = make_plan(price=Micros(price))
        [answer] = await self.jobs.admit_requests(
            [AdmissionRequest(asked, make_origin(self.asked, user_id=user_id))],
            policy=POLICY,
            owner=f"w{self.owner}",
        )
        fits = self._fits(user_id, UsageAmount.from_plan(asked))
        assert isinstance(answer, Admission if fits else LimitReached), (answer, fits)
        if isinstance(answer, Admission):
            self.kept.append(
                Kept(answer.job, UsageAmount.from_plan(asked), UsageAmount.from_plan(asked))
            )

    def _fits(self, user_id: int, amount: UsageAmount) -> bool:
        own = self._used("member", DAY, user_id) + amount
        active = [each.job for each in self.kept if each.job.state in ACTIVE_STATES]
        at_once = 1 + sum(job.origin.user_id == user_id for job in active)
        return (
            own.clips <= 4
            and own.micros <= 1_500_000
            and at_once <= 3
            and (self._used("house", MONTH) + amount).micros <= 4_000_000
            and (self._used("house", DAY) + amount).seconds <= 64
        )

    def _used(self, account: str, window: timedelta, user_id: int | None = None) -> UsageAmount:
        total = NO_USAGE
        for each in self.kept:
            if each.job.created_at > self.now - window and user_id in (
                None,
                each.job.origin.user_id,
            ):
                total += getattr(each, account)
        return total

    async def _again(self, number: int, _: Any) -> None:
        if self.kept:
            before = self.kept[number % len(self.kept)].job
            [answer] = await self.jobs.admit_requests(
                [AdmissionRequest(before.plan, before.origin)], policy=POLICY, owner=None
            )
            assert isinstance(answer, AlreadyAccepted)

    async def _claim(self, number: int, _: Any) -> None:
        for job in await self.jobs.claim_jobs(
            f"w{self.owner}", policy=POLICY, limit=1 + number % 3
        ):
            self._replace(job)

    async def _send(self, number: int, _: Any) -> None:
        if one := self._one(number, JobState.SUBMITTING):
            if one.job.unsent:
                one.job = await self.jobs.begin_sending(one.job)
            else:
                with pytest.raises(LeaseLost):
                    await self.jobs.begin_sending(one.job)

    async def _requeue(self, number: int, _: Any) -> None:
        if one := self._one(number, JobState.SUBMITTING):
            one.job = await self.jobs.requeue(
                one.job, retry_at=self.now, waiting_for=Outcome.GOOGLE_BUSY
            )

    async def _cancel(self, number: int, _: Any) -> None:
        if one := self._one(number, JobState.QUEUED, JobState.SUBMITTING):
            after = await self.jobs.cancel(one.job.id, owner=None, now=self.now)
            assert after is not None
            if one.job.state is JobState.QUEUED:
                assert after.state is JobState.CANCELLED
                one.member = one.house = NO_USAGE
            one.job = after

    async def _adopt(self, _number: int, _: Any) -> None:
        self.owner += 1
        while adopted := await self.jobs.adopt_orphans(f"w{self.owner}", limit=50):
            for job in adopted:
                self._replace(job)

    async def _end(self, number: int, settlement: Settlement) -> None:
        if one := self._one(number, JobState.SUBMITTING):
            await self._settled(one, JobState.FAILED, settlement)

    async def _unknown(self, number: int, settlement: Settlement) -> None:
        if one := self._one(number, JobState.SUBMITTING):
            await self._settled(one, JobState.UNKNOWN, settlement)

    async def _settled(self, one: Kept, state: JobState, settlement: Settlement) -> None:
        price = UsageAmount.from_plan(one.job.plan)
        one.job = await self.jobs.finish_job(
            one.job,
            state,
            outcome=Outcome.SUBMIT_UNKNOWN,
            postings=build_settlement(price, settlement),
            now=self.now,
        )
        one.member = price if settlement is Settlement.CHARGE else NO_USAGE
        one.house = NO_USAGE if settlement is Settlement.REFUND else price

    async def _judge(self, number: int, charge: bool) -> None:
        if one := self._one(number, JobState.UNKNOWN):
            after = await self.jobs.settle_unknown(
                one.job.id, charge=charge, actor_id=9, now=self.now
            )
            assert after is not None
            one.job = after
            one.member = one.house = UsageAmount.from_plan(after.plan) if charge else NO_USAGE

    async def _find(self, number: int, announced: bool) -> None:
        """Google has an answer after all, once the first outcome was announced."""
        if one := self._one(number, JobState.UNKNOWN):
            if announced and one.job.owner is not None:
                await self.jobs.mark_announced(one.job)
                one.job = replace(one.job, owner=None)
            taken = await self.jobs.reopen(one.job, owner=f"w{self.owner}")
            assert (taken is None) == (one.job.owner is not None)
            if taken is not None:
                assert taken.was_reopened
                one.job = taken

    async def _finish(self, number: int, made: tuple[int, int, bool, int | None]) -> None:
        """Google has made some of four videos, and the member receives some or none of them."""
        if one := self._one(number, JobState.POLLING):
            most, least = max(made[:2]), min(made[:2])
            billed = None if made[3] is None else Micros(made[3])
            price = UsageAmount.from_plan(one.job.plan)
            fetching = await self.jobs.begin_fetching(one.job, most, billed)
            charge = Charge.for_videos(
                price, planned=4, made=most, received=least, billed=fetching.billed_micros
            )
            settlement = Settlement.CHARGE if made[2] else Settlement.ABSORBED
            state = JobState.CANCELLED if made[2] else JobState.FAILED
            await self._charged(one, fetching, state, settlement, charge)
            assert (one.job.videos_made, one.job.billed_micros) == (most, billed)
            if billed is None:
                assert one.house == price.prorated_share(most, 4)
            else:
                assert one.house.micros == billed

    async def _stop(self, number: int, billed: int) -> None:
        """Google has stopped the operation and bills it."""
        if one := self._one(number, JobState.POLLING):
            charge = Charge.for_stopped_work(UsageAmount.from_plan(one.job.plan), Micros(billed))
            await self._charged(one, one.job, JobState.CANCELLED, Settlement.CHARGE, charge)

    async def _charged(
        self, one: Kept, job: Job, state: JobState, settlement: Settlement, charge: Charge
    ) -> None:
        end = build_settlement(
            UsageAmount.from_plan(job.plan),
            settlement,
            charged=charge.member,
            absorbed=charge.absorbed,
            beyond=charge.beyond,
        )
        one.job = await self.jobs.finish_job(
            job, state, outcome=Outcome.DOWNLOAD_FAILED, postings=end, now=self.now
        )
        one.member = charge.member if settlement is Settlement.CHARGE else NO_USAGE
        one.house = charge.member + charge.absorbed + UsageAmount(charge.beyond)

    async def _anew(self, number: int, _: Any) -> None:
        """Google made nothing because of a quota."""
        if one := self._one(number, JobState.POLLING):
            if one.job.was_reopened:
                with pytest.raises(IllegalTransition):
                    await self.jobs.requeue(one.job, retry_at=self.now, waiting_for=None)
            else:
                one.job = await self.jobs.requeue(one.job, retry_at=self.now, waiting_for=None)

    async def _poll(self, number: int, _: Any) -> None:
        if one := self._one(number, JobState.SUBMITTING):
            one.job = await self.jobs.begin_polling(one.job, "operation")

    async def _wait(self, minutes: int, _: Any) -> None:
        self.now += timedelta(minutes=minutes)

    def _replace(self, job: Job) -> None:
        for one in self.kept:
            if one.job.id == job.id:
                one.job = job

    async def _check(self) -> None:
        # what was answered once is not reserved again
        open_jobs = [
            each
            for each in self.kept
            if each.job.state in ACTIVE_STATES and not each.job.was_reopened
        ]
        assert await self.ledger.sum_reserved() == sum(each.job.price for each in open_jobs)
        for user_id in MEMBERS:
            status = await self.ledger.quota_status(
                make_origin("?", user_id=user_id), policy=POLICY
            )
            for line in status.lines:
                assert line.used >= 0
            used = {(line.scope.value, line.limit): line.used for line in status.lines}
            assert used["member", "clips_per_day"] == self._used("member", DAY, user_id).clips
            assert used["member", "usd_per_day"] == self._used("member", DAY, user_id).micros
            assert used["guild", "usd_per_month"] == self._used("house", MONTH).micros
            assert used["guild", "seconds_per_day"] == self._used("house", DAY).seconds
        for one in self.kept[-3:]:
            entries = [entry.posting for entry in await self.ledger.list_entries(one.job.id)]
            sums = compute_balance(entries)
            assert (sums.member, sums.budgets) == (one.member, one.house)
            assert min(sums.member.micros, sums.budgets.micros, sums.reserved.micros) >= 0
            open_now = one.job.state in ACTIVE_STATES and not one.job.was_reopened
            assert bool(sums.reserved) == open_now
            kinds = Counter(entry.kind for entry in entries)
            assert kinds[EntryKind.RESERVE] == 1
            if not open_now:
                by_kind = {
                    kind: sum(e.amount.micros for e in entries if e.kind is kind) for kind in kinds
                }
                assert by_kind[EntryKind.RESERVE] == by_kind.get(EntryKind.SETTLE, 0) - by_kind.get(
                    EntryKind.REFUND, 0
                )
        rows = await self.ledger.list_usage(GUILD, since=self.now - 400 * DAY)
        assert sum(row.micros for row in rows) == sum(one.house.micros for one in self.kept)


@pytest.mark.parametrize(
    "kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def test_ledger_invariants_hold(kind: str, tmp_path: Path) -> None:
    with asyncio.Runner() as runner:
        schema = runner.run(new_schema()) if kind == "postgresql" else None
        url = POSTGRES_URL if schema else f"sqlite+aiosqlite:///{tmp_path}/money.db"
        database = open_database(url, schema=schema)
        runner.run(upgrade_schema(database))

        @settings(
            max_examples=25,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(st.lists(events, max_size=30))
        def lives(sequence: list[tuple[str, Any, Any]]) -> None:
            async def live() -> None:
                await database.write(delete_all_rows)
                machine = Machine(database)
                for event in sequence:
                    await machine.play(event)
                assert (await verify_ledger(database)).mismatches == ()

            runner.run(live())

        try:
            lives()
        finally:
            runner.run(database.close())
            if schema is not None:
                runner.run(drop_schema(schema))
