"""Commits the single changes of several jobs together, because a commit waits for the disk.

Changes that arrive during a commit share the next one, and so do those that arrive in passes of the
event loop that follow each other. Each caller gets the result of its own change, and only after the
commit, so what it did next could not be lost:

* A change that its fence refuses changes no row, and does not affect the others.
* If the database refuses a statement, nothing of the group is stored, and each change is tried
  again alone.
* If the database is not available or the answer to the commit is lost, nobody knows what was
  stored. Every caller gets `DatabaseUnavailable`, as for a change of its own, and nothing is tried
  again here (docs/decisions/0011-record-the-submission-before-sending-it.md).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import DatabaseUnavailable
from bot.store.engine.row_changes import RowChange, apply_change, apply_changes

_MAXIMUM_GROUP_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class _WaitingChange:
    """A change that waits, and where it goes whether its fence let it."""

    change: RowChange
    future: "asyncio.Future[bool]"

    def settle(self, result: bool | Exception) -> None:
        """Hand over the answer or an error, unless the caller was canceled meanwhile."""
        if self.future.done():
            return
        if isinstance(result, Exception):
            self.future.set_exception(result)
        else:
            self.future.set_result(result)


@dataclass(kw_only=True, eq=False)
class GroupWriter:
    """Runs changes with ``write_group``, a transaction, or with ``write_alone``."""

    write_group: Callable[[Callable[[AsyncConnection], Awaitable[Any]]], Awaitable[Any]]
    write_alone: Callable[[Callable[[AsyncConnection], Awaitable[Any]]], Awaitable[Any]]
    _waiting: list[_WaitingChange] = field(init=False, default_factory=list)
    _is_running: bool = field(init=False, default=False)

    def must_run(self) -> bool:
        """Return whether changes wait for a call of `run`; only one caller is told so."""
        is_asked = bool(self._waiting) and not self._is_running
        self._is_running = self._is_running or is_asked
        return is_asked

    def add_change(self, change: RowChange) -> "asyncio.Future[bool]":
        """Add a change; the result is whether its fence let it."""
        future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(_WaitingChange(change, future))
        return future

    async def run(self) -> None:
        """Write until nothing waits."""
        self._is_running = True
        try:
            while self._waiting:
                await self._gather_changes()
                group = self._waiting[:_MAXIMUM_GROUP_SIZE]
                del self._waiting[:_MAXIMUM_GROUP_SIZE]
                try:
                    await self._write(group)
                except Exception as error:
                    for waiting in group:
                        waiting.settle(error)
                finally:
                    for waiting in group:
                        waiting.future.cancel()  # no effect unless this task was canceled
        finally:
            self._is_running = False
            for waiting in self._waiting:  # none, unless this task was canceled
                waiting.future.cancel()
            self._waiting.clear()

    async def _gather_changes(self) -> None:
        """Wait as long as each pass of the event loop brings another change, and a group has room.

        A change that comes alone waits for one pass. Of jobs that start together, each in a pass of
        its own, the first changes share a commit and do not take one for every few.
        """
        known = 0
        while known < len(self._waiting) < _MAXIMUM_GROUP_SIZE:
            known = len(self._waiting)
            await asyncio.sleep(0)

    async def _write(self, group: list[_WaitingChange]) -> None:
        if len(group) == 1:
            await self._write_each(group)
            return
        answers: list[bool] = []

        async def apply_group(connection: AsyncConnection) -> None:
            answers[:] = await apply_changes(connection, [waiting.change for waiting in group])

        try:
            await self.write_group(apply_group)
        except DatabaseUnavailable:
            raise  # it would make each change wait for its own time limit
        except Exception:
            if answers:
                raise  # the commit failed, and may have been carried out
            await self._write_each(group)
        else:
            for waiting, answer in zip(group, answers, strict=True):
                waiting.settle(answer)
                await asyncio.sleep(0)  # the callers of a group do not continue all at once

    async def _write_each(self, group: list[_WaitingChange]) -> None:
        for waiting in group:
            try:
                waiting.settle(await self.write_alone(partial(apply_change, change=waiting.change)))
            except Exception as error:
                waiting.settle(error)
