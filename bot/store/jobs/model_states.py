"""What was learnt about models in use: switched off, asked to wait, how long they take."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.jobs.request import VideoPlan
from bot.domain.stores import ModelState
from bot.store.engine.database import Database
from bot.store.tables.core import durations, models


class ModelStore:
    """`bot.domain.stores.ModelStates` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def all(self) -> Mapping[str, ModelState]:
        """Return every model that something was learnt about."""

        async def work(connection: AsyncConnection) -> dict[str, ModelState]:
            rows = (await connection.execute(select(models))).mappings()
            return {
                row["id"]: ModelState(
                    model=row["id"],
                    off=row["off"],
                    reason=row["reason"],
                    changed_at=row["changed_at"],
                    held_until=row["held_until"],
                )
                for row in rows
            }

        return await self._db.read(work)

    async def switch(self, model: str, *, off: bool, reason: str | None, now: datetime) -> None:
        """Switch a model off or on again."""
        await self._put(model, off=off, reason=reason, changed_at=now)

    async def hold(self, model: str, until: datetime) -> None:
        """Start nothing with the model until then."""
        await self._put(model, held_until=until)

    async def measured(self, plan: VideoPlan, *, seconds: float, now: datetime) -> None:
        """Record how long Google took for one operation."""
        statement = insert(durations).values(
            model=plan.model,
            resolution=plan.resolution,
            mode=plan.mode,
            took_s=seconds,
            at=now,
        )
        await self._db.write_one(lambda connection: connection.execute(statement))

    async def durations(self, model: str, *, most: int) -> list[float]:
        """Return the latest measured seconds of a model's operations."""
        query = (
            select(durations.c.took_s)
            .where(durations.c.model == model)
            .order_by(durations.c.id.desc())
            .limit(most)
        )

        async def work(connection: AsyncConnection) -> list[float]:
            return list(await connection.scalars(query))

        return await self._db.read(work)

    async def _put(self, model: str, **columns: Any) -> None:
        async def work(connection: AsyncConnection) -> None:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            statement = dialect.insert(models).values(id=model, **columns)
            await connection.execute(
                statement.on_conflict_do_update(index_elements=[models.c.id], set_=columns)
            )

        await self._db.write_one(work)
