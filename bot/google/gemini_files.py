"""Files in the Gemini API: their download urls, and what Google states about them."""

import base64
import binascii
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from yarl import URL

from bot.domain.errors import VideoNotFetchable
from bot.google.connection import GoogleConnection
from bot.google.download import ExpectedContent

_API_VERSION: Final = "v1beta"
_FILE_NAME_PATTERN: Final = re.compile(r"(?:^|/)(files/[A-Za-z0-9_-]+)(?=[:/?]|$)")
_DIGEST_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """Google's record of a file; times are in UTC. What Google does not state is `None`."""

    name: str
    state: str
    uri: str | None
    expires_at: datetime | None
    created_at: datetime | None
    content: ExpectedContent | None


def find_file_name(uri: str) -> str | None:
    """Return the file's name in an absolute or relative uri; `None` if there is none."""
    match = _FILE_NAME_PATTERN.search(uri)
    return match[1] if match else None


def build_download_url(connection: GoogleConnection, uri: str | None) -> URL:
    """Return the download url of a video.

    A file is downloaded from the configured API even if ``uri`` names another host: a gateway may
    pass on Google's own uri, which does not accept the gateway's key. Other uris may be relative to
    the API. Raises `VideoNotFetchable` if there is no valid url.
    """
    if not uri or not uri.strip():
        raise VideoNotFetchable("the video has no uri")
    name = find_file_name(uri)
    if name is not None:
        return connection.build_url(f"{_API_VERSION}/{name}:download?alt=media")
    try:
        url = connection.base_url.join(URL(uri.strip(), encoded=True))
        port = url.port  # yarl does not parse the port before
    except (ValueError, TypeError) as error:
        raise VideoNotFetchable("the video's uri is malformed") from error
    if url.scheme not in ("http", "https") or not url.host or port is None:
        raise VideoNotFetchable(f"the video's uri is of scheme {url.scheme}")
    return url


def build_expected_content(size: int | None, digest: str | None) -> ExpectedContent | None:
    """Return the content with Google's size and ``sha256Hash``; `None` if neither is usable."""
    size = size if size and size > 0 else None
    sha256 = _read_digest(digest)
    return None if size is None and sha256 is None else ExpectedContent(size, sha256)


def _read_digest(text: str | None) -> str | None:
    """Return a SHA-256 in hexadecimal; ``text`` is base64 of its bytes or of its hexadecimal."""
    if not text:
        return None
    try:
        decoded = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(decoded) == _DIGEST_BYTES:
        return decoded.hex()
    is_hex = re.fullmatch(rb"[0-9A-Fa-f]{64}", decoded) is not None
    return decoded.decode().lower() if is_hex else None
