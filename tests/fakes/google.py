"""In-memory video models whose operations take some polls and fail by script."""

import asyncio
import hashlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path

from bot.domain.billing.money import Micros
from bot.domain.clips.clip import VideoFacts
from bot.domain.errors import RemoteNotFound
from bot.domain.jobs.request import GoogleRoute, VideoPlan
from bot.domain.ports import (
    DownloadedVideo,
    MediaProbe,
    ModelReachability,
    OperationCancelled,
    OperationFinished,
    OperationPending,
    PollResult,
    RemoteVideo,
    VideoModels,
)

ScriptStep = Exception | PollResult | None


class FakeGoogle(VideoModels):
    """One route, with scripts for what fails.

    ``submit_script``, ``poll_script`` and ``fetch_script`` serve one call a step: an exception is
    raised, a poll's answer returned, ``None`` means as usual. Beyond its script every poll returns
    ``default_poll``, if set, or what it returns. ``send_gate`` holds every submit before the last
    check, ``answer_gate`` after Google has started the operation and before it answers.
    ``before_send`` is called once, right before the last check. ``can_find`` allows the search for
    lost submits. ``odd_downloads`` are no video, and ``is_verifying`` says whether downloads are
    compared.

    With ``can_cancel`` the poll after a cancellation says that the operation was stopped, and costs
    ``stopped_bill``; ``cancel_script`` and ``delete_script`` serve as the other scripts. ``billed``
    is what a finished operation costs.
    """

    def __init__(
        self,
        *,
        route: GoogleRoute = GoogleRoute.GEMINI,
        polls_needed: int = 1,
        can_find: bool = False,
    ) -> None:
        self._route = route
        self._polls_needed = polls_needed
        self.can_find = can_find
        self.expires_at: datetime | None = None
        self.interaction_expires_at: datetime | None = None
        self.submits: list[int] = []
        self.poll_counts: Counter[str] = Counter()
        self.fetch_count = 0
        self.odd_downloads = 0
        self.is_verifying = True
        self.submit_script: deque[ScriptStep] = deque()
        self.poll_script: deque[ScriptStep] = deque()
        self.fetch_script: deque[ScriptStep] = deque()
        self.default_poll: PollResult | Callable[[], Awaitable[PollResult]] | None = None
        self.billed: Micros | None = None
        self.stopped_bill: Micros | None = None
        self.can_cancel = False
        self.cancelled: list[str] = []
        self.cancel_script: deque[Exception | None] = deque()
        self.deleted: list[str] = []
        self.delete_script: deque[Exception | None] = deque()
        self.answer_gate: asyncio.Event | None = None
        self.send_gate: asyncio.Event | None = None
        self.before_submit: Callable[[], None] | None = None
        self.before_send: Callable[[], None] | None = None
        self._plans: dict[str, tuple[int, VideoPlan]] = {}

    @property
    def route(self) -> GoogleRoute:
        """The route it stands for."""
        return self._route

    @property
    def repeated_submits(self) -> int:
        """How many submits were made for a job beyond its first."""
        return len(self.submits) - len(set(self.submits))

    async def submit(
        self,
        plan: VideoPlan,
        *,
        job_id: int,
        dedupe_key: str = "",
        about_to_send: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        """Start an operation."""
        if self.send_gate is not None:
            await self.send_gate.wait()
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
        if self._route.is_omni:
            name = f"v1_{job_id}-{len(self.submits)}"
        self._plans[name] = (job_id, plan)
        if self.answer_gate is not None:
            await self.answer_gate.wait()
        return name

    async def poll(self, operation: str) -> PollResult:
        """Ask for an operation."""
        step = self.poll_script.popleft() if self.poll_script else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            return step
        self.poll_counts[operation] += 1
        if self.can_cancel and operation in self.cancelled:
            return OperationCancelled(self.stopped_bill)
        if callable(self.default_poll):
            return await self.default_poll()
        if self.default_poll is not None:
            return self.default_poll
        if operation not in self._plans:
            raise RemoteNotFound("no such operation")
        if self.poll_counts[operation] < self._polls_needed:
            return OperationPending()
        return self._build_result(*self._plans[operation], operation=operation)

    async def download_video(self, video: RemoteVideo, destination: Path) -> DownloadedVideo:
        """Write a file that stands for the video."""
        step = self.fetch_script.popleft() if self.fetch_script else None
        if isinstance(step, Exception):
            raise step
        self.fetch_count += 1
        part = destination.with_suffix(".part")
        is_odd = self.odd_downloads > 0
        self.odd_downloads -= is_odd
        part.write_bytes(b"a page" if is_odd else f"video of {video.uri}".encode())
        part.rename(destination)
        return DownloadedVideo(is_verified=self.is_verifying)

    async def cancel_operation(self, operation: str) -> bool:
        """Stop an operation, where this route can: the next poll says so."""
        step = self.cancel_script.popleft() if self.cancel_script else None
        if isinstance(step, Exception):
            raise step
        self.cancelled.append(operation)
        return self.can_cancel

    async def delete_operation(self, operation: str) -> None:
        """Forget an operation."""
        step = self.delete_script.popleft() if self.delete_script else None
        if isinstance(step, Exception):
            raise step
        self.deleted.append(operation)

    async def find_result(
        self, plan: VideoPlan, *, job_id: int, dedupe_key: str = ""
    ) -> OperationFinished | None:
        """Find what a lost submit has made, where this route can."""
        if not self.can_find or job_id not in self.submits:
            return None
        return self._build_result(job_id, plan)

    async def check_reachability(self, models: Sequence[str]) -> list[ModelReachability]:
        """Reach everything."""
        return [ModelReachability(model, is_reachable=True) for model in models]

    async def close(self) -> None:
        """Nothing to close."""

    def _build_result(
        self, job_id: int, plan: VideoPlan, *, operation: str | None = None
    ) -> OperationFinished:
        return OperationFinished(
            tuple(
                RemoteVideo(
                    f"https://google.invalid/files/{job_id}-{n}",
                    expires_at=self.expires_at,
                    interaction_id=operation if self._route.keeps_interactions else None,
                    interaction_expires_at=self.interaction_expires_at,
                )
                for n in range(plan.videos)
            ),
            billed=self.billed,
        )


class FakeMediaProbe(MediaProbe):
    """Describes the files of `FakeGoogle`."""

    async def read_facts(self, path: Path, *, sha256: str | None = None) -> VideoFacts:
        """Take any file that `FakeGoogle` wrote for a playable clip."""
        data = path.read_bytes()
        if not data.startswith(b"video of "):
            raise ValueError("not a video")
        digest = hashlib.sha256(data).hexdigest()
        return VideoFacts(8.0, 1280, 720, 24.0, True, len(data), digest)
