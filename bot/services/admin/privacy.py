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

from bot.domain.erasure import Files, Posts, Remains
from bot.domain.errors import DeliveryBusy
from bot.domain.ports import Clock
from bot.domain.showcase.ports import Desk
from bot.services.showcase.publisher import Hanging
from bot.store.jobs.jobs import JobStore
from bot.store.privacy.erasure import FarewellStore
from bot.store.privacy.exports import ExportStore
from bot.store.showcase.posts import ShowcaseStore

_log: Final = structlog.get_logger(__name__)

LOG_KEPT: Final = timedelta(days=180)
"""How long a server's audit log is kept."""
_PLAIN: Final = 4 * 2**20
"""Bytes from which on an export is zipped."""
_TIDY_EVERY_S: Final = 3600.0


class Canceller(Protocol):
    """Where jobs are cancelled."""

    async def cancel(self, job_id: int, *, user_id: int, moderator: bool) -> object:
        """Cancel a job."""
        ...


class Privacy:
    """A member's rights over their data, and the end of a server's."""

    def __init__(
        self,
        *,
        farewells: FarewellStore,
        exports: ExportStore,
        exhibits: ShowcaseStore,
        jobs: JobStore,
        requests: Canceller,
        hanging: Hanging,
        posts: Posts,
        files: Files,
        desk: Desk,
        clock: Clock,
        grace: timedelta,
    ) -> None:
        self._farewells = farewells
        self._exports = exports
        self._exhibits = exhibits
        self._jobs = jobs
        self._requests = requests
        self._hanging = hanging
        self._posts = posts
        self._files = files
        self._desk = desk
        self._clock = clock
        self.grace = grace
        """How long a server's data is kept after the bot has left it."""
        self._tidied_at = float("-inf")
        self._seen: tuple[list[int], Callable[[int], bool]] | None = None

    # -- members

    async def export(self, user_id: int) -> tuple[str, bytes]:
        """Return a member's data as a file: its name and its bytes."""
        tables = await self._exports.of_member(user_id)
        facts = {"user_id": str(user_id), "at": self._clock.now().isoformat(), **tables}
        text = json.dumps(facts, ensure_ascii=False, indent=1).encode()
        name = f"clapper-{user_id}.json"
        if len(text) < _PLAIN:
            return name, text
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, text)
        return f"clapper-{user_id}.zip", packed.getvalue()

    async def forget(self, user_id: int) -> bool:
        """Forget a member, for good; ``False`` while jobs of theirs still end.

        Raises `StoreAway` when the wish could not be written down; once it is, it will be done.
        """
        await self._farewells.ask(user_id, owner=self._desk.worker_id, now=self._clock.now())
        await self._forget_all()
        return all(each != user_id for each, _ in await self._farewells.claim(self._desk.worker_id))

    async def _forget_all(self) -> None:
        for user_id, asked_at in await self._farewells.claim(self._desk.worker_id):
            try:
                await self._withdraw_all(user_id)
                for job in await self._jobs.running(user_id=user_id):
                    if job.created_at <= asked_at and not job.cancel_requested:
                        await self._requests.cancel(job.id, user_id=user_id, moderator=False)
                while (part := await self._farewells.of_member(user_id, before=asked_at)).job_ids:
                    await self._remove(part, posts=True)
            except DeliveryBusy as fault:
                _log.info("farewell goes on later", reason=str(fault))
                continue
            if not part.busy:
                await self._farewells.forget(user_id, now=self._clock.now())
                _log.info("member forgotten")

    async def _withdraw_all(self, user_id: int) -> None:
        for exhibit_id in await self._exhibits.of_member(user_id):
            exhibit = await self._exhibits.get(exhibit_id)
            if exhibit is not None and not (exhibit.withdrawn and exhibit.settled):
                await self._exhibits.mark(
                    exhibit_id, owner=self._desk.worker_id, record=None, withdrawn=True
                )
                self._hanging.soon()
                await self._hanging.settle(exhibit_id)

    # -- servers

    async def left(self, guild_id: int) -> None:
        """The bot was taken out of a server."""
        await self._farewells.left(guild_id, now=self._clock.now())

    def session_begun(self, guild_ids: list[int], *, ours: Callable[[int], bool]) -> None:
        """A session with Discord names the servers that the bot is in: seen to as `present`."""
        self._seen = (guild_ids, ours)
        self._hanging.soon()

    async def present(
        self, guild_ids: list[int], *, ours: Callable[[int], bool] | None = None
    ) -> None:
        """The bot is in these servers; with ``ours`` it is in no other that ``ours`` is true of."""
        await self._farewells.back(guild_ids)
        if ours is None:
            return
        for guild_id in set(await self._farewells.known_servers()) - set(guild_ids):
            if ours(guild_id):
                await self._farewells.left(guild_id, now=self._clock.now())

    async def _remove_servers(self) -> None:
        before = self._clock.now() - self.grace
        for guild_id in await self._farewells.due(before=before):
            while (part := await self._farewells.of_server(guild_id)).job_ids:
                await self._remove(part, posts=False)
            if not part.busy and await self._farewells.remove_server(guild_id, left_before=before):
                _log.info("server removed", guild=guild_id)

    # -- both

    async def tend(self) -> None:
        """Go on with farewells that were interrupted or have come due. Raises `StoreAway`."""
        seen = self._seen
        if seen is not None:
            await self.present(seen[0], ours=seen[1])
            if self._seen is seen:
                self._seen = None
        await self._forget_all()
        now = self._clock.monotonic()
        if now - self._tidied_at < _TIDY_EVERY_S:
            return
        await self._remove_servers()
        at = self._clock.now()
        await self._farewells.tidy(now=at, log_until=at - LOG_KEPT)
        self._tidied_at = now

    async def _remove(self, part: Remains, *, posts: bool) -> None:
        if posts:
            for channel_id, message_id in part.posts:
                await self._posts.delete(channel_id, message_id)
        await self._files.remove(part.paths)
        await self._farewells.erase(part)
