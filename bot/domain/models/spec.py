"""What a video model is: the facts that decide what may be asked of it and what it costs.

Kept apart from the reading of the catalogue so that the rules can be tested against models that
no file describes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Self

from bot.domain.billing.money import Micros
from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    GoogleRoute,
    OperatorRegion,
    PersonGeneration,
    Resolution,
)


@dataclass(frozen=True, slots=True)
class ModelCondition:
    """A rule of the kind "1080p needs 8 s".

    Where ``when`` (a mode or a resolution) is asked for, each given field is the only value that
    the model takes. ``seconds`` is the length on the wire.
    """

    when: GenerationMode | Resolution
    seconds: int | None = None
    aspect_ratio: AspectRatio | None = None
    resolution: Resolution | None = None


@dataclass(frozen=True, slots=True)
class ExtensionRules:
    """How far a model can continue a clip; lengths in seconds.

    ``added_seconds`` is what one call adds and what it costs; ``sent_seconds`` is the
    ``durationSeconds`` that the call must carry. ``max_hops`` is `None` where only the lengths
    limit the chain. ``refused_sources`` are modes whose clips Google does not continue.
    """

    added_seconds: int
    sent_seconds: int
    resolution: Resolution
    max_input_seconds: int
    max_result_seconds: int
    max_hops: int | None = None
    refused_sources: frozenset[GenerationMode] = frozenset()


@dataclass(frozen=True, slots=True)
class PeopleRow:
    """The values of ``personGeneration`` that a model takes in some regions, for each mode.

    The first value of a mode is what Google does when the parameter is left out.
    """

    regions: frozenset[OperatorRegion]
    values: Mapping[GenerationMode, tuple[PersonGeneration, ...]] = field(hash=False)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model on one route.

    ``resolutions`` is empty where the model does not take the parameter (its clips are 720p).
    ``prices`` are micro-dollars a second. ``keep_seconds`` is how long Google keeps a finished
    file (`None`: as long as its owner does). ``retires`` is Google's announced shutdown date: it
    is shown and decides nothing, since gateways outlive it; what is offered follows from what the
    account can reach. ``sources`` tells for each fact where it comes from.
    """

    id: str
    route: GoogleRoute
    family: str
    name: str
    modes: frozenset[GenerationMode]
    aspect_ratios: tuple[AspectRatio, ...]
    resolutions: tuple[Resolution, ...]
    lengths: tuple[int, ...]
    default_seconds: int
    max_videos: int
    max_references: int
    max_prompt_tokens: int
    seed: bool
    negative_prompt: bool
    audio: bool
    prices: Mapping[Resolution, Micros] = field(hash=False)
    people: tuple[PeopleRow, ...] = ()
    conditions: tuple[ModelCondition, ...] = ()
    extension: ExtensionRules | None = None
    keep_seconds: int | None = None
    retires: date | None = None
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def native_resolution(self) -> Resolution:
        """What a clip has when no resolution is asked for."""
        return self.resolutions[0] if self.resolutions else Resolution.P720

    def price_per_second(self, resolution: Resolution | None) -> Micros:
        """Return micro-dollars for a second of one video; `None` is the native resolution."""
        return self.prices[resolution or self.native_resolution]

    def person_values(
        self, mode: GenerationMode, region: OperatorRegion
    ) -> tuple[PersonGeneration, ...]:
        """Return the ``personGeneration`` values that Google takes here; the first is its default.

        Empty when nothing is known, so that no promise is made.
        """
        for row in self.people:
            if region in row.regions:
                return row.values.get(mode, ())
        return ()

    def find_conditions(
        self, mode: GenerationMode, resolution: Resolution
    ) -> tuple[ModelCondition, ...]:
        """Return the conditions that a request of this mode and resolution has to meet."""
        return tuple(each for each in self.conditions if each.when in (mode, resolution))


@dataclass(frozen=True, slots=True)
class ModelCatalogue:
    """All models that the program knows, in the order in which ties are broken."""

    models: tuple[ModelSpec, ...]

    def get(self, model_id: str) -> ModelSpec | None:
        """Return the model of that id, whichever its route."""
        return next((model for model in self.models if model.id == model_id), None)

    def restrict_to(self, *routes: GoogleRoute) -> Self:
        """Return the part of the catalogue that is reached through ``routes``."""
        return type(self)(tuple(model for model in self.models if model.route in routes))
