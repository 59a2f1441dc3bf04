"""A few sensible quotas for every member of a server, to be chosen in one click.

Each sets every limit, so that what was chosen before leaves nothing behind; anything finer is set
by `/server quota set`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from bot.domain.billing.limits import NO_LIMITS, UsageLimits
from bot.domain.billing.money import to_micros


class QuotaPreset(StrEnum):
    """A quota by name, from the tightest to the widest."""

    TASTE = "taste"
    LIGHT = "light"
    REGULAR = "regular"
    GENEROUS = "generous"


QUOTA_PRESETS: Final[Mapping[QuotaPreset, UsageLimits]] = {
    QuotaPreset.TASTE: UsageLimits(1, 8, to_micros("1"), to_micros("10"), 1),
    QuotaPreset.LIGHT: UsageLimits(3, 24, to_micros("3"), to_micros("30"), 1),
    QuotaPreset.REGULAR: UsageLimits(10, 80, to_micros("10"), to_micros("100"), 2),
    QuotaPreset.GENEROUS: UsageLimits(30, 240, to_micros("30"), to_micros("300"), 3),
}
"""Clips, seconds and dollars a day, dollars a month, jobs at once."""


def find_quota_preset(limits: UsageLimits) -> QuotaPreset | None:
    """Return the allowance that ``limits`` are; ``None`` where they are something else."""
    return next((name for name, each in QUOTA_PRESETS.items() if each == limits), None)


def is_unset(limits: UsageLimits) -> bool:
    """Return whether nothing is set, so that the operator's own default holds."""
    return limits == NO_LIMITS
