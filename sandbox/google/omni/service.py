"""Decides the outcome of each interaction, and keeps them with their clips.

It shares the account, the clock, the files and the renderer with Veo.
"""

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Final

from sandbox.google.clip_spec import ClipSpec, SourceUse
from sandbox.google.models import CallerRegion, VeoMode
from sandbox.google.omni.inputs import OmniInputs, SourceVideo, check_source, count_input_tokens
from sandbox.google.omni.interactions import (
    BLOCKED_SENTENCE,
    InteractionStatus,
    InteractionStore,
    StoredInteraction,
    new_interaction_id,
    refresh_interaction,
)
from sandbox.google.omni.models import (
    OMNI_MODELS,
    OMNI_SIZES,
    SHUT_DOWN_MODELS,
    VERTEX_OMNI_MODELS,
    OmniModelRules,
    OmniRoute,
)
from sandbox.google.omni.refusals import (
    InteractionRefused,
    billing_off,
    invalid_request,
    not_found,
    payment_required,
    project_blocked,
    quota_exceeded,
)
from sandbox.google.omni.request import InteractionRequest, OmniTask
from sandbox.google.omni.settings import AccountState, BlockForm, OverQuotaForm
from sandbox.google.operations import MINUTE_S
from sandbox.google.renderer import ClipRenderer
from sandbox.google.settings import GoogleSettings, OperationOutcome, PlannedOutcome
from sandbox.google.stored_clips import (
    ClipOrigin,
    GeneratedFile,
    GeneratedFileStore,
    ObjectStore,
    StoredObject,
    new_file_id,
)
from sandbox.google.vertex_rules import BUCKET_URI

_RESTRICTED: Final = frozenset({CallerRegion.EU, CallerRegion.UK, CallerRegion.CH})
"""Where uploaded videos may not be edited or extended."""
_PACIFIC: Final = timezone(timedelta(hours=-8))
"""Daily quotas are reset at midnight, Pacific standard time."""
_RENDERED: Final = frozenset({OperationOutcome.DONE, OperationOutcome.NEVER})
"""Rendering starts at once, also for "never": the control API may still let it end."""
_LARGE_EXTENSION_FAILS_AFTER_S: Final = 300.0
"""Vertex AI fails to extend in 4k, but only after five minutes."""


