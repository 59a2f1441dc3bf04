"""Logs an error that every retry repeats once, and then every 20th time with its count."""

from dataclasses import dataclass
from typing import Any, Final

from bot.domain.errors import AccessRefused

_LOG_EVERY: Final = 20


@dataclass(slots=True)
class RepeatedError:
    """The last error of a retrying loop, and how often it occurred in a row."""

    last_message: str | None = None
    count: int = 0

    def log_warning(self, log: Any, event: str, error: Exception) -> None:
        if self._is_due(error):
            log.warning(event, error=str(error), count=self.count)

    def log_error(self, log: Any, event: str, error: Exception) -> None:
        """Log what only the operator can fix, with Google's code for it."""
        if self._is_due(error):
            reason = error.reason if isinstance(error, AccessRefused) else None
            log.error(event, error=str(error), reason=reason, count=self.count)

    def _is_due(self, error: Exception) -> bool:
        message = f"{type(error).__name__}: {error}"
        self.count = self.count + 1 if message == self.last_message else 1
        self.last_message = message
        return self.count == 1 or self.count % _LOG_EVERY == 0
