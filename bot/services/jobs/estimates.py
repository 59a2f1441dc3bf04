"""Estimates when jobs will finish, but only if enough durations were measured."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot.domain.billing.limits import PacingLimits
from bot.domain.errors import DatabaseUnavailable
from bot.domain.jobs.job import Job
from bot.domain.jobs.queue import RunningOperation, estimate_start_s
from bot.domain.jobs.request import OperationGroup, VideoPlan
from bot.domain.ports import Clock
from bot.store.jobs.model_states import ModelStateStore

Eta = tuple[datetime, datetime]
Spread = tuple[float, float]
"""The median and the 90th percentile of durations, in seconds."""

_SAMPLE_SIZE: Final = 100
_CACHE_TTL_S: Final = 30.0
_MIN_SAMPLES: Final = 3


@dataclass(kw_only=True, eq=False)
class WaitEstimates:
    """Estimates from the durations of alike operations, as the poll schedules do.

    Of other jobs in the queue only the models are known, so theirs are the durations of the model.
    """

    model_states: ModelStateStore
    clock: Clock
    pace: PacingLimits
    _cached_spreads: dict[OperationGroup | str, tuple[float, Spread | None]] = field(
        init=False, default_factory=dict
    )
    """By group or by model, with the time when it was read."""

    async def estimate_finish(self, job: Job) -> Eta | None:
        """Return when a submitted job will finish, `None` if that is unknown.

        The earliest time is not in the past, unless the latest is too.
        """
        spread = await self._load_spread(job.plan)
        if spread is None or job.submitted_at is None:
            return None
        low, high = (job.submitted_at + timedelta(seconds=duration_s) for duration_s in spread)
        return max(low, min(self.clock.now(), high)), high

    def may_start_now(self, position: int, running_count: int) -> bool:
        """Return whether there is a free slot for the job at ``position`` (from 1) in the queue."""
        return self.pace.in_flight is None or position <= self.pace.in_flight - running_count

    async def estimate_queued(
        self,
        plan: VideoPlan,
        *,
        ahead_models: Sequence[str] = (),
        running: Sequence[RunningOperation] = (),
    ) -> Eta | None:
        """Return when a queued job will finish, `None` if that is unknown.

        ``ahead_models`` are the models of the jobs before it. ``running`` jobs take up slots.
        """
        spread = await self._load_spread(plan)
        slots = self.pace.in_flight
        if spread is None or slots == 0:
            return None
        now = self.clock.now()
        ahead = [await self._load_model_spread(model) or spread for model in ahead_models]
        remaining = []
        for operation in running if slots is not None else ():
            low_s, high_s = await self._load_model_spread(operation.model) or spread
            age_s = (now - operation.started_at).total_seconds()
            remaining.append((max(0.0, low_s - age_s), max(0.0, high_s - age_s)))
        low, high = (
            estimate_start_s(
                slots=slots,
                running_s=[bounds[bound] for bounds in remaining],
                ahead_s=[bounds[bound] for bounds in ahead],
            )
            for bound in (0, 1)
        )
        if self.pace.requests_per_minute:
            paced_s = 60.0 * (len(ahead) // self.pace.requests_per_minute)
            # the requests of this minute may be used up already
            low, high = max(low, paced_s), max(high, paced_s + 60.0)
        return (
            now + timedelta(seconds=low + spread[0]),
            now + timedelta(seconds=high + spread[1]),
        )

    async def record_duration(
        self, plan: VideoPlan, seconds: float, *, last_pending_s: float
    ) -> None:
        """Record how long Google took for one operation; database errors are ignored.

        It was last seen at work at ``last_pending_s``.
        """
        try:
            await self.model_states.record_duration(
                plan, duration_s=seconds, now=self.clock.now(), last_pending_s=last_pending_s
            )
        except DatabaseUnavailable:
            return
        for key in (plan.operation_group, plan.model):
            if self._cached_spreads.get(key, (0.0, None))[1] is None:
                self._cached_spreads.pop(key, None)  # now there may be enough samples

    async def _load_spread(self, plan: VideoPlan) -> Spread | None:
        async def read_durations() -> list[float]:
            return [each.seen_s for each in await self.model_states.list_measured(plan)]

        return await self._find_spread(plan.operation_group, read_durations)

    async def _load_model_spread(self, model: str) -> Spread | None:
        return await self._find_spread(
            model, lambda: self.model_states.list_durations(model, limit=_SAMPLE_SIZE)
        )

    async def _find_spread(
        self, key: OperationGroup | str, read_durations: Callable[[], Awaitable[list[float]]]
    ) -> Spread | None:
        """Return the spread, read at most every `_CACHE_TTL_S`; `None` with too few durations."""
        now = self.clock.monotonic()
        loaded_at, spread = self._cached_spreads.get(key, (float("-inf"), None))
        if now - loaded_at > _CACHE_TTL_S:
            try:
                samples = sorted(await read_durations())
            except DatabaseUnavailable:
                return spread
            spread, count = None, len(samples)
            if count >= _MIN_SAMPLES:
                spread = samples[count // 2], samples[min(count - 1, count * 9 // 10)]
            self._cached_spreads[key] = (now, spread)
        return spread
