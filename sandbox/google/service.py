"""The sandbox's Google: one account, its operations and its clips.

It contains the state that the protocols (``gemini``, ``vertex``, ``storage``) and the control API
share, and decides the outcome of each request.
"""

import asyncio
import secrets
import uuid
from collections import Counter, deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from sandbox.clock import SandboxClock
from sandbox.google.clip_spec import ClipSpec
from sandbox.google.encoding import RenderedClip
from sandbox.google.errors import (
    GoogleNotFound,
    gemini_quota_exceeded,
    vertex_quota_exceeded,
)
from sandbox.google.models import MODELS, ServiceRoute, VeoMode, VeoModel
from sandbox.google.oauth import AccessTokens, ServiceAccount
from sandbox.google.omni.service import OmniService
from sandbox.google.omni.webhooks import WebhookService
from sandbox.google.operations import DAY_S, MINUTE_S, FinishedClip, Operation, OperationStore
from sandbox.google.provenance import ClipSigner, open_clip_signer
from sandbox.google.renderer import ClipRenderer, RenderWorkers
from sandbox.google.settings import FileUriForm, GoogleSettings, OperationOutcome, PlannedOutcome
from sandbox.google.stored_clips import (
    ClipOrigin,
    GeneratedFile,
    GeneratedFileStore,
    ObjectStore,
    StoredObject,
    new_file_id,
)
from sandbox.google.submission import Submission
from sandbox.google.text_api import TextService
from sandbox.google.vertex_rules import BUCKET_URI

PROJECT: Final = "clapper-sandbox"
LOCATION: Final = "us-central1"
_VERTEX_QUOTA_METRIC: Final = (
    "aiplatform.googleapis.com/long_running_online_prediction_requests_per_base_model"
)
_MAX_KEPT_REFUSALS: Final = 1000


@dataclass(frozen=True, slots=True)
class ExtendedClip:
    """The clip that a submission extends."""

    clip: RenderedClip
    origin: ClipOrigin


@dataclass(frozen=True, slots=True)
class RefusedSubmission:
    """A request for a video that was refused."""

    route: str
    model: str
    status: int
    message: str


