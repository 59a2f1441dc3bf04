"""Reports of clips: who may decide what, and what follows (docs/decisions/0045-reports.md)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

MEMBER_WINDOW: Final = timedelta(hours=1)
REPORTS_IN_WINDOW: Final = 10
"""How many clips a member may report in that time. Visitors are limited by their address."""
MAX_REPORTS_TO_HIDE: Final = 25
"""The largest number of reports that a server may wait for before a clip is hidden by itself."""


class ReportDecision(StrEnum):
    """What the staff decided about a reported clip."""

    HIDE = "hide"
    """Neither the showcase nor the gallery shows it."""
    DELETE = "delete"
    DISMISS = "dismiss"
    """Nothing is wrong with it."""
    SHOW = "show"
    """The same about a clip that the staff hid; it is stored as `DISMISS`."""


class ReportEffect(StrEnum):
    """What a decision still has to change outside of its row."""

    HIDE = "hide"
    SHOW = "show"
    DELETE = "delete"


class ReportReceipt(StrEnum):
    """What became of a report."""

    RECEIVED = "received"
    REPEATED = "again"
    """The same member or visitor has reported the clip before."""
    LIMITED = "limited"
    """The member has reported many others lately; it was not counted."""
    DECIDED = "decided"
    """The staff has already decided about the clip, which never changes."""


class ReportNoticeKind(StrEnum):
    """What somebody is told in a direct message."""

    HIDDEN = "hidden"
    DELETED = "deleted"
    STAFF_CHANNEL = "staff_channel"
    """For the server's owner: there are reports, and no channel for them."""
    STAFF_CLOSED = "staff_closed"
    """For the server's owner: there are reports, and their channel is gone or closed to the bot."""
    LOG_STOPPED = "log_stopped"
    """For the server's owner: the channel for the audit log is gone or closed to the bot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCase:
    """All reports of one clip, with the staff's message about them and their decision.

    With ``is_hidden`` the clip is kept out of the showcase. ``hid_post`` says that the reports hid
    its post, which is shown again if nothing is wrong. ``change_count`` grows with each change that
    the message has to show, and ``revision`` with each message.
    """

    clip_id: int
    job_id: int
    guild_id: int
    creator_id: int
    first_reported_at: datetime
    report_count: int = 0
    is_hidden: bool = False
    hid_post: bool = False
    decision: ReportDecision | None = None
    decided_by: int | None = None
    creator_blocked_by: int | None = None
    pending_effect: ReportEffect | None = None
    channel_id: int | None = None
    message_id: int | None = None
    revision: int = 0
    change_count: int = 0

    @property
    def post_nonce(self) -> str:
        """The nonce of its message; it stays the same after a crash."""
        return f"clapper-r{self.clip_id}-{self.revision}"

    def is_in_other_channel(self, staff_channel: int | None) -> bool:
        """Return whether the staff still has to decide, and now reads another channel."""
        return (
            self.decision is None
            and self.message_id is not None
            and staff_channel not in (None, self.channel_id)
        )

    def without_message(self) -> "ReportCase":
        """Return the case whose next message is another one."""
        return replace(self, channel_id=None, message_id=None, revision=self.revision + 1)

    def may_become(self, decision: ReportDecision) -> bool:
        """Return whether the staff may decide so now.

        The first decision counts, so that nobody overrides another's without seeing it. A hidden
        clip can still be deleted or shown again.
        """
        if self.decision is None:
            return decision is not ReportDecision.SHOW
        is_later = decision in (ReportDecision.DELETE, ReportDecision.SHOW)
        return self.decision is ReportDecision.HIDE and is_later

    def get_effect(self, decision: ReportDecision) -> ReportEffect | None:
        """Return what ``decision`` changes."""
        if decision in (ReportDecision.DISMISS, ReportDecision.SHOW):
            return ReportEffect.SHOW if self.is_hidden else None
        return ReportEffect(decision)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportNotice:
    """A direct message that is to be sent. ``user_id`` is `None` for the server's owner."""

    id: int
    kind: ReportNoticeKind
    guild_id: int
    user_id: int | None = None
    clip_id: int | None = None
    locale: str | None = None

    @property
    def nonce(self) -> str:
        """The nonce of its message; it stays the same after a crash.

        The id of a row is no part of it: SQLite gives that of a deleted row to the next one, whose
        message Discord would then take for the same.
        """
        return f"rn{self.kind[0]}{self.clip_id or self.guild_id}"
