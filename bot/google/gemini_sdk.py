"""The call that goes through google-genai: a file's record.

Only this module imports the library. That takes 0.3 seconds of CPU time and 17 MiB, so
`bot.google.gemini` imports this module in a thread, for the first clip.
"""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

import aiohttp
from google import genai
from google.genai import errors, types
from yarl import URL

from bot.domain.errors import AnswerNotFromGoogle, GoogleUnavailable
from bot.google.answers import read_answer
from bot.google.api_errors import classify_call_error
from bot.google.connection import CALL_S
from bot.google.gemini_files import RemoteFile, build_expected_content

_PARSING_ERRORS: Final = (ValueError, TypeError, AttributeError, LookupError)
"""What the SDK raises for an unexpected answer, such as a gateway's page."""


class GeminiSdk:
    """A client of the SDK that uses our HTTP session and raises the program's errors."""

    def __init__(
        self, *, api_key: str, api_version: str, base_url: URL, session: aiohttp.ClientSession
    ) -> None:
        self._client = genai.Client(
            vertexai=False,
            api_key=api_key,
            http_options=types.HttpOptions(
                base_url=str(base_url),
                api_version=api_version,
                timeout=int(CALL_S * 1000),
                # The caller retries, and the key must not be sent to a redirect's target.
                retry_options=types.HttpRetryOptions(attempts=1),
                aiohttp_client=session,
                # With the session's certificates, as all other calls. By default, the library reads
                # the system's three times (0.2 seconds), once for a client that is never used.
                async_client_args={"allow_redirects": False, "ssl": True},
                client_args={"verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)},
            ),
        )

    async def get_file(self, name: str) -> RemoteFile:
        """Return Google's record of a file. Raises `VideoError`."""
        async with _translate_errors("file"):
            file = await self._client.aio.files.get(name=name)
        return RemoteFile(
            name=name,
            state=file.state.value if file.state is not None else "",
            uri=file.uri,
            expires_at=_convert_time(file.expiration_time),
            created_at=_convert_time(file.create_time),
            content=build_expected_content(file.size_bytes, file.sha256_hash),
        )

    async def close(self) -> None:
        await self._client.aio.aclose()
        self._client.close()


def _convert_time(time: datetime | None) -> datetime | None:
    """Return a time of the SDK with the standard library's UTC.

    The SDK's has pydantic's time zone. If such an object still exists when the interpreter ends,
    freeing it is a segmentation fault.
    """
    if time is None:
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


@asynccontextmanager
async def _translate_errors(label: str) -> AsyncIterator[None]:
    """Translate the SDK's exceptions into the program's; ``label`` names the call."""
    try:
        yield
    except errors.APIError as error:
        headers = getattr(error.response, "headers", None) or {}
        answer = read_answer(error.code or 0, error.details, headers.get("Retry-After"))
        raise classify_call_error(answer, label) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise GoogleUnavailable(f"{label}: {type(error).__name__}") from error
    except _PARSING_ERRORS as error:
        raise AnswerNotFromGoogle(f"{label}: {type(error).__name__}") from error
