"""A file that a running bot touches for as long as it is well, for the container's health check.

There may be no web server to ask. The event loop must turn and the lease, which can only be renewed
at the database, must hold; a file that has grown old says that one of the two has stopped.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bot.domain.ports import Clock

HEARTBEAT_INTERVAL_S: Final = 10.0
HEARTBEAT_STALE_AFTER_S: Final = 45.0
"""Seconds without a heartbeat after which the bot is not well: a lease, and some patience."""


def get_heartbeat_file(data_dir: Path) -> Path:
    """Return where the beats of the bot with this data directory are."""
    return data_dir / "heartbeat"


async def run_heartbeat(data_dir: Path, *, is_healthy: Callable[[], bool], clock: Clock) -> None:
    """Touch the file every ten seconds while ``well``, until cancelled; then remove it."""
    file = get_heartbeat_file(data_dir)
    try:
        while True:
            if is_healthy():
                await asyncio.to_thread(file.touch)
            await clock.sleep(HEARTBEAT_INTERVAL_S)
    finally:
        file.unlink(missing_ok=True)


def find_health_problem(data_dir: Path, now: float) -> str | None:
    """Return what is wrong at ``now`` (Unix seconds), or ``None`` where all is well."""
    try:
        age = now - get_heartbeat_file(data_dir).stat().st_mtime
    except FileNotFoundError:
        return "the bot is not running, or has not begun to work yet"
    return None if age <= HEARTBEAT_STALE_AFTER_S else f"the last heartbeat was {age:.0f} s ago"
