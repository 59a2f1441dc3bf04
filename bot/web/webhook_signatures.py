"""Verifies and makes the signatures of webhooks, as the Standard Webhooks specification says.

The signature is an HMAC of id, time and body. A header may contain several signatures, because a
sender signs with the old and the new secret while it changes them.
"""

import base64
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

TOLERANCE: Final = timedelta(minutes=5)
"""How far a message's time may be from ours; older ones may have been recorded and repeated."""

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - marks a secret, is none
_SCHEME: Final = "v1"
_ID: Final = re.compile(r"[!-~]{1,200}")
_TIME: Final = re.compile(r"[0-9]{1,12}")
_MAX_SIGNATURES: Final = 8


class Refusal(StrEnum):
    """Why a message is not accepted."""

    UNSIGNED = "unsigned"
    STALE = "stale"
    FORGED = "forged"


class MessageRefused(Exception):
    """The message may not be from its sender, or may be a repetition."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class SignedHeaders:
    """What the headers of a message say, not verified yet."""

    message_id: str
    timestamp: str
    signatures: tuple[str, ...]


def read_headers(headers: Mapping[str, str], *, now: datetime) -> SignedHeaders:
    """Return a message's headers. Raises `MessageRefused` if any is missing or it is too old."""
    message_id = headers.get("webhook-id", "")
    timestamp = headers.get("webhook-timestamp", "")
    signatures = headers.get("webhook-signature", "").split()[:_MAX_SIGNATURES]
    if not (_ID.fullmatch(message_id) and _TIME.fullmatch(timestamp) and signatures):
        raise MessageRefused(Refusal.UNSIGNED)
    if abs(now.timestamp() - int(timestamp)) > TOLERANCE.total_seconds():
        raise MessageRefused(Refusal.STALE)
    return SignedHeaders(message_id, timestamp, tuple(signatures))


def verify_signature(headers: SignedHeaders, body: bytes, *, secret: str) -> None:
    """Raise `MessageRefused` unless one of the signatures was made with ``secret``."""
    try:
        expected = _compute_signature(headers.message_id, headers.timestamp, body, secret=secret)
    except ValueError:
        raise MessageRefused(Refusal.FORGED) from None
    is_genuine = False
    for signature in headers.signatures:
        scheme, _, value = signature.partition(",")
        is_equal = hmac.compare_digest(value.encode(), expected)
        is_genuine |= scheme == _SCHEME and is_equal
    if not is_genuine:
        raise MessageRefused(Refusal.FORGED)


def sign_message(
    message_id: str, body: bytes, *, sent_at: datetime, secret: str
) -> Mapping[str, str]:
    """Return the headers of a message to somebody who knows ``secret``.

    Raises `ValueError` if that is not base64.
    """
    timestamp = str(int(sent_at.timestamp()))
    signature = _compute_signature(message_id, timestamp, body, secret=secret)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"{_SCHEME},{signature.decode()}",
    }


def _compute_signature(message_id: str, timestamp: str, body: bytes, *, secret: str) -> bytes:
    """Return the signature in base64. Raises `ValueError` for a secret that is no base64."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    if not key:
        raise ValueError("the secret is empty")
    signed = f"{message_id}.{timestamp}.".encode() + body
    return base64.b64encode(hmac.digest(key, signed, "sha256"))
