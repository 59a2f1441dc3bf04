"""Turns a server's rule for people into the value that is sent to Google, or into a refusal.

Google's values differ by model, mode and region. If none follows the server's rule, the request is
refused; the rule is never loosened. Without a rule the parameter is left out, because Google's
documentation of it and its behaviour disagree by date and region.
"""

from enum import StrEnum
from typing import Final

from bot.domain.jobs.request import GenerationMode, OperatorRegion, PersonGeneration, PersonRule
from bot.domain.models import ModelSpec

AGE_RESTRICTED_DEFAULT: Final = PersonRule.ADULTS
"""The rule of an age-restricted channel without one of its own: no minors."""

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
    age_restricted: bool = False,
    direct_message: bool = False,
) -> PersonRule | None:
    """Return the rule of a channel: the strictest of those that apply, `None` if there is none.

    A channel's own rule replaces the default for age-restricted channels, but never loosens the
    server's rule.
    """
    if direct_message:
        return DIRECT_MESSAGE_DEFAULT
    if channel is None and age_restricted:
        channel = AGE_RESTRICTED_DEFAULT
    return pick_strictest(server, channel)


def choose_person_generation(
    model: ModelSpec, mode: GenerationMode, region: OperatorRegion, rule: PersonRule | None
) -> PersonGeneration | UnsatisfiableRule | None:
    """Return the value of ``personGeneration`` that follows ``rule``; `None` leaves it out.

    For a rule that allows everyone, the parameter is left out unless Google's default is stricter
    than another accepted value. Other rules are always sent and never left to a default.
    """
    if rule is None:
        return None
    accepted = model.list_person_values(mode, region)
    value = next(
        (value for value in VALUES_BY_RULE[rule] if value in accepted),
        UnsatisfiableRule.UNSATISFIABLE,
    )
    if rule is PersonRule.EVERYONE and (not accepted or value is accepted[0]):
        return None
    return value
