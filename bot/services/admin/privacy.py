"""Exports and erases a member's data, and erases a server's after the bot has left it.

A request for erasure is stored first. Then posts are withdrawn, jobs canceled, and messages, files
and rows deleted, in batches that can be resumed, until only sums are left.
"""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from io import BytesIO
from typing import Final, Protocol

import structlog

from bot.domain.clips.media_store import StoredFiles
from bot.domain.erasure import ErasureBatch
from bot.domain.errors import DiscordUnavailable, MediaUnavailable
from bot.domain.ports import Clock, ShowcaseChannel, WorkerHandle
from bot.domain.sharding import is_guild_of
from bot.domain.showcase.server_page import build_icon_key
from bot.services.showcase.publisher import ShowcasePublisher
from bot.store.jobs.jobs import JobStore
from bot.store.privacy.erasure import ErasureStore
from bot.store.privacy.exports import ExportStore
from bot.store.showcase.posts import ShowcasePostStore

_log: Final = structlog.get_logger(__name__)

AUDIT_LOG_RETENTION: Final = timedelta(days=180)
CLEANUP_INTERVAL_S: Final = 3600.0
"""How long rows may stay that need not be kept any more."""
_ZIP_THRESHOLD_BYTES: Final = 4 * 2**20


class JobCanceller(Protocol):
    async def cancel(self, job_id: int, *, user_id: int, moderator: bool) -> object: ...


