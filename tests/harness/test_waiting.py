"""Waiting ends as soon as the condition holds, and tells what it last saw when it does not."""

import pytest

from tests.harness.waiting import NotInTime, eventually


async def test_it_answers_what_the_condition_answered() -> None:
    answers = iter([None, 0, "", "at last"])
    assert await eventually(lambda: next(answers), interval=0) == "at last"


async def test_async_conditions_and_assertions_are_not_yet() -> None:
    calls = 0

    async def condition() -> bool:
        nonlocal calls
        calls += 1
        assert calls > 2, "too early"
        return True

    assert await eventually(condition, interval=0) is True


async def test_it_gives_up_and_says_what_it_saw() -> None:
    with pytest.raises(NotInTime, match=r"the clip: not within 0.01 s; last seen: \[\]"):
        await eventually(list, timeout=0.01, interval=0.001, what="the clip")


async def test_other_errors_are_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        await eventually(lambda: 1 / 0)
