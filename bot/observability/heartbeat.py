"""A file that a healthy bot touches every ten seconds, for the container's health check.

The file goes stale if the event loop hangs or if the worker's lease is lost, which only the
database can renew.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bot.domain.ports import Clock

HEARTBEAT_INTERVAL_S: Final = 10.0
HEARTBEAT_STALE_AFTER_S: Final = 45.0
"""Seconds without a heartbeat after which the bot counts as unhealthy: a lease plus a margin."""


def get_heartbeat_file(data_dir: Path) -> Path:
    return data_dir / "heartbeat"


async def run_heartbeat(data_dir: Path, *, is_healthy: Callable[[], bool], clock: Clock) -> None:
    """Touch the file every ten seconds while ``is_healthy()``. Remove it when cancelled."""
    file = get_heartbeat_file(data_dir)
    try:
        while True:
            if is_healthy():
                await asyncio.to_thread(file.touch)
            await clock.sleep(HEARTBEAT_INTERVAL_S)
    finally:
        file.unlink(missing_ok=True)


def find_health_problem(data_dir: Path, now: float) -> str | None:
    """Return what is wrong at ``now`` (Unix seconds), or `None`."""
    try:
        age_s = now - get_heartbeat_file(data_dir).stat().st_mtime
    except FileNotFoundError:
        return "the bot is not running, or is still starting"
    except OSError as error:
        return f"its heartbeat cannot be read ({error.strerror}): check DATA_DIR"
    if age_s <= HEARTBEAT_STALE_AFTER_S:
        return None
    return f"the bot does not respond: its last heartbeat was {age_s:.0f} s ago"
