"""Shards: who has which, the sessions that pass from one process to the next, and IDENTIFYs.

A shard's lease is that of the worker that has it, so it costs no renewals of its own.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.sharding import ShardSession, ShardState, ShardTable, decide_count
from bot.store.engine.database import Database, Store, take_lock
from bot.store.engine.types import DatabaseClock, database_now, database_time
from bot.store.engine.upserts import insert_if_absent, upsert
from bot.store.jobs.workers import claimable_by
from bot.store.tables.core import workers_table
from bot.store.tables.shards import identify_slots_table, shards_table

_shards = shards_table.c
_slots = identify_slots_table.c
_workers = workers_table.c

_COUNT_LOCK: Final = 7_305_214
"""The advisory lock under which processes agree on the number of shards."""
_RESUMABLE_S: Final = 300.0
"""Discord keeps a session for some minutes after its connection was lost."""
_NO_SESSION: Final = {"session_id": None, "sequence": None, "resume_url": None}
_LIVING: Final = _workers.lease_until > database_time()


class ShardStore(Store):
    """The shards that processes of one database share among themselves."""

    async def agree_on_count(self, wanted: int, *, is_set: bool) -> int:
        """Return the number of shards for all processes; see `decide_count`.

        A new number removes everybody's shards, and all processes claim those of the new number.
        """

        async def agree(connection: AsyncConnection) -> int:
            await take_lock(connection, _COUNT_LOCK)
            rows = (await connection.execute(select(_shards.id, _shards.count))).all()
            counts = {count for _, count in rows}
            is_valid = counts == {len(rows)}
            living = select(_workers.id).where(_LIVING)
            in_use = select(_shards.id).where(_shards.owner.in_(living)).limit(1)
            count = decide_count(
                wanted,
                len(rows) if is_valid else None,
                is_in_use=(await connection.execute(in_use)).first() is not None,
                is_set=is_set,
            )
            if not is_valid or count != len(rows):
                await connection.execute(delete(shards_table))
                await connection.execute(
                    insert(shards_table), [{"id": shard, "count": count} for shard in range(count)]
                )
            return count

        return await self._db.write(agree)

    async def join(self, worker_id: str, *, previous: str | None) -> None:
        """Take part from now on, with the shards that the ``previous`` worker of this process has.

        A process whose lease has run out is a new worker. What nobody has taken meanwhile is still
        its own.
        """

        async def take_part(connection: AsyncConnection) -> None:
            await connection.execute(
                update(workers_table).where(_workers.id == worker_id).values(takes_shards=True)
            )
            if previous is not None:
                await connection.execute(
                    update(shards_table).where(_shards.owner == previous).values(owner=worker_id)
                )

        await self._db.write(take_part)

    async def load_table(self) -> ShardTable:
        workers = await self._db.read_scalars(
            select(_workers.id).where(_LIVING, _workers.takes_shards)
        )
        living = await self._db.read_rows(
            select(_shards.id, _shards.owner, _shards.is_connected, _workers.id.label("living"))
            .outerjoin(workers_table, (_workers.id == _shards.owner) & _LIVING)
            .order_by(_shards.id)
        )
        return ShardTable(
            shards=tuple(
                ShardState(row["id"], row["living"], bool(row["is_connected"])) for row in living
            ),
            workers=frozenset(workers),
        )

    async def claim(
        self, worker_id: str, *, count: int, limit: int
    ) -> dict[int, ShardSession | None]:
        """Take up to ``limit`` shards that no living worker has, with their sessions."""

        async def take(connection: AsyncConnection) -> dict[int, ShardSession | None]:
            is_alive = select(_workers.id).where(_workers.id == worker_id, _LIVING).exists()
            free = (
                select(shards_table, _is_recent().label("is_recent"))
                .where(
                    _shards.count == count,
                    claimable_by(_shards.owner, worker_id),
                    _shards.owner.is_distinct_from(worker_id),
                    is_alive,
                )
                .order_by(_shards.id)
                .limit(limit)
                .with_for_update(skip_locked=True, of=shards_table)
            )
            rows = (await connection.execute(free)).mappings().all()
            await connection.execute(
                update(shards_table)
                .where(_shards.id.in_([row["id"] for row in rows]))
                .values(owner=worker_id, is_connected=False)
            )
            return {row["id"]: _to_session(row) for row in rows}

        return await self._db.write(take)

    async def mark_connected(self, worker_id: str, shard_ids: Collection[int]) -> None:
        statement = update(shards_table).where(
            _shards.owner == worker_id, _shards.id.in_(shard_ids)
        )
        await self._db.execute(statement.values(is_connected=True))

    async def save_sessions(self, worker_id: str, sessions: Mapping[int, ShardSession]) -> None:
        """Record how far the shards of a worker have come, in case it dies."""
        await self._db.write(
            lambda connection: _save(connection, worker_id, sessions, release=False)
        )

    async def release(
        self, worker_id: str, sessions: Mapping[int, ShardSession | None], *, leaves: bool = False
    ) -> None:
        """Hand over shards with their sessions; who ``leaves`` takes no part any longer."""

        async def hand_over(connection: AsyncConnection) -> None:
            await _save(connection, worker_id, sessions, release=True)
            if leaves:
                # also those of a claim that was interrupted
                is_own = _shards.owner == worker_id
                await connection.execute(update(shards_table).where(is_own).values(owner=None))
                statement = update(workers_table).where(_workers.id == worker_id)
                await connection.execute(statement.values(takes_shards=False))

        await self._db.write(hand_over)


class KeptSessionStore(Store):
    """The sessions that a process with fixed shards leaves for its next start."""

    async def load(self, count: int) -> dict[int, ShardSession]:
        rows = await self._db.read_rows(
            select(shards_table, _is_recent().label("is_recent")).where(_shards.count == count)
        )
        sessions = {row["id"]: _to_session(row) for row in rows}
        return {shard: session for shard, session in sessions.items() if session is not None}

    async def save(self, count: int, sessions: Mapping[int, ShardSession | None]) -> None:
        async def keep(connection: AsyncConnection) -> None:
            for shard_id, session in sessions.items():
                row = {"id": shard_id, "count": count, **_to_columns(session)}
                await upsert(connection, shards_table, row)

        await self._db.write(keep)


class IdentifySlotStore(Store):
    """The times at which shards may IDENTIFY, for all processes of the bot."""

    def __init__(self, database: Database, *, now: DatabaseClock = database_now) -> None:
        super().__init__(database)
        self._now = now

    async def reserve(self, bucket: int, length: timedelta) -> float:
        """Take the bucket's slot for ``length``; otherwise return the seconds until it is free."""

        async def take(connection: AsyncConnection) -> float:
            now = await self._now(connection)
            row = {"bucket": bucket, "free_at": now + length}
            if await insert_if_absent(connection, identify_slots_table, row):
                return 0.0
            is_ours = _slots.bucket == bucket
            statement = update(identify_slots_table).where(is_ours, _slots.free_at <= now)
            if (await connection.execute(statement.values(free_at=now + length))).rowcount == 1:
                return 0.0
            free_at = await connection.scalar(select(_slots.free_at).where(is_ours))
            return 0.0 if free_at is None else max((free_at - now).total_seconds(), 0.01)

        return await self._db.write(take)

    async def hold(self, bucket: int, length: timedelta) -> None:
        """Keep the slot for ``length`` from now: the IDENTIFY is being sent."""

        async def extend(connection: AsyncConnection) -> None:
            free_at = await self._now(connection) + length
            statement = update(identify_slots_table).where(_slots.bucket == bucket)
            await connection.execute(statement.values(free_at=free_at))

        await self._db.write(extend)


async def _save(
    connection: AsyncConnection,
    worker_id: str,
    sessions: Mapping[int, ShardSession | None],
    *,
    release: bool,
) -> None:
    more: dict[str, Any] = {"owner": None, "is_connected": False} if release else {}
    for shard_id, session in sessions.items():
        is_own = (_shards.id == shard_id) & (_shards.owner == worker_id)
        values = _to_columns(session) | more
        await connection.execute(update(shards_table).where(is_own).values(values))


def _is_recent() -> ColumnElement[bool]:
    return _shards.saved_at > database_time(-_RESUMABLE_S)


def _to_columns(session: ShardSession | None) -> dict[str, Any]:
    if session is None:
        return {**_NO_SESSION, "saved_at": None}
    return {
        "session_id": session.session_id,
        "sequence": session.sequence,
        "resume_url": session.resume_url,
        "saved_at": database_time(),
    }


def _to_session(row: RowMapping) -> ShardSession | None:
    if row["session_id"] is None or not row["is_recent"]:
        return None
    return ShardSession(row["session_id"], row["sequence"], row["resume_url"])
