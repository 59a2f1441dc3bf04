"""Computes what an interaction cost from the tokens that Google counted.

Video is the most expensive output. Other output and thoughts are billed as text:
https://ai.google.dev/gemini-api/docs/pricing
"""

from collections.abc import Mapping
from typing import Any, Final

from bot.domain.billing.money import Micros
from bot.domain.models import TokenPrices
from bot.google.operations import as_list, as_mapping

_MILLION: Final = 1_000_000
_VIDEO: Final = "video"
_MAX_COUNT: Final = 10**9
"""Far more tokens than any request has. A larger number is an error, and would use up a budget."""


def compute_bill(usage: Any, prices: TokenPrices | None) -> Micros | None:
    """Return the price of ``usage`` in micros, rounded up.

    `None` if it is unknown, because there are no prices or the usage does not state the output.
    """
    values = as_mapping(usage)
    output = _read_count(values.get("total_output_tokens"))
    video = _count_video_tokens(values)
    if prices is None or (output is None and video is None):
        return None
    if video is None:  # no split by modality, so all of it counts as video
        video = output or 0
    sent = _read_count(values.get("total_input_tokens")) or 0
    text = max(0, (output or 0) - video) + _count_thoughts(values, sent, output)
    total = sent * prices.input + video * prices.video + text * prices.text
    return Micros(-(-total // _MILLION))


def has_output(usage: Any) -> bool:
    """Whether Google counted any tokens of output."""
    values = as_mapping(usage)
    output = _read_count(values.get("total_output_tokens")) or 0
    return output > 0 or bool(_count_video_tokens(values))


def has_made_video(usage: Any) -> bool:
    """Whether Google counted any tokens of video."""
    return bool(_count_video_tokens(as_mapping(usage)))


def _count_video_tokens(usage: Mapping[str, Any]) -> int | None:
    """Return the tokens of video; `None` if there is no split by modality, or no valid number."""
    listed = [as_mapping(item) for item in as_list(usage.get("output_tokens_by_modality"))]
    total = 0
    for item in listed:
        if str(item.get("modality", "")).lower() == _VIDEO:
            count = _read_count(item.get("tokens"))
            if count is None:
                return None
            total += count
    return total if listed else None


def _count_thoughts(usage: Mapping[str, Any], sent: int, output: int | None) -> int:
    """Return the tokens of thoughts that the output's total does not already include."""
    thoughts = _read_count(usage.get("total_thought_tokens")) or 0
    total = _read_count(usage.get("total_tokens"))
    if total is None:
        return thoughts
    return min(thoughts, max(0, total - sent - (output or 0)))


def _read_count(value: Any) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) <= len(str(_MAX_COUNT)):
        value = int(value)
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value <= _MAX_COUNT else None
