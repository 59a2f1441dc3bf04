"""Show workers, jobs, spending and the latest failures.

The page is updated until Ctrl-C. It is read from the bot's database, whether
the bot is running or not, and nothing is changed.

Examples:
  clapper status
  clapper status --once

Exit status:
  0  the page was shown
  1  the database does not answer (with --once)
  2  a setting or the database cannot be used
"""

import argparse
import asyncio
from contextlib import suppress

from rich.console import Console, RenderableType
from rich.live import Live

from bot.app.clock import SystemClock
from bot.cli.errors import EXIT_FAILED
from bot.cli.operator_command import load_settings, open_with
from bot.cli.status_page import MAXIMUM_JOBS, PageSize, build_page, build_unavailable_page
from bot.config.settings import Settings
from bot.domain.errors import DatabaseUnavailable
from bot.domain.ports import Clock
from bot.domain.statistics import SnapshotSource
from bot.store.engine.reader import open_reader
from bot.store.operations.statistics import StatisticsStore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="print the page once and exit")
    parser.add_argument(
        "--every",
        type=float,
        default=2.0,
        metavar="SECONDS",
        help="time between two updates (default: 2)",
    )


def run_subcommand(arguments: argparse.Namespace) -> int:
    page = show_status(
        load_settings(), Console(), once=arguments.once, interval_s=max(0.2, arguments.every)
    )
    with suppress(KeyboardInterrupt):
        return asyncio.run(page)
    return 0


async def show_status(
    settings: Settings, console: Console, *, once: bool, interval_s: float
) -> int:
    """Show the page until cancelled, or once; return the exit status. Raises `SettingsError`."""
    clock = SystemClock()
    async with open_with(open_reader, settings) as database:
        source = StatisticsStore(database)
        page, available = await fetch_page(source, clock, _measure(console, once=once))
        if once:
            console.print(page)
            return 0 if available else EXIT_FAILED
        with Live(page, console=console, screen=console.is_terminal, auto_refresh=False) as live:
            while True:
                await clock.sleep(interval_s)
                page, _ = await fetch_page(source, clock, _measure(console, once=False))
                live.update(page, refresh=True)


def _measure(console: Console, *, once: bool) -> PageSize:
    """Return the size of the terminal, which may change while the page is shown."""
    return PageSize(console.width, None if once else console.height)


async def fetch_page(
    source: SnapshotSource, clock: Clock, size: PageSize
) -> tuple[RenderableType, bool]:
    """Return the page as it is now, and whether the database answered."""
    try:
        snapshot = await source.load_snapshot(now=clock.now(), limit=MAXIMUM_JOBS)
        return build_page(snapshot, size), True
    except DatabaseUnavailable as error:
        return build_unavailable_page(str(error), clock.now()), False
