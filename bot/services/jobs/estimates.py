"""How long things take, from what was measured; nothing measured means nothing said."""

from datetime import datetime, timedelta
from typing import Final

from bot.domain.billing.limits import Pace
from bot.domain.errors import StoreAway
from bot.domain.jobs.job import Job
from bot.domain.jobs.request import VideoPlan
from bot.domain.ports import Clock
from bot.store.jobs.model_states import ModelStore

Eta = tuple[datetime, datetime]

_SAMPLE: Final = 100
_FRESH_S: Final = 30.0
_FEWEST: Final = 3
"""Fewer measurements than this are no ground for a promise."""


class Estimates:
    """Ranges of times of day from the median and the 90th percentile of a model's durations."""

    def __init__(self, *, states: ModelStore, clock: Clock, pace: Pace) -> None:
        self._states = states
        self._clock = clock
        self._pace = pace
        self._known: dict[str, tuple[float, tuple[float, float] | None]] = {}

    async def finish(self, job: Job) -> Eta | None:
        """Return when a job that Google works on will be made."""
        spread = await self._spread(job.plan.model)
        if spread is None or job.submitted_at is None:
            return None
        low, high = (job.submitted_at + timedelta(seconds=each) for each in spread)
        now = self._clock.now()
        return None if high <= now else (max(low, now), high)

    async def queued(self, plan: VideoPlan, place: int) -> Eta | None:
        """Return when a job at ``place`` of the queue will be made.

        Whoever is before it takes a slot each; slots free at the pace that was measured.
        """
        spread = await self._spread(plan.model)
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

    async def measured(self, plan: VideoPlan, seconds: float) -> None:
        """Record how long Google took for one operation; best effort."""
        try:
            await self._states.measured(plan, seconds=seconds, now=self._clock.now())
        except StoreAway:
            return
        if self._known.get(plan.model, (0.0, None))[1] is None:
            self._known.pop(plan.model, None)  # there may be something to say from now on

    async def _spread(self, model: str) -> tuple[float, float] | None:
        now = self._clock.monotonic()
        at, spread = self._known.get(model, (float("-inf"), None))
        if now - at > _FRESH_S:
            try:
                values = sorted(await self._states.durations(model, most=_SAMPLE))
            except StoreAway:
                return spread
            spread = None
            if len(values) >= _FEWEST:
                spread = (
                    values[len(values) // 2],
                    values[min(len(values) - 1, len(values) * 9 // 10)],
                )
            self._known[model] = (now, spread)
        return spread
