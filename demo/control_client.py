"""The demo's client of the control API."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from sandbox.discord.entities import MessageFlag

Json = dict[str, Any]
T = TypeVar("T")

_POLL_INTERVAL_S = 0.25


class DemoFailed(Exception):
    """Something that should have happened did not. The message says what."""


class ControlClient:
    """A client for ``base``, the address in the sandbox's ready line. Errors raise DemoFailed."""

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self.base = base
        self._session = session

    async def get(self, path: str) -> Any:
        return await self._send_request("GET", path)

    async def post(self, path: str, body: Json) -> Any:
        return await self._send_request("POST", path, body)

    async def put(self, path: str, body: Json) -> Any:
        return await self._send_request("PUT", path, body)

    async def patch(self, path: str, body: Json) -> Any:
        return await self._send_request("PATCH", path, body)

    async def list_messages(self, channel: str) -> list[Json]:
        """Return the channel's messages, oldest first, as Discord would show them."""
        messages: list[Json] = await self.get(f"channels/{channel}/messages")
        return sorted(messages, key=lambda message: int(message["id"]))

    async def download_file(self, url: str, destination: Path) -> None:
        """Download a posted file."""
        async with self._session.get(url) as response:
            if response.status != 200:
                raise DemoFailed(f"the posted file cannot be downloaded: HTTP {response.status}")
            data = await response.read()
        await asyncio.to_thread(destination.write_bytes, data)

    async def _send_request(self, method: str, path: str, body: Json | None = None) -> Any:
        async with self._session.request(method, f"{self.base}/{path}", json=body) as response:
            data = await response.json(content_type=None)
            if response.status >= 400:
                raise DemoFailed(f"{method} {path}: HTTP {response.status} {data}")
            return data


async def wait_until(
    check: Callable[[], Awaitable[T | None]], *, within_s: float, waiting_for: str
) -> T:
    """Call ``check`` until it returns something.

    Raises DemoFailed, naming ``waiting_for``, after ``within_s`` seconds.
    """
    deadline = time.monotonic() + within_s
    while True:
        result = await check()
        if result is not None:
            return result
        if time.monotonic() > deadline:
            raise DemoFailed(f"waited {within_s:.0f} s for {waiting_for}, in vain")
        await asyncio.sleep(_POLL_INTERVAL_S)


async def wait_for_response(
    control: ControlClient,
    interaction: Json,
    check_processes: Callable[[], None],
    *,
    within_s: float,
) -> Json:
    """Wait until the response is more than "thinking…", and return it. Raises DemoFailed."""

    async def find_response() -> Json | None:
        check_processes()
        view = await control.get(f"interactions/{interaction['id']}")
        responses: list[Json] = [m for m in view["messages"] if _has_content(m)]
        return responses[-1] if responses else None

    return await wait_until(
        find_response, within_s=within_s, waiting_for="the bot's response to the interaction"
    )


def _has_content(message: Json) -> bool:
    loading = int(message.get("flags", 0)) & MessageFlag.LOADING
    return not loading and bool(message.get("content") or message.get("components"))
