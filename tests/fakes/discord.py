"""A channel of Discord's in memory: honours nonces, keeps its history, fails by script."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count

from bot.domain.clips.upload_options import Enclosure
from bot.domain.jobs.job import Job, Origin
from bot.domain.ports import Progress


class FakeDelivery:
    """`bot.domain.ports.Delivery`.

    ``messages`` are the clips' posts as members see them, by nonce; ``honours_nonce`` off stands
    for a post after Discord has forgotten the nonce. ``lost_answers`` posts are made and then
    fail, as when the connection breaks. ``held``, when set to an event, holds a post before it is
    made, as when the library waits for Discord's leave.
    """

    def __init__(self) -> None:
        self._ids = count(1000)
        self.messages: list[tuple[str, int, list[int]]] = []
        self.honours_nonce = True
        self.post_script: deque[Exception | None] = deque()
        self.find_script: deque[Exception | None] = deque()
        self.tell_script: deque[Exception | None] = deque()
        self.lost_answers: deque[Exception] = deque()
        self.gate: asyncio.Event | None = None
        self.held: asyncio.Event | None = None
        self.waiting = 0
        self.posting = asyncio.Event()
        self.shown: list[Progress] = []
        self._epochs: dict[int, int] = {}
        self.told: list[Job] = []
        self.closed: list[int] = []
        self.enclosed: list[list[Enclosure]] = []
        self.limit: int | None = None
        self.withdrawn: list[int] = []

    @property
    def repeated(self) -> int:
        """How many posts members see beyond the first of a job."""
        return len(self.messages) - len({nonce for nonce, *_ in self.messages})

    async def show(self, progress: Progress) -> int | None:
        """Show a status message, unless it tells of an earlier epoch than was shown."""
        job = progress.job
        if job.epoch >= self._epochs.get(job.id, 0):
            self._epochs[job.id] = job.epoch
            self.shown.append(progress)
        return job.status_message_id or next(self._ids)

    def told_limit(self, origin: Origin) -> int | None:
        """Return what Discord says of the limit."""
        return origin.upload_limit or self.limit

    async def post_again(self, job: Job, enclosures: Sequence[Enclosure], origin: Origin) -> int:
        """Post the clips elsewhere."""
        return await self._post(f"again {origin.key}", enclosures)

    async def withdraw(self, job: Job) -> None:
        """Delete a post."""
        self.withdrawn.append(job.id)

    async def post(
        self, job: Job, enclosures: Sequence[Enclosure], *, may_send: Callable[[], None]
    ) -> int:
        """Post the clips."""
        return await self._post(job.nonce, enclosures)

    async def _post(self, nonce: str, enclosures: Sequence[Enclosure]) -> int:
        self.enclosed.append(list(enclosures))
        step = self.post_script.popleft() if self.post_script else None
        if step is not None:
            raise step
        if self.held is not None:
            self.waiting += 1
            await self.held.wait()
        if self.honours_nonce:
            for known, message_id, _ in self.messages:
                if known == nonce:
                    return message_id
        message_id = next(self._ids)
        self.messages.append((nonce, message_id, [each.clip.id for each in enclosures]))
        self.posting.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.lost_answers:
            raise self.lost_answers.popleft()
        return message_id

    async def find_posted(self, job: Job) -> int | None:
        """Look through the history."""
        step = self.find_script.popleft() if self.find_script else None
        if step is not None:
            raise step
        return next((mid for nonce, mid, _ in self.messages if nonce == job.nonce), None)

    async def tell(self, job: Job) -> None:
        """Tell how a job ended."""
        step = self.tell_script.popleft() if self.tell_script else None
        if step is not None:
            raise step
        self.told.append(job)

    async def close_status(self, job: Job) -> None:
        """Retire a status message."""
        self.closed.append(job.id)
