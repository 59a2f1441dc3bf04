"""Google's token endpoint for service accounts.

A client signs a JWT with the account's private key and gets a bearer token in return (RFC 7523,
https://developers.google.com/identity/protocols/oauth2/service-account). The process generates the
key, which is only valid in this sandbox.
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
"""The audience that google-auth writes, whatever the endpoint's address."""
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
    """An assertion for which no token is issued (RFC 6749, section 5.2)."""


@dataclass(slots=True)
class AccessTokens:
    """The bearer tokens issued, with their expiry in unix seconds."""

    _expires_at: dict[str, float] = field(default_factory=dict)

    def issue_token(self, now: float) -> str:
        """Issue a token."""
        token = f"ya29.sandbox-{secrets.token_urlsafe(24)}"
        self._expires_at[token] = now + ACCESS_TOKEN_LIFETIME_S
        return token

    def check_authorization(self, authorization: str, now: float) -> None:
        """Raise Unauthenticated unless an Authorization header has a valid token."""
        scheme, _, token = authorization.partition(" ")
        expires_at = self._expires_at.get(token) if scheme.lower() == "bearer" else None
        if expires_at is None:
            raise invalid_token("ACCESS_TOKEN_TYPE_UNSUPPORTED" if token else "CREDENTIALS_MISSING")
        if now >= expires_at:
            raise invalid_token("ACCESS_TOKEN_EXPIRED")

    def revoke_all(self) -> int:
        """Expire every token and return their number."""
        count = len(self._expires_at)
        self._expires_at = dict.fromkeys(self._expires_at, 0.0)
        return count


class ServiceAccount:
    """The only service account that may use this Vertex AI."""

    def __init__(self, project: str, token_uri: str) -> None:
        self._project, self._token_uri = project, token_uri
        self._email = f"sandbox@{project}.iam.gserviceaccount.com"
        self._public_key: rsa.RSAPublicKey | None = None

    def write_key_file(self, path: Path) -> None:
        """Write the account's key file, readable by its owner only. Blocks."""
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
        """Check a signed JWT. Raises InvalidGrant.

        Its times are compared with the system clock, because the client does not know how far the
        sandbox's clock was advanced.
        """
        claims = self._verify_signature(assertion)
        scopes = set(str(claims.get("scope", "")).split())
        if claims.get("iss") != self._email:
            raise InvalidGrant("Not a valid email or user ID.")
        if claims.get("aud") not in {AUDIENCE, self._token_uri} or not scopes & SCOPES:
            raise InvalidGrant("Invalid audience or scope.")
        issued_at, expires_at = claims.get("iat"), claims.get("exp")
        if not isinstance(issued_at, int) or not isinstance(expires_at, int):
            raise InvalidGrant("Invalid JWT: iat and exp are required.")
        now = time.time()
        if (
            expires_at - issued_at > _MAX_ASSERTION_LIFETIME_S
            or expires_at < now - _CLOCK_SKEW_S
            or issued_at > now + _CLOCK_SKEW_S
        ):
            raise InvalidGrant(
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
                "timeframe. Check your iat and exp values in the JWT claim."
            )

    def _verify_signature(self, assertion: str) -> dict[str, Any]:
        if self._public_key is None:
            raise InvalidGrant("The account has no key.")
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
            raise InvalidGrant("Invalid JWT Signature.") from error
        if not isinstance(value, dict):
            raise InvalidGrant("Invalid JWT: claims must be an object.")
        return value


@functools.cache
def _generate_key() -> rsa.RSAPrivateKey:
    """Return the process's key, which is generated once because that takes almost a second."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _decode_base64url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
