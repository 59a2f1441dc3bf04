"""Alerts of two processes on both databases: each is told once an hour, by one of them."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import Alert, AlertKind
from bot.domain.billing.limits import UsageLimits
from bot.domain.jobs.job import JobState
from bot.domain.jobs.request import GoogleRoute
from bot.store.engine.database import Database
from bot.store.engine.schema import find_newest_revision, list_newer_revisions
from bot.store.jobs.account_refusals import AccountRefusalStore
from bot.store.operations.alerts import KEPT_FOR, AlertStore
from bot.store.tables.alerts import alerts_table
from tests.fakes.world import SimulatedWorld

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CLAIM_FOR = timedelta(minutes=15)
ALERT = Alert(
    kind=AlertKind.UNKNOWN_JOB, subject="jobs", message="One is.", cure="Look.", occurrence="1"
)
LASTING = replace(ALERT, kind=AlertKind.DISK_NEARLY_FULL, subject="box")


class OperatorClock:
    """The database's time, which the test moves."""

    def __init__(self) -> None:
        self.time = datetime.fromisoformat("2026-11-30T12:00:00+00:00")

    async def __call__(self, _: AsyncConnection) -> datetime:
        return self.time


@pytest.fixture
def clock() -> OperatorClock:
    return OperatorClock()


@pytest.fixture
def stores(database: Database, clock: OperatorClock) -> list[AlertStore]:
    """The stores of two processes."""
    return [AlertStore(database, now=clock), AlertStore(database, now=clock)]


async def tell(store: AlertStore, alert: Alert) -> bool:
    """Do what a process does in a round; return whether it told the alert."""
    for due in await store.list_due([alert]):
        message_id = await store.claim(due, claim_for=CLAIM_FOR)
        if message_id is not None:
            await store.record_told(due, message_id)
            return True
    return False


async def test_one_of_many_claims_succeeds(stores: list[AlertStore]) -> None:
    claims = [store.claim(ALERT, claim_for=CLAIM_FOR) for store in stores * 10]
    claimed = [each for each in await asyncio.gather(*claims) if each is not None]
    assert len(claimed) == 1
    assert len(claimed[0]) == 24


async def test_an_alert_is_told_once_an_hour_and_not_at_all_after_a_restart(
    stores: list[AlertStore], clock: OperatorClock
) -> None:
    first, second = stores
    assert await tell(first, ALERT)
    assert not await tell(second, ALERT)
    assert not await tell(second, replace(ALERT, occurrence="2"))
    clock.time += HOUR
    assert not await tell(second, ALERT), "nothing new has happened"
    assert await tell(second, replace(ALERT, occurrence="2"))
    assert not await tell(first, replace(ALERT, occurrence="3"))


async def test_what_lasts_is_told_again_after_a_day_and_subjects_do_not_disturb_each_other(
    stores: list[AlertStore], clock: OperatorClock
) -> None:
    first, second = stores
    assert await tell(first, LASTING)
    assert await tell(second, replace(LASTING, subject="another box"))
    assert await tell(second, replace(LASTING, kind=AlertKind.NEWER_SCHEMA))
    clock.time += DAY - HOUR
    assert not await tell(second, LASTING)
    clock.time += HOUR
    assert await tell(second, LASTING)


async def test_what_a_dead_process_claimed_is_told_by_another_with_the_same_id(
    stores: list[AlertStore], clock: OperatorClock
) -> None:
    first, second = stores
    claimed = await first.claim(ALERT, claim_for=CLAIM_FOR)
    assert await second.list_due([ALERT]) == []
    clock.time += CLAIM_FOR
    assert await second.list_due([ALERT]) == [ALERT]
    assert await second.claim(ALERT, claim_for=CLAIM_FOR) == claimed
    clock.time += DAY
    assert await first.claim(ALERT, claim_for=CLAIM_FOR) not in (None, claimed)


async def test_rows_of_machines_that_are_gone_are_deleted(
    stores: list[AlertStore], clock: OperatorClock, database: Database
) -> None:
    await tell(stores[0], LASTING)
    clock.time += KEPT_FOR + HOUR
    await tell(stores[0], ALERT)
    assert await database.read_scalars(select(alerts_table.c.kind)) == [AlertKind.UNKNOWN_JOB]


async def test_the_readings_come_from_what_the_bot_has_recorded(world: SimulatedWorld) -> None:
    assert await world.jobs.summarize_unknown() is None
    assert await AccountRefusalStore(world.database).list_latest() == []
    assert await list_newer_revisions(world.database) == []
    assert await world.ledger.list_bot_lines(UsageLimits()) == ()

    job = await world.admit_job(1)
    [line] = await world.ledger.list_bot_lines(UsageLimits(clips_per_day=10))
    assert (line.used, line.allowed) == (1, 10)

    now = world.clock.now()
    await AccountRefusalStore(world.database).record_refusal(
        GoogleRoute.OMNI, reason="API_KEY_INVALID", message="API key not valid.", now=now
    )
    [refusal] = await AccountRefusalStore(world.database).list_latest()
    assert (refusal.route, refusal.reason) == ("omni", "API_KEY_INVALID")

    async def make_unknown(connection: AsyncConnection) -> None:
        statement = "UPDATE jobs SET state = :state, finished_at = created_at WHERE id = :id"
        await connection.execute(text(statement), {"state": JobState.UNKNOWN, "id": job.id})

    await world.database.write(make_unknown)
    reading = await world.jobs.summarize_unknown()
    assert reading is not None
    assert (reading.count, reading.latest_id) == (1, job.id)


async def test_a_revision_of_a_newer_program_is_found(database: Database) -> None:
    async def set_revision(connection: AsyncConnection, revision: str) -> None:
        statement = text("UPDATE alembic_version SET version_num = :revision")
        await connection.execute(statement, {"revision": revision})

    await database.write(partial(set_revision, revision="9999"))
    try:
        assert await list_newer_revisions(database) == ["9999"]
    finally:  # other tests use the same tables
        await database.write(partial(set_revision, revision=find_newest_revision()))
    assert await list_newer_revisions(database) == []
