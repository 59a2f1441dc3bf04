"""Long-running operations: a request, the time when it is ready, and its result.

Nothing runs in the background. The state is updated when it is read. An operation is done when its
latency has passed by the sandbox's clock and its clips are rendered.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from sandbox.google.encoding import RenderedClip
from sandbox.google.models import ServiceRoute
from sandbox.google.settings import (
    AUDIO_BLOCK_MESSAGE,
    FAILURE_MESSAGE,
    OperationOutcome,
    PlannedOutcome,
)
from sandbox.google.submission import Submission

MINUTE_S: Final = 60.0
DAY_S: Final = 86_400.0


class OperationState(StrEnum):
    """The state of an operation."""

    PENDING = "pending"
    DONE = "done"
    FILTERED = "filtered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class FinishedClip:
    """A finished clip and its uri; "" when it is delivered inline."""

    clip: RenderedClip
    uri: str


@dataclass(slots=True)
class Operation:
    """One request for a video. Times in unix seconds."""

    number: int
    id: str
    name: str
    route: ServiceRoute
    submission: Submission
    body: Any
    submitted_at: float
    ready_at: float
    planned_outcome: PlannedOutcome
    polls_needed: int
    extension_depth: int
    filtered_count: int = 0
    """Samples that the safety filter withholds although the operation succeeds."""
    polls: int = 0
    rendering: asyncio.Task[tuple[RenderedClip, ...]] | None = None
    rendered_at: float = 0.0
    state: OperationState = OperationState.PENDING
    finished_at: float | None = None
    products: tuple[FinishedClip, ...] = ()
    error_code: int = 0
    error: str = ""

    @property
    def billed_seconds(self) -> int:
        """The billed seconds: those of the delivered clips only."""
        return self.submission.seconds * len(self.products)

    @property
    def reason(self) -> str:
        """Why the safety filter withheld something."""
        return self.planned_outcome.reason or AUDIO_BLOCK_MESSAGE


ClipFinisher = Callable[[Operation, tuple[RenderedClip, ...]], tuple[FinishedClip, ...]]
"""Stores the clips of an operation that has just finished and returns their locations."""


@dataclass(slots=True)
class OperationStore:
    """All operations, in the order in which they were submitted."""

    store_clips: ClipFinisher
    operations: list[Operation] = field(default_factory=list)
    _by_id: dict[str, Operation] = field(default_factory=dict)

    def add_operation(self, operation: Operation) -> None:
        """Keep a new operation."""
        self.operations.append(operation)
        self._by_id[operation.id] = operation

    def get_operation(self, operation_id: str) -> Operation | None:
        """Return an operation by its id, the last part of its name."""
        return self._by_id.get(operation_id)

    def started_since(self, route: ServiceRoute, model: str, since: float) -> list[float]:
        """Return the submit times of a model's operations after ``since``, in unix seconds."""
        times = []
        for operation in reversed(self.operations):
            if operation.submitted_at <= since:
                break
            if operation.route is route and operation.submission.model.id == model:
                times.append(operation.submitted_at)
        return times[::-1]

    def refresh(self, operation: Operation, now: float) -> None:
        """Bring an operation's state up to date."""
        planned = operation.planned_outcome
        if (
            operation.state is not OperationState.PENDING
            or planned.outcome is OperationOutcome.NEVER
        ):
            return
        if now < operation.ready_at or operation.polls < operation.polls_needed:
            return
        if planned.outcome is OperationOutcome.FILTERED:
            self._finish_operation(operation, OperationState.FILTERED, operation.ready_at)
        elif planned.outcome is OperationOutcome.FAILED:
            operation.error_code = planned.code
            operation.error = planned.reason or FAILURE_MESSAGE
            self._finish_operation(operation, OperationState.FAILED, operation.ready_at)
        elif operation.rendering is not None and operation.rendering.done():
            self._collect_rendered(operation, operation.rendering)

    def refresh_all(self, now: float) -> None:
        """Bring every operation's state up to date."""
        for operation in self.operations:
            self.refresh(operation, now)

    def _collect_rendered(
        self, operation: Operation, rendering: asyncio.Task[tuple[RenderedClip, ...]]
    ) -> None:
        finished = max(operation.ready_at, operation.rendered_at)
        error = None if rendering.cancelled() else rendering.exception()
        if rendering.cancelled() or error is not None:
            operation.error_code = 13
            operation.error = f"The sandbox could not render the clip: {error!r}"
            self._finish_operation(operation, OperationState.FAILED, finished)
            return
        self._finish_operation(operation, OperationState.DONE, finished)
        operation.products = self.store_clips(operation, rendering.result())

    @staticmethod
    def _finish_operation(operation: Operation, state: OperationState, finished_at: float) -> None:
        operation.state, operation.finished_at = state, finished_at
