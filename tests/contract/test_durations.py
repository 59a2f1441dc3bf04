"""Measured durations are shared by all processes, kept for each kind of operation, and counted."""

import asyncio
from statistics import median

import pytest
from sqlalchemy import inspect

from bot.domain.errors import DatabaseUnavailable
from bot.domain.jobs.job import Outcome
from bot.domain.jobs.poll_schedule import ENOUGH_DURATIONS, LATEST_DURATIONS, MeasuredDuration
from bot.domain.jobs.request import GenerationMode, VideoPlan
from bot.domain.statistics import DURATION_BUCKETS_S, find_bucket
from bot.services.jobs.poll_schedules import PollSchedules
from bot.store.engine.database import Database
from bot.store.jobs.model_states import KEPT_DURATIONS, ModelStateStore
from bot.store.operations.statistics import StatisticsStore
from tests.bench.lag import LEARNED_JOBS, Load, LoadRun, LogNormal, Watched
from tests.contract.conftest import ON_SQLITE
from tests.fakes.clock import VirtualClock
from tests.fakes.world import MODEL, SimulatedWorld, make_plan


async def record(world: SimulatedWorld, *durations_s: float, seconds: int = 8) -> None:
    for duration_s in durations_s:
        await world.model_store.record_duration(
            make_plan(seconds=seconds), duration_s=duration_s, now=world.clock.now()
        )


async def test_the_latest_of_each_group_stay(world: SimulatedWorld) -> None:
    await record(world, 1.5, seconds=4)
    await record(world, *map(float, range(KEPT_DURATIONS + 3)))
    kept = await world.model_store.list_durations(MODEL, limit=10_000)
    assert kept == [*map(float, reversed(range(3, KEPT_DURATIONS + 3))), 1.5]


async def test_deleted_durations_stay_counted(world: SimulatedWorld, database: Database) -> None:
    """A counter that went down would look like a restart to Prometheus."""
    await record(world, *[44.0] * KEPT_DURATIONS, 46.0, 1000.0)
    assert len(await ModelStateStore(database).list_durations(MODEL, limit=10_000)) == 200
    histogram = (await StatisticsStore(database).load_snapshot(now=world.clock.now())).durations[
        MODEL
    ]
    counts = dict(zip(DURATION_BUCKETS_S, histogram.bucket_counts, strict=True))
    assert (counts[30.0], counts[45.0], counts[60.0], counts[360.0]) == (0, 200, 201, 201)
    assert histogram.count == 202
    assert histogram.total_seconds == 200 * 44.0 + 1046.0


def test_a_duration_at_the_edge_of_a_bucket_is_within_it() -> None:
    assert find_bucket(45.0) == 45.0
    assert find_bucket(45.1) == 60.0
    assert find_bucket(10_000.0) > max(DURATION_BUCKETS_S)


async def test_alike_operations_are_read_first(world: SimulatedWorld) -> None:
    """Length, then mode and resolution may differ if there are too few; the model never may."""
    store = world.model_store
    assert await store.list_measured(make_plan()) == []
    now = world.clock.now()
    other_mode = make_plan(mode=GenerationMode.IMAGE, resolution=None)
    for plan in (make_plan(model="another"), other_mode, make_plan(seconds=4), make_plan()):
        for n in range(ENOUGH_DURATIONS - 1):
            duration_s = 10.0 * plan.seconds + n
            await store.record_duration(
                plan, duration_s=duration_s, last_pending_s=duration_s - 2, now=now
            )
    assert len(await store.list_measured(make_plan())) == 2 * (ENOUGH_DURATIONS - 1)
    assert len(await store.list_measured(other_mode)) == 3 * (ENOUGH_DURATIONS - 1)
    assert len(await store.list_measured(make_plan(model="another"))) == ENOUGH_DURATIONS - 1
    await store.record_duration(make_plan(), duration_s=99.0, now=now)
    latest, before, *others = await store.list_measured(make_plan())
    assert latest == MeasuredDuration(seen_s=99.0)
    assert before == MeasuredDuration(seen_s=86.0, last_pending_s=84.0)
    assert len(others) == ENOUGH_DURATIONS - 2
    for n in range(LATEST_DURATIONS + 1):
        await store.record_duration(make_plan(), duration_s=float(n), now=now)
    latest, *others = await store.list_measured(make_plan())
    assert (latest.seen_s, len(others)) == (float(LATEST_DURATIONS), LATEST_DURATIONS - 1)


async def test_a_group_has_an_index(database: Database) -> None:
    """Reading and deleting take no longer when other groups are large."""
    indexes = await database.read(
        lambda connection: connection.run_sync(
            lambda sync: inspect(sync).get_indexes("operation_durations")
        )
    )
    assert ["model", "mode", "resolution", "clip_seconds", "id"] in [
        index["column_names"] for index in indexes
    ]


@ON_SQLITE
async def test_the_poller_learns_from_what_it_measures(database: Database) -> None:
    """Operations of about 43 s: every ten seconds they are seen at 50, a schedule knows better."""
    load = Load("alike", (LogNormal(1.0, 43.0, 0.02),))
    ours, fixed = Watched(), Watched()
    await LoadRun(load, 1, database).measure(ours, fixed, jobs=20)
    assert fixed.median_s > 6
    assert ours.median_s < 2
    assert max(ours.lags_s) < 8
    assert ours.mean_polls < 1.5 * fixed.mean_polls
    measured = await ModelStateStore(database).list_measured(make_plan(model="alike 1"))
    assert len(measured) == LEARNED_JOBS + 20
    for duration in measured:
        assert duration.last_pending_s is not None
        assert 2 - 1e-6 <= duration.seen_s - duration.last_pending_s <= 20 + 1e-6
    assert abs(median(duration.middle_s for duration in measured) - 43) < 2


async def test_polls_go_on_while_durations_cannot_be_read(
    world: SimulatedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_: object) -> list[MeasuredDuration]:
        raise DatabaseUnavailable

    monkeypatch.setattr(world.model_store, "list_measured", fail)
    process = await world.start_process()
    after = await world.wait_for_end(await process.submit_job(1))
    assert after.outcome is Outcome.DELIVERED


async def test_a_schedule_is_read_once_for_many_jobs(
    world: SimulatedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[VideoPlan] = []
    measured = [MeasuredDuration(seen_s=40.0, last_pending_s=38.0)] * 10

    async def read(plan: VideoPlan) -> list[MeasuredDuration]:
        reads.append(plan)
        return measured

    monkeypatch.setattr(world.model_store, "list_measured", read)
    clock = VirtualClock(start=world.clock.now())
    schedules = PollSchedules(model_states=world.model_store, clock=clock, interval_s=10.0)
    found = await asyncio.gather(*(schedules.find_schedule(make_plan()) for _ in range(50)))
    assert len(reads) == 1
    assert all(schedule is found[0] for schedule in found)
    assert found[0].is_learned
    assert (await schedules.find_schedule(make_plan(seconds=4))).is_learned
    assert len(reads) == 2, "another group"
    clock.jump_ahead(31.0)
    assert await schedules.find_schedule(make_plan()) is found[0], "nothing new was measured"
    assert len(reads) == 3
    measured = measured * 2
    clock.jump_ahead(31.0)
    assert await schedules.find_schedule(make_plan()) is not found[0]
