"""Calls of the control API (docs/sandbox.md of the repository), and waiting for their answers."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import aiohttp

Json = dict[str, Any]
T = TypeVar("T")

WITHIN_S: Final = 10.0
_POLL_INTERVAL_S: Final = 0.02


class ControlCallRefused(Exception):
    """The sandbox refused the call, as Discord's client would, or it was wrong."""


class ControlCalls:
    """Sends JSON to the control API at ``base``.

    Each call has a connection of its own, so that nothing has to be closed at the end of a test.
    """

    def __init__(self, base: str, *, authority: str | None = None) -> None:
        self._base = base
        self._authority = authority

    async def send(
        self, method: str, path: str, body: Json | None = None, /, **query: str | None
    ) -> Any:
        """Return the JSON of the answer. Raises ControlCallRefused."""
        given = {name: value for name, value in query.items() if value is not None}
        tls = ssl.create_default_context(cafile=self._authority) if self._authority else True
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                method, f"{self._base}/{path}", json=body, params=given, ssl=tls
            ) as response,
        ):
            answer = await response.json(content_type=None)
            if response.status >= 400:
                raise ControlCallRefused(f"{method} {path}: HTTP {response.status} {answer}")
            return answer


async def wait_for_result(
    find: Callable[[], Awaitable[T | None]], *, within_s: float, what: str
) -> T:
    """Call ``find`` until it returns something. Raises TimeoutError that names ``what``."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while (found := await find()) is None:
        if loop.time() > deadline:
            raise TimeoutError(f"no {what} within {within_s:g} s")
        await asyncio.sleep(_POLL_INTERVAL_S)
    return found
