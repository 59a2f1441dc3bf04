"""Injected faults: error responses, delays and cut connections.

A fault matches requests by server, method and path, for a number of times. With ``drop: "after"``
the request is carried out but its response is lost. With ``carry_out`` it is carried out but
answered with an error. In these cases a bot must not simply retry.
"""

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from sandbox.clock import SandboxClock
from sandbox.discord import error_codes
from sandbox.discord.errors import ActionRefused, DiscordError
from sandbox.request_log import CUT_POINT, Handler, redact_path, server_for_path

CutPoint = Literal["before", "upload", "after", "middle"]
BodyFraming = Literal["length", "chunked", "close"]
"""What marks the end of a body: Content-Length, chunks, or the end of the connection."""

_GOOGLE_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

_INTERACTIONS_CODE = {
    400: "invalid_request",
    401: "authentication",
    402: "payment_required",
    403: "permission_denied",
    404: "not_found",
    409: "aborted",
    429: "rate_limit_exceeded",
    499: "cancelled",
    503: "service_unavailable",
    504: "deadline_exceeded",
}
"""Codes of the Interactions API, whose errors have another form."""
_INTERACTIONS_PATH = re.compile(r"/interactions(?:$|[/?])")


class InvalidFault(ActionRefused):
    """A malformed definition of a fault. The message names the field."""


@dataclass(slots=True, eq=False)
class InjectedFault:
    """One fault. With ``times`` None it never ends. Delays use the sandbox's clock.

    ``delay_s`` passes before the request is carried out, ``hold_s`` between that and its response.
    Without ``status`` and ``drop``, the request is only delayed, and ``headers`` replace those of
    its response, such as ``Date``. With ``carry_out``, the status is sent after the request was
    carried out; with ``is_unread``, before its body has arrived, as edge servers do. Requests with
    bodies up to ``over_bytes`` are not affected.

    ``body_base64`` is a binary body. With ``cut_to``, the request is carried out, but only so many
    bytes of the response's body are sent, as if they were all. ``framing`` says what marks the
    body's end. ``content_length`` is a wrong length; the connection is closed where the body ends.
    """

    id: int
    server: str
    path: re.Pattern[str]
    method: str | None = None
    times: int | None = 1
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    hold_s: float = 0.0
    drop: CutPoint | None = None
    carry_out: bool = False
    is_unread: bool = False
    over_bytes: int = 0
    cut_to: int | None = None
    framing: BodyFraming = "length"
    content_length: int | None = None
    strike_count: int = 0

    @classmethod
    def parse(cls, fault_id: int, order: dict[str, Any]) -> "InjectedFault":
        """Read the body of ``POST /control/faults``. Raises InvalidFault."""
        unknown = order.keys() - {
            *("server", "method", "path", "times", "status", "body", "headers"),
            *("delay_s", "hold_s", "drop", "carry_out", "unread", "over_bytes", "code"),
            *("body_base64", "cut_to", "framing", "content_length"),
        }
        if unknown:
            raise InvalidFault(f"unknown: {', '.join(sorted(unknown))}")
        if order.get("server") not in ("discord", "google"):
            raise InvalidFault('server is "discord" or "google"')
        times, status = order.get("times", 1), order.get("status")
        if times is not None and (not isinstance(times, int) or times < 1):
            raise InvalidFault("times is a positive number, or null for always")
        if status is not None and (not isinstance(status, int) or not 200 <= status <= 599):
            raise InvalidFault("status is from 200 to 599")
        body = _read_body(order)
        cut_to = _read_size(order, "cut_to")
        if cut_to is not None and (status is not None or order.get("drop")):
            raise InvalidFault("cut_to goes without status and drop")
        if (code := order.get("code")) is not None:
            error = _find_discord_error(order["server"], code)
            status, body = status or error.status, error.to_json() | (body or {})
        carry_out, is_unread = bool(order.get("carry_out")), bool(order.get("unread"))
        if (carry_out or is_unread) and (status is None or order.get("drop")):
            raise InvalidFault("carry_out and unread go with a status, and without drop")
        if carry_out and is_unread:
            raise InvalidFault("a request that is not read cannot be carried out")
        over_bytes = order.get("over_bytes", 0)
        if not isinstance(over_bytes, int) or over_bytes < 0:
            raise InvalidFault("over_bytes is a number of bytes")
        try:
            path = re.compile(order.get("path") or "")
        except (re.error, TypeError) as error:
            raise InvalidFault(f"path is a regular expression: {error}") from error
        return cls(
            id=fault_id,
            server=order["server"],
            path=path,
            method=(order.get("method") or "").upper() or None,
            times=times,
            status=status,
            body=body,
            headers={name: str(value) for name, value in (order.get("headers") or {}).items()},
            delay_s=_read_seconds(order, "delay_s"),
            hold_s=_read_seconds(order, "hold_s"),
            drop=_read_cut_point(order.get("drop")),
            carry_out=carry_out,
            is_unread=is_unread,
            over_bytes=over_bytes,
            cut_to=cut_to,
            framing=_read_framing(order.get("framing", "length")),
            content_length=_read_size(order, "content_length"),
        )

    def matches(self, server: str, method: str, path: str, body_bytes: int = 0) -> bool:
        """Whether the fault applies to this request. ``path`` includes the query."""
        return (
            self.server == server
            and (self.times is None or self.strike_count < self.times)
            and self.method in (None, method)
            and body_bytes >= self.over_bytes
            and self.path.search(path) is not None
        )

    def to_json(self) -> dict[str, Any]:
        """Return the fault as ``GET /control/faults`` shows it."""
        return {
            "id": self.id,
            "server": self.server,
            "method": self.method,
            "path": self.path.pattern,
            "times": self.times,
            "struck": self.strike_count,
            "status": self.status,
            "delay_s": self.delay_s,
            "hold_s": self.hold_s,
            "drop": self.drop,
            "carry_out": self.carry_out,
            "unread": self.is_unread,
            "over_bytes": self.over_bytes,
            "cut_to": self.cut_to,
            "framing": self.framing,
            "content_length": self.content_length,
        }

    @property
    def has_odd_framing(self) -> bool:
        """Whether anything but the true length marks the body's end."""
        return self.framing != "length" or self.content_length is not None

    def build_response(self, request_path: str = "") -> web.Response:
        """Return the response instead of the handler's, by default the vendor's error."""
        status = self.status or 500
        body, headers = self.body, dict(self.headers)
        if body is None:
            body = self._vendor_body(status, request_path)
        if status == 429 and self.server == "discord" and not isinstance(body, str):
            # A 429 without Via is Cloudflare's ban, which is a page of HTML.
            headers.setdefault("Via", "1.1 google")
            if isinstance(body, dict) and "retry_after" in body:
                body = {"code": 0, "global": False} | body  # a 429 of Discord's has both
                headers.setdefault("Retry-After", str(body["retry_after"]))
        if isinstance(body, bytes):
            content_type = {"Content-Type": "application/octet-stream"}
            return web.Response(status=status, body=body, headers=content_type | headers)
        if isinstance(body, str):
            return web.Response(
                status=status,
                body=body.encode(),
                headers={"Content-Type": "text/html"} | headers,
            )
        return web.Response(
            status=status,
            body=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"} | headers,
        )

    def _vendor_body(self, status: int, request_path: str) -> Any:
        if self.server == "google" and _INTERACTIONS_PATH.search(request_path):
            code = _INTERACTIONS_CODE.get(status, "api_error")
            return {"error": {"code": code, "message": f"Fault {self.id}."}}
        if self.server == "google":
            name = _GOOGLE_STATUS.get(status, "UNKNOWN")
            return {"error": {"code": status, "message": f"Fault {self.id}.", "status": name}}
        if status == 429:
            message = "You are being rate limited."
            return {"message": message, "code": 0, "retry_after": 0.3, "global": False}
        if status >= 500:
            return "<html><body>upstream error</body></html>"
        return {"message": f"{status}: Fault {self.id}", "code": 0}


