"""Reads JSON answers that contain whole videos as base64, without keeping the videos in memory.

Without a bucket, Vertex AI puts clips into the answer to a poll. The Gemini API and Gemini Omni may
do the same. A clip of 60 MB is 80 MB of text, and decoding it at once would take four times that.
So the text is scanned as it arrives, each video is decoded into a file, and the JSON gets the
file's path instead. Callers check in that JSON whether a file is a video.
"""

import asyncio
import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Final

from bot.transfer.partial_file import PartialFile

VERTEX_VIDEO_KEY: Final = "bytesBase64Encoded"
GEMINI_VIDEO_KEY: Final = "encodedVideo"
OMNI_DATA_KEY: Final = "data"
"""The key for the bytes of any content in the Interactions API."""
VEO_VIDEO_KEYS: Final = (VERTEX_VIDEO_KEY, GEMINI_VIDEO_KEY)

_URL_SAFE_DIGITS: Final = bytes.maketrans(b"-_", b"+/")
_MAX_START_BYTES: Final = 64
_MAX_TEXT_BYTES: Final = 4 * 1024 * 1024
_MAX_BYTES_IN_LOOP: Final = 64 * 1024
"""Longer text is decoded in a thread, so that it does not block the event loop."""
_ESCAPE_PATTERN: Final = re.compile(rb"\\(?:u00([0-9a-fA-F]{2})|(.))")
_MAX_ESCAPE_BYTES: Final = 6


class InlineAnswerMalformed(ValueError):
    """The answer is not the expected JSON."""


class InlineVideoReader:
    """Reads one answer. Create a new reader for each.

    ``path_for_video`` returns the file for the n-th video, from 0. ``keys`` are the JSON keys whose
    values are base64.
    """

    def __init__(
        self, path_for_video: Callable[[int], Path], keys: Sequence[str] = VEO_VIDEO_KEYS
    ) -> None:
        self._path_for_video = path_for_video
        self._start_pattern = re.compile(
            rf'"(?:{"|".join(map(re.escape, keys))})"\s*:\s*"'.encode()
        )
        self._text = bytearray()
        self._unread = b""
        self._pending_digits = b""
        self._current_file: PartialFile | None = None
        self.files: list[Path] = []

    async def read(self, chunks: AsyncIterator[bytes]) -> Any:
        """Return the decoded answer, with the path of its file in place of each video.

        Raises `InlineAnswerMalformed`. An incomplete video leaves no file.
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
            if len(self._text) > _MAX_BYTES_IN_LOOP:
                return await asyncio.to_thread(json.loads, self._text)
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
        """Consume text up to the next video, and return the bytes after its opening quote."""
        start = self._start_pattern.search(data)
        if start is None:
            # The key may continue in the next chunk, so keep as many bytes as it may take.
            cut = max(0, len(data) - _MAX_START_BYTES)
            self._append_text(data[:cut])
            self._unread = data[cut:]
            return b""
        path = self._path_for_video(len(self.files))
        self._append_text(data[: start.end()] + json.dumps(str(path))[1:].encode())
        self._current_file = await PartialFile(path).__aenter__()
        return data[start.end() :]

    def _append_text(self, text: bytes) -> None:
        self._text += text
        if len(self._text) > _MAX_TEXT_BYTES:
            raise InlineAnswerMalformed("the answer is too long")

    async def _feed_video(self, file: PartialFile, data: bytes) -> bytes:
        """Decode a video up to its closing quote, and return the bytes after it."""
        digits, quote, after = data.partition(b'"')
        if not quote and b"\\" in digits[-_MAX_ESCAPE_BYTES:]:
            cut = digits.rindex(b"\\")
            digits, self._unread = digits[:cut], digits[cut:]
        if b"\\" in digits:
            digits = _ESCAPE_PATTERN.sub(_unescape_character, digits)
        digits = self._pending_digits + digits.translate(_URL_SAFE_DIGITS)
        decodable = len(digits) if quote else len(digits) - len(digits) % 4
        self._pending_digits = digits[decodable:]
        try:
            decoded = base64.b64decode(digits[:decodable], validate=True)
        except binascii.Error as error:
            raise InlineAnswerMalformed("a video is not base64") from error
        await file.write(decoded)
        if quote:
            await file.commit()
            self.files.append(file.destination)
            self._current_file = None
        return after


def _unescape_character(escape: re.Match[bytes]) -> bytes:
    """Return the character of a JSON escape, because some servers escape `/`, `=` and `+`."""
    if escape[1] is not None:
        return bytes([int(escape[1], 16)])
    return escape[2] if escape[2] not in b"nrt" else b""
