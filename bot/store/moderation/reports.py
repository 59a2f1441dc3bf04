"""Reports of clips: who reported, what the staff decided, and what of it Discord does not show yet.

A row of `report_cases` says what should be; the process that claims it does that, writes the
staff's message, and records it. The row is then in sync, unless it has changed again.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.clips.clip import Clip
from bot.domain.errors import RecordNotFound
from bot.domain.moderation.report import (
    MEMBER_WINDOW,
    REPORTS_IN_WINDOW,
    ReportCase,
    ReportDecision,
    ReportEffect,
    ReportNoticeKind,
    ReportReceipt,
)
from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.store.engine.database import Database, Store
from bot.store.engine.types import DatabaseClock, database_now
from bot.store.engine.upserts import insert_if_absent
from bot.store.guilds import ensure_guild
from bot.store.moderation.report_notices import add_notice
from bot.store.moderation.report_rows import reopen_cases
from bot.store.showcase.audit_log import write_audit_entry
from bot.store.showcase.footage import take_reach_lock
from bot.store.tables.core import clips_table, guilds_table, jobs_table
from bot.store.tables.moderation import report_cases_table, reports_table
from bot.store.tables.row_mapping import Row
from bot.store.tables.showcase import showcase_posts_table

_cases = report_cases_table.c
_guilds = guilds_table.c
_posts = showcase_posts_table.c
_SALT_BYTES: Final = 16
_VISITOR_DIGITS: Final = 4
"""Hexadecimal digits: some 65,000 numbers for four billion addresses of IPv4 alone, so that none
tells which address it was made from."""
_CLAIM_BATCH_SIZE: Final = 20
_NOTICES: Final[Mapping[ReportDecision, ReportNoticeKind]] = {
    ReportDecision.HIDE: ReportNoticeKind.HIDDEN,
    ReportDecision.DELETE: ReportNoticeKind.DELETED,
}
_AUDIT_ACTIONS: Final[Mapping[ReportDecision, AuditAction]] = {
    ReportDecision.HIDE: AuditAction.REPORT_HIDE,
    ReportDecision.DELETE: AuditAction.REPORT_DELETE,
    ReportDecision.DISMISS: AuditAction.REPORT_DISMISS,
    ReportDecision.SHOW: AuditAction.REPORT_DISMISS,
}


class ReportStore(Store):
    """Reported clips; the database's clock decides about claims."""

    def __init__(self, database: Database, *, now: DatabaseClock = database_now) -> None:
        super().__init__(database)
        self._now = now

    async def add_report(
        self, clip: Clip, guild_id: int, *, user_id: int | None = None, visitor: str = ""
    ) -> ReportReceipt:
        """Record the report of a member, or of a ``visitor`` by the key of their address.

        The last report that the server waits for hides the clip.
        """

        async def write_report(connection: AsyncConnection) -> ReportReceipt:
            await take_reach_lock(connection)  # before any other row, because it may hide a post
            now = await self._now(connection)
            row = {
                "clip_id": clip.id,
                "job_id": clip.job_id,
                "guild_id": guild_id,
                "creator_id": clip.user_id,
                "first_reported_at": now,
                "salt": secrets.token_hex(_SALT_BYTES),
                "in_sync": True,
            }
            await insert_if_absent(connection, report_cases_table, row)
            query = select(report_cases_table).where(_cases.clip_id == clip.id).with_for_update()
            stored = (await connection.execute(query)).mappings().one()
            case = _case_from_row(stored)
            if case.decision is not None:
                return ReportReceipt.DECIDED
            reporter = _hide_address(stored["salt"], visitor) if user_id is None else str(user_id)
            if user_id is not None and await _has_reported_enough(connection, user_id, now):
                return ReportReceipt.LIMITED
            report = {
                "clip_id": clip.id,
                "reporter": reporter,
                "user_id": user_id,
                "reported_at": now,
            }
            if not await insert_if_absent(connection, reports_table, report):
                return ReportReceipt.REPEATED
            count = case.report_count + 1
            changes: dict[str, Any] = {"report_count": count}
            rules = await _load_rules(connection, guild_id)
            if not case.is_hidden and 0 < rules["reports_to_hide"] <= count:
                changes |= await _build_hiding(connection, case)
                await self._write_audit(connection, case, AuditAction.REPORT_LIMIT, str(count))
            if rules["staff_channel"] is None:
                # at 1, 2, 4, 8 …, so that nothing else is pushed out of the short log
                if count & (count - 1) == 0:
                    await self._write_audit(connection, case, AuditAction.REPORT, str(count))
                await _tell_owner(connection, case, rules, ReportNoticeKind.STAFF_CHANNEL, now)
            await _change_case(connection, case, changes)
            return ReportReceipt.RECEIVED

        return await self._db.write(write_report)

    async def find(self, clip_id: int) -> ReportCase | None:
        query = select(report_cases_table).where(_cases.clip_id == clip_id)
        rows = await self._db.read_rows(query)
        return _case_from_row(rows[0]) if rows else None

    async def count_open(self, guild_id: int) -> int:
        """Return how many reported clips of a server still need a decision."""
        query: Select[Any] = (
            select(func.count())
            .select_from(report_cases_table)
            .join(clips_table, clips_table.c.id == _cases.clip_id)
            .where(_cases.guild_id == guild_id, _cases.decision.is_(None))
        )
        return await self._db.read_scalar(query) or 0

    # -- decisions of the staff

    async def decide(
        self, clip_id: int, decision: ReportDecision, *, guild_id: int, actor_id: int
    ) -> tuple[ReportCase, bool]:
        """Record a decision; return the case, and whether it was this one's to make.

        Whoever is second gets the case with the first decision. Who reported the clip is deleted.
        Raises `RecordNotFound`.
        """

        async def write_decision(connection: AsyncConnection) -> tuple[ReportCase, bool]:
            await take_reach_lock(connection)
            case = await _lock_case(connection, clip_id, guild_id)
            if not case.may_become(decision):
                return case, False
            now, effect = await self._now(connection), case.get_effect(decision)
            is_shown = decision is ReportDecision.SHOW
            changes: dict[str, Any] = {
                "decision": ReportDecision.DISMISS if is_shown else decision,
                "decided_by": actor_id,
                "decided_at": now,
                "pending_effect": effect,
            }
            if effect is ReportEffect.HIDE and not case.is_hidden:
                changes |= await _build_hiding(connection, case)
            if effect is ReportEffect.SHOW:
                changes["is_hidden"] = False
            await self._write_audit(connection, case, _AUDIT_ACTIONS[decision], actor_id=actor_id)
            await connection.execute(
                delete(reports_table).where(reports_table.c.clip_id == clip_id)
            )
            return await _change_case(connection, case, changes), True

        return await self._db.write(write_decision)

    async def record_block(
        self, clip_id: int, *, guild_id: int, actor_id: int
    ) -> tuple[ReportCase, bool]:
        """Record that the clip's creator is being blocked; return whether nobody else did before.

        Raises `RecordNotFound`.
        """

        async def write_block(connection: AsyncConnection) -> tuple[ReportCase, bool]:
            case = await _lock_case(connection, clip_id, guild_id)
            if case.creator_blocked_by is not None:
                return case, False
            return await _change_case(connection, case, {"creator_blocked_by": actor_id}), True

        return await self._db.write(write_block)

    # -- for the process that carries them out

    async def claim_due(self, *, claim_for: timedelta) -> list[ReportCase]:
        """Claim some cases that are out of sync."""
        return await self._claim(_cases.in_sync.is_(False), claim_for=claim_for, waits=True)

    async def claim(self, clip_id: int, *, claim_for: timedelta) -> ReportCase | None:
        """Claim one case that is out of sync, although it may be waiting for another attempt."""
        is_case = (_cases.clip_id == clip_id) & _cases.in_sync.is_(False)
        claimed = await self._claim(is_case, claim_for=claim_for, waits=False)
        return claimed[0] if claimed else None

    async def ask_again(self, guild_id: int, *, staff_channel: int) -> None:
        """Let those cases of a server be posted soon that have no message in the staff channel."""

        async def write_changes(connection: AsyncConnection) -> None:
            await take_reach_lock(connection)
            await reopen_cases(connection, guild_id, staff_channel=staff_channel)

        await self._db.write(write_changes)

    async def _claim(
        self, condition: ColumnElement[bool], *, claim_for: timedelta, waits: bool
    ) -> list[ReportCase]:
        async def claim_cases(connection: AsyncConnection) -> list[ReportCase]:
            now = await self._now(connection)
            is_due = and_(
                condition, or_(_cases.claimed_until.is_(None), _cases.claimed_until < now)
            )
            if waits:
                is_due &= or_(_cases.retry_at.is_(None), _cases.retry_at <= now)
            due = select(_cases.clip_id).where(is_due).limit(_CLAIM_BATCH_SIZE)
            statement = (
                update(report_cases_table)
                .where(_cases.clip_id.in_(due), is_due)
                .values(claimed_until=now + claim_for)
                .returning(report_cases_table)
            )
            rows = (await connection.execute(statement)).mappings().all()
            return [_case_from_row(row) for row in rows]

        is_any = select(_cases.clip_id).where(condition).limit(1)
        if await self._db.read_scalar(is_any) is None:  # a write would block other writers
            return []
        return await self._db.write(claim_cases)

    async def record_effect(self, case: ReportCase) -> bool:
        """Record that a decision was carried out, and that its creator is to be told of it.

        Return ``False`` if there is another decision meanwhile.
        """
        is_same = (
            (_cases.clip_id == case.clip_id)
            & (_cases.pending_effect == case.pending_effect)
            & (_cases.decision == case.decision)
        )
        done = update(report_cases_table).where(is_same).values(pending_effect=None)

        async def write_effect(connection: AsyncConnection) -> bool:
            if (await connection.execute(done)).rowcount == 0:
                return False
            kind = None if case.decision is None else _NOTICES.get(case.decision)
            if kind is not None and case.decided_by != case.creator_id:
                locale = select(jobs_table.c.locale).where(jobs_table.c.id == case.job_id)
                await add_notice(
                    connection,
                    kind,
                    guild_id=case.guild_id,
                    clip_id=case.clip_id,
                    user_id=case.creator_id,
                    locale=await connection.scalar(locale),
                    now=await self._now(connection),
                )
            return True

        return await self._db.write(write_effect)

    async def record_automatic_hiding(self, case: ReportCase) -> None:
        """Record that a clip was hidden because of the number of its reports."""
        is_same = (_cases.clip_id == case.clip_id) & _cases.decision.is_(None)
        statement = update(report_cases_table).where(is_same).values(pending_effect=None)
        await self._db.execute(statement)

    async def record_message(
        self, case: ReportCase, *, channel_id: int | None, message_id: int | None
    ) -> None:
        """Record the staff's message, or that there is none any more."""
        values = {"channel_id": channel_id, "message_id": message_id}
        if message_id is None:
            values["revision"] = case.revision + 1
        statement = update(report_cases_table).where(_cases.clip_id == case.clip_id)
        await self._db.execute(statement.values(values))

    async def record_sync(self, case: ReportCase) -> None:
        """Record that Discord shows ``case``, and end the claim."""
        statement = (
            update(report_cases_table)
            .where(_cases.clip_id == case.clip_id)
            .values(claimed_until=None, in_sync=_cases.change_count == case.change_count)
        )
        await self._db.execute(statement)

    async def postpone_unposted(self, case: ReportCase, *, pause: timedelta) -> None:
        """Let a case wait because the staff channel refuses its message.

        The log has it, and the server's owner is told once, as without a channel.
        """

        async def write_pause(connection: AsyncConnection) -> None:
            await take_reach_lock(connection)
            now = await self._now(connection)
            query = select(_cases.retry_at).where(_cases.clip_id == case.clip_id)
            is_new = await connection.scalar(query) is None
            await connection.execute(
                update(report_cases_table)
                .where(_cases.clip_id == case.clip_id)
                .values(claimed_until=None, retry_at=now + pause)
            )
            if not is_new or case.decision is not None:
                return
            rules, count = await _load_rules(connection, case.guild_id), case.report_count
            if count & (count - 1) == 0:
                await self._write_audit(connection, case, AuditAction.REPORT, str(count))
            await _tell_owner(connection, case, rules, ReportNoticeKind.STAFF_CLOSED, now)

        await self._db.write(write_pause)

    async def postpone(self, case: ReportCase, *, pause: timedelta) -> None:
        """End the claim, and let the case wait for another attempt."""

        async def write_pause(connection: AsyncConnection) -> None:
            retry_at = await self._now(connection) + pause
            await connection.execute(
                update(report_cases_table)
                .where(_cases.clip_id == case.clip_id)
                .values(claimed_until=None, retry_at=retry_at)
            )

        await self._db.write(write_pause)

    async def _write_audit(
        self,
        connection: AsyncConnection,
        case: ReportCase,
        action: AuditAction,
        comment: str | None = None,
        *,
        actor_id: int | None = None,
    ) -> None:
        audit_entry = AuditEntry(
            case.guild_id,
            actor_id,
            action,
            await self._now(connection),
            clip_id=case.clip_id,
            target_user_id=case.creator_id,
            comment=comment,
        )
        await write_audit_entry(connection, audit_entry)


