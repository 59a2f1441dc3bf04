"""Repeated log lines are written once with a count."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from bot.observability.logging import configure_logging
from bot.observability.repetition import REPETITION_WINDOW_S, RepeatedLineFilter


class LogUnderTest:
    """The program's log, with a clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.stream = io.StringIO()
        self.filter = RepeatedLineFilter(monotonic=lambda: self.now)
        configure_logging(
            log_format="json", level="INFO", stream=self.stream, repeated_lines=self.filter
        )
        self.library = logging.getLogger("library")
        self.events = structlog.get_logger("bot.under_test")

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def log() -> Iterator[LogUnderTest]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    structlog_before = structlog.get_config()
    yield LogUnderTest()
    root.handlers[:], root.level = before
    logging.captureWarnings(False)
    structlog.configure(**structlog_before)


def test_a_line_that_repeats_is_written_once_with_a_count(log: LogUnderTest) -> None:
    """137,058 lines of one fault fill no disk. [web-W01]"""
    for _ in range(10_000):
        log.library.error("socket.accept() out of system resource")
    assert len(log.lines()) == 1
    log.now = REPETITION_WINDOW_S
    log.filter.write_summaries()
    assert len(log.lines()) == 2
    assert log.lines()[1] | {"event": "log.lines_repeated", "count": 9999} == log.lines()[1]
    log.library.error("socket.accept() out of system resource")
    assert len(log.lines()) == 3, "a new minute begins anew"


def test_lines_of_one_kind_are_bounded(log: LogUnderTest) -> None:
    """Lines that differ in a number or a text only are of one kind. [web-W01]"""
    for number in range(1000):
        log.library.warning("connection %d refused", number)
        log.library.warning(f"QueuePool limit of size {number} reached")
    assert len(log.lines()) == 20
    log.filter.write_summaries(is_end=True)
    assert [line.get("count") for line in log.lines()[20:]] == [990, 990]


def test_events_with_other_facts_are_all_written(log: LogUnderTest) -> None:
    """Two failed jobs are two lines, and only warnings are counted."""
    for job in (1, 2):
        log.events.warning("job.failed", job_id=job)
    for _ in range(50):
        log.events.info("job.moved")
    assert len(log.lines()) == 52
    log.events.warning("job.failed", job_id=2)
    assert len(log.lines()) == 52


def test_kinds_are_bounded(log: LogUnderTest) -> None:
    """A fault whose text always differs fills neither the memory nor the disk."""
    for number in range(5000):
        log.library.error("".join(chr(97 + int(digit)) for digit in str(number)))
    assert len(log.lines()) < 600


async def test_the_count_comes_without_another_line(log: LogUnderTest) -> None:
    log.library.error("once")
    log.library.error("once")
    log.now = REPETITION_WINDOW_S + 1
    log.library.info("anything")
    assert [line.get("count") for line in log.lines()] == [None, 1, None]
