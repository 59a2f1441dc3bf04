"""How this Google behaves: fate, as far as a test or a person at the control API decides it.

One frozen value; a change makes a new one. Names are those of ``PUT /control/google``.
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

from sandbox.google.clips import Look
from sandbox.google.models import Region

FILE_LIFETIME_S: Final = 48 * 3600.0
"""Generated videos are kept for two days (Veo documentation, "Limitations")."""

AUDIO_BLOCK: Final = (
    "We encountered an issue with the audio for your prompt, so no video was generated. You have "
    "not been charged for this attempt."
)
FAILURE: Final = "Video generation failed due to an internal server issue. Please try again."
_P95: Final = NormalDist().inv_cdf(0.95)


class SettingsError(Exception):
    """A setting that the control API does not know or cannot take."""


class Outcome(StrEnum):
    """How an operation ends."""

    DONE = "done"
    FILTERED = "filtered"
    FAILED = "failed"
    NEVER = "never"


class FilteredOn(StrEnum):
    """Where a filtered answer of the Gemini API carries its two fields; both were seen."""

    WRAPPED = "generateVideoResponse"
    RESPONSE = "response"


@dataclass(frozen=True, slots=True)
class Quota:
    """How many requests a project may start for one model; None is unlimited."""

    per_minute: int | None = None
    per_day: int | None = None


@dataclass(frozen=True, slots=True)
class Fate:
    """An outcome with its reason: a filter's words or a failure's message, "" for the usual."""

    outcome: Outcome
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long operations take: a log-normal spread with a median and a 95th percentile, in s."""

    median: float
    p95: float

    def draw(self, seed: int, number: int) -> float:
        """The time of operation `number` in seconds: the same for the same seed."""
        if self.p95 <= self.median or self.median <= 0:
            return self.median
        digest = hashlib.sha256(f"latency {seed} {number}".encode()).digest()
        part = (int.from_bytes(digest[:6], "big") + 0.5) / 2**48
        sigma = math.log(self.p95 / self.median) / _P95
        return self.median * math.exp(sigma * NormalDist().inv_cdf(part))


@dataclass(frozen=True, slots=True)
class Rule:
    """A fate for the prompts that match a pattern."""

    prompt: re.Pattern[str]
    fate: Fate


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. Times in seconds, sizes in bytes."""

    latency: Latency = Latency(3.0, 3.0)
    latency_seed: int = 0
    fate: Fate = Fate(Outcome.DONE)
    rules: tuple[Rule, ...] = ()
    retired_models: frozenset[str] = frozenset()
    file_lifetime_s: float = FILE_LIFETIME_S
    processing_s: float = 1.0
    region: Region = Region.ELSEWHERE
    quotas: dict[str, Quota] = dataclasses.field(default_factory=dict)
    min_bytes: int = 0
    polls_before_done: int = 0
    partial_filter: int = 0
    filtered_on: FilteredOn = FilteredOn.WRAPPED
    look: Look = Look.SCENE
    vary_unseeded: bool = False
    allow_all_listed: bool = False

    def fate_of(self, prompt: str) -> Fate:
        """What becomes of a request with this prompt: the first rule that matches, or the rest."""
        return next((rule.fate for rule in self.rules if rule.prompt.search(prompt)), self.fate)

    def quota_of(self, model: str) -> Quota:
        """The quota of a model: its own, or the one set for "*"."""
        return self.quotas.get(model) or self.quotas.get("*") or Quota()

    def merged(self, changes: dict[str, Any]) -> "Settings":
        """These settings with some changed, by their names at the control API.

        Raises SettingsError, with nothing changed, for a name or value that does not fit.
        """
        values: dict[str, Any] = {}
        for name, value in changes.items():
            reader = _READERS.get(name)
            if reader is None:
                known = ", ".join(sorted(_READERS))
                message = f"unknown setting {name!r}; known are {known}"
                raise SettingsError(message)
            try:
                field, item = reader(value)
            except (TypeError, ValueError, KeyError, AttributeError, re.error) as error:
                message = f"{name} cannot be {value!r}: {error}"
                raise SettingsError(message) from error
            values[field] = item
        fate = values.get("fate", self.fate)
        if "reason" in values:
            values["fate"] = dataclasses.replace(fate, reason=values.pop("reason"))
        return dataclasses.replace(self, **values)

    def shown(self) -> dict[str, Any]:
        """The settings as JSON, in the form in which they can be set."""
        latency = self.latency
        plain = latency.p95 == latency.median
        return {
            "seconds": latency.median if plain else dataclasses.asdict(latency),
            "latency_seed": self.latency_seed,
            "outcome": self.fate.outcome,
            "reason": self.fate.reason,
            "outcome_for": [
                {
                    "prompt": rule.prompt.pattern,
                    "outcome": rule.fate.outcome,
                    "reason": rule.fate.reason,
                }
                for rule in self.rules
            ],
            "retired_models": sorted(self.retired_models),
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
        }


def read_fate(value: dict[str, Any]) -> Fate:
    """A fate from {outcome, reason?}. Raises KeyError, TypeError or ValueError."""
    return Fate(Outcome(value["outcome"]), _text(value.get("reason", "")))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        message = "it has to be a number that is not negative"
        raise TypeError(message)
    return float(value)


def _count(value: Any) -> int:
    if _number(value) != int(value):
        message = "it has to be a whole number"
        raise ValueError(message)
    return int(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        message = "it has to be a text"
        raise TypeError(message)
    return value


def _switch(value: Any) -> bool:
    if not isinstance(value, bool):
        message = "it has to be true or false"
        raise TypeError(message)
    return value


def _latency(value: Any) -> Latency:
    if isinstance(value, dict):
        return Latency(_number(value["median"]), _number(value["p95"]))
    return Latency(_number(value), _number(value))


def _rules(value: list[dict[str, Any]]) -> tuple[Rule, ...]:
    return tuple(Rule(re.compile(_text(rule["prompt"])), read_fate(rule)) for rule in value)


def _quotas(value: dict[str, dict[str, Any]]) -> dict[str, Quota]:
    return {
        model: Quota(**{name: None if n is None else _count(n) for name, n in limits.items()})
        for model, limits in value.items()
    }


_READERS: Final[dict[str, Callable[[Any], tuple[str, Any]]]] = {
    "seconds": lambda value: ("latency", _latency(value)),
    "latency_seed": lambda value: ("latency_seed", _count(value)),
    "outcome": lambda value: ("fate", Fate(Outcome(value))),
    "reason": lambda value: ("reason", _text(value or "")),
    "outcome_for": lambda value: ("rules", _rules(value)),
    "retired_models": lambda value: ("retired_models", frozenset(map(_text, value))),
    "file_lifetime_s": lambda value: ("file_lifetime_s", _number(value)),
    "processing_s": lambda value: ("processing_s", _number(value)),
    "region": lambda value: ("region", Region(value)),
    "quota": lambda value: ("quotas", _quotas(value)),
    "min_bytes": lambda value: ("min_bytes", _count(value)),
    "polls_before_done": lambda value: ("polls_before_done", _count(value)),
    "partial_filter": lambda value: ("partial_filter", _count(value)),
    "filtered_on": lambda value: ("filtered_on", FilteredOn(value)),
    "look": lambda value: ("look", Look(value)),
    "vary_unseeded": lambda value: ("vary_unseeded", _switch(value)),
    "allow_all_listed": lambda value: ("allow_all_listed", _switch(value)),
}
