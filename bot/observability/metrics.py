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

from bot.domain.errors import DatabaseUnavailable, LeaseLost, VideoError
from bot.domain.jobs.job import JobState
from bot.domain.jobs.request import GoogleRoute, VideoPlan
from bot.domain.ports import (
    Clock,
    ModelReachability,
    OperationFinished,
    OperationPending,
    PollResult,
    RemoteVideo,
    VideoModels,
)
from bot.domain.statistics import DURATION_BUCKETS_S, OperatorSnapshot, SnapshotSource

LOOP_LAG_INTERVAL_S: Final = 0.5
_SNAPSHOT_CACHE_S: Final = 2.0
_DISCORD_EPOCH_MS: Final = 1_420_070_400_000
_REQUEST_BUCKETS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LOOP_LAG_BUCKETS_S: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_DETECTION_BUCKETS_S: Final = (0.5, 1.0, 2.0, 5.0, 8.0, 10.0, 12.0, 15.0, 20.0, 30.0, 60.0)
_CALLBACK_PATTERN: Final = re.compile(r"/interactions/(\d{5,20})/[^/]+/callback$")
_VERSION_PATTERN: Final = re.compile(r"^.*?/v\d+(?=/)")
_TOKEN_PATTERN: Final = re.compile(r"(/(?:webhooks|interactions)/[^/]+)/[^/]+")
_ID_PATTERN: Final = re.compile(r"/\d{5,20}(?=/|$)")
_EMOJI_PATTERN: Final = re.compile(r"/reactions/[^/]+")
_MAXIMUM_OPERATIONS: Final = 10_000

_log: Final = structlog.get_logger(__name__)


class Instruments:
    """The instruments of this process."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self.acknowledgement_seconds = Histogram(
            "clapper_ack_seconds",
            "From an interaction's birth at Discord to its acknowledgement (3 s allowed).",
            buckets=_REQUEST_BUCKETS_S,
            registry=self.registry,
        )
        self.detection_lag = Histogram(
            "clapper_detection_lag_seconds",
            "At most so long after Google had finished did we know: since the look before.",
            buckets=_DETECTION_BUCKETS_S,
            registry=self.registry,
        )
        self.loop_lag = Histogram(
            "clapper_loop_lag_seconds",
            "How late the event loop was.",
            buckets=_LOOP_LAG_BUCKETS_S,
            registry=self.registry,
        )
        self.discord_requests = Counter(
            "clapper_discord_requests",
            "Requests to Discord's REST API; status 0 is a connection that failed.",
            ["method", "path", "status"],
            registry=self.registry,
        )
        self.discord_seconds = Histogram(
            "clapper_discord_request_seconds",
            "How long Discord's REST API took.",
            ["method"],
            buckets=_REQUEST_BUCKETS_S,
            registry=self.registry,
        )
        self.google_calls = Counter(
            "clapper_google_calls",
            "Calls to Google by what came of them.",
            ["route", "call", "result"],
            registry=self.registry,
        )
        self.google_seconds = Histogram(
            "clapper_google_call_seconds",
            "How long Google took to answer.",
            ["route", "call"],
            buckets=_REQUEST_BUCKETS_S,
            registry=self.registry,
        )
        self.gateway_ready = Gauge(
            "clapper_gateway_ready", "1 while Discord's gateway is up.", registry=self.registry
        )

    def build_discord_trace(self) -> aiohttp.TraceConfig:
        """Return a trace for discord.py's HTTP session that feeds these instruments."""
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._on_request_start)
        trace.on_request_end.append(self._on_request_end)
        trace.on_request_exception.append(self._on_request_exception)
        return trace

    async def _on_request_start(self, _: object, context: Any, __: object) -> None:
        context.began = datetime.now(UTC).timestamp()

    async def _on_request_end(self, _: object, context: Any, params: Any) -> None:
        now = datetime.now(UTC).timestamp()
        self.discord_requests.labels(
            params.method, normalize_path(params.url.path), params.response.status
        ).inc()
        self.discord_seconds.labels(params.method).observe(max(0.0, now - context.began))
        callback = _CALLBACK_PATTERN.search(params.url.path)
        if callback is not None and params.response.status < 300:
            born = ((int(callback[1]) >> 22) + _DISCORD_EPOCH_MS) / 1000
            self.acknowledgement_seconds.observe(max(0.0, now - born))

    async def _on_request_exception(self, _: object, __: Any, params: Any) -> None:
        self.discord_requests.labels(params.method, normalize_path(params.url.path), 0).inc()

    async def run_measurements(self, clock: Clock, is_connected: Callable[[], bool]) -> None:
        """Measure how late the event loop wakes us, and the gateway, until cancelled."""
        while True:
            self.gateway_ready.set(1 if is_connected() else 0)
            asked = clock.monotonic()
            await clock.sleep(LOOP_LAG_INTERVAL_S)
            self.loop_lag.observe(max(0.0, clock.monotonic() - asked - LOOP_LAG_INTERVAL_S))


