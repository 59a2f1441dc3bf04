"""Background work is postponed while the database is away, and other errors end its loop."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.domain.errors import DatabaseUnavailable
from bot.services.repeated_work import repeat_work
from tests.contract.test_showcase_services import FakeWorker


class StoppedError(Exception):
    """The loop is canceled."""


@dataclass
class Rounds:
    """Work that meets an error of ``errors`` in each round, until there are none left."""

    errors: list[Exception | None]
    results: list[bool] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)

    async def work(self) -> None:
        error = self.errors.pop(0)
        if error is not None:
            raise error

    async def pause(self, is_done: bool) -> None:
        self.results.append(is_done)
        if not self.errors:
            raise StoppedError

    async def run(self, **changes: Any) -> None:
        await repeat_work(
            self.work, pause=self.pause, log_postponed=lambda error: self.logged.append(error),
            **changes,
        )  # fmt: skip


async def test_only_what_postpones_is_tried_again() -> None:
    rounds = Rounds([None, DatabaseUnavailable("away"), OSError(), None])
    with pytest.raises(StoppedError):
        await rounds.run(postponed_by=(DatabaseUnavailable, OSError))
    assert rounds.results == [True, False, False, True]
    assert rounds.logged == ["away", "OSError"]
    with pytest.raises(OSError, match="broken"):
        await Rounds([None, OSError("broken"), None]).run()


async def test_nothing_is_done_while_the_lease_is_lost() -> None:
    rounds, worker = Rounds([None]), FakeWorker("w")
    worker.is_alive = False
    paused = []

    async def pause(is_done: bool) -> None:
        paused.append(is_done)
        worker.is_alive = True
        if len(paused) == 2:
            raise StoppedError

    with pytest.raises(StoppedError):
        await repeat_work(rounds.work, pause=pause, log_postponed=print, worker=worker)
    assert paused == [True, True]
    assert rounds.errors == []
