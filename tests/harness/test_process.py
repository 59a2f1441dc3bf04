"""Processes under test: started, stopped, killed, and what they said kept."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.harness.process import Process, ProcessEnded
from tests.harness.waiting import eventually


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Process]:
    """Any program that runs until it is told to stop."""
    arguments = ("--bind", "127.0.0.1", "--directory", str(tmp_path), "0")
    process = Process("http.server", *arguments, log=tmp_path / "log", environment={})
    await process.launch()
    await eventually(lambda: "Serving" in process.said(), what="the server serving")
    yield process
    await process.close()
    assert not process.running


def state_of(process: Process) -> str:
    """The kernel's letter: S sleeping, T stopped."""
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


async def test_killed_and_started_again_with_one_log(server: Process) -> None:
    first = server.pid
    await server.kill()
    assert await server.ended() == -9
    await server.launch()
    assert server.pid != first
    await eventually(lambda: server.said().count("Serving") == 2)


async def test_stopped_and_continued(server: Process) -> None:
    server.pause()
    await eventually(lambda: state_of(server) == "T")
    server.resume()
    await eventually(lambda: state_of(server) == "S")


async def test_a_stopped_process_can_still_be_closed(server: Process) -> None:
    server.pause()
    await server.close()
    assert not server.running


async def test_one_that_ended_tells_its_last_words(tmp_path: Path) -> None:
    process = Process("this", log=tmp_path / "log", environment={})
    with pytest.raises(ProcessEnded, match="was not started"):
        _ = process.pid
    await process.launch()
    assert await process.ended() == 0
    with pytest.raises(ProcessEnded, match="Beautiful is better than ugly"):
        process.check_running()


async def test_our_own_settings_are_not_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "the developer's own")
    process = Process("http.server", "0", log=tmp_path / "log", environment={"SEEN": "yes"})
    await process.launch()
    environment = Path(f"/proc/{process.pid}/environ")
    await eventually(lambda: b"SEEN=yes" in environment.read_bytes())
    assert b"DISCORD_TOKEN" not in environment.read_bytes()
    await process.kill()
