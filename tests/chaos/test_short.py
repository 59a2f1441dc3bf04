"""The short form of ``make chaos``: the same scenarios with fewer jobs and kills."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chaos.books import Finding
from tests.chaos.boundaries import (
    BOUNDARIES,
    JOBS,
    MAY_BE_UNKNOWN,
    at_boundary,
    submit_never_arrived,
)
from tests.chaos.cluster import Cluster, NoPostgres
from tests.chaos.fleet import random_kills
from tests.chaos.outages import (
    killed_in_mid_write,
    postgres_crashes,
    stopped_in_mid_post,
    stopped_past_its_lease,
)
from tests.chaos.rush import one_member, server_budget
from tests.chaos.stage import stage


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    """Give a PostgreSQL that may be crashed."""
    try:
        cluster = Cluster()
    except NoPostgres as missing:
        pytest.skip(str(missing))
    async with cluster:
        yield cluster


def promised(finding: Finding) -> None:
    """Nothing lost, paid twice or posted twice; nothing reserved; the ledger adds up."""
    assert finding.flawless, finding
    assert finding.accepted > 0
    assert finding.unknown == 0 or finding.scenario in MAY_BE_UNKNOWN, finding


@pytest.mark.parametrize("name", BOUNDARIES)
async def test_killed_at_a_boundary(name: str, tmp_path: Path) -> None:
    promised(await at_boundary(name, tmp_path, None))


async def test_what_nobody_knows_is_judged_by_the_server_that_asked(tmp_path: Path) -> None:
    """Ada is an admin of two servers, and the jobs belong to the one she looks at less."""
    async with stage(tmp_path) as on:
        await on.spread()
        await submit_never_arrived(on)
        await on.control.clear_faults()
        await on.bot.start()
        finding = await on.finding("killed while the submit was lost on the way")
    promised(finding)
    assert (finding.unknown, finding.submits) == (JOBS, 0)


async def test_killed_in_mid_write(tmp_path: Path) -> None:
    promised(await killed_in_mid_write(tmp_path, kills=2, jobs=8))


async def test_stopped_past_its_lease(tmp_path: Path, cluster: Cluster) -> None:
    promised(await stopped_past_its_lease(tmp_path, cluster, jobs=4))


async def test_stopped_in_mid_post(tmp_path: Path, cluster: Cluster) -> None:
    promised(await stopped_in_mid_post(tmp_path, cluster, jobs=2))


async def test_a_members_limit_holds_over_two_processes(tmp_path: Path, cluster: Cluster) -> None:
    promised(await one_member(tmp_path, cluster, requests=60))


async def test_a_servers_budget_holds_over_two_processes(tmp_path: Path, cluster: Cluster) -> None:
    promised(await server_budget(tmp_path, cluster, members=30))


async def test_postgres_crashes_under_load(tmp_path: Path, cluster: Cluster) -> None:
    promised(await postgres_crashes(tmp_path, cluster, crashes=1, jobs=8))


async def test_killed_at_random(tmp_path: Path, cluster: Cluster) -> None:
    promised(await random_kills(tmp_path, cluster, jobs=18, kills=3))
