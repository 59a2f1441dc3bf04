"""Text and JSON responses, with entity tags so that browsers do not load a page twice."""

import json
from hashlib import blake2b
from typing import Any, Final

from aiohttp import ETag, hdrs, web

from bot.web.compression import compress_body
from bot.web.negotiation import choose_encoding

_COMPRESSION_THRESHOLD_BYTES: Final = 1000
REVALIDATE_ALWAYS: Final = "private, no-cache"
"""Shared caches may not store it, and browsers ask each time, so withdrawn clips vanish at once."""


def respond_text(
    request: web.Request,
    body: str,
    content_type: str,
    *,
    status: int = 200,
    cache_control: str = REVALIDATE_ALWAYS,
    headers: dict[str, str] | None = None,
) -> web.Response:
    """Return ``body``, or 304 if the client already has it (RFC 9110, 13.1.2)."""
    encoded = body.encode()
    headers = {**(headers or {}), hdrs.CACHE_CONTROL: cache_control}
    is_compressible = len(encoded) >= _COMPRESSION_THRESHOLD_BYTES
    if is_compressible:
        headers[hdrs.VARY] = ", ".join(filter(None, [headers.get(hdrs.VARY), hdrs.ACCEPT_ENCODING]))
    etag: ETag | None = None
    if status == 200:
        tag = blake2b(encoded, digest_size=12).hexdigest()
        etag = ETag(tag, is_weak=True)  # weak: the body may be compressed or not
        if any(each.value in (tag, "*") for each in request.if_none_match or ()):
            response = web.Response(status=304, headers=headers)
            response.etag = etag
            return response
    encoding = choose_encoding(request) if is_compressible else None
    if encoding is not None:
        encoded = compress_body(encoded, encoding)
        headers[hdrs.CONTENT_ENCODING] = encoding
    response = web.Response(
        body=encoded, content_type=content_type, charset="utf-8", status=status, headers=headers
    )
    response.etag = etag
    return response


def respond_json(
    request: web.Request,
    value: Any,
    *,
    status: int = 200,
    cache_control: str = REVALIDATE_ALWAYS,
    content_type: str = "application/json",
) -> web.Response:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return respond_text(request, body, content_type, status=status, cache_control=cache_control)


def respond_problem(
    request: web.Request, status: int, title: str, *, parameter: str | None = None
) -> web.Response:
    """Return an error as problem details (RFC 9457)."""
    value: dict[str, object] = {"type": "about:blank", "status": status, "title": title}
    if parameter is not None:
        value["parameter"] = parameter
    return respond_json(
        request,
        value,
        status=status,
        cache_control="no-store",
        content_type="application/problem+json",
    )
