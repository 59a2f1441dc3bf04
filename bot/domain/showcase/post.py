"""The showcase behind the glass: who may put a clip there, what stands in Discord, what is due.

A row is written first and the message follows: `Exhibit.wanted` says what the channel should show,
and whoever owns an exhibit that is not settled brings the channel to it. So every act (showing,
hiding, withdrawing) survives a crash at any moment, and none is done twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed
from bot.domain.showcase.gallery import GalleryEntry

WEEK: Final = timedelta(days=7)
STAR_EMOJI: Final = "⭐"
MAX_DIGEST_CLIPS: Final = 3
"""How many clips a digest names."""


class ShowcaseConsent(StrEnum):
    """What a maker lets others do with their clips in one server."""

    STARS = "stars"
    """Shown when enough members star it; not in the public gallery. What holds when not chosen."""
    EVERYONE = "everyone"
    """Shown by stars and by moderators, in public too."""
    NOBODY = "nobody"
    """Shown only by the maker."""


class CurationPolicy(StrEnum):
    """Whether moderators may show other members' clips."""

    NEVER = "never"
    CONSENT = "consent"
    """With the maker's consent (`Consent.EVERYONE`)."""
    ALWAYS = "always"
    """Unless the maker has said `Consent.NOBODY`; without consent never in the public gallery."""


@dataclass(frozen=True, slots=True)
class CreatorPreferences:
    """What a member has chosen for their clips in a server, and what its moderators for them."""

    guild_id: int
    user_id: int
    consent: ShowcaseConsent = ShowcaseConsent.STARS
    hide_prompt: bool = False
    blocked: bool = False


@dataclass(frozen=True, slots=True)
class ShowcaseSettings:
    """A server's showcase, as its admins arranged it.

    ``channel_id`` is ``None`` where there is none; ``stars`` is how many members must star a clip
    to show it (0: never). The digest comes at ``digest_hour`` of ``digest_day`` (Monday is 0,
    ``None``: never) in ``digest_zone``, for the first time after ``digest_since``.
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
        """Return the latest time before ``now`` at which a digest was to come."""
        if self.digest_day is None or self.channel_id is None:
            return None
        here = now.astimezone(load_time_zone(self.digest_zone))
        at = here.replace(hour=self.digest_hour, minute=0, second=0, microsecond=0)
        at -= timedelta(days=(here.weekday() - self.digest_day) % 7)
        if at > here:
            at -= WEEK
        due = at.astimezone(now.tzinfo)
        return due if self.digest_since is None or due > self.digest_since else None


def load_time_zone(name: str) -> ZoneInfo:
    """Return a time zone; UTC where its name means nothing (any more)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


class PostingPolicy(StrEnum):
    """How a clip comes into the showcase."""

    MEMBER = "member"
    """By button, menu or command of somebody."""
    STARS = "stars"


def authorize_showcasing(
    clip: Clip,
    showcase_settings: ShowcaseSettings,
    creator: CreatorPreferences,
    *,
    actor_id: int,
    is_moderator: bool,
    policy: PostingPolicy,
) -> bool:
    """Return whether the entry may stand in the public gallery, once it may be shown at all.

    Raises `NotAllowed`.
    """
    if showcase_settings.channel_id is None:
        raise NotAllowed("showcase_off")
    if creator.blocked:
        raise NotAllowed("showcase_blocked")
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
    """One row of the showcase with what is needed to post it.

    ``in_sync`` means that Discord shows what the row says; until then the worker ``owner`` works
    on it. ``change_count`` counts the changes that were asked for, ``revision`` the posts; a post
    of this revision cannot be older than ``revision_at``. ``added_by`` is `None` where votes added
    the clip, and for members who were erased.
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
        """Whether its message should stand in the showcase channel."""
        return not (self.entry.hidden or self.withdrawn)

    @property
    def post_nonce(self) -> str:
        """The nonce of its post: another one for each post, the same after a crash."""
        return f"clapper-x{self.id}-{self.revision}"


@dataclass(frozen=True, slots=True)
class NewShowcasePost:
    """A wish to show a clip that has been found to be allowed.

    What was withdrawn comes back at a member's wish, but not ``by_stars``.
    """

    clip: Clip
    guild_id: int
    channel_id: int
    creator_name: str
    hide_prompt: bool
    public: bool
    added_by: int | None
    by_stars: bool = False


@dataclass(frozen=True, slots=True)
class VoteTarget:
    """How a clip stands after a star: its votes, and its exhibit where it is shown."""

    clip_id: int
    votes: int
    post_id: int | None


@dataclass(frozen=True, slots=True)
class ShowcaseMessage:
    """A clip's own post, where it was made."""

    clip_id: int
    message_id: int
    channel_id: int


@dataclass(frozen=True, slots=True)
class WeeklyDigest:
    """One week's digest of a server: a row first, then the post; the winner is the first."""

    id: int
    showcase_settings: ShowcaseSettings
    due_at: datetime
    period_start: datetime
    entries: tuple[GalleryEntry, ...]
    channel_id: int
    message_id: int | None = None

    @property
    def post_nonce(self) -> str:
        """The nonce of the post, the same after a crash."""
        return f"clapper-g{self.id}"


class AuditAction(StrEnum):
    """What stands in a server's audit log."""

    SHOW = "show"
    WITHDRAW = "withdraw"
    HIDE = "hide"
    UNHIDE = "unhide"
    LOCK = "lock"
    UNLOCK = "unlock"
    BLOCK = "block"
    UNBLOCK = "unblock"
    ARRANGE = "arrange"
    """Settings of the showcase."""
    DELETE = "delete"
    """A moderator deleted another member's clip."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One act in a server's audit log.

    ``actor_id`` is `None` for acts of the bot itself and of members who were erased.
    """

    guild_id: int
    actor_id: int | None
    action: AuditAction
    recorded_at: datetime
    clip_id: int | None = None
    target_user_id: int | None = None
    comment: str | None = None