async def _lock_case(connection: AsyncConnection, clip_id: int, guild_id: int) -> ReportCase:
    is_case = (_cases.clip_id == clip_id) & (_cases.guild_id == guild_id)
    query = select(report_cases_table).where(is_case).with_for_update()
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise RecordNotFound("report")
    return _case_from_row(row)


async def _change_case(
    connection: AsyncConnection, case: ReportCase, changes: Mapping[str, Any]
) -> ReportCase:
    """Write the changes to a locked row, and let its message be written anew."""
    statement = (
        update(report_cases_table)
        .where(_cases.clip_id == case.clip_id)
        .values(in_sync=False, retry_at=None, change_count=case.change_count + 1, **changes)
        .returning(report_cases_table)
    )
    return _case_from_row((await connection.execute(statement)).mappings().one())


async def _build_hiding(connection: AsyncConnection, case: ReportCase) -> dict[str, Any]:
    """Return what hiding the clip changes; its post may be hidden already, by a moderator."""
    query = select(_posts.hidden).where(_posts.clip_id == case.clip_id, ~_posts.withdrawn)
    is_shown = await connection.scalar(query) is False
    return {"is_hidden": True, "hid_post": is_shown, "pending_effect": ReportEffect.HIDE}


async def _load_rules(connection: AsyncConnection, guild_id: int) -> Row:
    await ensure_guild(connection, guild_id)
    columns = (_guilds.reports_to_hide, _guilds.staff_channel, _guilds.staff_hint_at)
    query = select(*columns).where(_guilds.id == guild_id).with_for_update()
    return (await connection.execute(query)).mappings().one()


