"""Asks Google to stop the operation of a canceled job."""

from dataclasses import dataclass, field
from typing import Final

import structlog

from bot.domain.backoff import Backoff
from bot.domain.errors import AccessRefused, GoogleUnavailable, RemoteNotFound
from bot.services.jobs.stages.running_job import RunningJob

_INITIAL_DELAY_S: Final = 10.0
_MAXIMUM_DELAY_S: Final = 300.0

_log = structlog.get_logger(__name__)


@dataclass(eq=False, slots=True)
class StopRequest:
    """Asks until Google has answered; asking twice, or in two processes, does no harm.

    The polls that follow show whether the operation was stopped, and what it costs.
    """

    running: RunningJob
    _is_answered: bool = field(init=False, default=False)
    _retry_at: float = field(init=False, default=float("-inf"))
    _backoff: Backoff = field(
        init=False, default_factory=lambda: Backoff(_INITIAL_DELAY_S, _MAXIMUM_DELAY_S)
    )

    async def ask_if_due(self) -> None:
        running = self.running
        models, operation = running.video_models, running.job.operation
        if not running.is_cancelled or self._is_answered or models is None or operation is None:
            return
        if running.clock.monotonic() < self._retry_at:
            return
        try:
            is_stopping = await models.cancel_operation(operation)
        except (GoogleUnavailable, AccessRefused, RemoteNotFound) as error:
            retry_after_s = error.retry_after_s if isinstance(error, GoogleUnavailable) else None
            delay_s = self._backoff.next_delay(retry_after_s)
            self._retry_at = running.clock.monotonic() + delay_s
            _log.warning("operation.stop_failed", error=str(error), retry_in_s=round(delay_s, 1))
        else:
            self._is_answered = True
            _log.info("operation.stop_requested", is_stopping=is_stopping)
