"""Requests that wait for a yes: a costly one, or the nearest one that would work.

Nothing is reserved or paid for an offer, so it lives in memory and dies with the process: whoever
presses its button afterwards is told to ask again. Everything that costs something is durable.
"""

import itertools
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from bot.domain.jobs.job import Origin
from bot.domain.jobs.request import VideoPlan, VideoRequest
from bot.services.jobs.requests import Surroundings

_MOST: Final = 5000
"""Offers that are kept; the oldest go first."""

STRANGER_WAITS_S: Final = 1.2
"""Seconds that a process which does not know an offer leaves to the one that may: Discord gives
three, and whoever answers first answers alone."""


@dataclass(slots=True)
class Offer:
    """A request as it would be made; ``taken`` once it has been, so that a double click is one.

    ``shown`` is the plan that the person read, with its price: a yes is a yes to that.
    """

    request: VideoRequest
    origin: Origin
    surroundings: Surroundings
    shown: VideoPlan
    taken: bool = False

    def covers(self, plan: VideoPlan) -> bool:
        """Whether a yes to what was shown is one to ``plan``: the same model, no dearer."""
        return plan.model == self.shown.model and plan.price <= self.shown.price


@dataclass(frozen=True, slots=True)
class Draft:
    """An image of a message that somebody is writing a prompt for."""

    url: str
    size: int
    user_id: int


class Offers:
    """The offers and drafts of this process, found by a number that cannot be guessed."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, Offer | Draft] = OrderedDict()
        # at random, so that no number of an earlier process comes again
        self._numbers = itertools.count(secrets.randbits(62))

    def put(self, offer: Offer | Draft) -> int:
        """Keep ``offer`` and return its number."""
        number = next(self._numbers)
        self._kept[number] = offer
        while len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return number

    def offer(self, number: int) -> Offer | None:
        """Return the offer, if this process still has it."""
        found = self._kept.get(number)
        return found if isinstance(found, Offer) else None

    def draft(self, number: int) -> Draft | None:
        """Return the draft, if this process still has it."""
        found = self._kept.get(number)
        return found if isinstance(found, Draft) else None
