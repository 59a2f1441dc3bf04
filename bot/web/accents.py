"""Stylesheets that give a page the accent of its server.

Pages may contain no styles of their own (`bot.web.security`). So each accent has a small file,
whose address contains a digest of its content, like those of the static files.
"""

from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from aiohttp import hdrs, web

from bot.domain.showcase.accent import ColorScheme, build_accent_shades, format_color

_CACHED_SHEETS: Final = 256


def build_accent_url(accent: int) -> str:
    """Return the address of the colors for an accent. It changes if their rules change."""
    name = format_color(accent).removeprefix("#")
    return f"/static/accent-{name}.css?v={build_accent_sheet(accent).digest}"


@dataclass(frozen=True, slots=True)
class AccentSheet:
    """A stylesheet, and the digest of its content."""

    body: str
    digest: str


@lru_cache(_CACHED_SHEETS)
def build_accent_sheet(accent: int) -> AccentSheet:
    """Return the stylesheet that gives a page its accent in both color schemes."""
    rules = []
    for scheme in ColorScheme:
        shades = build_accent_shades(accent, scheme)
        colors = {"lamp": shades.fill, "lamp-ink": shades.ink, "link": shades.text}
        values = "".join(f"--{name}:{format_color(color)};" for name, color in colors.items())
        rules.append(f"@media (prefers-color-scheme:{scheme}){{:root{{{values}}}}}")
    body = "\n".join(rules) + "\n"
    return AccentSheet(body, blake2b(body.encode(), digest_size=8).hexdigest())


async def send_accent_sheet(request: web.Request) -> web.Response:
    """Send the colors for the accent in the path. They depend on nothing else."""
    sheet = build_accent_sheet(int(request.match_info["accent"], 16))
    max_age = "31536000, immutable" if request.query.get("v") == sheet.digest else "300"
    headers = {
        hdrs.CACHE_CONTROL: f"public, max-age={max_age}",
        hdrs.ETAG: f'W/"{sheet.digest}"',
    }
    if any(tag.value in (sheet.digest, "*") for tag in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    return web.Response(text=sheet.body, content_type="text/css", charset="utf-8", headers=headers)
