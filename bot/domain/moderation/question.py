"""Requests about which a moderator is asked first (docs/decisions/0049-ask-a-moderator.md)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.jobs.job import Origin
from bot.domain.jobs.request import VideoPlan

ANSWER_TIME: Final = timedelta(hours=24)
"""How long moderators have. Somebody of a team looks in once a day; who asked a day ago has mostly
moved on, and a price or a source clip should not be older than that."""
MAX_WAITING: Final = 5
"""How many requests of one member may wait in one server, so that nobody floods the staff."""

QUESTION_RETENTION: Final = timedelta(days=1)
"""How long a question is kept after its end, for a moderator who presses a button late."""


class QuestionState(StrEnum):
    """Where a question stands; all but the first two are ends."""

    WAITING = "waiting"
    ALLOWED = "allowed"
    """A moderator allowed it, and the job is about to be accepted."""
    STARTED = "started"
    """It has its job. Both are written in one transaction."""
    FAILED = "failed"
    """It was allowed, but a limit or rule refused it then."""
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    """The member canceled it, or everything of theirs is erased."""
    EXPIRED = "expired"
    UNASKED = "unasked"
    """The staff channel could not be reached, so it is refused."""

    @property
    def is_open(self) -> bool:
        """Whether a job may still come of it."""
        return self in OPEN_STATES


OPEN_STATES: Final = frozenset({QuestionState.WAITING, QuestionState.ALLOWED})


class ModeratorAnswer(StrEnum):
    ALLOW = "allow"
    REFUSE = "refuse"

    @property
    def state(self) -> QuestionState:
        is_allowed = self is ModeratorAnswer.ALLOW
        return QuestionState.ALLOWED if is_allowed else QuestionState.REFUSED


@dataclass(frozen=True, slots=True, kw_only=True)
class NewQuestion:
    """A request as it would have been accepted, and the ``entry`` of a word list in it.

    ``parent_channel_id`` is set for threads. ``shows_age_restricted`` and ``is_for_adults`` say
    what the channel allowed when the request was made.
    """

    plan: VideoPlan
    origin: Origin
    entry: str
    by_operator: bool
    parent_channel_id: int | None = None
    shows_age_restricted: bool = False
    is_for_adults: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeratorQuestion(NewQuestion):
    """A question with its messages and its answer.

    ``decided_at`` is when it ended or was allowed. ``waiting_message_id`` is the message in the
    channel of the request. ``failure`` says why an allowed request was not accepted, in the
    language of the server. ``change_count`` grows with each change that the messages have to show,
    and ``staff_revision`` with each of the staff's messages.
    """

    id: int
    state: QuestionState
    asked_at: datetime
    decided_by: int | None = None
    decided_at: datetime | None = None
    job_id: int | None = None
    failure: str | None = None
    staff_channel_id: int | None = None
    staff_message_id: int | None = None
    staff_revision: int = 0
    waiting_message_id: int | None = None
    change_count: int = 0

    @property
    def expires_at(self) -> datetime:
        return self.asked_at + ANSWER_TIME

    @property
    def locale(self) -> str:
        """The language of what is posted about it."""
        return self.origin.guild_locale or self.origin.locale

    @property
    def staff_nonce(self) -> str:
        """The nonce of the staff's message; it stays the same after a crash."""
        return f"clapper-qs{self.id}-{self.staff_revision}"

    def is_in_other_channel(self, staff_channel: int | None) -> bool:
        """Return whether the staff still has to answer, and now reads another channel."""
        return (
            self.state is QuestionState.WAITING
            and self.staff_message_id is not None
            and staff_channel not in (None, self.staff_channel_id)
        )

    def nonce_for(self, kind: str) -> str:
        """Return the nonce of one of its messages; ``kind`` is one letter."""
        return f"clapper-q{kind}{self.id}"
