"""Turns a server's rule for people into what is sent to Google, or into a refusal.

Google's values differ by model, mode and region, and a value is never loosened: where no value
keeps the server's rule, the request is refused. Where the server has no rule the parameter is left
out, because Google's own documentation of it and its behaviour disagree by date and region.
"""

from enum import StrEnum
from typing import Final

from bot.domain.jobs.request import GenerationMode, OperatorRegion, PersonGeneration, PersonRule
from bot.domain.models import ModelSpec

AGE_RESTRICTED_DEFAULT: Final = PersonRule.ADULTS
"""The rule of an age-restricted channel that has none of its own: no minors there."""

DIRECT_MESSAGE_DEFAULT: Final[PersonRule | None] = None
"""In a direct message nobody has set a rule: Google's own defaults hold."""

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
"""The values that keep each rule, the most generous first."""


class UnsatisfiableRule(StrEnum):
    """The answer that no value which Google takes here keeps the rule."""

    UNSATISFIABLE = "unkept"


def pick_strictest(*rules: PersonRule | None) -> PersonRule | None:
    """Return the strictest of ``rules``; `None` stands for one that nobody has set."""
    given = [rule for rule in rules if rule is not None]
    return max(given, key=_STRICTNESS.index) if given else None


def resolve_person_rule(
    server: PersonRule | None,
    channel: PersonRule | None,
    *,
    age_restricted: bool = False,
    direct_message: bool = False,
) -> PersonRule | None:
    """Return the rule that holds in a channel: the strictest of those that apply.

    A channel's own rule takes the place of the default for age-restricted channels but never
    loosens the server's. `None`: nobody has set a rule.
    """
    if direct_message:
        return DIRECT_MESSAGE_DEFAULT
    if channel is None and age_restricted:
        channel = AGE_RESTRICTED_DEFAULT
    return pick_strictest(server, channel)


def choose_person_generation(
    model: ModelSpec, mode: GenerationMode, region: OperatorRegion, rule: PersonRule | None
) -> PersonGeneration | UnsatisfiableRule | None:
    """Return what ``personGeneration`` has to say for ``rule`` to be kept; `None` leaves it out.

    A rule that allows everyone forbids nothing: the parameter is left out unless Google's default
    is narrower than what it would take. The other rules are always sent, even where Google takes
    one value only: a promise does not rest on a default.
    """
    if rule is None:
        return None
    taken = model.person_values(mode, region)
    widest = next(
        (value for value in VALUES_BY_RULE[rule] if value in taken), UnsatisfiableRule.UNSATISFIABLE
    )
    if rule is PersonRule.EVERYONE:
        return widest if taken and widest is not taken[0] else None
    return widest
