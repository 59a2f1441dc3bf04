"""Video models as facts: what each can do, and what it costs.

Apart from the TOML reader, so that rules can be tested against models that no file describes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final, Self

from bot.domain.billing.money import Micros
from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    GoogleRoute,
    OperatorRegion,
    PersonGeneration,
    PersonRule,
    Resolution,
)

_NOTHING: Final = Micros(0)


@dataclass(frozen=True, slots=True)
class ModelCondition:
    """A rule of the kind "1080p needs 8 s".

    A request with the mode or resolution ``when`` must have the value of each field that is set.
    ``seconds`` is the ``durationSeconds`` sent to Google; ``max_seconds`` is the longest clip.
    """

    when: GenerationMode | Resolution
    seconds: int | None = None
    max_seconds: int | None = None
    aspect_ratio: AspectRatio | None = None
    resolution: Resolution | None = None


@dataclass(frozen=True, slots=True)
class ExtensionRules:
    """How a model extends a clip; lengths in seconds.

    One call adds ``added_seconds``, which is what it costs; a member may choose another of
    ``added_lengths``, if there are any. ``sent_seconds`` is the ``durationSeconds`` that Veo wants
    with it (`None`: the added seconds are sent). A result has the ``resolution``, or if there is
    none, one of ``resolutions`` that the member chooses. ``max_hops`` is the number of extensions
    in a chain; `None` if only the lengths limit it. Google does not extend clips of the modes
    ``refused_sources``.
    """

    added_seconds: int
    max_input_seconds: int
    max_result_seconds: int
    added_lengths: tuple[int, ...] = ()
    sent_seconds: int | None = None
    resolution: Resolution | None = None
    resolutions: tuple[Resolution, ...] = ()
    max_hops: int | None = None
    refused_sources: frozenset[GenerationMode] = frozenset()

    @property
    def offered_lengths(self) -> tuple[int, ...]:
        """The numbers of seconds that can be added."""
        return self.added_lengths or (self.added_seconds,)

    @property
    def offered_resolutions(self) -> tuple[Resolution, ...]:
        """The resolutions that a result can have, the usual one first."""
        return self.resolutions if self.resolution is None else (self.resolution,)


@dataclass(frozen=True, slots=True)
class EditRules:
    """How a model changes a clip: one of at most ``max_input_seconds``, which keeps its length."""

    max_input_seconds: int
    max_references: int = 0


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """Micro-dollars per million tokens, for models that Google bills by what ``usage`` says."""

    input: Micros
    text: Micros
    video: Micros


@dataclass(frozen=True, slots=True)
class PeopleRow:
    """The ``personGeneration`` values for some regions, by mode; the first is Google's default."""

    regions: frozenset[OperatorRegion]
    values: Mapping[GenerationMode, tuple[PersonGeneration, ...]] = field(hash=False)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model on one route.

    ``resolutions`` is empty if the model does not take the parameter (its clips are 720p).
    ``prices`` are micro-dollars per second, and ``request_price`` is for what is sent with each
    request; ``token_prices`` are what the bill is settled by, where Google tells tokens.
    ``google_name`` is the model's name at Google, if it is not the id. ``keep_seconds`` is how long
    Google keeps a finished file (`None`: as long as its owner does), and
    ``keep_interaction_seconds`` how long it keeps what a clip can be continued by.

    From the day that it ``retires`` a model is off, unless the route's own server says that it is
    there (gateways outlive Google's dates); ``replaced_by`` is the id of its successor.
    ``guaranteed_person_rule`` is what the operator trusts Google to keep without a parameter.
    ``sources`` says for each fact where it comes from.
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
    edit: EditRules | None = None
    request_price: Micros = _NOTHING
    token_prices: TokenPrices | None = None
    google_name: str | None = None
    keep_seconds: int | None = None
    keep_interaction_seconds: int | None = None
    retires: date | None = None
    replaced_by: str | None = None
    guaranteed_person_rule: PersonRule | None = None
    sources: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def native_resolution(self) -> Resolution:
        """The resolution of a clip if the request names none."""
        return self.resolutions[0] if self.resolutions else Resolution.P720

    def get_price_per_second(self, resolution: Resolution | None) -> Micros:
        """Return micro-dollars per second of one video; `None` is the native resolution."""
        return self.prices[resolution or self.native_resolution]

    @property
    def name_at_google(self) -> str:
        return self.google_name or self.id

    def compute_price(self, resolution: Resolution | None, seconds: int, videos: int) -> Micros:
        """Return the most that a request costs."""
        per_video = self.get_price_per_second(resolution) * seconds + self.request_price
        return Micros(per_video * videos)

    def has_retired(self, today: date) -> bool:
        """Whether Google's announced shutdown date is reached."""
        return self.retires is not None and self.retires <= today

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

    def trust_omni(self, rule: PersonRule) -> Self:
        """Return the catalogue with ``rule`` taken as kept by Gemini Omni without a parameter."""
        return type(self)(
            tuple(
                replace(model, guaranteed_person_rule=rule) if model.route.is_omni else model
                for model in self.models
            )
        )


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
