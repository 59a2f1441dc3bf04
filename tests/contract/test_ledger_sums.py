"""The sums that the database keeps are what the entries add up to, whatever happens to them."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Executable, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cli.main import main
from bot.domain.billing.ledger import EntryKind, LedgerAccount, LedgerPosting, compute_balance
from bot.domain.billing.limits import DAY, MONTH, UsageAmount, UsageTotals
from bot.domain.billing.money import Micros
from bot.domain.billing.months import find_month
from bot.domain.erasure import pseudonym_for
from bot.domain.jobs.job import JobState
from bot.services.admin.ledger_rollup import LedgerRollup
from bot.store.billing import usage_queries
from bot.store.billing.ledger import LedgerStore
from bot.store.billing.rollup import RollupStore, replace_entries
from bot.store.billing.verification import SumMismatch, verify_ledger
from bot.store.engine.database import Database, open_database
from bot.store.engine.schema import upgrade_schema
from bot.store.operations.statistics import StatisticsStore
from bot.store.privacy.erasure import ErasureStore
from bot.store.tables.core import job_inputs_table, jobs_table, ledger_table, limits_table
from bot.store.tables.row_mapping import posting_to_row
from bot.store.tables.sums import daily_usage_table, ended_job_counts_table
from tests.contract.conftest import (
    ON_SQLITE,
    POSTGRES_URL,
    delete_all_rows,
    drop_schema,
    new_schema,
)
from tests.fakes.clock import VirtualClock
from tests.fakes.world import SimulatedWorld, make_plan

NOW: Final = datetime(2026, 11, 23, 15, 30, tzinfo=UTC)
MEMBERS: Final = (900, 901)
GUILDS: Final = (700, 701)
IS_RESERVATION: Final = ledger_table.c.kind == EntryKind.RESERVE
Work = Callable[[AsyncConnection], Any]


@dataclass(slots=True)
class Recorded:
    """An entry as the simple model remembers it."""

    at: datetime
    posting: LedgerPosting
    guild_id: int | None
    user_id: int | None


ages = st.one_of(
    st.integers(0, 40 * 24).map(lambda hours: timedelta(hours=hours)),
    st.integers(380 * 24, 480 * 24).map(lambda hours: timedelta(hours=hours)),
    st.sampled_from(
        [
            *(
                window + timedelta(microseconds=edge)
                for window in (DAY, MONTH)
                for edge in (-1, 0, 1)
            ),
            timedelta(hours=15, minutes=30),  # midnight
            timedelta(hours=15, minutes=30, microseconds=1),
        ]
    ),
)
amounts = st.builds(
    lambda micros, clips: UsageAmount(Micros(micros), clips, 8 * clips),
    st.integers(0, 3_000_000),
    st.integers(0, 3),
)


def _sign(kind: EntryKind, amount: UsageAmount, account: LedgerAccount) -> LedgerPosting:
    return LedgerPosting(kind, -amount if kind is EntryKind.REFUND else amount, account)


postings = st.builds(_sign, st.sampled_from(EntryKind), amounts, st.sampled_from(LedgerAccount))
entries = st.lists(
    st.builds(
        Recorded,
        ages.map(lambda age: NOW - age),
        postings,
        st.sampled_from((None, *GUILDS)),
        st.sampled_from((None, *MEMBERS)),
    ),
    min_size=1,
    max_size=6,
)
events = st.one_of(
    *[st.tuples(st.just("record"), entries)] * 4,
    st.tuples(st.just("erase_member"), st.sampled_from(MEMBERS)),
    st.tuples(st.just("erase_guild"), st.sampled_from(GUILDS)),
    st.tuples(st.just("purge"), st.just(None)),
    *[st.tuples(st.just("roll_up"), st.integers(1, 3))] * 2,
)
OLD: Final = find_month(NOW - timedelta(days=400))
"""What is from before is rolled up."""


class Machine:
    """Applies events to the database and to the model."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.erasures = ErasureStore(database)
        self.ledger = LedgerStore(database)
        self.rollups = RollupStore(database)
        self.recorded: list[Recorded] = []

    async def play(self, event: tuple[str, Any]) -> None:
        await getattr(self, f"_{event[0]}")(event[1])

    async def _record(self, added: list[Recorded]) -> None:
        rows = [
            posting_to_row(each.posting)
            | {"recorded_at": each.at, "window_at": each.at}
            | {"guild_id": each.guild_id, "user_id": each.user_id}
            for each in added
        ]
        await self._write(lambda connection: connection.execute(insert(ledger_table), rows))
        self.recorded += [Recorded(e.at, e.posting, e.guild_id, e.user_id) for e in added]

    async def _erase_member(self, user_id: int) -> None:
        await self.erasures.erase_member(user_id, now=NOW)
        for each in self.recorded:
            if each.user_id == user_id:
                each.user_id = pseudonym_for(user_id) if each.at > NOW - MONTH else None

    async def _erase_guild(self, guild_id: int) -> None:
        await self.erasures.mark_guild_left(guild_id, now=NOW)
        assert await self.erasures.erase_guild(guild_id, left_before=NOW + DAY)
        for each in self.recorded:
            if each.guild_id == guild_id:
                each.guild_id = each.user_id = None

    async def _purge(self, _: None) -> None:
        await self.erasures.purge_expired(now=NOW, audit_before=NOW)
        for each in self.recorded:
            if each.at <= NOW - MONTH and (each.user_id or 0) < 0:
                each.user_id = None

    async def _roll_up(self, most: int) -> None:
        """Roll up in small batches, and stop after some, as if the process had ended."""
        for _ in range(most):
            await self.rollups.roll_up_batch(before=OLD, limit=2)

    async def _write(self, work: Work) -> None:
        await self.database.write(work)

    async def check(self) -> None:
        """Compare what the readers return with sums over all that was recorded."""
        assert (await verify_ledger(self.database)).mismatches == ()
        read = self.database.read
        members = await read(lambda c: usage_queries.sum_member_usage(c, MEMBERS, NOW))
        for user_id in MEMBERS:
            for guild_id in (None, *GUILDS):
                assert members.get((guild_id, user_id), UsageTotals()) == self._add_up(
                    lambda e, guild_id=guild_id, user_id=user_id: (  # type: ignore[misc]
                        e.guild_id == guild_id
                        and e.user_id in (user_id, pseudonym_for(user_id))
                        and e.posting.account.counts_for_member
                    )
                )
        guilds = await read(lambda c: usage_queries.sum_guild_usage(c, GUILDS, NOW))
        for guild_id in GUILDS:
            assert guilds.get(guild_id, UsageTotals()) == self._add_up(
                lambda e, guild_id=guild_id: (  # type: ignore[misc]
                    e.guild_id == guild_id and e.posting.account.counts_for_budgets
                )
            )
            for since in (NOW - DAY, NOW - MONTH, NOW - 365 * DAY):
                rows = await self.ledger.list_usage(guild_id, since=since)
                assert {row.user_id: row.micros for row in rows if row.micros} == self._list_usage(
                    guild_id, since
                )
        bot = await read(lambda c: usage_queries.sum_bot_usage(c, NOW))
        expected = self._add_up(
            lambda e: e.posting.account.counts_for_budgets and e.posting.kind is not EntryKind.GRANT
        )
        assert bot == expected
        everything = [each.posting for each in self.recorded]
        assert await self.ledger.sum_reserved() == compute_balance(everything).reserved.micros

    def _add_up(self, is_counted: Callable[[Recorded], bool]) -> UsageTotals:
        totals = UsageTotals()
        for each in filter(is_counted, self.recorded):
            amount = each.posting.amount
            in_day = amount if each.at > NOW - DAY else UsageAmount()
            in_month = amount if each.at > NOW - MONTH else UsageAmount()
            match each.posting.kind:
                case EntryKind.RESERVE | EntryKind.REFUND | EntryKind.ADJUST:
                    totals += UsageTotals(day=in_day, month=in_month)
                case EntryKind.GRANT:
                    totals += UsageTotals(granted_day=in_day, granted_month=in_month)
                case EntryKind.SETTLE:
                    pass
        return totals

    def _list_usage(self, guild_id: int, since: datetime) -> dict[int | None, int]:
        used: dict[int | None, int] = {}
        counted = (EntryKind.RESERVE, EntryKind.REFUND, EntryKind.ADJUST)
        for each in self.recorded:
            if (
                each.guild_id == guild_id
                and each.at > since
                and each.posting.kind in counted
                and each.posting.account.counts_for_budgets
            ):
                used[each.user_id] = used.get(each.user_id, 0) + each.posting.amount.micros
        return {user_id: micros for user_id, micros in used.items() if micros}


