"""The control API as the demo uses it: people's hands and eyes, over HTTP."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

Json = dict[str, Any]
T = TypeVar("T")

_POLL_INTERVAL_S = 0.25


class DemoFailed(Exception):
    """Something did not happen that a person would have waited for; the message says what."""


class ControlClient:
    """One person's reach into the sandbox. ``base`` is the address in the ready line."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base = base
        self._session = session

    async def get(self, path: str) -> Any:
        """Ask. Raises `DemoFailed` when the sandbox refuses."""
        return await self._send_request("GET", path)

    async def post(self, path: str, body: Json) -> Any:
        """Act. Raises `DemoFailed` when the sandbox (Discord's rules, mostly) refuses."""
        return await self._send_request("POST", path, body)

    async def put(self, path: str, body: Json) -> Any:
        """Set. Raises `DemoFailed` when the sandbox refuses."""
        return await self._send_request("PUT", path, body)

    async def list_messages(self, channel: str) -> list[Json]:
        """Return the channel's messages, oldest first, as Discord would show them."""
        found: list[Json] = await self.get(f"channels/{channel}/messages")
        return sorted(found, key=lambda message: int(message["id"]))

    async def download_file(self, url: str, destination: Path) -> None:
        """Save a posted file, as a person would by clicking on it."""
        async with self._session.get(url) as answer:
            if answer.status != 200:
                raise DemoFailed(f"the posted file cannot be downloaded: HTTP {answer.status}")
            data = await answer.read()
        await asyncio.to_thread(destination.write_bytes, data)

    async def _send_request(self, method: str, path: str, body: Json | None = None) -> Any:
        async with self._session.request(method, f"{self.base}/{path}", json=body) as answer:
            said = await answer.json(content_type=None)
            if answer.status >= 400:
                raise DemoFailed(f"{method} {path}: HTTP {answer.status} {said}")
            return said


async def wait_until(
    look: Callable[[], Awaitable[T | None]], *, within_s: float, waiting_for: str
) -> T:
    """Look again and again until ``look`` returns something.

    Raises `DemoFailed`, naming ``waiting_for``, after ``within_s`` seconds.
    """
    deadline = time.monotonic() + within_s
    while True:
        found = await look()
        if found is not None:
            return found
        if time.monotonic() > deadline:
            raise DemoFailed(f"waited {within_s:.0f} s for {waiting_for}, in vain")
        await asyncio.sleep(_POLL_INTERVAL_S)