class SandboxGoogle:
    """The state of this Google. Create it with ``start`` and end it with ``close``."""

    def __init__(
        self,
        clock: SandboxClock,
        public_base: str,
        files_base: str,
        renderer: ClipRenderer,
        directory: Path,
        settings: GoogleSettings,
    ) -> None:
        self._clock = clock
        self._directory = directory
        self._renderer = renderer
        self.public_base = public_base
        self.files_base = files_base
        self.api_key = f"sandbox-key-{secrets.token_hex(12)}"
        self.settings = self._first_settings = settings
        self.files = GeneratedFileStore()
        self.objects = ObjectStore()
        self.operations = OperationStore(self._store_clips)
        self.omni = OmniService(
            read_settings=lambda: self.settings,
            read_clock=self.now,
            next_number=self._take_number,
            files=self.files,
            objects=self.objects,
            renderer=renderer,
            directory=directory,
        )
        self.webhooks = WebhookService(
            omni=self.omni, clock=clock, read_settings=lambda: self.settings
        )
        self.text = TextService(clock=clock, read_settings=lambda: self.settings)
        self.counters: Counter[str] = Counter()
        self.manifest_root: Path | None = None
        """The root certificate of those that sign the clips."""
        self._submitted_count = 0
        self.refusals: deque[RefusedSubmission] = deque(maxlen=_MAX_KEPT_REFUSALS)
        self.account = ServiceAccount(PROJECT, f"{public_base}/google-oauth/token")
        self.tokens = AccessTokens()

    @classmethod
    async def start(
        cls,
        directory: Path,
        clock: SandboxClock,
        public_base: str,
        *,
        files_base: str | None = None,
        clip_cache: Path | None = None,
        settings: GoogleSettings | None = None,
        with_manifests: bool = True,
        render_workers: RenderWorkers | None = None,
    ) -> "SandboxGoogle":
        """Prepare everything under a directory.

        ``public_base`` is this server's address for the bot ("http://127.0.0.1:8080").
        ``files_base`` is the origin that downloads are redirected to: by default the same server
        under its other loopback name, which a client takes for another host. ``clip_cache`` may be
        shared by several sandboxes. ``with_manifests`` signs the clips as Google does (C2PA).
        ``render_workers`` are closed with it.
        """
        google_directory = directory / "google"
        clip_directory = clip_cache or google_directory / "clips"
        public_base = public_base.rstrip("/")

        def prepare() -> ClipSigner | None:
            google_directory.mkdir(parents=True, exist_ok=True)
            clip_directory.mkdir(parents=True, exist_ok=True)
            return open_clip_signer(clip_directory) if with_manifests else None

        signer = await asyncio.to_thread(prepare)
        google = cls(
            clock,
            public_base,
            files_base or _alternate_host(public_base),
            ClipRenderer(clip_directory, render_workers, signer=signer),
            google_directory,
            settings or GoogleSettings(),
        )
        google.manifest_root = None if signer is None else signer.root_path
        await asyncio.to_thread(google.account.write_key_file, google.credentials_path)
        return google

    async def close(self) -> None:
        """Cancel renderings and end the workers."""
        tasks = [
            operation.rendering
            for operation in self.operations.operations
            if operation.rendering is not None
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.webhooks.close()
        await self.omni.close()
        await self._renderer.close()

    @property
    def credentials_path(self) -> Path:
        """The service account's key file (Application Default Credentials)."""
        return self._directory / "application_default_credentials.json"

    def reset_settings(self) -> None:
        """Restore the settings from the start."""
        self.settings = self._first_settings

    def environment(self) -> dict[str, str]:
        """Return the bot's settings for the Gemini API."""
        return {"GEMINI_API_KEY": self.api_key, "GEMINI_API_URL": f"{self.public_base}/google"}

    def vertex_environment(self) -> dict[str, str]:
        """Return the bot's settings for Vertex AI."""
        return {
            "VERTEX_API_URL": f"{self.public_base}/vertex",
            "GOOGLE_CLOUD_PROJECT": PROJECT,
            "GOOGLE_CLOUD_LOCATION": LOCATION,
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.credentials_path),
        }

    def now(self) -> float:
        """Return the time of the sandbox's clock in unix seconds."""
        return self._clock.now()

    def list_models(self, route: ServiceRoute) -> list[VeoModel]:
        """Return the models of a route that are not retired."""
        if self.settings.has_retired_veo(route):
            return []
        return [
            model
            for (model_route, name), model in MODELS.items()
            if model_route is route and name not in self.settings.retired_models
        ]

    def find_model(self, route: ServiceRoute, name: str, unknown: str) -> VeoModel:
        """Return an active model. Raises GoogleNotFound, with ``unknown`` for an unknown name."""
        model = MODELS.get((route, name))
        if model is None:
            raise GoogleNotFound(unknown)
        if name in self.settings.retired_models or self.settings.has_retired_veo(route):
            raise GoogleNotFound(
                f"This model models/{name} is no longer available. Please update your code to "
                "use a newer model for the latest features and improvements."
            )
        return model

    def record_refusal(self, route: str, model: str, status: int, message: str) -> None:
        """Record that a request for a video was refused."""
        self.counters["refused"] += 1
        self.refusals.append(RefusedSubmission(route, model, status, message))

    def submit(
        self, submission: Submission, body: Any, extended: ExtendedClip | None, name_prefix: str
    ) -> Operation:
        """Start an operation and its rendering. Raises ResourceExhausted over quota.

        ``body`` is the request as the control API shows it, ``name_prefix`` the operation's name up
        to "/operations".
        """
        route, now = submission.model.route, self.now()
        self._check_quota(route, submission.model.id, now)
        number = self._take_number()
        operation_id = new_file_id() if route is ServiceRoute.GEMINI else str(uuid.uuid4())
        settings = self.settings
        latency = settings.latency.draw_seconds(settings.latency_seed, number)
        operation = Operation(
            number=number,
            id=operation_id,
            name=f"{name_prefix}/operations/{operation_id}",
            route=route,
            submission=submission.without_bytes(),
            body=body,
            submitted_at=now,
            ready_at=now + latency,
            planned_outcome=settings.outcome_for(submission.prompt),
            polls_needed=settings.polls_before_done,
            extension_depth=0 if extended is None else extended.origin.extension_depth + 1,
            filtered_count=min(settings.partial_filter, submission.samples - 1),
        )
        specs = self._build_specs(operation, submission, extended)
        # Rendering starts at once, during the operation's latency; also for "never", because the
        # control API may still let such an operation end.
        if operation.planned_outcome.outcome in {OperationOutcome.DONE, OperationOutcome.NEVER}:
            operation.rendering = asyncio.create_task(self._render_clips(operation, specs))
        self.operations.add_operation(operation)
        return operation

    def change_outcome(self, operation: Operation, planned: PlannedOutcome) -> None:
        """Change the outcome of a pending operation.

        Raises ValueError if it has ended, or should be done but no clip was rendered for it.
        """
        self.operations.refresh(operation, self.now())
        if operation.finished_at is not None:
            raise ValueError("the operation has ended")
        if planned.outcome is OperationOutcome.DONE and operation.rendering is None:
            raise ValueError(
                "no clip was made for this operation; submit it with outcome never or done"
            )
        operation.planned_outcome = planned

    def poll(self, operation: Operation) -> None:
        """Count a poll and bring the operation up to date."""
        self.counters["polls"] += 1
        operation.polls += 1
        self.operations.refresh(operation, self.now())

    def _take_number(self) -> int:
        """Return the number of the next request for a video."""
        self._submitted_count += 1
        return self._submitted_count

    def _check_quota(self, route: ServiceRoute, model: str, now: float) -> None:
        quota = self.settings.quota_for(model)
        windows = ((quota.per_minute, MINUTE_S, "PerMinute"), (quota.per_day, DAY_S, "PerDay"))
        for limit, window, name in windows:
            if limit is None:
                continue
            started = self.operations.started_since(route, model, now - window)
            if len(started) < limit:
                continue
            self.counters["rate_limited"] += 1
            if route is ServiceRoute.VERTEX:
                raise vertex_quota_exceeded(metric=_VERTEX_QUOTA_METRIC, model=model)
            retry_s = started[len(started) - limit] + window - now if limit else window
            raise gemini_quota_exceeded(
                metric="generativelanguage.googleapis.com/predict_long_running_requests",
                quota_id=f"PredictLongRunningRequests{name}PerProjectPerModel",
                model=model,
                limit=limit,
                retry_seconds=self.settings.day_quota_delay_s if window == DAY_S else retry_s,
            )

    def _build_specs(
        self, operation: Operation, submission: Submission, extended: ExtendedClip | None
    ) -> list[ClipSpec]:
        settings = self.settings
        specs = []
        for sample in range(submission.samples - operation.filtered_count):
            spec = submission.clip_spec(sample)
            if submission.seed is None and settings.vary_unseeded:
                spec = replace(spec, seed=operation.number)
            if extended is not None:
                clip = extended.clip
                spec = replace(spec, source=clip.path, source_digest=clip.sha256)
            specs.append(replace(spec, min_bytes=settings.min_bytes, look=settings.look))
        return specs

    async def _render_clips(
        self, operation: Operation, specs: list[ClipSpec]
    ) -> tuple[RenderedClip, ...]:
        clips = tuple([await self._renderer.render_clip(spec) for spec in specs])
        operation.rendered_at = self.now()
        return clips

    def _store_clips(
        self, operation: Operation, clips: tuple[RenderedClip, ...]
    ) -> tuple[FinishedClip, ...]:
        submission = operation.submission
        origin = ClipOrigin(
            submission.mode,
            submission.aspect_ratio,
            submission.resolution,
            operation.extension_depth,
        )
        if submission.mode is VeoMode.EXTENSION:
            origin = replace(origin, mode=VeoMode.TEXT)
        created = operation.finished_at or self.now()
        if submission.model.route is ServiceRoute.VERTEX:
            return self._store_objects(submission, clips, origin, created)
        products = []
        for clip in clips:
            file = GeneratedFile(new_file_id(), clip, origin, created)
            self.files.add_file(file)
            products.append(FinishedClip(clip, self.file_uri(file.id)))
        return tuple(products)

    def _store_objects(
        self,
        submission: Submission,
        clips: tuple[RenderedClip, ...],
        origin: ClipOrigin,
        created: float,
    ) -> tuple[FinishedClip, ...]:
        for clip in clips:
            self.objects.remember_clip(clip, origin)
        bucket_uri = BUCKET_URI.fullmatch(submission.storage_uri or "")
        if bucket_uri is None:
            return tuple(FinishedClip(clip, "") for clip in clips)
        folder = "/".join(part for part in (bucket_uri[2] or "").split("/") if part)
        folder = f"{folder}/" if folder else ""
        run_id = 10**18 + secrets.randbelow(9 * 10**18)
        products = []
        for index, clip in enumerate(clips):
            name = f"{folder}{run_id}/sample_{index}.mp4"
            stored = StoredObject(bucket_uri[1], name, clip, origin, created)
            self.objects.add_object(stored)
            products.append(FinishedClip(clip, stored.uri))
        return tuple(products)

    def file_uri(self, file_id: str) -> str:
        """Return the download address of a Gemini API file, as in an operation's response."""
        return f"{self.public_base}/google/v1beta/files/{file_id}:download?alt=media"

    def shown_uri(self, uri: str) -> str:
        """Return a file's address in the form that is set, as a gateway may write it."""
        file_id = uri.rpartition("/files/")[2].partition(":")[0]
        match self.settings.file_uris:
            case FileUriForm.RELATIVE:
                return f"files/{file_id}"
            case FileUriForm.BUCKET:
                return f"gs://somewhere/{file_id}.mp4"
            case FileUriForm.NONE:
                return ""
        return uri


