"""Google's last refusal of the operator's account on each route, with Google's message."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from bot.domain.jobs.request import GoogleRoute
from bot.store.engine.database import Store
from bot.store.engine.upserts import upsert
from bot.store.tables.core import account_refusals_table, jobs_table

_MAX_REASON_LENGTH = 80


@dataclass(frozen=True, slots=True)
class LatestRefusal:
    """The last time that Google refused the account on a route, in its words."""

    route: str
    reason: str | None
    message: str
    refused_at: datetime


@dataclass(frozen=True, slots=True)
class AccountRefusal:
    """``is_over`` says whether Google has started an operation since."""

    route: str
    reason: str | None
    message: str
    refused_at: datetime
    is_over: bool


class AccountRefusalStore(Store):
    """Stores what only the operator can fix, so that it can be found without the logs."""

    async def record_refusal(
        self, route: GoogleRoute, *, reason: str | None, message: str, now: datetime
    ) -> None:
        """Record the refusal, replacing the last one of its route."""
        row = {
            "route": str(route),
            "reason": reason[:_MAX_REASON_LENGTH] if reason else None,
            "message": message,
            "refused_at": now,
        }
        await self._db.write_one(lambda connection: upsert(connection, account_refusals_table, row))

    async def list_latest(self) -> list[LatestRefusal]:
        """Return the last refusal of each route, without looking whether it is over."""
        refusals = account_refusals_table.c
        query = select(refusals.route, refusals.reason, refusals.message, refusals.refused_at)
        rows = await self._db.read_rows(query.order_by(refusals.route))
        return [LatestRefusal(**row) for row in rows]

    async def list_refusals(self) -> list[AccountRefusal]:
        """Return the last refusal of each route."""
        jobs = jobs_table.c
        started_at = await self._db.read_scalar(
            select(func.max(jobs.submitted_at)).where(jobs.operation.is_not(None))
        )
        rows = await self._db.read_rows(
            select(account_refusals_table).order_by(account_refusals_table.c.route)
        )
        return [
            AccountRefusal(
                route=row["route"],
                reason=row["reason"],
                message=row["message"],
                refused_at=row["refused_at"],
                is_over=started_at is not None and started_at > row["refused_at"],
            )
            for row in rows
        ]
