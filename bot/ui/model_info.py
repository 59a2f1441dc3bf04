"""What the messages have to know of the models: names, and whether a clip can go on."""

from datetime import datetime

from bot.domain.clips.clip import Clip
from bot.domain.jobs.request import GenerationMode, OperatorRegion, VideoRequest
from bot.domain.jobs.violations import RuleContext, find_violations
from bot.services.admin.model_directory import ModelDirectory


class ModelInfo:
    """`bot.ui.clip_card.Abilities` by the catalogue and the rules."""

    def __init__(self, *, model_directory: ModelDirectory, region: OperatorRegion) -> None:
        self._model_directory = model_directory
        self._region = region

    def get_display_name(self, model: str) -> str:
        """Return the name of a model for people; its id where it is unknown."""
        known = self._model_directory.catalogue.get(model)
        return known.name if known is not None else model

    def is_extendable(self, clip: Clip, now: datetime) -> bool:
        """Return whether some model on offer would take an extension of the clip."""
        able = self._model_directory.list_offered(GenerationMode.EXTENSION)
        offer = RuleContext(models=able, now=now.timestamp(), region=self._region)
        request = VideoRequest(prompt="…", source=clip.as_source())
        return any(next(find_violations(request, model, offer), None) is None for model in able)
