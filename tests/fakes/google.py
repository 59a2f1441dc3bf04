"""Google's video models in memory: operations that take some polls, with faults by script."""

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path

from bot.domain.clips.clip import VideoFacts
from bot.domain.errors import RemoteGone
from bot.domain.jobs.request import Route, VideoPlan
from bot.domain.ports import Finished, Pending, Poll, Reachability, RemoteVideo

Step = Exception | Poll | None


class FakeGoogle:
    """`bot.domain.ports.VideoModels`.

    ``submit_script``, ``poll_script`` and ``fetch_script`` are worked off one call at a time: an
    exception is raised, a poll's answer given, ``None`` means as usual. ``answer``, when set, is
    what every poll beyond the script is told. ``gate``, when set to an
    event, holds every submit after Google has started the operation and before it answers; ``door``
    holds it before its last check. ``before_send`` happens once, right before that.
    """

    def __init__(self, *, route: Route = Route.GEMINI, polls: int = 1, finds: bool = False) -> None:
        self._route = route
        self._polls = polls
        self._finds = finds
        self.expires_at: datetime | None = None
        self.submits: list[int] = []
        self.polled: Counter[str] = Counter()
        self.fetched = 0
        self.submit_script: deque[Step] = deque()
        self.poll_script: deque[Step] = deque()
        self.fetch_script: deque[Step] = deque()
        self.answer: Poll | None = None
        self.gate: asyncio.Event | None = None
        self.door: asyncio.Event | None = None
        self.before_submit: Callable[[], None] | None = None
        self.before_send: Callable[[], None] | None = None
        self._plans: dict[str, tuple[int, VideoPlan]] = {}

    @property
    def route(self) -> Route:
        """The route it stands for."""
        return self._route

    @property
    def repeated(self) -> int:
        """How many submits were made for a job beyond its first."""
        return len(self.submits) - len(set(self.submits))

    async def submit(
        self,
        plan: VideoPlan,
        *,
        job_id: int,
        mark: str = "",
        about_to_send: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        """Start an operation."""
        if self.door is not None:
            await self.door.wait()
        if self.before_send is not None:
            before, self.before_send = self.before_send, None
            before()
        if about_to_send is not None:
            await about_to_send()
        step = self.submit_script.popleft() if self.submit_script else None
        if isinstance(step, Exception):
            raise step
        if self.before_submit is not None:
            self.before_submit()
        self.submits.append(job_id)
        name = f"models/{plan.model}/operations/{job_id}-{len(self.submits)}"
        self._plans[name] = (job_id, plan)
        if self.gate is not None:
            await self.gate.wait()
        return name

    async def poll(self, operation: str) -> Poll:
        """Ask for an operation."""
        step = self.poll_script.popleft() if self.poll_script else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            return step
        self.polled[operation] += 1
        if self.answer is not None:
            return self.answer
        if operation not in self._plans:
            raise RemoteGone("no such operation")
        if self.polled[operation] < self._polls:
            return Pending()
        return self._result(*self._plans[operation])

    async def fetch(self, video: RemoteVideo, destination: Path) -> None:
        """Write a file that stands for the video."""
        step = self.fetch_script.popleft() if self.fetch_script else None
        if isinstance(step, Exception):
            raise step
        self.fetched += 1
        part = destination.with_suffix(".part")
        part.write_bytes(f"video of {video.uri}".encode())
        part.rename(destination)

    async def find(self, plan: VideoPlan, *, job_id: int, mark: str = "") -> Finished | None:
        """Find what a lost submit has made, where this route can."""
        if not self._finds or job_id not in self.submits:
            return None
        return self._result(job_id, plan)

    async def reachability(self, models: Sequence[str]) -> list[Reachability]:
        """Reach everything."""
        return [Reachability(model, reachable=True) for model in models]

    async def close(self) -> None:
        """Nothing to close."""

    def _result(self, job_id: int, plan: VideoPlan) -> Finished:
        return Finished(
            tuple(
                RemoteVideo(f"https://google.invalid/files/{job_id}-{n}", None, self.expires_at)
                for n in range(plan.videos)
            )
        )


class FakeMedia:
    """`bot.domain.ports.Media` for the files of `FakeGoogle`."""

    async def facts(self, path: Path) -> VideoFacts:
        """Take any file that `FakeGoogle` wrote for a playable clip."""
        data = path.read_bytes()
        if not data.startswith(b"video of "):
            raise ValueError("not a video")
        digest = hashlib.sha256(data).hexdigest()
        return VideoFacts(8.0, 1280, 720, 24.0, True, len(data), digest)