async def check_rolled_up(database: Database, recorded: list[Recorded]) -> None:
    """All old entries have been replaced by one for each month and group."""
    old = select(ledger_table).where(ledger_table.c.window_at < OLD)
    rows = await database.read_rows(old)
    expected: dict[tuple[Any, ...], list[int]] = {}
    for each in recorded:
        if each.at < OLD:
            kind, account = each.posting.kind, each.posting.account
            key = find_month(each.at), each.guild_id, each.user_id, kind, account
            sums = expected.setdefault(key, [0, 0])
            sums[0] += each.posting.amount.micros
            sums[1] += 1
    names = ("window_at", "guild_id", "user_id", "kind", "account")
    found = {
        tuple(row[name] for name in names): [row["micros"], row["rolled_up_entries"]]
        for row in rows
    }
    assert len(rows) == len(found)
    assert found == expected


@contextmanager
def opened_database(kind: str, folder: Path) -> Iterator[tuple[asyncio.Runner, Database]]:
    """Give a database for many examples, and the runner of its event loop."""
    with asyncio.Runner() as runner:
        schema = runner.run(new_schema()) if kind == "postgresql" else None
        url = POSTGRES_URL if schema else f"sqlite+aiosqlite:///{folder}/sums.db"
        database = open_database(url, schema=schema)
        try:
            runner.run(upgrade_schema(database))
            yield runner, database
        finally:
            runner.run(database.close())
            if schema is not None:
                runner.run(drop_schema(schema))


