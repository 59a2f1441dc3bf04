"""A job: one accepted request, from its reservation to its end.

The states and their allowed transitions keep an accepted request from being lost, paid twice or
posted twice (docs/architecture.md, "Job states").
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Final

from bot.domain.billing.money import ZERO_MICROS, Micros
from bot.domain.jobs.request import VideoPlan

GOOGLE_FILE_LIFETIME: Final = timedelta(days=2)
"""How long Google keeps a file unless its answer says otherwise (Veo's documentation)."""
MESSAGE_KEY_PREFIX: Final = "message:"
"""The beginning of the dedupe key of a request that was made by a message."""


class JobState(StrEnum):
    """What a job is doing; the last four are ends."""

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
        """Whether the job has ended; only an unknown one may still change."""
        return self in ENDED_STATES


ENDED_STATES: Final = frozenset(
    {JobState.DONE, JobState.FAILED, JobState.CANCELLED, JobState.UNKNOWN}
)
ACTIVE_STATES: Final = frozenset(JobState) - ENDED_STATES
IN_FLIGHT_STATES: Final = ACTIVE_STATES - {JobState.QUEUED}

ALLOWED_TRANSITIONS: Final[dict[JobState, frozenset[JobState]]] = {
    JobState.QUEUED: frozenset({JobState.SUBMITTING, JobState.CANCELLED, JobState.FAILED}),
    JobState.SUBMITTING: frozenset(
        # back to QUEUED only if nothing was sent or Google started nothing (quota, unavailable)
        {JobState.POLLING, JobState.QUEUED, JobState.FAILED, JobState.CANCELLED, JobState.UNKNOWN}
    ),
    JobState.POLLING: frozenset(
        # back to QUEUED only if Google says that it made nothing because of its quota
        {
            JobState.FETCHING,
            JobState.QUEUED,
            JobState.FAILED,
            JobState.CANCELLED,
            JobState.UNKNOWN,
        }
    ),
    JobState.FETCHING: frozenset({JobState.POSTING, JobState.FAILED, JobState.CANCELLED}),
    # FAILED only if moderators refuse the clip, or nobody decides
    JobState.POSTING: frozenset({JobState.DONE, JobState.CANCELLED, JobState.FAILED}),
    JobState.DONE: frozenset(),
    JobState.FAILED: frozenset(),
    JobState.CANCELLED: frozenset(),
    JobState.UNKNOWN: frozenset({JobState.POLLING, JobState.FAILED, JobState.DONE}),
}


class ReviewState(StrEnum):
    """What happens to a finished clip before members see it."""

    CHECK = "check"
    """A text model must still rate its frames."""
    DUE = "due"
    """Moderators must still be shown the clip."""
    WAITING = "waiting"
    """They decide. No process owns the job meanwhile."""
    POST = "post"
    SPOILER = "spoiler"
    REFUSE = "refuse"
    REFUSE_CHARGED = "refuse_charged"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    UNFIT = "unfit"
    """The text model found what the operator does not want, and there are no moderators to ask."""
    UNCHECKED = "unchecked"
    """The text model has not rated it as long as its file is kept."""

    @property
    def is_undecided(self) -> bool:
        return self in UNDECIDED_REVIEWS


UNDECIDED_REVIEWS: Final = frozenset({ReviewState.CHECK, ReviewState.DUE, ReviewState.WAITING})


class Outcome(StrEnum):
    """Why a job ended; each outcome has its own text and its own rule for the money."""

    DELIVERED = "delivered"
    DELIVERY_FAILED = "delivery_failed"
    """The clip was made, paid and stored but could not be posted; `/video get` posts it again."""
    INVALID = "invalid"
    BLOCKED = "blocked"
    BLOCKED_AUDIO = "blocked_audio"
    BLOCKED_IMAGE = "blocked_image"
    GOOGLE_QUOTA = "google_quota"
    GOOGLE_BUSY = "google_busy"
    OVERLOADED = "overloaded"
    """Google started the operation and stopped it because of high load."""
    MODEL_RETIRED = "model_retired"
    MODEL_UNAVAILABLE = "model_unavailable"
    """Google does not offer the model to the operator's project, or in its region."""
    SOURCE_EXPIRED = "source_expired"
    PERSON_REFUSED = "person_refused"
    OPERATION_FAILED = "operation_failed"
    OPERATION_LOST = "operation_lost"
    """Google did not finish the operation in time, or does not know it any more."""
    SUBMIT_UNKNOWN = "submit_unknown"
    """It is unclear whether Google received the submit; it is never repeated."""
    DOWNLOAD_FAILED = "download_failed"
    CANCELLED = "cancelled"
    ACCESS_REFUSED = "access_refused"
    """Google refuses the operator's key, account, place or bucket."""
    NOT_REACHED = "not_reached"
    """A proxy or gateway refused the request before it reached Google."""
    REVIEW_REFUSED = "review_refused"
    """Moderators refused the clip, with a refund or without."""
    REVIEW_WITHDRAWN = "review_withdrawn"
    """The member withdrew the clip while moderators had it."""
    REVIEW_EXPIRED = "review_expired"
    """No moderator decided about the clip as long as its file is kept."""
    RESULT_REFUSED = "result_refused"
    """The check of the finished clip found what the operator does not want."""
    RESULT_UNCHECKED = "result_unchecked"
    """The finished clip could not be checked as long as its file is kept."""
    NOT_SENT = "not_sent"
    """The request was not sent, because of an error of the bot."""

    @property
    def is_about_model(self) -> bool:
        """Whether the model itself is unavailable, so that it should not be offered now."""
        return self in (Outcome.MODEL_RETIRED, Outcome.MODEL_UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class UserInstallReply:
    """The only message of a job where the bot is no member: the reply to the interaction.

    It can be edited, with its files, until ``editable_until``. ``token`` is the encrypted token of
    the interaction, `None` once the end of the job was shown.
    """

    message_id: int
    editable_until: datetime
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked, where and how: the Discord side of a request.

    ``dedupe_key`` is unique to the interaction or message, so that an event that Discord delivers
    twice is accepted once. ``request_message_id`` is the member's own message, to which the clip
    replies. For commands and buttons it is `None`, and the clip replies to the status message.
    ``upload_limit`` is in bytes per file, as Discord sent it with the interaction. ``locale`` is
    the member's, ``guild_locale`` the server's, as Discord names them (``en-US``).

    ``age_restricted`` is the state of the channel at the time of the request. With a
    ``user_install_reply``, ``guild_id`` is `None` even if the channel is in a server.
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
    age_restricted: bool = False
    user_install_reply: UserInstallReply | None = None

    @property
    def came_by_message(self) -> bool:
        """Whether the request was a message, not a command or a button."""
        return self.dedupe_key.startswith(MESSAGE_KEY_PREFIX)

    @property
    def is_private(self) -> bool:
        """Whether only the requester reads the channel: their direct messages with the bot."""
        return self.guild_id is None and self.user_install_reply is None


@dataclass(frozen=True, slots=True)
class AdmissionRequest:
    """A request that is not accepted yet: what it would send and spend, and where it came from.

    Its job starts ``start_after_s`` seconds after admission, by the database's clock. ``extra`` is
    what else it costs the server's and the bot's budgets, such as a check of its contents.

    With a ``question_id`` a moderator has allowed it. It is accepted only as long as that question
    is allowed and has no job.
    """

    plan: VideoPlan
    origin: Origin
    start_after_s: float = 0.0
    extra: Micros = ZERO_MICROS
    question_id: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the jobs table.

    ``owner`` is the worker that runs it. ``epoch`` grows with every change of owner and fences its
    changes. If ``claimed_epoch`` equals it, the owner claimed the job from the queue and did not
    adopt it. ``claimed_epoch`` is `None` for jobs that were running in a restored backup.
    ``unsent`` is set when submission is authorized and cleared before the first byte is sent. As
    long as it is set, Google has seen nothing of this attempt. Times are aware and in UTC.

    ``detail`` is Google's reason, safe to show, or why Discord refused the post: the names of
    missing permissions in discord.py, or of a filter. While a clip is under review and after a
    check refused it, it is what the check found (`content_check.format_finding`). ``videos_made``
    and Google's bill, ``billed_micros``, are set as soon as they are known. ``review`` is `None`
    for clips that are neither checked nor seen by moderators first, or that a check let pass.

    The drafts of one request have its key as ``takes_key``, and a ``take_number`` from 1.
    ``takes_poster`` is the job that posts for all of them, and 0 after that (decision 53).

    ``finished_at`` stays when a job is reopened. ``retry_at`` is when a queued job is tried again,
    or Google is asked about an unknown one. After a failure for Google's quota, it is when a new
    request may succeed.
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
    billed_micros: Micros | None = None
    review: ReviewState | None = None
    takes_key: str | None = None
    take_number: int | None = None
    takes_poster: int | None = None

    @property
    def is_open_take(self) -> bool:
        """Whether the job is a draft whose set has not been posted, so that it posts nothing."""
        return self.takes_key is not None and self.takes_poster is None

    @property
    def is_later_take(self) -> bool:
        """Whether the job is a draft, but not the first, in whose name the messages are."""
        return self.take_number is not None and self.take_number > 1

    @property
    def is_under_review(self) -> bool:
        """Whether the clip is withheld, because neither a check nor moderators let it pass yet."""
        return self.review is not None and self.review.is_undecided

    @property
    def undo_until(self) -> datetime | None:
        """The end of the undo time of a job that was requested by a message.

        It may be in the past, because it stays until the job is claimed.
        """
        is_held = self.state is JobState.QUEUED and self.outcome is None and self.attempts == 0
        return self.retry_at if is_held else None

    @property
    def was_reopened(self) -> bool:
        """Whether the result was found after the job had ended as unknown and been settled."""
        return self.finished_at is not None and not self.state.has_ended

    @property
    def may_be_resubmitted(self) -> bool:
        """Whether a job whose operation made nothing may go back to the queue.

        A job that was settled meanwhile may not. Neither may one from a restored backup, because
        it may have been submitted again since the backup was made.
        """
        return not self.was_reopened and self.claimed_epoch is not None

    @property
    def can_be_stopped(self) -> bool:
        """Whether Google can stop its operation on request."""
        return self.plan.route.is_omni

    @property
    def watched_until(self) -> datetime:
        """Until when Google is asked about a job that has ended as unknown."""
        return (self.submitted_at or self.created_at) + GOOGLE_FILE_LIFETIME

    @property
    def post_nonce(self) -> str:
        """The nonce of the clip's post; it stays the same after a crash."""
        return self.nonce_for("p")

    def nonce_for(self, kind: str) -> str:
        """Return the nonce of a message of the job; ``kind`` is a letter or more.

        It has at most 25 characters, Discord's maximum. It includes a hash of the request's key,
        because job ids start again in a new database.
        """
        key_hash = sha256(self.origin.dedupe_key.encode()).hexdigest()[:8]
        return f"{key_hash}-{kind}{self.id}"[:25]

    @property
    def price(self) -> Micros:
        """What the job reserves, in micro-dollars."""
        return self.plan.price
