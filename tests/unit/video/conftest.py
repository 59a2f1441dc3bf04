"""Both Google adapters against the sandbox's Google, in one process and on one clock.

Clips are rendered once per run, and waiting advances the clock.
"""

import asyncio
import io
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from PIL import Image as Pillow

from bot.config.model_catalog import load_catalog
from bot.domain.jobs.plan_resolution import resolve_plan
from bot.domain.jobs.request import (
    MODEL_MODES,
    GenerationMode,
    GoogleRoute,
    InputImage,
    Resolution,
    SourceClip,
    VideoPlan,
    VideoRequest,
)
from bot.domain.jobs.violations import RuleContext
from bot.domain.ports import (
    OperationCancelled,
    OperationFailed,
    OperationFinished,
    OperationNotStarted,
    OperationPending,
    VideoModels,
)
from bot.google.credentials import DefaultCredentials
from bot.google.gemini import GeminiModels
from bot.google.omni.models import OmniModels
from bot.google.omni.vertex import VertexOmniModels
from bot.google.vertex import VertexModels
from bot.media.images import ProcessImageDecoder
from sandbox.clock import SandboxClock
from sandbox.fault_injection import FaultInjector
from sandbox.google import SandboxGoogle, build_routes
from sandbox.google.service import LOCATION, PROJECT
from sandbox.request_log import MAX_REQUEST_BYTES
from tests.harness.waiting import eventually

NOON = 1_795_000_000.0
CATALOG = load_catalog()
VEO = "veo-3.1-generate-preview"
VEO_GA = "veo-3.1-generate-001"
OMNI = "gemini-omni-1.2-flash"
OMNI_OLDER = "gemini-omni-1.1-flash"


class SharedClock:
    """The bot's clock, on top of the sandbox's: sleeping advances both."""

    def __init__(self, clock: SandboxClock) -> None:
        self.clock = clock
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now(), UTC)

    def monotonic(self) -> float:
        return self.clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)
        await asyncio.sleep(0)


