"""Measured durations are shared by all processes, kept for each kind of operation, and counted."""

from bot.domain.statistics import DURATION_BUCKETS_S, find_bucket
from bot.store.engine.database import Database
from bot.store.jobs.model_states import KEPT_DURATIONS, ModelStateStore
from bot.store.operations.statistics import StatisticsStore
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
