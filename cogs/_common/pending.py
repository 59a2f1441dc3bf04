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
from bot.services.jobs.requests import ChannelContext

_MAX_PENDING: Final = 5000
"""Offers that are kept; the oldest go first."""

OTHER_PROCESS_GRACE_S: Final = 1.2
"""Seconds that a process which does not know an offer leaves to the one that may: Discord gives
three, and whoever answers first answers alone."""


@dataclass(slots=True)
class PendingConfirmation:
    """A request as it would be made; ``taken`` once it has been, so that a double click is one.

    ``shown`` is the plan that the person read, with its price: a yes is a yes to that.
    """

    request: VideoRequest
    origin: Origin
    channel_context: ChannelContext
    shown_plan: VideoPlan
    is_resolved: bool = False

    def covers_plan(self, plan: VideoPlan) -> bool:
        """Whether a yes to what was shown is one to ``plan``: the same model, no dearer."""
        return plan.model == self.shown_plan.model and plan.price <= self.shown_plan.price


@dataclass(frozen=True, slots=True)
class ImageDraft:
    """An image of a message that somebody is writing a prompt for."""

    url: str
    size_bytes: int
    user_id: int


class PendingConfirmations:
    """The offers and drafts of this process, found by a number that cannot be guessed."""

    def __init__(self) -> None:
        self._pending: OrderedDict[int, PendingConfirmation | ImageDraft] = OrderedDict()
        # at random, so that no number of an earlier process comes again
        self._ids = itertools.count(secrets.randbits(62))

    def add(self, pending: PendingConfirmation | ImageDraft) -> int:
        """Keep ``offer`` and return its number."""
        number = next(self._ids)
        self._pending[number] = pending
        while len(self._pending) > _MAX_PENDING:
            self._pending.popitem(last=False)
        return number

    def find_confirmation(self, confirmation_id: int) -> PendingConfirmation | None:
        """Return the offer, if this process still has it."""
        found = self._pending.get(confirmation_id)
        return found if isinstance(found, PendingConfirmation) else None

    def find_draft(self, draft_id: int) -> ImageDraft | None:
        """Return the draft, if this process still has it."""
        found = self._pending.get(draft_id)
        return found if isinstance(found, ImageDraft) else None