class OmniService:
    """All interactions of this Google."""

    def __init__(
        self,
        *,
        read_settings: Callable[[], GoogleSettings],
        read_clock: Callable[[], float],
        next_number: Callable[[], int],
        files: GeneratedFileStore,
        objects: ObjectStore,
        renderer: ClipRenderer,
        directory: Path,
    ) -> None:
        self._read_settings = read_settings
        self._now = read_clock
        self._next_number = next_number
        self._files = files
        self._objects = objects
        self._renderer = renderer
        self.inputs = OmniInputs(
            read_settings=read_settings,
            read_clock=read_clock,
            files=files,
            objects=objects,
            directory=directory,
        )
        self.store = InteractionStore()

    async def close(self) -> None:
        """Cancel renderings."""
        tasks = [item.rendering for item in self.store.interactions if item.rendering is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def list_models(self, route: OmniRoute) -> dict[str, OmniModelRules]:
        """Return a route's models that are not retired, by their names there."""
        models = OMNI_MODELS if route is OmniRoute.API_KEY else VERTEX_OMNI_MODELS
        retired = self._read_settings().retired_models
        return {name: model for name, model in models.items() if name not in retired}

    def find_model(self, name: Any, route: OmniRoute) -> OmniModelRules:
        """Return a model that can be used. Raises InteractionRefused."""
        if not isinstance(name, str) or not name:
            raise invalid_request("`model` is missing.")
        name = name.removeprefix("models/")
        models = self.list_models(route)
        if name in models:
            return models[name]
        is_gone = name in SHUT_DOWN_MODELS or name in self._read_settings().retired_models
        message = (
            f"This model models/{name} is no longer available."
            if is_gone
            else f"Model '{name}' not found. Did you mean '{min(OMNI_MODELS)}'?"
        )
        raise InteractionRefused(404, "model_not_found", message)

    def check_account(self, *, is_submit: bool) -> None:
        """Raise InteractionRefused if the project may not do this now."""
        account = self._read_settings().omni.account
        if account is AccountState.BLOCKED:
            raise project_blocked()
        if is_submit and account is AccountState.PAYMENT_REQUIRED:
            raise payment_required()
        if is_submit and account is AccountState.BILLING_OFF:
            raise billing_off()

    async def create(self, request: InteractionRequest, body: Any) -> StoredInteraction:
        """Start an interaction and its rendering. Raises InteractionRefused.

        ``body`` is the request as the control API shows it.
        """
        settings, now = self._read_settings(), self._now()
        source = await self._find_source(request)
        if source is not None:
            check_source(source, request)
        planned = settings.outcome_for(request.prompt)
        if planned.outcome is OperationOutcome.FILTERED and settings.omni.block.is_at_once:
            raise _block_at_once(planned, settings.omni.block)
        refusal = self._check_quota(request, now)
        if refusal is not None and settings.omni.over_quota is OverQuotaForm.SUBMIT:
            raise refusal
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
            input_tokens=count_input_tokens(request, source),
            source_seconds=0.0 if source is None else source.seconds,
            quota_refusal=refusal,
            is_refused_in_region=source is not None
            and source.is_uploaded
            and settings.region in _RESTRICTED,
            invalid_polls=settings.omni.invalid_polls,
        )
        spec = await self._build_spec(interaction, request, source, settings)
        if _is_large_extension_on_vertex(request):
            interaction.planned_outcome = PlannedOutcome(OperationOutcome.FAILED)
            interaction.ready_at = now + _LARGE_EXTENSION_FAILS_AFTER_S
        elif refusal is None and planned.outcome in _RENDERED:
            interaction.rendering = asyncio.create_task(self._renderer.render_clip(spec))
        self.store.add(interaction)
        return interaction

    def require(self, interaction_id: str, route: OmniRoute) -> StoredInteraction:
        """Return an interaction that is still kept, up to date. Raises InteractionRefused."""
        interaction = self.store.get(interaction_id)
        if interaction is None or interaction.request.route is not route:
            raise invalid_request("Invalid interaction name.")
        lifetime_s = self._read_settings().omni.lifetime_s
        if interaction.is_deleted or self._now() >= interaction.created + lifetime_s:
            raise not_found(interaction_id)
        self.refresh(interaction)
        return interaction

    def refresh(self, interaction: StoredInteraction) -> None:
        """Bring an interaction's status up to date, and store a clip that was just made."""
        if refresh_interaction(interaction, self._now(), self._read_settings().omni):
            self._store_clip(interaction)

    def cancel(self, interaction: StoredInteraction) -> None:
        """Ask a running interaction to stop. Raises InteractionRefused if it has ended."""
        is_running = interaction.status is InteractionStatus.IN_PROGRESS
        if not is_running or not interaction.request.is_background:
            raise InteractionRefused(
                400, "failed_precondition", "Only running background interactions can be cancelled."
            )
        if interaction.cancel_at is None:
            interaction.cancel_at = self._now() + self._read_settings().omni.cancel_s

    def change_outcome(self, interaction: StoredInteraction, planned: PlannedOutcome) -> None:
        """Change the outcome of a running interaction. Raises ValueError if it has ended."""
        self.refresh(interaction)
        if interaction.status is not InteractionStatus.IN_PROGRESS:
            raise ValueError("the interaction has ended")
        if planned.outcome is OperationOutcome.DONE and interaction.rendering is None:
            raise ValueError("no clip was made for it; submit it with outcome never or done")
        interaction.planned_outcome = planned

    def _check_quota(self, request: InteractionRequest, now: float) -> InteractionRefused | None:
        """Return the refusal of a request over quota."""
        settings = self._read_settings()
        quota, omni = settings.quota_for(request.model_name), settings.omni
        midnight = datetime.fromtimestamp(now, _PACIFIC).replace(hour=0, minute=0, second=0)
        today = midnight.replace(microsecond=0).astimezone(UTC).timestamp()
        for limit, since, is_for_day in (
            (quota.per_minute, now - MINUTE_S, False),
            (quota.per_day, today, True),
        ):
            if limit is None:
                continue
            started = list(self.store.started_since(request.route, request.model.id, since))
            if len(started) < limit:
                continue
            wait_s = started[len(started) - limit] + MINUTE_S - now if limit else MINUTE_S
            retry_s = settings.day_quota_delay_s if is_for_day else wait_s
            return quota_exceeded(
                model=request.model_name,
                limit=limit,
                retry_s=retry_s if omni.retry_s is None else omni.retry_s,
                is_for_day=is_for_day,
                hint=omni.retry_hint,
            )
        return None

    async def _find_source(self, request: InteractionRequest) -> SourceVideo | None:
        if request.previous_id is not None:
            return self._find_previous(request.previous_id, request.route)
        return None if request.video is None else await self.inputs.find_video(request.video)

    def _find_previous(self, previous_id: str, route: OmniRoute) -> SourceVideo:
        previous = self.require(previous_id, route)
        if previous.status is InteractionStatus.IN_PROGRESS:
            raise invalid_request(f"Interaction {previous_id} is still in progress.")
        clip = previous.clip
        if clip is None:
            raise invalid_request(f"Interaction {previous_id} has no video.")
        return SourceVideo(clip.path, clip.sha256, clip.seconds, previous.aspect_ratio, False)

    async def _build_spec(
        self,
        interaction: StoredInteraction,
        request: InteractionRequest,
        source: SourceVideo | None,
        settings: GoogleSettings,
    ) -> ClipSpec:
        width, height = OMNI_SIZES[request.resolution, interaction.aspect_ratio]
        return ClipSpec(
            prompt=request.prompt,
            seed=interaction.number if settings.vary_unseeded else 0,
            sample=0,
            width=width,
            height=height,
            seconds=interaction.made_seconds,
            audio=True,
            image=await self.inputs.read_picture(request.first_frame),
            last_frame=await self.inputs.read_picture(request.last_frame),
            references=await self.inputs.read_references(request),
            source=None if source is None else source.path,
            source_digest="" if source is None else source.sha256,
            source_use=SourceUse.EDIT if request.task is OmniTask.EDIT else SourceUse.RENDER_AGAIN,
            min_bytes=settings.min_bytes,
            look=settings.look,
        )

    def _store_clip(self, interaction: StoredInteraction) -> None:
        """Make the clip a file, or on Vertex AI an object if its address was asked for."""
        clip, request = interaction.clip, interaction.request
        assert clip is not None
        origin = ClipOrigin(VeoMode.TEXT, interaction.aspect_ratio, request.resolution, 0, "omni")
        created = interaction.finished_at or self._now()
        if request.route is OmniRoute.API_KEY:
            interaction.file = GeneratedFile(new_file_id(), clip, origin, created)
            self._files.add_file(interaction.file)
        elif (address := BUCKET_URI.fullmatch(request.bucket_uri)) is not None:
            folder = "/".join(part for part in (address[2] or "").split("/") if part)
            name = f"{folder}/" if folder else ""
            name += f"{10**18 + secrets.randbelow(9 * 10**18)}/sample_0.mp4"
            interaction.stored_object = StoredObject(address[1], name, clip, origin, created)
            self._objects.add_object(interaction.stored_object)


def _is_large_extension_on_vertex(request: InteractionRequest) -> bool:
    is_extension = request.task is OmniTask.EXTEND
    return request.route is OmniRoute.VERTEX and is_extension and request.resolution == "4k"


def _block_at_once(planned: PlannedOutcome, form: BlockForm) -> InteractionRefused:
    if form is BlockForm.SUBMIT:
        return invalid_request(planned.reason or "Request blocked due to safety violations.")
    sentence = planned.reason or BLOCKED_SENTENCE
    if form is BlockForm.SUBMIT_SENTENCE:
        return InteractionRefused(400, sentence, sentence)
    return InteractionRefused(200, "content_blocked", sentence)
