"""Figures as a terminal page; pure, so that a test can look at it."""

from datetime import datetime, timedelta
from typing import Final

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.domain.billing.money import Micros, format_usd
from bot.domain.jobs.job import IN_FLIGHT, JobState, Outcome
from bot.domain.statistics import Figures, JobFigures, WorkerFigures

MOST_JOBS: Final = 12
_STYLES: Final = {
    JobState.QUEUED: "yellow",
    JobState.DONE: "green",
    JobState.FAILED: "red",
    JobState.UNKNOWN: "bold red",
    JobState.CANCELLED: "dim",
}


def page(figures: Figures) -> RenderableType:
    """Return the whole page."""
    return Group(
        _heading(figures),
        Columns([_jobs(figures), _money(figures), _workers(figures)], padding=(0, 1)),
        _running(figures),
        _failures(figures),
    )


def away(error: str, now: datetime) -> RenderableType:
    """Return the page for when the database does not answer."""
    return Panel(
        Text(f"The database does not answer ({error}). Asking again."),
        title=f"Clapper · {now:%Y-%m-%d %H:%M:%S} UTC",
        border_style="red",
    )


def _heading(figures: Figures) -> Text:
    alive = sum(worker.alive for worker in figures.workers)
    flying = sum(figures.states.get(state, 0) for state in IN_FLIGHT)
    waiting = figures.states.get(JobState.QUEUED, 0)
    text = Text("Clapper ", style="bold")
    text.append(f"{figures.at:%Y-%m-%d %H:%M:%S} UTC   ", style="dim")
    text.append(f"{alive} working ", style="green" if alive else "bold red")
    text.append(f"· {flying} at Google · {waiting} waiting")
    if figures.oldest_wait is not None:
        text.append(f" (for {_span(figures.at - figures.oldest_wait)})", style="yellow")
    if figures.paused:
        why = " ".join((figures.pause_reason or "").split())
        text.append(f"\nPaused by the operator{f': {why}' if why else ''}", style="bold yellow")
    return text


def _jobs(figures: Figures) -> Panel:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    for state in JobState:
        count = figures.states.get(state, 0)
        table.add_row(Text(state, style=_STYLES.get(state, "cyan")), str(count) if count else "–")
    return Panel(table, title="jobs")


def _money(figures: Figures) -> Panel:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(justify="right")
    table.add_row("reserved now", format_usd(figures.reserved))
    table.add_row("spent, 24 hours", format_usd(figures.spent_day))
    table.add_row("spent, ever", format_usd(figures.spent))
    for model, each in sorted(figures.durations.items()):
        mean = each.seconds / each.count if each.count else 0.0
        table.add_row(Text(model, style="dim"), f"{each.count} made, {mean:.0f} s each")
    return Panel(table, title="spend and pace")


def _workers(figures: Figures) -> Panel:
    table = Table.grid(padding=(0, 2))
    for worker in sorted(figures.workers, key=lambda each: not each.alive)[:MOST_JOBS]:
        table.add_row(*_worker(worker, figures.at))
    if not figures.workers:
        table.add_row(Text("none: the bot is not running", style="bold red"))
    return Panel(table, title="workers")


def _worker(worker: WorkerFigures, now: datetime) -> tuple[Text, str, str, str]:
    mark = Text("●", style="green") if worker.alive else Text("○ gone", style="red")
    held = sum(worker.jobs.values())
    return (
        mark,
        f"{worker.id[:8]} on {worker.host}",
        f"up {_span(now - worker.started_at)}",
        (f"{held} jobs" if held else "idle"),
    )


def _running(figures: Figures) -> Panel:
    table = Table(box=None, expand=True, header_style="dim")
    for name in ("job", "state", "model", "price", "asked", "at Google", "worker"):
        table.add_column(name, no_wrap=True, overflow="ellipsis")
    for job in figures.running[:MOST_JOBS]:
        table.add_row(
            f"#{job.id}",
            Text(job.state, style=_STYLES.get(job.state, "cyan")),
            job.model,
            format_usd(job.price),
            _span(figures.at - job.created_at),
            "–" if job.submitted_at is None else _span(figures.at - job.submitted_at),
            (job.owner or "–")[:8],
        )
    if not figures.running:
        table.add_row(Text("nothing", style="dim"))
    return Panel(table, title="running and waiting")


def _failures(figures: Figures) -> Panel:
    table = Table(box=None, expand=True, header_style="dim")
    for name in ("job", "outcome", "model", "price", "ended", "reason"):
        table.add_column(name, no_wrap=name != "reason", overflow="ellipsis")
    for job in figures.failures[:MOST_JOBS]:
        table.add_row(*_failure(job, figures.at))
    if not figures.failures:
        table.add_row(Text("none", style="dim"))
    return Panel(table, title="latest failures")


def _failure(job: JobFigures, now: datetime) -> tuple[str, Text, str, str, str, str]:
    ended = job.finished_at
    outcome = job.outcome or Outcome.OPERATION_FAILED
    return (
        f"#{job.id}",
        Text(outcome, style=_STYLES.get(job.state, "red")),
        job.model,
        format_usd(Micros(job.price)),
        "–" if ended is None else f"{_span(now - ended)} ago",
        " ".join((job.detail or "").split())[:160],
    )


def _span(span: timedelta) -> str:
    seconds = max(0, int(span.total_seconds()))
    if seconds < 100:
        return f"{seconds} s"
    if seconds < 6000:
        return f"{seconds // 60} min"
    if seconds < 172_800:
        return f"{seconds // 3600} h"
    return f"{seconds // 86_400} d"
