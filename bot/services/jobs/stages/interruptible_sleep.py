"""A sleep that can be ended early, which costs little memory because thousands of jobs sleep."""

import asyncio

from bot.domain.ports import Clock


class InterruptibleSleep:
    """Sleeps until the time is over or `interrupt` is called, as long as that is not cleared.

    An `asyncio.Event` with a task that waits for it would take 2 kB more for each job.
    """

    __slots__ = ("_clock", "_waiter", "is_interrupted")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiter: asyncio.Future[None] | None = None
        self.is_interrupted = False

    def interrupt(self) -> None:
        """End the current sleep, and the next ones at once until `clear` is called."""
        self.is_interrupted = True
        self._end_sleep()

    def clear(self) -> None:
        self.is_interrupted = False

    async def sleep(self, seconds: float, *also: asyncio.Event) -> None:
        """Sleep for ``seconds``, or until interrupted, or until one of the events ``also`` is set.

        Only one task may sleep at a time.
        """
        if self.is_interrupted:
            return
        self._waiter = waiter = asyncio.get_running_loop().create_future()
        tasks: list[asyncio.Task[object]] = [
            asyncio.create_task(self._clock.sleep(seconds)),
            *(asyncio.create_task(event.wait()) for event in also),
        ]
        for task in tasks:
            task.add_done_callback(self._end_sleep)
        try:
            await waiter
        finally:
            self._waiter = None
            for task in tasks:
                task.remove_done_callback(self._end_sleep)  # it would end the next sleep
                task.cancel()

    def _end_sleep(self, _task: object = None) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
