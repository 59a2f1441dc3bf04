"""The part ``text`` of ``PUT /control/google``: what the text models answer."""

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class PlannedAnswer:
    """One answer. Without a ``text`` it is the first that fits the request's schema."""

    text: str | None = None
    finish_reason: str = "STOP"
    block_reason: str = ""
    """If set, the prompt is blocked, and there is no candidate."""


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """The answer to requests of which a text matches a pattern."""

    prompt: re.Pattern[str]
    answer: PlannedAnswer


@dataclass(frozen=True, slots=True)
class TextSettings:
    """What can be set. Times in seconds."""

    default: PlannedAnswer = PlannedAnswer()
    rules: tuple[AnswerRule, ...] = ()
    """The first that matches counts."""
    seconds: float = 0.0
    """How long an answer takes. It is billed as soon as it is asked for."""
    thought_tokens: int = 0
    reports_usage: bool = True

    def answer_for(self, text: str) -> PlannedAnswer:
        """Return the answer to a request that says ``text``."""
        matching = (rule.answer for rule in self.rules if rule.prompt.search(text))
        return next(matching, self.default)

    def with_changes(self, changes: dict[str, Any]) -> "TextSettings":
        """These settings with some changed. Raises ValueError, KeyError or TypeError."""
        unknown = changes.keys() - _READERS.keys()
        if unknown:
            known = ", ".join(sorted(_READERS))
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known are {known}")
        values = dict(_READERS[name](value) for name, value in changes.items())
        return dataclasses.replace(self, **values)

    def to_json(self) -> dict[str, Any]:
        """Return the settings in the form in which they can be set."""
        return {
            "answer": dataclasses.asdict(self.default),
            "answer_for": [
                {"prompt": rule.prompt.pattern, **dataclasses.asdict(rule.answer)}
                for rule in self.rules
            ],
            "seconds": self.seconds,
            "thought_tokens": self.thought_tokens,
            "reports_usage": self.reports_usage,
        }


def _read_answer(value: dict[str, Any]) -> PlannedAnswer:
    unknown = value.keys() - {"text", "finish_reason", "block_reason"}
    if unknown:
        raise ValueError(f"unknown: {', '.join(sorted(unknown))}")
    if not all(item is None or isinstance(item, str) for item in value.values()):
        raise TypeError("texts are needed")
    return PlannedAnswer(**value)


def _read_rules(value: list[dict[str, Any]]) -> tuple[AnswerRule, ...]:
    rules = []
    for item in value:
        answer = {name: text for name, text in item.items() if name != "prompt"}
        rules.append(AnswerRule(re.compile(item["prompt"]), _read_answer(answer)))
    return tuple(rules)


def _read_number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise TypeError("a number of at least 0 is needed")
    return float(value)


def _read_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false is needed")
    return value


_READERS: Final[dict[str, Callable[[Any], tuple[str, Any]]]] = {
    "answer": lambda value: ("default", _read_answer(value)),
    "answer_for": lambda value: ("rules", _read_rules(value)),
    "seconds": lambda value: ("seconds", _read_number(value)),
    "thought_tokens": lambda value: ("thought_tokens", int(_read_number(value))),
    "reports_usage": lambda value: ("reports_usage", _read_flag(value)),
}
