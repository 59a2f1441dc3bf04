"""Direct messages about reports and the audit log that are still to be sent, oldest first."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.moderation.report import ReportNotice, ReportNoticeKind
from bot.store.engine.database import Database, Store
from bot.store.engine.types import DatabaseClock, database_now
from bot.store.tables.moderation import report_notices_table

_notices = report_notices_table.c
_CLAIM_BATCH_SIZE: Final = 20


class ReportNoticeStore(Store):
    """The notices of all processes; one that was sent or refused is deleted."""

    def __init__(self, database: Database, *, now: DatabaseClock = database_now) -> None:
        super().__init__(database)
        self._now = now

    async def claim_due(self, *, claim_for: timedelta) -> list[tuple[ReportNotice, datetime]]:
        """Claim some notices; return them with the times at which they came up."""

        async def claim_notices(
            connection: AsyncConnection,
        ) -> list[tuple[ReportNotice, datetime]]:
            now = await self._now(connection)
            is_due = or_(_notices.claimed_until.is_(None), _notices.claimed_until < now)
            due = select(_notices.id).where(is_due).order_by(_notices.id).limit(_CLAIM_BATCH_SIZE)
            statement = (
                update(report_notices_table)
                .where(_notices.id.in_(due), is_due)
                .values(claimed_until=now + claim_for)
                .returning(report_notices_table)
            )
            rows = (await connection.execute(statement)).mappings().all()
            return [
                (
                    ReportNotice(
                        id=row["id"],
                        kind=ReportNoticeKind(row["kind"]),
                        guild_id=row["guild_id"],
                        user_id=row["user_id"],
                        clip_id=row["clip_id"],
                        locale=row["locale"],
                    ),
                    row["created_at"],
                )
                for row in rows
            ]

        if await self._db.read_scalar(select(_notices.id).limit(1)) is None:
            return []
        return await self._db.write(claim_notices)

    async def remove(self, notice: ReportNotice) -> None:
        """Delete a notice that was sent, or that nobody will take."""
        statement = delete(report_notices_table).where(_notices.id == notice.id)
        await self._db.execute(statement)


async def add_notice(
    connection: AsyncConnection,
    kind: ReportNoticeKind,
    *,
    guild_id: int,
    now: datetime,
    clip_id: int | None = None,
    user_id: int | None = None,
    locale: str | None = None,
) -> None:
    """Let somebody be told, after the transaction."""
    row = {
        "kind": kind,
        "guild_id": guild_id,
        "user_id": user_id,
        "clip_id": clip_id,
        "locale": locale,
        "created_at": now,
    }
    await connection.execute(insert(report_notices_table).values(row))
