"""Injected faults: error responses, delays and cut connections.

A fault matches requests by server, method and path and strikes a number of times. With ``drop:
"after"`` the request is carried out and its response lost, with ``carry_out`` it is carried out and
answered with an error: the cases in which a bot must not simply retry.
"""

import asyncio
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

_GOOGLE_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class InvalidFault(ActionRefused):
    """A malformed order for a fault; the message names the field."""


@dataclass(slots=True, eq=False)
class InjectedFault:
    """One fault. ``times`` None strikes without end; delays are by the sandbox's clock.

    ``delay_s`` passes before the request is carried out, ``hold_s`` between that and its response.
    Without ``status`` and ``drop`` the request is only delayed. With ``carry_out`` the status is
    answered after the request was carried out, with ``is_unread`` before its body has arrived, as
    an edge server does. ``over_bytes`` leaves requests with smaller bodies alone.
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
    strike_count: int = 0

    @classmethod
    def parse(cls, fault_id: int, order: dict[str, Any]) -> "InjectedFault":
        """Reads the body of ``POST /control/faults``. Raises InvalidFault."""
        unknown = order.keys() - {
            *("server", "method", "path", "times", "status", "body", "headers"),
            *("delay_s", "hold_s", "drop", "carry_out", "unread", "over_bytes", "code"),
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
        body = order.get("body")
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
        )

    def matches(self, server: str, method: str, path: str, body_bytes: int = 0) -> bool:
        """Whether it strikes this request; ``path`` includes the query."""
        return (
            self.server == server
            and (self.times is None or self.strike_count < self.times)
            and self.method in (None, method)
            and body_bytes >= self.over_bytes
            and self.path.search(path) is not None
        )

    def to_json(self) -> dict[str, Any]:
        """The fault as ``GET /control/faults`` shows it."""
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
        }

    def build_response(self) -> web.Response:
        """The response that replaces the handler's; without a body, an error as the vendor's."""
        status = self.status or 500
        body, headers = self.body, dict(self.headers)
        if body is None:
            body = self._vendor_body(status)
        if status == 429 and self.server == "discord" and not isinstance(body, str):
            # A 429 without Via is Cloudflare's ban, which is a page of HTML.
            headers.setdefault("Via", "1.1 google")
            if isinstance(body, dict) and "retry_after" in body:
                headers.setdefault("Retry-After", str(body["retry_after"]))
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

    def _vendor_body(self, status: int) -> Any:
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
    """The faults in force. The oldest one that matches strikes, one for each request."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._faults: list[InjectedFault] = []
        self._last_id = 0

    def __iter__(self) -> Iterator[InjectedFault]:
        return iter(tuple(self._faults))

    def add_fault(self, order: dict[str, Any]) -> InjectedFault:
        """Puts a fault in force and returns it. Raises InvalidFault."""
        fault = InjectedFault.parse(self._last_id + 1, order)
        self._last_id += 1
        self._faults.append(fault)
        return fault

    def remove_faults(self, fault_id: int | None = None) -> int:
        """Removes one fault or all and returns their number."""
        before = len(self._faults)
        self._faults = [
            fault for fault in self._faults if fault_id is not None and fault.id != fault_id
        ]
        return before - len(self._faults)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Applies the first matching fault to the request."""
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
            return await _answer_unread(request, fault.build_response())
        if fault.status is not None and fault.drop is None and not fault.carry_out:
            return fault.build_response()
        response = await handler(request)
        if fault.hold_s:
            await self._clock.sleep(fault.hold_s)
        if fault.carry_out:
            return fault.build_response()
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
    """Reads half of the body, then cuts the connection."""
    half, received = (request.content_length or 0) // 2, 0
    while received < half and (chunk := await request.content.readany()):
        received += len(chunk)
    return _cut_connection(request, "before", web.Response())


async def _answer_unread(request: web.Request, response: web.Response) -> web.Response:
    """Answers while the body is still arriving, and closes without reading the rest of it."""
    response.force_close()
    await response.prepare(request)
    await response.write_eof()
    if request.transport is not None:
        request.transport.close()
    return response


async def _cut_mid_body(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Sends the headers and half of the body, then cuts the connection.

    A response that its handler has streamed already cannot be halved: there only the end is cut.
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
