"""Video models as facts: what each can do, and what it costs.

Apart from the TOML reader, so that rules can be tested against models that no file describes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
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

    A request with the mode or resolution ``when`` must have the value of each field that is set.
    ``seconds`` is the ``durationSeconds`` sent to Google.
    """

    when: GenerationMode | Resolution
    seconds: int | None = None
    aspect_ratio: AspectRatio | None = None
    resolution: Resolution | None = None


@dataclass(frozen=True, slots=True)
class ExtensionRules:
    """How a model extends a clip; lengths in seconds.

    One call adds ``added_seconds``, which is what it costs, and must carry ``sent_seconds`` as its
    ``durationSeconds``. ``max_hops`` is the number of extensions in a chain; `None` if only the
    lengths limit it. Google does not extend clips of the modes ``refused_sources``.
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
    """The ``personGeneration`` values for some regions, by mode; the first is Google's default."""

    regions: frozenset[OperatorRegion]
    values: Mapping[GenerationMode, tuple[PersonGeneration, ...]] = field(hash=False)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model on one route.

    ``resolutions`` is empty if the model does not take the parameter (its clips are 720p).
    ``prices`` are micro-dollars per second. ``keep_seconds`` is how long Google keeps a finished
    file (`None`: as long as its owner does). ``retires`` is Google's announced shutdown date. It is
    shown but decides nothing, since gateways may outlive it. ``sources`` says for each fact where
    it comes from.
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
        """The resolution of a clip if the request names none."""
        return self.resolutions[0] if self.resolutions else Resolution.P720

    def get_price_per_second(self, resolution: Resolution | None) -> Micros:
        """Return micro-dollars per second of one video; `None` is the native resolution."""
        return self.prices[resolution or self.native_resolution]

    def list_person_values(
        self, mode: GenerationMode, region: OperatorRegion
    ) -> tuple[PersonGeneration, ...]:
        """Return the ``personGeneration`` values that Google takes, its default first.

        Empty if they are not known, so that nothing is promised.
        """
        rows = (row for row in self.people if region in row.regions)
        return next((row.values.get(mode, ()) for row in rows), ())

    def find_conditions(
        self, mode: GenerationMode, resolution: Resolution
    ) -> tuple[ModelCondition, ...]:
        return tuple(
            condition for condition in self.conditions if condition.when in (mode, resolution)
        )


@dataclass(frozen=True, slots=True)
class ModelCatalogue:
    """All known models; earlier ones win ties."""

    models: tuple[ModelSpec, ...]

    def get(self, model_id: str) -> ModelSpec | None:
        return next((model for model in self.models if model.id == model_id), None)

    def restrict_to(self, *routes: GoogleRoute) -> Self:
        return type(self)(tuple(model for model in self.models if model.route in routes))


@dataclass(frozen=True, slots=True)
class ModelState:
    """What running the bot has taught about a model, unlike the catalogue's fixed facts.

    Until ``rate_limited_until``, a time that Google named, nothing is submitted with the model.
    """

    model: str
    disabled: bool = False
    disabled_reason: str | None = None
    changed_at: datetime | None = None
    rate_limited_until: datetime | None = None
