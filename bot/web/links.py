"""Signed links to originals: anyone who has one may download that clip until the link expires.

A link contains a clip's number, a hash of its file, its expiry, and whether it is for moderators.
Keys rotate: the newest one signs, and older ones verify until everything they signed has expired.
Deleting or refusing a clip revokes its links, because every request looks up the clip.
"""

import asyncio
import base64
import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from itsdangerous import BadData, URLSafeSerializer
from itsdangerous.encoding import base64_decode, base64_encode

from bot.domain.clips.clip import Clip
from bot.domain.clips.file_names import build_file_name
from bot.domain.ports import Clock

DOWNLOAD_PREFIX: Final = "/download"
KEY_ROTATION_AGE: Final = timedelta(days=30)
_KEY_RELOAD_INTERVAL_S: Final = 60.0
_KEY_ROTATION_INTERVAL_S: Final = 3600.0
_EXPIRY_ROUNDING: Final = timedelta(hours=2)
"""`create_link` rounds an expiry up by less than this."""
_SALT: Final = "clapper original"
_KEYS_FILE_NAME: Final = "link-keys.json"
_KEY_BYTES: Final = 32
_REVIEW_MARK: Final = "review"
_FINGERPRINT_LENGTH: Final = 16
"""Hex digits of the file's hash in a link."""

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DownloadGrant:
    """The clip and file that a valid link gives access to.

    A link ``for_review`` is for moderators. It works only as long as the clip is withheld, and
    other links only when it is not.
    """

    clip_id: int
    fingerprint: str
    for_review: bool = False

    def covers_clip(self, clip: Clip) -> bool:
        is_same_file = clip.id == self.clip_id and hmac.compare_digest(
            compute_fingerprint(clip).encode(), self.fingerprint.encode()
        )
        return is_same_file and clip.withheld is self.for_review


class SignedLinks:
    """Implements `bot.domain.ports.Links`.

    ``keys`` are secrets, oldest first: the last one signs, all of them verify. ``public_url`` is
    the web server's public address. ``reload_keys`` returns the current keys, because another
    process may have rotated them. It may also rotate them itself, and it may block.
    """

    def __init__(
        self,
        *,
        public_url: str,
        keys: Sequence[str],
        lifetime: timedelta,
        clock: Clock,
        reload_keys: Callable[[], Sequence[str]] | None = None,
    ) -> None:
        self._base_url = public_url.rstrip("/")
        self._lifetime = lifetime
        self._clock = clock
        self._serializer = _build_serializer(keys)
        self._reload_keys = reload_keys
        self._reloaded_at = clock.monotonic()

    def create_link(self, clip: Clip) -> tuple[str, datetime]:
        """Return a link to the clip's original, and when it expires.

        All links of one hour are identical, so that a repeated post does not change.
        """
        hour = self._clock.now().replace(minute=0, second=0, microsecond=0)
        expires_at = hour + self._lifetime + timedelta(hours=1)
        content: list[int | str] = [
            clip.id,
            compute_fingerprint(clip),
            int(expires_at.timestamp()),
            *([_REVIEW_MARK] if clip.withheld else []),
        ]
        token = str(self._serializer.dumps(content))
        return f"{self._base_url}{DOWNLOAD_PREFIX}/{token}/{build_file_name(clip)}", expires_at

    async def refresh_keys(self) -> None:
        """Reload the keys, at most once a minute. Keep the current ones if that fails.

        It is called for invalid tokens too, so that timing reveals nothing.
        """
        now = self._clock.monotonic()
        if self._reload_keys is None or now - self._reloaded_at < _KEY_RELOAD_INTERVAL_S:
            return
        self._reloaded_at = now
        try:
            self._serializer = _build_serializer(await asyncio.to_thread(self._reload_keys))
        except OSError as error:
            _log.warning("link_keys.reload_failed", error=str(error))

    async def run_key_refresh(self) -> None:
        """Reload the keys every hour, so that they also rotate without visitors."""
        while True:
            await self._clock.sleep(_KEY_ROTATION_INTERVAL_S)
            await self.refresh_keys()

    def verify_token(self, token: str) -> DownloadGrant | None:
        """Return what a token grants, or `None` if it is forged, damaged or expired."""
        if not _is_canonical(token):
            return None
        try:
            clip_id, fingerprint, expiry, *marks = self._serializer.loads(token)
        except (BadData, ValueError, TypeError):
            return None
        if not (
            isinstance(clip_id, int) and isinstance(fingerprint, str) and isinstance(expiry, int)
        ):
            return None
        if marks not in ([], [_REVIEW_MARK]):
            return None
        if self._clock.now() >= datetime.fromtimestamp(expiry, UTC):
            return None
        return DownloadGrant(clip_id, fingerprint, for_review=bool(marks))


def _is_canonical(token: str) -> bool:
    """Return whether the signature has the one encoding that we use. Base64 allows several."""
    signature = token.rpartition(".")[2]
    try:
        return base64_encode(base64_decode(signature)) == signature.encode()
    except (BadData, UnicodeEncodeError):
        return False


def _build_serializer(keys: Sequence[str]) -> URLSafeSerializer:
    if not keys or not all(keys):
        raise ValueError("at least one key is needed")
    sha256 = {"digest_method": hashlib.sha256}
    return URLSafeSerializer(list(keys), salt=_SALT, signer_kwargs=sha256)


def compute_fingerprint(clip: Clip) -> str:
    """Return the part of the file's hash that ties a link to this file."""
    return clip.sha256[:_FINGERPRINT_LENGTH]


def load_or_rotate_keys(data_dir: Path, *, now: datetime, lifetime: timedelta) -> list[str]:
    """Return the keys under ``data_dir``, oldest first. Add one if the newest is too old.

    A key is removed when everything that it signed has expired. Raises `OSError`.
    """
    path = data_dir / _KEYS_FILE_NAME
    with _lock_key_file(path):
        keys = _read_keys(path)
        if keys and now - _read_creation_time(keys[-1]) < KEY_ROTATION_AGE:
            return [str(entry["key"]) for entry in keys]
        key = base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
        keys.append({"key": key, "made": int(now.timestamp())})
        # a key signs until there is a newer one, and its last link is valid for one more lifetime
        replaced_at = [*map(_read_creation_time, keys[1:]), now]
        keys = [
            entry
            for entry, replaced in zip(keys, replaced_at, strict=True)
            if now - replaced <= lifetime + _EXPIRY_ROUNDING
        ]
        _write_keys(path, keys)
    return [str(entry["key"]) for entry in keys]


@contextmanager
def _lock_key_file(path: Path) -> Iterator[None]:
    """Prevent other processes from adding keys at the same time."""
    descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read_keys(path: Path) -> list[dict[str, Any]]:
    try:
        entries = json.loads(path.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return []  # a damaged file must not prevent the start; its links become invalid
    return [entry for entry in entries if isinstance(entry, dict) and entry.get("key")]


def _write_keys(path: Path, keys: list[dict[str, Any]]) -> None:
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(keys, file)
    part.replace(path)


def _read_creation_time(key: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(key.get("made", 0)), UTC)
