"""What other stores ask and tell the rows of reported clips, within their own transactions."""

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.tables.core import clips_table
from bot.store.tables.moderation import report_cases_table

_cases = report_cases_table.c


async def is_hidden_by_reports(connection: AsyncConnection, clip_id: int) -> bool:
    """Return whether a clip is kept out of the showcase. The lock of reaches must be held."""
    query = select(_cases.is_hidden).where(_cases.clip_id == clip_id)
    return bool(await connection.scalar(query))


async def allow_to_show(connection: AsyncConnection, clip_id: int) -> None:
    """Let a clip into the showcase again, because a moderator wants it there."""
    is_hidden = (_cases.clip_id == clip_id) & _cases.is_hidden
    await connection.execute(update(report_cases_table).where(is_hidden).values(is_hidden=False))


async def mark_cases_changed(connection: AsyncConnection, is_clip: ColumnElement[bool]) -> None:
    """Let the staff's messages about some clips be written anew, because the clips are deleted."""
    clip_ids = select(clips_table.c.id).where(is_clip)
    await connection.execute(
        update(report_cases_table)
        .where(_cases.clip_id.in_(clip_ids))
        .values(in_sync=False, retry_at=None, change_count=_cases.change_count + 1)
    )
