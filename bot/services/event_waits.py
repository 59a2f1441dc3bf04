"""Waits for an event or for a time, whichever comes first."""

import asyncio

from bot.domain.ports import Clock


async def wait_for_event(event: asyncio.Event, clock: Clock, timeout_s: float) -> None:
    """Return when ``event`` is set, or after ``timeout_s`` seconds of ``clock``."""
    waits = [asyncio.create_task(event.wait()), asyncio.create_task(clock.sleep(timeout_s))]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()
