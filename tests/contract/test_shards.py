"""Processes share the shards of one database, and take those of a dead or stopping one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from bot.domain.sharding import ShardConnections, ShardSession
from bot.services.shards.kept_sessions import KeptSessions
from bot.services.shards.shard_share import ShardShare
from bot.store.engine.database import Database
from bot.store.engine.types import database_time
from bot.store.operations.statistics import StatisticsStore
from bot.store.shards import IdentifySlotStore, KeptSessionStore, ShardStore
from bot.store.tables.core import workers_table
from bot.store.tables.shards import shards_table
from tests.fakes.clock import VirtualClock

INTERVAL = timedelta(seconds=5)


class FakeConnections(ShardConnections):
    """Connects shards at once, unless ``is_slow``; sessions count their events."""

    def __init__(self, recommended: int) -> None:
        self.recommended = recommended
        self.is_slow = False
        self.sessions: dict[int, ShardSession] = {}
        self.resumed: dict[int, ShardSession] = {}
        self.previous: dict[int, ShardSession] = {}
        self._count: int | None = None

    @property
    def count(self) -> int | None:
        return self._count

    @property
    def ids(self) -> frozenset[int]:
        return frozenset(self.sessions)

    @property
    def connected_ids(self) -> frozenset[int]:
        return frozenset() if self.is_slow else self.ids

    @property
    def is_changing_count(self) -> bool:
        return bool(self.previous)

    async def recommend_count(self) -> int:
        return self.recommended

    def change_count(self, count: int) -> None:
        self.previous, self.sessions, self._count = self.sessions, {}, count

    async def end_change(self) -> None:
        self.previous = {}

    def open(self, shard_id: int, session: ShardSession | None) -> None:
        if session is not None:
            self.resumed[shard_id] = session
        self.sessions[shard_id] = ShardSession(f"session {shard_id}", 1, "wss://resume")

    async def close(self, shard_ids: frozenset[int]) -> Mapping[int, ShardSession | None]:
        return {shard_id: self.sessions.pop(shard_id) for shard_id in shard_ids}

    def read_sessions(self) -> Mapping[int, ShardSession]:
        return dict(self.sessions)

    def settle(self) -> None:
        pass


@dataclass
class FakeWorker:
    """A worker's lease as a row, which ends when a test says so."""

    database: Database
    worker_id: str
    is_alive: bool = True

    async def register(self) -> None:
        row = {
            "id": self.worker_id,
            "host": "x",
            "started_at": database_time(),
            "lease_until": database_time(60.0),
        }
        await self.database.write(
            lambda connection: connection.execute(insert(workers_table).values(row))
        )

    async def expire(self) -> None:
        await self.database.execute(
            update(workers_table)
            .where(workers_table.c.id == self.worker_id)
            .values(lease_until=database_time(-1.0))
        )

    def wake(self) -> None:
        pass

    def notify_job_changed(self, job_id: int) -> None:
        pass

    def resume_jobs(self) -> None:
        pass


@dataclass
class Process:
    connections: FakeConnections
    worker: FakeWorker
    share: ShardShare


@dataclass
class Fleet:
    """Processes of one bot, whose steps a test takes."""

    database: Database
    recommended: int = 4
    processes: list[Process] = field(default_factory=list)

    async def start(self, name: str, *, set_count: int | None = None) -> Process:
        worker = FakeWorker(self.database, name)
        await worker.register()
        connections = FakeConnections(self.recommended)
        share = ShardShare(
            store=ShardStore(self.database),
            connections=connections,
            worker=worker,
            clock=VirtualClock(start=datetime(2026, 11, 1, tzinfo=UTC)),
            set_count=set_count,
        )
        process = Process(connections, worker, share)
        self.processes.append(process)
        return process

    async def step(self, rounds: int = 3) -> None:
        for _ in range(rounds):
            for process in self.processes:
                await process.share.take_step()

    def kill(self, process: Process) -> None:
        self.processes.remove(process)


@pytest.fixture
def fleet(database: Database) -> Fleet:
    return Fleet(database)


async def test_one_process_has_all_shards(fleet: Fleet) -> None:
    only = await fleet.start("only")
    await fleet.step(1)
    assert only.connections.ids == {0, 1, 2, 3}


async def test_a_second_process_gets_half_with_the_sessions(fleet: Fleet) -> None:
    first = await fleet.start("first")
    await fleet.step()
    second = await fleet.start("second")
    await fleet.step()
    assert first.connections.ids == {0, 1}
    assert second.connections.ids == {2, 3}
    assert second.connections.resumed == {
        2: ShardSession("session 2", 1, "wss://resume"),
        3: ShardSession("session 3", 1, "wss://resume"),
    }


async def test_operators_see_who_has_which_shards(fleet: Fleet, database: Database) -> None:
    await fleet.start("first")
    await fleet.start("second")
    await fleet.step()
    snapshot = await StatisticsStore(database).load_snapshot(now=datetime.now(UTC))
    shards = {worker.id: worker.shard_ids for worker in snapshot.workers}
    assert sorted(shards.values()) == [(0, 1), (2, 3)]


