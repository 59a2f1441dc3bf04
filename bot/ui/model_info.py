"""What messages need to know about models: their names, and whether a clip can be extended."""

from datetime import datetime
from typing import Protocol

from bot.domain.clips.clip import Clip
from bot.domain.jobs.request import GenerationMode, OperatorRegion, VideoRequest
from bot.domain.jobs.violations import RuleContext, find_violations
from bot.services.admin.model_directory import ModelDirectory


class ModelInfoSource(Protocol):
    """`ModelInfo` as the cards see it. Fakes of the tests implement it too."""

    def get_display_name(self, model: str) -> str:
        """Return a model's name for members; its id if the model is unknown."""
        ...

    def is_extendable(self, clip: Clip, now: datetime) -> bool:
        """Return whether some offered model accepts an extension of the clip at ``now``."""
        ...


class ModelInfo:
    def __init__(self, *, model_directory: ModelDirectory, region: OperatorRegion) -> None:
        self._model_directory = model_directory
        self._region = region

    def get_display_name(self, model: str) -> str:
        spec = self._model_directory.catalogue.get(model)
        return spec.name if spec is not None else model

    def is_extendable(self, clip: Clip, now: datetime) -> bool:
        models = self._model_directory.list_offered(GenerationMode.EXTENSION)
        context = RuleContext(models=models, now=now.timestamp(), region=self._region)
        request = VideoRequest(prompt="…", source=clip.as_source())
        return any(next(find_violations(request, model, context), None) is None for model in models)
