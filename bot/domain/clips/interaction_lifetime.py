"""How long Google keeps Omni interactions: its promise, or less if that was observed.

Google keeps them for 55 days, or 1 day without billing, and a project may choose 7, 14 or 28. No
answer says which applies. So when an interaction is gone early, its age is learned as the lifetime
of its route. That may be wrong (somebody deleted it in AI Studio) or become outdated (billing was
switched on). So it is forgotten after a week, or when an older interaction is found to exist.
"""

from datetime import datetime, timedelta
from typing import Final

LONGEST_LIFETIME: Final = timedelta(days=55)
"""What Google promises where nothing else is set."""
LEARNED_LIFETIME_VALID_FOR: Final = timedelta(days=7)
SHORTEST_LIFETIME: Final = timedelta(hours=23)
"""Google keeps interactions for at least a day, so one that is gone sooner was deleted."""


def learn_lifetime(known: timedelta | None, age: timedelta) -> timedelta | None:
    """Return the lifetime to assume after an interaction of ``age`` was found gone.

    ``known`` is the lifetime learned before. `None` means that Google's promise applies.
    """
    if age < SHORTEST_LIFETIME:
        return known
    return age if known is None else min(known, age)


def is_lifetime_disproved(learned: timedelta, age: timedelta) -> bool:
    """Return whether an interaction that exists at ``age`` shows that ``learned`` is wrong."""
    return age > learned


def find_expiry(
    promised_until: datetime | None, made_at: datetime, learned: timedelta | None
) -> datetime | None:
    """Return until when an interaction is expected to be kept; `None` if nothing is known."""
    if learned is None:
        return promised_until
    expected_until = made_at + learned
    return expected_until if promised_until is None else min(promised_until, expected_until)