@pytest.mark.parametrize(
    "kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
)
def test_sums_are_what_entries_add_up_to(kind: str, tmp_path: Path) -> None:
    with opened_database(kind, tmp_path) as (runner, database):

        @settings(
            max_examples=25,
            deadline=None,
            database=None,
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(st.lists(events, max_size=12))
        def play(sequence: list[tuple[str, Any]]) -> None:
            async def live() -> None:
                await database.write(delete_all_rows)
                machine = Machine(database)
                for event in sequence:
                    await machine.play(event)
                await machine.check()
                while await machine.rollups.roll_up_batch(before=OLD):
                    pass
                await machine.check()
                await check_rolled_up(database, machine.recorded)

            runner.run(live())

        play()


async def test_entries_are_neither_changed_nor_deleted(world: SimulatedWorld) -> None:
    """The database itself refuses it, whoever asks."""
    await world.admit_job("a")
    await refuse(world.database, delete(ledger_table))
    for values in ({"micros": 1}, {"window_at": NOW}, {"kind": EntryKind.GRANT}):
        await refuse(world.database, update(ledger_table).values(values))
    # an entry that claims to be replaced by one that replaces nothing
    await world.database.execute(update(ledger_table).values(rollup_id=ledger_table.c.id))
    await refuse(world.database, delete(ledger_table))
    assert await world.ledger.sum_reserved() == make_plan().price
    assert (await verify_ledger(world.database)).mismatches == ()


async def test_entries_that_may_be_corrected_are_not_rolled_up(world: SimulatedWorld) -> None:
    """An unknown job is settled by what was recorded for it, however old it is."""
    finished, unknown = [await world.admit_job(key) for key in "ab"]
    for job, state in ((finished, JobState.FAILED), (unknown, JobState.UNKNOWN)):
        change = update(jobs_table).where(jobs_table.c.id == job.id).values(state=state)
        await world.database.execute(change)
    rollups = RollupStore(world.database)
    later = world.clock.now() + timedelta(days=40)
    assert await rollups.roll_up_batch(before=later) == 1
    assert await rollups.roll_up_batch(before=later) == 0
    assert await world.ledger.list_entries(finished.id) == []
    settled = await world.jobs.settle_unknown(unknown.id, charge=False, actor_id=1, now=later)
    assert settled is not None
    # the correction is too new; the reservation is not
    assert await rollups.roll_up_batch(before=later) == 1
    assert (await verify_ledger(world.database)).mismatches == ()


async def test_a_crash_during_a_rollup_loses_nothing(world: SimulatedWorld) -> None:
    job = await world.admit_job("a")
    await world.jobs.cancel(job.id, owner=None, now=world.clock.now())

    async def roll_up_and_crash(connection: AsyncConnection) -> None:
        await replace_entries(connection, before=world.clock.now() + timedelta(days=40))
        raise RuntimeError("crash")

    with pytest.raises(RuntimeError):
        await world.database.write(roll_up_and_crash)
    assert len(await world.ledger.list_entries(job.id)) == 2
    assert (await verify_ledger(world.database)).mismatches == ()


async def test_verification_finds_a_rollup_that_lost_money(world: SimulatedWorld) -> None:
    """The sums of the days follow whatever is deleted, but not the totals."""
    job = await world.admit_job("a")
    await world.jobs.cancel(job.id, owner=None, now=world.clock.now())
    entry = await world.database.read_rows(select(ledger_table).where(IS_RESERVATION))
    less = dict(entry[0]) | {"id": 99, "micros": 1, "rolled_up_entries": 1, "job_id": None}
    await world.database.execute(insert(ledger_table).values(less))
    replaced = IS_RESERVATION & (ledger_table.c.id != 99)
    await world.database.execute(update(ledger_table).where(replaced).values(rollup_id=99))
    await world.database.execute(delete(ledger_table).where(replaced))
    [found] = (await verify_ledger(world.database)).mismatches
    assert (found.table, found.key, found.column) == ("ledger_totals", ("reserve", "all"), "micros")
    assert (found.kept, found.actual) == (job.price, 1)


async def test_the_loop_rolls_up_whole_months(world: SimulatedWorld) -> None:
    clock = VirtualClock(start=datetime(2026, 1, 31, 23, tzinfo=UTC))
    world = SimulatedWorld(world.database, world.data_dir, clock=clock)
    job = await world.admit_job("a")
    await world.jobs.cancel(job.id, owner=None, now=clock.now())
    rollup = LedgerRollup(
        store=RollupStore(world.database), clock=clock, keep_for=timedelta(days=400)
    )
    assert await replace(rollup, keep_for=None).run_once() == 0
    clock.jump_ahead(timedelta(days=400).total_seconds())
    assert await rollup.run_once() == 0  # the month ended less than 400 days ago
    clock.jump_ahead(timedelta(hours=2).total_seconds())
    assert await rollup.run_once() == 2
    assert await rollup.run_once() == 0
    assert (await verify_ledger(world.database)).mismatches == ()


async def refuse(database: Database, statement: Executable) -> None:
    with pytest.raises(IntegrityError):
        await database.write(lambda connection: connection.execute(statement))


@pytest.mark.parametrize(
    "statement",
    [
        update(jobs_table).values(state="lost"),
        update(jobs_table).values(price_micros=-1),
        update(jobs_table).values(videos_made=-1),
        insert(job_inputs_table).values(job_id=99, path="inputs/a.png"),
        insert(limits_table).values(guild_id=1, subject="nobody", subject_id=0),
        insert(limits_table).values(guild_id=1, subject="guild", subject_id=0, usd_per_day=-1),
        *(
            insert(ledger_table).values(
                {"kind": kind, "account": account, "micros": micros, "clips": 0, "seconds": 0}
                | {"recorded_at": NOW, "window_at": NOW}
            )
            for kind, account, micros in (
                ("gift", "all", 1),
                ("grant", "nobody", 1),
                ("reserve", "all", -1),
                ("settle", "all", -1),
                ("refund", "all", 1),
            )
        ),
    ],
)
async def test_rows_that_nothing_writes_are_refused(
    world: SimulatedWorld, statement: Executable
) -> None:
    await world.admit_job("a")
    await refuse(world.database, statement)


async def test_verification_finds_each_wrong_sum(world: SimulatedWorld) -> None:
    await world.admit_job("a")
    job = await world.admit_job("b")
    await world.jobs.cancel(job.id, owner=None, now=world.clock.now())
    for statement in (
        update(daily_usage_table)
        .where(daily_usage_table.c.scope == "bot")
        .values(budget_micros=daily_usage_table.c.budget_micros + 1),
        delete(daily_usage_table).where(daily_usage_table.c.scope == "guild"),
        text("UPDATE ledger_totals SET clips = clips - 1 WHERE kind = 'reserve'"),
        update(ended_job_counts_table).values(job_count=7),
    ):
        await world.database.write(lambda c, s=statement: c.execute(s))  # type: ignore[misc]
    found = (await verify_ledger(world.database)).mismatches
    assert (
        SumMismatch(
            "ended_job_counts", ("cancelled", job.plan.model, "cancelled"), "job_count", 7, 1
        )
        in found
    )
    assert {(each.table, each.key[0]) for each in found} == {
        ("daily_usage", "bot"),
        ("daily_usage", "guild"),
        ("ledger_totals", "reserve"),
        ("ended_job_counts", "cancelled"),
    }


@ON_SQLITE
async def test_operators_verify_the_ledger(
    world: SimulatedWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`clapper ledger verify` says which sum is wrong, and its status tells a script."""
    await world.admit_job("a")
    monkeypatch.setenv("DISCORD_TOKEN", "t")
    monkeypatch.setenv("GEMINI_API_KEY", "k")
    monkeypatch.setenv("DATABASE_URL", world.database.engine.url.render_as_string())
    assert await asyncio.to_thread(main, ["ledger", "verify"]) == 0
    assert capsys.readouterr().out == "Every sum is right. Entries in the ledger: 1, jobs: 1.\n"
    wrong = text("UPDATE ledger_totals SET micros = micros - 5")
    await world.database.write(lambda connection: connection.execute(wrong))
    assert await asyncio.to_thread(main, ["ledger", "verify"]) == 1
    printed = capsys.readouterr()
    price = make_plan().price
    assert printed.out == f"ledger_totals (reserve, all) micros: {price - 5} instead of {price}\n"
    assert printed.err.startswith("clapper: wrong sums: 1;")


async def test_counts_of_ended_jobs_follow_reopened_and_deleted_jobs(
    world: SimulatedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of failed jobs has the newest and every unknown one."""
    statistics = StatisticsStore(world.database)
    job = await world.admit_job("a")
    await world.admit_job("b")

    async def count(state: str | None) -> dict[str, int]:
        if state is None:
            change: Executable = delete(jobs_table).where(jobs_table.c.id == job.id)
        else:
            change = update(jobs_table).where(jobs_table.c.id == job.id).values(state=state)
        await world.database.write(lambda connection: connection.execute(change))
        assert (await verify_ledger(world.database)).mismatches == ()
        snapshot = await statistics.load_snapshot(now=NOW)
        return {str(each): number for each, number in snapshot.job_counts.items()}

    assert await count("unknown") == {"queued": 1, "unknown": 1}
    assert await count("polling") == {"queued": 1, "polling": 1}
    assert await count("failed") == {"queued": 1, "failed": 1}
    assert [each.id for each in (await statistics.load_snapshot(now=NOW, limit=5)).failed_jobs] == [
        job.id
    ]
    monkeypatch.setattr("bot.store.operations.statistics._JOBS_SEARCHED", 1)
    assert (await statistics.load_snapshot(now=NOW, limit=5)).failed_jobs == ()
    assert await count("unknown") == {"queued": 1, "unknown": 1}
    assert len((await statistics.load_snapshot(now=NOW, limit=5)).failed_jobs) == 1
    assert await count(None) == {"queued": 1}
