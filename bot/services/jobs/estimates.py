"""How long things take, from what was measured; nothing measured means nothing said."""

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
"""Fewer measurements than this are no ground for a promise."""


class WaitEstimates:
    """Ranges of times of day from the median and the 90th percentile of a model's durations."""

    def __init__(self, *, model_states: ModelStateStore, clock: Clock, pace: PacingLimits) -> None:
        self._model_states = model_states
        self._clock = clock
        self._pace = pace
        self._cached_spreads: dict[str, tuple[float, tuple[float, float] | None]] = {}

    async def estimate_finish(self, job: Job) -> Eta | None:
        """Return when a job that Google works on will be made."""
        spread = await self._load_spread(job.plan.model)
        if spread is None or job.submitted_at is None:
            return None
        low, high = (job.submitted_at + timedelta(seconds=each) for each in spread)
        now = self._clock.now()
        return None if high <= now else (max(low, now), high)

    async def estimate_queued(self, plan: VideoPlan, place: int) -> Eta | None:
        """Return when a job at ``place`` of the queue will be made.

        Whoever is before it takes a slot each; slots free at the pace that was measured.
        """
        spread = await self._load_spread(plan.model)
        if spread is None:
            return None
        slots = self._pace.in_flight or place
        rounds, minutes, waited = (place - 1) // slots, 0.0, 0.0
        if self._pace.requests_per_minute:
            minutes = 60.0 * ((place - 1) // self._pace.requests_per_minute)
            waited = 60.0  # the requests of this minute may be used up already
        low, high = spread
        now = self._clock.now()
        return (
            now + timedelta(seconds=max(rounds * low, minutes) + low),
            now + timedelta(seconds=max((rounds + 1) * high, minutes + waited) + high),
        )

    async def record_duration(self, plan: VideoPlan, seconds: float) -> None:
        """Record how long Google took for one operation; best effort."""
        try:
            await self._model_states.record_duration(
                plan, duration_s=seconds, now=self._clock.now()
            )
        except DatabaseUnavailable:
            return
        if self._cached_spreads.get(plan.model, (0.0, None))[1] is None:
            self._cached_spreads.pop(plan.model, None)  # there may be something to say from now on

    async def _load_spread(self, model: str) -> tuple[float, float] | None:
        now = self._clock.monotonic()
        at, spread = self._cached_spreads.get(model, (float("-inf"), None))
        if now - at > _CACHE_TTL_S:
            try:
                values = sorted(await self._model_states.list_durations(model, limit=_SAMPLE_SIZE))
            except DatabaseUnavailable:
                return spread
            spread = None
            if len(values) >= _MIN_SAMPLES:
                spread = (
                    values[len(values) // 2],
                    values[min(len(values) - 1, len(values) * 9 // 10)],
                )
            self._cached_spreads[model] = (now, spread)
        return spread
