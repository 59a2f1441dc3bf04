"""Polls are seldom only while events arrive before them."""

import asyncio
from datetime import UTC, datetime

import pytest

from bot.services.jobs.stages.event_trust import TRUSTED_FOR_S, EventTrust
from bot.services.jobs.stages.poll_wakeup import PollWakeup
from tests.fakes.clock import FastClock, VirtualClock

USUAL_S, SELDOM_S = 10.0, 10_000_000.0
"""At the fast clock's speed, a test that waited for the seldom poll would not end."""


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


@pytest.fixture
def trust(clock: FastClock) -> EventTrust:
    trust = EventTrust(clock)
    trust.record_end(was_announced=True)
    return trust


async def test_events_are_not_trusted_before_the_first(clock: FastClock) -> None:
    trust = EventTrust(clock)
    assert not trust.is_trusted
    await PollWakeup(clock, trust).wait(USUAL_S, seldom_s=SELDOM_S)


async def test_without_webhooks_polls_are_as_usual(clock: FastClock) -> None:
    await PollWakeup(clock, None).wait(USUAL_S, seldom_s=SELDOM_S)


async def test_an_event_ends_the_seldom_wait(clock: FastClock, trust: EventTrust) -> None:
    wakeup = PollWakeup(clock, trust)
    waiting = asyncio.create_task(wakeup.wait(USUAL_S, seldom_s=SELDOM_S))
    await asyncio.sleep(2 * USUAL_S / 200)
    assert not waiting.done(), "longer than the usual interval"
    wakeup.announce()
    await waiting
    # its poll came too early, so the next one is not seldom
    await wakeup.wait(USUAL_S, seldom_s=SELDOM_S)


async def test_an_event_during_a_poll_is_not_lost(clock: FastClock, trust: EventTrust) -> None:
    wakeup = PollWakeup(clock, trust)
    wakeup.announce()
    await wakeup.wait(SELDOM_S, seldom_s=SELDOM_S)


async def test_one_missed_event_ends_all_seldom_waits(clock: FastClock, trust: EventTrust) -> None:
    waits = [
        asyncio.create_task(PollWakeup(clock, trust).wait(USUAL_S, seldom_s=SELDOM_S))
        for _ in range(5)
    ]
    await asyncio.sleep(0)
    trust.record_end(was_announced=False)
    await asyncio.gather(*waits)
    assert trust.lost.is_set()
    trust.record_end(was_announced=True)
    assert trust.is_trusted


async def test_after_a_lost_trust_the_usual_interval_is_kept() -> None:
    """Otherwise every job would poll at once."""
    clock = VirtualClock(start=datetime(2026, 11, 30, tzinfo=UTC))
    trust = EventTrust(clock)
    wakeup = PollWakeup(clock, trust)
    await wakeup.wait(USUAL_S, seldom_s=SELDOM_S)
    assert clock.monotonic() == USUAL_S


async def test_trust_ends_without_events() -> None:
    clock = VirtualClock(start=datetime(2026, 11, 30, tzinfo=UTC))
    trust = EventTrust(clock)
    trust.record_end(was_announced=True)
    trusted = []
    for seconds in (TRUSTED_FOR_S - 1, 1):
        clock.jump_ahead(seconds)
        trusted.append(trust.is_trusted)
    assert trusted == [True, False]
    assert trust.lost.is_set()
