"""Requests about which a moderator is asked first, until each has a job or has ended.

Every change of the state has a fence, so that a question ends once. The change to ``started`` is
part of the transaction that accepts the job (`bot.store.jobs.admission`). The process that claims a
row makes Discord show it. The row is then in sync, unless it has changed again.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.erasure import QuestionBatch
from bot.domain.errors import RecordNotFound, TooManyQuestions
from bot.domain.jobs.request import VideoPlan
from bot.domain.moderation.question import (
    ANSWER_TIME,
    MAX_WAITING,
    OPEN_STATES,
    ModeratorAnswer,
    ModeratorQuestion,
    NewQuestion,
    QuestionState,
)
from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.store.engine.database import Database, Store, take_lock
from bot.store.engine.types import DatabaseClock, database_now
from bot.store.showcase.audit_log import write_audit_entry
from bot.store.tables.core import job_inputs_table
from bot.store.tables.moderation import questions_table
from bot.store.tables.row_mapping import (
    Row,
    list_input_paths,
    origin_from_row,
    origin_to_row,
    plan_from_json,
    plan_to_json,
)

_questions = questions_table.c
_QUESTION_LOCK: Final = 0x636C_6170_08
_CLAIM_BATCH_SIZE: Final = 20
_AUDIT_ACTIONS: Final[Mapping[ModeratorAnswer, AuditAction]] = {
    ModeratorAnswer.ALLOW: AuditAction.QUESTION_ALLOW,
    ModeratorAnswer.REFUSE: AuditAction.QUESTION_REFUSE,
}
_PLAIN_COLUMNS: Final = (
    "id",
    "entry",
    "by_operator",
    "parent_channel_id",
    "shows_age_restricted",
    "is_for_adults",
    "asked_at",
    "decided_by",
    "decided_at",
    "job_id",
    "failure",
    "staff_channel_id",
    "staff_message_id",
    "staff_revision",
    "waiting_message_id",
    "change_count",
)


class QuestionStore(Store):
    """The questions of all processes; the database's clock decides when one expires."""

    def __init__(self, database: Database, *, now: DatabaseClock = database_now) -> None:
        super().__init__(database)
        self._now = now

    async def add(self, new: NewQuestion) -> ModeratorQuestion:
        """Store a request; return the stored one if it has arrived before.

        Raises `TooManyQuestions`.
        """

        async def write_question(connection: AsyncConnection) -> ModeratorQuestion:
            await take_lock(connection, _QUESTION_LOCK)  # so that two requests are not both last
            is_same = _questions.dedupe_key == new.origin.dedupe_key
            if (known := await _find(connection, is_same)) is not None:
                return known
            count = select(func.count()).where(
                _questions.guild_id == new.origin.guild_id,
                _questions.user_id == new.origin.user_id,
                _questions.state == QuestionState.WAITING,
            )
            waiting = await connection.scalar(count) or 0
            if waiting >= MAX_WAITING:
                raise TooManyQuestions(waiting)
            row = {
                **origin_to_row(new.origin),
                "state": QuestionState.WAITING,
                "plan": plan_to_json(new.plan),
                "entry": new.entry,
                "by_operator": new.by_operator,
                "parent_channel_id": new.parent_channel_id,
                "shows_age_restricted": new.shows_age_restricted,
                "is_for_adults": new.is_for_adults,
                "asked_at": await self._now(connection),
            }
            statement = insert(questions_table).values(row).returning(questions_table)
            return _question_from_row((await connection.execute(statement)).mappings().one())

        return await self._db.write(write_question)

    async def find(self, question_id: int) -> ModeratorQuestion | None:
        query = select(questions_table).where(_questions.id == question_id)
        rows = await self._db.read_rows(query)
        return _question_from_row(rows[0]) if rows else None

    async def count_waiting(self, guild_id: int) -> int:
        """Return how many requests of a server wait for a moderator."""
        query: Select[Any] = select(func.count()).where(
            _questions.guild_id == guild_id, _questions.state == QuestionState.WAITING
        )
        return await self._db.read_scalar(query) or 0

    async def list_waiting(self, user_id: int) -> list[ModeratorQuestion]:
        """Return the requests of a member that wait for a moderator, in all servers."""
        query = (
            select(questions_table)
            .where(_questions.user_id == user_id, _questions.state == QuestionState.WAITING)
            .order_by(_questions.id)
        )
        return [_question_from_row(row) for row in await self._db.read_rows(query)]

    # -- decisions

    async def answer(
        self, question_id: int, answer: ModeratorAnswer, *, guild_id: int, actor_id: int
    ) -> tuple[ModeratorQuestion, bool]:
        """Record a moderator's answer; return ``False`` with the question if it has ended before.

        A question whose time has passed expires now. Raises `RecordNotFound`.
        """

        async def write_answer(connection: AsyncConnection) -> tuple[ModeratorQuestion, bool]:
            is_question = (_questions.id == question_id) & (_questions.guild_id == guild_id)
            question = await _find(connection, is_question, locks=True)
            if question is None:
                raise RecordNotFound("question")
            if question.state is not QuestionState.WAITING:
                return question, False
            now = await self._now(connection)
            if question.expires_at <= now:
                return await _change(connection, question, QuestionState.EXPIRED, now), False
            audit_entry = AuditEntry(
                guild_id,
                actor_id,
                _AUDIT_ACTIONS[answer],
                now,
                target_user_id=question.origin.user_id,
            )
            await write_audit_entry(connection, audit_entry)
            changed = await _change(
                connection, question, answer.state, now, {"decided_by": actor_id}
            )
            return changed, True

        return await self._db.write(write_answer)

    async def close(
        self, question_id: int, state: QuestionState, *, failure: str | None = None
    ) -> bool:
        """End an open question; return ``False`` if it has ended already."""

        async def write_end(connection: AsyncConnection) -> bool:
            is_question = (_questions.id == question_id) & _questions.state.in_(OPEN_STATES)
            question = await _find(connection, is_question, locks=True)
            if question is None:
                return False
            now = await self._now(connection)
            await _change(connection, question, state, now, {"failure": failure})
            return True

        return await self._db.write(write_end)

    # -- for the process that carries them out

    async def expire_due(self) -> None:
        """End the questions that nobody answered in time."""
        oldest = select(func.min(_questions.asked_at)).where(
            _questions.state == QuestionState.WAITING
        )

        async def write_expiry(connection: AsyncConnection) -> None:
            now = await self._now(connection)
            is_due = (_questions.state == QuestionState.WAITING) & (
                _questions.asked_at <= now - ANSWER_TIME
            )
            changes = _build_changes(QuestionState.EXPIRED, now)
            await connection.execute(update(questions_table).where(is_due).values(changes))

        async def is_any_due(connection: AsyncConnection) -> bool:
            asked_at = await connection.scalar(oldest)
            return asked_at is not None and asked_at <= await self._now(connection) - ANSWER_TIME

        if await self._db.read(is_any_due):  # a write would block other writers
            await self._db.write(write_expiry)

    async def claim_due(self, *, claim_for: timedelta) -> list[ModeratorQuestion]:
        """Claim some questions that are out of sync."""
        return await self._claim(_questions.in_sync.is_(False), claim_for=claim_for, waits=True)

    async def claim(self, question_id: int, *, claim_for: timedelta) -> ModeratorQuestion | None:
        """Claim one question that is out of sync, although it may wait for another attempt."""
        is_question = (_questions.id == question_id) & _questions.in_sync.is_(False)
        claimed = await self._claim(is_question, claim_for=claim_for, waits=False)
        return claimed[0] if claimed else None

    async def _claim(
        self, condition: ColumnElement[bool], *, claim_for: timedelta, waits: bool
    ) -> list[ModeratorQuestion]:
        async def claim_questions(connection: AsyncConnection) -> list[ModeratorQuestion]:
            now = await self._now(connection)
            is_free = or_(_questions.claimed_until.is_(None), _questions.claimed_until < now)
            is_due = and_(condition, is_free)
            if waits:
                is_due &= or_(_questions.retry_at.is_(None), _questions.retry_at <= now)
            due = select(_questions.id).where(is_due).limit(_CLAIM_BATCH_SIZE)
            statement = (
                update(questions_table)
                .where(_questions.id.in_(due), is_due)
                .values(claimed_until=now + claim_for)
                .returning(questions_table)
            )
            rows = (await connection.execute(statement)).mappings().all()
            return [_question_from_row(row) for row in rows]

        is_any = select(_questions.id).where(condition).limit(1)
        if await self._db.read_scalar(is_any) is None:  # a write would block other writers
            return []
        return await self._db.write(claim_questions)

    async def record_staff_message(
        self, question: ModeratorQuestion, *, channel_id: int, message_id: int
    ) -> bool:
        """Record the staff's message; return ``False`` if the question is gone."""
        return await self._record_message(
            question, staff_channel_id=channel_id, staff_message_id=message_id
        )

    async def forget_staff_message(self, question: ModeratorQuestion) -> None:
        """Record that the staff's message is deleted, so that the next one is another."""
        statement = (
            update(questions_table)
            .where(_questions.id == question.id)
            .values(
                in_sync=False,
                staff_channel_id=None,
                staff_message_id=None,
                staff_revision=question.staff_revision + 1,
            )
        )
        await self._db.execute(statement)

    async def move_waiting(self, guild_id: int, *, staff_channel: int) -> None:
        """Let those waiting questions of a server be shown soon that are in another channel."""
        is_elsewhere = _questions.staff_channel_id.is_distinct_from(staff_channel)
        statement = (
            update(questions_table)
            .where(
                _questions.guild_id == guild_id,
                _questions.state == QuestionState.WAITING,
                is_elsewhere,
            )
            .values(in_sync=False, retry_at=None, change_count=_questions.change_count + 1)
        )
        await self._db.execute(statement)

    async def record_waiting_message(self, question: ModeratorQuestion, message_id: int) -> bool:
        """Record the member's message; return ``False`` if the question is gone."""
        return await self._record_message(question, waiting_message_id=message_id)

    async def _record_message(self, question: ModeratorQuestion, **values: int) -> bool:
        # out of sync, because it may have ended meanwhile, and another process have shown that
        is_same = _questions.id == question.id
        statement = update(questions_table).where(is_same).values(in_sync=False, **values)
        return await self._db.execute(statement) == 1

    async def record_sync(self, question: ModeratorQuestion) -> None:
        """Record that Discord shows ``question``, and end the claim."""
        statement = (
            update(questions_table)
            .where(_questions.id == question.id)
            .values(claimed_until=None, in_sync=_questions.change_count == question.change_count)
        )
        await self._db.execute(statement)

    async def postpone(self, question: ModeratorQuestion, *, pause: timedelta) -> None:
        """End the claim, and let the question wait for another attempt."""

        async def write_pause(connection: AsyncConnection) -> None:
            retry_at = await self._now(connection) + pause
            await connection.execute(
                update(questions_table)
                .where(_questions.id == question.id)
                .values(claimed_until=None, retry_at=retry_at)
            )

        await self._db.write(write_pause)


