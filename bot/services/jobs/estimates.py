"""How long jobs take, from measured durations; without enough of them nothing is promised."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot.domain.billing.limits import PacingLimits
from bot.domain.errors import DatabaseUnavailable
from bot.domain.jobs.job import Job
from bot.domain.jobs.request import VideoPlan
from bot.domain.ports import Clock
from bot.store.jobs.model_states import ModelStateStore

Eta = tuple[datetime, datetime]

_SAMPLE_SIZE: Final = 100
_CACHE_TTL_S: Final = 30.0
_MIN_SAMPLES: Final = 3


@dataclass(kw_only=True, eq=False)
class WaitEstimates:
    """Ranges of times of day from the median and the 90th percentile of a model's durations."""

    model_states: ModelStateStore
    clock: Clock
    pace: PacingLimits
    _cached_spreads: dict[str, tuple[float, tuple[float, float] | None]] = field(
        init=False, default_factory=dict
    )

    async def estimate_finish(self, job: Job) -> Eta | None:
        """Return when a submitted job will be finished; ``None`` if that cannot be said."""
        spread = await self._load_spread(job.plan.model)
        if spread is None or job.submitted_at is None:
            return None
        low, high = (job.submitted_at + timedelta(seconds=duration_s) for duration_s in spread)
        now = self.clock.now()
        return None if high <= now else (max(low, now), high)

    async def estimate_queued(self, plan: VideoPlan, place: int) -> Eta | None:
        """Return when a job at ``place`` of the queue (from 1) will be finished at this pace."""
        spread = await self._load_spread(plan.model)
        if spread is None:
            return None
        slots = self.pace.in_flight or place
        rounds, paced_s, minute_s = (place - 1) // slots, 0.0, 0.0
        if self.pace.requests_per_minute:
            paced_s = 60.0 * ((place - 1) // self.pace.requests_per_minute)
            minute_s = 60.0  # the requests of this minute may be used up already
        low, high = spread
        now = self.clock.now()
        return (
            now + timedelta(seconds=max(rounds * low, paced_s) + low),
            now + timedelta(seconds=max((rounds + 1) * high, paced_s + minute_s) + high),
        )

    async def record_duration(self, plan: VideoPlan, seconds: float) -> None:
        """Record how long Google took for one operation; best effort."""
        try:
            await self.model_states.record_duration(plan, duration_s=seconds, now=self.clock.now())
        except DatabaseUnavailable:
            return
        if self._cached_spreads.get(plan.model, (0.0, None))[1] is None:
            self._cached_spreads.pop(plan.model, None)  # there may be enough samples from now on

    async def _load_spread(self, model: str) -> tuple[float, float] | None:
        now = self.clock.monotonic()
        loaded_at, spread = self._cached_spreads.get(model, (float("-inf"), None))
        if now - loaded_at > _CACHE_TTL_S:
            try:
                samples = sorted(await self.model_states.list_durations(model, limit=_SAMPLE_SIZE))
            except DatabaseUnavailable:
                return spread
            spread, count = None, len(samples)
            if count >= _MIN_SAMPLES:
                spread = samples[count // 2], samples[min(count - 1, count * 9 // 10)]
            self._cached_spreads[model] = (now, spread)
        return spread