async def _has_reported_enough(connection: AsyncConnection, user_id: int, now: datetime) -> bool:
    """Return whether a member has reported many clips lately; each is a message for the staff."""
    recent = select(func.count()).where(
        reports_table.c.user_id == user_id, reports_table.c.reported_at > now - MEMBER_WINDOW
    )
    return (await connection.scalar(recent) or 0) >= REPORTS_IN_WINDOW


async def _tell_owner(
    connection: AsyncConnection,
    case: ReportCase,
    rules: Row,
    kind: ReportNoticeKind,
    now: datetime,
) -> None:
    """Let the server's owner be told, unless they were since a staff channel was last chosen."""
    if rules["staff_hint_at"] is not None:
        return
    is_guild = _guilds.id == case.guild_id
    await connection.execute(update(guilds_table).where(is_guild).values(staff_hint_at=now))
    await add_notice(connection, kind, guild_id=case.guild_id, clip_id=case.clip_id, now=now)


def _hide_address(salt: str, visitor: str) -> str:
    """Return the number of a visitor, which is another one for each clip."""
    digest = hashlib.sha256(f"{salt} {visitor}".encode()).hexdigest()
    return f"v{digest[:_VISITOR_DIGITS]}"


def _case_from_row(row: Row) -> ReportCase:
    decision, effect = row["decision"], row["pending_effect"]
    return ReportCase(
        clip_id=row["clip_id"],
        job_id=row["job_id"],
        guild_id=row["guild_id"],
        creator_id=row["creator_id"],
        first_reported_at=row["first_reported_at"],
        report_count=row["report_count"],
        is_hidden=row["is_hidden"],
        hid_post=row["hid_post"],
        decision=None if decision is None else ReportDecision(decision),
        decided_by=row["decided_by"],
        creator_blocked_by=row["creator_blocked_by"],
        pending_effect=None if effect is None else ReportEffect(effect),
        channel_id=row["channel_id"],
        message_id=row["message_id"],
        revision=row["revision"],
        change_count=row["change_count"],
    )
