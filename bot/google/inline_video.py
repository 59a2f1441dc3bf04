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

INLINE_VIDEO_KEY: Final = "bytesBase64Encoded"

_VIDEO_START_PATTERN: Final = re.compile(rb'"bytesBase64Encoded"\s*:\s*"')
_MAX_START_BYTES: Final = 64
_MAX_TEXT_BYTES: Final = 4 * 1024 * 1024
_ESCAPE_PATTERN: Final = re.compile(rb"\\(?:u00([0-9a-fA-F]{2})|(.))")
_MAX_ESCAPE_BYTES: Final = 6


class InlineAnswerMalformed(ValueError):
    """The answer is not the JSON that was expected."""


class InlineVideoReader:
    """Takes the answer in chunks; ``place`` names the file of the n-th video."""

    def __init__(self, path_for_video: Callable[[int], Path]) -> None:
        self._path_for_video = path_for_video
        self._text = bytearray()
        self._unread = b""
        self._pending_digits = b""
        self._current_file: PartialFile | None = None
        self.files: list[Path] = []

    async def read(self, chunks: AsyncIterator[bytes]) -> Any:
        """Return the decoded answer, in which each video is the path of its file.

        Raises `InlineError`; a video that broke off leaves no file.
        """
        try:
            async for chunk in chunks:
                await self._feed_chunk(chunk)
            if self._current_file is not None:
                raise InlineAnswerMalformed("the answer ends within a video")
        finally:
            if self._current_file is not None:
                await self._current_file.__aexit__(None, None, None)
        self._text += self._unread
        try:
            return json.loads(self._text)
        except ValueError as error:
            raise InlineAnswerMalformed("the answer is not JSON") from error

    async def _feed_chunk(self, chunk: bytes) -> None:
        data = self._unread + chunk
        self._unread = b""
        while data:
            file = self._current_file
            data = await (self._feed_text(data) if file is None else self._feed_video(file, data))

    async def _feed_text(self, data: bytes) -> bytes:
        """Take text up to the next video, and return what follows its opening quote."""
        found = _VIDEO_START_PATTERN.search(data)
        if found is None:
            # The key may be cut by the end of the chunk: keep as much as it can be long.
            keep = min(len(data), _MAX_START_BYTES)
            self._append_text(data[: len(data) - keep])
            self._unread = data[len(data) - keep :]
            return b""
        path = self._path_for_video(len(self.files))
        self._append_text(data[: found.end()] + json.dumps(str(path))[1:].encode())
        self._current_file = await PartialFile(path).__aenter__()
        return data[found.end() :]

    def _append_text(self, text: bytes) -> None:
        self._text += text
        if len(self._text) > _MAX_TEXT_BYTES:
            raise InlineAnswerMalformed("the answer is too long")

    async def _feed_video(self, file: PartialFile, data: bytes) -> bytes:
        """Decode a video up to its closing quote, and return what follows it."""
        digits, quote, after = data.partition(b'"')
        if not quote and b"\\" in digits[-_MAX_ESCAPE_BYTES:]:
            cut = digits.rindex(b"\\")
            digits, self._unread = digits[:cut], digits[cut:]
        if b"\\" in digits:
            digits = _ESCAPE_PATTERN.sub(_unescape_character, digits)
        digits = self._pending_digits + digits
        whole = len(digits) if quote else len(digits) - len(digits) % 4
        self._pending_digits = digits[whole:]
        try:
            decoded = base64.b64decode(digits[:whole], validate=True)
        except binascii.Error as error:
            raise InlineAnswerMalformed("a video is not base64") from error
        await file.write(decoded)
        if quote:
            await file.commit()
            self.files.append(file.destination)
            self._current_file = None
        return after


def _unescape_character(found: re.Match[bytes]) -> bytes:
    """Return the character of a JSON escape: writers escape `/`, and some `=` and `+`."""
    if found[1] is not None:
        return bytes([int(found[1], 16)])
    return found[2] if found[2] not in b"nrt" else b""