def _alternate_host(base: str) -> str:
    """Return the same server under its other loopback name."""
    if "//127.0.0.1" in base:
        return base.replace("//127.0.0.1", "//localhost", 1)
    return base.replace("//localhost", "//127.0.0.1", 1)


def describe_operation(operation: Operation) -> dict[str, Any]:
    """Return an operation as the control API shows it."""
    submission = operation.submission
    prompt = submission.prompt
    uris = [product.uri for product in operation.products]
    return {
        "n": operation.number,
        "route": operation.route,
        "model": submission.model.id,
        "operation": operation.name,
        "mode": submission.mode,
        "prompt": prompt,
        "json": operation.body,
        "state": operation.state,
        "outcome": operation.planned_outcome.outcome,
        "finished": operation.finished_at is not None,
        "finished_at": operation.finished_at,
        "submitted_at": operation.submitted_at,
        "ready_at": operation.ready_at,
        "polls": operation.polls,
        "seconds": submission.seconds,
        "resolution": submission.resolution,
        "hops": operation.extension_depth,
        "clips": len(operation.products),
        "billed_seconds": operation.billed_seconds,
        "video": uris[0] if uris else None,
        "videos": uris,
        "sha256": [product.clip.sha256 for product in operation.products],
        "error": operation.error or None,
    }
