"""Signed addresses of originals: who has one may fetch that clip until it expires, nobody else.

An address names one clip and one file (by its hash), says until when it holds, and is signed. Keys
rotate: the newest signs, the ones before it are still believed until everything that they signed
has expired. Deleting a clip revokes all of its addresses, because the clip is looked up at every
request.
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

from bot.domain.clips.clip import Clip
from bot.domain.ports import Clock

DOWNLOAD_PREFIX: Final = "/download"
KEY_ROTATION_AGE: Final = timedelta(days=30)
_KEY_RELOAD_INTERVAL_S: Final = 60.0
_KEY_ROTATION_INTERVAL_S: Final = 3600.0
_EXPIRY_ROUNDING: Final = timedelta(hours=2)
"""More than what an address's end is rounded up by."""
_SALT: Final = "clapper original"
_KEYS_FILE_NAME: Final = "link-keys.json"
_KEY_BYTES: Final = 32
_FINGERPRINT_LENGTH: Final = 16
"""Hex digits of the file's hash that an address carries."""

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class DownloadGrant:
    """What a valid address gives: the clip, and the file that it was signed for."""

    clip_id: int
    fingerprint: str

    def covers_clip(self, clip: Clip) -> bool:
        """Return whether ``clip`` still is what the address was signed for."""
        return clip.id == self.clip_id and hmac.compare_digest(
            compute_fingerprint(clip).encode(), self.fingerprint.encode()
        )


class SignedLinks:
    """Implements `bot.domain.ports.Links`.

    ``keys`` are secrets, the oldest first: the last signs, all are believed. ``public_url`` is how
    people reach the bot's web server. ``reread`` returns the keys anew, and may block: another
    process may have rotated them, or it may be time to.
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
        """Return an address of the clip's original, and until when it leads there.

        The same for the whole hour, so that a post that is tried again says the same.
        """
        hour = self._clock.now().replace(minute=0, second=0, microsecond=0)
        until = hour + self._lifetime + timedelta(hours=1)
        content = [clip.id, compute_fingerprint(clip), int(until.timestamp())]
        token = str(self._serializer.dumps(content))
        return f"{self._base_url}{DOWNLOAD_PREFIX}/{token}/clip-{clip.id}.mp4", until

    async def refresh_keys(self) -> None:
        """Read the keys anew, at most once a minute; those that are known stay where that fails.

        Whoever is answered need not say anything right for it, so that it tells nobody anything.
        """
        now = self._clock.monotonic()
        if self._reload_keys is None or now - self._reloaded_at < _KEY_RELOAD_INTERVAL_S:
            return
        self._reloaded_at = now
        try:
            self._serializer = _build_serializer(await asyncio.to_thread(self._reload_keys))
        except OSError as fault:
            _log.warning("link keys not read", error=str(fault))

    async def run_key_refresh(self) -> None:
        """Read the keys now and then, for ever: without visitors, too, they are to rotate."""
        while True:
            await self._clock.sleep(_KEY_ROTATION_INTERVAL_S)
            await self.refresh_keys()

    def verify_token(self, token: str) -> DownloadGrant | None:
        """Return what an address gives; ``None`` for one that is forged, damaged or expired."""
        try:
            clip_id, of_file, until = self._serializer.loads(token)
        except (BadData, ValueError, TypeError):
            return None
        if not (isinstance(clip_id, int) and isinstance(of_file, str) and isinstance(until, int)):
            return None
        if self._clock.now() >= datetime.fromtimestamp(until, UTC):
            return None
        return DownloadGrant(clip_id, of_file)


def _build_serializer(keys: Sequence[str]) -> URLSafeSerializer:
    if not keys or not all(keys):
        raise ValueError("at least one key is needed")
    sha256 = {"digest_method": hashlib.sha256}
    return URLSafeSerializer(list(keys), salt=_SALT, signer_kwargs=sha256)


def compute_fingerprint(clip: Clip) -> str:
    """Return what binds an address to the bytes of one file."""
    return clip.sha256[:_FINGERPRINT_LENGTH]


def load_or_rotate_keys(data_dir: Path, *, now: datetime, lifetime: timedelta) -> list[str]:
    """Return the keys kept under ``data_dir``, oldest first; makes the first and rotates.

    A key goes when everything that it signed has expired. Raises `OSError`.
    """
    path = data_dir / _KEYS_FILE_NAME
    with _lock_key_file(path):
        keys = _read_keys(path)
        if keys and now - _read_creation_time(keys[-1]) < KEY_ROTATION_AGE:
            return [str(each["key"]) for each in keys]
        key = base64.urlsafe_b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
        keys.append({"key": key, "made": int(now.timestamp())})
        # a key signs until there is a newer one, and what it signed last holds for a lifetime
        newer = [*map(_read_creation_time, keys[1:]), now]
        keys = [
            each
            for each, until in zip(keys, newer, strict=True)
            if now - until <= lifetime + _EXPIRY_ROUNDING
        ]
        _write_keys(path, keys)
    return [str(each["key"]) for each in keys]


@contextmanager
def _lock_key_file(path: Path) -> Iterator[None]:
    """Keep other processes on the same folder from making keys at the same time."""
    file = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _read_keys(path: Path) -> list[dict[str, Any]]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return []
    except ValueError:
        return []  # a damaged file costs the links that are out, not the start
    return [each for each in found if isinstance(each, dict) and each.get("key")]


def _write_keys(path: Path, keys: list[dict[str, Any]]) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="utf-8") as opened:
        json.dump(keys, opened)
    draft.replace(path)


def _read_creation_time(key: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(key.get("made", 0)), UTC)
