"""A short run of ``make chaos``: the same scenarios with fewer jobs and kills."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.boundaries import (
    BOUNDARIES,
    JOBS,
    MAY_BE_UNKNOWN,
    kill_with_submit_lost,
    play_boundary,
)
from tests.chaos.cluster import PostgresCluster, PostgresNotInstalled
from tests.chaos.concurrent_requests import play_member_limit, play_server_budget
from tests.chaos.fleet import play_random_kills
from tests.chaos.outages import (
    play_kill_during_write,
    play_postgres_crashes,
    play_stop_during_post,
    play_stop_past_lease,
)
from tests.chaos.records import ScenarioResult
from tests.chaos.stage import open_stage


@pytest.fixture
async def cluster() -> AsyncIterator[PostgresCluster]:
    """Return a PostgreSQL server that may be crashed."""
    try:
        cluster = PostgresCluster(durable=True)
    except PostgresNotInstalled as error:
        pytest.skip(str(error))
    async with cluster:
        yield cluster


def assert_acceptable(result: ScenarioResult) -> None:
    """Assert that nothing was lost, paid twice or posted twice, and the ledger balances."""
    assert result.is_flawless, result
    assert result.accepted > 0
    assert result.unknown == 0 or result.scenario in MAY_BE_UNKNOWN, result


@pytest.mark.parametrize("name", BOUNDARIES)
async def test_kill_at_boundary_loses_nothing(name: str, tmp_path: Path) -> None:
    assert_acceptable(await play_boundary(name, tmp_path, None))


async def test_unknown_job_is_settled_by_its_own_server(tmp_path: Path) -> None:
    """Ada is an admin of two servers; the jobs belong to the second."""
    async with open_stage(tmp_path) as stage:
        await stage.create_guilds()
        await kill_with_submit_lost(stage)
        await stage.control.clear_faults()
        await stage.bot.start()
        result = await stage.conclude_scenario("killed while the submit was lost on the way")
    assert_acceptable(result)
    assert (result.unknown, result.submits) == (JOBS, 0)


async def test_kill_during_write_loses_nothing(tmp_path: Path) -> None:
    assert_acceptable(await play_kill_during_write(tmp_path, kills=2, jobs=8))


async def test_stop_past_lease_repeats_nothing(tmp_path: Path, cluster: PostgresCluster) -> None:
    assert_acceptable(await play_stop_past_lease(tmp_path, cluster, jobs=4))


async def test_stop_during_post_repeats_nothing(tmp_path: Path, cluster: PostgresCluster) -> None:
    assert_acceptable(await play_stop_during_post(tmp_path, cluster, jobs=2))


async def test_member_limit_holds_across_two_processes(
    tmp_path: Path, cluster: PostgresCluster
) -> None:
    assert_acceptable(await play_member_limit(tmp_path, cluster, requests=60))


async def test_server_budget_holds_across_two_processes(
    tmp_path: Path, cluster: PostgresCluster
) -> None:
    assert_acceptable(await play_server_budget(tmp_path, cluster, members=30))


async def test_postgres_crashes_under_load(tmp_path: Path, cluster: PostgresCluster) -> None:
    assert_acceptable(await play_postgres_crashes(tmp_path, cluster, crashes=1, jobs=8))


async def test_random_kills_lose_nothing(tmp_path: Path, cluster: PostgresCluster) -> None:
    assert_acceptable(await play_random_kills(tmp_path, cluster, jobs=18, kills=3))
