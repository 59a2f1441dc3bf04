"""Workers: a row per process, which is alive until its lease ends by the database's clock."""

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.engine.database import Store
from bot.store.engine.types import database_time
from bot.store.tables.core import workers_table

_workers = workers_table.c
_DEAD_ROWS_KEPT_S = 86_400.0


class WorkerStore(Store):
    """The leases of the processes that run jobs."""

    async def register(self, worker_id: str, *, host: str, lease: timedelta) -> None:
        """Insert the row, and delete those of workers that died more than a day ago.

        With SQLite only one process can use the file, so every other worker is dead.
        """
        dead = _workers.lease_until < database_time(-_DEAD_ROWS_KEPT_S)
        if not self._db.is_shared:
            dead = or_(dead, _workers.id != worker_id)

        async def replace_row(connection: AsyncConnection) -> None:
            await connection.execute(delete(workers_table).where(dead))
            # a retry after a lost answer finds its own row
            await connection.execute(delete(workers_table).where(_workers.id == worker_id))
            await connection.execute(
                insert(workers_table).values(
                    id=worker_id,
                    host=host,
                    started_at=database_time(),
                    lease_until=database_time(lease.total_seconds()),
                )
            )

        await self._db.write(replace_row)

    async def renew(self, worker_id: str, *, lease: timedelta) -> bool:
        """Renew the lease; return ``False`` if it has run out."""
        statement = (
            update(workers_table)
            .where(_workers.id == worker_id, _workers.lease_until > database_time())
            .values(lease_until=database_time(lease.total_seconds()))
        )
        return await self._db.execute(statement) == 1

    async def retire(self, worker_id: str) -> None:
        """End the lease, so that others may adopt the jobs at once."""
        statement = delete(workers_table).where(_workers.id == worker_id)
        await self._db.execute(statement)


def claimable_by(column: ColumnElement[Any], owner: str) -> ColumnElement[bool]:
    """Return the condition that no living worker other than ``owner`` owns a row."""
    living: Select[tuple[str]] = select(_workers.id).where(_workers.lease_until > database_time())
    return or_(column.is_(None), column == owner, column.not_in(living))
