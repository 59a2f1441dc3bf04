"""Turns a server's rule for people into the value that is sent to Google, or into a refusal.

Google's values differ by model, mode and region. If none follows the server's rule, the request is
refused; the rule is never loosened. Without a rule the parameter is left out, because Google's
documentation of it and its behaviour disagree by date and region.

A rule that an admin chose binds. The one that comes with an age-restricted channel is a preference:
it is followed where a model can, and never makes a clip dearer or impossible (decision 12).
"""

from enum import StrEnum
from typing import Final

from bot.domain.jobs.request import GenerationMode, OperatorRegion, PersonGeneration, PersonRule
from bot.domain.models import ModelSpec

AGE_RESTRICTED_PREFERENCE: Final = PersonRule.ADULTS
"""What is preferred in an age-restricted channel without a rule of its own: no minors."""

DIRECT_MESSAGE_DEFAULT: Final[PersonRule | None] = None
"""Direct messages have no rule: Google's defaults apply."""

_STRICTNESS: Final = (PersonRule.EVERYONE, PersonRule.ADULTS, PersonRule.NOBODY)

VALUES_BY_RULE: Final[dict[PersonRule, tuple[PersonGeneration, ...]]] = {
    PersonRule.EVERYONE: (
        PersonGeneration.ALLOW_ALL,
        PersonGeneration.ALLOW_ADULT,
        PersonGeneration.DONT_ALLOW,
    ),
    PersonRule.ADULTS: (PersonGeneration.ALLOW_ADULT, PersonGeneration.DONT_ALLOW),
    PersonRule.NOBODY: (PersonGeneration.DONT_ALLOW,),
}
"""The values that follow each rule, the least strict first."""


class UnsatisfiableRule(StrEnum):
    """Returned if no value that Google accepts follows the rule."""

    UNSATISFIABLE = "unkept"


def pick_strictest(*rules: PersonRule | None) -> PersonRule | None:
    """Return the strictest of ``rules``; `None` means that a rule is not set."""
    return max(filter(None, rules), key=_STRICTNESS.index, default=None)


def resolve_person_rule(
    server: PersonRule | None,
    channel: PersonRule | None,
    *,
    direct_message: bool = False,
) -> PersonRule | None:
    """Return the rule that admins chose for a channel: the strictest, `None` if there is none.

    A channel's own rule never loosens the server's.
    """
    if direct_message:
        return DIRECT_MESSAGE_DEFAULT
    return pick_strictest(server, channel)


def choose_preferred_rule(
    channel: PersonRule | None, *, age_restricted: bool, direct_message: bool = False
) -> PersonRule | None:
    """Return the rule that is followed where it costs nothing; a channel's own rule replaces it."""
    if direct_message or channel is not None or not age_restricted:
        return None
    return AGE_RESTRICTED_PREFERENCE


def choose_person_generation(
    model: ModelSpec,
    mode: GenerationMode,
    region: OperatorRegion,
    rule: PersonRule | None,
    *,
    preferred: PersonRule | None = None,
) -> PersonGeneration | UnsatisfiableRule | None:
    """Return the value of ``personGeneration`` that follows ``rule``; `None` leaves it out.

    For a rule that allows everyone, the parameter is left out unless Google's default is stricter
    than another accepted value. Other rules are always sent and never left to a default. A
    ``preferred`` rule is followed too if the model takes one of its values.
    """
    if rule is not None and _is_guaranteed(model, rule):
        return None
    accepted = model.list_person_values(mode, region)
    if preferred is not None and (wanted := pick_strictest(rule, preferred)) is not None:
        for value in VALUES_BY_RULE[wanted]:
            if value in accepted:
                return value
    if rule is None:
        return None
    chosen = next(
        (value for value in VALUES_BY_RULE[rule] if value in accepted),
        UnsatisfiableRule.UNSATISFIABLE,
    )
    if rule is PersonRule.EVERYONE and (not accepted or chosen is accepted[0]):
        return None
    return chosen


def _is_guaranteed(model: ModelSpec, rule: PersonRule) -> bool:
    """Return whether the operator trusts Google to keep ``rule`` without a parameter."""
    promised = model.guaranteed_person_rule
    return promised is not None and _STRICTNESS.index(promised) >= _STRICTNESS.index(rule)
