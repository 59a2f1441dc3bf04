"""One visitor cannot block the bot, nor the web server for others."""

import asyncio
import logging
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import Mock

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from bot.app.web import open_gallery_database
from bot.config.settings import read_settings
from bot.domain.errors import DatabaseUnavailable
from bot.media.local_store import LocalMediaStore
from bot.media.probe import PyAvMediaProbe
from bot.observability.web_metrics import WebInstruments
from bot.services.clips.shared_tasks import SharedTasks
from bot.services.clips.thumbnails import Thumbnails
from bot.store.engine.database import open_database
from bot.store.engine.schema import upgrade_schema
from bot.web.connections import ConnectionRegistry
from bot.web.open_limits import OpenLimit, WebCapacity, compute_capacity
from bot.web.rate_limit import TokenBucket
from tests.harness.waiting import eventually
from tests.web.local_site import serve_locally

MALFORMED = {
    "no HTTP at all": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no version": b"GET /\r\n\r\n",
    "another version": b"GET / HTTP/7.9\r\nHost: x\r\n\r\n",
    "two lengths": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    "a length below zero": b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    "a length and chunks": (
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    ),
    "a header without a colon": b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
    "a space before the colon": b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
    "a zero byte": b"GET / HTTP/1.1\r\nHost: x\r\nA: \x00\r\n\r\n",
    "an overlong header": b"GET / HTTP/1.1\r\nA: " + b"a" * 20_000 + b"\r\n\r\n",
    "an overlong address": b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "too many headers": b"GET / HTTP/1.1\r\n" + b"A: a\r\n" * 500 + b"\r\n",
    "a method of signs": b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n",
}


async def test_streams_are_bounded_by_visitor_and_in_all(tmp_path: Path) -> None:
    """A visitor over the limit is told when to try again. [web-W01, web-W33]"""
    capacity = WebCapacity(streams=3, streams_per_visitor=2)
    async with serve_locally(tmp_path, capacity=capacity) as site:
        for _ in range(2):
            assert "200 OK" in await site.open_stream(visitor="192.0.2.1")
        refused = await site.open_stream(visitor="192.0.2.1")
        assert "HTTP/1.1 429" in refused
        assert "Retry-After" in refused
        assert "200 OK" in await site.open_stream(visitor="192.0.2.2")
        full = await site.open_stream("/clips/6/video.mp4", visitor="192.0.2.3")
        assert "503 Service Unavailable" in full
        assert "Retry-After" in full
        assert site.read_metric("clapper_web_streams") == 3
        for reason in ("streams", "streams_of_visitor"):
            assert site.read_metric("clapper_web_refusals_total", reason=reason) == 1
        async with aiohttp.ClientSession(site.url) as http, http.get("/clips/5") as page:
            assert page.status == 200, "pages go on"
        labels = {"route": "/clips/{clip}/video.mp4", "status": "200"}
        assert site.read_metric("clapper_web_requests_total", **labels) == 3


async def test_a_stalled_reader_is_dropped(tmp_path: Path) -> None:
    """Its connection is closed, and another visitor gets the place. [web-W01]"""
    capacity = WebCapacity(streams=1, stall_timeout_s=0.2)
    async with serve_locally(tmp_path, capacity=capacity) as site:
        assert "200 OK" in await site.open_stream()
        await eventually(
            lambda: site.read_metric("clapper_web_streams") == 0, what="the reader being dropped"
        )
        assert site.read_metric("clapper_web_stalled_readers_total") == 1
        # a few bytes, because on a busy machine a long read may take longer than the time limit
        few = {"Range": "bytes=0-99"}
        async with (
            aiohttp.ClientSession(site.url) as http,
            http.get("/clips/5/video.mp4", headers=few) as answer,
        ):
            assert answer.status == 206
            assert len(await answer.read()) == 100


async def test_connections_are_bounded(tmp_path: Path) -> None:
    """Too many connections from one address are refused early. [web-W01]"""
    capacity = WebCapacity(connections=5, connections_per_visitor=3)
    async with serve_locally(tmp_path, capacity=capacity, trusted_proxies=()) as site:
        idle = [await site.send(b"GET / HTTP/1.1\r\n") for _ in range(3)]
        request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        head = await site.read_head(await site.send(request))
        assert "HTTP/1.1 429" in head
        assert "Retry-After" in head
        assert "Server: clapper" in head
        idle[0].close()
        await eventually(
            lambda: site.read_metric("clapper_web_connections") == 2, what="the closed connection"
        )
        assert "200 OK" in await site.read_head(await site.send(request))


