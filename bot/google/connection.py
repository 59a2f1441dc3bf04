"""HTTP connections to Google's APIs that send each submit at most once.

A submit costs money and has no idempotency key, so nothing may send it twice: no retry of a
library, no redirect, and no second attempt after a kept-alive connection was dropped
(docs/decisions/0002). This module records whether a byte was sent, because nothing else is known
if no answer arrives.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import aiohttp
from yarl import URL

from bot.domain.errors import (
    AccessRefused,
    AnswerNotFromGoogle,
    GoogleUnavailable,
    SubmitUncertain,
    VideoRefused,
)
from bot.domain.jobs.job import Outcome
from bot.google.answers import GoogleAnswer, read_answer
from bot.google.api_errors import classify_call_error, classify_submit_error
from bot.google.json_stream import JsonBody
from bot.transfer.resolver import create_system_resolver
from bot.transfer.response_body import read_limited_body

Authorize = Callable[[], Awaitable[Mapping[str, str]]]
"""Returns the authorization headers. Raises `AccessRefused` or `GoogleUnavailable`."""
ReadStarted = Callable[[int, bytes, str | None], str]
"""Takes status, body and Retry-After of the answer to a submit, and returns the operation's name.
Raises the error that the answer stands for if it contains no name."""

CONNECT_S: Final = 15.0
CALL_S: Final = 45.0
SUBMIT_S: Final = 300.0
"""Long enough to upload 60 MB of images over a slow line."""
STREAM_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=60.0)
"""For answers as large as a video. There is no limit in total, but the connection may not stall."""
_MAX_ANSWER_BYTES: Final = 4 * 1024 * 1024
"""A longer answer is cut off, so decoding it fails."""
_MAX_BYTES_IN_LOOP: Final = 64 * 1024
"""Larger answers are decoded in a thread, so that they do not block the event loop."""
LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class GoogleConnection:
    """The HTTP sessions for one API below ``base_url``. Must be closed.

    Sessions are created on first use, because aiohttp needs a running loop. If
    ``allow_paid_calls`` is false, submits only go to servers on this machine. Set ``is_omni`` if
    errors may have the form of the Interactions API.
    """

    def __init__(
        self,
        base_url: str,
        authorize: Authorize,
        *,
        allow_paid_calls: bool = True,
        is_omni: bool = False,
    ) -> None:
        self.base_url = URL(base_url.rstrip("/") + "/")
        self._is_omni = is_omni
        self._authorize = authorize
        self._allow_paid_calls = allow_paid_calls
        self._opened_session: aiohttp.ClientSession | None = None
        self._opened_submit_session: aiohttp.ClientSession | None = None

    def build_url(self, path: str) -> URL:
        """Return the url of ``path`` below the base. It must be quoted and may have a query."""
        return URL(str(self.base_url) + path.lstrip("/"), encoded=True)

    async def get_authorization_headers(self, url: URL) -> dict[str, str]:
        """Return the authorization headers for ``url``, but none for other origins."""
        return dict(await self._authorize()) if url.origin() == self.base_url.origin() else {}

    @property
    def session(self) -> aiohttp.ClientSession:
        """The session for requests that may be repeated."""
        if self._opened_session is None:
            self._opened_session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=100, resolver=create_system_resolver()),
                timeout=aiohttp.ClientTimeout(total=CALL_S, sock_connect=CONNECT_S),
                trust_env=not self._is_on_this_machine,
                read_bufsize=256 * 1024,
            )
        return self._opened_session

    @property
    def _submit_session(self) -> aiohttp.ClientSession:
        """The session for submits. Each uses a new connection.

        If the server closed a kept-alive connection, that would look like a lost answer.
        """
        if self._opened_submit_session is None:
            tracing = aiohttp.TraceConfig()
            tracing.on_request_headers_sent.append(_mark_sending_started)
            self._opened_submit_session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=20, force_close=True, resolver=create_system_resolver()
                ),
                timeout=aiohttp.ClientTimeout(total=SUBMIT_S, sock_connect=CONNECT_S),
                trust_env=not self._is_on_this_machine,
                trace_configs=[tracing],
                auto_decompress=True,
            )
        return self._opened_submit_session

    @property
    def _is_on_this_machine(self) -> bool:
        """Whether the API runs on this machine: proxies do not apply, and nothing costs money."""
        return self.base_url.host in LOOPBACK_HOSTS

    async def submit(
        self,
        path: str,
        document: Any,
        *,
        source: Path | None = None,
        about_to_send: Callable[[], Awaitable[None]] | None = None,
        read_started: ReadStarted | None = None,
    ) -> str:
        """POST ``document`` once and return the name of the operation that it started.

        ``about_to_send`` is awaited on the open connection, right before the first byte. If it
        raises, nothing is sent. ``read_started`` parses the answer, by default as Veo's.

        Raises `SubmitUncertain` if a byte was sent and no conclusive answer came. Any other
        `VideoError` means that nothing was started. A missing file is an expired source if it is
        ``source``, and an invalid request otherwise.
        """
        if not self._allow_paid_calls and not self._is_on_this_machine:
            raise AccessRefused("paid calls are forbidden by PAID_CALLS")
        try:
            body = await JsonBody.from_document(document)
        except OSError as error:
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
        sending = SimpleNamespace(started=False, about_to_send=about_to_send)
        try:
            async with self._submit_session.post(
                url,
                data=aiter(body),
                headers=headers,
                allow_redirects=False,
                trace_request_ctx=sending,
            ) as response:
                raw = await read_limited_body(response, max_bytes=_MAX_ANSWER_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            message = f"submit: {type(error).__name__}"
            if sending.started:
                raise SubmitUncertain(f"{message} after sending") from error
            raise GoogleUnavailable(f"{message} before sending") from error
        read_started = read_started or _read_started_operation
        retry_after = response.headers.get("Retry-After")
        if len(raw) > _MAX_BYTES_IN_LOOP:
            return await asyncio.to_thread(read_started, response.status, raw, retry_after)
        return read_started(response.status, raw, retry_after)

    async def request_json(
        self, method: str, path: str, *, document: Any = None, label: str
    ) -> Any:
        """Make a request that starts nothing, and return the decoded answer.

        ``label`` names the request in errors. Raises `GoogleUnavailable`, `AccessRefused` or
        `RemoteNotFound`.
        """
        url = self.build_url(path)
        headers = await self.get_authorization_headers(url)
        try:
            async with self.session.request(
                method, url, json=document, headers=headers, allow_redirects=False
            ) as response:
                if response.status != HTTPStatus.OK:
                    raise classify_call_error(await self.read_error_answer(response), label)
                raw = await read_limited_body(response, max_bytes=_MAX_ANSWER_BYTES)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise GoogleUnavailable(f"{label}: {type(error).__name__}") from error
        try:
            return await _decode_json(raw)
        except ValueError as error:
            raise AnswerNotFromGoogle(f"{label} answered without JSON") from error

    async def read_error_answer(self, response: aiohttp.ClientResponse) -> GoogleAnswer:
        raw = await read_limited_body(response, max_bytes=_MAX_ANSWER_BYTES)
        retry_after = response.headers.get("Retry-After")
        return read_answer(response.status, raw, retry_after, is_omni=self._is_omni)

    async def close(self) -> None:
        for session in (self._opened_session, self._opened_submit_session):
            if session is not None:
                await session.close()


async def _mark_sending_started(
    _session: aiohttp.ClientSession,
    context: SimpleNamespace,
    _params: aiohttp.TraceRequestHeadersSentParams,
) -> None:
    """Record that aiohttp is about to write the request, so that from now on it may arrive.

    If ``about_to_send`` raises, aiohttp has written nothing yet and closes the connection.
    """
    sending = context.trace_request_ctx
    if sending.about_to_send is not None:
        await sending.about_to_send()
    sending.started = True


def _read_started_operation(status: int, raw: bytes, retry_after: str | None) -> str:
    """Return the operation's name in Veo's answer to a submit."""
    if status != HTTPStatus.OK:
        raise classify_submit_error(read_answer(status, raw, retry_after))
    try:
        answer = json.loads(raw)
    except ValueError as error:
        raise SubmitUncertain("submit answered 200 without JSON") from error
    name = answer.get("name") if isinstance(answer, dict) else None
    if not isinstance(name, str) or not name:
        raise SubmitUncertain("submit answered 200 without the operation's name")
    return name


async def _decode_json(raw: bytes) -> Any:
    if len(raw) > _MAX_BYTES_IN_LOOP:
        return await asyncio.to_thread(json.loads, raw)
    return json.loads(raw)
