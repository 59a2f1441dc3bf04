"""JSON bodies with files as base64 that is encoded while the body is sent.

Veo takes images (and, on Vertex, whole clips) inside the JSON. Encoding 20 MB at once would block
the event loop for tens of milliseconds and keep three copies in memory.
"""

import asyncio
import base64
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

_CHUNK_BYTES: Final = 3 * 64 * 1024
"""A multiple of three, so that the base64 of the chunks can be joined."""


class FileContent:
    """A placeholder in a document for a file's content as base64."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.placeholder = f"file-{secrets.token_hex(16)}"


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A JSON document to send, as text with files in between. ``length`` is in bytes."""

    parts: list[bytes | Path]
    length: int

    @classmethod
    async def from_document(cls, document: Any) -> "JsonBody":
        """Return the body of ``document``, which may contain `FileContent`.

        Raises `OSError` if a file cannot be read.
        """
        files: list[FileContent] = []

        def replace_file(value: Any) -> str:
            if isinstance(value, FileContent):
                files.append(value)
                return value.placeholder
            raise TypeError(f"not JSON: {type(value).__name__}")

        text = json.dumps(document, default=replace_file, ensure_ascii=False, separators=(",", ":"))
        rest, length, parts = text.encode(), 0, list[bytes | Path]()
        for file in files:
            before, rest = rest.split(file.placeholder.encode(), 1)
            size = (await asyncio.to_thread(file.path.stat)).st_size
            parts += [before, file.path]
            length += len(before) + 4 * -(-size // 3)
        parts.append(rest)
        return cls(parts, length + len(rest))

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            if isinstance(part, bytes):
                yield part
                continue
            file = await asyncio.to_thread(part.open, "rb")
            try:
                while encoded := await asyncio.to_thread(_read_encoded_chunk, file):
                    yield encoded
            finally:
                await asyncio.to_thread(file.close)


def _read_encoded_chunk(file: BinaryIO) -> bytes:
    return base64.b64encode(file.read(_CHUNK_BYTES))
