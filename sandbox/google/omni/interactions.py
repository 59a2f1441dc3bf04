"""Interactions: a request, the time when it is ready, and its result.

As with Veo's operations, nothing runs in the background. The state is updated when it is read. An
interaction is kept for weeks, and others may continue from it.
"""

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from sandbox.google.encoding import RenderedClip
from sandbox.google.omni.models import OUTPUT_TOKENS_PER_SECOND, OmniRoute, TokenCounts
from sandbox.google.omni.refusals import InteractionRefused
from sandbox.google.omni.request import InteractionRequest
from sandbox.google.omni.settings import BlockForm, OmniSettings
from sandbox.google.settings import OperationOutcome, PlannedOutcome
from sandbox.google.stored_clips import GeneratedFile, StoredObject

BLOCKED_SENTENCE: Final = "Unable to show the generated video. Try rephrasing the prompt."
REGION_SENTENCE: Final = "Editing of uploaded videos is not available in your region."


class InteractionStatus(StrEnum):
    """Statuses that a video's interaction has here."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class StoredInteraction:
    """One interaction. Times in unix seconds; ``source_seconds`` are those of the edited clip.

    ``quota_refusal`` is the answer to its first GET if it was over quota. ``invalid_polls`` is the
    number of GETs still to be answered with 400. The video is a file, an object, or inline.
    """

    number: int
    id: str
    request: InteractionRequest
    body: Any
    created: float
    ready_at: float
    planned_outcome: PlannedOutcome
    aspect_ratio: str
    input_tokens: TokenCounts
    source_seconds: float = 0.0
    quota_refusal: InteractionRefused | None = None
    is_refused_in_region: bool = False
    invalid_polls: int = 0
    rendering: asyncio.Task[RenderedClip] | None = None
    status: InteractionStatus = InteractionStatus.IN_PROGRESS
    cancel_at: float | None = None
    finished_at: float | None = None
    is_deleted: bool = False
    polls: int = 0
    clip: RenderedClip | None = None
    file: GeneratedFile | None = None
    stored_object: StoredObject | None = None
    tokens: TokenCounts = field(default_factory=TokenCounts)

    @property
    def billed_usd(self) -> float:
        """What it cost, in USD."""
        return self.request.model.price(self.tokens)

    @property
    def made_seconds(self) -> int:
        """The seconds that are billed when it is made."""
        return self.request.seconds or round(self.source_seconds)

    @property
    def has_only_text(self) -> bool:
        """Whether it completed without a video."""
        return self.status is InteractionStatus.COMPLETED and self.clip is None

    @property
    def text(self) -> str:
        """The text instead of a video."""
        if self.is_refused_in_region:
            return REGION_SENTENCE
        return self.planned_outcome.reason or BLOCKED_SENTENCE

    @property
    def video_address(self) -> str | None:
        """The file's id, or the object's gs:// address."""
        if self.file is not None:
            return self.file.id
        return None if self.stored_object is None else self.stored_object.uri


@dataclass(slots=True)
class InteractionStore:
    """All interactions, in the order in which they were created."""

    interactions: list[StoredInteraction] = field(default_factory=list)
    _by_id: dict[str, StoredInteraction] = field(default_factory=dict)

    def add(self, interaction: StoredInteraction) -> None:
        """Keep a new interaction."""
        self.interactions.append(interaction)
        self._by_id[interaction.id] = interaction

    def get(self, interaction_id: str) -> StoredInteraction | None:
        """Return an interaction by its id, even a deleted or expired one."""
        return self._by_id.get(interaction_id)

    def started_since(self, route: OmniRoute, model: str, since: float) -> Iterator[float]:
        """Return the start times of a model's interactions after ``since``, oldest first."""
        for interaction in self.interactions:
            request = interaction.request
            is_same = request.route is route and request.model.id == model
            if is_same and interaction.created > since and interaction.quota_refusal is None:
                yield interaction.created


def new_interaction_id() -> str:
    """Return a random id, as long as Google's."""
    return f"v1_{secrets.token_urlsafe(48)}"


def refresh_interaction(interaction: StoredInteraction, now: float, settings: OmniSettings) -> bool:
    """Bring the status up to date; return whether a video was just made."""
    if interaction.status is not InteractionStatus.IN_PROGRESS:
        return False
    if interaction.quota_refusal is not None:
        _finish(interaction, InteractionStatus.FAILED, interaction.created)
        return False
    planned = interaction.planned_outcome.outcome
    cancel_at = interaction.cancel_at
    if cancel_at is not None and now >= cancel_at and cancel_at <= interaction.ready_at:
        if settings.bills_cancelled:
            interaction.tokens = _count_tokens(interaction, settings)
        _finish(interaction, InteractionStatus.CANCELLED, cancel_at)
    elif planned is OperationOutcome.NEVER or now < interaction.ready_at:
        return False
    elif interaction.is_refused_in_region:
        _finish(interaction, InteractionStatus.COMPLETED, interaction.ready_at)
    elif planned is OperationOutcome.FILTERED:
        is_text = settings.block is BlockForm.NO_VIDEO
        status = InteractionStatus.COMPLETED if is_text else InteractionStatus.FAILED
        _finish(interaction, status, interaction.ready_at)
    elif planned is OperationOutcome.FAILED:
        _finish(interaction, InteractionStatus.FAILED, interaction.ready_at)
    elif interaction.rendering is not None and interaction.rendering.done():
        return _collect_rendered(interaction, interaction.rendering, settings)
    return False


def describe_usage(interaction: StoredInteraction, *, even_zero: bool) -> dict[str, Any] | None:
    """Return the field ``usage``; None if it is unknown, or zero without ``even_zero``."""
    tokens = interaction.tokens
    if interaction.status is InteractionStatus.IN_PROGRESS:
        return None
    if not tokens.output_video and not even_zero:
        return None
    inputs = {"text": tokens.input_text, "image": tokens.input_image, "video": tokens.input_video}
    return {
        "total_input_tokens": tokens.input,
        "total_output_tokens": tokens.output_video,
        "total_thought_tokens": tokens.thoughts,
        "total_tokens": tokens.input + tokens.thoughts + tokens.output_video,
        "input_tokens_by_modality": [
            {"modality": modality, "tokens": count} for modality, count in inputs.items() if count
        ],
        "output_tokens_by_modality": [{"modality": "video", "tokens": tokens.output_video}]
        if tokens.output_video
        else [],
    }


def _count_tokens(interaction: StoredInteraction, settings: OmniSettings) -> TokenCounts:
    """Return the tokens of the input, the thoughts and the seconds that are made."""
    sent = interaction.input_tokens
    rate = OUTPUT_TOKENS_PER_SECOND[interaction.request.resolution]
    return TokenCounts(
        input_text=sent.input_text,
        input_image=sent.input_image,
        input_video=sent.input_video,
        thoughts=settings.thought_tokens,
        output_video=interaction.made_seconds * rate,
    )


def _collect_rendered(
    interaction: StoredInteraction, rendering: "asyncio.Task[RenderedClip]", settings: OmniSettings
) -> bool:
    if rendering.cancelled() or rendering.exception() is not None:
        _finish(interaction, InteractionStatus.FAILED, interaction.ready_at)
        return False
    interaction.clip = rendering.result()
    interaction.tokens = _count_tokens(interaction, settings)
    _finish(interaction, InteractionStatus.COMPLETED, interaction.ready_at)
    return True


def _finish(interaction: StoredInteraction, status: InteractionStatus, when: float) -> None:
    interaction.status, interaction.finished_at = status, when
