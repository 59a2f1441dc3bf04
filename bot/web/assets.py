"""The files that pages need, read once at start: no request ever names a path of the disk.

Each is known by its name and a digest of its bytes, so that browsers may keep it for a year and
still get a new one at once when it changes.
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
    """One file; ``packed`` is it in gzip, where that is shorter."""

    name: str
    content_type: str
    body: bytes
    gzip_body: bytes | None
    digest: str


class StaticAssets:
    """Every file below ``static``."""

    def __init__(self, folder: Path = _STATIC_FOLDER) -> None:
        found = (
            _read_asset(path) for path in sorted(folder.iterdir()) if path.suffix in _CONTENT_TYPES
        )
        self._assets: Mapping[str, StaticAsset] = {asset.name: asset for asset in found}

    def get(self, name: str) -> StaticAsset | None:
        """Return the file of that name, if there is one."""
        return self._assets.get(name)

    def build_url(self, name: str) -> str:
        """Return the address of a file. Raises `KeyError` where there is no such file."""
        return f"/static/{name}?v={self._assets[name].digest}"


def _read_asset(path: Path) -> StaticAsset:
    body = path.read_bytes()
    packed = gzip.compress(body, 9, mtime=0) if path.suffix in _COMPRESSIBLE_SUFFIXES else None
    return StaticAsset(
        name=path.name,
        content_type=_CONTENT_TYPES[path.suffix],
        body=body,
        gzip_body=packed if packed is not None and len(packed) < len(body) else None,
        digest=blake2b(body, digest_size=8).hexdigest(),
    )
