"""Blocks members from making clips in a server, and ends their queued jobs."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.moderation.request_block import BlockLength, RequestBlock
from bot.domain.ports import WorkerHandle
from bot.store.moderation.request_blocks import RequestBlockStore


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBlockService:
    request_blocks: RequestBlockStore
    worker: WorkerHandle

    async def block_member(
        self,
        guild_id: int,
        user_id: int,
        *,
        length: BlockLength,
        reason: str | None,
        actor_id: int,
    ) -> tuple[RequestBlock, int]:
        """Block a member; return the block and how many of their queued jobs ended, refunded.

        Running jobs finish, because Google may bill them already.
        """
        block, ended = await self.request_blocks.set_block(
            guild_id,
            user_id,
            duration=length.duration,
            reason=reason,
            actor_id=actor_id,
            owner=self.worker.worker_id,
        )
        for job in ended:
            self.worker.notify_job_changed(job.id)
        return block, len(ended)

    async def unblock_member(self, guild_id: int, user_id: int, *, actor_id: int) -> bool:
        """End a member's block; return ``False`` if there is none."""
        return await self.request_blocks.remove_block(guild_id, user_id, actor_id=actor_id)

    async def count_blocks(self, guild_id: int) -> int:
        return await self.request_blocks.count_blocks(guild_id)

    async def list_blocks(self, guild_id: int) -> Sequence[RequestBlock]:
        """Return the blocks of a server that have not ended, the latest first."""
        return await self.request_blocks.list_blocks(guild_id)
