"""Writes repeated warnings and errors once, and counts the rest.

A stranger, a broken network or a full disk can cause the same error a thousand times a second. That
must not fill the disk or hide other lines. Once a minute a line says how many were left out.
"""

import asyncio
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

REPETITION_WINDOW_S: Final = 60.0
_MAX_LINES_OF_A_KIND: Final = 10
"""Different lines of one kind in a window, such as the same event for several jobs."""
_MAX_KINDS: Final = 500
"""To limit memory, further lines are only distinguished by logger and level."""
_NUMBER_PATTERN: Final = re.compile(r"\d+|0x[0-9a-f]+")
_CHANGING_KEYS: Final = frozenset({"timestamp", "exception", "exc_info", "stack_info"})

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _LineKind:
    """What lines about the same fault have in common."""

    logger: str
    level: int
    event: str
    error: str


@dataclass(slots=True)
class _LineCount:
    """The lines of one kind in the current window."""

    since: float
    shown: set[int] = field(default_factory=set)
    suppressed: int = 0


class RepeatedLineFilter(logging.Filter):
    """Drops lines that repeat within a minute, and all but the first few of a kind.

    Only warnings and errors are dropped. Install it on the handler, so that it sees all loggers.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._counts: dict[_LineKind, _LineCount] = {}
        self._lock = threading.Lock()
        self._checked_at = monotonic()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name == __name__:
            return True
        now = self._monotonic()
        if now - self._checked_at >= 1:
            self.write_summaries()
        if record.levelno < logging.WARNING:
            return True
        kind, content = _describe_line(record)
        with self._lock:
            if kind not in self._counts and len(self._counts) >= _MAX_KINDS:
                kind = _LineKind(record.name, record.levelno, "", "")
            count = self._counts.setdefault(kind, _LineCount(now))
            if content in count.shown or len(count.shown) >= _MAX_LINES_OF_A_KIND:
                if not count.suppressed:
                    self._schedule_summary()
                count.suppressed += 1
                return False
            count.shown.add(content)
        return True

    def _schedule_summary(self) -> None:
        """Make sure that the summary is written even if nothing else is logged."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return  # in another thread: the next logged line writes the summary
        loop.call_later(REPETITION_WINDOW_S, self.write_summaries)

    def write_summaries(self, *, is_end: bool = False) -> None:
        """Log how many lines were left out in ended windows, or in all windows if ``is_end``."""
        now = self._monotonic()
        with self._lock:
            self._checked_at = now
            ended = [
                (kind, count)
                for kind, count in self._counts.items()
                if is_end or now - count.since >= REPETITION_WINDOW_S
            ]
            for kind, _ in ended:
                del self._counts[kind]
        for kind, count in ended:
            if count.suppressed:
                _log.log(
                    kind.level,
                    "log.lines_repeated",
                    repeated=kind.event,
                    source=kind.logger,
                    count=count.suppressed,
                    within_s=round(now - count.since),
                )


def _describe_line(record: logging.LogRecord) -> tuple[_LineKind, int]:
    """Return the kind of a line, and a hash of its content without its time."""
    error = record.exc_info[1] if record.exc_info else None
    facts: tuple[Any, ...]
    if isinstance(record.msg, Mapping):  # from structlog
        event = str(record.msg.get("event", ""))
        error_text = str(record.msg.get("error", ""))
        facts = tuple(_list_facts(record.msg))
    else:
        event = str(record.msg)
        error_text = "" if error is None else f"{type(error).__name__}: {error}"
        facts = (record.getMessage(), error_text)
    kind = _LineKind(
        record.name,
        record.levelno,
        _NUMBER_PATTERN.sub("#", event),
        error_text.partition(":")[0],
    )
    return kind, hash(facts)


def _list_facts(event: Mapping[str, Any]) -> Iterator[str]:
    for key, value in event.items():
        if key not in _CHANGING_KEYS and not key.startswith("_"):
            yield f"{key}={value}"