def normalize_path(path: str) -> str:
    """Return a path of Discord's without ids and tokens: few enough to count by, and no secret."""
    path = _TOKEN_PATTERN.sub(r"\1/TOKEN", _VERSION_PATTERN.sub("", path))
    return _ID_PATTERN.sub("/ID", _EMOJI_PATTERN.sub("/reactions/EMOJI", path))


class InstrumentedVideoModels:
    """`VideoModels` that counts calls and measures how late an end was noticed."""

    def __init__(self, models: VideoModels, instruments: Instruments, clock: Clock) -> None:
        self._models = models
        self._instruments = instruments
        self._clock = clock
        self._polled_at: dict[str, float] = {}

    @property
    def route(self) -> GoogleRoute:
        """The route that the adapter speaks."""
        return self._models.route

    async def submit(
        self,
        plan: VideoPlan,
        *,
        job_id: int,
        dedupe_key: str = "",
        about_to_send: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        """Start the operation."""
        with _MeasuredCall(self, "submit"):
            operation = await self._models.submit(
                plan, job_id=job_id, dedupe_key=dedupe_key, about_to_send=about_to_send
            )
        if len(self._polled_at) < _MAXIMUM_OPERATIONS:
            self._polled_at[operation] = self._clock.monotonic()
        return operation

    async def poll(self, operation: str) -> PollResult:
        """Ask for the operation once."""
        with _MeasuredCall(self, "poll"):
            answer = await self._models.poll(operation)
        now = self._clock.monotonic()
        before = self._polled_at.pop(operation, None)
        if isinstance(answer, OperationPending):
            if len(self._polled_at) < _MAXIMUM_OPERATIONS:
                self._polled_at[operation] = now
        elif before is not None:
            self._instruments.detection_lag.observe(now - before)
        return answer

    async def download_video(self, video: RemoteVideo, destination: Path) -> None:
        """Stream the video to ``destination``."""
        with _MeasuredCall(self, "fetch"):
            await self._models.download_video(video, destination)

    async def find_result(
        self, plan: VideoPlan, *, job_id: int, dedupe_key: str = ""
    ) -> OperationFinished | None:
        """Look for the result of a submit whose answer was lost."""
        with _MeasuredCall(self, "find"):
            return await self._models.find_result(plan, job_id=job_id, dedupe_key=dedupe_key)

    async def check_reachability(self, models: Sequence[str]) -> list[ModelReachability]:
        """Tell which of ``models`` the account can use."""
        with _MeasuredCall(self, "reachability"):
            return await self._models.check_reachability(models)

    async def close(self) -> None:
        """Close connections."""
        await self._models.close()

    def record_call(self, call: str, result: str, seconds: float) -> None:
        """Record one call."""
        route = str(self.route)
        self._instruments.google_calls.labels(route, call, result).inc()
        self._instruments.google_seconds.labels(route, call).observe(seconds)

    def get_monotonic_time(self) -> float:
        """Return monotonic seconds."""
        return self._clock.monotonic()


class _MeasuredCall:
    """One call: its duration, and the kind of fault that ended it."""

    def __init__(self, models: InstrumentedVideoModels, call: str) -> None:
        self._models = models
        self._call = call
        self._started_at = models.get_monotonic_time()

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        result = "ok"
        if kind is not None:
            known = issubclass(kind, VideoError | LeaseLost) or not issubclass(kind, Exception)
            result = kind.__name__ if known else "fault"
        self._models.record_call(
            self._call, result, self._models.get_monotonic_time() - self._started_at
        )


class MetricsEndpoint:
    """Implements `bot.web.operations.Figures`: the instruments and the database's figures.

    The database is asked at most every two seconds, however many ask us.
    """

    def __init__(self, instruments: Instruments, source: SnapshotSource, clock: Clock) -> None:
        self._instruments = instruments
        self._source = source
        self._clock = clock
        self._read_at = float("-inf")
        self._collector = _SnapshotCollector()
        instruments.registry.register(self._collector)

    async def render_metrics(self) -> bytes:
        """Return everything in Prometheus' text format."""
        now = self._clock.monotonic()
        if now - self._read_at >= _SNAPSHOT_CACHE_S:
            self._read_at = now
            try:
                self._collector.snapshot = await self._source.load_snapshot(now=self._clock.now())
            except DatabaseUnavailable as error:
                self._collector.snapshot = None
                _log.warning("metrics.store_away", error=str(error))
        return generate_latest(self._instruments.registry)


class _SnapshotCollector(Collector):
    """The latest figures as metric families."""

    def __init__(self) -> None:
        self.snapshot: OperatorSnapshot | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        figures = self.snapshot
        up = GaugeMetricFamily("clapper_store_up", "1 while the database answers.")
        up.add_metric([], 0 if figures is None else 1)
        yield up
        if figures is not None:
            yield from _build_metric_families(figures)


def _build_metric_families(snapshot: OperatorSnapshot) -> Iterator[Metric]:
    states = GaugeMetricFamily("clapper_jobs", "Jobs by where they stand.", labels=["state"])
    for state in JobState:
        states.add_metric([state], snapshot.job_counts.get(state, 0))
    yield states
    ended = CounterMetricFamily(
        "clapper_jobs_ended", "Jobs that have ended, by outcome.", labels=["model", "outcome"]
    )
    for (model, outcome), count in snapshot.outcome_counts.items():
        ended.add_metric([model, outcome], count)
    yield ended
    took = HistogramMetricFamily(
        "clapper_video_seconds", "How long Google took for a video.", labels=["model"]
    )
    for model, each in snapshot.durations.items():
        counts = [
            *zip(map(str, DURATION_BUCKETS_S), each.bucket_counts, strict=True),
            ("+Inf", each.count),
        ]
        took.add_metric([model], counts, each.total_seconds)
    yield took
    waited = 0.0
    if snapshot.oldest_queued_at is not None:
        waited = max(0.0, (snapshot.taken_at - snapshot.oldest_queued_at).total_seconds())
    plain = {
        "clapper_queue_length": ("Jobs that wait.", snapshot.job_counts.get(JobState.QUEUED, 0)),
        "clapper_queue_oldest_seconds": ("How long the first of them has waited.", waited),
        "clapper_spent_usd": ("What was spent, ever.", snapshot.spent / 1e6),
        "clapper_spent_day_usd": ("What was spent in the last 24 hours.", snapshot.spent_day / 1e6),
        "clapper_reserved_usd": ("What running jobs may still cost.", snapshot.reserved / 1e6),
        "clapper_workers": (
            "Processes that work.",
            sum(each.is_alive for each in snapshot.workers),
        ),
    }
    for name, (about, value) in plain.items():
        family = GaugeMetricFamily(name, about)
        family.add_metric([], value)
        yield family
