"""One API of Google's: where it is, how to authorize there, and how to ask it exactly once.

A submit is a payment without an idempotency key. Whatever sits between us and the socket must not
send it again: no library's retry, no redirect, no second try on a dropped kept-alive connection
(docs/decisions/0002). The only thing that is known for sure about a submit whose answer
never came is whether a byte of it was sent, so that is what is measured here.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
from yarl import URL

from bot.domain.errors import AccessRefused, GoogleUnavailable, SubmitUncertain, VideoRefused
from bot.domain.jobs.job import Outcome
from bot.google.api_errors import classify_call_error, classify_submit_error, read_answer
from bot.google.json_stream import JsonBody
from bot.transfer.resolver import create_system_resolver

Authorize = Callable[[], Awaitable[Mapping[str, str]]]
"""Returns the headers that authorize a request. Raises `AccessRefused` or `GoogleBusy`."""

CONNECT_S: Final = 15.0
CALL_S: Final = 45.0
SUBMIT_S: Final = 300.0
"""A submit may carry 60 MB of images over a slow line; the answer itself comes within seconds."""
_MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
_LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class GoogleConnection:
    """The sessions to one API below ``base_url``; close it when done.

    Sessions are made lazily, since aiohttp wants a running loop. With ``paid`` false nothing is
    submitted to any server that is not on this machine.
    """

    def __init__(
        self, base_url: str, authorize: Authorize, *, allow_paid_calls: bool = True
    ) -> None:
        self.base_url = URL(base_url.rstrip("/") + "/")
        self._authorize = authorize
        self._allow_paid_calls = allow_paid_calls
        self._opened_session: aiohttp.ClientSession | None = None
        self._opened_submit_session: aiohttp.ClientSession | None = None

    def build_url(self, path: str) -> URL:
        """Return the url of ``path`` (already quoted, may carry a query) below the base."""
        return URL(str(self.base_url) + path.lstrip("/"), encoded=True)

    def is_api_origin(self, url: URL) -> bool:
        """Whether ``url`` is at the API's own origin: the only place that may see the key."""
        return url.origin() == self.base_url.origin()

    async def get_authorization_headers(self, url: URL) -> dict[str, str]:
        """Return the headers that authorize a request to ``url``: none for other hosts."""
        return dict(await self._authorize()) if self.is_api_origin(url) else {}

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session for everything that may be asked twice."""
        if self._opened_session is None:
            self._opened_session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=100, resolver=create_system_resolver()),
                timeout=aiohttp.ClientTimeout(total=CALL_S, sock_connect=CONNECT_S),
                trust_env=self._uses_proxy,
                read_bufsize=256 * 1024,
            )
        return self._opened_session

    @property
    def _submit_session(self) -> aiohttp.ClientSession:
        """The session for submits: each opens its own connection.

        A kept-alive one that the other side is just closing fails in a way that cannot be told
        from a request that was carried out and whose answer was lost.
        """
        if self._opened_submit_session is None:
            tracing = aiohttp.TraceConfig()
            tracing.on_request_headers_sent.append(_mark_sending_started)
            self._opened_submit_session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=20, force_close=True, resolver=create_system_resolver()
                ),
                timeout=aiohttp.ClientTimeout(total=SUBMIT_S, sock_connect=CONNECT_S),
                trust_env=self._uses_proxy,
                trace_configs=[tracing],
                auto_decompress=True,
            )
        return self._opened_submit_session

    @property
    def _uses_proxy(self) -> bool:
        """Whether HTTP_PROXY and its kind apply: never for a server on this machine."""
        return self.base_url.host not in _LOOPBACK_HOSTS

    async def submit(
        self,
        path: str,
        document: Any,
        *,
        source: Path | None = None,
        about_to_send: Callable[[], Awaitable[None]] | None = None,
    ) -> Any:
        """POST ``document`` once and return the decoded answer.

        Raises `SubmitUncertain` when a byte was sent and no answer came (or one that settles
        nothing), else what the answer (or the failed connection) means; then nothing was started.
        A file of the document that is no longer kept means an expired source where it is
        ``source``, else a request gone wrong.
        ``about_to_send`` is awaited on the open connection, right before the request is written;
        what it raises is raised, and nothing is sent.
        """
        if not self._allow_paid_calls and self.base_url.host not in _LOOPBACK_HOSTS:
            raise AccessRefused("paid calls are forbidden by PAID_CALLS")
        try:
            body = await JsonBody.from_document(document)
        except OSError as error:
            # an image or a clip that is no longer kept: nothing was sent
            expired = source is not None and error.filename == str(source)
            raise VideoRefused(
                f"submit: {type(error).__name__} ({'source' if expired else 'image'})",
                outcome=Outcome.SOURCE_EXPIRED if expired else Outcome.INVALID,
            ) from error
        url = self.build_url(path)
        headers = {
            **await self.get_authorization_headers(url),
            "Content-Type": "application/json",
            "Content-Length": str(body.length),
        }
        sent = SimpleNamespace(began=False, about_to_send=about_to_send)
        try:
            async with self._submit_session.post(
                url,
                data=aiter(body),
                headers=headers,
                allow_redirects=False,
                trace_request_ctx=sent,
            ) as response:
                status, retry_after = response.status, response.headers.get("Retry-After")
                raw = await _read_limited(response)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            said = f"submit: {type(error).__name__}"
            if sent.began:
                raise SubmitUncertain(f"{said} after sending") from error
            raise GoogleUnavailable(f"{said} before sending") from error
        if status != 200:
            raise classify_submit_error(read_answer(status, raw, retry_after))
        try:
            return await _decode_json(raw)
        except ValueError as error:
            raise SubmitUncertain("submit answered 200 without JSON") from error

    async def request_json(
        self, method: str, path: str, *, document: Any = None, label: str
    ) -> Any:
        """Ask for something that starts nothing, and return the decoded answer.

        ``what`` names it in errors. Raises `GoogleBusy`, `AccessRefused`, `RemoteGone`.
        """
        url = self.build_url(path)
        headers = await self.get_authorization_headers(url)
        try:
            async with self.session.request(
                method, url, json=document, headers=headers, allow_redirects=False
            ) as response:
                raw = await _read_limited(response)
                status, retry_after = response.status, response.headers.get("Retry-After")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise GoogleUnavailable(f"{label}: {type(error).__name__}") from error
        if status != 200:
            raise classify_call_error(read_answer(status, raw, retry_after), label)
        try:
            return await _decode_json(raw)
        except ValueError as error:
            raise GoogleUnavailable(f"{label} answered without JSON") from error

    async def close(self) -> None:
        """Close the sessions."""
        for session in (self._opened_session, self._opened_submit_session):
            if session is not None:
                await session.close()


async def _mark_sending_started(
    _session: aiohttp.ClientSession,
    context: SimpleNamespace,
    _params: aiohttp.TraceRequestHeadersSentParams,
) -> None:
    """Note that the request is about to be written: from here on it may arrive.

    What the last check raises here leaves aiohttp with nothing written, and closes the connection.
    """
    sent = context.trace_request_ctx
    if sent.about_to_send is not None:
        await sent.about_to_send()
    sent.began = True


async def _read_limited(response: aiohttp.ClientResponse) -> bytes:
    """Read an answer that is small by nature; whatever is longer is cut and will not decode."""
    read = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        read += chunk
        if len(read) > _MAX_ANSWER_BYTES:
            break
    return bytes(read)


async def _decode_json(raw: bytes) -> Any:
    return await asyncio.to_thread(json.loads, raw) if len(raw) > 64 * 1024 else json.loads(raw)
