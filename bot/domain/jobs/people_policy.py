"""Turns a server's rule for people into the value that is sent to Google, or into a refusal.

Google's values differ by model, mode and region. If none follows the server's rule, the request is
refused; the rule is never loosened. Without a rule the parameter is left out, because its
documentation and Google's behavior differ by date and region.

A rule that an admin chose is binding. The rule of an age-restricted channel is a preference: it is
followed if the model can, but never makes a clip more expensive or impossible (decision 12).
"""

from enum import StrEnum
from typing import Final

from bot.domain.jobs.request import GenerationMode, OperatorRegion, PersonGeneration, PersonRule
from bot.domain.models import ModelSpec

AGE_RESTRICTED_PREFERENCE: Final = PersonRule.ADULTS
"""The preference in an age-restricted channel that has no rule: no minors."""

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
"""The values that satisfy each rule, the least strict first."""


class UnsatisfiableRule(StrEnum):
    """Returned if Google accepts no value that satisfies the rule."""

    UNSATISFIABLE = "unkept"


def pick_strictest(*rules: PersonRule | None) -> PersonRule | None:
    """Return the strictest of ``rules``, ignoring `None`; `None` if there is none."""
    return max(filter(None, rules), key=_STRICTNESS.index, default=None)


def resolve_person_rule(
    server: PersonRule | None,
    channel: PersonRule | None,
    *,
    direct_message: bool = False,
) -> PersonRule | None:
    """Return the rule that admins chose for a channel, `None` if there is none.

    The stricter one counts, so that a channel's rule never loosens the server's.
    """
    if direct_message:
        return DIRECT_MESSAGE_DEFAULT
    return pick_strictest(server, channel)


def choose_preferred_rule(
    channel: PersonRule | None, *, age_restricted: bool, direct_message: bool = False
) -> PersonRule | None:
    """Return the preference for a place; a rule of the channel replaces it."""
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
    """Return the value of ``personGeneration`` that satisfies ``rule``; `None` omits the parameter.

    For a rule that allows everyone, the parameter is omitted unless Google's default is stricter
    than another accepted value. Other rules are always sent and never left to a default. A
    ``preferred`` rule is followed as well if the model accepts one of its values.
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
    """Return whether the operator trusts the model to follow ``rule`` without a parameter."""
    promised = model.guaranteed_person_rule
    return promised is not None and _STRICTNESS.index(promised) >= _STRICTNESS.index(rule)
