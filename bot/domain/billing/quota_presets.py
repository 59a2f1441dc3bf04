"""A few sensible quotas for every member of a server, to be chosen in one click.

Each sets every limit, so that what was chosen before leaves nothing behind; anything finer is set
by `/server quota set`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from bot.domain.billing.limits import NO_LIMITS, Limits
from bot.domain.billing.money import micros


class Allowance(StrEnum):
    """A quota by name, from the tightest to the widest."""

    TASTE = "taste"
    LIGHT = "light"
    REGULAR = "regular"
    GENEROUS = "generous"


ALLOWANCES: Final[Mapping[Allowance, Limits]] = {
    Allowance.TASTE: Limits(1, 8, micros("1"), micros("10"), 1),
    Allowance.LIGHT: Limits(3, 24, micros("3"), micros("30"), 1),
    Allowance.REGULAR: Limits(10, 80, micros("10"), micros("100"), 2),
    Allowance.GENEROUS: Limits(30, 240, micros("30"), micros("300"), 3),
}
"""Clips, seconds and dollars a day, dollars a month, jobs at once."""


def allowance_of(limits: Limits) -> Allowance | None:
    """Return the allowance that ``limits`` are; ``None`` where they are something else."""
    return next((name for name, each in ALLOWANCES.items() if each == limits), None)


def is_unset(limits: Limits) -> bool:
    """Return whether nothing is set, so that the operator's own default holds."""
    return limits == NO_LIMITS
