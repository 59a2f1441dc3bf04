"""Google's token endpoint for service accounts, with an account of the sandbox's own.

A client signs a statement with the account's private key and is given a bearer token for it
(RFC 7523, https://developers.google.com/identity/protocols/oauth2/service-account). The key is
made by the process, lives in one file, and opens nothing but this sandbox.
"""

import base64
import functools
import json
import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sandbox.google.errors import invalid_token

GRANT_TYPE: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
AUDIENCE: Final = "https://oauth2.googleapis.com/token"
"""The audience that google-auth writes whatever the endpoint's address is."""
SCOPES: Final = frozenset(
    {
        "https://www.googleapis.com/auth/cloud-platform",
        "https://www.googleapis.com/auth/devstorage.read_only",
        "https://www.googleapis.com/auth/devstorage.read_write",
    }
)
ACCESS_TOKEN_LIFETIME_S: Final = 3600
_MAX_ASSERTION_LIFETIME_S: Final = 3600
_CLOCK_SKEW_S: Final = 300


class InvalidGrant(Exception):
    """A statement that does not earn a token (RFC 6749 5.2)."""


@dataclass(slots=True)
class AccessTokens:
    """The bearer tokens that were handed out, and until when they hold (unix seconds)."""

    _expires_at: dict[str, float] = field(default_factory=dict)

    def issue_token(self, now: float) -> str:
        """A new token."""
        token = f"ya29.sandbox-{secrets.token_urlsafe(24)}"
        self._expires_at[token] = now + ACCESS_TOKEN_LIFETIME_S
        return token

    def check_authorization(self, authorization: str, now: float) -> None:
        """Raises Unauthenticated unless an Authorization header carries a token that holds."""
        scheme, _, token = authorization.partition(" ")
        until = self._expires_at.get(token) if scheme.lower() == "bearer" else None
        if until is None:
            raise invalid_token("ACCESS_TOKEN_TYPE_UNSUPPORTED" if token else "CREDENTIALS_MISSING")
        if now >= until:
            raise invalid_token("ACCESS_TOKEN_EXPIRED")

    def revoke_all(self) -> int:
        """Ends every token at once; how many there were."""
        count = len(self._expires_at)
        self._expires_at = dict.fromkeys(self._expires_at, 0.0)
        return count


class ServiceAccount:
    """The one account that may use this Vertex AI."""

    def __init__(self, project: str, token_uri: str) -> None:
        self._project, self._token_uri = project, token_uri
        self._email = f"sandbox@{project}.iam.gserviceaccount.com"
        self._public_key: rsa.RSAPublicKey | None = None

    def write_key_file(self, path: Path) -> None:
        """Writes the account's file, readable by its owner only. Blocks."""
        key = _generate_key()
        self._public_key = key.public_key()
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        account = {
            "type": "service_account",
            "project_id": self._project,
            "private_key_id": secrets.token_hex(20),
            "private_key": pem.decode(),
            "client_email": self._email,
            "client_id": "100000000000000000001",
            "token_uri": self._token_uri,
            "universe_domain": "googleapis.com",
        }
        path.touch(mode=0o600)
        path.write_text(json.dumps(account, indent=2))

    def check_assertion(self, assertion: str) -> None:
        """Checks a signed statement (a JWT). Raises InvalidGrant.

        Its times are compared with the real clock, not with the sandbox's, because the client
        that wrote them cannot know by how much the sandbox's has been moved.
        """
        claims = self._verify_signature(assertion)
        scopes = set(str(claims.get("scope", "")).split())
        if claims.get("iss") != self._email:
            message = "Not a valid email or user ID."
            raise InvalidGrant(message)
        if claims.get("aud") not in {AUDIENCE, self._token_uri} or not scopes & SCOPES:
            message = "Invalid audience or scope."
            raise InvalidGrant(message)
        issued, until = claims.get("iat"), claims.get("exp")
        if not isinstance(issued, int) or not isinstance(until, int):
            message = "Invalid JWT: iat and exp are required."
            raise InvalidGrant(message)
        now = time.time()
        if (
            until - issued > _MAX_ASSERTION_LIFETIME_S
            or until < now - _CLOCK_SKEW_S
            or issued > now + _CLOCK_SKEW_S
        ):
            message = (
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
                "timeframe. Check your iat and exp values in the JWT claim."
            )
            raise InvalidGrant(message)

    def _verify_signature(self, assertion: str) -> dict[str, Any]:
        if self._public_key is None:
            message = "The account has no key."
            raise InvalidGrant(message)
        try:
            head, claims, signature = assertion.split(".")
            self._public_key.verify(
                _decode_base64url(signature),
                f"{head}.{claims}".encode(),
                padding.PKCS1v15(),
                hashes.SHA256(),
            )
            value = json.loads(_decode_base64url(claims))
        except (ValueError, InvalidSignature) as error:
            message = "Invalid JWT Signature."
            raise InvalidGrant(message) from error
        if not isinstance(value, dict):
            message = "Invalid JWT: claims must be an object."
            raise InvalidGrant(message)
        return value


@functools.cache
def _generate_key() -> rsa.RSAPrivateKey:
    """One key for the life of the process: making one takes a good part of a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _decode_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
