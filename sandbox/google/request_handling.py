"""How handlers answer: Google's errors become Google's error bodies, in one place."""

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
"""Bodies up to this many bytes are read on the event loop; decoding larger ones takes a thread."""


def answer_errors(handler: Handler) -> Handler:
    """Turns a GoogleError of a handler into its answer."""

    @functools.wraps(handler)
    async def handle_request(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except GoogleError as error:
            return web.json_response(error.to_json(), status=error.http_status)

    return handle_request


async def read_body(request: web.Request) -> bytes:
    """The body of a request. Raises InvalidArgument when it is larger than the server allows."""
    try:
        return await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        message = f"Request payload size exceeds the limit: {error.reason}."
        raise InvalidArgument(message) from error


async def run_offloaded(size: int, work: Callable[[], T]) -> T:
    """Does some work on a body of a size, away from the event loop when it is large."""
    return work() if size <= _MAX_INLINE_BYTES else await asyncio.to_thread(work)


def read_api_key(request: web.Request) -> str:
    """The API key of a request, or an empty text."""
    return request.headers.get("x-goog-api-key") or request.query.get("key", "")


def check_api_key(request: web.Request, api_key: str) -> None:
    """Raises PermissionDenied without a key and InvalidArgument with a wrong one."""
    given = read_api_key(request)
    if not given:
        raise missing_key()
    if not hmac.compare_digest(given.encode(), api_key.encode()):
        raise invalid_key()
