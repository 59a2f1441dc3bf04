"""Uses Application Default Credentials without blocking the event loop.

google-auth blocks while it reads files, asks a metadata server or refreshes a token. So a thread
does that, one call at a time and before the token expires. It also imports the library, so that
bots without Vertex do not load it.
"""

import asyncio
import re
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from bot.domain.disclosure import redact_secrets
from bot.domain.errors import (
    AccessRefused,
    AnswerNotFromGoogle,
    GoogleUnavailable,
    VideoError,
)
from bot.google.answers import find_page_title

if TYPE_CHECKING:
    from google.auth.exceptions import GoogleAuthError

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
_REFRESH_AHEAD_S: Final = 300.0
_TOKEN_LIFETIME_S: Final = 3600.0
_CREDENTIAL_PATTERN: Final = re.compile(r"credential|refresh|token", re.IGNORECASE)
_CLOCK_PATTERN: Final = re.compile(r"timeframe|\biat\b|\bexp\b|clock", re.IGNORECASE)


class TokenSource(Protocol):
    """Provides the bearer token for Google Cloud."""

    async def get_authorization_headers(self) -> Mapping[str, str]:
        """Return the authorization headers. Raises `AccessRefused` or `GoogleUnavailable`."""

    def invalidate_token(self) -> bool:
        """Discard a refused token and return whether a new one may be accepted."""

    def confirm_token(self) -> None:
        """Record that Google has accepted the token."""


class DefaultCredentials:
    """Implements `TokenSource` with the credentials that google-auth finds on this machine.

    It looks at GOOGLE_APPLICATION_CREDENTIALS, then at gcloud's login, then at the metadata server.
    https://google.aip.dev/auth/4110
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._credentials: Any = None
        self._expires_at = 0.0
        self._is_invalidated = False
        self._is_replacement = False

    async def get_authorization_headers(self) -> Mapping[str, str]:
        """Return headers with a bearer token that is valid for the next minutes.

        Raises `AccessRefused` or `GoogleUnavailable`.
        """
        async with self._lock:
            if time.monotonic() >= self._expires_at - _REFRESH_AHEAD_S:
                await self._refresh_token()
            credentials = self._credentials
        headers = {"Authorization": f"Bearer {credentials.token}"}
        if quota_project := getattr(credentials, "quota_project_id", None):
            headers["x-goog-user-project"] = quota_project
        return headers

    def invalidate_token(self) -> bool:
        """Discard a refused token and return whether a new one may be accepted.

        If the token already replaced a refused one, Google refuses the account itself.
        """
        may_recover = not self._is_replacement
        self._is_invalidated, self._expires_at = True, 0.0
        return may_recover

    def confirm_token(self) -> None:
        """Record that Google has accepted the token, so that the next refusal gets a new one again.

        A token that was accepted before can only have been revoked, so the account is not refused.
        """
        if not self._is_invalidated:
            self._is_replacement = False

    async def _refresh_token(self) -> None:
        self._credentials = await asyncio.to_thread(_refresh_credentials, self._credentials)
        self._expires_at = time.monotonic() + self._get_remaining_s()
        self._is_replacement, self._is_invalidated = self._is_invalidated, False

    def _get_remaining_s(self) -> float:
        """Return the token's remaining lifetime in seconds."""
        expiry = getattr(self._credentials, "expiry", None)
        if expiry is None:
            return _TOKEN_LIFETIME_S
        # google-auth gives naive times in UTC.
        remaining = (expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds()
        return max(float(remaining), _REFRESH_AHEAD_S + 1)


def _refresh_credentials(credentials: Any) -> Any:
    """Return ``credentials``, or those of this machine if `None`, with a new token. Blocks."""
    import google.auth
    from google.auth import exceptions
    from google.auth.transport.requests import Request

    try:
        if credentials is None:
            credentials, _ = google.auth.default(scopes=[SCOPE])
        request = Request()
        try:
            credentials.refresh(request)
        finally:
            request.session.close()
    except exceptions.TransportError as error:
        raise GoogleUnavailable("the token endpoint cannot be reached") from error
    except exceptions.GoogleAuthError as error:
        is_refusal = isinstance(error, exceptions.RefreshError)
        raise _classify_auth_error(error, is_refusal=is_refusal) from error
    except Exception as error:  # google-auth does not catch errors from unexpected answers
        message = f"the token endpoint sent an unexpected answer: {type(error).__name__}"
        raise AnswerNotFromGoogle(message) from error
    return credentials


def _classify_auth_error(error: "GoogleAuthError", *, is_refusal: bool) -> VideoError:
    """Return what google-auth's error means, with the token endpoint's own words.

    Only a refusal in OAuth's form (a code, and perhaps a description) is about the account. A page,
    or an answer without a token, was sent by a proxy.
    """
    words = redact_secrets(str(error.args[0] if error.args else ""))
    rest = error.args[1:]
    answer = rest[0] if rest else None
    if getattr(error, "retryable", False):
        return GoogleUnavailable(f"the token endpoint is busy: {words}")
    if not is_refusal:
        return AccessRefused(f"credentials: {words}", reason=type(error).__name__)
    if isinstance(answer, dict) and isinstance(answer.get("error"), str):
        hint = " Check this machine's clock." if _CLOCK_PATTERN.search(words) else ""
        return AccessRefused(f"credentials: {words}{hint}", reason=answer["error"])
    is_page = "<" in words or (not rest and not _CREDENTIAL_PATTERN.search(words))
    if isinstance(answer, dict) or is_page:
        page = find_page_title(words)
        return AnswerNotFromGoogle(
            "the token endpoint sent an unexpected answer" + (f": “{page}”" if page else "")
        )
    return AccessRefused(f"credentials: {words}", reason=type(error).__name__)