@dataclass
class Stage:
    """A running Google, a data directory, and the requests that Google received."""

    google: SandboxGoogle
    clock: SharedClock
    base: str
    data_dir: Path
    faults: FaultInjector
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    adapters: list[VideoModels] = field(default_factory=list)

    def create_gemini(self, **changes: Any) -> GeminiModels:
        options = {
            "api_key": self.google.api_key,
            "base_url": f"{self.base}/google",
            "data_dir": self.data_dir,
            "catalog": CATALOG,
            "clock": self.clock,
            **changes,
        }
        adapter = GeminiModels(**options)
        self.adapters.append(adapter)
        return adapter

    def create_vertex(self, **changes: Any) -> VertexModels:
        options = {
            "project": PROJECT,
            "location": LOCATION,
            "credentials": DefaultCredentials(),
            "base_url": f"{self.base}/vertex",
            "data_dir": self.data_dir,
            "catalog": CATALOG,
            "clock": self.clock,
            **changes,
        }
        adapter = VertexModels(**options)
        self.adapters.append(adapter)
        return adapter

    def create_omni(self, **changes: Any) -> OmniModels:
        options = {
            "api_key": self.google.api_key,
            "base_url": f"{self.base}/google",
            "data_dir": self.data_dir,
            "catalog": CATALOG,
            "clock": self.clock,
            **changes,
        }
        adapter = OmniModels(**options)
        self.adapters.append(adapter)
        return adapter

    def create_vertex_omni(self, **changes: Any) -> VertexOmniModels:
        options = {
            "project": PROJECT,
            "credentials": DefaultCredentials(),
            "base_url": f"{self.base}/vertex",
            "data_dir": self.data_dir,
            "catalog": CATALOG,
            "clock": self.clock,
            **changes,
        }
        adapter = VertexOmniModels(**options)
        self.adapters.append(adapter)
        return adapter

    def build_omni_plan(self, prompt: str = "a ball", **changes: Any) -> VideoPlan:
        """Return a resolved plan for Omni, by default of the cheapest clip."""
        options = {"model": OMNI, "resolution": Resolution.P360, "seconds": 3, **changes}
        return self.build_plan(prompt, **options)

    def build_plan(self, prompt: str = "a ball", **changes: Any) -> VideoPlan:
        """Return a resolved plan, by default of a short clip."""
        request = VideoRequest(prompt=prompt, **{"model": VEO, "seconds": 4, **changes})
        return resolve_plan(request, RuleContext(models=CATALOG.models, now=self.clock.clock.now()))

    async def store_image(self, size: tuple[int, int] = (64, 36), hue: int = 30) -> InputImage:
        """Store an image as a member's attachment is stored."""
        raw = self.data_dir / "raw.png"
        buffer = io.BytesIO()
        Pillow.new("HSV", size, (hue, 180, 200)).convert("RGB").save(buffer, "PNG")
        await asyncio.to_thread(raw.write_bytes, buffer.getvalue())
        return await ProcessImageDecoder().prepare_image(raw, self.data_dir)

    def configure(self, **settings: Any) -> None:
        self.google.settings = self.google.settings.with_changes(settings)

    def add_fault(self, **order: Any) -> None:
        self.faults.add_fault({"server": "google", **order})

    def count_requests(self, part: str, method: str | None = None) -> int:
        """Return the number of requests whose path contains ``part``."""
        return sum(part in path and method in (None, used) for used, path, _ in self.requests)

    @property
    def submit_count(self) -> int:
        return self.count_requests(":predictLongRunning")

    @property
    def interaction_count(self) -> int:
        """The number of requests for an interaction that cost money."""
        return sum(
            method == "POST" and path.split("?")[0].endswith("/interactions")
            for method, path, _ in self.requests
        )

    @property
    def last_interaction(self) -> dict[str, Any]:
        """The body of the last interaction that Google accepted."""
        body: dict[str, Any] = self.google.omni.store.interactions[-1].body
        return body

    @property
    def last_body(self) -> dict[str, Any]:
        """The body of the last submit that Google accepted."""
        body: dict[str, Any] = self.google.operations.operations[-1].body
        return body

    async def finish_operation(
        self, adapter: VideoModels, operation: str
    ) -> OperationFinished | OperationFailed:
        """Advance the clock past the operation's time, and poll until it has ended."""
        self.clock.clock.advance(10)

        async def poll() -> OperationFinished | OperationFailed | None:
            result = await adapter.poll(operation)
            assert not isinstance(result, OperationCancelled | OperationNotStarted)
            return None if isinstance(result, OperationPending) else result

        result = await eventually(poll, timeout=150, what=operation)
        assert result is not None
        return result

    async def make_clip(
        self, adapter: VideoModels, plan: VideoPlan, destination: Path, *, job_id: int = 1
    ) -> OperationFinished:
        """Submit, poll, and download the first video to ``destination``."""
        operation = await adapter.submit(plan, job_id=job_id)
        finished = await self.finish_operation(adapter, operation)
        assert isinstance(finished, OperationFinished), finished
        await adapter.download_video(finished.videos[0], destination)
        return finished

    def build_source(
        self, plan: VideoPlan, finished: OperationFinished, path: Path, **changes: Any
    ) -> SourceClip:
        """Return the source of an extension of a clip that `make_clip` made."""
        video = finished.videos[0]
        hop = plan.source.extension_depth + 1 if plan.source else 0
        values = {
            "clip_id": 1,
            "model": plan.model,
            "route": plan.route,
            "mode": plan.mode,
            "aspect_ratio": plan.aspect_ratio,
            "resolution": plan.resolution,
            "seconds": plan.result_seconds,
            "extension_depth": hop,
            "remote_uri": video.uri,
            "expires_at": video.expires_at.timestamp() if video.expires_at else None,
            "path": str(path.relative_to(self.data_dir)),
            "interaction_id": video.interaction_id,
            "interaction_expires_at": video.interaction_expires_at.timestamp()
            if video.interaction_expires_at
            else None,
        }
        return SourceClip(**{**values, **changes})


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest_asyncio.fixture
async def stage(
    tmp_path: Path, clips: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    clock = SandboxClock(frozen_at=NOON)
    faults = FaultInjector(clock)
    requests: list[tuple[str, str, dict[str, str]]] = []

    @web.middleware
    async def record_request(request: web.Request, handler: Any) -> web.StreamResponse:
        requests.append((request.method, str(request.rel_url), dict(request.headers)))
        response: web.StreamResponse = await handler(request)
        return response

    app = web.Application(
        client_max_size=MAX_REQUEST_BYTES, middlewares=[record_request, faults.middleware]
    )
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    sock = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{sock.getsockname()[1]}"
    google = await SandboxGoogle.start(tmp_path / "sandbox", clock, base, clip_cache=clips)
    google.settings = google.settings.with_changes({"look": "plain"})
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(google.credentials_path))
    app.add_routes(build_routes(google))
    await runner.setup()
    await web.SockSite(runner, sock).start()
    data_dir = tmp_path / "data"
    await asyncio.to_thread(data_dir.mkdir)
    stage = Stage(google, SharedClock(clock), base, data_dir, faults, requests)
    yield stage
    for adapter in stage.adapters:
        await adapter.close()
    await runner.cleanup()
    await google.close()


@pytest.fixture(params=[GoogleRoute.GEMINI, GoogleRoute.VERTEX])
def either(request: pytest.FixtureRequest, stage: Stage) -> VideoModels:
    """Return each route's adapter in turn."""
    return stage.create_gemini() if request.param is GoogleRoute.GEMINI else stage.create_vertex()


def model_of(adapter: VideoModels) -> str:
    """Return the id of Veo 3.1 on the adapter's route."""
    return VEO if adapter.route is GoogleRoute.GEMINI else VEO_GA


MODES = tuple(mode for mode in MODEL_MODES if mode is not GenerationMode.EDIT)
"""Veo's."""
