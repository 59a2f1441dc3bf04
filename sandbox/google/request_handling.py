"""What the handlers of both services share: error bodies, request bodies and API keys."""

import asyncio
import functools
import hmac
from collections.abc import Callable
from typing import Final, TypeVar

from aiohttp import web

from sandbox.google.errors import GoogleError, InvalidArgument, invalid_key, missing_key
from sandbox.request_log import Handler

T = TypeVar("T")

_MAX_INLINE_BYTES: Final = 64 * 1024
"""Larger bodies (bytes) are decoded in a thread instead of on the event loop."""


def answer_errors(handler: Handler) -> Handler:
    """Wrap a handler so that a GoogleError becomes Google's error body."""

    @functools.wraps(handler)
    async def handle_request(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except GoogleError as error:
            return web.json_response(error.to_json(), status=error.http_status)

    return handle_request


async def read_body(request: web.Request) -> bytes:
    """Return the body of a request. Raises InvalidArgument if it is too large."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise InvalidArgument(f"Request payload size exceeds the limit: {error.reason}.") from error


async def run_offloaded(size: int, work: Callable[[], T]) -> T:
    """Run ``work`` on a body of ``size`` bytes, in a thread if it is large."""
    return work() if size <= _MAX_INLINE_BYTES else await asyncio.to_thread(work)


def read_api_key(request: web.Request) -> str:
    """Return the API key of a request, or ""."""
    return request.headers.get("x-goog-api-key") or request.query.get("key", "")


def check_api_key(request: web.Request, api_key: str) -> None:
    """Raise PermissionDenied without a key and InvalidArgument with a wrong one."""
    key = read_api_key(request)
    if not key:
        raise missing_key()
    if not hmac.compare_digest(key.encode(), api_key.encode()):
        raise invalid_key()
