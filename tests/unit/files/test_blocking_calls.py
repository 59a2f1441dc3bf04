"""Blocking calls end in their threads, whatever happens to their callers."""

import asyncio
import threading

import pytest

from bot.media.blocking_calls import BlockingCalls


async def test_results_and_errors_reach_the_caller() -> None:
    calls = BlockingCalls(at_once=2)
    assert await calls.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await calls.run(divmod, 7, 0)


async def test_a_call_ends_even_if_its_caller_is_cancelled() -> None:
    calls = BlockingCalls(at_once=2)
    may_end, has_begun, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        has_begun.set()
        may_end.wait()
        ended.set()
        raise ValueError("nobody hears it")

    caller = asyncio.create_task(calls.run(work))
    await asyncio.to_thread(has_begun.wait)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    await calls.wait_until_idle(0.01)
    assert not ended.is_set(), "the end waits a limited time"
    may_end.set()
    await calls.wait_until_idle(60)
    assert ended.is_set()


async def test_only_so_many_calls_run_at_once() -> None:
    calls = BlockingCalls(at_once=2)
    lock, running, most = threading.Lock(), 0, 0
    both = threading.Barrier(2)

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait()
        with lock:
            running -= 1

    await asyncio.gather(*(calls.run(work) for _ in range(6)))
    assert most == 2
