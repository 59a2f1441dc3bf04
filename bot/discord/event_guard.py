"""Drops gateway events that discord.py cannot parse, because they would end the process.

Discord changes fields without notice. Such an event comes from one server and often repeats, so a
restart would not help.
"""

import traceback
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import structlog

_log: Final = structlog.get_logger(__name__)

EventParser = Callable[[Any], Any]

UNREADABLE_FRAME_ERRORS: Final = (ValueError, LookupError, AttributeError, TypeError)
"""What discord.py raises for a frame that is not JSON, or not the JSON that it expects."""


class EventGuard:
    """Logs each kind of failure once, and again at the 10th, 100th, … time."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()

    def wrap_parsers(self, parsers: dict[str, EventParser]) -> None:
        """Replace ``parsers``, by event type, with ones that drop events they cannot parse."""
        for event_type, parse in parsers.items():
            parsers[event_type] = partial(self._parse_event, event_type, parse)

    def _parse_event(self, event_type: str, parse: EventParser, data: Any) -> None:
        try:
            parse(data)
        except Exception as error:  # one bad event must not stop the others
            self.record_dropped(event_type, error)

    def record_dropped(self, event_type: str, error: Exception) -> None:
        """Log where parsing failed, without the event's content."""
        frame = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"
        kind = (event_type, type(error).__name__, where)
        self._counts[kind] += 1
        count = self._counts[kind]
        if _is_power_of_ten(count):
            _log.error(
                "gateway.event_dropped", type=event_type, error=kind[1], where=where, count=count
            )


def _is_power_of_ten(count: int) -> bool:
    return str(count).strip("0") == "1"