def test_a_response_nobody_takes_is_given_up() -> None:
    """Pages stall too: a connection whose buffer does not shrink is dropped. [web-W01]"""
    now = 0.0
    registry = ConnectionRegistry(
        limit=OpenLimit("connections", per_visitor=9, in_all=9),
        token_bucket=TokenBucket(per_minute=60, burst=60, monotonic=lambda: now),
        trusted_proxies=(),
        instruments=WebInstruments(CollectorRegistry()),
        monotonic=lambda: now,
        stall_timeout_s=20,
        refusal_headers={},
    )
    transports = {name: Mock() for name in ("stalled", "slow", "idle")}
    sizes = {"stalled": 5000, "slow": 5000, "idle": 0}
    for name, transport in transports.items():
        transport.get_extra_info.return_value = ("192.0.2.1", 1)
        transport.get_write_buffer_size.side_effect = lambda name=name: sizes[name]
        registry.open_connection(transport)
    for _ in range(5):
        now += 6
        sizes["slow"] -= 1
        registry.sweep()
    assert {name for name, each in transports.items() if each.abort.called} == {"stalled"}


@pytest.mark.parametrize("what", MALFORMED)
async def test_malformed_requests_are_answered_quietly(
    what: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Bytes that are not HTTP get one short answer with our headers, and no log line. [web-W21]"""
    with caplog.at_level(logging.INFO):
        async with serve_locally(tmp_path) as site:
            head = await site.read_head(await site.send(MALFORMED[what]))
    assert head.split()[1] == "400", head
    assert "Server: clapper\r\n" in head
    assert "X-Content-Type-Options: nosniff" in head
    assert "aiohttp" not in head
    assert caplog.text + capsys.readouterr().out == ""


async def test_malformed_requests_are_limited(tmp_path: Path) -> None:
    """Each counts as much as a page; beyond the limit the connection is closed. [web-W21]"""
    async with serve_locally(tmp_path, requests_per_minute=4, trusted_proxies=()) as site:
        heads = [await site.read_head(await site.send(b"nonsense\r\n\r\n")) for _ in range(4)]
    assert [bool(head) for head in heads] == [True, True, False, False]


async def test_a_fault_of_ours_is_logged_and_reveals_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        serve_locally(tmp_path) as site,
        aiohttp.ClientSession(site.url) as http,
        http.get("/faulty") as answer,
    ):
        assert answer.status == 500
        assert "a fault of ours" not in await answer.text()
    assert "web.request_failed" in capsys.readouterr().out


class HeldTranscoder:
    """An encoder that runs until the test ends it, or it is canceled."""

    def __init__(self) -> None:
        self.running = 0
        self.started = 0
        self.may_end = asyncio.Event()

    async def extract_thumbnail(self, source: Path, destination: Path, *, at_s: float = 1.0) -> int:
        return await self._encode(destination)

    async def shrink_picture(self, source: Path, destination: Path, *, max_side: int) -> int:
        return await self._encode(destination)

    async def blur_picture(self, source: Path, destination: Path) -> int:
        return await self._encode(destination)

    async def extract_frames(
        self, source: Path, *, at_s: Sequence[float], max_side: int
    ) -> Sequence[bytes]:
        raise NotImplementedError

    async def measure_colors(self, picture: Path) -> str:
        raise NotImplementedError

    async def reencode_video(self, source: Path, destination: Path, target: object) -> int:
        return await self._encode(destination)

    async def _encode(self, destination: Path) -> int:
        self.started += 1
        self.running += 1
        try:
            await self.may_end.wait()
        finally:
            self.running -= 1
        return destination.write_bytes(b"made")


class AnyVideo(PyAvMediaProbe):
    """Returns the same facts for any file."""

    async def read_facts(self, path: Path, *, sha256: str | None = None) -> Mock:
        return Mock(width=640, height=360, seconds=4.0, fps=24.0, size=10**6)


def build_thumbnails(data_dir: Path, **encoders: HeldTranscoder) -> Thumbnails:
    return Thumbnails(
        poster_transcoder=encoders["posters"],
        preview_transcoder=encoders["previews"],
        media_probe=AnyVideo(),
        media_store=LocalMediaStore(data_dir),
        max_waiting=2,
    )


async def test_posters_do_not_wait_for_previews(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A preview is stopped when nobody waits for it anymore. [web-W05]"""
    monkeypatch.setattr("bot.services.clips.thumbnails.build_preview_target", lambda facts: facts)
    posters, previews = HeldTranscoder(), HeldTranscoder()
    posters.may_end.set()
    thumbnails = build_thumbnails(tmp_path, posters=posters, previews=previews)
    async with serve_locally(tmp_path, thumbnails=thumbnails) as site:
        ask = b"GET /clips/5/preview.mp4 HTTP/1.1\r\nHost: x\r\n\r\n"
        first, second = await site.send(ask), await site.send(ask)
        await eventually(
            lambda: previews.running == 1 and site.read_metric("clapper_web_streams") == 2,
            what="the preview being made",
        )
        async with aiohttp.ClientSession(site.url) as http, http.get("/clips/5/poster.jpg") as jpg:
            assert await jpg.read() == b"made"
        first.close()
        await eventually(
            lambda: site.read_metric("clapper_web_streams") == 1, what="the first giving up"
        )
        assert previews.running == 1, "the second still waits"
        second.close()
        await eventually(lambda: previews.running == 0, what="the preview being stopped")
        assert previews.started == 1
        previews.may_end.set()
        async with aiohttp.ClientSession(site.url) as http, http.get("/clips/5/preview.mp4") as mp4:
            assert await mp4.read() == b"made"


async def test_the_queue_of_the_encoder_is_bounded(tmp_path: Path) -> None:
    """Too many posters at once are refused with a time to ask again. [web-W05]"""
    posters = HeldTranscoder()
    thumbnails = build_thumbnails(tmp_path, posters=posters, previews=HeldTranscoder())
    thumbnails.max_waiting = 1
    async with serve_locally(tmp_path, thumbnails=thumbnails) as site:
        await site.send(b"GET /clips/5/poster.jpg HTTP/1.1\r\nHost: x\r\n\r\n")
        await eventually(lambda: posters.running == 1, what="the first poster")
        head = await site.open_stream("/clips/6/poster.jpg")
        assert "503" in head
        assert "Retry-After" in head
        assert site.read_metric("clapper_web_refusals_total", reason="encoder") == 1


async def test_shared_work_fails_for_all_who_wait() -> None:
    tasks: SharedTasks[str, int] = SharedTasks()

    async def fail() -> int:
        await asyncio.sleep(0)
        raise ValueError("cannot")

    results = await asyncio.gather(
        *(tasks.join("a", fail) for _ in range(3)), return_exceptions=True
    )
    assert [type(result) for result in results] == [ValueError] * 3
    assert len(tasks) == 0


@given(st.integers(min_value=64, max_value=100_000))
def test_half_of_the_descriptors_are_the_bots(descriptors: int) -> None:
    """With a file open on every connection, the bot can still work. [web-W01]"""
    capacity = compute_capacity(descriptors)
    assert 2 * capacity.connections <= descriptors / 2
    assert capacity.streams <= capacity.connections
    assert capacity.streams_per_visitor < capacity.streams
    assert capacity.connections_per_visitor < capacity.connections


def test_the_limit_of_descriptors_is_raised() -> None:
    """Whatever soft limit the system sets. [web-W01]"""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    code = (
        "import resource; from bot.app.descriptors import raise_descriptor_limit;"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, (256, {hard}));"
        "print(raise_descriptor_limit())"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert int(output) == (min(8192, hard) if hard > 0 else 8192)


async def test_visitors_have_connections_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands do not wait for the database connections that visitors use. [web-W01]"""
    for name, value in {
        "DISCORD_TOKEN": "unused",
        "GEMINI_API_KEY": "unused",
        "DATA_DIR": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    settings = read_settings()
    main = open_database(settings.resolved_database_url)
    gallery = open_gallery_database(settings)
    try:
        await upgrade_schema(main)
        may_end = asyncio.Event()
        held = [asyncio.create_task(gallery.read(lambda _: may_end.wait())) for _ in range(20)]
        await asyncio.sleep(0)
        assert await main.read(lambda connection: asyncio.sleep(0, "read")) == "read"
        with pytest.raises((PermissionError, DatabaseUnavailable)):
            await gallery.write(lambda connection: asyncio.sleep(0))
        may_end.set()
        await asyncio.gather(*held)
    finally:
        await gallery.close()
        await main.close()
