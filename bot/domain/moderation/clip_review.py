"""Clips that are looked at before members see them: whose they are, and what was decided."""

from enum import StrEnum
from typing import Final

from bot.domain.guild import GuildRules, ReviewScope
from bot.domain.jobs.job import Origin, Outcome, ReviewState


class ReviewDecision(StrEnum):
    """How the review of a clip ends."""

    POST = "post"
    SPOILER = "spoiler"
    """Posted, but hidden behind a spoiler until it is clicked."""
    REFUSE = "refuse"
    """Not posted; the member is refunded."""
    REFUSE_CHARGED = "refuse_charged"
    """Not posted; the member pays what Google bills."""
    WITHDRAW = "withdraw"
    """The member canceled; they pay, because Google made the clip."""
    EXPIRE = "expire"
    """Nobody decided as long as the file is kept; the member is refunded."""

    @property
    def state(self) -> ReviewState:
        return ReviewState(self.value)


MODERATOR_DECISIONS: Final = (
    ReviewDecision.POST,
    ReviewDecision.SPOILER,
    ReviewDecision.REFUSE,
    ReviewDecision.REFUSE_CHARGED,
)
_OUTCOMES: Final = {
    ReviewState.REFUSE: Outcome.REVIEW_REFUSED,
    ReviewState.REFUSE_CHARGED: Outcome.REVIEW_REFUSED,
    ReviewState.WITHDRAW: Outcome.REVIEW_WITHDRAWN,
    ReviewState.EXPIRE: Outcome.REVIEW_EXPIRED,
    ReviewState.UNFIT: Outcome.RESULT_REFUSED,
    ReviewState.UNCHECKED: Outcome.RESULT_UNCHECKED,
}
_CHARGED: Final = frozenset({ReviewState.REFUSE_CHARGED, ReviewState.WITHDRAW})


def is_review_needed(rules: GuildRules, origin: Origin, parent_channel_id: int | None) -> bool:
    """Return whether moderators must see a clip of ``origin`` first.

    The channel of a thread is its ``parent_channel_id``. Only servers have moderators.
    """
    if origin.guild_id is None:
        return False
    match rules.review_scope:
        case ReviewScope.OFF:
            return False
        case ReviewScope.UNTRUSTED:
            return rules.trusted_role is None or rules.trusted_role not in origin.role_ids
        case ReviewScope.EVERYONE:
            return True
        case ReviewScope.CHANNEL:
            channels = {origin.channel_id, parent_channel_id} - {None}
            return rules.review_channel in channels


def find_refusal(review: ReviewState | None) -> tuple[Outcome, bool] | None:
    """Return how a reviewed job that is not posted ends, and whether the member pays.

    `None` if it is posted, or not decided yet.
    """
    if review is None or review not in _OUTCOMES:
        return None
    return _OUTCOMES[review], review in _CHARGED
