"""What metrics count. Labels contain no ID, token or prompt."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from rich.console import Console

from bot.cli.status_page import PageSize, build_page, build_unavailable_page
from bot.domain.billing.money import Micros
from bot.domain.errors import DatabaseUnavailable, GoogleUnavailable
from bot.domain.jobs.job import JobState, Outcome
from bot.domain.jobs.request import GoogleRoute, VideoPlan
from bot.domain.ports import (
    DownloadedVideo,
    ModelReachability,
    OperationFailed,
    OperationFinished,
    OperationPending,
    PollResult,
    RemoteVideo,
)
from bot.domain.statistics import (
    DURATION_BUCKETS_S,
    DurationHistogram,
    JobSnapshot,
    OperatorSnapshot,
    WorkerSnapshot,
)
from bot.observability.metrics import (
    InstrumentedVideoModels,
    Instruments,
    MetricsEndpoint,
    normalize_path,
)
from bot.observability.web_metrics import WebInstruments

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class HandClock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)


class Scripted:
    """Video models with scripted answers."""

    route = GoogleRoute.GEMINI

    def __init__(self, *answers: PollResult | Exception) -> None:
        self.answers = list(answers)

    async def submit(
        self,
        plan: VideoPlan,
        *,
        job_id: int,
        dedupe_key: str = "",
        about_to_send: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        return "operations/1"

    async def poll(self, operation: str) -> PollResult:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def download_video(self, video: RemoteVideo, destination: Path) -> DownloadedVideo:
        return DownloadedVideo()

    async def cancel_operation(self, operation: str) -> bool:
        raise NotImplementedError

    async def delete_operation(self, operation: str) -> None:
        raise NotImplementedError

    async def find_result(
        self, plan: VideoPlan, *, job_id: int, dedupe_key: str = ""
    ) -> OperationFinished | None:
        return None

    async def check_reachability(self, models: Sequence[str]) -> list[ModelReachability]:
        return []

    async def close(self) -> None: ...


class Source:
    """Given figures, or an unavailable database."""

    def __init__(self, figures: OperatorSnapshot | None) -> None:
        self.known = figures
        self.asked = 0

    async def load_snapshot(self, *, now: datetime, limit: int = 0) -> OperatorSnapshot:
        self.asked += 1
        if self.known is None:
            raise DatabaseUnavailable("gone")
        return self.known


def figures() -> OperatorSnapshot:
    running = JobSnapshot(
        7, JobState.POLLING, "veo", Micros(400_000), "w1", NOW, NOW, None, None, None
    )
    failed = JobSnapshot(
        6,
        JobState.FAILED,
        "veo",
        Micros(400_000),
        None,
        NOW - timedelta(hours=3),
        None,
        NOW - timedelta(hours=2),
        Outcome.BLOCKED,
        "a reason of Google's",
    )
    return OperatorSnapshot(
        taken_at=NOW,
        job_counts={JobState.QUEUED: 3, JobState.POLLING: 1},
        outcome_counts={("veo", Outcome.DELIVERED): 5, ("veo", Outcome.BLOCKED): 2},
        durations={"veo": DurationHistogram(tuple(range(len(DURATION_BUCKETS_S))), 20, 640.0)},
        oldest_queued_at=NOW - timedelta(seconds=42),
        spent=Micros(2_500_000),
        spent_day=Micros(1_000_000),
        reserved=Micros(400_000),
        workers=(
            WorkerSnapshot(
                "w1", "host", NOW, NOW, is_alive=True, jobs={JobState.POLLING: 1}, shard_ids=(0, 2)
            ),
            WorkerSnapshot("w0", "host", NOW, NOW, is_alive=False, jobs={}),
        ),
        running_jobs=(running,),
        failed_jobs=(failed,),
    )


def samples(body: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def value(body: bytes, name: str, **labels: str) -> float:
    return samples(body)[name, frozenset(labels.items())]


async def test_metrics_reflect_database() -> None:
    source, clock = Source(figures()), HandClock()
    endpoint = MetricsEndpoint(Instruments(), source, clock)
    body = await endpoint.render_metrics()
    for name in ("clapper_database_up", "clapper_store_up"):  # the old name, for one release
        assert value(body, name) == 1
    assert value(body, "clapper_jobs", state="queued") == 3
    assert value(body, "clapper_jobs", state="failed") == 0
    assert value(body, "clapper_jobs_ended_total", model="veo", outcome="blocked") == 2
    assert value(body, "clapper_video_seconds_bucket", model="veo", le="10.0") == 1
    assert value(body, "clapper_video_seconds_count", model="veo") == 20
    assert value(body, "clapper_queue_length") == 3
    assert value(body, "clapper_queue_oldest_seconds") == 42
    assert value(body, "clapper_spent_usd") == 2.5
    assert value(body, "clapper_reserved_usd") == 0.4
    assert value(body, "clapper_workers") == 1
    await endpoint.render_metrics()
    assert source.asked == 1  # many may ask, the database is asked once
    source.known = None
    clock.seconds += 5
    assert value(await endpoint.render_metrics(), "clapper_database_up") == 0


async def test_detection_lag_and_failures_are_counted() -> None:
    instruments, clock = Instruments(), HandClock()
    scripted = Scripted(
        OperationPending(), GoogleUnavailable("busy"), OperationFailed(Outcome.BLOCKED, None)
    )
    models = InstrumentedVideoModels(scripted, instruments, clock)
    plan: Any = None
    operation = await models.submit(plan, job_id=1)
    clock.seconds = 10
    await models.poll(operation)
    clock.seconds = 18
    with pytest.raises(GoogleUnavailable):
        await models.poll(operation)
    clock.seconds = 22
    await models.poll(operation)
    body = await MetricsEndpoint(instruments, Source(None), clock).render_metrics()
    assert value(body, "clapper_detection_lag_seconds_count") == 1
    assert value(body, "clapper_detection_lag_seconds_sum") == 12  # since the last successful query
    labels = {"route": "gemini", "call": "poll"}
    assert value(body, "clapper_google_calls_total", **labels, result="ok") == 2
    assert value(body, "clapper_google_calls_total", **labels, result="GoogleUnavailable") == 1


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/api/v10/channels/123456789012345678/messages", "/channels/ID/messages"),
        (
            "/api/v10/interactions/123456789012345678/aW50ZXJhY3Rpb24/callback",
            "/interactions/ID/TOKEN/callback",
        ),
        (
            "/api/v10/webhooks/123456789012345678/se-cr_et/messages/@original",
            "/webhooks/ID/TOKEN/messages/@original",
        ),
        (
            "/api/v10/channels/123456789/messages/987654321/reactions/%E2%AD%90/@me",
            "/channels/ID/messages/ID/reactions/EMOJI/@me",
        ),
        ("/api/v10/gateway/bot", "/gateway/bot"),
    ],
)
def test_labels_have_no_ids_and_no_tokens(path: str, label: str) -> None:
    assert normalize_path(path) == label


def shown(what: Any, width: int = 140) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    with console.file:
        console.print(what)
    return console.export_text()


def test_the_operators_page() -> None:
    text = shown(build_page(figures(), PageSize(140)))
    for words in (
        "1 worker ",
        "shards 0, 2",
        "1 at Google",
        "3 waiting (for 42 s)",
        "#7",
        "polling",
        "$0.40",
    ):
        assert words in text
    for words in ("spent in all", "$2.50", "○ gone", "#6", "blocked", "a reason of Google's"):
        assert words in text
    assert "The database does not answer (gone)" in shown(build_unavailable_page("gone", NOW))


@pytest.mark.parametrize(
    ("width", "height"), [(80, 24), (80, 30), (100, 30), (120, 40), (80, None)]
)
def test_the_page_shows_what_failed_and_why_in_any_terminal(width: int, height: int | None) -> None:
    """With many jobs, failures and their reasons stay readable. [people-O22]"""
    reason = "Quota exceeded for project 123456"
    few = figures()
    crowded = replace(
        few,
        job_counts=dict.fromkeys(JobState, 3),
        running_jobs=tuple(replace(few.running_jobs[0], id=n) for n in range(100, 112)),
        failed_jobs=tuple(
            replace(few.failed_jobs[0], id=n, detail=f"{reason} {n}") for n in range(200, 212)
        ),
        paused=True,
        pause_reason="a new version",
    )
    lines = shown(build_page(crowded, PageSize(width, height)), width).splitlines()
    text = "\n".join(lines)
    assert height is None or len(lines) <= height
    assert text.count(reason[:20]) >= 3
    assert "#200" in text
    assert "#100" in text
    assert all(len(line) <= width for line in lines)
    narrow = shown(build_page(few, PageSize(width, height)), width)
    assert "a reason of Google's" in narrow


async def test_the_dashboard_asks_only_for_what_there_is() -> None:
    instruments = Instruments()
    WebInstruments(instruments.registry)
    instruments.discord_requests.labels("GET", "/gateway", 200).inc()
    instruments.discord_seconds.labels("GET").observe(0.1)
    instruments.google_calls.labels("gemini", "poll", "ok").inc()
    instruments.google_seconds.labels("gemini", "poll").observe(0.1)
    instruments.background_failures.labels("maintenance").inc()
    instruments.google_account_refusals.labels("gemini", "submit", "BILLING_DISABLED").inc()
    body = await MetricsEndpoint(instruments, Source(figures()), HandClock()).render_metrics()
    exposed = {name for name, _ in samples(body)}
    document = (Path(__file__).parents[2] / "docs" / "grafana.json").read_text("utf-8")
    asked = {
        name
        for panel in json.loads(document)["panels"]
        for target in panel.get("targets", ())
        for name in re.findall(r"clapper_\w+", target["expr"])
    }
    assert len(asked) > 15
    assert asked <= exposed
    told = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
    families = [*text_string_to_metric_families(body.decode())]
    names = {each.name for each in families if not each.name.endswith("_created")}
    assert not {name for name in names if name not in told}
    for family in families:
        assert family.documentation.endswith("."), family.name
        unit = re.search("seconds|usd", family.name)
        assert unit is None or re.search("second|US dollars", family.documentation, re.IGNORECASE)
