"""A job: one accepted request, from the moment its money is reserved to its end.

The states and who may change them are the heart of the promise that nothing accepted is lost, paid
twice or posted twice (docs/architecture.md, "The life of a job").
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from bot.domain.billing.money import Micros
from bot.domain.jobs.request import VideoPlan

GOOGLE_FILE_LIFETIME: Final = timedelta(days=2)
"""How long Google keeps a file where it does not say (Veo's documentation)."""


class JobState(StrEnum):
    """Where a job stands; the last four are ends."""

    QUEUED = "queued"
    SUBMITTING = "submitting"
    POLLING = "polling"
    FETCHING = "fetching"
    POSTING = "posting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def has_ended(self) -> bool:
        """Whether nothing will happen to the job any more without an admin."""
        return self in ENDED_STATES


ENDED_STATES: Final = frozenset(
    {JobState.DONE, JobState.FAILED, JobState.CANCELLED, JobState.UNKNOWN}
)
ACTIVE_STATES: Final = frozenset(JobState) - ENDED_STATES
IN_FLIGHT_STATES: Final = ACTIVE_STATES - {JobState.QUEUED}

ALLOWED_TRANSITIONS: Final[dict[JobState, frozenset[JobState]]] = {
    JobState.QUEUED: frozenset({JobState.SUBMITTING, JobState.CANCELLED, JobState.FAILED}),
    JobState.SUBMITTING: frozenset(
        # back to QUEUED only where nothing was sent, or Google started nothing (quota, busy)
        {JobState.POLLING, JobState.QUEUED, JobState.FAILED, JobState.CANCELLED, JobState.UNKNOWN}
    ),
    JobState.POLLING: frozenset(
        {JobState.FETCHING, JobState.FAILED, JobState.CANCELLED, JobState.UNKNOWN}
    ),
    JobState.FETCHING: frozenset({JobState.POSTING, JobState.FAILED, JobState.CANCELLED}),
    JobState.POSTING: frozenset({JobState.DONE, JobState.CANCELLED}),
    JobState.DONE: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
    JobState.UNKNOWN: frozenset({JobState.POLLING, JobState.FAILED, JobState.DONE}),
}


class Outcome(StrEnum):
    """Why a job ended as it did; each has its own words and its own rule for the money."""

    DELIVERED = "delivered"
    DELIVERY_FAILED = "delivery_failed"
    """The clip is made, paid and kept, but could not be posted: it can be fetched again."""
    INVALID = "invalid"
    BLOCKED = "blocked"
    BLOCKED_AUDIO = "blocked_audio"
    BLOCKED_IMAGE = "blocked_image"
    GOOGLE_QUOTA = "google_quota"
    GOOGLE_BUSY = "google_busy"
    MODEL_RETIRED = "model_retired"
    SOURCE_EXPIRED = "source_expired"
    PERSON_REFUSED = "person_refused"
    OPERATION_FAILED = "operation_failed"
    OPERATION_LOST = "operation_lost"
    """Google did not end the operation within the time limit, or no longer knows it."""
    SUBMIT_UNKNOWN = "submit_unknown"
    """The submit may or may not have reached Google: never sent again."""
    DOWNLOAD_FAILED = "download_failed"
    CANCELLED = "cancelled"
    ACCESS_REFUSED = "access_refused"
    """Google refuses the operator's key or credentials."""
    NOT_SENT = "not_sent"
    """A fault of ours kept it from being sent."""


@dataclass(frozen=True, slots=True)
class UserInstallReply:
    """The one message that a job has where the bot is no member: an answer to an interaction.

    It can be edited, with its files, until ``until``; nothing else can be written there. ``token``
    is the interaction's, sealed; `None` once nothing is left to be said.
    """

    message_id: int
    editable_until: datetime
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked, where, and by what: the Discord side of a request, as plain numbers.

    ``key`` is unique to the interaction or message that asked, so that an event that Discord
    delivers twice is accepted once. ``request_message_id`` is the person's own message, which the
    clip replies to (``None`` for commands and buttons: the clip then replies to the status
    message). ``upload_limit`` is bytes a file, as Discord told with the interaction; ``locale``
    is the member's, ``guild_locale`` the server's, as Discord names them (``en-US``).

    With a ``visit`` the bot is no member of the place: there is no server of ours (``guild_id`` is
    `None`), whatever server the channel belongs to.
    """

    dedupe_key: str
    guild_id: int | None
    channel_id: int
    user_id: int
    role_ids: frozenset[int] = frozenset()
    request_message_id: int | None = None
    upload_limit: int | None = None
    locale: str = "en-US"
    guild_locale: str | None = None
    user_install_reply: UserInstallReply | None = None


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """A request that is not accepted yet: what it would send and spend, and where it came from."""

    plan: VideoPlan
    origin: Origin


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the jobs table.

    ``owner`` is the worker that runs it, ``epoch`` the fence: it grows with every change of owner.
    While ``claimed_epoch`` is the same, the owner has claimed it from the queue, not adopted it.
    ``unsent`` is set with the leave to submit and cleared right before the first byte: as long as
    it stands, Google has seen nothing of this attempt.
    Times are aware and in UTC. ``detail`` is Google's own reason, fit to be shown; ``made`` is how
    many videos it has made, as soon as that is known. ``finished_at`` stays when the end was not
    the last word (`reopened`).
    """

    id: int
    state: JobState
    origin: Origin
    plan: VideoPlan
    created_at: datetime
    owner: str | None = None
    epoch: int = 0
    operation: str | None = None
    status_message_id: int | None = None
    posted_message_id: int | None = None
    submitted_at: datetime | None = None
    finished_at: datetime | None = None
    retry_at: datetime | None = None
    cancel_requested: bool = False
    outcome: Outcome | None = None
    detail: str | None = None
    attempts: int = 0
    claimed_epoch: int | None = None
    unsent: bool = False
    videos_made: int | None = None

    @property
    def was_reopened(self) -> bool:
        """Whether it had ended as unknown, was answered in the ledger, and was found after all."""
        return self.finished_at is not None and not self.state.has_ended

    @property
    def watched_until(self) -> datetime:
        """Until when Google is asked about it though it has ended as unknown."""
        return (self.submitted_at or self.created_at) + GOOGLE_FILE_LIFETIME

    @property
    def post_nonce(self) -> str:
        """The message nonce of the clip's post; at most 25 characters, the same after a crash."""
        return self.nonce_for("p")

    def nonce_for(self, kind: str) -> str:
        """Return the nonce of another message of the job; ``kind`` is one letter.

        Numbers begin again with a new database, so what asked is in it too.
        """
        mark = sha256(self.origin.dedupe_key.encode()).hexdigest()[:8]
        return f"{mark}-{kind}{self.id}"[:25]

    @property
    def price(self) -> Micros:
        """What the job reserves, in micro-dollars."""
        return self.plan.price
