"""Where clips from age-restricted channels may be shown.

A clip is restricted if its channel was age-restricted when it was requested. Clips made from its
footage or its request inherit this. Restricted clips are shown in age-restricted channels only,
and never on the web. An unknown channel makes its clips restricted, and shows no restricted clips.
"""

from bot.domain.errors import NotAllowed


def is_presumed_restricted(place_age_restricted: bool | None) -> bool:
    """Return whether clips requested in this place count as restricted; `None` means unknown."""
    return place_age_restricted is not False


def may_show(*, age_restricted: bool, place_age_restricted: bool | None) -> bool:
    """Return whether a clip may be shown in a place."""
    return not age_restricted or place_age_restricted is True


def require_may_show(*, age_restricted: bool, place_age_restricted: bool | None) -> None:
    """Raise `NotAllowed` if the clip may not be shown in the place."""
    if not may_show(age_restricted=age_restricted, place_age_restricted=place_age_restricted):
        raise NotAllowed("age_restricted")