def _read_seconds(order: dict[str, Any], name: str) -> float:
    value = order.get(name) or 0
    if not isinstance(value, int | float) or value < 0:
        raise InvalidFault(f"{name} is a number of seconds")
    return float(value)


def _read_size(order: dict[str, Any], name: str) -> int | None:
    value = order.get(name)
    if value is not None and (not isinstance(value, int) or value < 0):
        raise InvalidFault(f"{name} is a number of bytes")
    return value


def _read_body(order: dict[str, Any]) -> Any:
    encoded = order.get("body_base64")
    if encoded is None:
        return order.get("body")
    try:
        return base64.b64decode(encoded, validate=True)
    except (TypeError, ValueError) as error:
        raise InvalidFault("body_base64 is base64") from error


def _read_framing(value: object) -> BodyFraming:
    match value:
        case "length" | "chunked" | "close":
            return value
    raise InvalidFault('framing is "length", "chunked" or "close"')


def _find_discord_error(server: str, code: object) -> DiscordError:
    if server != "discord" or not isinstance(code, int):
        raise InvalidFault("code is a number of Discord's")
    try:
        return error_codes.build_error(code)
    except KeyError as error:
        raise InvalidFault(f"{code} is not in the table of Discord's errors") from error


def _read_cut_point(value: object) -> CutPoint | None:
    match value:
        case None | False:
            return None
        case True:
            return "before"
        case "before" | "upload" | "after" | "middle":
            return value
    raise InvalidFault('drop is "before", "upload", "after", "middle" or a boolean')


