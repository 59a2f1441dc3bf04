"""Static files, read once at the start, so that no request can name a path on disk.

Their URLs contain a digest of the content. So browsers can cache them for a year and still fetch a
changed file at once.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

_STATIC_FOLDER: Final = Path(__file__).parent / "static"
_CONTENT_TYPES: Final = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
_COMPRESSIBLE_SUFFIXES: Final = frozenset({".css", ".js", ".svg"})


@dataclass(frozen=True, slots=True)
class StaticAsset:
    """One file. ``gzip_body`` is `None` if compression does not make it smaller."""

    name: str
    content_type: str
    body: bytes
    gzip_body: bytes | None
    digest: str


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
    packed = gzip.compress(body, 9, mtime=0) if path.suffix in _COMPRESSIBLE_SUFFIXES else body
    return StaticAsset(
        name=path.name,
        content_type=_CONTENT_TYPES[path.suffix],
        body=body,
        gzip_body=packed if len(packed) < len(body) else None,
        digest=blake2b(body, digest_size=8).hexdigest(),
    )
