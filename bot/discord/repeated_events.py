"""Drops an event that two sessions of this process have both received.

While a shard passes on or their number changes, an old and a new session run side by side.
"""

from collections import OrderedDict
from functools import partial
from typing import Any, Final

from bot.discord.event_guard import EventParser

_EVENT_TYPES: Final = ("INTERACTION_CREATE", "MESSAGE_CREATE")
"""Those that lead to answers. Handling another one twice changes nothing."""
_MAX_REMEMBERED: Final = 1000


class RepeatedEvents:
    """Remembers the ids of the latest interactions and messages."""

    def __init__(self) -> None:
        self._seen_ids: OrderedDict[Any, None] = OrderedDict()

    def wrap_parsers(self, parsers: dict[str, EventParser]) -> None:
        """Replace ``parsers``, by event type, with ones that drop repeated events."""
        for event_type in _EVENT_TYPES:
            parsers[event_type] = partial(self._parse_once, parsers[event_type])

    def _parse_once(self, parse: EventParser, data: Any) -> None:
        if data["id"] in self._seen_ids:
            return
        self._seen_ids[data["id"]] = None
        if len(self._seen_ids) > _MAX_REMEMBERED:
            self._seen_ids.popitem(last=False)
        parse(data)
