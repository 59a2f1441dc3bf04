"""Where requests come in: those that arrive while a transaction is under way share the next one.

The database decides them one after the other all the same (`bot.store.jobs.admission`); together they
pay for its lock and its commit once. A database that went away in between is asked again for a
moment: the key of each request tells whether it was accepted after all.
"""

import asyncio
from collections import deque
from typing import Final

from bot.domain.billing.limits import SpendingPolicy
from bot.domain.errors import AlreadyAccepted, DatabaseUnavailable, RequestRefused
from bot.domain.jobs.job import Job
from bot.domain.ports import Clock
from bot.domain.stores import AdmissionRequest
from bot.services.jobs.critical_sections import Backoff
from bot.store.jobs.jobs import JobStore

_MAX_BATCH_SIZE: Final = 64


class AdmissionBatcher:
    """Admits requests in batches."""

    def __init__(
        self, *, jobs: JobStore, policy: SpendingPolicy, clock: Clock, retry_window_s: float = 4.0
    ) -> None:
        self._jobs = jobs
        self._policy = policy
        self._clock = clock
        self._retry_window_s = retry_window_s
        self._waiting: deque[tuple[AdmissionRequest, str | None, asyncio.Future[Job]]] = deque()
        self._serving_task: asyncio.Task[None] | None = None

    async def admit_request(self, request: AdmissionRequest, *, owner: str | None) -> Job:
        """Return the accepted job. Raises the `Refused` tree or `StoreAway`."""
        answer: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, owner, answer))
        if self._serving_task is None or self._serving_task.done():
            self._serving_task = asyncio.create_task(self._serve_queue())
        return await answer

    async def _serve_queue(self) -> None:
        while self._waiting:
            owner = self._waiting[0][1]
            batch: list[tuple[AdmissionRequest, asyncio.Future[Job]]] = []
            while self._waiting and self._waiting[0][1] == owner and len(batch) < _MAX_BATCH_SIZE:
                ask, _, answer = self._waiting.popleft()
                batch.append((ask, answer))
            try:
                results = await self._admit_batch([ask for ask, _ in batch], owner)
            except Exception as error:
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            for (_, answer), result in zip(batch, results, strict=True):
                if answer.done():  # whoever asked has gone; the job goes on
                    continue
                if isinstance(result, Job):
                    answer.set_result(result)
                else:
                    answer.set_exception(result)

    async def _admit_batch(
        self, requests: list[AdmissionRequest], owner: str | None
    ) -> list[Job | RequestRefused]:
        backoff = Backoff(initial=0.1, maximum=1.0)
        until = self._clock.monotonic() + self._retry_window_s
        tried: set[str] = set()
        while True:
            try:
                answers = await self._jobs.admit_requests(
                    requests, policy=self._policy, owner=owner
                )
            except DatabaseUnavailable:
                if self._clock.monotonic() >= until:
                    raise
                tried = {ask.origin.key for ask in requests}
                await self._clock.sleep(backoff.next())
            else:
                # what an earlier try of ours has written was accepted, not repeated
                return [
                    answer.job
                    if isinstance(answer, AlreadyAccepted) and ask.origin.key in tried
                    else answer
                    for ask, answer in zip(requests, answers, strict=True)
                ]
