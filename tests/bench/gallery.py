"""Measures a gallery with 10,000 clips, and 200 downloads at once of a 60 MB file.

The downloads are compared with nginx if it is installed (Debian: apt-get install nginx-light).
"""

import asyncio
import os
import random
import shutil
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from bot.store.engine.database import open_database
from bot.store.engine.schema import upgrade_schema
from tests.bench.figures import BenchResult, Figure, run_and_record
from tests.harness.waiting import eventually
from tests.web import seed
from tests.web.conftest import Serving

ENTRIES = 10_000
LARGE_FILE_BYTES = 60 * 1_000_000
CONCURRENT_DOWNLOADS, VISITORS = 120, 12
"""The web server sends 128 files at once, 16 of them to one visitor."""
RANGE_BYTES = 4_000_000
PAGE_GOAL_MS, SEARCH_GOAL_MS, GROWTH_GOAL_MB = 50.0, 100.0, 64.0
ROUNDS = 150

# fmt: off
_SUBJECTS = (
    "boat", "storm", "tram", "cat", "dancer", "dunes", "lake", "robot", "whale", "lantern",
    "forest", "train", "kite", "market",
)
# fmt: on
_SCENES = (
    "at dusk",
    "in the rain",
    "under stars",
    "in slow motion",
    "on film",
    "in the fog",
)
_RARE_WORD = "ornithopter"


