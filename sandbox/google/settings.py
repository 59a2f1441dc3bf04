"""The settings of ``PUT /control/google``, which say how this Google behaves.

They are immutable, so a change creates a new object.
"""

import dataclasses
import hashlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist
from typing import Any, Final

from sandbox.google.clip_spec import RenderStyle
from sandbox.google.models import CallerRegion, ServiceRoute
from sandbox.google.omni.settings import OmniSettings
from sandbox.google.text_settings import TextSettings

FILE_LIFETIME_S: Final = 48 * 3600.0
"""Generated videos are kept for two days (Veo documentation, "Limitations")."""

DAY_QUOTA_DELAY_S: Final = 36.0
"""The delay that Google states for a used-up daily quota, which is far less than needed."""

AUDIO_BLOCK_MESSAGE: Final = (
    "We encountered an issue with the audio for your prompt, so no video was generated. You have "
    "not been charged for this attempt."
)
FAILURE_MESSAGE: Final = (
    "Video generation failed due to an internal server issue. Please try again."
)
INTERNAL_CODE: Final = 13
_P95: Final = NormalDist().inv_cdf(0.95)


class InvalidGoogleSetting(Exception):
    """An unknown setting, or an invalid value for one."""


class OperationOutcome(StrEnum):
    """How an operation ends."""

    DONE = "done"
    FILTERED = "filtered"
    FAILED = "failed"
    NEVER = "never"


class FileUriForm(StrEnum):
    """How an operation of the Gemini API names its files. All but the first are from gateways."""

    ABSOLUTE = "absolute"
    RELATIVE = "relative"
    BUCKET = "bucket"
    NONE = "none"


class VeoByKey(StrEnum):
    """Whether API keys still reach Veo."""

    SERVED = "served"
    """As on gateways, and until 2026-10-22 at Google."""
    GONE = "gone"
    """As at Google since then: not listed, and 404."""


class FilterPlacement(StrEnum):
    """Where a filtered response of the Gemini API has its two fields; both have been observed."""

    WRAPPED = "generateVideoResponse"
    RESPONSE = "response"


@dataclass(frozen=True, slots=True)
class ModelQuota:
    """How many requests a project may start for one model; None is unlimited."""

    per_minute: int | None = None
    per_day: int | None = None


@dataclass(frozen=True, slots=True)
class PlannedOutcome:
    """An outcome with its reason (the filter's or the failure's message); "" for Google's usual.

    ``code`` is a failed operation's: one of google.rpc.Code, or Veo's 400.
    """

    outcome: OperationOutcome
    reason: str = ""
    code: int = INTERNAL_CODE


@dataclass(frozen=True, slots=True)
class OperationLatency:
    """How long operations take: log-normal, by its median and 95th percentile in seconds."""

    median: float
    p95: float

    def draw_seconds(self, seed: int, number: int) -> float:
        """Return the seconds that operation ``number`` takes, which only depend on the seed."""
        if self.p95 <= self.median or self.median <= 0:
            return self.median
        digest = hashlib.sha256(f"latency {seed} {number}".encode()).digest()
        quantile = (int.from_bytes(digest[:6], "big") + 0.5) / 2**48
        sigma = math.log(self.p95 / self.median) / _P95
        return self.median * math.exp(sigma * NormalDist().inv_cdf(quantile))


@dataclass(frozen=True, slots=True)
class OutcomeRule:
    """The outcome of requests whose prompt matches a pattern."""

    prompt: re.Pattern[str]
    planned_outcome: PlannedOutcome


