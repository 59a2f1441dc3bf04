"""How processes share shards: the next step of each, from the same rows."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.sharding import (
    ShardState,
    ShardTable,
    ShareStep,
    decide_count,
    find_shard,
    is_guild_of,
    plan_share,
)

WORKERS = ("a", "b", "c", "d")


def make_table(owners: str, workers: str) -> ShardTable:
    """Each letter of ``owners`` is a shard's owner, ``-`` none."""
    return ShardTable(
        shards=tuple(
            ShardState(shard_id, None if owner == "-" else owner)
            for shard_id, owner in enumerate(owners)
        ),
        workers=frozenset(workers),
    )


@pytest.mark.parametrize(
    ("owners", "workers", "worker", "step"),
    [
        pytest.param("----", "a", "a", ShareStep(claim=4), id="alone"),
        pytest.param("aaaa", "ab", "a", ShareStep(release=(2, 3)), id="gives-half"),
        pytest.param("aaaa", "ab", "b", ShareStep(), id="waits-for-free-ones"),
        pytest.param("aa--", "ab", "a", ShareStep(), id="leaves-free-ones-to-the-newcomer"),
        pytest.param("aa--", "ab", "b", ShareStep(claim=2), id="takes-its-half"),
        pytest.param("aabb", "abc", "a", ShareStep(release=(1,)), id="one-gives-to-the-third"),
        pytest.param("aabb", "abc", "b", ShareStep(), id="the-other-does-not"),
        pytest.param("a-bb", "abc", "a", ShareStep(), id="does-not-take-it-back"),
        pytest.param("a-bb", "abc", "c", ShareStep(claim=1), id="the-third-takes-it"),
        pytest.param("a-b", "ab", "a", ShareStep(claim=1), id="the-remainder"),
        pytest.param("aabb", "a", "a", ShareStep(claim=2), id="of-a-dead-worker"),
        pytest.param("ab", "abc", "c", ShareStep(), id="more-workers-than-shards"),
        pytest.param("aab", "b", "a", ShareStep(), id="a-worker-that-leaves"),
    ],
)
def test_next_step(owners: str, workers: str, worker: str, step: ShareStep) -> None:
    assert plan_share(make_table(owners, workers), worker) == step


@given(
    owners=st.lists(st.sampled_from([*WORKERS, None]), min_size=1, max_size=12),
    workers=st.sets(st.sampled_from(WORKERS), min_size=1),
    order=st.permutations(WORKERS),
)
def test_shares_become_equal_and_stay(
    owners: list[str | None], workers: set[str], order: list[str]
) -> None:
    """Whoever acts first, all shards are owned after a few rounds, and then nothing moves."""
    shards = [ShardState(shard_id, owner) for shard_id, owner in enumerate(owners)]
    steps: list[ShareStep] = []
    for _ in range(len(owners) + 3):
        steps = []
        for worker in (name for name in order if name in workers):
            table = ShardTable(tuple(shards), frozenset(workers))
            step = plan_share(table, worker)
            steps.append(step)
            free = [shard.id for shard in shards if shard.owner not in workers]
            for shard_id in step.release:
                assert shards[shard_id].owner == worker
                shards[shard_id] = replace(shards[shard_id], owner=None)
            for shard_id in free[: step.claim]:
                shards[shard_id] = replace(shards[shard_id], owner=worker)
    assert steps == [ShareStep()] * len(workers)
    held = [sum(shard.owner == worker for shard in shards) for worker in workers]
    assert sum(held) == len(owners)
    assert max(held) - min(held) <= 1


@pytest.mark.parametrize(
    ("wanted", "current", "is_in_use", "is_set", "count"),
    [
        pytest.param(4, None, False, False, 4, id="first-start"),
        pytest.param(5, 4, True, False, 4, id="little-growth"),
        pytest.param(6, 4, True, False, 6, id="considerable-growth"),
        pytest.param(3, 4, True, False, 4, id="fewer-while-in-use"),
        pytest.param(3, 4, False, False, 3, id="fewer-after-a-stop"),
        pytest.param(3, 4, True, True, 3, id="the-operator-decides"),
    ],
)
def test_number_of_shards(
    wanted: int, current: int | None, is_in_use: bool, is_set: bool, count: int
) -> None:
    assert decide_count(wanted, current, is_in_use=is_in_use, is_set=is_set) == count


def test_a_guild_has_one_shard() -> None:
    guild = (7 * 4 + 3) << 22
    assert find_shard(guild, 4) == 3
    assert is_guild_of(guild, shard_id=3, shard_count=4)
    assert not is_guild_of(guild, shard_id=2, shard_count=4)
