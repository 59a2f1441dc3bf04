"""Takes: cheap drafts of one request, of which one is made in full."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.errors import RuleBroken
from bot.domain.jobs.plan_resolution import find_plan, resolve_plan
from bot.domain.jobs.request import (
    GenerationMode,
    InputImage,
    Resolution,
    TakesOrder,
    VideoPlan,
    VideoRequest,
)
from bot.domain.jobs.violations import RuleContext

MIN_TAKES: Final = 2
MAX_TAKES: Final = 4
DRAFT_LIFETIME: Final = timedelta(days=1)
"""How long drafts are kept after they were posted, unless they are made in full."""


def resolve_request(request: VideoRequest, context: RuleContext) -> VideoPlan:
    """Return the plan for ``request``, with a video for each draft if it asks for takes.

    Raises `RuleBroken`.
    """
    return (
        resolve_plan(request, context) if request.takes is None else _plan_takes(request, context)
    )


def find_request_plan(request: VideoRequest, context: RuleContext) -> VideoPlan | None:
    """Return the plan of `resolve_request`, `None` if there is none."""
    try:
        return resolve_request(request, context)
    except RuleBroken:
        return None


def _plan_takes(request: VideoRequest, context: RuleContext) -> VideoPlan:
    count = min(max(request.takes or 0, MIN_TAKES), MAX_TAKES)
    full_request = request.evolve(takes=None, videos=None)
    if request.source is not None or request.preceding is not None:
        raise RuleBroken("takes_from_clip", "takes")
    try:
        full = resolve_plan(full_request, context)
    except RuleBroken as error:
        if error.nearest is not None:
            error.nearest = error.nearest.evolve(takes=count)
        raise
    draft = _find_draft(full_request, full, context)
    order = TakesOrder(count, full.price, request.model, request.resolution, request.seconds)
    price = Micros(draft.price * count)
    return replace(draft, videos=count, price=price, takes=order)


def _find_draft(request: VideoRequest, full: VideoPlan, context: RuleContext) -> VideoPlan:
    """Return the cheapest plan with the smallest resolution and, if possible, the full length.

    A seed is left out, because all drafts would be the same.
    """
    any_model = request.evolve(
        model=None, resolution=None, seed=None, aspect_ratio=full.aspect_ratio
    )
    same_length = any_model.evolve(seconds=full.seconds)
    small = same_length.evolve(resolution=Resolution.P360)
    for variant in (small, same_length, any_model.evolve(seconds=None)):
        if (plan := find_plan(variant, context)) is not None:
            return plan
    return replace(full, seed=None)


def split_plan(plan: VideoPlan) -> list[VideoPlan]:
    """Return the plans of the jobs for an accepted plan: one, or one for each draft."""
    if plan.takes is None:
        return [plan]
    price = Micros(plan.price // plan.videos)
    return [replace(plan, videos=1, price=price)] * plan.videos


def list_full_requests(
    plan: VideoPlan, draft: Clip, first_frame: InputImage
) -> tuple[VideoRequest, ...]:
    """Return how ``draft`` can be made in full, the closest result first.

    ``plan`` is that of its job. A model that edits clips renders the draft again. Others get the
    same request with the draft's first frame, unless it has pictures of its own.
    """
    again = plan.as_request().evolve(takes=None, full_take=draft.id)
    if plan.mode is GenerationMode.TEXT:
        again = again.evolve(image=first_frame)
    rendered = VideoRequest(
        prompt=plan.prompt,
        negative_prompt=plan.negative_prompt,
        model=again.model,
        resolution=again.resolution or _choose_full_resolution(draft),
        source=draft.as_source(),
        is_edit=True,
        full_take=draft.id,
    )
    return rendered, again


def choose_full_request(
    plan: VideoPlan, draft: Clip, first_frame: InputImage, context: RuleContext
) -> VideoRequest:
    """Return the first of `list_full_requests` that has a plan, or else the last one."""
    requests = list_full_requests(plan, draft, first_frame)
    possible = (each for each in requests if find_plan(each, context) is not None)
    return next(possible, requests[-1])


def describe_frame(draft: Clip) -> InputImage:
    """Return a first frame that is not taken yet, for a price."""
    return InputImage("", "image/jpeg", draft.width, draft.height, "")


def _choose_full_resolution(draft: Clip) -> Resolution:
    return Resolution.P720 if draft.resolution in (None, Resolution.P360) else draft.resolution
