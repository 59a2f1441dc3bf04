"""Compresses pages and static files, in the encoding that the client likes best.

Compressing what contains both a secret and text of an attacker can reveal the secret by its length
(BREACH). Nothing here contains a secret: pages, feeds and the API are the same for every visitor
except for the language, there are no accounts, forms change nothing, so they have no tokens, and
signed links to originals are only in messages of Discord. What is for one person only must not be
sent by `bot.web.responses.respond_text`.
"""

import gzip
from typing import Final, assert_never

from bot.web.negotiation import ContentEncoding

_BROTLI_QUALITY: Final = 5
_ZSTD_LEVEL: Final = 6
_GZIP_LEVEL: Final = 6
_BEST_BROTLI_QUALITY: Final = 11
_BEST_ZSTD_LEVEL: Final = 19
_BEST_GZIP_LEVEL: Final = 9


def compress_body(body: bytes, encoding: ContentEncoding, *, is_kept: bool = False) -> bytes:
    """Return the compressed body, in less than a millisecond for a page.

    If the result ``is_kept``, it is as small as possible, which takes a hundred times as long.
    """
    match encoding:
        case ContentEncoding.BROTLI:
            import brotli

            quality = _BEST_BROTLI_QUALITY if is_kept else _BROTLI_QUALITY
            compressed: bytes = brotli.compress(body, mode=brotli.MODE_TEXT, quality=quality)
            return compressed
        case ContentEncoding.ZSTD:
            import zstandard

            level = _BEST_ZSTD_LEVEL if is_kept else _ZSTD_LEVEL
            return zstandard.ZstdCompressor(level=level).compress(body)
        case ContentEncoding.GZIP:
            level = _BEST_GZIP_LEVEL if is_kept else _GZIP_LEVEL
            return gzip.compress(body, level, mtime=0)
        case unknown:
            assert_never(unknown)
