"""`python -m bot.status`: the operator's page, live until Ctrl-C; `--once` prints it and ends.

Reads the database that the settings name, beside the bot, and writes nothing.
"""

import argparse
import asyncio
import sys
from contextlib import suppress

from rich.console import Console, RenderableType
from rich.live import Live

from bot.app.clock import SystemClock
from bot.cli.status_page import MAXIMUM_JOBS, build_page, build_unavailable_page
from bot.config.settings import Settings, SettingsError, read_settings
from bot.domain.errors import DatabaseUnavailable
from bot.domain.ports import Clock
from bot.domain.statistics import SnapshotSource
from bot.store.engine.reader import open_reader
from bot.store.operations.statistics import StatisticsStore

EXIT_CANNOT_READ = 1
EXIT_BAD_SETTING = 2


async def fetch_page(source: SnapshotSource, clock: Clock) -> tuple[RenderableType, bool]:
    """Return the page as it is now, and whether the database answered."""
    try:
        return build_page(await source.load_snapshot(now=clock.now(), limit=MAXIMUM_JOBS)), True
    except DatabaseUnavailable as error:
        return build_unavailable_page(str(error), clock.now()), False


async def show_status(
    settings: Settings, console: Console, *, once: bool, interval_s: float
) -> int:
    """Show the page until cancelled, or once; return the exit status."""
    clock = SystemClock()
    database = open_reader(settings.resolved_database_url)
    try:
        source = StatisticsStore(database)
        shown, answered = await fetch_page(source, clock)
        if once:
            console.print(shown)
            return 0 if answered else EXIT_CANNOT_READ
        with Live(shown, console=console, screen=console.is_terminal, auto_refresh=False) as live:
            while True:
                await clock.sleep(interval_s)
                shown, _ = await fetch_page(source, clock)
                live.update(shown, refresh=True)
    finally:
        await database.close()


def main() -> int:
    """Run and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bot.status", description=__doc__)
    parser.add_argument("--once", action="store_true", help="print the page and end")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two looks")
    arguments = parser.parse_args()
    try:
        settings = read_settings()
        with suppress(KeyboardInterrupt):
            return asyncio.run(
                show_status(
                    settings, Console(), once=arguments.once, interval_s=max(0.2, arguments.every)
                )
            )
    except (SettingsError, ValueError) as error:
        print(f"clapper: {error}", file=sys.stderr)
        return EXIT_BAD_SETTING
    return 0


if __name__ == "__main__":
    sys.exit(main())
