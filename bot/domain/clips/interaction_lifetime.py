"""How long Google keeps Omni interactions: as long as it promises, unless it is seen to be less.

Google keeps them for 55 days, or 1 day without billing, and a project may choose 7, 14 or 28. No
answer says which it is. So the age at which one was found gone is a lesson about its route. A
lesson may be wrong (a person deletes interactions in AI Studio) or get old (billing is switched
on): it ends after a week, or when an older interaction is seen alive.
"""

from datetime import datetime, timedelta
from typing import Final

LESSON_HOLDS: Final = timedelta(days=7)
SHORTEST_LIFETIME: Final = timedelta(hours=23)
"""What is gone sooner says nothing about the others: Google keeps them for a day at least."""


def learn_lifetime(known: timedelta | None, age: timedelta) -> timedelta | None:
    """Return how long interactions are kept, now that one of ``age`` is gone; `None`: as promised.

    ``known`` is the lesson before.
    """
    if age < SHORTEST_LIFETIME:
        return known
    return age if known is None else min(known, age)


def disproves_lesson(kept: timedelta, age: timedelta) -> bool:
    """Return whether an interaction that is alive at ``age`` shows the lesson ``kept`` as wrong."""
    return age > kept


def find_expiry(
    promised_until: datetime | None, made_at: datetime, kept: timedelta | None
) -> datetime | None:
    """Return until when an interaction is expected to be kept; `None` if nothing is known."""
    if kept is None:
        return promised_until
    learnt = made_at + kept
    return learnt if promised_until is None else min(promised_until, learnt)
