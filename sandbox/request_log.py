"""Logs every HTTP request of the bot with its response.

Tests use the log to prove that nothing was submitted or posted twice. So an entry is added when the
request *arrives*, with the status None until it is answered. Uploads are not read here. Instead,
the handler that parses a multipart body stores its JSON as ``LOG_JSON``.
"""

import asyncio
import json
import re
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from yarl import URL

from sandbox.clock import SandboxClock

LOG_JSON = web.RequestKey("log_json", object)
"""The parsed ``payload_json`` of a multipart request, set by its handler."""
CUT_POINT = web.RequestKey("dropped", str)
"""When a fault cut the connection: "before", "after" or "middle"."""

MAX_ENTRIES = 100_000
MAX_KEPT_BODY_BYTES = 64 * 1024 * 1024
MAX_LOGGED_BODY_BYTES = 1024 * 1024
MAX_REQUEST_BYTES = 160 * 1024 * 1024
"""The largest body that the server reads: enough for three images of 20 MB or a clip in base64."""
MAX_LOGGED_TEXT_LENGTH = 16_384
MAX_LOGGED_BLOB_LENGTH = 1024

_MAX_INLINE_BYTES = 64 * 1024
_SECRET_PARAMETERS = frozenset({"key", "access_token", "token", "hm", "hash"})
_BLOB_PATTERN = re.compile(r"[A-Za-z0-9+/_=-]+")
_GOOGLE_PATH = re.compile(r"/(google|vertex|gcs)(-[a-z]+)?(/|$)")

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def server_for_path(path: str) -> str:
    """Return a path's server: "discord", "google", or "control" (with the page)."""
    if path == "/" or path.startswith(("/control", "/play")):
        return "control"
    return "google" if _GOOGLE_PATH.match(path) else "discord"


def redact_path(url: URL) -> str:
    """Path and query with the values of keys and signatures replaced."""
    if not url.query_string:
        return url.path
    query = [
        (name, "…" if name in _SECRET_PARAMETERS else value) for name, value in url.query.items()
    ]
    return url.path + "?" + "&".join(f"{name}={value}" for name, value in query)


def shorten_blobs(value: Any) -> Any:
    """Return the same JSON with images, videos and other long texts replaced by their length."""
    match value:
        case dict():
            return {name: shorten_blobs(item) for name, item in value.items()}
        case list():
            return [shorten_blobs(item) for item in value]
        case str() if len(value) > MAX_LOGGED_TEXT_LENGTH or (
            len(value) > MAX_LOGGED_BLOB_LENGTH
            and _BLOB_PATTERN.fullmatch(value, 0, MAX_LOGGED_BLOB_LENGTH)
        ):
            return f"<{len(value)} characters>"
    return value


@dataclass(slots=True, eq=False)
class LoggedRequest:
    """One request. ``at`` is in unix seconds by the sandbox's clock; ``response`` is raw JSON."""

    number: int
    server: str
    method: str
    path: str
    at: float
    request_type: str
    json: Any = None
    status: int | None = None
    dropped: str | None = None
    response: bytes | None = None

    def to_json(self, *, bodies: bool) -> dict[str, Any]:
        """Return the entry as ``GET /control/requests`` shows it."""
        entry: dict[str, Any] = {
            "n": self.number,
            "server": self.server,
            "method": self.method,
            "path": self.path,
            "json": self.json,
            "status": self.status,
            "at": self.at,
        }
        if self.dropped is not None:
            entry["dropped"] = self.dropped
        if bodies:
            entry["request_type"] = self.request_type
            entry["response"] = None if self.response is None else json.loads(self.response)
        return entry


class RequestLog:
    """The log. To limit its size, it drops the oldest response bodies, then the oldest entries."""

    def __init__(self, clock: SandboxClock, *, max_entries: int = MAX_ENTRIES) -> None:
        self.unknown_routes = 0
        self._clock = clock
        self._entries: deque[LoggedRequest] = deque(maxlen=max_entries)
        self._last_number = 0
        self._bodies: deque[LoggedRequest] = deque()
        self._body_bytes = 0
        self._waiters: set[asyncio.Event] = set()

    def entries_after(self, number: int) -> list[LoggedRequest]:
        """Return the entries with a higher number, oldest first."""
        missing = min(self._last_number - number, len(self._entries))
        if missing <= 0:
            return []
        return list(self._entries)[-missing:]

    async def wait_for_entries(self, number: int, seconds: float) -> list[LoggedRequest]:
        """Wait up to ``seconds`` of real time for entries with a higher number, and return them."""
        if self._last_number <= number:
            arrived = asyncio.Event()
            self._waiters.add(arrived)
            try:
                async with asyncio.timeout(seconds):
                    await arrived.wait()
            except TimeoutError:
                return []
            finally:
                self._waiters.discard(arrived)
        return self.entries_after(number)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Log every request of the bot but the gateway's WebSocket.

        A browser names the site of a request (``Sec-Fetch-Site``); a bot does not.
        """
        server = server_for_path(request.path)
        is_persons = server == "control" or "Sec-Fetch-Site" in request.headers
        if is_persons or request.path.startswith("/gateway"):
            return await handler(request)
        entry = self._add_entry(request, server)
        if request.content_type == "application/json":
            entry.json = await _read_json(request)
        try:
            response = await handler(request)
        except web.HTTPException as error:
            entry.status = error.status
            raise
        finally:
            if LOG_JSON in request:
                entry.json = shorten_blobs(request[LOG_JSON])
            entry.dropped = request.get(CUT_POINT)
        if entry.dropped != "before":
            entry.status = response.status
            self._keep_body(entry, response)
        if request.match_info.http_exception is not None:
            self.unknown_routes += 1
        return response

    def _add_entry(self, request: web.Request, server: str) -> LoggedRequest:
        self._last_number += 1
        entry = LoggedRequest(
            number=self._last_number,
            server=server,
            method=request.method,
            path=redact_path(request.rel_url),
            at=self._clock.now(),
            request_type=request.content_type,
        )
        self._entries.append(entry)
        for waiter in self._waiters:
            waiter.set()
        return entry

    def _keep_body(self, entry: LoggedRequest, response: web.StreamResponse) -> None:
        if not isinstance(response, web.Response) or response.content_type != "application/json":
            return
        body = response.body
        if not isinstance(body, bytes) or not body or len(body) > MAX_LOGGED_BODY_BYTES:
            return
        entry.response = body
        self._bodies.append(entry)
        self._body_bytes += len(body)
        while self._body_bytes > MAX_KEPT_BODY_BYTES:
            oldest = self._bodies.popleft()
            self._body_bytes -= len(oldest.response or b"")
            oldest.response = None


async def _read_json(request: web.Request) -> Any:
    """Return the JSON body for the log; None when it is unreadable (the handler answers that)."""
    length = request.content_length
    if not length or length > MAX_REQUEST_BYTES:
        return None
    body = await request.read()
    try:
        if length <= _MAX_INLINE_BYTES:
            return shorten_blobs(json.loads(body))
        return await asyncio.to_thread(lambda: shorten_blobs(json.loads(body)))
    except ValueError:
        return None
