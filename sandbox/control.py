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

from sandbox.answers import Health, json_answer
from sandbox.clock import Clock
from sandbox.discord.gateway import Gateway
from sandbox.discord.ratelimits import RateLimits
from sandbox.faults import BadFault, Faults
from sandbox.traffic import Entry, Handler, Traffic

LONGEST_WAIT_S = 60.0


@web.middleware
async def loopback_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses the control API to everyone who is not on this machine."""
    if request.path.startswith("/control"):
        try:
            local = ipaddress.ip_address(request.remote or "").is_loopback
        except ValueError:
            local = False
        if not local:
            return json_answer({"error": "forbidden", "message": "loopback only"}, status=403)
    return await handler(request)


class BadRequest(ValueError):
    """A control call that cannot be meant."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The levers of the server, and the routes by which they are pulled."""

    clock: Clock
    traffic: Traffic
    faults: Faults
    gateway: Gateway
    limits: RateLimits
    health: Health

    def routes(self) -> list[web.RouteDef]:
        """The routes, to be mounted at the root."""
        return [
            web.get("/control/health", self._health),
            web.get("/control/requests", _refusing(self._requests)),
            web.get("/control/faults", self._list_faults),
            web.post("/control/faults", _refusing(self._add_fault)),
            web.delete("/control/faults", _refusing(self._clear_faults)),
            web.post("/control/gateway", _refusing(self._play_fate)),
            web.get("/control/sessions", self._sessions),
            web.get("/control/clock", self._time),
            web.post("/control/clock", _refusing(self._advance)),
            web.get("/control/ratelimits", self._limits),
            web.put("/control/ratelimits", _refusing(self._scale_limits)),
        ]

    async def _health(self, request: web.Request) -> web.Response:
        return json_answer(
            {
                "internal_errors": self.health.internal_errors,
                "latest": list(self.health.latest),
                "unknown_routes": self.traffic.unknown_routes,
                "rate_limited": self.limits.refused,
                "invalid_requests": self.limits.invalid_requests,
            }
        )

    async def _requests(self, request: web.Request) -> web.Response:
        query = request.query
        after = int(_number(query.get("after", "0"), "after"))
        wait = min(_number(query.get("wait", "0"), "wait"), LONGEST_WAIT_S)
        wanted = _filter(query.get("server"), query.get("method"), query.get("path"))
        bodies = query.get("bodies") == "1"
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait
        while True:
            entries = self.traffic.after(after)
            found = [entry.to_json(bodies=bodies) for entry in entries if wanted(entry)]
            if found or loop.time() >= deadline:
                return json_answer(found)
            after = entries[-1].n if entries else after
            await self.traffic.wait(after, deadline - loop.time())

    async def _list_faults(self, request: web.Request) -> web.Response:
        return json_answer([fault.to_json() for fault in self.faults])

    async def _add_fault(self, request: web.Request) -> web.Response:
        return json_answer(self.faults.add(await _body(request)).to_json())

    async def _clear_faults(self, request: web.Request) -> web.Response:
        wanted = request.query.get("id")
        fault_id = None if wanted is None else int(_number(wanted, "id"))
        return json_answer({"removed": self.faults.clear(fault_id)})

    async def _play_fate(self, request: web.Request) -> web.Response:
        body = await _body(request)
        shard, seconds, code = body.get("shard"), body.get("seconds"), body.get("code")
        gateway = self.gateway
        match body.get("action"):
            case "disconnect":
                struck = gateway.disconnect(code=code, shard=shard)
            case "reconnect":
                struck = gateway.reconnect(shard=shard)
            case "invalid_session":
                struck = gateway.invalidate(resumable=bool(body.get("resumable")), shard=shard)
            case "down":
                struck = gateway.down(None if seconds is None else _number(seconds, "seconds"))
            case "up":
                struck = 0
                gateway.up()
            case _:
                raise BadRequest("action: disconnect, reconnect, invalid_session, down or up")
        return json_answer({"connections": struck})

    async def _sessions(self, request: web.Request) -> web.Response:
        figures = self.gateway.figures
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
        return json_answer(
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

    async def _time(self, request: web.Request) -> web.Response:
        return json_answer({"now": self.clock.now()})

    async def _advance(self, request: web.Request) -> web.Response:
        seconds = _number((await _body(request)).get("advance_s"), "advance_s")
        if seconds < 0:
            raise BadRequest("advance_s: time does not run backwards")
        self.clock.advance(seconds)
        return json_answer({"now": self.clock.now()})

    async def _limits(self, request: web.Request) -> web.Response:
        return json_answer({"scale": self.limits.scale, "refused": self.limits.refused})

    async def _scale_limits(self, request: web.Request) -> web.Response:
        body = await _body(request)
        if "scale" not in body:
            raise BadRequest("scale: a number above 0, or null for no limits")
        scale = None if body["scale"] is None else _number(body["scale"], "scale")
        if scale is not None and scale <= 0:
            raise BadRequest("scale: a number above 0, or null for no limits")
        self.limits.rescale(scale)
        return json_answer({"scale": self.limits.scale})


def _refusing(handler: Handler) -> Handler:
    async def answering(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (BadRequest, BadFault) as error:
            return json_answer({"error": "invalid", "message": str(error)}, status=400)

    return answering


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except ValueError as error:
        raise BadRequest("the body is no JSON") from error
    if not isinstance(body, dict):
        raise BadRequest("the body is an object")
    return body


def _number(value: object, name: str) -> float:
    try:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            return float(value)
    except ValueError:
        pass
    raise BadRequest(f"{name} is a number")


def _filter(server: str | None, method: str | None, path: str | None) -> "_Filter":
    try:
        return _Filter(server, method.upper() if method else None, re.compile(path or ""))
    except re.error as error:
        raise BadRequest(f"path is a regular expression: {error}") from error


@dataclass(frozen=True, slots=True)
class _Filter:
    server: str | None
    method: str | None
    path: re.Pattern[str]

    def __call__(self, entry: Entry) -> bool:
        return (
            self.server in (None, entry.server)
            and self.method in (None, entry.method)
            and self.path.search(entry.path) is not None
        )
