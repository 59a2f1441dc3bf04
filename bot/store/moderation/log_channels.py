"""Channels for servers' audit logs, and which entries are still to be posted there.

Each entry says itself whether it is to be posted. A cursor would lose entries: in PostgreSQL an
entry can become visible after one with a larger number. What becomes one message is recorded before
it is posted, so that another process finds that message instead of posting it again.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.moderation.log_channel import LogChannel
from bot.domain.moderation.report import ReportNoticeKind
from bot.domain.showcase.post import AuditEntry
from bot.store.engine.database import Database, Store
from bot.store.engine.types import DatabaseClock, database_now
from bot.store.engine.upserts import upsert
from bot.store.moderation.report_notices import add_notice
from bot.store.showcase.audit_log import WAITING, audit_entry_from_row, write_audit_entry
from bot.store.tables.moderation import log_channels_table
from bot.store.tables.row_mapping import Row
from bot.store.tables.showcase import audit_log_table

_channels = log_channels_table.c
_log = audit_log_table.c
_CLAIM_BATCH_SIZE: Final = 20
_GUILDS_AT_ONCE: Final = 1000
_NO_BATCH: Final = {"batch": None, "batch_channel_id": None, "batch_at": None}


class LogChannelStore(Store):
    """The channels of all servers; the database's clock decides about claims."""

    def __init__(self, database: Database, *, now: DatabaseClock = database_now) -> None:
        super().__init__(database)
        self._now = now

    async def find(self, guild_id: int) -> LogChannel | None:
        query = select(log_channels_table).where(_channels.guild_id == guild_id)
        rows = await self._db.read_rows(query)
        return _channel_from_row(rows[0]) if rows else None

    async def choose(self, channel_id: int, audit_entry: AuditEntry) -> None:
        """Post the server's log in a channel from ``audit_entry`` on.

        What still waits for another channel is posted in this one. A message that another process
        may be posting in the old one stays that process's.
        """
        row = {"guild_id": audit_entry.guild_id, "channel_id": channel_id, "stopped_at": None}

        async def write_channel(connection: AsyncConnection) -> None:
            await upsert(connection, log_channels_table, row | {"retry_at": None})
            await write_audit_entry(connection, audit_entry)

        await self._db.write(write_channel)

    async def turn_off(self, audit_entry: AuditEntry) -> None:
        """Post the server's log nowhere from now on."""
        guild_id = audit_entry.guild_id

        async def delete_channel(connection: AsyncConnection) -> None:
            await connection.execute(
                delete(log_channels_table).where(_channels.guild_id == guild_id)
            )
            await _leave_unposted(connection, guild_id)
            await write_audit_entry(connection, audit_entry)

        await self._db.write(delete_channel)

    # -- for the process that posts

    async def claim_due(self, *, claim_for: timedelta) -> list[LogChannel]:
        """Claim some channels for which entries wait."""

        # found first, because the databases would rather join with all channels; the sum keeps
        # SQLite from going through all entries in order
        waiting = select(_log.guild_id + 0).where(_log.log_batch >= WAITING).distinct()
        guild_ids = await self._db.read_scalars(waiting.limit(_GUILDS_AT_ONCE))

        async def claim_channels(connection: AsyncConnection) -> list[LogChannel]:
            now = await self._now(connection)
            due = (
                select(_channels.guild_id)
                .where(
                    _channels.guild_id.in_(guild_ids),
                    _channels.stopped_at.is_(None),
                    or_(_channels.claimed_until.is_(None), _channels.claimed_until < now),
                    or_(_channels.retry_at.is_(None), _channels.retry_at <= now),
                )
                .limit(_CLAIM_BATCH_SIZE)
                .with_for_update(skip_locked=True)  # no effect on SQLite, which has one writer
            )
            found = (await connection.scalars(due)).all()
            statement = (
                update(log_channels_table)
                .where(_channels.guild_id.in_(found))
                .values(claimed_until=now + claim_for)
                .returning(log_channels_table)
            )
            rows = (await connection.execute(statement)).mappings().all() if found else []
            return [_channel_from_row(row) for row in rows]

        if not guild_ids:  # a write would block other writers
            return []
        return await self._db.write(claim_channels)

    async def list_entries(
        self, channel: LogChannel, *, limit: int
    ) -> tuple[list[int], list[AuditEntry]]:
        """Return the entries of the channel's batch, or those that wait; with their numbers."""
        batch = WAITING if channel.batch is None else channel.batch
        query = (
            select(audit_log_table)
            .where(_log.log_batch == batch, _log.guild_id == channel.guild_id)
            .order_by(_log.id)
            .limit(limit)
        )
        rows = await self._db.read_rows(query)
        return [row["id"] for row in rows], [audit_entry_from_row(row) for row in rows]

    async def begin_batch(self, channel: LogChannel, ids: Sequence[int]) -> LogChannel | None:
        """Record that these waiting entries are being posted; return `None` if it may not be.

        It may not be if the claim has ended, or an admin has chosen something else meanwhile.
        """

        async def write_batch(connection: AsyncConnection) -> LogChannel | None:
            values = {
                "batch": ids[0],
                "batch_channel_id": channel.channel_id,
                "batch_at": await self._now(connection),
            }
            statement = (
                update(log_channels_table)
                .where(
                    _is_same(channel),
                    _channels.batch.is_(None),
                    _channels.channel_id == channel.channel_id,
                    _channels.stopped_at.is_(None),
                )
                .values(values)
                .returning(log_channels_table)
            )
            row = (await connection.execute(statement)).mappings().one_or_none()
            if row is None:
                return None
            # by number, because an entry between them may have become visible meanwhile
            await connection.execute(
                update(audit_log_table)
                .where(_log.log_batch == WAITING, _log.id.in_(ids))
                .values(log_batch=ids[0])
            )
            return _channel_from_row(row)

        return await self._db.write(write_batch)

    async def finish_batch(self, channel: LogChannel, *, pause: timedelta) -> None:
        """Record that a batch is posted, and end the claim; the next one waits for ``pause``."""

        async def write_end(connection: AsyncConnection) -> None:
            await connection.execute(
                update(audit_log_table)
                .where(_log.log_batch == channel.batch, _log.guild_id == channel.guild_id)
                .values(log_batch=None)
            )
            is_batch = (_channels.guild_id == channel.guild_id) & (_channels.batch == channel.batch)
            retry_at = await self._now(connection) + pause
            await connection.execute(
                update(log_channels_table)
                .where(is_batch)
                .values(claimed_until=None, retry_at=retry_at, **_NO_BATCH)
            )

        await self._db.write(write_end)

    async def postpone(self, channel: LogChannel, *, pause: timedelta) -> None:
        """End the claim, and let the channel wait for another attempt."""

        async def write_pause(connection: AsyncConnection) -> None:
            retry_at = await self._now(connection) + pause
            await connection.execute(
                update(log_channels_table)
                .where(_is_same(channel))
                .values(claimed_until=None, retry_at=retry_at)
            )

        await self._db.write(write_pause)

    async def stop(self, channel: LogChannel, audit_entry: AuditEntry) -> bool:
        """Post nothing more, because the channel refuses it, and let the server's owner be told.

        Return ``False`` if another channel was chosen meanwhile.
        """

        async def write_stop(connection: AsyncConnection) -> bool:
            now = await self._now(connection)
            statement = (
                update(log_channels_table)
                .where(
                    _channels.guild_id == channel.guild_id,
                    _channels.channel_id == channel.channel_id,
                    _channels.stopped_at.is_(None),
                )
                .values(stopped_at=now, claimed_until=None, retry_at=None, **_NO_BATCH)
            )
            if (await connection.execute(statement)).rowcount == 0:
                return False
            await _leave_unposted(connection, channel.guild_id)
            await write_audit_entry(connection, audit_entry)
            kind = ReportNoticeKind.LOG_STOPPED
            await add_notice(connection, kind, guild_id=channel.guild_id, now=now)
            return True

        return await self._db.write(write_stop)


def _is_same(channel: LogChannel) -> ColumnElement[bool]:
    """Return the condition for a row whose claim is still this one."""
    return (_channels.guild_id == channel.guild_id) & (
        _channels.claimed_until == channel.claimed_until
    )


async def _leave_unposted(connection: AsyncConnection, guild_id: int) -> None:
    await connection.execute(
        update(audit_log_table)
        .where(_log.log_batch >= WAITING, _log.guild_id == guild_id)
        .values(log_batch=None)
    )


def _channel_from_row(row: Row) -> LogChannel:
    values: dict[str, Any] = {
        name: row[name]
        for name in (
            "guild_id",
            "channel_id",
            "stopped_at",
            "batch",
            "batch_channel_id",
            "batch_at",
            "claimed_until",
        )
    }
    return LogChannel(**values)
