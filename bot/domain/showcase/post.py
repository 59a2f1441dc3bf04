"""The showcase's rules, and the rows that say what its channels should show.

The row is changed first, and the message follows. `ShowcasePost.should_be_posted` says what the
channel should show, and the worker that owns a row out of sync updates the channel. So publishing,
hiding and withdrawing survive a crash at any moment, and nothing is posted twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed
from bot.domain.showcase.gallery import GalleryEntry, Reach

WEEK: Final = timedelta(days=7)
STAR_EMOJI: Final = "⭐"
MAX_DIGEST_CLIPS: Final = 3
"""The number of clips that a digest lists."""


class ShowcaseConsent(StrEnum):
    """Who besides the creator may add the creator's clips to a server's showcase."""

    STARS = "stars"
    """Enough stars from members add a clip, but not to the public gallery. The default."""
    EVERYONE = "everyone"
    """Stars and moderators may add clips, also to the public gallery."""
    NOBODY = "nobody"


class CurationPolicy(StrEnum):
    """Whether moderators may add other members' clips."""

    NEVER = "never"
    CONSENT = "consent"
    """With the creator's consent (`ShowcaseConsent.EVERYONE`)."""
    ALWAYS = "always"
    """Unless it is `ShowcaseConsent.NOBODY`; without consent, not to the public gallery."""


@dataclass(frozen=True, slots=True)
class CreatorPreferences:
    """What a creator has chosen for their clips in a server, and whether moderators block them."""

    guild_id: int
    user_id: int
    consent: ShowcaseConsent = ShowcaseConsent.STARS
    hide_prompt: bool = False
    blocked: bool = False
    public_notice_at: datetime | None = None
    """When the creator was told that the showcase is on the public web."""


@dataclass(frozen=True, slots=True)
class ShowcaseSettings:
    """A server's showcase, as its admins set it up.

    Without ``channel_id`` it is off. ``stars`` is how many members must star a clip to add it; with
    0 stars never do. The digest is due at ``digest_hour`` on ``digest_day`` (Monday is 0, `None`
    means never) in ``digest_zone``, for the first time after ``digest_since``.
    """

    guild_id: int
    name: str = ""
    locale: str | None = None
    channel_id: int | None = None
    stars: int = 0
    curation: CurationPolicy = CurationPolicy.CONSENT
    public: bool = False
    digest_day: int | None = None
    digest_hour: int = 18
    digest_zone: str = "UTC"
    digest_since: datetime | None = None

    def find_last_due(self, now: datetime) -> datetime | None:
        """Return the latest time up to ``now`` at which a digest was due, if any."""
        if self.digest_day is None or self.channel_id is None:
            return None
        local_now = now.astimezone(load_time_zone(self.digest_zone))
        local_due = local_now.replace(hour=self.digest_hour, minute=0, second=0, microsecond=0)
        local_due -= timedelta(days=(local_now.weekday() - self.digest_day) % 7)
        if local_due > local_now:
            local_due -= WEEK
        due = local_due.astimezone(now.tzinfo)
        return due if self.digest_since is None or due > self.digest_since else None


def load_time_zone(name: str) -> ZoneInfo:
    """Return a time zone by name, UTC if the system no longer knows the name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


class PostingPolicy(StrEnum):
    """How a clip is added to the showcase."""

    MEMBER = "member"
    """A member's button, menu or command."""
    STARS = "stars"
    """Enough members starred it."""


def authorize_showcasing(
    clip: Clip,
    showcase_settings: ShowcaseSettings,
    creator: CreatorPreferences,
    *,
    actor_id: int,
    is_moderator: bool,
    policy: PostingPolicy,
) -> bool:
    """Return whether the clip may also be public; raises `NotAllowed` if it may not be added."""
    if showcase_settings.channel_id is None:
        raise NotAllowed("showcase_off")
    if clip.draft_until is not None:
        raise NotAllowed("showcase_draft")
    if creator.blocked:
        is_own = policy is PostingPolicy.MEMBER and actor_id == clip.user_id
        raise NotAllowed("showcase_you_blocked" if is_own else "showcase_blocked")
    consents = creator.consent is ShowcaseConsent.EVERYONE
    if policy is PostingPolicy.STARS:
        if creator.consent is ShowcaseConsent.NOBODY:
            raise NotAllowed("showcase_consent")
        return consents
    if actor_id == clip.user_id:
        return True
    if not is_moderator:
        raise NotAllowed("showcase_others")
    if showcase_settings.curation is CurationPolicy.NEVER:
        raise NotAllowed("showcase_curation")
    if consents or (
        showcase_settings.curation is CurationPolicy.ALWAYS
        and creator.consent is not ShowcaseConsent.NOBODY
    ):
        return consents
    raise NotAllowed("showcase_consent")


@dataclass(frozen=True, slots=True)
class ShowcasePost:
    """One row of the showcase, with what is needed to post it.

    ``in_sync`` means that Discord shows what the row says; until then the worker ``owner`` works
    on it. ``change_count`` counts the requested changes, ``revision`` the messages. A message of
    this revision cannot be older than ``revision_at``. ``added_by`` is `None` if votes added the
    clip, or if the member was erased.
    """

    id: int
    entry: GalleryEntry
    public: bool
    withdrawn: bool
    in_sync: bool
    owner: str | None
    change_count: int
    revision: int
    revision_at: datetime
    added_by: int | None
    locale: str | None

    @property
    def should_be_posted(self) -> bool:
        return not (self.entry.hidden or self.withdrawn or self.entry.reach is Reach.NOWHERE)

    @property
    def may_be_public(self) -> bool:
        """Whether it appears in the gallery if the server's showcase is public."""
        return self.should_be_posted and self.public and self.entry.reach is Reach.PUBLIC

    @property
    def post_nonce(self) -> str:
        """The nonce of its message; each revision has its own, the same after a crash."""
        return f"clapper-x{self.id}-{self.revision}"


