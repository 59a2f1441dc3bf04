"""Blocking calls that never hold up the end of the process."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class BlockingCalls:
    """Runs calls in threads of their own, at most ``at_once``; more wait.

    The threads of an executor are waited for when Python ends, which may take minutes for a request
    to a server that does not answer. These are not.
    """

    def __init__(self, at_once: int) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._running: set[asyncio.Future[Any]] = set()

    async def run(
        self,
        function: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result:
        """Return the result of a call, which ends in its thread even if the caller is cancelled."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Result] = loop.create_future()

        def run_call() -> None:
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                settle = partial(ended.set_exception, error)
            else:
                settle = partial(ended.set_result, result)
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(settle)

        async with self._slots:
            self._running.add(ended)
            ended.add_done_callback(self._forget)
            threading.Thread(target=run_call, name="blocking call", daemon=True).start()
            return await asyncio.shield(ended)

    def _forget(self, ended: asyncio.Future[Any]) -> None:
        self._running.discard(ended)
        ended.exception()  # otherwise asyncio logs it, if the caller was cancelled

    async def wait_until_idle(self, timeout_s: float) -> None:
        """Wait until all calls have ended, at most ``timeout_s`` seconds."""
        if self._running:
            await asyncio.wait(self._running, timeout=timeout_s)
