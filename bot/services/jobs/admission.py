"""Batches concurrent admissions: requests that arrive during a transaction share the next one.

They are still decided one after the other (`bot.store.jobs.admission`). If the database fails
meanwhile, the batch is retried for some seconds. The dedupe keys show which requests were accepted.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.domain.backoff import Backoff
from bot.domain.billing.limits import SpendingPolicy
from bot.domain.errors import AlreadyAccepted, DatabaseUnavailable, RequestRefused
from bot.domain.jobs.job import AdmissionRequest
from bot.domain.ports import Clock
from bot.store.jobs.admission import Admission
from bot.store.jobs.jobs import JobStore

_MAX_BATCH_SIZE: Final = 64


@dataclass(kw_only=True, eq=False)
class AdmissionBatcher:
    jobs: JobStore
    policy: SpendingPolicy
    clock: Clock
    retry_window_s: float = 4.0
    _waiting: deque[tuple[AdmissionRequest, str | None, asyncio.Future[Admission]]] = field(
        init=False, default_factory=deque
    )
    _serving_task: asyncio.Task[None] | None = field(init=False, default=None)

    async def admit_request(self, request: AdmissionRequest, *, owner: str | None) -> Admission:
        """Return the admission. Raises `RequestRefused` or `DatabaseUnavailable`."""
        future: asyncio.Future[Admission] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, owner, future))
        if self._serving_task is None or self._serving_task.done():
            self._serving_task = asyncio.create_task(self._serve_queue())
        return await future

    async def _serve_queue(self) -> None:
        while self._waiting:
            owner = self._waiting[0][1]
            batch: list[tuple[AdmissionRequest, asyncio.Future[Admission]]] = []
            while self._waiting and self._waiting[0][1] == owner and len(batch) < _MAX_BATCH_SIZE:
                request, _, future = self._waiting.popleft()
                batch.append((request, future))
            results: Sequence[Admission | Exception]
            try:
                results = await self._admit_batch([request for request, _ in batch], owner)
            except Exception as error:
                results = [error] * len(batch)
            for (_, future), result in zip(batch, results, strict=True):
                if future.done():  # the caller was canceled; its job still runs
                    continue
                if isinstance(result, Admission):
                    future.set_result(result)
                else:
                    future.set_exception(result)
                await asyncio.sleep(0)  # the requests of a batch do not continue all at once

    async def _admit_batch(
        self, requests: list[AdmissionRequest], owner: str | None
    ) -> list[Admission | RequestRefused]:
        backoff = Backoff(initial=0.1, maximum=1.0)
        give_up_at = self.clock.monotonic() + self.retry_window_s
        is_retry = False
        while True:
            try:
                results = await self.jobs.admit_requests(requests, policy=self.policy, owner=owner)
            except DatabaseUnavailable:
                if self.clock.monotonic() >= give_up_at:
                    raise
                is_retry = True
                await self.clock.sleep(backoff.next_delay())
            else:
                # after a retry, these were accepted by an earlier attempt of this batch
                return [
                    Admission(result.job, quota_status=None)
                    if is_retry and isinstance(result, AlreadyAccepted)
                    else result
                    for result in results
                ]