# -- for the admission of jobs


async def lock_allowed(connection: AsyncConnection, question_ids: Collection[int]) -> set[int]:
    """Return those questions that may get their job now, and keep them so in this transaction."""
    if not question_ids:
        return set()
    query = select(_questions.id).where(
        _questions.id.in_(question_ids), _questions.state == QuestionState.ALLOWED
    )
    return set(await connection.scalars(query.with_for_update()))


async def mark_started(
    connection: AsyncConnection, question_id: int, job_id: int, now: datetime
) -> None:
    """Record the job of a question that `lock_allowed` returned."""
    changes = {**_build_changes(QuestionState.STARTED, now), "job_id": job_id}
    is_question = _questions.id == question_id
    await connection.execute(update(questions_table).where(is_question).values(changes))


# -- for what must be kept as long as a question is open


async def load_open_plans(connection: AsyncConnection) -> list[VideoPlan]:
    """Return the plans of which a job may still come."""
    query = select(_questions.plan).where(_questions.state.in_(OPEN_STATES))
    return [plan_from_json(text) for text in await connection.scalars(query)]


# -- for the erasure of a member


async def withdraw_where(connection: AsyncConnection, condition: ColumnElement[bool]) -> None:
    """End the open ones of some questions, so that no job comes of them."""
    is_open = condition & _questions.state.in_(OPEN_STATES)
    changes = _build_changes(QuestionState.WITHDRAWN, await database_now(connection))
    await connection.execute(update(questions_table).where(is_open).values(changes))


