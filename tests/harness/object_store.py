"""An S3 server for tests, and a proxy before it that holds, refuses or cuts off requests."""

import asyncio
import io
import re
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp
import boto3
from aiohttp import web
from yarl import URL

from tests.harness.process import build_environment, find_free_port
from tests.harness.waiting import stretch_timeout

KEY: Final = "AKIATESTTESTTESTTEST"
SECRET: Final = "test-secret-of-the-s3-server"
REGION: Final = "us-east-1"
_PASSED_ON: Final = frozenset({"connection", "transfer-encoding", "content-encoding"})


@dataclass
class HeldRequests:
    """Requests that match are held until they are released."""

    pattern: re.Pattern[str]
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait_reached(self) -> None:
        """Wait until the first request is held."""
        async with asyncio.timeout(stretch_timeout(60)):
            await self.reached.wait()


@contextmanager
def run_server(log: Path) -> Iterator[str]:
    """Run an S3 server without buckets until the block ends; yield its URL."""
    port = find_free_port()
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            env=build_environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        until = time.monotonic() + stretch_timeout(60)
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < until, log.read_text()
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def create_client(url: str) -> Any:
    """Return a client of another library for the server, whose methods block."""
    return boto3.client(
        "s3",
        endpoint_url=url,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name=REGION,
    )


class S3Server:
    """One S3 server in memory with one bucket, and the proxy through which programs reach it."""

    def __init__(self, bucket: str, *, port: int) -> None:
        self.bucket = bucket
        self.url = f"http://127.0.0.1:{port}"
        self.requests: list[str] = []
        self.refused_with: int | None = None
        self._port = port
        self._server_url = ""
        self._held: HeldRequests | None = None

    @property
    def settings(self) -> dict[str, str]:
        """Return the settings of a bot that keeps its clips here."""
        return {
            "MEDIA_URL": f"s3://{self.bucket}/bot",
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    def hold(self, pattern: str) -> HeldRequests:
        """Hold the requests that match; each is a line like ``PUT /path?query``."""
        self._held = HeldRequests(re.compile(pattern))
        return self._held

    def release(self) -> None:
        """Let held requests go on."""
        if self._held is not None:
            self._held.released.set()
            self._held = None

    def create_client(self) -> Any:
        """Return a client of another library, whose methods block."""
        return create_client(self._server_url)

    async def list_keys(self) -> list[str]:
        """Return the keys of all objects."""
        answer = await asyncio.to_thread(
            lambda: self.create_client().list_objects_v2(Bucket=self.bucket)
        )
        return [each["Key"] for each in answer.get("Contents", [])]

    async def read_object(self, key: str) -> bytes:
        """Return an object's content."""

        def read() -> bytes:
            body = self.create_client().get_object(Bucket=self.bucket, Key=key)["Body"]
            with body:
                return bytes(body.read())

        return await asyncio.to_thread(read)

    async def list_unfinished(self) -> list[str]:
        """Return the keys of uploads in parts that were begun and neither ended nor aborted."""
        answer = await asyncio.to_thread(
            lambda: self.create_client().list_multipart_uploads(Bucket=self.bucket)
        )
        return [each["Key"] for each in answer.get("Uploads", [])]

    @asynccontextmanager
    async def run(self, log: Path) -> AsyncIterator["S3Server"]:
        """Run the server and the proxy until the block ends."""
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            with run_server(log) as self._server_url:
                async with session.put(f"{self._server_url}/{self.bucket}") as answer:
                    assert answer.status == 200, await answer.text()
                async with self._run_proxy(session):
                    yield self

    @asynccontextmanager
    async def _run_proxy(self, session: aiohttp.ClientSession) -> AsyncIterator[None]:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await self._pass_on(session, request)

        runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port).start()
        try:
            yield
        finally:
            self.release()
            await runner.cleanup()

    async def _pass_on(
        self, session: aiohttp.ClientSession, request: web.BaseRequest
    ) -> web.StreamResponse:
        line = f"{request.method} {request.raw_path}"
        self.requests.append(line)
        body = await request.content.read()
        if self.refused_with is not None:
            return web.Response(status=self.refused_with)
        held = self._held
        if held is not None and held.pattern.search(line):
            held.reached.set()
            await held.released.wait()
        async with session.request(
            request.method,
            URL(f"{self._server_url}{request.raw_path}", encoded=True),
            headers=request.headers,
            data=io.BytesIO(body),
            allow_redirects=False,
        ) as answer:
            headers = {
                name: value
                for name, value in answer.headers.items()
                if name.lower() not in _PASSED_ON
            }
            response = web.StreamResponse(status=answer.status, headers=headers)
            await response.prepare(request)
            await response.write(await answer.read())
            await response.write_eof()
            return response
