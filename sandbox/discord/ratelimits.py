"""Discord's rate limits: per-route buckets, the global limit, and the ban for invalid requests.

Discord does not document the bucket sizes. These are the ones that its headers have shown for a
long time. A bot must read the headers instead of assuming sizes.

https://docs.discord.com/developers/topics/rate-limits
"""

import hashlib
import json
import math
import re
from collections import deque
from dataclasses import dataclass

from aiohttp import web

from sandbox.clock import SandboxClock
from sandbox.request_log import Handler

API_PREFIX = "/api/v10"
GLOBAL_LIMIT = 50
GLOBAL_WINDOW_S = 1.0
INVALID_REQUEST_LIMIT = 10_000
INVALID_REQUEST_WINDOW_S = 600.0
_FORGET_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class BucketSize:
    """Requests allowed in a window of seconds."""

    limit: int
    window_s: float


DEFAULT_BUCKET_SIZE = BucketSize(10, 2.0)
BUCKET_SIZES: dict[tuple[str, str], BucketSize] = {
    ("POST", "/channels/C/messages"): BucketSize(5, 5.0),
    ("PATCH", "/channels/C/messages/ID"): BucketSize(5, 5.0),
    ("DELETE", "/channels/C/messages/ID"): BucketSize(5, 1.0),
    ("GET", "/channels/C/messages"): BucketSize(5, 5.0),
    ("PUT", "/channels/C/messages/ID/reactions"): BucketSize(1, 0.25),
    ("GET", "/channels/C"): BucketSize(5, 1.0),
    ("PATCH", "/channels/C"): BucketSize(5, 15.0),
    ("POST", "/channels/C/typing"): BucketSize(5, 5.0),
    ("POST", "/channels/C/messages/ID/threads"): BucketSize(50, 300.0),
    ("POST", "/channels/C/threads"): BucketSize(50, 300.0),
    ("POST", "/users/@me/channels"): BucketSize(10, 10.0),
    ("PUT", "/applications/ID/commands"): BucketSize(2, 20.0),
    ("PUT", "/applications/ID/guilds/ID/commands"): BucketSize(2, 20.0),
    ("GET", "/gateway/bot"): BucketSize(2, 5.0),
    ("POST", "/webhooks/W/T"): BucketSize(5, 2.0),
    ("GET", "/webhooks/W/T/messages/ID"): BucketSize(5, 2.0),
    ("PATCH", "/webhooks/W/T/messages/ID"): BucketSize(5, 2.0),
    ("DELETE", "/webhooks/W/T/messages/ID"): BucketSize(5, 2.0),
}
_MAJOR_PARAMETERS = {"channels": "C", "guilds": "G", "webhooks": "W"}
_CALLBACK_PATH = re.compile(r"/interactions/\d+/[^/]+/callback")


@dataclass(frozen=True, slots=True)
class RateLimitRoute:
    """A request's bucket: its method and path template, and the value of its major parameter."""

    method: str
    template: str
    major: str

    @classmethod
    def from_path(cls, method: str, path: str) -> "RateLimitRoute":
        """From a path below ``/api/v10``; "/channels/7/messages" becomes "/channels/C/messages"."""
        parts = path.strip("/").split("/")
        major = ""
        if len(parts) > 1 and parts[0] in _MAJOR_PARAMETERS and parts[1].isdigit():
            major, parts[1] = parts[1], _MAJOR_PARAMETERS[parts[0]]
            if parts[0] == "webhooks" and len(parts) > 2:
                major, parts[2] = f"{major}:{parts[2]}", "T"
        if "reactions" in parts:
            # Adding and removing any emoji share one bucket.
            del parts[parts.index("reactions") + 1 :]
            method = "PUT" if method == "DELETE" else method
        template_parts = ["ID" if part.isdigit() or part == "@original" else part for part in parts]
        return cls(method, "/" + "/".join(template_parts), major)

    @property
    def size(self) -> BucketSize:
        """The bucket's size before scaling."""
        return BUCKET_SIZES.get((self.method, self.template), DEFAULT_BUCKET_SIZE)

    @property
    def bucket(self) -> str:
        """The opaque bucket name of the header, the same for all major parameters."""
        return hashlib.md5(
            f"{self.method} {self.template}".encode(), usedforsecurity=False
        ).hexdigest()


@dataclass(slots=True)
class _RateLimitWindow:
    limit: int
    resets_at: float
    used: int = 0

    def try_consume(self) -> bool:
        """Count a request, and return False if the window is used up."""
        if self.used >= self.limit:
            return False
        self.used += 1
        return True