async def load_question_batch(
    connection: AsyncConnection, condition: ColumnElement[bool]
) -> QuestionBatch:
    """Return some questions with their messages, and the images that nothing else uses."""
    query = select(questions_table).where(condition)
    questions = [_question_from_row(row) for row in (await connection.execute(query)).mappings()]
    messages = {
        (channel_id, message_id)
        for question in questions
        for channel_id, message_id in (
            (question.staff_channel_id, question.staff_message_id),
            (question.origin.channel_id, question.waiting_message_id),
        )
        if channel_id is not None and message_id is not None
    }
    paths = {path for question in questions for path in list_input_paths(question.plan)}
    of_jobs = select(job_inputs_table.c.path).where(job_inputs_table.c.path.in_(paths))
    others = {path for plan in await load_open_plans(connection) for path in list_input_paths(plan)}
    return QuestionBatch(
        question_ids=tuple(question.id for question in questions),
        posts=tuple(sorted(messages)),
        paths=tuple(sorted(paths - others - set(await connection.scalars(of_jobs)))),
    )


async def _find(
    connection: AsyncConnection, condition: ColumnElement[bool], *, locks: bool = False
) -> ModeratorQuestion | None:
    query = select(questions_table).where(condition)
    query = query.with_for_update() if locks else query
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else _question_from_row(row)


async def _change(
    connection: AsyncConnection,
    question: ModeratorQuestion,
    state: QuestionState,
    now: datetime,
    changes: Mapping[str, Any] = {},
) -> ModeratorQuestion:
    """Change a locked question, and let its messages be written anew."""
    statement = (
        update(questions_table)
        .where(_questions.id == question.id)
        .values({**_build_changes(state, now), **changes})
        .returning(questions_table)
    )
    return _question_from_row((await connection.execute(statement)).mappings().one())


def _build_changes(state: QuestionState, now: datetime) -> dict[str, Any]:
    return {
        "state": state,
        "decided_at": now,
        "in_sync": False,
        "retry_at": None,
        "change_count": _questions.change_count + 1,
    }


def _question_from_row(row: Row) -> ModeratorQuestion:
    return ModeratorQuestion(
        **{name: row[name] for name in _PLAIN_COLUMNS},
        state=QuestionState(row["state"]),
        plan=plan_from_json(row["plan"]),
        origin=origin_from_row(row),
    )
