"""Headers that list what a client accepts, with weights (RFC 9110, 12.4.2 and 12.5)."""

import re
from enum import StrEnum
from typing import Final

from aiohttp import hdrs, web

_WEIGHT_PATTERN: Final = re.compile(r"q\s*=\s*(\d+\.?\d*|\.\d+)", re.IGNORECASE | re.ASCII)
_MAX_CHOICES: Final = 20


def parse_weighted_list(header: str | None) -> list[tuple[str, float]]:
    """Return the choices in lower case with their weights, in order, without malformed ones.

    >>> parse_weighted_list("fr;Q=0.9, en;q=0, de")
    [('fr', 0.9), ('en', 0.0), ('de', 1.0)]
    """
    choices = []
    for part in (header or "").split(",")[:_MAX_CHOICES]:
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weights = [text for text in parameters if text[:1] in ("q", "Q")]
        matches = [_WEIGHT_PATTERN.fullmatch(text) for text in weights]
        if name and all(matches):
            weight = next((float(match[1]) for match in matches if match), 1.0)
            choices.append((name.lower(), weight))
    return choices


class ContentEncoding(StrEnum):
    """How a response is compressed, by the names of HTTP; the first is preferred."""

    BROTLI = "br"
    ZSTD = "zstd"
    GZIP = "gzip"


def choose_encoding(request: web.BaseRequest) -> ContentEncoding | None:
    """Return the encoding with the highest weight, or `None` if the client accepts none."""
    header = ",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, ()))
    weights = dict(parse_weighted_list(header))
    if "x-gzip" in weights:
        weights.setdefault("gzip", weights["x-gzip"])
    others = weights.get("*", 0.0)
    best = max(ContentEncoding, key=lambda encoding: weights.get(encoding, others))
    return best if weights.get(best, others) > 0 else None
