"""Serves the page and its modules, with a policy that lets it load and run nothing else."""

import asyncio
from pathlib import Path
from typing import Final

from aiohttp import web
from yarl import URL

_FOLDER: Final = Path(__file__).with_name("static")
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


class PlayPages:
    """The files of ``static``, read anew for each request, so that a change needs no restart."""

    def __init__(self, base: str) -> None:
        self._base = base

    def build_routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._get_page),
            web.get("/play/static/{name:[a-z0-9_/-]+[.][a-z]+}", self._get_file),
        ]

    async def _get_page(self, request: web.Request) -> web.StreamResponse:
        if request.host != URL(self._base).authority:  # links to files name this address
            raise web.HTTPFound(self._base + "/")
        return await self._answer_file("index.html")

    async def _get_file(self, request: web.Request) -> web.StreamResponse:
        return await self._answer_file(request.match_info["name"])

    async def _answer_file(self, name: str) -> web.StreamResponse:
        path = _FOLDER / name
        content_type = _TYPES.get(path.suffix)
        if content_type is None or not await asyncio.to_thread(path.is_file):
            raise web.HTTPNotFound
        return web.Response(
            body=await asyncio.to_thread(path.read_bytes),
            content_type=content_type,
            charset="utf-8",
            headers=self._headers(),
        )

    def _headers(self) -> dict[str, str]:
        socket = self._base.replace("http", "ws", 1)
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
            f"media-src 'self' blob:; connect-src 'self' {socket}; form-action 'none'; "
            "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
        )
        return {
            "Content-Security-Policy": policy,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-cache",
        }
