"""A burst is spread over passes of the event loop."""

import asyncio

import pytest

from bot.services import loop_turns
from bot.services.loop_turns import LoopTurns
from tests.harness.waiting import stretch_timeout


async def test_one_caller_continues_in_each_pass_in_the_order_of_calls() -> None:
    turns, passes, continued = LoopTurns(), 0, []

    async def work(number: int) -> None:
        await turns.take_turn()
        continued.append((number, passes))

    tasks = [asyncio.create_task(work(number)) for number in range(5)]
    while not all(task.done() for task in tasks):
        passes += 1
        await asyncio.sleep(0)
    assert [number for number, _ in continued] == [0, 1, 2, 3, 4]
    assert len({passed for _, passed in continued}) == 5


async def test_a_canceled_caller_does_not_keep_its_turn() -> None:
    turns = LoopTurns()
    first, second = (asyncio.create_task(turns.take_turn()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    async with asyncio.timeout(stretch_timeout(5)):
        await second


async def test_callers_wait_for_what_is_urgent() -> None:
    turns = LoopTurns()
    with turns.let_pass():
        with turns.let_pass():
            waiting = asyncio.create_task(turns.take_turn())
            for _ in range(5):
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
    async with asyncio.timeout(stretch_timeout(5)):
        await waiting


async def test_nobody_waits_for_ever_for_what_is_urgent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_turns, "MAXIMUM_WAIT_S", 0.0)
    turns = LoopTurns()
    with turns.let_pass():
        async with asyncio.timeout(stretch_timeout(5)):
            await turns.take_turn()
