"""Files that a person has added at the page and not sent yet."""

import asyncio
import secrets
from pathlib import Path
from typing import Final

from aiohttp import web

from sandbox.discord.errors import ActionRefused
from sandbox.discord.files import sanitize_file_name
from sandbox.request_log import MAX_REQUEST_BYTES

_CHUNK_BYTES: Final = 256 * 1024


class PlayUploads:
    """Keeps files below ``folder``, each under a token that the page sends in its place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: dict[str, Path] = {}

    async def keep(self, request: web.Request, name: str) -> str:
        """Store a request's body as a file of that name, and return its token."""
        token = secrets.token_urlsafe(16)
        path = self._folder / token / sanitize_file_name(name)
        await asyncio.to_thread(path.parent.mkdir, parents=True)
        size = 0
        with await asyncio.to_thread(path.open, "wb") as file:
            async for chunk in request.content.iter_chunked(_CHUNK_BYTES):
                size += len(chunk)
                if size > MAX_REQUEST_BYTES:
                    raise ActionRefused(f"{name} is larger than {MAX_REQUEST_BYTES} bytes")
                await asyncio.to_thread(file.write, chunk)
        self._paths[token] = path
        return token

    def find_path(self, token: object) -> str:
        """Return the path of a file. Raises ActionRefused for an unknown token."""
        path = self._paths.get(token) if isinstance(token, str) else None
        if path is None:
            raise ActionRefused("that file was not uploaded")
        return str(path)
