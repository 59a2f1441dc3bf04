"""Tasks that concurrent callers share; they are canceled when no caller is left."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


@dataclass(slots=True)
class _SharedTask(Generic[Result]):
    task: asyncio.Task[Result]
    waiting_count: int = 0


class SharedTasks(Generic[Key, Result]):
    """One task per key, which runs as long as somebody waits for it."""

    def __init__(self) -> None:
        self._running: dict[Key, _SharedTask[Result]] = {}

    def __len__(self) -> int:
        return len(self._running)

    def __contains__(self, key: Key) -> bool:
        return key in self._running

    async def join(self, key: Key, start: Callable[[], Coroutine[Any, Any, Result]]) -> Result:
        """Return the result of the task for ``key``; call ``start`` unless it is running.

        The task is canceled with its last caller, and has ended when that caller returns.
        """
        shared = self._running.get(key)
        if shared is None:
            shared = self._running[key] = _SharedTask(asyncio.create_task(start()))
        shared.waiting_count += 1
        try:
            return await asyncio.shield(shared.task)
        finally:
            shared.waiting_count -= 1
            if shared.waiting_count == 0:
                if self._running.get(key) is shared:  # the next caller starts a new task
                    del self._running[key]
                if not shared.task.done():
                    shared.task.cancel()
                    await asyncio.wait({shared.task})