async def test_a_stopping_process_hands_over_at_once(fleet: Fleet) -> None:
    first, second = await fleet.start("first"), await fleet.start("second")
    await fleet.step()
    first.connections.sessions[0] = ShardSession("session 0", 77, "wss://resume")
    await first.share.leave()
    await first.share.take_step()
    assert not first.connections.ids
    await second.share.take_step()
    assert second.connections.ids == {0, 1, 2, 3}
    assert second.connections.resumed[0].sequence == 77


async def test_shards_of_a_dead_process_are_taken_with_the_sessions_last_saved(
    fleet: Fleet,
) -> None:
    first, second = await fleet.start("first"), await fleet.start("second")
    await fleet.step()
    first.connections.sessions[0] = ShardSession("session 0", 40, "wss://resume")
    await first.share.take_step()
    fleet.kill(first)
    await fleet.step()
    assert len(second.connections.ids) == 2, "its lease has not ended"
    await first.worker.expire()
    await fleet.step(1)
    assert second.connections.ids == {0, 1, 2, 3}
    assert second.connections.resumed[0].sequence == 40


async def test_an_old_session_is_not_resumed(fleet: Fleet, database: Database) -> None:
    first = await fleet.start("first")
    await fleet.step()
    await first.share.leave()
    await database.execute(update(shards_table).values(saved_at=database_time(-3600.0)))
    fleet.kill(first)
    second = await fleet.start("second")
    await fleet.step(1)
    assert second.connections.ids == {0, 1, 2, 3}
    assert not second.connections.resumed


async def test_a_process_that_seemed_dead_gives_up_what_others_took(fleet: Fleet) -> None:
    first, second = await fleet.start("first"), await fleet.start("second")
    await fleet.step()
    await first.worker.expire()
    await second.share.take_step()
    assert second.connections.ids == {0, 1, 2, 3}
    first.worker.worker_id = "first again"
    await first.worker.register()
    await first.share.take_step()
    assert not first.connections.ids
    await fleet.step()
    assert len(first.connections.ids) == len(second.connections.ids) == 2


async def test_a_lost_lease_that_nobody_used_costs_no_connection(fleet: Fleet) -> None:
    """As after an outage of the database, which all processes survive."""
    first = await fleet.start("first")
    await fleet.step()
    sessions = dict(first.connections.sessions)
    await first.worker.expire()
    first.worker.is_alive = False
    await fleet.step(1)
    assert first.connections.sessions == sessions
    first.worker.worker_id, first.worker.is_alive = "first again", True
    await first.worker.register()
    await fleet.step()
    assert first.connections.sessions == sessions


async def test_all_processes_agree_on_the_number(fleet: Fleet) -> None:
    first = await fleet.start("first")
    await fleet.step()
    fleet.recommended = 5
    second = await fleet.start("second")
    await fleet.step()
    assert first.connections.count == second.connections.count == 4


async def test_another_number_is_shared_out_anew_without_a_gap(fleet: Fleet) -> None:
    """The earlier connections stay until every new shard is connected."""
    first = await fleet.start("first")
    await fleet.step()
    second = await fleet.start("second", set_count=6)
    second.connections.is_slow = True
    await fleet.step()
    assert first.connections.count == second.connections.count == 6
    assert len(first.connections.ids) == len(second.connections.ids) == 3
    assert len(first.connections.previous) == 4
    second.connections.is_slow = False
    await fleet.step()
    assert not first.connections.previous


async def test_shards_are_never_claimed_twice(fleet: Fleet, database: Database) -> None:
    await fleet.start("first")
    await fleet.step()
    store = ShardStore(database)
    await store.release("first", dict.fromkeys(range(4)))
    second = FakeWorker(database, "second")
    await second.register()
    claimed = await store.claim("second", count=4, limit=3)
    assert sorted(claimed) == [0, 1, 2]
    assert sorted(await store.claim("first", count=4, limit=4)) == [3]
    assert not await store.claim("first", count=6, limit=4), "of another number"
    await second.expire()
    assert not await store.claim("second", count=4, limit=4), "its lease has ended"


async def test_a_single_process_keeps_its_sessions(database: Database) -> None:
    connections = FakeConnections(2)
    connections.change_count(2)
    connections.open(0, None)
    sessions = dict(connections.sessions)
    kept = KeptSessions(store=KeptSessionStore(database))
    await kept.keep(connections)
    assert await kept.load(2) == sessions
    assert await kept.load(4) == {}


async def test_one_identify_of_a_bucket_at_a_time(database: Database) -> None:
    times = [datetime(2026, 11, 1, tzinfo=UTC)]

    async def now(_: object) -> datetime:
        return times[-1]

    slots, others = IdentifySlotStore(database, now=now), IdentifySlotStore(database, now=now)
    assert await slots.reserve(0, INTERVAL) == 0
    assert await others.reserve(0, INTERVAL) == 5
    assert await others.reserve(1, INTERVAL) == 0
    times.append(times[-1] + timedelta(seconds=4))
    await slots.hold(0, INTERVAL)
    times.append(times[-1] + timedelta(seconds=3))
    assert await others.reserve(0, INTERVAL) == 2
    times.append(times[-1] + timedelta(seconds=2))
    assert await others.reserve(0, INTERVAL) == 0
    assert await slots.reserve(0, INTERVAL) == 5
