"""Metrics in Prometheus' terms: what this process sees itself, and what the database knows.

What can be counted from the database is counted there, at the moment somebody asks: it is right
after a restart and the same from whichever process is asked. Only what leaves no trace (how long
an acknowledgement took, how late the loop is) is kept in memory.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from bot.domain.errors import LeaseLost, StoreAway, VideoError
from bot.domain.jobs.job import JobState
from bot.domain.jobs.request import Route, VideoPlan
from bot.domain.ports import Clock, Finished, Pending, Poll, Reachability, RemoteVideo, VideoModels
from bot.domain.statistics import BUCKETS_S, Figures, FigureSource

LOOP_EVERY_S: Final = 0.5
_FRESH_S: Final = 2.0
_DISCORD_EPOCH_MS: Final = 1_420_070_400_000
_QUICK: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LAG: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_WATCHED: Final = (0.5, 1.0, 2.0, 5.0, 8.0, 10.0, 12.0, 15.0, 20.0, 30.0, 60.0)
_CALLBACK: Final = re.compile(r"/interactions/(\d{5,20})/[^/]+/callback$")
_VERSION: Final = re.compile(r"^.*?/v\d+(?=/)")
_SECRET: Final = re.compile(r"(/(?:webhooks|interactions)/[^/]+)/[^/]+")
_ID: Final = re.compile(r"/\d{5,20}(?=/|$)")
_EMOJI: Final = re.compile(r"/reactions/[^/]+")
_MOST_OPERATIONS: Final = 10_000

_log: Final = structlog.get_logger(__name__)


class Meters:
    """The instruments of this process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.acknowledged = Histogram(
            "clapper_ack_seconds",
            "From an interaction's birth at Discord to its acknowledgement (3 s allowed).",
            buckets=_QUICK,
            registry=self.registry,
        )
        self.detected = Histogram(
            "clapper_detection_lag_seconds",
            "At most so long after Google had finished did we know: since the look before.",
            buckets=_WATCHED,
            registry=self.registry,
        )
        self.loop_lag = Histogram(
            "clapper_loop_lag_seconds",
            "How late the event loop was.",
            buckets=_LAG,
            registry=self.registry,
        )
        self.discord = Counter(
            "clapper_discord_requests",
            "Requests to Discord's REST API; status 0 is a connection that failed.",
            ["method", "path", "status"],
            registry=self.registry,
        )
        self.discord_seconds = Histogram(
            "clapper_discord_request_seconds",
            "How long Discord's REST API took.",
            ["method"],
            buckets=_QUICK,
            registry=self.registry,
        )
        self.google = Counter(
            "clapper_google_calls",
            "Calls to Google by what came of them.",
            ["route", "call", "result"],
            registry=self.registry,
        )
        self.google_seconds = Histogram(
            "clapper_google_call_seconds",
            "How long Google took to answer.",
            ["route", "call"],
            buckets=_QUICK,
            registry=self.registry,
        )
        self.gateway = Gauge(
            "clapper_gateway_ready", "1 while Discord's gateway is up.", registry=self.registry
        )

    def discord_trace(self) -> aiohttp.TraceConfig:
        """Return a trace for discord.py's HTTP session that feeds these instruments."""
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._begun)
        trace.on_request_end.append(self._answered)
        trace.on_request_exception.append(self._failed)
        return trace

    async def _begun(self, _: object, context: Any, __: object) -> None:
        context.began = datetime.now(UTC).timestamp()

    async def _answered(self, _: object, context: Any, params: Any) -> None:
        now = datetime.now(UTC).timestamp()
        self.discord.labels(params.method, path_of(params.url.path), params.response.status).inc()
        self.discord_seconds.labels(params.method).observe(max(0.0, now - context.began))
        callback = _CALLBACK.search(params.url.path)
        if callback is not None and params.response.status < 300:
            born = ((int(callback[1]) >> 22) + _DISCORD_EPOCH_MS) / 1000
            self.acknowledged.observe(max(0.0, now - born))

    async def _failed(self, _: object, __: Any, params: Any) -> None:
        self.discord.labels(params.method, path_of(params.url.path), 0).inc()

    async def watch(self, clock: Clock, connected: Callable[[], bool]) -> None:
        """Measure how late the event loop wakes us, and the gateway, until cancelled."""
        while True:
            self.gateway.set(1 if connected() else 0)
            asked = clock.monotonic()
            await clock.sleep(LOOP_EVERY_S)
            self.loop_lag.observe(max(0.0, clock.monotonic() - asked - LOOP_EVERY_S))


def path_of(path: str) -> str:
    """Return a path of Discord's without ids and tokens: few enough to count by, and no secret."""
    path = _SECRET.sub(r"\1/TOKEN", _VERSION.sub("", path))
    return _ID.sub("/ID", _EMOJI.sub("/reactions/EMOJI", path))


