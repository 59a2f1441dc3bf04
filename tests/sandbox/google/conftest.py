"""The sandbox's Google on a loopback port, with a clock that only tests move.

Clips are rendered once for the whole run and shared in one folder.
"""

import io
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from PIL import Image, ImageDraw

from sandbox.clock import SandboxClock
from sandbox.google import build_control_routes, build_routes
from sandbox.google.clip_spec import ClipSpec
from sandbox.google.encoding import RenderedClip
from sandbox.google.encoding import render_to_file as render_by_way_of
from sandbox.google.service import SandboxGoogle
from sandbox.request_log import MAX_REQUEST_BYTES
from tests.harness.waiting import eventually

NOON = 1_790_000_000.0
VEO = "veo-3.1-generate-preview"
VEO_GA = "veo-3.1-generate-001"
LION = ClipSpec("A lion in the savannah at sunset", 3, 0, 1280, 720, 2, True)


@dataclass(frozen=True, slots=True)
class Server:
    """A running Google with a client of its own."""

    google: SandboxGoogle
    clock: SandboxClock
    base: str
    http: aiohttp.ClientSession

    @property
    def key(self) -> dict[str, str]:
        return {"x-goog-api-key": self.google.api_key}

    async def call(
        self, method: str, path: str, status: int = 200, **options: Any
    ) -> dict[str, Any]:
        """A request whose answer has to have a status; the answer's JSON."""
        async with self.http.request(method, f"{self.base}{path}", **options) as answer:
            value: dict[str, Any] = await answer.json()
            assert answer.status == status, value
            return value

    async def control(self, **settings: Any) -> dict[str, Any]:
        return await self.call("PUT", "/control/google", json=settings)

    async def seen(self) -> dict[str, Any]:
        return await self.call("GET", "/control/google")

    async def submit(
        self, instance: dict[str, Any], model: str = VEO, status: int = 200, **parameters: Any
    ) -> dict[str, Any]:
        body = {"instances": [instance], "parameters": parameters}
        path = f"/google/v1beta/models/{model}:predictLongRunning"
        return await self.call("POST", path, status, json=body, headers=self.key)

    async def poll(self, name: str) -> dict[str, Any]:
        return await self.call("GET", f"/google/v1beta/{name}", headers=self.key)

    async def done(self, name: str) -> dict[str, Any]:
        """Moves the clock past the operation's end and waits for its rendering."""
        self.clock.advance(10)

        async def finished() -> dict[str, Any] | None:
            answer = await self.poll(name)
            return answer if answer.get("done") else None

        answer: dict[str, Any] | None = await eventually(finished, timeout=60, what=name)
        assert answer is not None
        return answer

    async def made(self, prompt: str = "a ball", **parameters: Any) -> str:
        """The URI of a new clip that can be extended."""
        operation = await self.submit({"prompt": prompt}, **parameters)
        answer = await self.done(operation["name"])
        self.clock.advance(2)
        samples = answer["response"]["generateVideoResponse"]["generatedSamples"]
        uri: str = samples[0]["video"]["uri"]
        return uri


@pytest.fixture(scope="session")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("clips")


@pytest.fixture
def clock() -> SandboxClock:
    return SandboxClock(frozen_at=NOON)


@pytest_asyncio.fixture
async def server(clock: SandboxClock, tmp_path: Path, clips: Path) -> AsyncIterator[Server]:
    app = web.Application(client_max_size=MAX_REQUEST_BYTES)
    runner = web.AppRunner(app)
    # The port has to be known before the routes are made, and these before the runner starts.
    sock = socket.create_server(("127.0.0.1", 0))
    base = f"http://127.0.0.1:{sock.getsockname()[1]}"
    google = await SandboxGoogle.start(tmp_path, clock, base, clip_cache=clips)
    google.settings = google.settings.with_changes({"look": "plain"})
    app.add_routes([*build_routes(google), *build_control_routes(google)])
    await runner.setup()
    await web.SockSite(runner, sock).start()
    async with aiohttp.ClientSession() as http:
        yield Server(google, clock, base, http)
    await runner.cleanup()
    await google.close()


def picture(kind: str = "PNG", size: tuple[int, int] = (640, 360), hue: int = 30) -> bytes:
    """An image that is easy to tell from others."""
    image = Image.new("HSV", size, (hue, 180, 200)).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.ellipse((size[0] // 4, size[1] // 4, size[0] // 2, size[1] * 3 // 4), fill=(250, 250, 240))
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def render(spec: ClipSpec, path: Path) -> RenderedClip:
    """Renders a clip here and now."""
    return render_by_way_of(spec, path, path.with_name(".draft.mp4"))


@pytest.fixture(scope="session")
def lion(clips: Path) -> RenderedClip:
    return render(LION, clips / "lion.mp4")


@pytest.fixture(scope="session")
def extended_lion(clips: Path, lion: RenderedClip) -> RenderedClip:
    spec = replace(
        LION,
        prompt="A city at night",
        seconds=7,
        source=lion.path,
        source_digest=lion.sha256,
    )
    return render(spec, clips / "lion-extended.mp4")
