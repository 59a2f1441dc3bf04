"""Deletes the Omni interactions of deleted clips at Google.

The rows are written in the transaction that deletes the clips, so none is lost in a crash.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from bot.domain.clips.remote_deletion import RemoteDeletion
from bot.domain.errors import AccessRefused, GoogleUnavailable, RemoteNotFound
from bot.domain.jobs.request import GoogleRoute
from bot.domain.ports import Clock, VideoModels, WorkerHandle
from bot.services.event_waits import wait_for_event
from bot.services.repeated_work import repeat_work
from bot.store.jobs.remote_deletions import RemoteDeletionStore

_BATCH_SIZE: Final = 20
_INTERVAL_S: Final = 30.0
"""For deletions that another process requested or that failed before."""

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoteDeletions:
    """``count_given_up`` is called for each deletion that is given up after days of failures."""

    store: RemoteDeletionStore
    routes: Mapping[GoogleRoute, VideoModels]
    worker: WorkerHandle
    clock: Clock
    count_given_up: Callable[[], None] = lambda: None
    _is_requested: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def wake(self) -> None:
        """Look for due deletions now, because a clip was deleted."""
        self._is_requested.set()

    async def run(self) -> None:
        await repeat_work(
            self.run_due,
            pause=self._pause,
            log_postponed=partial(_log.warning, "remote_deletions.postponed"),
            worker=self.worker,
        )

    async def _pause(self, _is_done: bool) -> None:
        await wait_for_event(self._is_requested, self.clock, _INTERVAL_S)
        self._is_requested.clear()

    async def run_due(self) -> None:
        """Try every due deletion once. Raises `DatabaseUnavailable`."""
        while True:
            due = await self.store.claim_due(limit=_BATCH_SIZE)
            for deletion in due:
                if await self._delete(deletion):
                    await self.store.forget(deletion)
                elif deletion.is_last_attempt(self.clock.now()):
                    _log.error(
                        "remote_deletion.given_up",
                        route=deletion.route,
                        operation=deletion.operation,
                        attempts=deletion.attempts,
                    )
                    self.count_given_up()
                    await self.store.forget(deletion)
            if len(due) < _BATCH_SIZE:
                return

    async def _delete(self, deletion: RemoteDeletion) -> bool:
        """Return whether Google has deleted it."""
        models = self.routes.get(deletion.route)
        if models is None:  # the operator may configure the route again
            return False
        try:
            await models.delete_operation(deletion.operation)
        except RemoteNotFound:
            return True
        except (GoogleUnavailable, AccessRefused) as error:
            _log.warning(
                "remote_deletion.failed",
                operation=deletion.operation,
                attempts=deletion.attempts,
                error=str(error),
            )
            return False
        return True