@dataclass(frozen=True, slots=True)
class GoogleSettings:
    """Everything that can be set. Times in seconds, sizes in bytes."""

    latency: OperationLatency = OperationLatency(3.0, 3.0)
    latency_seed: int = 0
    default_outcome: PlannedOutcome = PlannedOutcome(OperationOutcome.DONE)
    outcome_rules: tuple[OutcomeRule, ...] = ()
    retired_models: frozenset[str] = frozenset()
    veo: VeoByKey = VeoByKey.SERVED
    file_lifetime_s: float = FILE_LIFETIME_S
    processing_s: float = 1.0
    region: CallerRegion = CallerRegion.ELSEWHERE
    quotas: dict[str, ModelQuota] = dataclasses.field(default_factory=dict)
    min_bytes: int = 0
    polls_before_done: int = 0
    partial_filter: int = 0
    filtered_on: FilterPlacement = FilterPlacement.WRAPPED
    look: RenderStyle = RenderStyle.SCENE
    vary_unseeded: bool = False
    allow_all_listed: bool = False
    omni: OmniSettings = dataclasses.field(default_factory=OmniSettings)
    text: TextSettings = dataclasses.field(default_factory=TextSettings)
    day_quota_delay_s: float | None = DAY_QUOTA_DELAY_S
    file_uris: FileUriForm = FileUriForm.ABSOLUTE

    def outcome_for(self, prompt: str) -> PlannedOutcome:
        """Return the outcome of the first rule that matches the prompt, or the default."""
        matching = (rule for rule in self.outcome_rules if rule.prompt.search(prompt))
        rule = next(matching, None)
        return self.default_outcome if rule is None else rule.planned_outcome

    def has_retired_veo(self, route: ServiceRoute) -> bool:
        """Whether a route has no Veo any more; Vertex AI always has it."""
        return route is ServiceRoute.GEMINI and self.veo is VeoByKey.GONE

    def quota_for(self, model: str) -> ModelQuota:
        """Return the quota of a model: its own, or the one set for "*"."""
        return self.quotas.get(model) or self.quotas.get("*") or ModelQuota()

    def with_changes(self, changes: dict[str, Any]) -> "GoogleSettings":
        """These settings with some changed, by their names at the control API.

        Raises InvalidGoogleSetting, with nothing changed, for a name or value that does not fit.
        """
        values: dict[str, Any] = {}
        for name, value in changes.items():
            reader = self._find_reader(name)
            if reader is None:
                known = ", ".join(sorted([*_READERS, "omni", "text"]))
                raise InvalidGoogleSetting(f"unknown setting {name!r}; known are {known}")
            try:
                field, item = reader(value)
            except (TypeError, ValueError, KeyError, AttributeError, re.error) as error:
                raise InvalidGoogleSetting(f"{name} cannot be {value!r}: {error}") from error
            values[field] = item
        for name in ("reason", "code"):
            if name in values:
                outcome = values.get("default_outcome", self.default_outcome)
                change = {name: values.pop(name)}
                values["default_outcome"] = dataclasses.replace(outcome, **change)
        return dataclasses.replace(self, **values)

    def _find_reader(self, name: str) -> Callable[[Any], tuple[str, Any]] | None:
        """Return what reads a setting, which for a part is what the part knows."""
        if name == "omni":
            return lambda value: ("omni", self.omni.with_changes(value))
        if name == "text":
            return lambda value: ("text", self.text.with_changes(value))
        return _READERS.get(name)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON, in the form in which they can be set."""
        latency = self.latency
        plain = latency.p95 == latency.median
        return {
            "seconds": latency.median if plain else dataclasses.asdict(latency),
            "latency_seed": self.latency_seed,
            "outcome": self.default_outcome.outcome,
            "reason": self.default_outcome.reason,
            "failure_code": self.default_outcome.code,
            "outcome_for": [
                {
                    "prompt": rule.prompt.pattern,
                    "outcome": rule.planned_outcome.outcome,
                    "reason": rule.planned_outcome.reason,
                    "failure_code": rule.planned_outcome.code,
                }
                for rule in self.outcome_rules
            ],
            "retired_models": sorted(self.retired_models),
            "veo": self.veo,
            "file_lifetime_s": self.file_lifetime_s,
            "processing_s": self.processing_s,
            "region": self.region,
            "quota": {model: dataclasses.asdict(quota) for model, quota in self.quotas.items()},
            "min_bytes": self.min_bytes,
            "polls_before_done": self.polls_before_done,
            "partial_filter": self.partial_filter,
            "filtered_on": self.filtered_on,
            "look": self.look,
            "vary_unseeded": self.vary_unseeded,
            "allow_all_listed": self.allow_all_listed,
            "omni": dataclasses.asdict(self.omni),
            "text": self.text.to_json(),
            "day_quota_delay_s": self.day_quota_delay_s,
            "file_uris": self.file_uris,
        }


def read_planned_outcome(value: dict[str, Any]) -> PlannedOutcome:
    """Read {outcome, reason?, failure_code?}. Raises KeyError, TypeError or ValueError."""
    return PlannedOutcome(
        OperationOutcome(value["outcome"]),
        _read_text(value.get("reason", "")),
        _read_count(value.get("failure_code", INTERNAL_CODE)),
    )


def _read_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise TypeError("it has to be a number that is not negative")
    return float(value)


def _read_count(value: Any) -> int:
    if _read_number(value) != int(value):
        raise ValueError("it has to be a whole number")
    return int(value)


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("it has to be a text")
    return value


def _read_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("it has to be true or false")
    return value


def _read_latency(value: Any) -> OperationLatency:
    if isinstance(value, dict):
        return OperationLatency(_read_number(value["median"]), _read_number(value["p95"]))
    return OperationLatency(_read_number(value), _read_number(value))


def _read_rules(value: list[dict[str, Any]]) -> tuple[OutcomeRule, ...]:
    return tuple(
        OutcomeRule(re.compile(_read_text(rule["prompt"])), read_planned_outcome(rule))
        for rule in value
    )


def _read_quotas(value: dict[str, dict[str, Any]]) -> dict[str, ModelQuota]:
    return {
        model: ModelQuota(
            **{name: None if n is None else _read_count(n) for name, n in limits.items()}
        )
        for model, limits in value.items()
    }


_READERS: Final[dict[str, Callable[[Any], tuple[str, Any]]]] = {
    "seconds": lambda value: ("latency", _read_latency(value)),
    "latency_seed": lambda value: ("latency_seed", _read_count(value)),
    "outcome": lambda value: ("default_outcome", PlannedOutcome(OperationOutcome(value))),
    "reason": lambda value: ("reason", _read_text(value or "")),
    "failure_code": lambda value: ("code", _read_count(value)),
    "outcome_for": lambda value: ("outcome_rules", _read_rules(value)),
    "retired_models": lambda value: ("retired_models", frozenset(map(_read_text, value))),
    "veo": lambda value: ("veo", VeoByKey(value)),
    "file_lifetime_s": lambda value: ("file_lifetime_s", _read_number(value)),
    "processing_s": lambda value: ("processing_s", _read_number(value)),
    "region": lambda value: ("region", CallerRegion(value)),
    "quota": lambda value: ("quotas", _read_quotas(value)),
    "min_bytes": lambda value: ("min_bytes", _read_count(value)),
    "polls_before_done": lambda value: ("polls_before_done", _read_count(value)),
    "partial_filter": lambda value: ("partial_filter", _read_count(value)),
    "filtered_on": lambda value: ("filtered_on", FilterPlacement(value)),
    "look": lambda value: ("look", RenderStyle(value)),
    "vary_unseeded": lambda value: ("vary_unseeded", _read_flag(value)),
    "allow_all_listed": lambda value: ("allow_all_listed", _read_flag(value)),
    "day_quota_delay_s": lambda value: (
        "day_quota_delay_s",
        None if value is None else _read_number(value),
    ),
    "file_uris": lambda value: ("file_uris", FileUriForm(value)),
}