class RateLimiter:
    """Counts REST requests, adds the rate-limit headers and refuses requests over a limit.

    ``scale`` multiplies all limits. None turns off limits and headers.
    """

    def __init__(
        self,
        clock: SandboxClock,
        *,
        scale: float | None = 1.0,
        invalid_limit: int = INVALID_REQUEST_LIMIT,
    ) -> None:
        self.scale = scale
        self.refused = 0
        self._clock = clock
        self._invalid_limit = invalid_limit
        self._invalid_request_times: deque[float] = deque()
        self._windows: dict[tuple[RateLimitRoute, str], _RateLimitWindow] = {}
        self._global_windows: dict[str, _RateLimitWindow] = {}

    def set_scale(self, scale: float | None) -> None:
        """Set the scale and start new windows."""
        self.scale = scale
        self._windows.clear()
        self._global_windows.clear()

    @property
    def invalid_requests(self) -> int:
        """The number of responses 401, 403 and 429 in the last ten minutes."""
        now = self._clock.now()
        while (
            self._invalid_request_times
            and now - self._invalid_request_times[0] > INVALID_REQUEST_WINDOW_S
        ):
            self._invalid_request_times.popleft()
        return len(self._invalid_request_times)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Apply the limits to ``/api/v10``."""
        if not request.path.startswith(API_PREFIX + "/"):
            return await handler(request)
        if self.invalid_requests >= self._invalid_limit:
            return _ban_response()
        if self.scale is None:
            response = await handler(request)
        else:
            response = await self._apply_limits(request, handler, self.scale)
        if response.status in (401, 403, 429):
            self._invalid_request_times.append(self._clock.now())
        return response

    async def _apply_limits(
        self, request: web.Request, handler: Handler, scale: float
    ) -> web.StreamResponse:
        path = request.path.removeprefix(API_PREFIX)
        if _CALLBACK_PATH.fullmatch(path):
            return await handler(request)  # Interaction callbacks do not count.
        caller = request.headers.get("Authorization") or request.remote or ""
        now = self._clock.now()
        global_window = self._global_windows.get(caller)
        if global_window is None or now >= global_window.resets_at:
            limit = max(1, round(GLOBAL_LIMIT * scale))
            global_window = self._global_windows[caller] = _RateLimitWindow(
                limit, now + GLOBAL_WINDOW_S
            )
        if not global_window.try_consume():
            self.refused += 1
            return _rate_limited_response(global_window.resets_at - now, is_global=True)
        route = RateLimitRoute.from_path(request.method, path)
        window = self._find_window(route, caller, scale, now)
        if not window.try_consume():
            self.refused += 1
            refusal = _rate_limited_response(window.resets_at - now, is_global=False)
            self._write_headers(refusal, route, window)
            return refusal
        response = await handler(request)
        if not response.prepared:
            self._write_headers(response, route, window)
        return response

    def _find_window(
        self, route: RateLimitRoute, caller: str, scale: float, now: float
    ) -> _RateLimitWindow:
        key = (route, caller if not route.major else "")
        window = self._windows.get(key)
        if window is None or now >= window.resets_at:
            if len(self._windows) > 10_000:
                self._forget_old_windows(now)
            limit = max(1, round(route.size.limit * scale))
            window = self._windows[key] = _RateLimitWindow(limit, now + route.size.window_s)
        return window

    def _forget_old_windows(self, now: float) -> None:
        self._windows = {
            key: window
            for key, window in self._windows.items()
            if window.resets_at > now - _FORGET_AFTER_S
        }

    def _write_headers(
        self, response: web.StreamResponse, route: RateLimitRoute, window: _RateLimitWindow
    ) -> None:
        reset_after = max(window.resets_at - self._clock.now(), 0.0)
        for name, value in {
            "X-RateLimit-Limit": str(window.limit),
            "X-RateLimit-Remaining": str(window.limit - window.used),
            "X-RateLimit-Reset": f"{window.resets_at:.3f}",
            "X-RateLimit-Reset-After": f"{reset_after:.3f}",
            "X-RateLimit-Bucket": route.bucket,
            "Via": "1.1 google",
        }.items():
            response.headers.setdefault(name, value)


def _rate_limited_response(retry_after: float, *, is_global: bool) -> web.Response:
    # Rounded up: after waiting exactly that long the window must be open.
    seconds = math.ceil(max(retry_after, 0.001) * 1000) / 1000
    body = {
        "message": "You are being rate limited.",
        "code": 0,
        "retry_after": seconds,
        "global": is_global,
    }
    headers = {
        "Via": "1.1 google",
        "Retry-After": str(math.ceil(seconds)),
        "X-RateLimit-Scope": "global" if is_global else "user",
    }
    if is_global:
        headers["X-RateLimit-Global"] = "true"
    return web.Response(
        status=429,
        body=json.dumps(body).encode(),
        content_type="application/json",
        headers=headers,
    )


def _ban_response() -> web.Response:
    """Return Cloudflare's ban for too many invalid requests, which has neither Via nor JSON."""
    return web.Response(
        status=429,
        text="<html><body>error code: 1015</body></html>",
        content_type="text/html",
        headers={"Retry-After": "600"},
    )
