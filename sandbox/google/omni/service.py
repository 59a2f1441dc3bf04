"""Decides the outcome of each interaction, and keeps them with their clips.

Shares the account, the clock, the files and the renderer with Veo.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sandbox.google.clip_spec import ClipSpec, SourceUse
from sandbox.google.encoding import RenderedClip, measure_clip
from sandbox.google.models import CallerRegion, VeoMode
from sandbox.google.omni.interactions import (
    InteractionStatus,
    InteractionStore,
    StoredInteraction,
    new_interaction_id,
    refresh_interaction,
)
from sandbox.google.omni.models import (
    MAX_EXTENDED_SECONDS,
    MAX_EXTENDED_SOURCE_SECONDS,
    OMNI_MODELS,
    OMNI_SIZES,
    SHUT_DOWN_MODELS,
    OmniModelRules,
)
from sandbox.google.omni.refusals import (
    InteractionRefused,
    invalid_request,
    not_found,
    too_many_requests,
)
from sandbox.google.omni.request import InteractionRequest, MediaContent, OmniTask
from sandbox.google.omni.settings import BlockForm, OverQuotaForm
from sandbox.google.operations import DAY_S, MINUTE_S
from sandbox.google.renderer import ClipRenderer
from sandbox.google.settings import GoogleSettings, OperationOutcome, PlannedOutcome
from sandbox.google.stored_clips import (
    ClipOrigin,
    FileState,
    GeneratedFile,
    GeneratedFileStore,
    file_state,
    new_file_id,
)

_RESTRICTED: Final = frozenset({CallerRegion.EU, CallerRegion.UK, CallerRegion.CH})
"""Where uploaded videos may not be edited or extended."""


@dataclass(frozen=True, slots=True)
class SourceVideo:
    """The clip that an edit or extension goes on from."""

    path: Path
    sha256: str
    seconds: float
    aspect_ratio: str
    is_uploaded: bool


class OmniService:
    """All interactions of this Google."""

    def __init__(
        self,
        *,
        read_settings: Callable[[], GoogleSettings],
        read_clock: Callable[[], float],
        next_number: Callable[[], int],
        files: GeneratedFileStore,
        renderer: ClipRenderer,
        directory: Path,
    ) -> None:
        self._read_settings = read_settings
        self._now = read_clock
        self._next_number = next_number
        self._files = files
        self._renderer = renderer
        self._directory = directory
        self.store = InteractionStore()

    async def close(self) -> None:
        """Cancels renderings."""
        tasks = [item.rendering for item in self.store.interactions if item.rendering is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def find_model(self, name: Any) -> OmniModelRules:
        """A model that can be used. Raises InteractionRefused."""
        if not isinstance(name, str) or not name:
            raise invalid_request("`model` is missing.")
        name = name.removeprefix("models/")
        if name in SHUT_DOWN_MODELS or name in self._read_settings().retired_models:
            raise InteractionRefused(
                404, "model_not_found", f"This model models/{name} is no longer available."
            )
        if name not in OMNI_MODELS:
            known = min(OMNI_MODELS)
            raise InteractionRefused(
                404, "model_not_found", f"Model '{name}' not found. Did you mean '{known}'?"
            )
        return OMNI_MODELS[name]

    async def create(self, request: InteractionRequest, body: Any) -> StoredInteraction:
        """Start an interaction and its rendering. Raises InteractionRefused.

        ``body`` is the request as the control API shows it.
        """
        settings, now = self._read_settings(), self._now()
        source = await self._find_source(request)
        if source is not None:
            _check_source(source, request)
        planned = settings.outcome_for(request.prompt)
        if planned.outcome is OperationOutcome.FILTERED and settings.omni.block is BlockForm.SUBMIT:
            raise invalid_request(planned.reason or "Request blocked due to safety violations.")
        retry_s = self._measure_quota_wait(request.model.id, now)
        if retry_s is not None and settings.omni.over_quota is OverQuotaForm.SUBMIT:
            raise too_many_requests(retry_s)
        number = self._next_number()
        interaction = StoredInteraction(
            number=number,
            id=new_interaction_id(),
            request=request.without_bytes(),
            body=body,
            created=now,
            ready_at=now + settings.latency.draw_seconds(settings.latency_seed, number),
            planned_outcome=planned,
            aspect_ratio=request.aspect_ratio if source is None else source.aspect_ratio,
            source_seconds=0.0 if source is None else source.seconds,
            is_over_quota=retry_s is not None,
            is_refused_in_region=source is not None
            and source.is_uploaded
            and settings.region in _RESTRICTED,
        )
        if planned.outcome in {OperationOutcome.DONE, OperationOutcome.NEVER}:
            spec = await self._build_spec(interaction, request, source, settings)
            interaction.rendering = asyncio.create_task(self._renderer.render_clip(spec))
        self.store.add(interaction)
        return interaction

    def require(self, interaction_id: str) -> StoredInteraction:
        """An interaction that is still kept, up to date. Raises InteractionRefused."""
        interaction = self.store.get(interaction_id)
        if interaction is None:
            raise invalid_request("Invalid interaction name.")
        lifetime_s = self._read_settings().omni.lifetime_s
        if interaction.is_deleted or self._now() >= interaction.created + lifetime_s:
            raise not_found(interaction_id)
        self.refresh(interaction)
        return interaction

    def refresh(self, interaction: StoredInteraction) -> None:
        """Bring an interaction's status up to date; a clip that was just made becomes a file."""
        if refresh_interaction(interaction, self._now(), self._read_settings().omni):
            clip = interaction.clip
            assert clip is not None
            origin = ClipOrigin(
                VeoMode.TEXT, interaction.aspect_ratio, interaction.request.resolution, 0, "omni"
            )
            created = interaction.finished_at or self._now()
            interaction.file = GeneratedFile(new_file_id(), clip, origin, created)
            self._files.add_file(interaction.file)

    def cancel(self, interaction: StoredInteraction) -> None:
        """Ask a running interaction to stop. Raises InteractionRefused when it has ended."""
        if interaction.status is not InteractionStatus.IN_PROGRESS:
            raise InteractionRefused(
                400, "failed_precondition", "Only running background interactions can be cancelled."
            )
        if interaction.cancel_at is None:
            interaction.cancel_at = self._now() + self._read_settings().omni.cancel_s

    def change_outcome(self, interaction: StoredInteraction, planned: PlannedOutcome) -> None:
        """Changes the outcome of a running interaction. Raises ValueError when it has ended."""
        self.refresh(interaction)
        if interaction.status is not InteractionStatus.IN_PROGRESS:
            raise ValueError("the interaction has ended")
        if planned.outcome is OperationOutcome.DONE and interaction.rendering is None:
            raise ValueError("no clip was made for it; submit it with outcome never or done")
        interaction.planned_outcome = planned

    async def store_upload(self, data: bytes, mime_type: str) -> GeneratedFile:
        """Keep an uploaded file. Raises InteractionRefused for a video that cannot be read."""
        path = self._directory / f"upload-{secrets.token_hex(8)}"
        await asyncio.to_thread(path.write_bytes, data)
        clip = RenderedClip(path, len(data), hashlib.sha256(data).hexdigest(), 0.0)
        if mime_type.startswith("video/"):
            clip = await self._measure(path)
        origin = ClipOrigin(VeoMode.TEXT, "16:9", "720p", 0, "upload")
        file = GeneratedFile(new_file_id(), clip, origin, self._now(), mime_type=mime_type)
        self._files.add_file(file)
        return file

    async def _measure(self, path: Path) -> RenderedClip:
        try:
            return await asyncio.to_thread(measure_clip, path)
        except (OSError, ValueError, IndexError) as error:
            raise invalid_request("Unable to process input video.") from error

    def _measure_quota_wait(self, model: str, now: float) -> float | None:
        """How long until the model may be asked again (seconds); None when it may now."""
        quota = self._read_settings().quota_for(model)
        for limit, window_s in ((quota.per_minute, MINUTE_S), (quota.per_day, DAY_S)):
            if limit is not None and self.store.count_since(model, now - window_s) >= limit:
                return min(window_s, MINUTE_S)
        return None

    async def _find_source(self, request: InteractionRequest) -> SourceVideo | None:
        if request.previous_id is not None:
            return self._find_previous(request.previous_id)
        video = request.video
        if video is None:
            return None
        if video.data is not None:
            file = await self.store_upload(video.data, video.mime_type)
        else:
            file = self._require_file(video)
        ratio = await asyncio.to_thread(_read_aspect_ratio, file.clip.path)
        return SourceVideo(file.clip.path, file.clip.sha256, file.clip.seconds, ratio, True)

    def _find_previous(self, previous_id: str) -> SourceVideo:
        previous = self.require(previous_id)
        if previous.status is InteractionStatus.IN_PROGRESS:
            raise invalid_request(f"Interaction {previous_id} is still in progress.")
        clip = previous.clip
        if clip is None:
            raise invalid_request(f"Interaction {previous_id} has no video.")
        return SourceVideo(clip.path, clip.sha256, clip.seconds, previous.aspect_ratio, False)

    def _require_file(self, content: MediaContent) -> GeneratedFile:
        name = (content.uri or "").split("?")[0].removesuffix(":download").rsplit("/", 1)[-1]
        file = self._files.get_file(name)
        now, settings = self._now(), self._read_settings()
        if (
            file is None
            or file.expired
            or file.revoked
            or now >= file.created + settings.file_lifetime_s
        ):
            raise InteractionRefused(
                403,
                "permission_denied",
                f"You do not have permission to access the File {name} or it may not exist.",
            )
        if file_state(file, now, settings.processing_s) is not FileState.ACTIVE:
            raise InteractionRefused(
                400,
                "failed_precondition",
                f"The File {name} is not in an ACTIVE state and usage is not allowed.",
            )
        return file

    async def _read_picture(self, content: MediaContent | None) -> bytes | None:
        if content is None or content.data is not None:
            return None if content is None else content.data
        return await asyncio.to_thread(self._require_file(content).clip.path.read_bytes)

    async def _build_spec(
        self,
        interaction: StoredInteraction,
        request: InteractionRequest,
        source: SourceVideo | None,
        settings: GoogleSettings,
    ) -> ClipSpec:
        width, height = OMNI_SIZES[request.resolution, interaction.aspect_ratio]
        references = [await self._read_picture(item) for item in request.references]
        return ClipSpec(
            prompt=request.prompt,
            seed=interaction.number if settings.vary_unseeded else 0,
            sample=0,
            width=width,
            height=height,
            seconds=interaction.made_seconds,
            audio=True,
            image=await self._read_picture(request.first_frame),
            last_frame=await self._read_picture(request.last_frame),
            references=tuple(item for item in references if item is not None),
            source=None if source is None else source.path,
            source_digest="" if source is None else source.sha256,
            source_use=SourceUse.EDIT if request.task is OmniTask.EDIT else SourceUse.RENDER_AGAIN,
            min_bytes=settings.min_bytes,
            look=settings.look,
        )


def _check_source(source: SourceVideo, request: InteractionRequest) -> None:
    """Raises InteractionRefused for a video that is too long."""
    if request.task is OmniTask.EDIT:
        most = request.model.max_edited_seconds
        if source.seconds > most + 0.5:
            raise invalid_request(f"Videos longer than {most}s are not supported for editing.")
        return
    if source.seconds > MAX_EXTENDED_SOURCE_SECONDS + 0.5:
        raise invalid_request(
            f"Videos longer than {MAX_EXTENDED_SOURCE_SECONDS}s are not supported for extension."
        )
    if source.seconds + request.seconds > MAX_EXTENDED_SECONDS + 0.5:
        raise invalid_request(f"The extended video exceeds {MAX_EXTENDED_SECONDS}s.")


def _read_aspect_ratio(path: Path) -> str:
    import av  # heavy, and needed only for uploads

    with av.open(str(path)) as container:
        video = container.streams.video[0]
        return "16:9" if video.width >= video.height else "9:16"
