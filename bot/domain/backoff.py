"""The delays between retries, for every loop that retries."""

import random
from dataclasses import dataclass


@dataclass(slots=True)
class Backoff:
    """Delays in seconds that double up to ``maximum``.

    Jitter spreads the retries of jobs that failed together.
    """

    initial: float = 1.0
    maximum: float = 60.0
    attempts: int = 0

    def next_delay(self, retry_after: float | None = None) -> float:
        """Count an attempt and return the delay before the next, at least ``retry_after``."""
        delay = min(self.maximum, self.initial * 2.0 ** min(self.attempts, 16))
        delay *= random.uniform(0.75, 1.25)
        self.attempts += 1
        return delay if retry_after is None else max(delay, retry_after + random.uniform(0.0, 0.5))

    def reset(self) -> None:
        self.attempts = 0
