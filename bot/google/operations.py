"""Parses answers to polls of Veo's operations: still running, finished, or failed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.domain.errors import AnswerNotFromGoogle
from bot.domain.jobs.job import Outcome
from bot.domain.ports import (
    OperationFailed,
    OperationFinished,
    OperationPending,
    PollResult,
    RemoteVideo,
)
from bot.google.answers import clean_message, read_answer
from bot.google.api_errors import (
    build_filtered_failure,
    classify_call_error,
    read_operation_failure,
)


def read_operation(
    answer: Any, read_videos: Callable[[Mapping[str, Any]], Iterable[RemoteVideo]]
) -> PollResult:
    """Return the result of an operation. ``read_videos`` finds the route's videos in its response.

    Raises `GoogleUnavailable`, `AccessRefused` or `RemoteNotFound` if it is not an operation.
    """
    if not isinstance(answer, dict):
        raise AnswerNotFromGoogle("poll answered without an operation")
    error = answer.get("error")
    if not answer.get("done"):
        if not isinstance(error, dict):
            return OperationPending()
        if "name" not in answer:  # an error of the call itself, with status 200
            code = error.get("code")
            raise classify_call_error(
                read_answer(code if isinstance(code, int) else 0, answer), "poll"
            )
    if isinstance(error, dict):
        return read_operation_failure(error)
    response = as_mapping(answer.get("response"))
    videos = tuple(read_videos(response))
    section = as_mapping(response.get("generateVideoResponse"))
    count, reasons = _read_filtered_media(section, response)
    if videos:
        shown_reasons = (clean_message(reason) for reason in reasons)
        return OperationFinished(videos, filtered_reasons=tuple(filter(None, shown_reasons)))
    if count:
        return build_filtered_failure(reasons)
    return OperationFailed(
        Outcome.OPERATION_FAILED, None, operator_message="the operation ended without a video"
    )


def _read_filtered_media(*sections: Mapping[str, Any]) -> tuple[int, list[str]]:
    """Return how many videos were filtered and why. Google puts that in any of ``sections``."""
    count, reasons = 0, list[str]()
    for section in sections:
        section_count = section.get("raiMediaFilteredCount")
        if isinstance(section_count, str) and section_count.isdecimal():
            section_count = int(section_count)
        count = max(count, section_count if isinstance(section_count, int) else 0)
        reasons += [
            reason
            for reason in as_list(section.get("raiMediaFilteredReasons"))
            if isinstance(reason, str) and reason not in reasons
        ]
    return max(count, len(reasons)), reasons


def as_mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def read_time(text: Any) -> datetime | None:
    """Parse a time such as 2026-11-29T12:00:00Z; `None` for anything else."""
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at
