"""Where a clip may be shown that was asked for in an age-restricted channel.

A clip keeps whether its channel was age-restricted then, and what is made from its footage or its
request inherits it. It is shown in age-restricted channels only, and never on the web. What is not
known counts against showing it: an unknown channel makes a clip restricted, and is no place for
one.
"""

from bot.domain.errors import NotAllowed


def is_presumed_restricted(place_age_restricted: bool | None) -> bool:
    """Return whether a clip asked for in this place counts as restricted; ``None``: not known."""
    return place_age_restricted is not False


def may_show(*, age_restricted: bool, place_age_restricted: bool | None) -> bool:
    """Return whether a clip may be shown in a place."""
    return not age_restricted or place_age_restricted is True


def require_may_show(*, age_restricted: bool, place_age_restricted: bool | None) -> None:
    """Raise `NotAllowed` where `may_show` says no."""
    if not may_show(age_restricted=age_restricted, place_age_restricted=place_age_restricted):
        raise NotAllowed("age_restricted")
