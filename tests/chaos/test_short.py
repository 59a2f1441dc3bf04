"""The short form of ``make chaos``: the same scenarios with fewer jobs and kills."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.books import ScenarioResult
from tests.chaos.boundaries import (
    BOUNDARIES,
    JOBS,
    MAY_BE_UNKNOWN,
    kill_with_submit_lost,
    play_boundary,
)
from tests.chaos.cluster import PostgresCluster, PostgresNotInstalled
from tests.chaos.fleet import play_random_kills
from tests.chaos.outages import (
    play_kill_during_write,
    play_postgres_crashes,
    play_stop_during_post,
    play_stop_past_lease,
)
from tests.chaos.rush import play_member_limit, play_server_budget
from tests.chaos.stage import open_stage


@pytest.fixture
async def cluster() -> AsyncIterator[PostgresCluster]:
    """Give a PostgreSQL that may be crashed."""
    try:
        cluster = PostgresCluster()
    except PostgresNotInstalled as missing:
        pytest.skip(str(missing))
    async with cluster:
        yield cluster


def keeps_promises(finding: ScenarioResult) -> None:
    """Nothing lost, paid twice or posted twice; nothing reserved; the ledger adds up."""
    assert finding.is_flawless, finding
    assert finding.accepted > 0
    assert finding.unknown == 0 or finding.scenario in MAY_BE_UNKNOWN, finding


@pytest.mark.parametrize("name", BOUNDARIES)
async def test_kill_at_boundary_loses_nothing(name: str, tmp_path: Path) -> None:
    keeps_promises(await play_boundary(name, tmp_path, None))


async def test_unknown_job_is_settled_by_its_own_server(tmp_path: Path) -> None:
    """Ada is an admin of two servers, and the jobs belong to the one she looks at less."""
    async with open_stage(tmp_path) as on:
        await on.create_guilds()
        await kill_with_submit_lost(on)
        await on.control.clear_faults()
        await on.bot.start()
        finding = await on.conclude_scenario("killed while the submit was lost on the way")
    keeps_promises(finding)
    assert (finding.unknown, finding.submits) == (JOBS, 0)


async def test_kill_during_write_loses_nothing(tmp_path: Path) -> None:
    keeps_promises(await play_kill_during_write(tmp_path, kills=2, jobs=8))


async def test_stop_past_lease_repeats_nothing(tmp_path: Path, cluster: PostgresCluster) -> None:
    keeps_promises(await play_stop_past_lease(tmp_path, cluster, jobs=4))


async def test_stop_during_post_repeats_nothing(tmp_path: Path, cluster: PostgresCluster) -> None:
    keeps_promises(await play_stop_during_post(tmp_path, cluster, jobs=2))


async def test_a_members_limit_holds_over_two_processes(
    tmp_path: Path, cluster: PostgresCluster
) -> None:
    keeps_promises(await play_member_limit(tmp_path, cluster, requests=60))


async def test_a_servers_budget_holds_over_two_processes(
    tmp_path: Path, cluster: PostgresCluster
) -> None:
    keeps_promises(await play_server_budget(tmp_path, cluster, members=30))


async def test_postgres_crashes_under_load(tmp_path: Path, cluster: PostgresCluster) -> None:
    keeps_promises(await play_postgres_crashes(tmp_path, cluster, crashes=1, jobs=8))


async def test_random_kills_lose_nothing(tmp_path: Path, cluster: PostgresCluster) -> None:
    keeps_promises(await play_random_kills(tmp_path, cluster, jobs=18, kills=3))
