"""The sandbox's Google: one account, its clips, and what has been asked of it.

Holds the state that the wires (`gemini`, `vertex`, `storage`, `oauth`) and the control API share,
and is the only place that decides what becomes of a request.
"""

import asyncio
import secrets
import uuid
from collections import Counter, deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sandbox.clock import Clock
from sandbox.google.clips import ClipSpec
from sandbox.google.errors import GoogleError, NotFound, quota_exceeded
from sandbox.google.files import (
    Files,
    GeneratedFile,
    Objects,
    Origin,
    StoredObject,
    new_file_id,
)
from sandbox.google.models import MODELS, Mode, Model, Route
from sandbox.google.oauth import ServiceAccount, Tokens
from sandbox.google.operations import DAY, MINUTE, Operation, Operations, Product
from sandbox.google.renderer import Renderer
from sandbox.google.rendering import RenderedClip
from sandbox.google.settings import Fate, Outcome, Settings
from sandbox.google.submission import Submission
from sandbox.google.vertex_rules import BUCKET_URI

PROJECT: Final = "clapper-sandbox"
LOCATION: Final = "us-central1"
_KEPT_REFUSALS: Final = 1000


@dataclass(frozen=True, slots=True)
class Extended:
    """The clip that a submission extends, once it has been found."""

    clip: RenderedClip
    origin: Origin


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request for a video that was turned away."""

    route: Route
    model: str
    status: int
    message: str


class Google:
    """Use `start`; end with `close`."""

    def __init__(
        self, clock: Clock, public_base: str, files_base: str, renderer: Renderer, directory: Path
    ) -> None:
        self._clock = clock
        self._directory = directory
        self._renderer = renderer
        self.public_base = public_base
        self.files_base = files_base
        self.api_key = f"sandbox-key-{secrets.token_hex(12)}"
        self.settings = Settings()
        self.files = Files()
        self.objects = Objects()
        self.operations = Operations(self._store)
        self.counters: Counter[str] = Counter()
        self.refusals: deque[Refusal] = deque(maxlen=_KEPT_REFUSALS)
        self.account = ServiceAccount(PROJECT, f"{public_base}/google-oauth/token")
        self.tokens = Tokens()

    @classmethod
    async def start(
        cls,
        directory: Path,
        clock: Clock,
        public_base: str,
        *,
        files_base: str | None = None,
        clip_cache: Path | None = None,
    ) -> "Google":
        """Prepares everything under a directory.

        ``public_base`` is how the bot reaches this server ("http://127.0.0.1:8080").
        ``files_base`` is the origin that downloads are redirected to; by default the same server
        under its other loopback name, since for a client that is another host.
        ``clip_cache`` may be a directory shared by several sandboxes.
        """
        home = directory / "google"
        clips = clip_cache or home / "clips"
        public_base = public_base.rstrip("/")

        def prepare() -> None:
            home.mkdir(parents=True, exist_ok=True)
            clips.mkdir(parents=True, exist_ok=True)

        await asyncio.to_thread(prepare)
        google = cls(clock, public_base, files_base or _sibling(public_base), Renderer(clips), home)
        await asyncio.to_thread(google.account.write, google.credentials_path)
        return google

    async def close(self) -> None:
        """Gives up what is being rendered and ends the workers."""
        tasks = [
            operation.rendering
            for operation in self.operations.everything
            if operation.rendering is not None
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._renderer.close()

    @property
    def credentials_path(self) -> Path:
        """The service account's key file (Application Default Credentials)."""
        return self._directory / "application_default_credentials.json"

    def environment(self) -> dict[str, str]:
        """What the bot needs for the Gemini API."""
        return {"GEMINI_API_KEY": self.api_key, "GEMINI_API_URL": f"{self.public_base}/google"}

    def environment_vertex(self) -> dict[str, str]:
        """What the bot needs for Vertex AI."""
        return {
            "VERTEX_API_URL": f"{self.public_base}/vertex",
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "GOOGLE_CLOUD_LOCATION": LOCATION,
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.credentials_path),
        }

    def now(self) -> float:
        """Unix seconds by the sandbox's clock."""
        return self._clock.now()

    def models(self, route: Route) -> list[Model]:
        """The models that can be reached on a route."""
        return [
            model
            for (where, name), model in MODELS.items()
            if where is route and name not in self.settings.retired_models
        ]

    def model(self, route: Route, name: str, unknown: str) -> Model:
        """A model that can be reached.

        Raises NotFound, with the given message for a model that never was.
        """
        model = MODELS.get((route, name))
        if model is None:
            raise NotFound(unknown)
        if name in self.settings.retired_models:
            message = (
                f"This model models/{name} is no longer available. Please update your code to "
                "use a newer model for the latest features and improvements."
            )
            raise NotFound(message)
        return model

    def refuse(self, route: Route, model: str, error: GoogleError) -> None:
        """Remembers that a request for a video was turned away."""
        self.counters["refused"] += 1
        self.refusals.append(Refusal(route, model, error.http_status, error.message))

    def submit(
        self, submission: Submission, body: Any, extended: Extended | None, prefix: str
    ) -> Operation:
        """Starts an operation and its rendering.

        ``body`` is the request as it is to be shown and ``prefix`` the operation's name up to
        its id. Raises ResourceExhausted when the project's quota is used up.
        """
        route, now = submission.model.route, self.now()
        self._check_quota(route, submission.model.id, now)
        number = len(self.operations.everything) + 1
        operation_id = new_file_id() if route is Route.GEMINI else str(uuid.uuid4())
        settings = self.settings
        latency = settings.latency.draw(settings.latency_seed, number)
        operation = Operation(
            n=number,
            id=operation_id,
            name=f"{prefix}/operations/{operation_id}",
            route=route,
            submission=submission.without_bytes(),
            body=body,
            submitted=now,
            ready_at=now + latency,
            fate=settings.fate_of(submission.prompt),
            polls_needed=settings.polls_before_done,
            hops=0 if extended is None else extended.origin.hops + 1,
            filtered=min(settings.partial_filter, submission.samples - 1),
        )
        specs = self._specs(operation, submission, extended)
        # Rendering begins at once, so that it hides in the time that the operation takes anyway;
        # also for "never", since such an operation may yet be allowed to end.
        if operation.fate.outcome in {Outcome.DONE, Outcome.NEVER}:
            operation.rendering = asyncio.create_task(self._render(operation, specs))
        self.operations.add(operation)
        return operation

    def decide(self, operation: Operation, fate: Fate) -> None:
        """Changes what becomes of a pending operation.

        Raises ValueError when it has ended, or when it was never going to have a clip.
        """
        self.operations.refresh(operation, self.now())
        if operation.finished_at is not None:
            message = "the operation has ended"
            raise ValueError(message)
        if fate.outcome is Outcome.DONE and operation.rendering is None:
            message = "no clip was made for this operation; submit it with outcome never or done"
            raise ValueError(message)
        operation.fate = fate

    def poll(self, operation: Operation) -> None:
        """Counts a poll and brings the operation up to date."""
        self.counters["polls"] += 1
        operation.polls += 1
        self.operations.refresh(operation, self.now())

    def _check_quota(self, route: Route, model: str, now: float) -> None:
        quota = self.settings.quota_of(model)
        windows = ((quota.per_minute, MINUTE, "PerMinute"), (quota.per_day, DAY, "PerDay"))
        for limit, window, name in windows:
            if limit is None:
                continue
            started = self.operations.started_since(route, model, now - window)
            if len(started) < limit:
                continue
            self.counters["rate_limited"] += 1
            service = "generativelanguage" if route is Route.GEMINI else "aiplatform"
            free = started[len(started) - limit] + window - now if limit else window
            raise quota_exceeded(
                metric=f"{service}.googleapis.com/predict_long_running_requests",
                quota_id=f"PredictLongRunningRequests{name}PerProjectPerModel",
                model=model,
                limit=limit,
                retry_seconds=free,
            )

    def _specs(
        self, operation: Operation, submission: Submission, extended: Extended | None
    ) -> list[ClipSpec]:
        settings = self.settings
        specs = []
        for sample in range(submission.samples - operation.filtered):
            spec = submission.clip_spec(sample)
            if submission.seed is None and settings.vary_unseeded:
                spec = replace(spec, seed=operation.n)
            if extended is not None:
                clip = extended.clip
                spec = replace(spec, source=clip.path, source_digest=clip.sha256)
            specs.append(replace(spec, min_bytes=settings.min_bytes, look=settings.look))
        return specs

    async def _render(
        self, operation: Operation, specs: list[ClipSpec]
    ) -> tuple[RenderedClip, ...]:
        clips = tuple([await self._renderer.clip(spec) for spec in specs])
        operation.rendered_at = self.now()
        return clips

    def _store(self, operation: Operation, clips: tuple[RenderedClip, ...]) -> tuple[Product, ...]:
        submission = operation.submission
        origin = Origin(
            submission.mode, submission.aspect_ratio, submission.resolution, operation.hops
        )
        if submission.mode is Mode.EXTENSION:
            origin = replace(origin, mode=Mode.TEXT)
        created = operation.finished_at or self.now()
        if submission.model.route is Route.VERTEX:
            return self._store_objects(submission, clips, origin, created)
        products = []
        for clip in clips:
            file = GeneratedFile(new_file_id(), clip, origin, created)
            self.files.add(file)
            products.append(Product(clip, self.file_uri(file.id)))
        return tuple(products)

    def _store_objects(
        self,
        submission: Submission,
        clips: tuple[RenderedClip, ...],
        origin: Origin,
        created: float,
    ) -> tuple[Product, ...]:
        for clip in clips:
            self.objects.remember(clip, origin)
        found = BUCKET_URI.fullmatch(submission.storage_uri or "")
        if found is None:
            return tuple(Product(clip, "") for clip in clips)
        folder = "/".join(part for part in (found[2] or "").split("/") if part)
        folder = f"{folder}/" if folder else ""
        run = 10**18 + secrets.randbelow(9 * 10**18)
        products = []
        for index, clip in enumerate(clips):
            name = f"{folder}{run}/sample_{index}.mp4"
            item = StoredObject(found[1], name, clip, origin, created)
            self.objects.add(item)
            products.append(Product(clip, item.uri))
        return tuple(products)

    def file_uri(self, file_id: str) -> str:
        """Where a file of the Gemini API can be downloaded, as an operation's answer says it."""
        return f"{self.public_base}/google/v1beta/files/{file_id}:download?alt=media"


def _sibling(base: str) -> str:
    """The same server under another name: to a client that compares hosts, another host."""
    if "//127.0.0.1" in base:
        return base.replace("//127.0.0.1", "//localhost", 1)
    return base.replace("//localhost", "//127.0.0.1", 1)


def shown_operation(operation: Operation) -> dict[str, Any]:
    """An operation as the control API lists it."""
    submission = operation.submission
    prompt = submission.prompt
    uris = [product.uri for product in operation.products]
    return {
        "n": operation.n,
        "route": operation.route,
        "model": submission.model.id,
        "operation": operation.name,
        "mode": submission.mode,
        "prompt": prompt,
        "json": operation.body,
        "state": operation.state,
        "outcome": operation.fate.outcome,
        "finished": operation.finished_at is not None,
        "finished_at": operation.finished_at,
        "submitted_at": operation.submitted,
        "ready_at": operation.ready_at,
        "polls": operation.polls,
        "seconds": submission.seconds,
        "resolution": submission.resolution,
        "hops": operation.hops,
        "clips": len(operation.products),
        "billed_seconds": operation.billed_seconds,
        "video": uris[0] if uris else None,
        "videos": uris,
        "sha256": [product.clip.sha256 for product in operation.products],
        "error": operation.error or None,
    }
