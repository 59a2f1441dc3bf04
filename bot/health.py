"""Whether the bot is well, as the container's health check asks: `python -m bot.health`.

There may be no web server to ask, so a running bot touches a file under its data directory for as
long as its event loop turns and it holds its lease, which it can only renew at the database. A file
that has grown old says that one of the two has stopped.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bot.domain.ports import Clock
from bot.settings import SettingsError, read_settings

EVERY_S: Final = 10.0
STALE_S: Final = 45.0
"""Seconds without a beat after which the bot is not well: a lease, and some patience."""


def heartbeat_file(data_dir: Path) -> Path:
    """Return where the beats of the bot with this data directory are."""
    return data_dir / "heartbeat"


async def beat(data_dir: Path, *, well: Callable[[], bool], clock: Clock) -> None:
    """Touch the file every ten seconds while ``well``, until cancelled; then remove it."""
    file = heartbeat_file(data_dir)
    try:
        while True:
            if well():
                await asyncio.to_thread(file.touch)
            await clock.sleep(EVERY_S)
    finally:
        file.unlink(missing_ok=True)


def complaint(data_dir: Path, now: float) -> str | None:
    """Return what is wrong at ``now`` (Unix seconds), or ``None`` where all is well."""
    try:
        age = now - heartbeat_file(data_dir).stat().st_mtime
    except FileNotFoundError:
        return "the bot is not running, or has not begun to work yet"
    return None if age <= STALE_S else f"the last heartbeat was {age:.0f} s ago"


def main() -> int:
    """Return 0 when the bot with this environment's DATA_DIR is well, otherwise 1 and one line."""
    try:
        wrong = complaint(read_settings().data_dir, time.time())
    except SettingsError as fault:
        wrong = str(fault)
    if wrong is not None:
        sys.stderr.write(f"clapper: {wrong}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
