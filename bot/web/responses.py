"""Answers made of text: digested, so that whoever has the same page is told just that."""

import json
from hashlib import blake2b
from typing import Any, Final

from aiohttp import ETag, web

_WORTH_PACKING: Final = 1000
FRESH: Final = "private, no-cache"
"""Ask each time, and be told that nothing has changed: what is withdrawn is gone at once."""


def text(
    request: web.Request,
    body: str,
    content_type: str,
    *,
    status: int = 200,
    cache: str = FRESH,
    headers: dict[str, str] | None = None,
) -> web.Response:
    """Return ``body``, or 304 where the visitor has it already (RFC 9110, 13.1.2)."""
    packed = body.encode()
    response = web.Response(
        body=packed, content_type=content_type, charset="utf-8", status=status, headers=headers
    )
    response.headers["Cache-Control"] = cache
    if status == 200:
        tag = blake2b(packed, digest_size=12).hexdigest()
        if _has(request.if_none_match, tag):
            response = web.Response(status=304, headers=headers)
            response.headers["Cache-Control"] = cache
        response.etag = ETag(tag, is_weak=True)  # weak: the same text may go out packed or not
    if response.status != 304 and len(packed) >= _WORTH_PACKING:
        response.enable_compression()
    return response


def data(
    request: web.Request,
    value: Any,
    *,
    status: int = 200,
    cache: str = FRESH,
    content_type: str = "application/json",
) -> web.Response:
    """Return ``value`` as JSON."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text(request, body, content_type, status=status, cache=cache)


def problem(
    request: web.Request, status: int, title: str, *, parameter: str | None = None
) -> web.Response:
    """Return a fault as machines read it (RFC 9457)."""
    value: dict[str, object] = {"type": "about:blank", "status": status, "title": title}
    if parameter is not None:
        value["parameter"] = parameter
    return data(
        request, value, status=status, cache="no-store", content_type="application/problem+json"
    )


def _has(known: tuple[ETag, ...] | None, tag: str) -> bool:
    return any(each.value in (tag, "*") for each in known or ())
