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
from bot.cli.status_page import MOST_JOBS, away, page
from bot.config.settings import Settings, SettingsError, read_settings
from bot.domain.errors import StoreAway
from bot.domain.ports import Clock
from bot.domain.statistics import FigureSource
from bot.store.engine.reader import open_for_reading
from bot.store.operations.statistics import FigureStore

CANNOT_READ = 1
BAD_SETTING = 2


async def look(source: FigureSource, clock: Clock) -> tuple[RenderableType, bool]:
    """Return the page as it is now, and whether the database answered."""
    try:
        return page(await source.figures(now=clock.now(), most=MOST_JOBS)), True
    except StoreAway as error:
        return away(str(error), clock.now()), False


async def show(settings: Settings, console: Console, *, once: bool, every_s: float) -> int:
    """Show the page until cancelled, or once; return the exit status."""
    clock = SystemClock()
    database = open_for_reading(settings.database)
    try:
        source = FigureStore(database)
        shown, answered = await look(source, clock)
        if once:
            console.print(shown)
            return 0 if answered else CANNOT_READ
        with Live(shown, console=console, screen=console.is_terminal, auto_refresh=False) as live:
            while True:
                await clock.sleep(every_s)
                shown, _ = await look(source, clock)
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
                show(settings, Console(), once=arguments.once, every_s=max(0.2, arguments.every))
            )
    except (SettingsError, ValueError) as error:
        print(f"clapper: {error}", file=sys.stderr)
        return BAD_SETTING
    return 0


if __name__ == "__main__":
    sys.exit(main())
