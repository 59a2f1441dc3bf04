"""Uploaded files, and their signed links.

An upload has a temporary name until its message is accepted. Then the file is named after its
attachment's id. Names from clients are never used on disk. Links expire, as at Discord.

Links: https://docs.discord.com/developers/reference#signed-attachment-cdn-urls
"""

import hashlib
import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

from sandbox.discord.entities import Attachment

MIB = 1024 * 1024
LINK_LIFETIME_S = 24 * 3600
NITRO_LIMIT_BYTES = 500 * MIB
_LIMIT_BYTES_BY_TIER = {0: 20 * MIB, 1: 20 * MIB, 2: 50 * MIB, 3: 100 * MIB}
_CONTENT_TYPES = {
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".avi": "video/x-msvideo",
    ".m4v": "video/x-m4v",
    ".mpg": "video/mpeg",
    ".mpeg": "video/mpeg",
    ".png": "image/png",
    ".apng": "image/apng",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".jpe": "image/jpeg",
    ".jfif": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".avif": "image/avif",
    ".jxl": "image/jxl",
    ".bmp": "image/bmp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".svg": "image/svg+xml",
    ".ico": "image/x-icon",
    ".psd": "image/vnd.adobe.photoshop",
    ".txt": "text/plain; charset=utf-8",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json; charset=utf-8",
    ".pdf": "application/pdf",
    ".html": "text/html; charset=utf-8",
    ".md": "text/markdown; charset=utf-8",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".flac": "audio/flac",
    ".wav": "audio/x-wav",
    ".ogg": "audio/ogg",
    ".zip": "application/zip",
    ".7z": "application/x-7z-compressed",
    ".gz": "application/gzip",
}


@dataclass(slots=True)
class Upload:
    """A received file that does not belong to a message yet. ``size`` is in bytes."""

    path: Path
    filename: str
    size: int


class FileStore:
    """The directory of uploads and attachments, and the key that signs links."""

    def __init__(self, directory: Path) -> None:
        self.uploads = directory / "uploads"
        self.attachments = directory / "attachments"
        for folder in (self.uploads, self.attachments):
            folder.mkdir(parents=True, exist_ok=True)
        self._key = secrets.token_bytes(32)

    def new_upload_path(self) -> Path:
        """Return a new temporary path for an upload."""
        return self.uploads / secrets.token_hex(16)

    def keep_upload(self, upload: Upload, attachment_id: int) -> Path:
        """Make an upload the file of an attachment and return its path."""
        path = self.attachments / str(attachment_id)
        return upload.path.rename(path)

    def discard_uploads(self, uploads: list[Upload]) -> None:
        """Remove uploads that no message uses."""
        for upload in uploads:
            upload.path.unlink(missing_ok=True)

    def sign_link(self, path: str, now: float) -> str:
        """``path`` with Discord's ``ex``, ``is`` and ``hm``; valid for 24 hours."""
        issued, expires = int(now), int(now) + LINK_LIFETIME_S
        query = {"ex": f"{expires:x}", "is": f"{issued:x}"}
        query["hm"] = self._signature(path, query["ex"], query["is"])
        return f"{quote(path)}?{urlencode(query)}&"

    def is_valid_link(self, path: str, query: dict[str, str], now: float) -> bool:
        """Whether a link has a valid signature and is not expired."""
        expires, issued, signature = (query.get(name, "") for name in ("ex", "is", "hm"))
        if not hmac.compare_digest(
            signature.encode(), self._signature(path, expires, issued).encode()
        ):
            return False
        return now < int(expires, 16)

    def _signature(self, path: str, expires: str, issued: str) -> str:
        text = f"{path}\n{expires}\n{issued}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def link_path(attachment: Attachment) -> str:
    """Return the path of an attachment on the CDN, unquoted."""
    folder = "ephemeral-attachments" if attachment.ephemeral else "attachments"
    return f"/{folder}/{attachment.channel_id}/{attachment.id}/{attachment.filename}"


def file_limit_bytes(boost_tier: int) -> int:
    """Return the largest size of a file in a guild of this tier, in bytes. DMs have tier 0."""
    return _LIMIT_BYTES_BY_TIER[boost_tier]


def content_type_of(filename: str) -> str | None:
    """Return the type that Discord derives from a name's extension; None for an unknown one."""
    return _CONTENT_TYPES.get(Path(filename).suffix.lower())


def sanitize_file_name(name: str) -> str:
    """Return a file name as Discord keeps it: without folders and spaces, in ASCII."""
    name = re.split(r"[/\\]", name)[-1]
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = re.sub(r"[^A-Za-z0-9._-]", "", plain.replace(" ", "_")).lstrip(".")
    return plain[-200:] or "unknown"
