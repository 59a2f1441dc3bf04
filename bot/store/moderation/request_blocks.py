"""Members whom servers keep from making clips."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Select, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.jobs.job import Job
from bot.domain.moderation.request_block import RequestBlock
from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.store.engine.database import Database, Store, take_lock
from bot.store.engine.types import DatabaseClock, database_now
from bot.store.engine.upserts import upsert
from bot.store.guilds import ensure_guild, is_block_active
from bot.store.jobs.admission import ADMISSION_LOCK
from bot.store.jobs.cancellation import cancel_queued_jobs
from bot.store.showcase.audit_log import write_audit_entry
from bot.store.tables.core import jobs_table
from bot.store.tables.moderation import request_blocks_table

_blocks = request_blocks_table.c


class RequestBlockStore(Store):
    """Blocks of members; the database's clock decides when one ends."""

    def __init__(self, database: Database, *, now: DatabaseClock = database_now) -> None:
        super().__init__(database)
        self._now = now

    async def set_block(
        self,
        guild_id: int,
        user_id: int,
        *,
        duration: timedelta | None,
        reason: str | None,
        actor_id: int,
        owner: str | None,
    ) -> tuple[RequestBlock, list[Job]]:
        """Block a member, or replace their block; return it and the queued jobs that it ended.

        Those are refunded. Running jobs finish. The lock of admissions makes sure that no request
        is accepted meanwhile. ``owner`` announces the end of jobs without a worker.
        """

        async def write_block(connection: AsyncConnection) -> tuple[RequestBlock, list[Job]]:
            await take_lock(connection, ADMISSION_LOCK)
            now = await self._now(connection)
            ends_at = None if duration is None else now + duration
            await ensure_guild(connection, guild_id)
            row = {
                "guild_id": guild_id,
                "user_id": user_id,
                "blocked_at": now,
                "blocked_by": actor_id,
                "ends_at": ends_at,
                "reason": reason,
            }
            await upsert(connection, request_blocks_table, row)
            is_theirs = (jobs_table.c.guild_id == guild_id) & (jobs_table.c.user_id == user_id)
            ended = await cancel_queued_jobs(connection, is_theirs, owner=owner, now=now)
            action = AuditAction.BLOCK_REQUESTS
            await write_audit_entry(
                connection, AuditEntry(guild_id, actor_id, action, now, target_user_id=user_id)
            )
            return RequestBlock(guild_id, user_id, ends_at, reason), ended

        return await self._db.write(write_block)

    async def remove_block(self, guild_id: int, user_id: int, *, actor_id: int) -> bool:
        """End a member's block; return ``False`` if there is none."""
        is_block = (_blocks.guild_id == guild_id) & (_blocks.user_id == user_id)

        async def delete_block(connection: AsyncConnection) -> bool:
            removal = delete(request_blocks_table).where(is_block, is_block_active())
            if (await connection.execute(removal)).rowcount == 0:
                return False
            now, action = await self._now(connection), AuditAction.UNBLOCK_REQUESTS
            await write_audit_entry(
                connection, AuditEntry(guild_id, actor_id, action, now, target_user_id=user_id)
            )
            return True

        return await self._db.write(delete_block)

    async def count_blocks(self, guild_id: int) -> int:
        """Return how many blocks of a server have not ended."""
        is_theirs = _blocks.guild_id == guild_id
        query: Select[Any] = select(func.count()).where(is_theirs, is_block_active())
        return await self._db.read_scalar(query) or 0

    async def list_blocks(self, guild_id: int) -> list[RequestBlock]:
        """Return the blocks of a server that have not ended, the latest first."""
        query = (
            select(request_blocks_table)
            .where(_blocks.guild_id == guild_id, is_block_active())
            .order_by(_blocks.blocked_at.desc(), _blocks.user_id)
        )
        return [
            RequestBlock(guild_id, row["user_id"], row["ends_at"], row["reason"])
            for row in await self._db.read_rows(query)
        ]
