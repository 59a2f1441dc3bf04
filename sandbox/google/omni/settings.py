"""The part ``omni`` of ``PUT /control/google``: the odd ways in which Omni answers."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

INTERACTION_LIFETIME_S: Final = 55 * 86_400.0
"""How long a paid project's interactions are kept; one day without billing."""


class BlockForm(StrEnum):
    """Where a blocked request shows it. All have been seen."""

    SUBMIT = "submit"
    """400 to the POST."""
    POLL = "poll"
    """400 to a GET."""
    SENTENCE = "sentence"
    """400 to a GET, with the sentence as the code."""
    FAILED = "failed"
    """200 with the status ``failed`` and a code."""
    ERROR_BODY = "error_body"
    """200 with nothing but ``error``."""
    NO_VIDEO = "no_video"
    """200, completed, and only text."""


class OverQuotaForm(StrEnum):
    """How a request over quota is answered."""

    SUBMIT = "submit"
    FIRST_POLL = "first_poll"
    """The POST answers with an id; the first GET says that nothing was made."""


@dataclass(frozen=True, slots=True)
class OmniSettings:
    """What can be set. Times in seconds."""

    block: BlockForm = BlockForm.FAILED
    over_quota: OverQuotaForm = OverQuotaForm.SUBMIT
    retry_s: float = 23.0
    """When the first GET of a request over quota says that one may try again."""
    inline: bool = False
    """Whether the video comes inline although its address was asked for."""
    lifetime_s: float = INTERACTION_LIFETIME_S
    cancel_s: float = 1.0
    """How long a cancelled interaction goes on before its status says so."""
    bills_cancelled: bool = False
    reports_usage: bool = True

    def with_changes(self, changes: dict[str, Any]) -> "OmniSettings":
        """These settings with some changed. Raises ValueError, KeyError or TypeError."""
        return dataclasses.replace(
            self, **{name: _READERS[name](value) for name, value in changes.items()}
        )


def _read_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false is needed")
    return value


def _read_seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise TypeError("a number of at least 0 is needed")
    return float(value)


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "block": BlockForm,
    "over_quota": OverQuotaForm,
    "retry_s": _read_seconds,
    "inline": _read_flag,
    "lifetime_s": _read_seconds,
    "cancel_s": _read_seconds,
    "bills_cancelled": _read_flag,
    "reports_usage": _read_flag,
}
