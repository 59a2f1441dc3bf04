"""Static files, read once at the start, so that no request can name a path on disk.

Their URLs contain a digest of the content. So browsers can cache them for a year and still fetch a
changed file at once.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Final

from bot.web.compression import compress_body
from bot.web.negotiation import ContentEncoding

_STATIC_FOLDER: Final = Path(__file__).parent / "static"
_CONTENT_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_COMPRESSIBLE_SUFFIXES: Final = frozenset({".css", ".js", ".svg"})


@dataclass(slots=True)
class StaticAsset:
    """One file, and what its compressed forms were when somebody asked for them."""

    name: str
    content_type: str
    body: bytes
    digest: str
    is_compressible: bool
    _compressed: dict[ContentEncoding, bytes] = field(init=False, default_factory=dict)

    async def compress(self, encoding: ContentEncoding) -> bytes:
        """Return the compressed body. The first time it is made as small as possible."""
        if encoding not in self._compressed:
            self._compressed[encoding] = await asyncio.to_thread(
                compress_body, self.body, encoding, is_kept=True
            )
        return self._compressed[encoding]


class StaticAssets:
    """All files in ``static``."""

    def __init__(self, folder: Path = _STATIC_FOLDER) -> None:
        self._assets: Mapping[str, StaticAsset] = {
            path.name: _read_asset(path)
            for path in sorted(folder.iterdir())
            if path.suffix in _CONTENT_TYPES
        }

    def get(self, name: str) -> StaticAsset | None:
        return self._assets.get(name)

    def build_url(self, name: str) -> str:
        """Return the URL of a file. Raises `KeyError` if there is no such file."""
        return f"/static/{name}?v={self._assets[name].digest}"


def _read_asset(path: Path) -> StaticAsset:
    body = path.read_bytes()
    return StaticAsset(
        name=path.name,
        content_type=_CONTENT_TYPES[path.suffix],
        body=body,
        digest=blake2b(body, digest_size=8).hexdigest(),
        is_compressible=path.suffix in _COMPRESSIBLE_SUFFIXES,
    )
