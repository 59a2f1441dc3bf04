"""Commits the single changes of several jobs together, because a commit waits for the disk.

Changes that arrive during a commit share the next one, and so do those that arrive in passes of the
event loop that follow each other. Each caller gets the result of its own change, and only after the
commit, so what it did next could not be lost:

* A change that its fence refuses changes no row. It raises `LeaseLost` for its caller and does not
  affect the others.
* If the database refuses a statement, nothing of the group is stored, and each change is tried
  again alone.
* If the database is not available or the answer to the commit is lost, nobody knows what was
  stored. Every caller gets `DatabaseUnavailable`, as for a change of its own, and nothing is tried
  again here (docs/decisions/0011-record-the-submission-before-sending-it.md).
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import ClapperError, DatabaseUnavailable

T = TypeVar("T")

_MAXIMUM_GROUP_SIZE: Final = 32


@dataclass(frozen=True, slots=True)
class _Change:
    """A change that waits, and where its result goes."""

    row_id: int
    work: Callable[[AsyncConnection], Awaitable[Any]]
    future: "asyncio.Future[Any]"

    def settle(self, result: object) -> None:
        """Hand over a result or an error, unless the caller was canceled meanwhile."""
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
    _waiting: list[_Change] = field(init=False, default_factory=list)
    _is_running: bool = field(init=False, default=False)

    def must_run(self) -> bool:
        """Return whether changes wait for a call of `run`; only one caller is told so."""
        is_asked = bool(self._waiting) and not self._is_running
        self._is_running = self._is_running or is_asked
        return is_asked

    def add_change(
        self, row_id: int, work: Callable[[AsyncConnection], Awaitable[T]]
    ) -> "asyncio.Future[T]":
        """Add a change of the row ``row_id``, which must be a single statement."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Change(row_id, work, future))
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
                    for change in group:
                        change.settle(error)
                finally:
                    for change in group:
                        change.future.cancel()  # no effect unless this task was canceled
        finally:
            self._is_running = False
            for change in self._waiting:  # none, unless this task was canceled
                change.future.cancel()
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

    async def _write(self, group: list[_Change]) -> None:
        if len(group) == 1:
            group[0].settle(await self.write_alone(group[0].work))
            return
        results: list[object] = []
        # in one order everywhere, so that two processes do not wait for each other's rows
        ordered = sorted(group, key=lambda change: change.row_id)

        async def run_all(connection: AsyncConnection) -> None:
            results.clear()
            for change in ordered:
                try:
                    results.append(await change.work(connection))
                except DatabaseUnavailable:
                    raise
                except ClapperError as error:  # refused by the fence, so nothing was changed
                    results.append(error)

        try:
            await self.write_group(run_all)
        except DatabaseUnavailable:
            raise  # it would make each change wait for its own time limit
        except Exception:
            if len(results) == len(ordered):
                raise  # the commit failed, and may have been carried out
            await self._write_each(ordered)
        else:
            for change, result in zip(ordered, results, strict=True):
                change.settle(result)
                await asyncio.sleep(0)  # the callers of a group do not continue all at once

    async def _write_each(self, changes: list[_Change]) -> None:
        for change in changes:
            try:
                change.settle(await self.write_alone(change.work))
            except Exception as error:
                change.settle(error)
