"""Measures how fast the bot acknowledges commands while 1,000 visitors stall their downloads.

Each visitor requests the same file, reads none of it, and tries again when refused or dropped. One
run compares commands without visitors, with 1,000 at a signed original, and with 1,000 at a public
video.
"""

import asyncio
import json
import re
import socket
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from yarl import URL

from tests.bench.figures import BenchResult, Figure, run_and_record
from tests.harness.bot import NO_LIMITS, BotProcess
from tests.harness.control import Control, has_answer
from tests.harness.process import find_free_port
from tests.harness.sandbox import SandboxProcess
from tests.harness.waiting import eventually

READERS: Final = 1000
COMMANDS: Final = 60
CLIP_BYTES: Final = 36_000_000
GOAL_RATIO: Final = 3.0
GOAL_LOG_LINES: Final = 100
_WAIT_S: Final = 300.0
_RETRY_INTERVAL_S: Final = 1.0
_PAUSE_BETWEEN_COMMANDS_S: Final = 0.1
_LINK: Final = re.compile(r"\((http://127\.0\.0\.1:\d+/download/[^)]+)\)")
_COMMANDS: Final = ("video jobs", "video history", "showcase mine", "quota show")


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What commands took while readers read nothing; times in milliseconds."""

    name: str
    median_ms: float
    slowest_ms: float
    log_lines: int


@dataclass(slots=True)
class StalledReaders:
    """Sockets that ask for ``url`` and read nothing."""

    url: URL
    sockets: dict[int, socket.socket] = field(default_factory=dict)
    opened_count: int = 0

    async def keep_open(self, count: int) -> None:
        """Hold ``count`` readers open; each that is refused or dropped asks again."""
        while True:
            for number in range(count):
                reader = self.sockets.get(number)
                if reader is None or self._is_over(reader):
                    await self._open_reader(number)
            await asyncio.sleep(_RETRY_INTERVAL_S)

    async def _open_reader(self, number: int) -> None:
        if number in self.sockets:
            self.sockets.pop(number).close()
        reader = socket.socket()
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.setblocking(False)
        loop = asyncio.get_running_loop()
        request = f"GET {self.url.raw_path} HTTP/1.1\r\nHost: {self.url.authority}\r\n\r\n"
        try:
            await loop.sock_connect(reader, (self.url.host, self.url.port))
            await loop.sock_sendall(reader, request.encode())
        except OSError:
            reader.close()
            return
        self.sockets[number] = reader
        self.opened_count += 1

    @staticmethod
    def _is_over(reader: socket.socket) -> bool:
        """Return whether the server has refused this reader, or closed its connection."""
        try:
            start = reader.recv(16, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return not start.startswith(b"HTTP/1.1 200")

    def close(self) -> None:
        for reader in self.sockets.values():
            reader.close()


async def run_bench(folder: Path) -> BenchResult:
    """Measure commands beside nobody and beside each kind of reader."""
    port = find_free_port()
    settings = {
        **NO_LIMITS,
        "POLL_INTERVAL_S": "0.5",
        "LOG_LEVEL": "INFO",
        "WEB_PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    async with SandboxProcess(folder / "sandbox") as sandbox:
        await sandbox.control.scale_ratelimits(None)
        bot = BotProcess(
            sandbox.control, sandbox.environment_for_bot, folder / "bot", settings=settings
        )
        async with bot:
            link = await _make_clip(sandbox.control, bot)
            video = f"http://127.0.0.1:{port}/clips/1/video.mp4"
            await _measure_commands(sandbox.control, bot, "warm-up")
            results = [await _measure_commands(sandbox.control, bot, "nobody")]
            for name, url in (("a signed original", link), ("a public video", video)):
                async with _open_readers(url) as readers:
                    result = await _measure_commands(sandbox.control, bot, f"{READERS} at {name}")
                print(f"{name}: {readers.opened_count} connections opened")
                results.append(result)
    return _build_result(results)


async def _make_clip(control: Control, bot: BotProcess) -> str:
    """Make a clip that only a link delivers, show it in the gallery, and return the link."""
    await control.google(seconds=1, min_bytes=CLIP_BYTES, look="plain")
    options = {"prompt": "a clip", "duration": 4, "model": "veo-3.1-fast-generate-preview"}
    await control.command("Ada", "clips", "video generate", options)

    async def find_link() -> str | None:
        bot.check_running()
        found = _LINK.search(json.dumps(await control.messages("clips")))
        return found and found[1]

    link = await eventually(find_link, timeout=_WAIT_S, interval=0.2, what="the clip's link")
    assert link is not None
    for command, choices in (
        ("server showcase", {"channel": "showcase", "public": True}),
        ("showcase add", {"clip": "1"}),
    ):
        interaction = await control.command("Ada", "clips", command, choices)
        state = await control.wait_interaction(interaction, has_answer)
    notice = state["messages"][0]  # says what will be public, and asks
    button = notice["components"][0]["components"][0]["custom_id"]
    pressed = await control.component("Ada", notice["id"], button)
    await control.wait_interaction(pressed)
    return link


@asynccontextmanager
async def _open_readers(url: str) -> AsyncIterator[StalledReaders]:
    readers = StalledReaders(URL(url, encoded=True))
    task = asyncio.create_task(readers.keep_open(READERS))
    try:
        await eventually(
            lambda: _are_open(readers), timeout=_WAIT_S, interval=0.1, what="the readers"
        )
        yield readers
    finally:
        task.cancel()
        await asyncio.wait({task})
        readers.close()


async def _are_open(readers: StalledReaders) -> bool:
    return readers.opened_count >= READERS


async def _measure_commands(control: Control, bot: BotProcess, name: str) -> LoadResult:
    before = bot.read_log().count("\n")
    times_ms = []
    for number in range(COMMANDS):
        command = _COMMANDS[number % len(_COMMANDS)]
        interaction = await control.command("Ada", "clips", command, {})
        state = await control.wait_interaction(interaction, has_answer)
        times_ms.append(float(state["acknowledged_ms"]))
        await asyncio.sleep(_PAUSE_BETWEEN_COMMANDS_S)
    after = bot.read_log().count("\n")
    return LoadResult(name, statistics.median(times_ms), max(times_ms), after - before)


def _build_result(results: list[LoadResult]) -> BenchResult:
    quiet, *loaded = results
    beside = f"without visitors: {quiet.median_ms:.1f} ms"
    figures = []
    for result in loaded:
        ratio, lines = result.median_ms / quiet.median_ms, result.log_lines - quiet.log_lines
        figures += [
            Figure(
                what=f"acknowledging a command, {result.name}, median",
                value=f"{result.median_ms:.1f} ms (slowest {result.slowest_ms:.1f})",
                beside=beside,
                goal=f"at most {GOAL_RATIO:g} times",
                is_met=ratio <= GOAL_RATIO,
            ),
            Figure(
                what=f"lines of log more, {result.name}",
                value=str(lines),
                goal=f"fewer than {GOAL_LOG_LINES}",
                is_met=lines < GOAL_LOG_LINES,
            ),
        ]
    return BenchResult(
        title="Commands beside visitors who stall their downloads",
        method=(
            f"{COMMANDS} commands are sent one after the other while {READERS:,} visitors ask for"
            " the same file, read none of it, and ask again when they are dropped."
        ),
        figures=tuple(figures),
    )


if __name__ == "__main__":
    sys.exit(run_and_record("stalled", run_bench))
