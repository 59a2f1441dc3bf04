"""Prometheus metrics: measurements of this process, and counts from the database.

Whatever the database knows is counted there when /metrics is read. So it survives restarts and is
the same in every process. Only what is not stored is kept in memory, such as the event loop's
delay.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
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

from bot.domain.errors import AccessRefused, DatabaseUnavailable, LeaseLost, VideoError
from bot.domain.jobs.job import JobState, Outcome
from bot.domain.jobs.request import GoogleRoute, VideoPlan
from bot.domain.ports import (
    Clock,
    DownloadedVideo,
    ModelReachability,
    OperationFailed,
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
    """The metrics that this process measures itself."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        self.acknowledgement_seconds = histogram(
            "clapper_ack_seconds",
            "Seconds from a Discord interaction to its acknowledgement (Discord allows 3).",
            buckets=_REQUEST_BUCKETS_S,
        )
        self.detection_lag = histogram(
            "clapper_detection_lag_seconds",
            "Seconds at most between Google finishing a video and the bot noticing it.",
            buckets=_DETECTION_BUCKETS_S,
        )
        self.loop_lag = histogram(
            "clapper_loop_lag_seconds",
            "Seconds by which the asyncio event loop was late.",
            buckets=_LOOP_LAG_BUCKETS_S,
        )
        self.discord_requests = counter(
            "clapper_discord_requests",
            "Requests to Discord's REST API, by status (0: the connection failed).",
            ["method", "path", "status"],
        )
        self.discord_seconds = histogram(
            "clapper_discord_request_seconds",
            "Seconds that requests to Discord's REST API took.",
            ["method"],
            buckets=_REQUEST_BUCKETS_S,
        )
        self.google_calls = counter(
            "clapper_google_calls",
            "Calls to Google, by result (ok, or the name of the error).",
            ["route", "call", "result"],
        )
        self.google_account_refusals = counter(
            "clapper_google_account_refusals",
            "Refusals of the operator's key, account, region or bucket, by Google's reason.",
            ["route", "call", "reason"],
        )
        self.google_seconds = histogram(
            "clapper_google_call_seconds",
            "Seconds that calls to Google took.",
            ["route", "call"],
            buckets=_REQUEST_BUCKETS_S,
        )
        self.background_failures = counter(
            "clapper_background_failures",
            "Failures of background tasks, each followed by a restart.",
            ["task"],
        )
        self.remote_deletions_given_up = counter(
            "clapper_remote_deletions_given_up",
            "Deletions at Google that were given up, though the clip was deleted here.",
        )
        self.alerts = counter(
            "clapper_alerts",
            "Alerts that this process sent to the operator, by recipient and whether they arrived.",
            ["recipient", "result"],
        )
        self.gateway_ready = Gauge(
            "clapper_gateway_ready",
            "1 while all shards are connected to Discord's gateway, otherwise 0.",
            registry=self.registry,
        )
        self.gateway_shards = Gauge(
            "clapper_gateway_shards",
            "Shards that this process has.",
            registry=self.registry,
        )

    def count_background_failure(self, task: str) -> None:
        """Count an unexpected error of a background task."""
        self.background_failures.labels(task).inc()

    def count_background_failures(self) -> dict[str, int]:
        """Return how often each background task has failed in this process."""
        return {
            sample.labels["task"]: int(sample.value)
            for family in self.background_failures.collect()
            for sample in family.samples
            if sample.name.endswith("_total")
        }

    def count_alert(self, recipient: str, *, has_arrived: bool) -> None:
        """Count an alert that a recipient took, or that was given up."""
        self.alerts.labels(recipient, "ok" if has_arrived else "given_up").inc()

    def build_discord_trace(self) -> aiohttp.TraceConfig:
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._on_request_start)
        trace.on_request_end.append(self._on_request_end)
        trace.on_request_exception.append(self._on_request_exception)
        return trace

    async def _on_request_start(self, _: object, context: Any, __: object) -> None:
        context.started_at = datetime.now(UTC).timestamp()

    async def _on_request_end(self, _: object, context: Any, params: Any) -> None:
        now = datetime.now(UTC).timestamp()
        self.discord_requests.labels(
            params.method, normalize_path(params.url.path), params.response.status
        ).inc()
        self.discord_seconds.labels(params.method).observe(max(0.0, now - context.started_at))
        callback = _CALLBACK_PATTERN.search(params.url.path)
        if callback is not None and params.response.status < 300:
            created_at = ((int(callback[1]) >> 22) + _DISCORD_EPOCH_MS) / 1000
            self.acknowledgement_seconds.observe(max(0.0, now - created_at))

    async def _on_request_exception(self, _: object, __: Any, params: Any) -> None:
        self.discord_requests.labels(params.method, normalize_path(params.url.path), 0).inc()

    async def run_measurements(
        self, clock: Clock, is_connected: Callable[[], bool], count_shards: Callable[[], int]
    ) -> None:
        """Measure the event loop's delay and the gateway's state."""
        while True:
            self.gateway_ready.set(1 if is_connected() else 0)
            self.gateway_shards.set(count_shards())
            due = clock.monotonic() + LOOP_LAG_INTERVAL_S
            await clock.sleep(LOOP_LAG_INTERVAL_S)
            self.loop_lag.observe(max(0.0, clock.monotonic() - due))


