"""The control API of the server itself: the log, faults, the gateway's fate, time and limits.

JSON over loopback. Acting as people is ``sandbox.discord.control``'s, Google's moods are
``sandbox.google``'s; all of them live below ``/control``.
"""

import asyncio
import ipaddress
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.clock import SandboxClock
from sandbox.discord.gateway import Gateway
from sandbox.discord.ratelimits import RateLimiter
from sandbox.error_responses import InternalErrorLog, json_response
from sandbox.fault_injection import FaultInjector, InvalidFault
from sandbox.request_log import Handler, LoggedRequest, RequestLog

MAX_WAIT_S = 60.0


@web.middleware
async def require_loopback(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses the control API to everyone who is not on this machine."""
    if request.path.startswith("/control"):
        try:
            local = ipaddress.ip_address(request.remote or "").is_loopback
        except ValueError:
            local = False
        if not local:
            return json_response({"error": "forbidden", "message": "loopback only"}, status=403)
    return await handler(request)


class InvalidControlRequest(ValueError):
    """A control call that cannot be meant."""


@dataclass(frozen=True, slots=True)
class ServerControlApi:
    """The levers of the server, and the routes by which they are pulled."""

    clock: SandboxClock
    request_log: RequestLog
    fault_injector: FaultInjector
    gateway: Gateway
    rate_limits: RateLimiter
    error_log: InternalErrorLog

    def routes(self) -> list[web.RouteDef]:
        """The routes, to be mounted at the root."""
        return [
            web.get("/control/health", self._get_health),
            web.get("/control/requests", _answer_invalid_requests(self._list_requests)),
            web.get("/control/faults", self._list_faults),
            web.post("/control/faults", _answer_invalid_requests(self._add_fault)),
            web.delete("/control/faults", _answer_invalid_requests(self._clear_faults)),
            web.post("/control/gateway", _answer_invalid_requests(self._control_gateway)),
            web.get("/control/sessions", self._list_sessions),
            web.get("/control/clock", self._get_time),
            web.post("/control/clock", _answer_invalid_requests(self._advance_clock)),
            web.get("/control/ratelimits", self._get_rate_limits),
            web.put("/control/ratelimits", _answer_invalid_requests(self._scale_rate_limits)),
        ]

    async def _get_health(self, request: web.Request) -> web.Response:
        return json_response(
            {
                "internal_errors": self.error_log.internal_errors,
                "latest": list(self.error_log.latest_errors),
                "unknown_routes": self.request_log.unknown_routes,
                "rate_limited": self.rate_limits.refused,
                "invalid_requests": self.rate_limits.invalid_requests,
            }
        )

    async def _list_requests(self, request: web.Request) -> web.Response:
        query = request.query
        after = int(_read_number(query.get("after", "0"), "after"))
        wait = min(_read_number(query.get("wait", "0"), "wait"), MAX_WAIT_S)
        wanted = _build_filter(query.get("server"), query.get("method"), query.get("path"))
        bodies = query.get("bodies") == "1"
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        while True:
            entries = self.request_log.entries_after(after)
            found = [entry.to_json(bodies=bodies) for entry in entries if wanted(entry)]
            if found or loop.time() >= deadline:
                return json_response(found)
            after = entries[-1].number if entries else after
            await self.request_log.wait_for_entries(after, deadline - loop.time())

    async def _list_faults(self, request: web.Request) -> web.Response:
        return json_response([fault.to_json() for fault in self.fault_injector])

    async def _add_fault(self, request: web.Request) -> web.Response:
        return json_response(self.fault_injector.add_fault(await _read_body(request)).to_json())

    async def _clear_faults(self, request: web.Request) -> web.Response:
        wanted = request.query.get("id")
        fault_id = None if wanted is None else int(_read_number(wanted, "id"))
        return json_response({"removed": self.fault_injector.remove_faults(fault_id)})

    async def _control_gateway(self, request: web.Request) -> web.Response:
        body = await _read_body(request)
        shard, seconds, code = body.get("shard"), body.get("seconds"), body.get("code")
        gateway = self.gateway
        match body.get("action"):
            case "disconnect":
                struck = gateway.disconnect_clients(code=code, shard=shard)
            case "reconnect":
                struck = gateway.request_reconnect(shard=shard)
            case "invalid_session":
                struck = gateway.invalidate_sessions(
                    resumable=bool(body.get("resumable")), shard=shard
                )
            case "down":
                struck = gateway.go_down(
                    None if seconds is None else _read_number(seconds, "seconds")
                )
            case "up":
                struck = 0
                gateway.come_up()
            case _:
                raise InvalidControlRequest(
                    "action: disconnect, reconnect, invalid_session, down or up"
                )
        return json_response({"connections": struck})

    async def _list_sessions(self, request: web.Request) -> web.Response:
        figures = self.gateway.counters
        sessions = [
            {
                "session_id": session.id,
                "connected": session.connected,
                "shard": [session.shard.id, session.shard.count],
                "intents": int(session.intents),
                "sequence": session.sequence,
                "unacknowledged": len(session.buffer),
                "properties": session.properties,
            }
            for session in self.gateway.sessions
        ]
        return json_response(
            {
                "sessions": sessions,
                "connected": sum(session["connected"] is True for session in sessions),
                "identified": figures.identified,
                "resumed": figures.resumed,
                "replayed": figures.replayed,
                "refused": figures.refused,
                "closed": {str(code): times for code, times in figures.closed.items()},
            }
        )

    async def _get_time(self, request: web.Request) -> web.Response:
        return json_response({"now": self.clock.now()})

    async def _advance_clock(self, request: web.Request) -> web.Response:
        seconds = _read_number((await _read_body(request)).get("advance_s"), "advance_s")
        if seconds < 0:
            raise InvalidControlRequest("advance_s: time does not run backwards")
        self.clock.advance(seconds)
        return json_response({"now": self.clock.now()})

    async def _get_rate_limits(self, request: web.Request) -> web.Response:
        return json_response({"scale": self.rate_limits.scale, "refused": self.rate_limits.refused})

    async def _scale_rate_limits(self, request: web.Request) -> web.Response:
        body = await _read_body(request)
        if "scale" not in body:
            raise InvalidControlRequest("scale: a number above 0, or null for no limits")
        scale = None if body["scale"] is None else _read_number(body["scale"], "scale")
        if scale is not None and scale <= 0:
            raise InvalidControlRequest("scale: a number above 0, or null for no limits")
        self.rate_limits.set_scale(scale)
        return json_response({"scale": self.rate_limits.scale})


def _answer_invalid_requests(handler: Handler) -> Handler:
    async def handle_request(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (InvalidControlRequest, InvalidFault) as error:
            return json_response({"error": "invalid", "message": str(error)}, status=400)

    return handle_request


async def _read_body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise InvalidControlRequest("the body is no JSON") from error
    if not isinstance(body, dict):
        raise InvalidControlRequest("the body is an object")
    return body


def _read_number(value: object, name: str) -> float:
    try:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return float(value)
    except ValueError:
        pass
    raise InvalidControlRequest(f"{name} is a number")


def _build_filter(server: str | None, method: str | None, path: str | None) -> "_RequestFilter":
    try:
        return _RequestFilter(server, method.upper() if method else None, re.compile(path or ""))
    except re.error as error:
        raise InvalidControlRequest(f"path is a regular expression: {error}") from error


@dataclass(frozen=True, slots=True)
class _RequestFilter:
    server: str | None
    method: str | None
    path: re.Pattern[str]

    def __call__(self, entry: LoggedRequest) -> bool:
        return (
            self.server in (None, entry.server)
            and self.method in (None, entry.method)
            and self.path.search(entry.path) is not None
        )
