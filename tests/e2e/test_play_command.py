"""`make play` starts sandbox and bot, prints the address of the page, and ends with both."""

import os
import re
from pathlib import Path

import aiohttp

from tests.e2e.test_demo import list_processes
from tests.harness.process import ProgramProcess
from tests.harness.waiting import eventually

START_S = 120.0


async def test_play_prints_an_address_and_ends_cleanly(tmp_path: Path) -> None:
    folder = tmp_path / "play"
    printed = tmp_path / "printed.txt"
    process = ProgramProcess(
        "tests.e2e.patient_demo",
        "demo.play",
        "--dir",
        str(folder),
        log=tmp_path / "play.log",
        environment={"PATH": os.environ["PATH"]},
    )
    await process.launch(stdout=printed)
    try:

        def find_address() -> str | None:
            process.check_running()
            found = re.search(r"http://127\.0\.0\.1:\d+/", printed.read_text())
            return found and found[0]

        address = await eventually(find_address, timeout=START_S, what="the page's address")
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{address}play/socket?user=Ada") as socket,
        ):
            async with session.get(f"{address}") as response:
                assert response.status == 200
                assert "<!doctype html>" in await response.text()
            world = (await socket.receive_json())["world"]
            assert world["bot"]["is_online"]
            assert {person["part"] for person in world["people"]} == {
                "owner",
                "Moderator",
                "member",
            }
        assert await process.terminate(timeout=30) == 0
    finally:
        await process.close()
    assert list_processes(folder) == []
