"""Where a showcase post may appear: on the web, only in its channel, or nowhere.

Two rules apply whatever its creator chose. Clips of age-restricted channels stay in such channels.
A clip with footage of other people's clips is shown only as long as their creators allow it. A post
that may appear nowhere keeps its row, so that it can come back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.domain.clips.age_restriction import may_show
from bot.domain.showcase.gallery import Reach
from bot.domain.showcase.post import ShowcaseConsent

_NARROWEST_FIRST: Final = (Reach.NOWHERE, Reach.SERVER, Reach.PUBLIC)


class SourceShowing(StrEnum):
    """Where the server's showcase shows a source clip."""

    NEVER = "never"
    SERVER = "server"
    PUBLIC = "public"
    TAKEN_OUT = "taken_out"
    """Withdrawn by its creator or a moderator."""
    HIDDEN = "hidden"
    """Hidden by a moderator."""


@dataclass(frozen=True, slots=True)
class FootageSource:
    """A clip whose footage is in another clip, and what its creator allows in the server.

    ``creator_id`` is `None` for a creator who was erased or is unknown.
    """

    creator_id: int | None
    is_deleted: bool = False
    is_blocked: bool = False
    consent: ShowcaseConsent = ShowcaseConsent.STARS
    showing: SourceShowing = SourceShowing.NEVER


def decide_reach(
    *,
    creator_id: int,
    age_restricted: bool,
    channel_age_restricted: bool,
    sources: Iterable[FootageSource],
    is_by_stars: bool,
) -> Reach:
    """Return where a clip's post may appear; ``is_by_stars`` means that stars added it."""
    limits = [_limit_by_age(age_restricted, channel_age_restricted=channel_age_restricted)]
    limits += [_limit_by_source(source, creator_id, is_by_stars=is_by_stars) for source in sources]
    return min(limits, key=_NARROWEST_FIRST.index)


def _limit_by_age(age_restricted: bool, *, channel_age_restricted: bool) -> Reach:
    if not age_restricted:
        return Reach.PUBLIC
    may_appear = may_show(age_restricted=True, place_age_restricted=channel_age_restricted)
    return Reach.SERVER if may_appear else Reach.NOWHERE


def _limit_by_source(source: FootageSource, creator_id: int, *, is_by_stars: bool) -> Reach:
    if source.showing is SourceShowing.HIDDEN or source.is_blocked:
        return Reach.NOWHERE
    if source.creator_id == creator_id:
        return Reach.PUBLIC
    if source.creator_id is None or source.is_deleted:
        return Reach.NOWHERE
    if source.showing is SourceShowing.TAKEN_OUT or source.consent is ShowcaseConsent.NOBODY:
        return Reach.NOWHERE
    if source.consent is ShowcaseConsent.EVERYONE or source.showing is SourceShowing.PUBLIC:
        return Reach.PUBLIC
    return Reach.SERVER if source.showing is SourceShowing.SERVER or is_by_stars else Reach.NOWHERE
