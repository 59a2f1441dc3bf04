"""Received webhook events: each is kept once and dealt with by one process.

A process that runs the event's job takes the event. What nobody takes within some seconds is due,
and one process finds out whose it is.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.jobs.job import GOOGLE_FILE_LIFETIME, IN_FLIGHT_STATES, JobState
from bot.domain.jobs.webhook import WebhookEvent
from bot.store.engine.database import Database
from bot.store.engine.types import DatabaseClock, database_now
from bot.store.engine.upserts import insert_if_absent
from bot.store.tables.core import jobs_table
from bot.store.tables.webhooks import webhook_events_table

_events = webhook_events_table.c
_jobs = jobs_table.c
_MAX_OPEN: Final = 1000

EVENT_TAKEN_WITHIN: Final = timedelta(seconds=3)
"""How long the process that runs an event's job has before the event is due."""
REPEATS_KNOWN_FOR: Final = timedelta(hours=1)
"""How long a handled event is kept; the window for replays is five minutes."""
OPEN_EVENTS_KEPT_FOR: Final = timedelta(hours=25)
"""How long Google itself tries to deliver an event, and an hour."""


class WebhookEventStore:
    def __init__(self, database: Database, *, now: DatabaseClock = database_now) -> None:
        self._db = database
        self._now = now

    async def record_event(self, webhook_id: str, interaction_id: str) -> bool:
        """Store an event and return true, unless it was stored before."""

        async def insert_event(connection: AsyncConnection) -> bool:
            now = await self._now(connection)
            row = {
                "webhook_id": webhook_id,
                "interaction_id": interaction_id,
                "received_at": now,
                "due_at": now + EVENT_TAKEN_WITHIN,
            }
            return await insert_if_absent(connection, webhook_events_table, row)

        return await self._db.write(insert_event)

    async def list_open(self) -> list[WebhookEvent]:
        """Return the events that nobody has handled yet, the oldest first."""
        query = (
            select(webhook_events_table)
            .where(_events.due_at.is_not(None))
            .order_by(_events.due_at)
            .limit(_MAX_OPEN)
        )
        return [
            WebhookEvent(row["webhook_id"], row["interaction_id"], row["received_at"])
            for row in await self._db.read_rows(query)
        ]

    async def claim_due(self, *, limit: int) -> list[WebhookEvent]:
        """Return open events that are due, to one process only, and set when each is due again.

        The pauses grow with the event's age.
        """

        async def take_due(connection: AsyncConnection) -> list[WebhookEvent]:
            now = await self._now(connection)
            query = (
                select(webhook_events_table)
                .where(_events.due_at <= now)
                .order_by(_events.due_at)
                .limit(limit)
                .with_for_update(skip_locked=True)  # no effect on SQLite, which has one writer
            )
            due = []
            for row in (await connection.execute(query)).mappings().all():
                pause = max(EVENT_TAKEN_WITHIN, (now - row["received_at"]) / 2)
                await connection.execute(
                    update(webhook_events_table)
                    .where(_events.webhook_id == row["webhook_id"])
                    .values(due_at=now + pause)
                )
                due.append(
                    WebhookEvent(row["webhook_id"], row["interaction_id"], row["received_at"])
                )
            return due

        return await self._db.write(take_due)

    async def mark_handled(self, events: Collection[WebhookEvent]) -> None:
        ids = [event.webhook_id for event in events]
        statement = update(webhook_events_table).where(_events.webhook_id.in_(ids))
        await self._db.execute(statement.values(due_at=None))

    async def delete_old(self) -> None:
        """Delete events that can no longer be repeated or belong to a job."""

        async def delete_rows(connection: AsyncConnection) -> None:
            now = await self._now(connection)
            handled = _events.due_at.is_(None) & (_events.received_at < now - REPEATS_KNOWN_FOR)
            forgotten = _events.received_at < now - OPEN_EVENTS_KEPT_FOR
            await connection.execute(delete(webhook_events_table).where(or_(handled, forgotten)))

        await self._db.write(delete_rows)

    async def find_latest_time(self) -> datetime | None:
        """Return when the latest event was received."""
        return await self._db.read_scalar(select(func.max(_events.received_at)))

    async def is_of_running_job(self, interaction_id: str) -> bool:
        """Whether a job that has not ended knows the interaction as its own."""
        query = select(_jobs.id).where(
            _jobs.state.in_(IN_FLIGHT_STATES), _jobs.operation == interaction_id
        )
        return await self._db.read_scalar(query.limit(1)) is not None

    async def may_be_lost_submit(self, interaction_id: str) -> bool:
        """Whether there is a job of which it is unclear what became of its submit.

        A job for which the interaction was recorded meanwhile counts too.
        """

        async def look(connection: AsyncConnection) -> bool:
            now = await self._now(connection)
            query = select(_jobs.id).where(
                _jobs.state.in_((JobState.SUBMITTING, JobState.UNKNOWN)),
                _jobs.unsent.is_(False),
                or_(_jobs.operation.is_(None), _jobs.operation == interaction_id),
                _jobs.user_id > 0,
                _jobs.submitted_at > now - GOOGLE_FILE_LIFETIME,
            )
            return await connection.scalar(query.limit(1)) is not None

        return await self._db.read(look)
