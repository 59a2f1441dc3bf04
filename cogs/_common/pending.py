"""Requests that wait for a confirmation, and images that wait for a prompt.

Nothing is reserved or paid for them, so they are only kept in memory. After a restart, their
buttons say to ask again.
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
"""Maximum number that is kept. The oldest are dropped."""

OTHER_PROCESS_GRACE_S: Final = 1.2
"""Seconds that a process waits if it does not know a button's number, because another process may.
Discord waits three seconds and accepts only the first answer."""


@dataclass(slots=True)
class PendingConfirmation:
    """A request, and the plan, price and notes about images that were shown for it.

    A confirmation only covers what was shown.
    """

    request: VideoRequest
    origin: Origin
    channel: ChannelContext
    shown_plan: VideoPlan
    shown_notes: tuple[PictureNote, ...] = ()
    is_resolved: bool = False
    """Set by the first press, so that a double click counts once."""

    def covers_plan(self, plan: VideoPlan) -> bool:
        """Return whether ``plan`` has the shown model and is not more expensive than shown."""
        return plan.model == self.shown_plan.model and plan.price <= self.shown_plan.price

    @contextmanager
    def accepting(self) -> Iterator[None]:
        """Mark it as resolved. If the body fails, the button can be pressed again."""
        self.is_resolved = True
        try:
            yield
        except BaseException:
            self.is_resolved = False
            raise


@dataclass(frozen=True, slots=True)
class ImageDraft:
    """An image of a message for which a member is writing ``prompt``."""

    image: AttachedImage
    user_id: int
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class RefusedRequest:
    """A request that was refused because of its words, which the member can edit.

    ``entry`` is set if a word list has it. The form tells it, because only the member sees that.
    """

    request: VideoRequest
    user_id: int
    entry: str = ""


PendingItem = PendingConfirmation | ImageDraft | RefusedRequest


class PendingConfirmations:
    """The pending items of this process, by numbers that cannot be guessed."""

    def __init__(self) -> None:
        self._pending: OrderedDict[int, PendingItem] = OrderedDict()
        # a random start, so that numbers of an earlier process are not used again
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
        """Return the text and buttons of a question about which of several images is meant."""
        label = translate("button.animate", locale)
        buttons = [
            ActionButton(
                ButtonAction.ANIMATE, self.add(draft), label=f"{label} {position}", primary=True
            )
            for position, draft in enumerate(drafts, start=1)
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
