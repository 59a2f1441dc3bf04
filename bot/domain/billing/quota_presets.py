"""Quotas and budgets that a server's admins can choose with one click.

Each preset sets every limit, so that no limit of an earlier choice remains. `/server quota set`
sets single limits.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from bot.domain.billing.limits import NO_LIMITS, UsageLimits
from bot.domain.billing.money import Micros, to_micros


class QuotaPreset(StrEnum):
    """A quota by name, from the tightest to the loosest."""

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
"""Clips, seconds and dollars per day, dollars per month, jobs at once."""


MONTHLY_BUDGETS: Final = tuple(to_micros(usd) for usd in ("5", "10", "25", "50", "100", "250"))
"""Budgets of a server that admins can choose with one click."""
CONFIRMATION_PRICES: Final = tuple(to_micros(usd) for usd in ("0.50", "1", "2", "5"))
"""Thresholds for confirmations that admins can choose with one click."""


def list_quota_presets(ceiling: UsageLimits) -> Mapping[QuotaPreset, UsageLimits]:
    """Return the presets that allow no more than the operator does."""
    return {
        name: limits
        for name, limits in QUOTA_PRESETS.items()
        if limits.find_narrower(ceiling) == NO_LIMITS
    }


def list_monthly_budgets(ceiling: UsageLimits) -> tuple[Micros, ...]:
    """Return the budgets that are below what the operator allows."""
    maximum = ceiling.usd_per_month
    return tuple(budget for budget in MONTHLY_BUDGETS if maximum is None or budget < maximum)


def find_quota_preset(limits: UsageLimits) -> QuotaPreset | None:
    return next((name for name, preset in QUOTA_PRESETS.items() if preset == limits), None)


def is_unset(limits: UsageLimits) -> bool:
    """Return whether no limit is set, so that the operator's default applies."""
    return limits == NO_LIMITS
