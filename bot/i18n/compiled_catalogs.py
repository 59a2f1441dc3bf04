"""Keeps compiled message catalogs beside their sources, as Python does with its modules.

Reading the texts of all languages takes 0.1 seconds and leaves 3 MiB that Python cannot give back;
reading them compiled takes a tenth of both. Each is in ``__pycache__`` and names the time and the
size of its source. In a folder that cannot be written to, every start compiles them in memory.
"""

import secrets
import struct
import sys
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import Final

_HEADER: Final = struct.Struct("<QQ")
"""Time (nanoseconds) and size (bytes) of the source."""


def read_compiled_catalog(source: Path, locale: str) -> bytes:
    """Return the catalog ``source`` (``*.po``) in gettext's binary form (``*.mo``).

    ``locale`` is in Babel's spelling. Raises `OSError` if there is no such source.
    """
    facts = source.stat()
    header = _HEADER.pack(facts.st_mtime_ns, facts.st_size)
    cache = source.parent / "__pycache__" / f"{source.stem}.mo"
    with suppress(OSError):
        content = cache.read_bytes()
        if content.startswith(header):
            return content[_HEADER.size :]
    compiled = _compile_catalog(source, locale)
    if not sys.dont_write_bytecode:
        with suppress(OSError):  # the folder may belong to another user
            _write_whole(cache, header + compiled)
    return compiled


def _compile_catalog(source: Path, locale: str) -> bytes:
    from babel.messages.mofile import write_mo  # not needed for a compiled catalog
    from babel.messages.pofile import read_po

    with source.open("rb") as file:
        catalog = read_po(file, locale=locale)
    compiled = BytesIO()
    write_mo(compiled, catalog)
    return compiled.getvalue()


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file that other processes see whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
