"""Repeats background work. What cannot be done now, because the database is away, is done later.

`bot.app.supervisor` restarts a loop after any other error.
"""

from collections.abc import Awaitable, Callable
from typing import NoReturn

from bot.domain.errors import DatabaseUnavailable
from bot.domain.ports import WorkerHandle


async def repeat_work(
    work: Callable[[], Awaitable[object]],
    *,
    pause: Callable[[bool], Awaitable[None]],
    log_postponed: Callable[..., object],
    postponed_by: tuple[type[Exception], ...] = (DatabaseUnavailable,),
    worker: WorkerHandle | None = None,
) -> NoReturn:
    """Do ``work``, wait for ``pause`` and repeat, until canceled.

    ``pause`` gets false if an error of ``postponed_by`` was raised, which ``log_postponed`` gets as
    ``error``. With a ``worker``, nothing is done while its lease is lost.
    """
    while True:
        is_done = True
        if worker is None or worker.is_alive:
            try:
                await work()
            except postponed_by as error:
                is_done = False
                log_postponed(error=str(error) or type(error).__name__)
        await pause(is_done)
