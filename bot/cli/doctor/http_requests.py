"""Single HTTP requests of the checks, whose errors say in a few words what went wrong."""

import errno
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp
from aiohttp import hdrs

from bot.cli.doctor.findings import CheckStatus, Finding
from bot.domain.ports import Clock
from bot.transfer.resolver import create_system_resolver
from bot.transfer.response_body import read_limited_body

_REQUEST_LIMIT_S: Final = 10.0
_MAX_BODY_BYTES: Final = 1024 * 1024
"""Longer than anything that is asked for."""
_NOTICEABLE_OFFSET: Final = timedelta(seconds=30)
_HARMFUL_OFFSET: Final = timedelta(minutes=5)
"""From here Google refuses the tokens that a service account signs, the bot refuses Google's
webhook events (`bot.web.webhook_signatures`), and a little later S3 refuses requests."""


class NoAnswer(Exception):
    """A server did not answer. The message says why, without an address."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer. ``clock_offset`` is how far its ``Date`` is ahead of this machine's clock."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    clock_offset: timedelta | None


@asynccontextmanager
async def open_session(*, uses_proxies: bool = False) -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session; with ``uses_proxies`` it goes through those of the environment."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=create_system_resolver()),
        timeout=aiohttp.ClientTimeout(total=_REQUEST_LIMIT_S),
        trust_env=uses_proxies,
    ) as session:
        yield session


async def request_page(
    session: aiohttp.ClientSession,
    url: str,
    clock: Clock,
    *,
    headers: Mapping[str, str] | None = None,
) -> HttpAnswer:
    """GET ``url`` without following a redirect. Raises `NoAnswer`."""
    try:
        async with session.get(url, headers=headers, allow_redirects=False) as response:
            received_at = clock.now()
            body = await read_limited_body(response, max_bytes=_MAX_BODY_BYTES)
            date = response.headers.get(hdrs.DATE)
            return HttpAnswer(
                response.status, response.headers, body, _measure_offset(date, received_at)
            )
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise NoAnswer(describe_error(error)) from error


def describe_error(error: Exception) -> str:
    """Return why there was no answer. Libraries would name the whole URL."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return "its certificate is not trusted or is for another name"
        case aiohttp.ClientConnectorSSLError():
            return "it does not speak TLS"
        case aiohttp.ClientConnectorDNSError():
            return "its name cannot be resolved"
        case aiohttp.WSServerHandshakeError():
            return f"it answered {error.status}"
        case aiohttp.ServerDisconnectedError():
            return "it closed the connection"
        case TimeoutError():
            return f"no answer within {_REQUEST_LIMIT_S:g} seconds"
        case OSError(errno=errno.ECONNREFUSED):
            return "no program listens there"
        case OSError(strerror=str(reason)) if reason:
            return reason
    return type(error).__name__


def _measure_offset(date: str | None, received_at: datetime) -> timedelta | None:
    try:
        server_time = parsedate_to_datetime(date or "")
    except ValueError:
        return None
    if server_time.tzinfo is None:  # RFC 5322 writes an unknown zone as -0000
        server_time = server_time.replace(tzinfo=UTC)
    return server_time - received_at


def judge_clock(server: str, answer: HttpAnswer) -> Finding:
    """Compare this machine's clock with a server's, whose ``Date`` counts whole seconds."""
    check, offset = f"clock against {server}", answer.clock_offset
    if offset is None:
        return Finding(check, CheckStatus.OK, "the answer has no Date to compare with")
    seconds = abs(round(offset.total_seconds()))
    if abs(offset) < _NOTICEABLE_OFFSET:
        return Finding(check, CheckStatus.OK, f"differs by {seconds} s")
    direction = "behind" if offset > timedelta() else "ahead"
    is_harmful = abs(offset) >= _HARMFUL_OFFSET
    return Finding(
        check,
        CheckStatus.FAILED if is_harmful else CheckStatus.WARNING,
        f"this machine's clock is {seconds} s {direction}",
        "set the clock and keep it right, for example with systemd-timesyncd or chrony",
    )


def read_object(answer: HttpAnswer) -> dict[str, Any] | None:
    """Return the JSON object in the answer; `None` for anything else."""
    try:
        value = json.loads(answer.body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
