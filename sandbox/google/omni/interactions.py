"""Interactions: the request, when it is ready, and its result.

As with Veo's operations nothing runs in the background: a state is brought up to date when it is
read. An id is kept for weeks, and another interaction may go on from it.
"""

import asyncio
import secrets
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from sandbox.google.encoding import RenderedClip
from sandbox.google.omni.models import INPUT_TOKENS, OUTPUT_TOKENS_PER_SECOND
from sandbox.google.omni.request import InteractionRequest
from sandbox.google.omni.settings import BlockForm, OmniSettings
from sandbox.google.settings import OperationOutcome, PlannedOutcome
from sandbox.google.stored_clips import GeneratedFile

BLOCKED_SENTENCE: Final = "Unable to show the generated video. Try rephrasing the prompt."
POLICY_SENTENCE: Final = (
    "Unable to show the generated video. The video was filtered out because it violated Google's "
    "Generative AI Prohibited Use policy"
)
BLOCKED_INPUT: Final = (
    "Request blocked due to prohibited content guidelines. Please modify your input and retry."
)
INTERNAL_SENTENCE: Final = "Internal error. Please try again."
REGION_SENTENCE: Final = "Editing of uploaded videos is not available in your region."


class InteractionStatus(StrEnum):
    """Statuses that a video's interaction has here."""

    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(slots=True)
class StoredInteraction:
    """One interaction. Times in unix seconds; ``source_seconds`` are those of the edited clip."""

    number: int
    id: str
    request: InteractionRequest
    body: Any
    created: float
    ready_at: float
    planned_outcome: PlannedOutcome
    aspect_ratio: str
    source_seconds: float = 0.0
    is_over_quota: bool = False
    is_refused_in_region: bool = False
    rendering: asyncio.Task[RenderedClip] | None = None
    status: InteractionStatus = InteractionStatus.IN_PROGRESS
    cancel_at: float | None = None
    finished_at: float | None = None
    is_deleted: bool = False
    polls: int = 0
    clip: RenderedClip | None = None
    file: GeneratedFile | None = None
    output_tokens: int = 0

    @property
    def billed_usd(self) -> float:
        """What it cost, in USD."""
        return self.request.model.price(self.output_tokens) if self.output_tokens else 0.0

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
        """What is said in place of a video."""
        if self.is_refused_in_region:
            return REGION_SENTENCE
        return self.planned_outcome.reason or BLOCKED_SENTENCE


@dataclass(slots=True)
class InteractionStore:
    """All interactions, in the order in which they were created."""

    interactions: list[StoredInteraction] = field(default_factory=list)
    _by_id: dict[str, StoredInteraction] = field(default_factory=dict)

    def add(self, interaction: StoredInteraction) -> None:
        """Keeps a new interaction."""
        self.interactions.append(interaction)
        self._by_id[interaction.id] = interaction

    def get(self, interaction_id: str) -> StoredInteraction | None:
        """An interaction by its id, even a deleted or expired one."""
        return self._by_id.get(interaction_id)

    def count_since(self, model: str, since: float) -> int:
        """How many of a model's interactions were made after ``since`` (unix seconds)."""
        return sum(
            interaction.created > since and not interaction.is_over_quota
            for interaction in self.interactions
            if interaction.request.model.id == model
        )


def new_interaction_id() -> str:
    """A random id in Google's form."""
    return f"v1_{secrets.token_urlsafe(24)}"


def refresh_interaction(interaction: StoredInteraction, now: float, settings: OmniSettings) -> bool:
    """Bring the status up to date; return whether a video was just made."""
    if interaction.status is not InteractionStatus.IN_PROGRESS:
        return False
    planned = interaction.planned_outcome.outcome
    cancel_at = interaction.cancel_at
    if cancel_at is not None and now >= cancel_at and cancel_at <= interaction.ready_at:
        if settings.bills_cancelled:
            interaction.output_tokens = count_output_tokens(interaction)
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
        return _collect_rendered(interaction, interaction.rendering)
    return False


def count_output_tokens(interaction: StoredInteraction) -> int:
    """The tokens of the seconds that are made."""
    return interaction.made_seconds * OUTPUT_TOKENS_PER_SECOND[interaction.request.resolution]


def describe_usage(interaction: StoredInteraction) -> dict[str, Any] | None:
    """The field ``usage``; None while nothing is known."""
    if interaction.status is InteractionStatus.IN_PROGRESS or not interaction.output_tokens:
        return None
    tokens = interaction.output_tokens
    return {
        "total_input_tokens": INPUT_TOKENS,
        "total_output_tokens": tokens,
        "total_tokens": INPUT_TOKENS + tokens,
        "output_tokens_by_modality": [{"modality": "video", "tokens": tokens}],
    }


def _collect_rendered(
    interaction: StoredInteraction, rendering: "asyncio.Task[RenderedClip]"
) -> bool:
    if rendering.cancelled() or rendering.exception() is not None:
        _finish(interaction, InteractionStatus.FAILED, interaction.ready_at)
        return False
    interaction.clip = rendering.result()
    interaction.output_tokens = count_output_tokens(interaction)
    _finish(interaction, InteractionStatus.COMPLETED, interaction.ready_at)
    return True


def _finish(interaction: StoredInteraction, status: InteractionStatus, when: float) -> None:
    interaction.status, interaction.finished_at = status, when
