"""Learns the poll schedules of running operations from the durations in the database."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

import structlog

from bot.domain.errors import DatabaseUnavailable
from bot.domain.jobs.poll_schedule import (
    SHORTEST_PAUSE_S,
    MeasuredDuration,
    PollSchedule,
    learn_schedule,
)
from bot.domain.jobs.request import OperationGroup, VideoPlan
from bot.domain.ports import Clock
from bot.store.jobs.model_states import ModelStateStore

_CACHE_TTL_S: Final = 30.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Learned:
    """A schedule, what it was learned from, and when that was read."""

    schedule: PollSchedule
    measured: list[MeasuredDuration] = field(default_factory=list)
    read_at_s: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class PollSchedules:
    """The schedules of all groups of alike operations; ``interval_s`` applies until one is learned.

    Many jobs may start at once, so each group is read at most every `_CACHE_TTL_S`, and computed in
    a thread and only if there are new durations.
    """

    def __init__(self, *, model_states: ModelStateStore, clock: Clock, interval_s: float) -> None:
        self._model_states = model_states
        self._clock = clock
        self._interval_s = interval_s
        self._learned: defaultdict[OperationGroup, _Learned] = defaultdict(
            lambda: _Learned(PollSchedule(interval_s))
        )

    async def find_schedule(self, plan: VideoPlan) -> PollSchedule:
        """Return the schedule for a plan's operation; without the database, the last known one."""
        if self._interval_s <= SHORTEST_PAUSE_S:  # nothing can be polled more often
            return PollSchedule(self._interval_s)
        learned = self._learned[plan.operation_group]
        async with learned.lock:
            now_s = self._clock.monotonic()
            if now_s - learned.read_at_s > _CACHE_TTL_S:
                try:
                    measured = await self._model_states.list_measured(plan)
                except DatabaseUnavailable:
                    _log.warning("poll_schedule.not_read", model=plan.model)
                    return learned.schedule
                learned.read_at_s = now_s
                if measured != learned.measured:
                    learned.schedule = await asyncio.to_thread(
                        learn_schedule, measured, self._interval_s
                    )
                    learned.measured = measured
            return learned.schedule
