"""The server's part of the control API: request log, faults, gateway, clock and rate limits.

It uses JSON over loopback. Routes that act as people are in ``sandbox.discord.control``, those for
Google's behavior in ``sandbox.google.control``. Refusals are raised as ActionRefused, and the error
middleware answers them.
"""

import asyncio
import ipaddress
import re
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.clock import SandboxClock
from sandbox.discord.control.requests import read_control_body
from sandbox.discord.errors import ActionRefused
from sandbox.discord.gateway import Gateway
from sandbox.discord.gateway_faults import GatewayFault
from sandbox.discord.ratelimits import RateLimiter
from sandbox.discord.session_starts import IDENTIFY_INTERVAL_S, SessionStartLimit
from sandbox.error_responses import InternalErrorLog, json_response
from sandbox.fault_injection import FaultInjector
from sandbox.play.origin import is_guarded
from sandbox.request_log import Handler, LoggedRequest, RequestLog

MAX_WAIT_S = 60.0


@web.middleware
async def require_loopback(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse the control API and the page to clients that are not on this machine."""
    if is_guarded(request.path):
        try:
            local = ipaddress.ip_address(request.remote or "").is_loopback
        except ValueError:
            local = False
        if not local:
            return json_response({"error": "forbidden", "message": "loopback only"}, status=403)
    return await handler(request)


@dataclass(frozen=True, slots=True)
class ServerControlApi:
    """The parts of the server that can be controlled, and the routes that do it."""

    clock: SandboxClock
    request_log: RequestLog
    fault_injector: FaultInjector
    gateway: Gateway
    rate_limits: RateLimiter
    error_log: InternalErrorLog

    def build_routes(self) -> list[web.RouteDef]:
        """Return the routes, to be mounted at the root."""
        return [
            web.get("/control/health", self._get_health),
            web.get("/control/requests", self._list_requests),
            web.get("/control/faults", self._list_faults),
            web.post("/control/faults", self._add_fault),
            web.delete("/control/faults", self._clear_faults),
            web.post("/control/gateway", self._control_gateway),
            web.get("/control/sessions", self._list_sessions),
            web.get("/control/clock", self._get_time),
            web.post("/control/clock", self._advance_clock),
            web.get("/control/ratelimits", self._get_rate_limits),
            web.put("/control/ratelimits", self._scale_rate_limits),
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
        matches = _build_filter(query.get("server"), query.get("method"), query.get("path"))
        bodies = query.get("bodies") == "1"
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        while True:
            entries = self.request_log.entries_after(after)
            shown = [entry.to_json(bodies=bodies) for entry in entries if matches(entry)]
            if shown or loop.time() >= deadline:
                return json_response(shown)
            after = entries[-1].number if entries else after
            await self.request_log.wait_for_entries(after, deadline - loop.time())

    async def _list_faults(self, request: web.Request) -> web.Response:
        return json_response([fault.to_json() for fault in self.fault_injector])

    async def _add_fault(self, request: web.Request) -> web.Response:
        order = (await read_control_body(request)).fields
        return json_response(self.fault_injector.add_fault(order).to_json())

    async def _clear_faults(self, request: web.Request) -> web.Response:
        value = request.query.get("id")
        fault_id = None if value is None else int(_read_number(value, "id"))
        return json_response({"removed": self.fault_injector.remove_faults(fault_id)})

    async def _control_gateway(self, request: web.Request) -> web.Response:
        order = (await read_control_body(request)).fields
        shard, seconds, code = order.get("shard"), order.get("seconds"), order.get("code")
        gateway = self.gateway
        connections = 0
        match order.get("action"):
            case "disconnect":
                connections = gateway.disconnect_clients(code=code, shard=shard)
            case "reconnect":
                connections = gateway.request_reconnect(shard=shard)
            case "invalid_session":
                resumable = bool(order.get("resumable"))
                connections = gateway.invalidate_sessions(resumable=resumable, shard=shard)
            case "down":
                connections = gateway.go_down(
                    None if seconds is None else _read_number(seconds, "seconds")
                )
            case "up":
                gateway.come_up()
            case "fail":
                gateway.faults.add_fault(GatewayFault.parse(order))
            case "recover":
                gateway.faults.remove_all()
            case "send":
                connections = self._send_to_clients(order)
            case "limit_session_starts":
                remaining = int(_read_number(order.get("remaining"), "remaining"))
                gateway.session_starts.set_remaining(
                    remaining, None if seconds is None else _read_number(seconds, "seconds")
                )
            case "limit_identifies":
                _limit_identifies(gateway.session_starts, order)
            case "recommend_shards":
                gateway.recommend_shards(_read_count(order.get("shards"), "shards"))
            case _:
                raise ActionRefused(
                    "action: disconnect, reconnect, invalid_session, down, up, fail, recover, "
                    "send, limit_session_starts, limit_identifies or recommend_shards"
                )
        return json_response({"connections": connections})

    def _send_to_clients(self, order: dict[str, Any]) -> int:
        match order:
            case {"event": str(name)}:
                return self.gateway.send_event(name, order.get("data"))
            case {"text": str(text)}:
                return self.gateway.send_text(text)
        raise ActionRefused("send: an event with its data, or a text")

    async def _list_sessions(self, request: web.Request) -> web.Response:
        counters = self.gateway.counters
        sessions = [
            {
                "session_id": session.id,
                "connected": session.is_connected,
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
                "connects": counters.connected,
                "identify_attempts": counters.identify_attempts,
                "identified": counters.identified,
                "resumed": counters.resumed,
                "replayed": counters.replayed,
                "refused": counters.refused,
                "closed": {str(code): times for code, times in counters.closed.items()},
            }
        )

    async def _get_time(self, request: web.Request) -> web.Response:
        return json_response({"now": self.clock.now()})

    async def _advance_clock(self, request: web.Request) -> web.Response:
        body = await read_control_body(request)
        seconds = _read_number(body.fields.get("advance_s"), "advance_s")
        if seconds < 0:
            raise ActionRefused("advance_s: time does not run backwards")
        self.clock.advance(seconds)
        return json_response({"now": self.clock.now()})

    async def _get_rate_limits(self, request: web.Request) -> web.Response:
        return json_response({"scale": self.rate_limits.scale, "refused": self.rate_limits.refused})

    async def _scale_rate_limits(self, request: web.Request) -> web.Response:
        body = (await read_control_body(request)).fields
        value = body.get("scale")
        scale = None if value is None else _read_number(value, "scale")
        if "scale" not in body or (scale is not None and scale <= 0):
            raise ActionRefused("scale: a number above 0, or null for no limits")
        self.rate_limits.set_scale(scale)
        return json_response({"scale": self.rate_limits.scale})


def _limit_identifies(limit: SessionStartLimit, order: dict[str, Any]) -> None:
    limit.max_concurrency = _read_count(order.get("max_concurrency", 1), "max_concurrency")
    limit.identify_interval_s = _read_number(order.get("seconds", IDENTIFY_INTERVAL_S), "seconds")


def _read_count(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ActionRefused(f"{name} is a whole number above 0")
    return value


def _read_number(value: object, name: str) -> float:
    try:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return float(value)
    except ValueError:
        pass
    raise ActionRefused(f"{name} is a number")


def _build_filter(server: str | None, method: str | None, path: str | None) -> "_RequestFilter":
    try:
        return _RequestFilter(server, method.upper() if method else None, re.compile(path or ""))
    except re.error as error:
        raise ActionRefused(f"path is a regular expression: {error}") from error


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
