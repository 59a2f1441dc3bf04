"""What is learned about models at run time: refusals, rate limits and durations."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from bot.domain.jobs.request import VideoPlan
from bot.domain.models.spec import ModelState
from bot.store.engine.database import Store
from bot.store.engine.upserts import upsert
from bot.store.tables.core import model_states_table, operation_durations_table


class ModelStateStore(Store):
    """States of models and measured durations, shared by all processes."""

    async def load_states(self) -> Mapping[str, ModelState]:
        """Return the recorded states by model id."""
        return {
            row["id"]: ModelState(
                model=row["id"],
                disabled=row["disabled"],
                disabled_reason=row["disabled_reason"],
                changed_at=row["changed_at"],
                rate_limited_until=row["rate_limited_until"],
            )
            for row in await self._db.read_rows(select(model_states_table))
        }

    async def set_disabled(
        self, model: str, *, disabled: bool, reason: str | None, now: datetime
    ) -> None:
        """Disable a model or enable it again."""
        await self._upsert_state(model, disabled=disabled, disabled_reason=reason, changed_at=now)

    async def mark_rate_limited(self, model: str, until: datetime) -> None:
        """Submit nothing with the model until ``until``."""
        await self._upsert_state(model, rate_limited_until=until)

    async def record_duration(self, plan: VideoPlan, *, duration_s: float, now: datetime) -> None:
        """Record how many seconds Google took for one operation."""
        statement = insert(operation_durations_table).values(
            model=plan.model,
            resolution=plan.resolution,
            mode=plan.mode,
            duration_s=duration_s,
            measured_at=now,
        )
        await self._db.execute(statement)

    async def list_durations(self, model: str, *, limit: int) -> list[float]:
        """Return the latest durations of a model's operations, in seconds."""
        query = (
            select(operation_durations_table.c.duration_s)
            .where(operation_durations_table.c.model == model)
            .order_by(operation_durations_table.c.id.desc())
            .limit(limit)
        )
        return await self._db.read_scalars(query)

    async def _upsert_state(self, model: str, **columns: Any) -> None:
        row = {"id": model, **columns}
        await self._db.write_one(lambda connection: upsert(connection, model_states_table, row))
