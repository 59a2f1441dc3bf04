"""The page of `clapper status`: a snapshot as panels for the terminal."""

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
_STATE_STYLES: Final = {
    JobState.QUEUED: "yellow",
    JobState.DONE: "green",
    JobState.FAILED: "red",
    JobState.UNKNOWN: "bold red",
    JobState.CANCELLED: "dim",
}


def build_page(snapshot: OperatorSnapshot) -> RenderableType:
    return Group(
        _build_heading(snapshot),
        Columns(
            [
                _build_jobs_panel(snapshot),
                _build_money_panel(snapshot),
                _build_workers_panel(snapshot),
            ],
            padding=(0, 1),
        ),
        _build_running_panel(snapshot),
        _build_failures_panel(snapshot),
    )


def build_unavailable_page(error: str, now: datetime) -> RenderableType:
    return Panel(
        Text(f"The database does not answer ({error}). Asking again."),
        title=f"Clapper · {now:%Y-%m-%d %H:%M:%S} UTC",
        border_style="red",
    )


def _build_heading(snapshot: OperatorSnapshot) -> Text:
    alive = sum(worker.is_alive for worker in snapshot.workers)
    in_flight = sum(snapshot.job_counts.get(state, 0) for state in IN_FLIGHT_STATES)
    waiting = snapshot.job_counts.get(JobState.QUEUED, 0)
    text = Text("Clapper ", style="bold")
    text.append(f"{snapshot.taken_at:%Y-%m-%d %H:%M:%S} UTC   ", style="dim")
    text.append(f"{alive} working ", style="green" if alive else "bold red")
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
    table.add_row("spent, 24 hours", format_usd(snapshot.spent_day))
    table.add_row("spent, ever", format_usd(snapshot.spent))
    for model, durations in sorted(snapshot.durations.items()):
        mean_s = durations.total_seconds / durations.count if durations.count else 0.0
        table.add_row(Text(model, style="dim"), f"{durations.count} made, {mean_s:.0f} s each")
    return Panel(table, title="spend and pace")


def _build_workers_panel(snapshot: OperatorSnapshot) -> Panel:
    table = Table.grid(padding=(0, 2))
    for worker in sorted(snapshot.workers, key=lambda worker: not worker.is_alive)[:MAXIMUM_JOBS]:
        table.add_row(*_build_worker_row(worker, snapshot.taken_at))
    if not snapshot.workers:
        table.add_row(Text("none: the bot is not running", style="bold red"))
    return Panel(table, title="workers")


def _build_worker_row(worker: WorkerSnapshot, now: datetime) -> tuple[Text, str, str, str]:
    mark = Text("●", style="green") if worker.is_alive else Text("○ gone", style="red")
    job_count = sum(worker.jobs.values())
    return (
        mark,
        f"{worker.id[:8]} on {worker.host}",
        f"up {_format_duration(now - worker.started_at)}",
        f"{job_count} jobs" if job_count else "idle",
    )


def _build_running_panel(snapshot: OperatorSnapshot) -> Panel:
    table = Table(box=None, expand=True, header_style="dim")
    for name in ("job", "state", "model", "price", "asked", "at Google", "worker"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for job in snapshot.running_jobs[:MAXIMUM_JOBS]:
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
    return Panel(table, title="running and waiting")


def _build_failures_panel(snapshot: OperatorSnapshot) -> Panel:
    table = Table(box=None, expand=True, header_style="dim")
    for name in ("job", "outcome", "model", "price", "ended", "reason"):
        table.add_column(name, no_wrap=name != "reason", overflow="ellipsis")
    for job in snapshot.failed_jobs[:MAXIMUM_JOBS]:
        table.add_row(*_build_failure_row(job, snapshot.taken_at))
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
