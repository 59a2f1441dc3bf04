"""The health check passes for a working bot, and fails if it hangs, has stopped or never ran."""

import asyncio
import os
import time
from datetime import datetime
from pathlib import Path

import pytest

from bot.cli.main import main
from bot.observability import heartbeat as health


def test_missing_heartbeat_is_unhealthy(tmp_path: Path) -> None:
    assert health.find_health_problem(tmp_path, time.time()) is not None


def test_old_heartbeat_is_unhealthy(tmp_path: Path) -> None:
    file = health.get_heartbeat_file(tmp_path)
    file.touch()
    beaten = file.stat().st_mtime
    assert health.find_health_problem(tmp_path, beaten + health.HEARTBEAT_STALE_AFTER_S) is None
    assert "46 s ago" in (
        health.find_health_problem(tmp_path, beaten + health.HEARTBEAT_STALE_AFTER_S + 1) or ""
    )


class Metronome:
    """A clock whose sleepers wake when the test says so."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(0)
        self.asleep = asyncio.Event()

    def now(self) -> datetime:
        raise NotImplementedError

    def monotonic(self) -> float:
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        assert seconds == health.HEARTBEAT_INTERVAL_S
        self.asleep.set()
        await self._turns.acquire()

    async def turn(self) -> None:
        """Wake the sleeper, and wait until it sleeps again."""
        self.asleep.clear()
        self._turns.release()
        await self.asleep.wait()


async def test_heartbeat_stops_when_unhealthy(tmp_path: Path) -> None:
    clock, state = Metronome(), {"well": True}
    file = health.get_heartbeat_file(tmp_path)
    beating = asyncio.create_task(
        health.run_heartbeat(tmp_path, is_healthy=lambda: state["well"], clock=clock)
    )
    await clock.asleep.wait()
    os.utime(file, (0, 0))
    await clock.turn()
    assert file.stat().st_mtime > 0
    state["well"] = False
    os.utime(file, (0, 0))
    await clock.turn()
    assert file.stat().st_mtime == 0
    beating.cancel()
    await asyncio.wait([beating])
    assert not file.exists()


@pytest.mark.parametrize(("beaten", "status"), [(True, 0), (False, 1)])
def test_the_status_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, beaten: bool, status: int
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = {"DISCORD_TOKEN": "t", "GEMINI_API_KEY": "k", "DATA_DIR": str(tmp_path)}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    if beaten:
        health.get_heartbeat_file(tmp_path).touch()
    assert main(["health"]) == status
