"""How requesters learn that their job has ended: as they chose, if the place allows it.

Only a new message notifies anyone; an edit never does. So the mention is part of the clip's post,
or of the card that says why there is no clip. The nonce of that message also keeps the mention from
being sent twice.
"""

from dataclasses import dataclass
from enum import StrEnum

from bot.domain.jobs.job import Job, Outcome


class NotifyChoice(StrEnum):
    """How a member wants to hear that a job of theirs has ended."""

    PING = "ping"
    """A mention in the message with the clip; the default."""
    QUIET = "quiet"
    DIRECT_MESSAGE = "direct"
    DIRECT_MESSAGE_REFUSED = "direct_refused"
    """Discord refused the direct messages that they chose, so they are mentioned for now."""


@dataclass(frozen=True, slots=True)
class JobAnnouncement:
    """Whether the channel's message mentions the requester, and whether they are written to."""

    is_mentioned: bool = False
    has_direct_message: bool = False


def plan_announcement(choice: NotifyChoice, job: Job) -> JobAnnouncement:
    """Return how the requester of ``job`` is notified.

    Where the bot is not a member, the job's only message is edited, so only a direct message can
    notify. In a conversation with the bot, its message is a direct message already. A member who
    canceled the job is not notified.
    """
    if job.outcome is Outcome.CANCELLED or choice is NotifyChoice.QUIET:
        return JobAnnouncement()
    is_guest = job.origin.user_install_reply is not None
    is_conversation = job.origin.guild_id is None and not is_guest
    if choice is NotifyChoice.DIRECT_MESSAGE and not is_conversation:
        return JobAnnouncement(has_direct_message=True)
    return JobAnnouncement(is_mentioned=not is_guest)
