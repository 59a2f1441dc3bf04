"""Which alerts were told, and which process tells the next one."""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import MINIMUM_PAUSE, Alert, ToldAlert, is_due
from bot.store.engine.database import Database, Store
from bot.store.engine.types import DatabaseClock, database_now
from bot.store.engine.upserts import insert_if_absent
from bot.store.tables.alerts import alerts_table
from bot.store.tables.row_mapping import Row

KEPT_FOR: Final = timedelta(days=90)
"""Longer than any alert is repeated. Then the row of a machine that is gone is deleted."""
_ID_BYTES: Final = 9

_alerts = alerts_table.c


class AlertStore(Store):
    """The alerts of all processes; the database's clock decides when one is due."""

    def __init__(self, database: Database, *, now: DatabaseClock = database_now) -> None:
        super().__init__(database)
        self._now = now

    async def list_due(self, alerts: Sequence[Alert]) -> list[Alert]:
        """Return those of ``alerts`` that may be told now. Nothing is written for the others."""

        async def find_due(connection: AsyncConnection) -> list[Alert]:
            now = await self._now(connection)
            rows = (await connection.execute(select(alerts_table))).mappings()
            told = {(row["kind"], row["subject"]): _told_from_row(row) for row in rows}
            return [
                alert
                for alert in alerts
                if is_due(alert, told.get((alert.kind, alert.subject), ToldAlert()), now)
            ]

        return await self._db.read(find_due) if alerts else []

    async def claim(self, alert: Alert, *, claim_for: timedelta) -> str | None:
        """Return the id of the message with ``alert`` to one process; `None` if it is not due.

        If that process does not call `record_told` in time, another one gets the same id, by which
        a recipient recognizes a message that it already has.
        """

        async def claim_alert(connection: AsyncConnection) -> str | None:
            now = await self._now(connection)
            key = {"kind": alert.kind, "subject": alert.subject}
            await insert_if_absent(connection, alerts_table, key)
            query = select(alerts_table).where(_is_about(alert)).with_for_update()
            row = (await connection.execute(query)).mappings().one()
            if not is_due(alert, _told_from_row(row), now):
                return None
            claimed_until, message_id = row["claimed_until"], row["message_id"]
            if claimed_until is None or claimed_until < now - MINIMUM_PAUSE:
                message_id = f"alert-{secrets.token_hex(_ID_BYTES)}"
            claim = {"claimed_until": now + claim_for, "message_id": message_id}
            await connection.execute(update(alerts_table).where(_is_about(alert)).values(claim))
            return str(message_id)

        return await self._db.write(claim_alert)

    async def record_told(self, alert: Alert, message_id: str) -> None:
        """Record that the alert was told, or that everything was tried."""

        async def write_told(connection: AsyncConnection) -> None:
            now = await self._now(connection)
            await connection.execute(
                update(alerts_table)
                .where(_is_about(alert), _alerts.message_id == message_id)
                .values(
                    occurrence=alert.occurrence, told_at=now, claimed_until=None, message_id=None
                )
            )
            await connection.execute(delete(alerts_table).where(_alerts.told_at < now - KEPT_FOR))

        await self._db.write(write_told)


def _is_about(alert: Alert) -> ColumnElement[bool]:
    return and_(_alerts.kind == alert.kind, _alerts.subject == alert.subject)


def _told_from_row(row: Row) -> ToldAlert:
    return ToldAlert(row["occurrence"] or "", row["told_at"], row["claimed_until"])
