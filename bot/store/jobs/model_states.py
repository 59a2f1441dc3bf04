"""What is learned about models at run time: refusals, rate limits and durations."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, insert, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.jobs.poll_schedule import (
    ENOUGH_DURATIONS,
    LATEST_DURATIONS,
    MeasuredDuration,
)
from bot.domain.jobs.request import VideoPlan
from bot.domain.models.spec import ModelState
from bot.domain.statistics import find_bucket
from bot.store.engine.database import Store
from bot.store.engine.upserts import add_to_row, upsert
from bot.store.tables.core import (
    duration_counts_table,
    model_states_table,
    operation_durations_table,
)

KEPT_DURATIONS: Final = 200
"""How many durations of each group are kept: enough for an estimate, few enough to be recent."""

_LEVELS: Final = (4, 3, 1)
"""How many of the conditions of `_are_alike` apply: all, all but the length, only the model."""

_durations = operation_durations_table.c


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

    async def record_duration(
        self,
        plan: VideoPlan,
        *,
        duration_s: float,
        now: datetime,
        last_pending_s: float | None = None,
    ) -> None:
        """Record after how many seconds an operation was seen to have ended.

        ``last_pending_s`` is when it was last seen at work. Of each group of alike operations the
        latest `KEPT_DURATIONS` stay.
        """
        statement = insert(operation_durations_table).values(
            model=plan.model,
            mode=plan.mode,
            resolution=plan.resolution,
            clip_seconds=plan.seconds,
            duration_s=duration_s,
            last_pending_s=last_pending_s,
            measured_at=now,
        )
        cell = {"model": plan.model, "at_most_s": find_bucket(duration_s)}

        async def record(connection: AsyncConnection) -> None:
            await connection.execute(statement)
            await add_to_row(
                connection, duration_counts_table, cell, {"count": 1, "total_s": duration_s}
            )
            newest_outdated = (
                select(_durations.id)
                .where(*_are_alike(plan))
                .order_by(_durations.id.desc())
                .offset(KEPT_DURATIONS)
                .limit(1)
                .scalar_subquery()
            )
            await connection.execute(
                delete(operation_durations_table).where(
                    *_are_alike(plan), _durations.id <= newest_outdated
                )
            )

        await self._db.write(record)

    async def list_measured_models(self) -> list[str]:
        """Return the ids of all models that have ever made a clip here."""
        return await self._db.read_scalars(select(duration_counts_table.c.model).distinct())

    async def list_durations(self, model: str, *, limit: int) -> list[float]:
        """Return the latest durations of a model's operations, in seconds."""
        query = (
            select(_durations.duration_s)
            .where(_durations.model == model)
            .order_by(_durations.id.desc())
            .limit(limit)
        )
        return await self._db.read_scalars(query)

    async def list_measured(self, plan: VideoPlan) -> list[MeasuredDuration]:
        """Return the latest durations of operations that are alike, the latest first.

        Alike are those of the same model, mode, resolution and length. If there are fewer than
        `ENOUGH_DURATIONS`, the length may differ, and then everything but the model.
        """
        conditions = _are_alike(plan)
        levels = [
            select(
                literal(level).label("level"),
                _durations.id,
                _durations.duration_s,
                _durations.last_pending_s,
            )
            .where(*conditions[:level])
            .order_by(_durations.id.desc())
            .limit(LATEST_DURATIONS)
            .subquery()
            for level in _LEVELS
        ]
        rows = union_all(*(select(level) for level in levels)).subquery()
        measured: dict[int, list[MeasuredDuration]] = {level: [] for level in _LEVELS}
        for row in await self._db.read_rows(select(rows).order_by(rows.c.id.desc())):
            measured[row["level"]].append(
                MeasuredDuration(seen_s=row["duration_s"], last_pending_s=row["last_pending_s"])
            )
        enough = (each for each in measured.values() if len(each) >= ENOUGH_DURATIONS)
        return next(enough, measured[_LEVELS[-1]])

    async def _upsert_state(self, model: str, **columns: Any) -> None:
        row = {"id": model, **columns}
        await self._db.write_one(lambda connection: upsert(connection, model_states_table, row))


def _are_alike(plan: VideoPlan) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions of a plan's group, from the coarsest to the finest."""
    resolution = (
        _durations.resolution.is_(None)
        if plan.resolution is None
        else _durations.resolution == plan.resolution
    )
    return (
        _durations.model == plan.model,
        _durations.mode == plan.mode,
        resolution,
        _durations.clip_seconds == plan.seconds,
    )
