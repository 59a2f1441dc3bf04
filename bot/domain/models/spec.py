"""The facts of video models: what each can do, and what it costs.

They are separate from the TOML reader, so that rules can be tested with models of any kind.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Self

from bot.domain.billing.money import ZERO_MICROS, Micros
from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    GoogleRoute,
    OperatorRegion,
    PersonGeneration,
    PersonRule,
    Resolution,
)


@dataclass(frozen=True, slots=True)
class ModelCondition:
    """A rule such as "1080p needs 8 s".

    A request with the mode or resolution ``when`` must have the values that are set here.
    ``seconds`` is the ``durationSeconds`` sent to Google, ``max_seconds`` the longest clip.
    """

    when: GenerationMode | Resolution
    seconds: int | None = None
    max_seconds: int | None = None
    aspect_ratio: AspectRatio | None = None
    resolution: Resolution | None = None


@dataclass(frozen=True, slots=True)
class ExtensionRules:
    """How a model extends a clip; lengths are in seconds.

    One call adds ``added_seconds`` and costs as much. If there are ``added_lengths``, a member may
    choose another of them. ``sent_seconds`` is the ``durationSeconds`` that Veo expects; `None`
    means that the added seconds are sent. A result has the ``resolution``, or if that is not set,
    one of ``resolutions`` that the member chooses. ``max_hops`` is the number of extensions in a
    chain, `None` if only the lengths limit it. Google does not extend clips of the modes in
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
    """How a model edits a clip, which keeps its length; it has at most ``max_input_seconds``."""

    max_input_seconds: int
    max_references: int = 0


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """Micro-dollars per million tokens, for models that Google bills by token usage."""

    input: Micros
    text: Micros
    video: Micros


@dataclass(frozen=True, slots=True)
class PeopleRow:
    """The ``personGeneration`` values in some regions, by mode; the first is Google's default."""

    regions: frozenset[OperatorRegion]
    values: Mapping[GenerationMode, tuple[PersonGeneration, ...]] = field(hash=False)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model on one route.

    ``resolutions`` is empty if the model does not have the parameter; its clips are 720p.
    ``prices`` are micro-dollars per second, and ``request_price`` is for the input of each request.
    The bill follows ``token_prices`` if Google reports tokens. ``google_name`` is the model's name
    at Google if it is not the id. Google keeps a finished file for ``keep_seconds``; `None` means
    as long as its owner does. It keeps an Omni interaction for ``keep_interaction_seconds``.

    From the day on which it ``retires``, a model is off, unless the route's server still offers it,
    as some gateways do. ``replaced_by`` is the id of its successor. ``guaranteed_person_rule`` is
    the rule that the operator trusts the model to follow without a parameter. ``sources`` names
    the source of each fact.
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
    request_price: Micros = ZERO_MICROS
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
        """Return the highest price of a request, in micro-dollars."""
        per_video = self.get_price_per_second(resolution) * seconds + self.request_price
        return Micros(per_video * videos)

    def has_retired(self, today: date) -> bool:
        """Return whether Google's announced shutdown date has been reached."""
        return self.retires is not None and self.retires <= today

    def list_person_values(
        self, mode: GenerationMode, region: OperatorRegion
    ) -> tuple[PersonGeneration, ...]:
        """Return the ``personGeneration`` values that Google accepts, its default first.

        Empty if they are unknown, so that the model cannot promise any rule.
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
class ModelCatalog:
    """All known models; the order breaks ties."""

    models: tuple[ModelSpec, ...]

    def get(self, model_id: str) -> ModelSpec | None:
        return next((model for model in self.models if model.id == model_id), None)

    def restrict_to(self, *routes: GoogleRoute) -> Self:
        return type(self)(tuple(model for model in self.models if model.route in routes))

    def trust_omni(self, rule: PersonRule) -> Self:
        """Return the catalog with ``rule`` guaranteed by all models of Gemini Omni."""
        return type(self)(
            tuple(
                replace(model, guaranteed_person_rule=rule) if model.route.is_omni else model
                for model in self.models
            )
        )


@dataclass(frozen=True, slots=True)
class ModelState:
    """What has changed about a model at run time, unlike the catalog's fixed facts.

    Nothing is submitted with the model until ``rate_limited_until``, which Google named.
    """

    model: str
    disabled: bool = False
    disabled_reason: str | None = None
    changed_at: datetime | None = None
    rate_limited_until: datetime | None = None
