"""How a model gets at the clip that a request continues or changes, or why it cannot.

Veo accepts a file that it made and that Google still keeps. Gemini Omni accepts the id of the Omni
interaction that made the clip, as long as Google keeps it. Otherwise it accepts our own copy,
whichever model made it. In the EEA, Switzerland and the UK Google does not accept copies
(ai.google.dev, "Gemini Omni", limits).
"""

from enum import StrEnum
from typing import Final

from bot.domain.jobs.request import GoogleRoute, OperatorRegion, SourceClip
from bot.domain.models import ModelSpec

EXPIRY_MARGIN_S: Final = 120.0
"""What Google deletes in fewer seconds is not used, because the job may have to queue."""

COPY_REGIONS: Final = frozenset({OperatorRegion.ELSEWHERE, OperatorRegion.MENA})
"""Where Google's Interactions API accepts uploaded videos."""


class SourceAccess(StrEnum):
    FILE = "file"
    """Google's own file, by its address."""
    INTERACTION = "interaction"
    """The id of the Omni interaction that made it."""
    COPY = "copy"
    """The bytes of our original."""


class SourceObstacle(StrEnum):
    """Why a model cannot get at a clip; each is the key of a rule's text."""

    OTHER_ROUTE = "source_other_route"
    GONE = "source_gone"
    EXPIRED = "source_expired"
    REGION = "source_region"


def find_source_access(
    source: SourceClip, model: ModelSpec, *, now: float, region: OperatorRegion
) -> SourceAccess | SourceObstacle:
    """Return how ``model`` gets at ``source``; ``now`` is in Unix seconds."""
    if model.route.is_omni:
        return _find_omni_access(source, model, now=now, region=region)
    if model.route is not source.route:
        return SourceObstacle.OTHER_ROUTE
    has_copy = model.route.takes_copies and source.path is not None
    if source.remote_uri is None and not has_copy:
        return SourceObstacle.GONE
    if not _is_kept(source.expires_at, now):
        return SourceObstacle.EXPIRED
    return SourceAccess.FILE if source.remote_uri is not None else SourceAccess.COPY


def may_send_copy(route: GoogleRoute, region: OperatorRegion) -> bool:
    """Return whether Google accepts our copy of a clip on ``route`` in the operator's region."""
    return route.takes_copies and (not route.is_omni or region in COPY_REGIONS)


def _find_omni_access(
    source: SourceClip, model: ModelSpec, *, now: float, region: OperatorRegion
) -> SourceAccess | SourceObstacle:
    has_interaction = (
        model.route.keeps_interactions
        and source.route is model.route
        and source.interaction_id is not None
    )
    if has_interaction and _is_kept(source.interaction_expires_at, now):
        return SourceAccess.INTERACTION
    if source.path is None:
        return SourceObstacle.EXPIRED if has_interaction else SourceObstacle.GONE
    return SourceAccess.COPY if may_send_copy(model.route, region) else SourceObstacle.REGION


def _is_kept(expires_at: float | None, now: float) -> bool:
    return expires_at is None or expires_at - EXPIRY_MARGIN_S > now
