"""Reads answers into memory that a server could make longer than there is memory."""

from typing import Final

import aiohttp

_CHUNK_BYTES: Final = 64 * 1024


async def read_limited_body(response: aiohttp.ClientResponse, *, max_bytes: int) -> bytes:
    """Return the body, cut off after ``max_bytes`` bytes; the rest is left unread.

    Raises `aiohttp.ClientError`, `TimeoutError` or `OSError` if the body does not arrive.
    """
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        if len(body) > max_bytes:
            break
    return bytes(body[:max_bytes])
