"""What the messages have to know of the models: names, and whether a clip can go on."""

from datetime import datetime

from bot.domain.clips.clip import Clip
from bot.domain.jobs.request import Mode, Region, VideoRequest
from bot.domain.jobs.violations import Offer, breaches
from bot.services.admin.model_directory import Models


class ModelAbilities:
    """`bot.ui.clip_card.Abilities` by the catalogue and the rules."""

    def __init__(self, *, models: Models, region: Region) -> None:
        self._models = models
        self._region = region

    def title(self, model: str) -> str:
        """Return the name of a model for people; its id where it is unknown."""
        known = self._models.catalogue.get(model)
        return known.name if known is not None else model

    def extendable(self, clip: Clip, now: datetime) -> bool:
        """Return whether some model on offer would take an extension of the clip."""
        able = self._models.offered(Mode.EXTENSION)
        offer = Offer(models=able, now=now.timestamp(), region=self._region)
        request = VideoRequest(prompt="…", source=clip.as_source())
        return any(next(breaches(request, model, offer), None) is None for model in able)
