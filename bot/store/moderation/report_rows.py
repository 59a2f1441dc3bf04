"""What other stores ask and tell the rows of reported clips, within their own transactions."""

from typing import Final

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.moderation.report import ReportDecision
from bot.store.engine.types import database_time
from bot.store.tables.core import clips_table
from bot.store.tables.moderation import report_cases_table, reports_table

_cases = report_cases_table.c
_CHANGE: Final = {"in_sync": False, "retry_at": None, "change_count": _cases.change_count + 1}
"""Lets the staff's message be written anew, also if it is being written now."""


async def is_hidden_by_reports(connection: AsyncConnection, clip_id: int) -> bool:
    """Return whether a clip is kept out of the showcase. The lock of reaches must be held."""
    query = select(_cases.is_hidden).where(_cases.clip_id == clip_id)
    return bool(await connection.scalar(query))


async def follow_showcase_moderator(
    connection: AsyncConnection, clip_id: int, *, hidden: bool, actor_id: int | None
) -> None:
    """Let a moderator's choice in the showcase count for a clip that reports have hidden.

    If they hide it, finding nothing wrong with it does not show it again. If they show it again,
    that is the staff's decision, and later reports do not hide it. The lock of reaches must be
    held.
    """
    if hidden:
        is_case = _cases.clip_id == clip_id
        await connection.execute(update(report_cases_table).where(is_case).values(hid_post=False))
        return
    decided = {
        "decision": ReportDecision.DISMISS,
        "decided_by": actor_id,
        "decided_at": database_time(),
        "pending_effect": None,
        "is_hidden": False,
    }
    is_hidden = (_cases.clip_id == clip_id) & _cases.is_hidden
    changed = update(report_cases_table).where(is_hidden).values(decided | _CHANGE)
    if (await connection.execute(changed)).rowcount:
        await connection.execute(delete(reports_table).where(reports_table.c.clip_id == clip_id))


async def reopen_cases(
    connection: AsyncConnection, guild_id: int, *, staff_channel: int | None
) -> None:
    """Let those cases of a server be posted soon that have no message in its staff channel.

    The lock of reaches must be held, so that no report is written meanwhile.
    """
    is_unposted = _cases.message_id.is_(None)
    is_elsewhere: ColumnElement[bool] = is_unposted
    if staff_channel is not None:
        is_elsewhere = or_(is_unposted, _cases.channel_id != staff_channel)
    is_missed = (_cases.decision.is_(None) & is_elsewhere) | (~_cases.in_sync & is_unposted)
    statement = update(report_cases_table).where(_cases.guild_id == guild_id, is_missed)
    await connection.execute(statement.values(_CHANGE))


async def mark_cases_changed(connection: AsyncConnection, is_clip: ColumnElement[bool]) -> None:
    """Let the staff's messages about some clips be written anew, because the clips are deleted."""
    clip_ids = select(clips_table.c.id).where(is_clip)
    await connection.execute(
        update(report_cases_table).where(_cases.clip_id.in_(clip_ids)).values(_CHANGE)
    )