class FaultInjector:
    """The active faults. For each request, the oldest one that matches is applied."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._faults: list[InjectedFault] = []
        self._last_id = 0

    def __iter__(self) -> Iterator[InjectedFault]:
        return iter(tuple(self._faults))

    def add_fault(self, order: dict[str, Any]) -> InjectedFault:
        """Activate a fault and return it. Raises InvalidFault."""
        fault = InjectedFault.parse(self._last_id + 1, order)
        self._last_id += 1
        self._faults.append(fault)
        return fault

    def remove_faults(self, fault_id: int | None = None) -> int:
        """Remove one fault or all and return their number."""
        before = len(self._faults)
        self._faults = [
            fault for fault in self._faults if fault_id is not None and fault.id != fault_id
        ]
        return before - len(self._faults)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Apply the first matching fault to the request."""
        server = server_for_path(request.path)
        path = redact_path(request.rel_url)
        size = request.content_length or 0
        matching = (f for f in self._faults if f.matches(server, request.method, path, size))
        fault = next(matching, None)
        if fault is None:
            return await handler(request)
        fault.strike_count += 1
        if fault.delay_s:
            await self._clock.sleep(fault.delay_s)
        if fault.drop == "before":
            return _cut_connection(request, "before", web.Response())
        if fault.drop == "upload":
            return await _cut_upload(request)
        if fault.is_unread:
            return await _answer_unread(request, fault.build_response(request.path))
        if fault.status is not None and fault.drop is None and not fault.carry_out:
            replaced = fault.build_response(request.path)
            if fault.has_odd_framing:
                return await _send_framed(request, replaced, fault)
            return replaced
        response = await handler(request)
        if fault.status is None and not response.prepared:
            response.headers.update(fault.headers)
        if fault.hold_s:
            await self._clock.sleep(fault.hold_s)
        if fault.carry_out:
            return fault.build_response(request.path)
        if fault.cut_to is not None or fault.has_odd_framing:
            return await _send_framed(request, response, fault)
        if fault.drop == "after":
            return _cut_connection(request, "after", response)
        if fault.drop == "middle":
            return await _cut_mid_body(request, response)
        return response


def _cut_connection(
    request: web.Request, when: str, response: web.StreamResponse
) -> web.StreamResponse:
    request[CUT_POINT] = when
    if request.transport is not None:
        request.transport.abort()
    return response


async def _cut_upload(request: web.Request) -> web.StreamResponse:
    """Read half of the body, then cut the connection."""
    half, received = (request.content_length or 0) // 2, 0
    while received < half and (chunk := await request.content.readany()):
        received += len(chunk)
    return _cut_connection(request, "before", web.Response())


async def _answer_unread(request: web.Request, response: web.Response) -> web.Response:
    """Answer while the body is still arriving, and close without reading the rest of it."""
    response.force_close()
    await response.prepare(request)
    await response.write_eof()
    if request.transport is not None:
        request.transport.close()
    return response


async def _cut_mid_body(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Send the headers and half of the body, then cut the connection.

    If the handler has already streamed the response, only its end is cut.
    """
    if isinstance(response, web.FileResponse):
        # aiohttp has no public way to see which file it is about to send.
        size, half = await asyncio.to_thread(_read_first_half, response._path)
    elif isinstance(response, web.Response) and isinstance(response.body, bytes):
        size, half = len(response.body), response.body[: len(response.body) // 2]
    else:
        return _cut_connection(request, "after", response)
    halved = web.StreamResponse(status=response.status, headers=response.headers)
    halved.content_length = size
    await halved.prepare(request)
    await halved.write(half)
    return _cut_connection(request, "middle", halved)


def _read_first_half(path: Path) -> tuple[int, bytes]:
    size = path.stat().st_size
    with path.open("rb") as file:
        return size, file.read(size // 2)


async def _send_framed(
    request: web.Request, response: web.StreamResponse, fault: InjectedFault
) -> web.StreamResponse:
    """Send the response's body, or the part of it that is left, in the fault's framing."""
    body = await _read_whole_body(response)
    if body is None:
        return response
    kept = body if fault.cut_to is None else body[: fault.cut_to]
    framed = web.StreamResponse(status=response.status, headers=response.headers)
    framed.headers.pop("Content-Length", None)
    if fault.content_length is not None:
        framed.content_length = fault.content_length
    elif fault.framing == "chunked":
        framed.enable_chunked_encoding()
    elif fault.framing == "close":
        return _send_until_closed(request, framed, kept)
    else:
        framed.content_length = len(kept)
    await framed.prepare(request)
    await framed.write(kept)
    if fault.content_length is None:
        await framed.write_eof()
    elif request.transport is not None:
        request.transport.close()
    return framed


def _send_until_closed(
    request: web.Request, framed: web.StreamResponse, body: bytes
) -> web.StreamResponse:
    """Send a body that ends with the connection, as HTTP/1.0 servers do."""
    lines = [f"HTTP/1.1 {framed.status} {framed.reason}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in framed.headers.items()]
    if request.transport is not None:
        request.transport.write("\r\n".join([*lines, "", ""]).encode() + body)
        request.transport.close()
    return web.Response()


async def _read_whole_body(response: web.StreamResponse) -> bytes | None:
    if isinstance(response, web.FileResponse):
        return await asyncio.to_thread(response._path.read_bytes)
    if isinstance(response, web.Response) and isinstance(response.body, bytes):
        return response.body
    return None
