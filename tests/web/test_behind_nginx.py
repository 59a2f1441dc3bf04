"""The web server behind nginx, with the configuration that docs/operations.md gives."""

import asyncio
import os
import re
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from bot.web.open_limits import WebCapacity
from tests.harness.process import find_free_port
from tests.harness.waiting import eventually
from tests.web.local_site import LocalSite, serve_locally
from tests.web.test_open_limits import MALFORMED

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx here (apt install nginx-light)")

DOCUMENT = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")
BARE = "server { listen 443 ssl http2; location / { proxy_pass http://127.0.0.1:8080; } }"
"""What somebody writes who has not read the page."""
VISITOR = "127.0.0.2"
"""An address of this machine that is not the proxy's."""
MAIN = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {server}
}}
"""


@dataclass(frozen=True, slots=True)
class ProxiedSite:
    """A site, and where nginx serves it."""

    site: LocalSite
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def send(self, request: bytes) -> socket.socket:
        """Send bytes to nginx on a new connection that reads nothing by itself."""
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.setblocking(False)
        connection.bind((VISITOR, 0))
        self.site.sockets.append(connection)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(connection, ("127.0.0.1", self.port))
        await loop.sock_sendall(connection, request)
        return connection


def read_documented_configuration() -> str:
    match = re.search(r"<!-- test: nginx -->\n```nginx\n(.*?)```", DOCUMENT, re.DOTALL)
    assert match is not None
    return match[1]


@asynccontextmanager
async def serve_behind_nginx(
    folder: Path,
    *,
    configuration: str,
    capacity: WebCapacity | None = None,
    trusted_proxies: tuple[str, ...] = ("127.0.0.1/32",),
) -> AsyncIterator[ProxiedSite]:
    """Run nginx with ``configuration`` before a site; only addresses and TLS are replaced."""
    async with serve_locally(folder, capacity=capacity, trusted_proxies=trusted_proxies) as site:
        port = find_free_port()
        server = re.sub(r"^\s*ssl_\w+ .*\n", "", configuration, flags=re.MULTILINE)
        server = server.replace("listen 443 ssl http2;", f"listen 127.0.0.1:{port};")
        server = server.replace("127.0.0.1:8080", f"127.0.0.1:{site.url.port}")
        file = folder / "nginx.conf"
        file.write_text(MAIN.format(folder=folder, server=server))
        assert NGINX is not None
        process = await asyncio.create_subprocess_exec(
            NGINX, "-c", str(file), "-p", str(folder), "-e", str(folder / "start.log")
        )
        try:
            async with aiohttp.ClientSession() as http:

                async def is_up() -> bool:
                    assert process.returncode is None, (folder / "error.log").read_text()
                    try:
                        async with http.get(f"http://127.0.0.1:{port}/healthz") as answer:
                            return answer.status == 200
                    except aiohttp.ClientError:
                        return False

                await eventually(is_up, what="nginx")
            yield ProxiedSite(site, port)
        finally:
            process.terminate()
            await process.wait()


@pytest.fixture
async def proxied(tmp_path: Path) -> AsyncIterator[ProxiedSite]:
    """The documented configuration."""
    async with serve_behind_nginx(
        tmp_path, configuration=read_documented_configuration()
    ) as proxied:
        yield proxied


async def test_one_visitor_behind_nginx_cannot_take_every_stream(tmp_path: Path) -> None:
    """Limits count the visitor, not nginx; the pages go on. [web-W01]"""
    capacity = WebCapacity(streams=4, streams_per_visitor=2, stall_timeout_s=30)
    async with serve_behind_nginx(
        tmp_path, configuration=read_documented_configuration(), capacity=capacity
    ) as proxied:
        request = b"GET /clips/5/video.mp4 HTTP/1.1\r\nHost: clips.example\r\n\r\n"
        for _ in range(12):
            await proxied.send(request)
        await eventually(
            lambda: (
                proxied.site.read_metric("clapper_web_refusals_total", reason="streams_of_visitor")
                == 10
            ),
            what="all but two being refused",
        )
        assert proxied.site.read_metric("clapper_web_streams") == 2
        connector = aiohttp.TCPConnector(local_addr=(VISITOR, 0))
        async with aiohttp.ClientSession(proxied.url, connector=connector) as http:
            async with http.get("/clips/5") as answer:
                assert answer.status == 200
            async with http.get("/clips/5/video.mp4") as answer:
                assert (answer.status, answer.headers["Retry-After"]) == (429, "10")
            other = {"X-Forwarded-For": "203.0.113.9"}
            async with http.get("/clips/5/video.mp4", headers=other) as answer:
                assert answer.status == 429, "a visitor cannot claim another address"


async def test_a_stalled_reader_behind_nginx_is_dropped(tmp_path: Path) -> None:
    """nginx spools nothing to disk for a reader that stalls. [web-W01]"""
    capacity = WebCapacity(stall_timeout_s=0.3)
    async with serve_behind_nginx(
        tmp_path, configuration=read_documented_configuration(), capacity=capacity
    ) as proxied:
        await proxied.send(b"GET /clips/5/video.mp4 HTTP/1.1\r\nHost: clips.example\r\n\r\n")
        await eventually(
            lambda: proxied.site.read_metric("clapper_web_stalled_readers_total") == 1,
            what="the reader being dropped",
        )
        assert not list((tmp_path / "proxy").rglob("*[0-9]"))


async def test_connections_of_one_visitor_are_limited_by_nginx(proxied: ProxiedSite) -> None:
    """The bot sees no more than nginx lets through. [web-W01]"""
    limit = int(re.findall(r"limit_conn clapper (\d+)", read_documented_configuration())[0])
    request = b"GET /clips/5/video.mp4 HTTP/1.1\r\nHost: clips.example\r\n\r\n"
    for _ in range(limit + 5):
        await proxied.send(request)
    head = await proxied.site.read_head(await proxied.send(request))
    assert head.startswith("HTTP/1.1 429")
    assert "Retry-After" in head


@pytest.mark.parametrize("path", ["/metrics", "/readyz"])
@pytest.mark.parametrize("kind", ["documented", "bare", "with X-Real-IP", "with Forwarded"])
async def test_metrics_are_not_passed_on(kind: str, path: str, tmp_path: Path) -> None:
    """Whichever headers nginx adds. [web-W04]"""
    header = {
        "with X-Real-IP": "proxy_http_version 1.1; proxy_set_header X-Real-IP $remote_addr;",
        "with Forwarded": 'proxy_http_version 1.1; proxy_set_header Forwarded "for=_x";',
    }
    bare = BARE.replace("location / {", "location / { " + header.get(kind, ""))
    configuration = read_documented_configuration() if kind == "documented" else bare
    async with (
        serve_behind_nginx(tmp_path, configuration=configuration, trusted_proxies=()) as proxied,
        aiohttp.ClientSession() as http,
    ):
        async with http.get(proxied.url + path) as answer:
            assert answer.status == 404
        async with http.get(proxied.site.url / path[1:]) as answer:
            assert answer.status != 404, "asked directly, it is there"


@pytest.mark.parametrize(
    ("headers", "status", "size"),
    [
        ({"Range": "bytes=0-9"}, 206, 10),
        ({"Range": "bytes=-7"}, 206, 7),
        ({"Range": "bytes=99999999999-"}, 416, None),
        ({"Range": "items=0-5"}, 200, 64_000_000),
        ({"Range": "bytes=0-1,4-5"}, 200, 64_000_000),
        ({"Range": "bytes=0-9", "If-Range": '"another"'}, 200, 64_000_000),
    ],
)
async def test_ranges_behind_nginx(
    proxied: ProxiedSite, headers: dict[str, str], status: int, size: int | None
) -> None:
    """Range requests get partial responses. [web-W13]"""
    async with (
        aiohttp.ClientSession(proxied.url) as http,
        http.get("/clips/5/video.mp4", headers=headers) as answer,
    ):
        assert answer.status == status
        assert size is None or answer.content_length == size


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip;q=0", None), ("gzip, deflate, br, zstd", "br"), ("GZIP", "gzip"), ("zstd", "zstd")],
)
async def test_encodings_behind_nginx(
    proxied: ProxiedSite, accepted: str, encoding: str | None
) -> None:
    """nginx passes on the requested and the chosen encoding. [web-W14]"""
    async with (
        aiohttp.ClientSession(proxied.url, auto_decompress=False) as http,
        http.get("/", headers={"Accept-Encoding": accepted}) as answer,
    ):
        assert answer.headers.get("Content-Encoding") == encoding
        assert "Accept-Encoding" in answer.headers["Vary"]


async def test_errors_behind_nginx_are_protected(proxied: ProxiedSite) -> None:
    """Including errors that never reach the bot. [web-W21]"""
    for what in MALFORMED.keys() - {"no version"}:  # which nginx answers without a head
        request = MALFORMED[what]
        head = await proxied.site.read_head(await proxied.send(request))
        if not head:
            continue  # nginx closes at once on what it does not take for HTTP
        assert re.match(r"HTTP/1.1 [45]\d\d", head), what
        assert "aiohttp" not in head
        assert not re.search(r"Server: nginx/\d", head)
        if head.split()[1] in ("400", "414"):
            assert "X-Content-Type-Options: nosniff" in head, what


async def test_visitors_are_told_apart_behind_two_proxies(tmp_path: Path) -> None:
    """nginx got the address, with a port, from a proxy before it. [web-W28]"""
    async with serve_behind_nginx(
        tmp_path,
        configuration=read_documented_configuration().replace(
            "$proxy_add_x_forwarded_for", '"203.0.113.5:4711, 127.0.0.1:80"'
        ),
        capacity=WebCapacity(requests_per_visitor=1),
        trusted_proxies=("127.0.0.1/32",),
    ) as proxied:
        async with aiohttp.ClientSession(proxied.url) as http, http.get("/clips/5") as answer:
            assert answer.status == 200
        head = await proxied.site.open_stream(visitor="203.0.113.5")
        assert "200 OK" in head
        async with (
            aiohttp.ClientSession(proxied.url) as http,
            http.get("/clips/5/video.mp4") as answer,
        ):
            assert answer.status == 429, "the same visitor, through nginx"
