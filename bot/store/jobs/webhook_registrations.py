"""Our webhook at Google: what is registered, and which process checks that it still is."""

from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.jobs.request import GoogleRoute
from bot.domain.jobs.webhook import WebhookRegistration
from bot.store.engine.database import Database
from bot.store.engine.types import DatabaseClock, database_now
from bot.store.engine.upserts import insert_if_absent
from bot.store.tables.webhooks import webhook_registrations_table

_registrations = webhook_registrations_table.c
_IS_OMNI = _registrations.route == str(GoogleRoute.OMNI)


class WebhookRegistrationStore:
    def __init__(self, database: Database, *, now: DatabaseClock = database_now) -> None:
        self._db = database
        self._now = now

    async def load(self) -> WebhookRegistration | None:
        rows = await self._db.read_rows(select(webhook_registrations_table).where(_IS_OMNI))
        return next(
            (
                WebhookRegistration(
                    webhook_id=row["webhook_id"],
                    url=row["url"],
                    secret=row["secret"],
                    problem=row["problem"],
                )
                for row in rows
            ),
            None,
        )

    async def claim_check(self, *, interval: timedelta, retry_interval: timedelta) -> bool:
        """Return true to one process every ``interval``; until it is registered, more often."""

        async def claim(connection: AsyncConnection) -> bool:
            now = await self._now(connection)
            row = {"route": str(GoogleRoute.OMNI), "checked_at": now}
            if await insert_if_absent(connection, webhook_registrations_table, row):
                return True
            is_registered = _registrations.secret.is_not(None) & _registrations.problem.is_(None)
            waited = (is_registered & (_registrations.checked_at <= now - interval)) | (
                ~is_registered & (_registrations.checked_at <= now - retry_interval)
            )
            statement = update(webhook_registrations_table).where(_IS_OMNI, waited)
            return (await connection.execute(statement.values(checked_at=now))).rowcount == 1

        return await self._db.write(claim)

    async def save(self, registration: WebhookRegistration) -> None:
        """Replace what is known; the row exists since the check was claimed."""
        statement = update(webhook_registrations_table).where(_IS_OMNI)
        await self._db.execute(
            statement.values(
                webhook_id=registration.webhook_id,
                url=registration.url,
                secret=registration.secret,
                problem=registration.problem,
            )
        )

    async def forget(self) -> None:
        await self._db.execute(delete(webhook_registrations_table).where(_IS_OMNI))
