"""What messages need to know about models: their names, and whether they can change a clip."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.jobs.plan_resolution import find_plan
from bot.domain.jobs.remakes import Remake, list_remakes
from bot.domain.jobs.request import OperatorRegion, VideoPlan, VideoRequest
from bot.domain.jobs.takes import choose_full_request, describe_frame
from bot.domain.jobs.violations import RuleContext, find_violations
from bot.domain.models import ModelSpec
from bot.services.admin.model_directory import ModelDirectory


class ModelInfoSource(Protocol):
    """The interface of `ModelInfo`, which fakes in tests implement too."""

    def get_display_name(self, model: str) -> str:
        """Return a model's name, or its id if the model is unknown."""
        ...

    def is_extendable(self, clip: Clip, now: datetime) -> bool:
        """Return whether an offered model can extend the clip at ``now``."""
        ...

    def is_editable(self, clip: Clip, now: datetime) -> bool:
        """Return whether an offered model can edit the clip at ``now``."""
        ...

    def list_remakes(self, plan: VideoPlan, now: datetime) -> list[Remake]:
        """Return what else the plan's model, if it is offered, can make of the same request."""
        ...

    def find_full_price(self, plan: VideoPlan, draft: Clip, now: datetime) -> Micros | None:
        """Return the price of making a draft in full, `None` if that is impossible at ``now``."""
        ...


def find_end(
    is_possible: Callable[[Clip, datetime], bool], clip: Clip, now: datetime
) -> datetime | None:
    """Return when ``is_possible`` stops being true for the clip, or `None` if it never does.

    It may stop when Google deletes its copy or interaction, unless our copy is enough.
    """
    ends = (clip.remote_expires_at, clip.interaction_expires_at)
    future_ends = sorted(end for end in ends if end is not None and end > now)
    return next((end for end in future_ends if not is_possible(clip, end)), None)


class ModelInfo:
    def __init__(self, *, model_directory: ModelDirectory, region: OperatorRegion) -> None:
        self._model_directory = model_directory
        self._region = region

    def get_display_name(self, model: str) -> str:
        spec = self._model_directory.catalog.get(model)
        return spec.name if spec is not None else model

    def is_extendable(self, clip: Clip, now: datetime) -> bool:
        return self._is_possible(VideoRequest(prompt="…", source=clip.as_source()), now)

    def is_editable(self, clip: Clip, now: datetime) -> bool:
        request = VideoRequest(prompt="…", source=clip.as_source(), is_edit=True)
        return self._is_possible(request, now)

    def list_remakes(self, plan: VideoPlan, now: datetime) -> list[Remake]:
        models = self._model_directory.list_offered(plan.mode)
        model = next((each for each in models if each.id == plan.model), None)
        if model is None:
            return []
        return list(list_remakes(plan, model, self._build_context(models, now)))

    def find_full_price(self, plan: VideoPlan, draft: Clip, now: datetime) -> Micros | None:
        context = self._build_context(self._model_directory.list_offered(), now)
        request = choose_full_request(plan, draft, describe_frame(draft), context)
        full = find_plan(request, context)
        return None if full is None else full.price

    def _is_possible(self, request: VideoRequest, now: datetime) -> bool:
        models = self._model_directory.list_offered(request.mode)
        context = self._build_context(models, now)
        return any(next(find_violations(request, model, context), None) is None for model in models)

    def _build_context(self, models: tuple[ModelSpec, ...], now: datetime) -> RuleContext:
        return RuleContext(models=models, now=now.timestamp(), region=self._region)
