"""Checks of contents: what is asked now, what was answered in the last minutes, and their prices.

The estimate is booked before the model is asked, in one transaction with the row that says so. The
answer corrects it. So a process that dies in between leaves the most that Google may bill.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import Select, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import EntryKind, LedgerAccount, LedgerPosting, build_check_comment
from bot.domain.billing.limits import SpendingPolicy, UsageAmount
from bot.domain.billing.money import Micros
from bot.domain.errors import RequestRefused
from bot.domain.jobs.job import AdmissionRequest, JobState, Origin, ReviewState
from bot.domain.moderation.content_check import ContentVerdict
from bot.store.engine.database import Database, take_lock
from bot.store.engine.types import DatabaseClock, database_now
from bot.store.engine.upserts import upsert
from bot.store.jobs.admission import ADMISSION_LOCK, preview_admission
from bot.store.tables.core import jobs_table, ledger_table
from bot.store.tables.moderation import content_checks_table
from bot.store.tables.row_mapping import posting_to_row

KEPT_FOR: Final = timedelta(minutes=10)
"""How long an answer counts for the same content."""
ANSWER_TIME: Final = timedelta(seconds=30)
"""How long an attempt may take, and a little more. Whoever has not answered then is gone."""

_checks = content_checks_table.c


@dataclass(frozen=True, slots=True)
class CheckAttempt:
    """An attempt whose estimate is booked."""

    content_key: str
    name: str
    model: str
    origin: Origin
    booked: Micros


class CheckInProgress(Exception):
    """Somebody else is asking the model about the same content now."""


class ContentCheckStore:
    """Stores checks and books what they cost, for the budgets of server and bot."""

    def __init__(self, database: Database, *, now: DatabaseClock = database_now) -> None:
        self._db = database
        self._now = now

    async def begin(
        self, content_key: str, request: AdmissionRequest, *, model: str, policy: SpendingPolicy
    ) -> ContentVerdict | CheckAttempt:
        """Return a recent verdict, or book ``request.extra`` for an attempt of the caller.

        Raises `CheckInProgress`, and the refusal of a request that would not be accepted anyway.
        """
        return await self._begin(
            content_key,
            request.origin,
            model=model,
            estimate=request.extra,
            find_refusal=lambda connection: preview_admission(
                connection, request, policy=policy, clock=self._now
            ),
        )

    async def begin_for_result(
        self, content_key: str, origin: Origin, *, model: str, estimate: Micros
    ) -> ContentVerdict | CheckAttempt:
        """Do the same for a finished clip. Its check is booked even if a budget is used up.

        Raises `CheckInProgress`.
        """
        return await self._begin(content_key, origin, model=model, estimate=estimate)

    async def count_unchecked_clips(self) -> int:
        """Return how many jobs have finished clips that wait for a check."""
        query: Select[Any] = select(func.count()).where(
            jobs_table.c.state == JobState.POSTING, jobs_table.c.review == ReviewState.CHECK
        )
        return await self._db.read_scalar(query) or 0

    async def _begin(
        self,
        content_key: str,
        origin: Origin,
        *,
        model: str,
        estimate: Micros,
        find_refusal: Callable[[AsyncConnection], Awaitable[RequestRefused | None]] | None = None,
    ) -> ContentVerdict | CheckAttempt:
        async def begin_check(
            connection: AsyncConnection,
        ) -> ContentVerdict | CheckAttempt | CheckInProgress | RequestRefused:
            await take_lock(connection, ADMISSION_LOCK)
            now = await self._now(connection)
            await connection.execute(
                delete(content_checks_table).where(_checks.asked_at < now - KEPT_FOR)
            )
            query = select(_checks.asked_at, _checks.verdict).where(
                _checks.content_key == content_key
            )
            row = (await connection.execute(query)).one_or_none()
            if row is not None and row.verdict is not None:
                return ContentVerdict.read(row.verdict)
            if row is not None and row.asked_at > now - ANSWER_TIME:
                return CheckInProgress()
            refusal = None if find_refusal is None else await find_refusal(connection)
            if refusal is not None:
                return refusal
            attempt = CheckAttempt(content_key, secrets.token_hex(16), model, origin, estimate)
            await upsert(
                connection,
                content_checks_table,
                {
                    "content_key": content_key,
                    "attempt": attempt.name,
                    "asked_at": now,
                    "verdict": None,
                },
            )
            await self._book(connection, attempt, attempt.booked)
            return attempt

        result = await self._db.write(begin_check)
        if isinstance(result, ContentVerdict | CheckAttempt):
            return result
        raise result

    async def finish(
        self, attempt: CheckAttempt, verdict: ContentVerdict | None, *, price: Micros
    ) -> None:
        """Record the verdict, and correct what was booked to ``price``.

        Without a verdict, the next request with the same content asks again.
        """
        is_own = (_checks.content_key == attempt.content_key) & (_checks.attempt == attempt.name)

        async def finish_check(connection: AsyncConnection) -> None:
            if verdict is None:
                await connection.execute(delete(content_checks_table).where(is_own))
            else:
                await connection.execute(
                    update(content_checks_table).where(is_own).values(verdict=verdict.text)
                )
            if price != attempt.booked:
                await self._book(connection, attempt, Micros(price - attempt.booked))

        await self._db.write(finish_check)

    async def _book(
        self, connection: AsyncConnection, attempt: CheckAttempt, amount: Micros
    ) -> None:
        posting = LedgerPosting(EntryKind.ADJUST, UsageAmount(amount), LedgerAccount.BUDGETS)
        now = await self._now(connection)
        await connection.execute(
            insert(ledger_table).values(
                posting_to_row(posting)
                | {
                    "recorded_at": now,
                    "window_at": now,
                    "guild_id": attempt.origin.guild_id,
                    "user_id": attempt.origin.user_id,
                    "comment": build_check_comment(attempt.model),
                }
            )
        )