class MeteredModels:
    """`VideoModels` that counts calls and measures how late an end was noticed."""

    def __init__(self, models: VideoModels, meters: Meters, clock: Clock) -> None:
        self._models = models
        self._meters = meters
        self._clock = clock
        self._looked: dict[str, float] = {}

    @property
    def route(self) -> Route:
        """The route that the adapter speaks."""
        return self._models.route

    async def submit(
        self,
        plan: VideoPlan,
        *,
        job_id: int,
        mark: str = "",
        about_to_send: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        """Start the operation."""
        with _Call(self, "submit"):
            operation = await self._models.submit(
                plan, job_id=job_id, mark=mark, about_to_send=about_to_send
            )
        if len(self._looked) < _MOST_OPERATIONS:
            self._looked[operation] = self._clock.monotonic()
        return operation

    async def poll(self, operation: str) -> Poll:
        """Ask for the operation once."""
        with _Call(self, "poll"):
            answer = await self._models.poll(operation)
        now = self._clock.monotonic()
        before = self._looked.pop(operation, None)
        if isinstance(answer, Pending):
            if len(self._looked) < _MOST_OPERATIONS:
                self._looked[operation] = now
        elif before is not None:
            self._meters.detected.observe(now - before)
        return answer

    async def fetch(self, video: RemoteVideo, destination: Path) -> None:
        """Stream the video to ``destination``."""
        with _Call(self, "fetch"):
            await self._models.fetch(video, destination)

    async def find(self, plan: VideoPlan, *, job_id: int, mark: str = "") -> Finished | None:
        """Look for the result of a submit whose answer was lost."""
        with _Call(self, "find"):
            return await self._models.find(plan, job_id=job_id, mark=mark)

    async def reachability(self, models: Sequence[str]) -> list[Reachability]:
        """Tell which of ``models`` the account can use."""
        with _Call(self, "reachability"):
            return await self._models.reachability(models)

    async def close(self) -> None:
        """Close connections."""
        await self._models.close()

    def counted(self, call: str, result: str, seconds: float) -> None:
        """Record one call."""
        route = str(self.route)
        self._meters.google.labels(route, call, result).inc()
        self._meters.google_seconds.labels(route, call).observe(seconds)

    def now(self) -> float:
        """Return monotonic seconds."""
        return self._clock.monotonic()


class _Call:
    """One call: its duration, and the kind of fault that ended it."""

    def __init__(self, models: MeteredModels, call: str) -> None:
        self._models = models
        self._call = call
        self._began = models.now()

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        result = "ok"
        if kind is not None:
            known = issubclass(kind, VideoError | LeaseLost) or not issubclass(kind, Exception)
            result = kind.__name__ if known else "fault"
        self._models.counted(self._call, result, self._models.now() - self._began)


class Exposition:
    """Implements `bot.web.operations.Figures`: the instruments and the database's figures.

    The database is asked at most every two seconds, however many ask us.
    """

    def __init__(self, meters: Meters, source: FigureSource, clock: Clock) -> None:
        self._meters = meters
        self._source = source
        self._clock = clock
        self._read_at = float("-inf")
        self._known = _Known()
        meters.registry.register(self._known)

    async def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        now = self._clock.monotonic()
        if now - self._read_at >= _FRESH_S:
            self._read_at = now
            try:
                self._known.figures = await self._source.figures(now=self._clock.now())
            except StoreAway as error:
                self._known.figures = None
                _log.warning("metrics.store_away", error=str(error))
        return generate_latest(self._meters.registry)


class _Known(Collector):
    """The latest figures as metric families."""

    def __init__(self) -> None:
        self.figures: Figures | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        figures = self.figures
        up = GaugeMetricFamily("clapper_store_up", "1 while the database answers.")
        up.add_metric([], 0 if figures is None else 1)
        yield up
        if figures is not None:
            yield from _families(figures)


def _families(figures: Figures) -> Iterator[Metric]:
    states = GaugeMetricFamily("clapper_jobs", "Jobs by where they stand.", labels=["state"])
    for state in JobState:
        states.add_metric([state], figures.states.get(state, 0))
    yield states
    ended = CounterMetricFamily(
        "clapper_jobs_ended", "Jobs that have ended, by outcome.", labels=["model", "outcome"]
    )
    for (model, outcome), count in figures.outcomes.items():
        ended.add_metric([model, outcome], count)
    yield ended
    took = HistogramMetricFamily(
        "clapper_video_seconds", "How long Google took for a video.", labels=["model"]
    )
    for model, each in figures.durations.items():
        counts = [*zip(map(str, BUCKETS_S), each.within, strict=True), ("+Inf", each.count)]
        took.add_metric([model], counts, each.seconds)
    yield took
    waited = 0.0
    if figures.oldest_wait is not None:
        waited = max(0.0, (figures.at - figures.oldest_wait).total_seconds())
    plain = {
        "clapper_queue_length": ("Jobs that wait.", figures.states.get(JobState.QUEUED, 0)),
        "clapper_queue_oldest_seconds": ("How long the first of them has waited.", waited),
        "clapper_spent_usd": ("What was spent, ever.", figures.spent / 1e6),
        "clapper_spent_day_usd": ("What was spent in the last 24 hours.", figures.spent_day / 1e6),
        "clapper_reserved_usd": ("What running jobs may still cost.", figures.reserved / 1e6),
        "clapper_workers": ("Processes that work.", sum(each.alive for each in figures.workers)),
    }
    for name, (about, value) in plain.items():
        family = GaugeMetricFamily(name, about)
        family.add_metric([], value)
        yield family