def normalize_path(path: str) -> str:
    """Return a path of Discord's API without ids and tokens, for use as a label."""
    path = _TOKEN_PATTERN.sub(r"\1/TOKEN", _VERSION_PATTERN.sub("", path))
    return _ID_PATTERN.sub("/ID", _EMOJI_PATTERN.sub("/reactions/EMOJI", path))


class InstrumentedVideoModels:
    """`VideoModels` that counts calls and measures how late the end of an operation is noticed.

    The delay is measured from the previous poll, so it is an upper bound.
    """

    def __init__(self, models: VideoModels, instruments: Instruments, clock: Clock) -> None:
        self._models = models
        self._instruments = instruments
        self._clock = clock
        self._polled_at: dict[str, float] = {}

    @property
    def route(self) -> GoogleRoute:
        return self._models.route

    async def submit(
        self,
        plan: VideoPlan,
        *,
        job_id: int,
        dedupe_key: str = "",
        about_to_send: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        with self._measure_call("submit"):
            operation = await self._models.submit(
                plan, job_id=job_id, dedupe_key=dedupe_key, about_to_send=about_to_send
            )
        self._remember_poll(operation)
        return operation

    async def poll(self, operation: str) -> PollResult:
        with self._measure_call("poll"):
            result = await self._models.poll(operation)
        if isinstance(result, OperationFailed) and result.outcome is Outcome.ACCESS_REFUSED:
            self._count_account_refusal("poll", result.reason)
        polled_at = self._polled_at.pop(operation, None)
        if isinstance(result, OperationPending):
            self._remember_poll(operation)
        elif polled_at is not None:
            self._instruments.detection_lag.observe(self._clock.monotonic() - polled_at)
        return result

    async def download_video(self, video: RemoteVideo, destination: Path) -> DownloadedVideo:
        with self._measure_call("fetch"):
            return await self._models.download_video(video, destination)

    async def cancel_operation(self, operation: str) -> bool:
        with self._measure_call("cancel"):
            return await self._models.cancel_operation(operation)

    async def delete_operation(self, operation: str) -> None:
        with self._measure_call("delete"):
            await self._models.delete_operation(operation)

    async def find_result(
        self, plan: VideoPlan, *, job_id: int, dedupe_key: str = ""
    ) -> OperationFinished | None:
        with self._measure_call("find"):
            return await self._models.find_result(plan, job_id=job_id, dedupe_key=dedupe_key)

    async def check_reachability(self, models: Sequence[str]) -> list[ModelReachability]:
        with self._measure_call("reachability"):
            return await self._models.check_reachability(models)

    async def close(self) -> None:
        await self._models.close()

    def _remember_poll(self, operation: str) -> None:
        if len(self._polled_at) < _MAXIMUM_OPERATIONS:
            self._polled_at[operation] = self._clock.monotonic()

    def _count_account_refusal(self, call: str, reason: str | None) -> None:
        labels = (self._models.route, call, reason or "UNKNOWN")
        self._instruments.google_account_refusals.labels(*labels).inc()

    @contextmanager
    def _measure_call(self, call: str) -> Iterator[None]:
        started_at, result = self._clock.monotonic(), "ok"
        try:
            yield
        except (VideoError, LeaseLost, asyncio.CancelledError) as error:
            result = type(error).__name__
            if isinstance(error, AccessRefused):
                self._count_account_refusal(call, error.reason)
            raise
        except BaseException:
            result = "fault"
            raise
        finally:
            duration_s = self._clock.monotonic() - started_at
            self._instruments.google_calls.labels(self.route, call, result).inc()
            self._instruments.google_seconds.labels(self.route, call).observe(duration_s)


class MetricsEndpoint:
    """The response of /metrics: this process's instruments and the database's counts.

    The database is read at most every two seconds, however often /metrics is read.
    """

    def __init__(self, instruments: Instruments, source: SnapshotSource, clock: Clock) -> None:
        self._instruments = instruments
        self._source = source
        self._clock = clock
        self._read_at = float("-inf")
        self._collector = _SnapshotCollector()
        instruments.registry.register(self._collector)

    async def render_metrics(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        now = self._clock.monotonic()
        if now - self._read_at >= _SNAPSHOT_CACHE_S:
            self._read_at = now
            try:
                self._collector.snapshot = await self._source.load_snapshot(now=self._clock.now())
            except DatabaseUnavailable as error:
                self._collector.snapshot = None
                _log.warning("metrics.database_unavailable", error=str(error))
        return generate_latest(self._instruments.registry)


class _SnapshotCollector(Collector):
    def __init__(self) -> None:
        self.snapshot: OperatorSnapshot | None = None

    def collect(self) -> Iterator[Metric]:
        available = 0 if self.snapshot is None else 1
        yield _build_gauge(
            "clapper_database_up", "1 while the database answers, otherwise 0.", available
        )
        yield _build_gauge("clapper_store_up", "Old name of clapper_database_up.", available)
        if self.snapshot is not None:
            yield from _build_metric_families(self.snapshot)


def _build_metric_families(snapshot: OperatorSnapshot) -> Iterator[Metric]:
    states = GaugeMetricFamily("clapper_jobs", "Jobs, by state.", labels=["state"])
    for state in JobState:
        states.add_metric([state], snapshot.job_counts.get(state, 0))
    yield states
    ended = CounterMetricFamily(
        "clapper_jobs_ended",
        "Jobs that have ended, by model and outcome.",
        labels=["model", "outcome"],
    )
    for (model, outcome), count in snapshot.outcome_counts.items():
        ended.add_metric([model, outcome], count)
    yield ended
    durations = HistogramMetricFamily(
        "clapper_video_seconds",
        "Seconds that Google took to make a video, by model.",
        labels=["model"],
    )
    for model, histogram in snapshot.durations.items():
        buckets = [
            *zip(map(str, DURATION_BUCKETS_S), histogram.bucket_counts, strict=True),
            ("+Inf", histogram.count),
        ]
        durations.add_metric([model], buckets, histogram.total_seconds)
    yield durations
    waited_s = 0.0
    if snapshot.oldest_queued_at is not None:
        waited_s = max(0.0, (snapshot.taken_at - snapshot.oldest_queued_at).total_seconds())
    queued = snapshot.job_counts.get(JobState.QUEUED, 0)
    alive = sum(worker.is_alive for worker in snapshot.workers)
    for name, help_text, value in (
        ("clapper_queue_length", "Jobs that wait to be sent to Google.", queued),
        (
            "clapper_queue_oldest_seconds",
            "Seconds that the oldest waiting job has waited.",
            waited_s,
        ),
        ("clapper_spent_usd", "US dollars spent in all.", snapshot.spent / 1e6),
        (
            "clapper_spent_day_usd",
            "US dollars spent in the last 24 hours.",
            snapshot.spent_day / 1e6,
        ),
        (
            "clapper_reserved_usd",
            "US dollars reserved for unfinished jobs.",
            snapshot.reserved / 1e6,
        ),
        ("clapper_workers", "Processes of the bot that are alive.", alive),
    ):
        yield _build_gauge(name, help_text, value)


def _build_gauge(name: str, help_text: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, help_text)
    family.add_metric([], value)
    return family
