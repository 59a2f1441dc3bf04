"""Requests that wait for a yes, and pictures that a prompt is being written for.

Nothing is reserved or paid for them, so they live in memory and are lost with the process; a button
pressed afterwards says to ask again. Everything that costs something is durable.
"""

import itertools
import secrets
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from bot.domain.jobs.job import Origin
from bot.domain.jobs.pictures import PictureNote
from bot.domain.jobs.request import VideoPlan, VideoRequest
from bot.i18n.catalogs import translate
from bot.services.admin.guild_rules import ChannelContext
from bot.services.clips.input_images import AttachedImage
from bot.ui.components import ActionButton
from bot.ui.custom_ids import ButtonAction

_MAX_PENDING: Final = 5000
"""How many are kept; the oldest go first."""

OTHER_PROCESS_GRACE_S: Final = 1.2
"""Seconds that a process which does not know a button's number leaves to the one that may: Discord
gives three, and the first answer is the only one."""


@dataclass(slots=True)
class PendingConfirmation:
    """A request and the plan with the price that was shown: a yes is a yes to that.

    ``shown_notes`` is what was told about its pictures.
    """

    request: VideoRequest
    origin: Origin
    channel: ChannelContext
    shown_plan: VideoPlan
    shown_notes: tuple[PictureNote, ...] = ()
    is_resolved: bool = False
    """Set by the first press, so that a double click is one answer."""

    def covers_plan(self, plan: VideoPlan) -> bool:
        """Return whether a yes to what was shown covers ``plan``: same model, no higher price."""
        return plan.model == self.shown_plan.model and plan.price <= self.shown_plan.price

    @contextmanager
    def accepting(self) -> Iterator[None]:
        """Resolve it, unless the body fails: then the button may be pressed again."""
        self.is_resolved = True
        try:
            yield
        except BaseException:
            self.is_resolved = False
            raise


@dataclass(frozen=True, slots=True)
class ImageDraft:
    """A picture of a message that a member is writing a prompt for, or has written ``prompt``."""

    image: AttachedImage
    user_id: int
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """A request that was refused for its words, which are kept to be edited."""

    request: VideoRequest
    user_id: int


PendingItem = PendingConfirmation | ImageDraft | RefusedRequest


class PendingConfirmations:
    """What waits in this process, found by a number that cannot be guessed."""

    def __init__(self) -> None:
        self._pending: OrderedDict[int, PendingItem] = OrderedDict()
        # starts at random, so that no number of an earlier process is used again
        self._ids = itertools.count(secrets.randbits(62))

    def add(self, pending: PendingItem) -> int:
        number = next(self._ids)
        self._pending[number] = pending
        while len(self._pending) > _MAX_PENDING:
            self._pending.popitem(last=False)
        return number

    def build_image_choice(
        self, drafts: Sequence[ImageDraft], locale: str
    ) -> tuple[str, list[ActionButton]]:
        """Return the question which of several pictures is meant, with a button for each."""
        label = translate("button.animate", locale)
        buttons = [
            ActionButton(
                ButtonAction.ANIMATE, self.add(draft), label=f"{label} {place}", primary=True
            )
            for place, draft in enumerate(drafts, start=1)
        ]
        return translate("animate.which", locale), buttons

    def find_confirmation(self, confirmation_id: int) -> PendingConfirmation | None:
        pending = self._pending.get(confirmation_id)
        return pending if isinstance(pending, PendingConfirmation) else None

    def find_draft(self, draft_id: int) -> ImageDraft | None:
        pending = self._pending.get(draft_id)
        return pending if isinstance(pending, ImageDraft) else None

    def find_refused(self, number: int) -> RefusedRequest | None:
        pending = self._pending.get(number)
        return pending if isinstance(pending, RefusedRequest) else None
