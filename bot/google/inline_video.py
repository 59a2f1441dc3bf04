"""Reads a JSON answer in which whole videos stand as base64, without holding any of them.

Vertex AI hands clips over inside the answer to a poll when no bucket is configured: 80 MB of text
for a clip of 60 MB, which decoded at once would be held four times over. The text is scanned as it
arrives; each such value goes to a file, decoded, and its place in the JSON says which.
"""

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

from bot.transfer.partial_file import PartialFile

KEY: Final = "bytesBase64Encoded"

_START: Final = re.compile(rb'"bytesBase64Encoded"\s*:\s*"')
_LONGEST_START: Final = 64
_MOST_TEXT: Final = 4 * 1024 * 1024
_ESCAPE: Final = re.compile(rb"\\(?:u00([0-9a-fA-F]{2})|(.))")
_LONGEST_ESCAPE: Final = 6


class InlineError(ValueError):
    """The answer is not the JSON that was expected."""


class InlineReader:
    """Takes the answer in chunks; ``place`` names the file of the n-th video."""

    def __init__(self, place: Callable[[int], Path]) -> None:
        self._place = place
        self._text = bytearray()
        self._rest = b""
        self._digits = b""
        self._open: PartialFile | None = None
        self.files: list[Path] = []

    async def read(self, chunks: AsyncIterator[bytes]) -> Any:
        """Return the decoded answer, in which each video is the path of its file.

        Raises `InlineError`; a video that broke off leaves no file.
        """
        try:
            async for chunk in chunks:
                await self._feed(chunk)
            if self._open is not None:
                raise InlineError("the answer ends within a video")
        finally:
            if self._open is not None:
                await self._open.__aexit__(None, None, None)
        self._text += self._rest
        try:
            return json.loads(self._text)
        except ValueError as error:
            raise InlineError("the answer is not JSON") from error

    async def _feed(self, chunk: bytes) -> None:
        data = self._rest + chunk
        self._rest = b""
        while data:
            file = self._open
            data = await (self._feed_text(data) if file is None else self._feed_video(file, data))

    async def _feed_text(self, data: bytes) -> bytes:
        """Take text up to the next video, and return what follows its opening quote."""
        found = _START.search(data)
        if found is None:
            # The key may be cut by the end of the chunk: keep as much as it can be long.
            keep = min(len(data), _LONGEST_START)
            self._take(data[: len(data) - keep])
            self._rest = data[len(data) - keep :]
            return b""
        path = self._place(len(self.files))
        self._take(data[: found.end()] + json.dumps(str(path))[1:].encode())
        self._open = await PartialFile(path).__aenter__()
        return data[found.end() :]

    def _take(self, text: bytes) -> None:
        self._text += text
        if len(self._text) > _MOST_TEXT:
            raise InlineError("the answer is too long")

    async def _feed_video(self, file: PartialFile, data: bytes) -> bytes:
        """Decode a video up to its closing quote, and return what follows it."""
        digits, quote, after = data.partition(b'"')
        if not quote and b"\\" in digits[-_LONGEST_ESCAPE:]:
            cut = digits.rindex(b"\\")
            digits, self._rest = digits[:cut], digits[cut:]
        if b"\\" in digits:
            digits = _ESCAPE.sub(_unescape, digits)
        digits = self._digits + digits
        whole = len(digits) if quote else len(digits) - len(digits) % 4
        self._digits = digits[whole:]
        try:
            decoded = base64.b64decode(digits[:whole], validate=True)
        except binascii.Error as error:
            raise InlineError("a video is not base64") from error
        await file.write(decoded)
        if quote:
            await file.keep()
            self.files.append(file.destination)
            self._open = None
        return after


def _unescape(found: re.Match[bytes]) -> bytes:
    """Return the character of a JSON escape: writers escape `/`, and some `=` and `+`."""
    if found[1] is not None:
        return bytes([int(found[1], 16)])
    return found[2] if found[2] not in b"nrt" else b""