@dataclass(frozen=True, slots=True)
class NewShowcasePost:
    """A clip to add to the showcase, after `authorize_showcasing`.

    A member can bring back a withdrawn post; stars (``by_stars``) cannot.
    """

    clip: Clip
    guild_id: int
    channel_id: int
    creator_name: str
    hide_prompt: bool
    public: bool
    added_by: int | None
    by_stars: bool = False
    channel_age_restricted: bool = False


@dataclass(frozen=True, slots=True)
class Star:
    """A member's star on a message, a normal or a super reaction; a member can give both."""

    user_id: int
    is_super: bool = False


@dataclass(frozen=True, slots=True)
class VoteTarget:
    """A clip's votes after a star was added or removed, and its showcase post, if any."""

    clip_id: int
    votes: int
    post_id: int | None


@dataclass(frozen=True, slots=True)
class ShowcaseMessage:
    """The message in which a clip was delivered."""

    clip_id: int
    message_id: int
    channel_id: int


@dataclass(frozen=True, slots=True)
class WeeklyDigest:
    """One week's digest of a server, the winner first; it is stored before the message is sent."""

    id: int
    showcase_settings: ShowcaseSettings
    due_at: datetime
    period_start: datetime
    entries: tuple[GalleryEntry, ...]
    channel_id: int
    message_id: int | None = None

    @property
    def post_nonce(self) -> str:
        """The nonce of its message; it stays the same after a crash."""
        return f"clapper-g{self.id}"


class AuditAction(StrEnum):
    SHOW = "show"
    WITHDRAW = "withdraw"
    HIDE = "hide"
    UNHIDE = "unhide"
    LOCK = "lock"
    UNLOCK = "unlock"
    BLOCK = "block"
    UNBLOCK = "unblock"
    ARRANGE = "arrange"
    """The showcase's settings were changed."""
    PAGE = "page"
    """The words of the server's page in the web gallery were changed."""
    CHANNEL_GONE = "channel_gone"
    """The showcase's channel was deleted; its entries wait for a new one."""
    DELETE = "delete"
    """A moderator deleted another member's clip."""
    BLOCK_REQUESTS = "block_requests"
    """A member may make no clips. `BLOCK` is about the showcase."""
    UNBLOCK_REQUESTS = "unblock_requests"
    REQUIRE_AGE_RESTRICTION = "require_age_restriction"
    """From now on clips are made in age-restricted channels only."""
    LIFT_AGE_RESTRICTION = "lift_age_restriction"
    CHANGE_WORDS = "change_words"
    """Entries of the word list were added or removed; the comment counts them."""
    REPORT = "report"
    """A clip was reported where no staff channel is set; the comment counts the reports."""
    REPORT_LIMIT = "report_limit"
    """So many reports that the clip was hidden by itself; the comment counts them."""
    REPORT_HIDE = "report_hide"
    """The staff decided about a reported clip; a deletion is recorded as `DELETE` too."""
    REPORT_DELETE = "report_delete"
    REPORT_DISMISS = "report_dismiss"
    USE_WORD = "use_word"
    """A member's request had an entry to log; the comment has its channel and the entry."""
    REVIEW_POST = "review_post"
    """A moderator let a member's clip pass."""
    REVIEW_SPOILER = "review_spoiler"
    REVIEW_REFUSE = "review_refuse"
    """A moderator refused a member's clip and refunded it."""
    REVIEW_REFUSE_CHARGED = "review_refuse_charged"
    REVIEW_WITHDRAW = "review_withdraw"
    """A member withdrew a clip before a decision."""
    REVIEW_EXPIRE = "review_expire"
    """Nobody decided about a clip in time."""
    QUESTION_ALLOW = "question_allow"
    """A moderator allowed a member's request that waited for one."""
    QUESTION_REFUSE = "question_refuse"
    CHANGE_RULES = "change_rules"
    """Rules of the server were changed; the comment has them as JSON."""
    CHANGE_LIMITS = "change_limits"
    """A quota or the budget was changed; the comment has whose and what as JSON."""
    CHARGE_JOB = "charge_job"
    """An unknown job was settled; the comment has its number."""
    REFUND_JOB = "refund_job"
    CANCEL_JOB = "cancel_job"
    """A moderator canceled another member's job; the comment has its number."""
    CHOOSE_LOG = "choose_log"
    """A channel was chosen for this log; the comment has it."""
    TURN_OFF_LOG = "turn_off_log"
    LOG_STOPPED = "log_stopped"
    """The channel for this log, which the comment has, is gone or closed to the bot."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One action in a server's audit log.

    ``actor_id`` is `None` for actions of the bot itself and of members who were erased.
    """

    guild_id: int
    actor_id: int | None
    action: AuditAction
    recorded_at: datetime
    clip_id: int | None = None
    target_user_id: int | None = None
    comment: str | None = None
