"""Whose clips moderators see first, and how a review ends."""

import pytest

from bot.domain.guild import GuildRules, ReviewScope
from bot.domain.jobs.job import Origin, Outcome, ReviewState
from bot.domain.moderation.clip_review import ReviewDecision, find_refusal, is_review_needed

GUILD, ROOM, PARENT, ROLE = 1, 2, 3, 4


def make_rules(scope: ReviewScope, *, role: int | None = ROLE) -> GuildRules:
    return GuildRules(
        GUILD, staff_channel=9, review_scope=scope, trusted_role=role, review_channel=PARENT
    )


def make_origin(*roles: int, guild: int | None = GUILD, channel: int = ROOM) -> Origin:
    return Origin("interaction:1", guild, channel, 7, role_ids=frozenset(roles))


@pytest.mark.parametrize(
    ("rules", "origin", "parent", "is_needed"),
    [
        (make_rules(ReviewScope.OFF), make_origin(), PARENT, False),
        (make_rules(ReviewScope.EVERYONE), make_origin(ROLE), None, True),
        (make_rules(ReviewScope.EVERYONE), make_origin(guild=None), None, False),
        (make_rules(ReviewScope.UNTRUSTED), make_origin(8), None, True),
        (make_rules(ReviewScope.UNTRUSTED), make_origin(8, ROLE), None, False),
        (make_rules(ReviewScope.UNTRUSTED, role=None), make_origin(8), None, True),
        (make_rules(ReviewScope.CHANNEL), make_origin(), None, False),
        (make_rules(ReviewScope.CHANNEL), make_origin(channel=PARENT), None, True),
        (make_rules(ReviewScope.CHANNEL), make_origin(), PARENT, True),
        (GuildRules(GUILD, review_scope=ReviewScope.CHANNEL), make_origin(), None, False),
    ],
)
def test_whose_clips_are_reviewed(
    rules: GuildRules, origin: Origin, parent: int | None, is_needed: bool
) -> None:
    assert is_review_needed(rules, origin, parent) is is_needed


def test_every_decision_is_a_state_and_ends_in_one_way() -> None:
    """What is not posted has an outcome of its own, and only two of these are paid."""
    ends = {decision: find_refusal(decision.state) for decision in ReviewDecision}
    assert ends == {
        ReviewDecision.POST: None,
        ReviewDecision.SPOILER: None,
        ReviewDecision.REFUSE: (Outcome.REVIEW_REFUSED, False),
        ReviewDecision.REFUSE_CHARGED: (Outcome.REVIEW_REFUSED, True),
        ReviewDecision.WITHDRAW: (Outcome.REVIEW_WITHDRAWN, True),
        ReviewDecision.EXPIRE: (Outcome.REVIEW_EXPIRED, False),
    }
    assert find_refusal(None) is None
    undecided = {state for state in ReviewState if state.is_undecided}
    by_check = {ReviewState.UNFIT, ReviewState.UNCHECKED}
    decided = {decision.state for decision in ReviewDecision}
    assert undecided == set(ReviewState) - decided - by_check
    ends_of_check = [find_refusal(state) for state in sorted(by_check)]
    assert ends_of_check == [(Outcome.RESULT_UNCHECKED, False), (Outcome.RESULT_REFUSED, False)]
    assert not any(find_refusal(state) for state in undecided)
