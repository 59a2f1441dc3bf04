"""What is kept of a member: shown, handed out, and taken away; and of a server that was left.

A wish to be forgotten is a row first. What follows (withdrawing, cancelling, deleting posts, files
and rows) is done in parts that can be done again, until nothing is left but sums.
"""

import json
import zipfile
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Final, Protocol

import structlog

from bot.domain.erasure import ErasableFiles, ErasureBatch, MessageDeleter
from bot.domain.errors import DiscordUnavailable
from bot.domain.ports import Clock
from bot.domain.showcase.ports import WorkerHandle
from bot.services.showcase.publisher import ShowcasePublisher
from bot.store.jobs.jobs import JobStore
from bot.store.privacy.erasure import ErasureStore
from bot.store.privacy.exports import ExportStore
from bot.store.showcase.posts import ShowcasePostStore

_log: Final = structlog.get_logger(__name__)

AUDIT_LOG_RETENTION: Final = timedelta(days=180)
"""How long a server's audit log is kept."""
_ZIP_THRESHOLD_BYTES: Final = 4 * 2**20
"""Bytes from which on an export is zipped."""
_CLEANUP_INTERVAL_S: Final = 3600.0


class JobCanceller(Protocol):
    """Where jobs are cancelled."""

    async def cancel(self, job_id: int, *, user_id: int, moderator: bool) -> object:
        """Cancel a job."""
        ...


class PrivacyService:
    """A member's rights over their data, and the end of a server's."""

    def __init__(
        self,
        *,
        erasure_requests: ErasureStore,
        exports: ExportStore,
        showcase_posts: ShowcasePostStore,
        jobs: JobStore,
        job_canceller: JobCanceller,
        publisher: ShowcasePublisher,
        discord_messages: MessageDeleter,
        erasable_files: ErasableFiles,
        worker: WorkerHandle,
        clock: Clock,
        grace_period: timedelta,
    ) -> None:
        self._erasure_requests = erasure_requests
        self._exports = exports
        self._showcase_posts = showcase_posts
        self._jobs = jobs
        self._job_canceller = job_canceller
        self._publisher = publisher
        self._discord_messages = discord_messages
        self._erasable_files = erasable_files
        self._worker = worker
        self._clock = clock
        self.grace_period = grace_period
        """How long a server's data is kept after the bot has left it."""
        self._cleaned_up_at = float("-inf")
        self._session_guilds: tuple[list[int], Callable[[int], bool]] | None = None

    # -- members

    async def export_member(self, user_id: int) -> tuple[str, bytes]:
        """Return a member's data as a file: its name and its bytes."""
        tables = await self._exports.export_member(user_id)
        facts = {"user_id": str(user_id), "at": self._clock.now().isoformat(), **tables}
        text = json.dumps(facts, ensure_ascii=False, indent=1).encode()
        name = f"clapper-{user_id}.json"
        if len(text) < _ZIP_THRESHOLD_BYTES:
            return name, text
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, text)
        return f"clapper-{user_id}.zip", packed.getvalue()

    async def erase_member(self, user_id: int) -> bool:
        """Forget a member, for good; ``False`` while jobs of theirs still end.

        Raises `StoreAway` when the wish could not be written down; once it is, it will be done.
        """
        await self._erasure_requests.request_erasure(
            user_id, owner=self._worker.worker_id, now=self._clock.now()
        )
        await self._run_erasures()
        return all(
            each != user_id
            for each, _ in await self._erasure_requests.claim_requests(self._worker.worker_id)
        )

    async def _run_erasures(self) -> None:
        for user_id, asked_at in await self._erasure_requests.claim_requests(
            self._worker.worker_id
        ):
            try:
                await self._withdraw_posts(user_id)
                for job in await self._jobs.list_running(user_id=user_id):
                    if job.created_at <= asked_at and not job.cancel_requested:
                        await self._job_canceller.cancel(job.id, user_id=user_id, moderator=False)
                while (
                    part := await self._erasure_requests.load_member_batch(
                        user_id, requested_at=asked_at
                    )
                ).job_ids:
                    await self._erase_batch(part, delete_messages=True)
            except DiscordUnavailable as fault:
                _log.info("farewell goes on later", reason=str(fault))
                continue
            if not part.has_running_jobs:
                await self._erasure_requests.erase_member(user_id, now=self._clock.now())
                _log.info("member forgotten")

    async def _withdraw_posts(self, user_id: int) -> None:
        for exhibit_id in await self._showcase_posts.list_member_post_ids(user_id):
            exhibit = await self._showcase_posts.get(exhibit_id)
            if exhibit is not None and not (exhibit.withdrawn and exhibit.settled):
                await self._showcase_posts.update_post(
                    exhibit_id, owner=self._worker.worker_id, audit_entry=None, withdrawn=True
                )
                self._publisher.request_settle()
                await self._publisher.settle_post(exhibit_id)

    # -- servers

    async def mark_guild_left(self, guild_id: int) -> None:
        """The bot was taken out of a server."""
        await self._erasure_requests.mark_guild_left(guild_id, now=self._clock.now())

    def record_session_guilds(
        self, guild_ids: list[int], *, is_own_guild: Callable[[int], bool]
    ) -> None:
        """A session with Discord names the servers that the bot is in: seen to as `present`."""
        self._session_guilds = (guild_ids, is_own_guild)
        self._publisher.request_settle()

    async def reconcile_guilds(
        self, guild_ids: list[int], *, is_own_guild: Callable[[int], bool] | None = None
    ) -> None:
        """The bot is in these servers; with ``ours`` it is in no other that ``ours`` is true of."""
        await self._erasure_requests.mark_guilds_rejoined(guild_ids)
        if is_own_guild is None:
            return
        for guild_id in set(await self._erasure_requests.list_known_guilds()) - set(guild_ids):
            if is_own_guild(guild_id):
                await self._erasure_requests.mark_guild_left(guild_id, now=self._clock.now())

    async def _remove_due_guilds(self) -> None:
        before = self._clock.now() - self.grace_period
        for guild_id in await self._erasure_requests.list_guilds_left(before=before):
            while (part := await self._erasure_requests.load_guild_batch(guild_id)).job_ids:
                await self._erase_batch(part, delete_messages=False)
            if not part.has_running_jobs and await self._erasure_requests.erase_guild(
                guild_id, left_before=before
            ):
                _log.info("server removed", guild=guild_id)

    # -- both

    async def run_due(self) -> None:
        """Go on with farewells that were interrupted or have come due. Raises `StoreAway`."""
        seen = self._session_guilds
        if seen is not None:
            await self.reconcile_guilds(seen[0], is_own_guild=seen[1])
            if self._session_guilds is seen:
                self._session_guilds = None
        await self._run_erasures()
        now = self._clock.monotonic()
        if now - self._cleaned_up_at < _CLEANUP_INTERVAL_S:
            return
        await self._remove_due_guilds()
        at = self._clock.now()
        await self._erasure_requests.purge_expired(now=at, audit_before=at - AUDIT_LOG_RETENTION)
        self._cleaned_up_at = now

    async def _erase_batch(self, batch: ErasureBatch, *, delete_messages: bool) -> None:
        if delete_messages:
            for channel_id, message_id in batch.posts:
                await self._discord_messages.delete_message(channel_id, message_id)
        await self._erasable_files.delete_files(batch.paths)
        await self._erasure_requests.erase_batch(batch)