@dataclass(frozen=True, slots=True)
class RequestTimings:
    """The times of one kind of request, and its largest answer in bytes."""

    milliseconds: list[float]
    size: int

    def quantile(self, share: float) -> float:
        """Return a quantile."""
        ordered = sorted(self.milliseconds)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def write_gallery(data_dir: Path) -> None:
    """Write the database and the large file."""
    large = data_dir / "clips" / "large.mp4"
    large.parent.mkdir(parents=True)
    with large.open("wb") as file:
        for _ in range(LARGE_FILE_BYTES // 1_000_000):
            file.write(os.urandom(1_000_000))
    generator = random.Random(7)
    rows: list[dict[str, Any]] = []
    for number in range(1, ENTRIES + 1):
        first, second = generator.choice(_SUBJECTS), generator.choice(_SUBJECTS)
        scene = f"A {first} and a {second} {generator.choice(_SCENES)}"
        suffix = f", an {_RARE_WORD} passes" if number % 1999 == 0 else ""
        rows.append(
            {
                "id": number,
                "path": "clips/large.mp4",
                "sha256": "0" * 64,
                "size": LARGE_FILE_BYTES,
                "prompt": f"{scene}, take {number}{suffix}, soft light, long lens, grain",
                "user_id": number % 500,
                "maker": f"Maker {number % 500}",
                "guild_id": generator.choice((seed.HARBOUR, seed.ATELIER)),
                "model": generator.choice((seed.FAST, seed.FINE)),
                "width": 1280,
                "height": 720,
                "seconds": generator.choice((4, 6, 8, 15, 22)),
                "extension_depth": 0,
                "parent": None,
                "root": None,
                "votes": int(generator.paretovariate(0.8)) % 900,
                "at": seed.NOW - timedelta(minutes=ENTRIES - number),
                "hide": False,
            }
        )
    database = open_database(seed.data_url(data_dir))
    try:
        await upgrade_schema(database)
        await seed.write(database, rows)
    finally:
        await database.close()


async def measure_requests(session: aiohttp.ClientSession, paths: list[str]) -> RequestTimings:
    """Request each path in turn."""
    milliseconds, size = [], 0
    for path in paths:
        started_at = time.perf_counter()
        async with session.get(path) as answer:
            body = await answer.read()
            answer.raise_for_status()
            size = max(size, int(answer.headers.get("Content-Length", len(body))))
        milliseconds.append((time.perf_counter() - started_at) * 1000)
    return RequestTimings(milliseconds, size)


async def collect_deep_pages(session: aiohttp.ClientSession, order: str) -> list[str]:
    """Return the paths of pages far into the gallery."""
    paths: list[str] = []
    cursor = None
    while len(paths) < ROUNDS // 2:
        path = f"/api/v1/clips?order={order}&limit=100" + (f"&cursor={cursor}" if cursor else "")
        async with session.get(path) as answer:
            cursor = (await answer.json())["next_cursor"]
        if cursor is None:
            break
        paths.append(f"/?order={order}&cursor={cursor}")
    return paths


def read_resident_mb(pid: int) -> float:
    """Return a process's resident megabytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000


async def download_range(session: aiohttp.ClientSession, path: str, number: int) -> int:
    """Download one range of the large file, without keeping it."""
    start = (number * 977_123) % (LARGE_FILE_BYTES - RANGE_BYTES)
    headers = {
        "Range": f"bytes={start}-{start + RANGE_BYTES - 1}",
        "X-Forwarded-For": f"198.51.100.{number % VISITORS}",
    }
    size = 0
    async with session.get(path, headers=headers) as answer:
        assert answer.status == 206, answer.status
        async for chunk in answer.content.iter_chunked(256 * 1024):
            size += len(chunk)
    assert size == RANGE_BYTES, size
    return size


async def measure_downloads(
    url: str, path: str, pids: Callable[[], list[int]]
) -> tuple[float, float, float]:
    """Return MB/s, and the server's memory in MB before and at its peak."""
    connector = aiohttp.TCPConnector(limit=0, resolver=aiohttp.ThreadedResolver())
    async with aiohttp.ClientSession(url, connector=connector) as session:
        await download_range(session, path, 0)
        before = sum(map(read_resident_mb, pids()))
        peak = before
        is_finished = False

        async def watch_memory() -> None:
            nonlocal peak
            while not is_finished:
                peak = max(peak, sum(map(read_resident_mb, pids())))
                await asyncio.sleep(0.02)

        watching = asyncio.create_task(watch_memory())
        started_at = time.perf_counter()
        sizes = await asyncio.gather(
            *(download_range(session, path, n) for n in range(CONCURRENT_DOWNLOADS))
        )
        duration_s = time.perf_counter() - started_at
        is_finished = True
        await watching
    return sum(sizes) / 1_000_000 / duration_s, before, peak


@asynccontextmanager
async def run_nginx(folder: Path, root: Path) -> AsyncIterator[tuple[str, list[int]]]:
    """Run nginx over ``root``; yield its url and process ids."""
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    port = 18_000 + os.getpid() % 2000
    user = "user root;" if os.geteuid() == 0 else ""
    configuration = folder / "nginx.conf"
    configuration.write_text(
        f"{user} worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log stderr crit;"
        f" events {{ worker_connections 1024; }} http {{ access_log off; sendfile on;"
        f" server {{ listen 127.0.0.1:{port}; root {root}; }} }}"
    )
    process = await asyncio.create_subprocess_exec(
        program, "-p", str(folder), "-c", str(configuration), stderr=asyncio.subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"

    async def is_listening() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await eventually(is_listening, timeout=10, interval=0.05, what="nginx")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        yield url, [process.pid, *map(int, children)]
    finally:
        process.terminate()
        await process.wait()


async def run_bench(folder: Path) -> BenchResult:
    """Measure pages, then downloads."""
    data_dir = folder / "data"
    await write_gallery(data_dir)
    serving = Serving(
        data_dir,
        WEB_REQUESTS_PER_MINUTE="10000000",
        LOG_LEVEL="ERROR",
        TRUSTED_PROXIES="127.0.0.1/32",
    )
    url = await serving.start()
    try:
        figures = await _measure_pages(url)
        figures += await _measure_all_downloads(folder, data_dir, serving, url)
    finally:
        await serving.close()
    return BenchResult(
        title=f"The gallery, with {ENTRIES:,} clips",
        method=(
            "Each page is asked for as a browser does, one after the other. Then"
            f" {VISITORS} visitors download {RANGE_BYTES // 1_000_000} MB of a"
            f" {LARGE_FILE_BYTES // 1_000_000} MB file, {CONCURRENT_DOWNLOADS} times at once."
        ),
        figures=tuple(figures),
    )


async def _measure_all_downloads(
    folder: Path, data_dir: Path, serving: Serving, url: str
) -> list[Figure]:
    rate, before, peak = await measure_downloads(url, "/clips/1/video.mp4", lambda: [serving.pid])
    beside_rate = beside_memory = "nginx is not installed"
    if shutil.which("nginx") or Path("/usr/sbin/nginx").exists():
        async with run_nginx(folder, data_dir) as (nginx_url, pids):
            nginx_rate, nginx_before, nginx_peak = await measure_downloads(
                nginx_url, "/clips/large.mp4", lambda: pids
            )
        beside_rate = f"nginx: {nginx_rate:.0f} MB/s"
        beside_memory = f"nginx: {nginx_peak - nginx_before:.0f} MB"
    return [
        Figure(
            what=f"{CONCURRENT_DOWNLOADS} downloads at once",
            value=f"{rate:.0f} MB/s",
            beside=beside_rate,
        ),
        Figure(
            what="memory more during the downloads",
            value=f"{peak - before:.0f} MB",
            beside=beside_memory,
            goal=f"at most {GROWTH_GOAL_MB:.0f} MB",
            is_met=peak - before <= GROWTH_GOAL_MB,
        ),
    ]


async def _measure_pages(url: str) -> list[Figure]:
    connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
    async with aiohttp.ClientSession(url, connector=connector) as session:
        await measure_requests(session, ["/"] * 5)
        deep = await collect_deep_pages(session, "new") + await collect_deep_pages(session, "top")
        kinds: list[tuple[str, list[str], float]] = [
            ("first page", ["/"] * ROUNDS, PAGE_GOAL_MS),
            ("pages further in", deep[:ROUNDS], PAGE_GOAL_MS),
            (
                "filtered",
                [
                    f"/?server={server}&model={model}&length={length}&order={order}"
                    for server in (seed.HARBOUR, seed.ATELIER)
                    for model in (seed.FAST, seed.FINE)
                    for length in ("short", "long")
                    for order in ("new", "top")
                ]
                * 8,
                PAGE_GOAL_MS,
            ),
            ("a clip", [f"/clips/{n * 61 + 1}" for n in range(ROUNDS)], PAGE_GOAL_MS),
            (
                "search, common words",
                [f"/?q={a}+{b}" for a in _SUBJECTS for b in _SUBJECTS][:ROUNDS],
                SEARCH_GOAL_MS,
            ),
            ("search, a rare word", [f"/?q={_RARE_WORD}"] * ROUNDS, SEARCH_GOAL_MS),
            ("search, no such word", [f"/?q=nothing{n}" for n in range(ROUNDS)], SEARCH_GOAL_MS),
            ("API, 100 entries", ["/api/v1/clips?limit=100"] * ROUNDS, PAGE_GOAL_MS),
        ]
        figures = []
        for name, paths, goal_ms in kinds:
            times = await measure_requests(session, paths)
            p95_ms = times.quantile(0.95)
            figures.append(
                Figure(
                    what=f"{name}, p95",
                    value=f"{p95_ms:.1f} ms (p50 {times.quantile(0.5):.1f}, {times.size:,} bytes)",
                    goal=f"at most {goal_ms:.0f} ms",
                    is_met=p95_ms <= goal_ms,
                )
            )
    return figures


if __name__ == "__main__":
    sys.exit(run_and_record("gallery", run_bench))