@dataclass(kw_only=True, eq=False)
class PrivacyService:
    erasure_requests: ErasureStore
    exports: ExportStore
    showcase_posts: ShowcasePostStore
    jobs: JobStore
    job_canceller: JobCanceller
    publisher: ShowcasePublisher
    discord_messages: ShowcaseChannel
    erasable_files: StoredFiles
    worker: WorkerHandle
    clock: Clock
    grace_period: timedelta
    """How long a server's data is kept after the bot has left it."""
    _cleaned_up_at: float = field(init=False, default=float("-inf"))
    _shard_guilds: dict[tuple[int, int], list[int]] = field(init=False, default_factory=dict)
    """The servers of shards whose sessions have just begun, by the shard's id and the count."""

    # -- members

    async def export_member(self, user_id: int) -> tuple[str, bytes]:
        """Return a member's data as a file: its name and its bytes."""
        tables = await self.exports.export_member(user_id)
        records = {"user_id": str(user_id), "at": self.clock.now().isoformat(), **tables}
        text = json.dumps(records, ensure_ascii=False, indent=1).encode()
        name = f"clapper-{user_id}.json"
        if len(text) < _ZIP_THRESHOLD_BYTES:
            return name, text
        buffer = BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, text)
        return f"clapper-{user_id}.zip", buffer.getvalue()

    async def erase_member(self, user_id: int) -> bool:
        """Erase a member; return ``False`` if some of their jobs are still running.

        Raises `DatabaseUnavailable`. A request that was stored will be completed in any case.
        """
        await self.erasure_requests.request_erasure(
            user_id, owner=self.worker.worker_id, now=self.clock.now()
        )
        await self._run_erasures()
        pending = await self.erasure_requests.claim_requests(self.worker.worker_id)
        return user_id not in {pending_id for pending_id, _ in pending}

    async def _run_erasures(self) -> None:
        requests = await self.erasure_requests.claim_requests(self.worker.worker_id)
        for user_id, requested_at in requests:
            try:
                await self._withdraw_posts(user_id)
                await self._erase_questions(user_id)
                for job in await self.jobs.list_running(user_id=user_id):
                    if job.created_at <= requested_at and not job.cancel_requested:
                        await self.job_canceller.cancel(job.id, user_id=user_id, moderator=False)
                while (
                    batch := await self.erasure_requests.load_member_batch(
                        user_id, requested_at=requested_at
                    )
                ).job_ids:
                    await self._erase_batch(batch, delete_messages=True)
            except (DiscordUnavailable, MediaUnavailable) as error:
                _log.info("erasure.postponed", reason=str(error))
                continue
            if not batch.has_running_jobs:
                await self.erasure_requests.erase_member(user_id, now=self.clock.now())
                _log.info("member.erased")

    async def _withdraw_posts(self, user_id: int) -> None:
        for post_id in await self.showcase_posts.list_member_post_ids(user_id):
            post = await self.showcase_posts.get(post_id)
            if post is not None and not (post.withdrawn and post.in_sync):
                await self.showcase_posts.update_post(
                    post_id, owner=self.worker.worker_id, audit_entry=None, withdrawn=True
                )
                self.publisher.request_settle()
                await self.publisher.settle_post(post_id)

    async def _erase_questions(self, user_id: int) -> None:
        """End the requests that wait for a moderator, and delete what was posted about any."""
        batch = await self.erasure_requests.withdraw_questions(user_id)
        if not batch.question_ids:
            return
        for channel_id, message_id in batch.posts:
            await self.discord_messages.delete_message(channel_id, message_id)
        await self.erasable_files.delete_files(batch.paths)
        await self.erasure_requests.erase_questions(batch)

    # -- servers

    async def mark_guild_left(self, guild_id: int) -> None:
        await self.erasure_requests.mark_guild_left(guild_id, now=self.clock.now())

    def record_shard_guilds(self, guild_ids: list[int], *, shard_id: int, shard_count: int) -> None:
        """Remember all servers of a shard whose session has begun, for `run_due`."""
        self._shard_guilds[shard_id, shard_count] = guild_ids
        self.publisher.request_settle()

    async def reconcile_guilds(
        self, guild_ids: list[int], *, is_own_guild: Callable[[int], bool] | None = None
    ) -> None:
        """Record that the bot is in ``guild_ids``, and has left the others for ``is_own_guild``."""
        await self.erasure_requests.mark_guilds_rejoined(guild_ids)
        if is_own_guild is None:
            return
        for guild_id in set(await self.erasure_requests.list_known_guilds()) - set(guild_ids):
            if is_own_guild(guild_id):
                await self.erasure_requests.mark_guild_left(guild_id, now=self.clock.now())

    async def _remove_due_guilds(self) -> None:
        left_before = self.clock.now() - self.grace_period
        for guild_id in await self.erasure_requests.list_guilds_left(before=left_before):
            while (batch := await self.erasure_requests.load_guild_batch(guild_id)).job_ids:
                await self._erase_batch(batch, delete_messages=False)
            await self.erasable_files.delete_files([build_icon_key(guild_id)])
            if not batch.has_running_jobs and await self.erasure_requests.erase_guild(
                guild_id, left_before=left_before
            ):
                _log.info("guild.erased", guild=guild_id)

    # -- both

    async def run_due(self) -> None:
        """Continue erasures that were interrupted or are due. Raises `DatabaseUnavailable`."""
        for shard, guild_ids in tuple(self._shard_guilds.items()):
            await self.reconcile_guilds(
                guild_ids,
                is_own_guild=partial(is_guild_of, shard_id=shard[0], shard_count=shard[1]),
            )
            if self._shard_guilds.get(shard) is guild_ids:  # no newer session has begun meanwhile
                del self._shard_guilds[shard]
        await self._run_erasures()
        started_at = self.clock.monotonic()
        if started_at - self._cleaned_up_at < CLEANUP_INTERVAL_S:
            return
        await self._remove_due_guilds()
        now = self.clock.now()
        await self.erasure_requests.purge_expired(now=now, audit_before=now - AUDIT_LOG_RETENTION)
        self._cleaned_up_at = started_at

    async def _erase_batch(self, batch: ErasureBatch, *, delete_messages: bool) -> None:
        if delete_messages:
            for channel_id, message_id in batch.posts:
                await self.discord_messages.delete_message(channel_id, message_id)
        await self.erasable_files.delete_files(batch.paths)
        await self.erasure_requests.erase_batch(batch)
        self.publisher.request_settle()  # posts with footage of these clips must go too
