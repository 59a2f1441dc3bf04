"""The page of `clapper status`: a snapshot as panels for the terminal."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Column, Table
from rich.text import Text

from bot.domain.billing.money import Micros, format_usd
from bot.domain.jobs.job import IN_FLIGHT_STATES, JobState, Outcome
from bot.domain.statistics import JobSnapshot, OperatorSnapshot, WorkerSnapshot

MAXIMUM_JOBS: Final = 12
_WIDE_COLUMNS: Final = 100
_TALL_LINES: Final = 36
_PANEL_LINES: Final = 14
"""Lines of the heading and the three panels."""
_COMPACT_LINES: Final = 5
_LIST_FRAME_LINES: Final = 3
"""Frame and header of a list."""
_STATE_STYLES: Final = {
    JobState.QUEUED: "yellow",
    JobState.DONE: "green",
    JobState.FAILED: "red",
    JobState.UNKNOWN: "bold red",
    JobState.CANCELLED: "dim",
}


@dataclass(frozen=True, slots=True)
class PageSize:
    """The terminal; ``height`` is `None` where the page is printed and may be of any length."""

    width: int
    height: int | None = None

    @property
    def is_narrow(self) -> bool:
        return self.width < _WIDE_COLUMNS

    @property
    def is_compact(self) -> bool:
        """Whether the overview has to be lines instead of panels, to leave room for the lists."""
        return self.is_narrow or (self.height is not None and self.height < _TALL_LINES)


def build_page(snapshot: OperatorSnapshot, size: PageSize) -> RenderableType:
    """Return the page; what failed is visible in the smallest terminal, before what waits."""
    failures, running = _share_lines(snapshot, size)
    overview = _build_summary(snapshot) if size.is_compact else _build_panels(snapshot)
    return Group(
        _build_heading(snapshot),
        overview,
        _build_failures_panel(snapshot, size, failures),
        _build_running_panel(snapshot, size, running),
    )


def _share_lines(snapshot: OperatorSnapshot, size: PageSize) -> tuple[int, int]:
    """Return how many failures and how many running jobs fit."""
    failures = min(len(snapshot.failed_jobs), MAXIMUM_JOBS)
    running = min(len(snapshot.running_jobs), MAXIMUM_JOBS)
    if size.height is None:
        return failures, running
    used = _COMPACT_LINES if size.is_compact else _PANEL_LINES
    free = max(2, size.height - used - 2 * _LIST_FRAME_LINES)
    half = free // 2
    failures = min(failures, max(half, free - running))
    return max(1, failures), max(1, min(running, free - failures))


def _build_summary(snapshot: OperatorSnapshot) -> RenderableType:
    """Return jobs, spend and workers in a line each."""
    jobs = " · ".join(
        f"{count} {state}" for state in JobState if (count := snapshot.job_counts.get(state, 0))
    )
    gone = sum(not worker.is_alive for worker in snapshot.workers)
    lines = [
        f"jobs      {jobs or 'none yet'}",
        f"spending  {format_usd(snapshot.spent_day)} in 24 hours"
        f" · {format_usd(snapshot.reserved)} reserved · {format_usd(snapshot.spent)} in all",
        f"workers   {len(snapshot.workers) - gone} alive"
        + (f" · {gone} gone" if gone else "")
        + ("" if snapshot.workers else ": the bot is not running"),
    ]
    return Text("\n".join(lines), overflow="ellipsis", no_wrap=True)


def _build_panels(snapshot: OperatorSnapshot) -> RenderableType:
    return Columns(
        [
            _build_jobs_panel(snapshot),
            _build_money_panel(snapshot),
            _build_workers_panel(snapshot),
        ],
        padding=(0, 1),
    )


def build_unavailable_page(error: str, now: datetime) -> RenderableType:
    return Panel(
        Text(f"The database does not answer ({error})."),
        title=f"Clapper · {now:%Y-%m-%d %H:%M:%S} UTC",
        border_style="red",
    )


def _build_heading(snapshot: OperatorSnapshot) -> Text:
    alive = sum(worker.is_alive for worker in snapshot.workers)
    in_flight = sum(snapshot.job_counts.get(state, 0) for state in IN_FLIGHT_STATES)
    waiting = snapshot.job_counts.get(JobState.QUEUED, 0)
    text = Text("Clapper ", style="bold", no_wrap=True, overflow="ellipsis")
    text.append(f"{snapshot.taken_at:%Y-%m-%d %H:%M:%S} UTC   ", style="dim")
    text.append(
        f"{alive} {'worker' if alive == 1 else 'workers'} ", style="green" if alive else "bold red"
    )
    text.append(f"· {in_flight} at Google · {waiting} waiting")
    if snapshot.oldest_queued_at is not None:
        text.append(
            f" (for {_format_duration(snapshot.taken_at - snapshot.oldest_queued_at)})",
            style="yellow",
        )
    if snapshot.paused:
        reason = " ".join((snapshot.pause_reason or "").split())
        text.append(
            f"\nPaused by the operator{f': {reason}' if reason else ''}", style="bold yellow"
        )
    return text


def _build_jobs_panel(snapshot: OperatorSnapshot) -> Panel:
    table = Table.grid(Column(), Column(justify="right"), padding=(0, 2))
    for state in JobState:
        count = snapshot.job_counts.get(state, 0)
        table.add_row(
            Text(state, style=_STATE_STYLES.get(state, "cyan")), str(count) if count else "–"
        )
    return Panel(table, title="jobs")


def _build_money_panel(snapshot: OperatorSnapshot) -> Panel:
    table = Table.grid(Column(), Column(justify="right"), padding=(0, 2))
    table.add_row("reserved now", format_usd(snapshot.reserved))
    table.add_row("spent in 24 hours", format_usd(snapshot.spent_day))
    table.add_row("spent in all", format_usd(snapshot.spent))
    for model, durations in sorted(snapshot.durations.items()):
        mean_s = durations.total_seconds / durations.count if durations.count else 0.0
        table.add_row(Text(model, style="dim"), f"{durations.count} made, {mean_s:.0f} s each")
    return Panel(table, title="spending and speed")


def _build_workers_panel(snapshot: OperatorSnapshot) -> Panel:
    table = Table.grid(padding=(0, 2))
    for worker in sorted(snapshot.workers, key=lambda worker: not worker.is_alive)[:MAXIMUM_JOBS]:
        table.add_row(*_build_worker_row(worker, snapshot.taken_at))
    if not snapshot.workers:
        table.add_row(Text("none: the bot is not running", style="bold red"))
    return Panel(table, title="workers")


def _build_worker_row(worker: WorkerSnapshot, now: datetime) -> tuple[Text, str, str, str, str]:
    mark = Text("●", style="green") if worker.is_alive else Text("○ gone", style="red")
    job_count = sum(worker.jobs.values())
    return (
        mark,
        f"{worker.id[:8]} on {worker.host}",
        f"up {_format_duration(now - worker.started_at)}",
        f"{job_count} {'job' if job_count == 1 else 'jobs'}" if job_count else "idle",
        _format_shards(worker.shard_ids),
    )


def _format_shards(shard_ids: tuple[int, ...]) -> str:
    """Return the shards of a worker; nothing where processes do not share them."""
    if not shard_ids:
        return ""
    return f"{'shard' if len(shard_ids) == 1 else 'shards'} {', '.join(map(str, shard_ids))}"


def _build_running_panel(snapshot: OperatorSnapshot, size: PageSize, rows: int) -> Panel:
    table = Table(box=None, expand=True, header_style="dim")
    for name in ("job", "state", "model", "price", "age", "at Google", "worker"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for job in snapshot.running_jobs[:rows]:
        table.add_row(
            f"#{job.id}",
            Text(job.state, style=_STATE_STYLES.get(job.state, "cyan")),
            job.model,
            format_usd(job.price_micros),
            _format_duration(snapshot.taken_at - job.created_at),
            "–"
            if job.submitted_at is None
            else _format_duration(snapshot.taken_at - job.submitted_at),
            (job.owner or "–")[:8],
        )
    if not snapshot.running_jobs:
        table.add_row(Text("nothing", style="dim"))
    hidden = len(snapshot.running_jobs) - rows if size.height is not None else 0
    more = f" ({hidden} more)" if hidden > 0 else ""
    return Panel(table, title=f"running and waiting{more}")


def _build_failures_panel(snapshot: OperatorSnapshot, size: PageSize, rows: int) -> Panel:
    table = Table(box=None, expand=True, header_style="dim")
    names = ("job", "outcome", "model", "price", "ended", "reason")
    # a narrow page leaves the space to the reason: model and price are in the job's details
    shown = [name for name in names if not (size.is_narrow and name in ("model", "price"))]
    for name in shown:
        wraps = name == "reason" and size.height is None
        table.add_column(
            name, no_wrap=not wraps, overflow="ellipsis", ratio=1 if name == "reason" else None
        )
    for job in snapshot.failed_jobs[:rows]:
        cells: dict[str, str | Text] = dict(
            zip(names, _build_failure_row(job, snapshot.taken_at), strict=True)
        )
        table.add_row(*(cells[name] for name in shown))
    if not snapshot.failed_jobs:
        table.add_row(Text("none", style="dim"))
    return Panel(table, title="latest failures")


def _build_failure_row(job: JobSnapshot, now: datetime) -> tuple[str, Text, str, str, str, str]:
    ended = job.finished_at
    outcome = job.outcome or Outcome.OPERATION_FAILED
    return (
        f"#{job.id}",
        Text(outcome, style=_STATE_STYLES.get(job.state, "red")),
        job.model,
        format_usd(Micros(job.price_micros)),
        "–" if ended is None else f"{_format_duration(now - ended)} ago",
        " ".join((job.detail or "").split())[:160],
    )


def _format_duration(duration: timedelta) -> str:
    seconds = max(0, int(duration.total_seconds()))
    if seconds < 100:
        return f"{seconds} s"
    if seconds < 6000:
        return f"{seconds // 60} min"
    if seconds < 172_800:
        return f"{seconds // 3600} h"
    return f"{seconds // 86_400} d"
