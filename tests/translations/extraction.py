"""Finds the keys of texts in the code, with Babel.

Babel's own reader of Python joins the two keys of ``translate("a" if b else "c")``, so this module
replaces it.
"""

import ast
from collections.abc import Container, Iterator
from functools import cache
from pathlib import Path
from typing import IO, Final

from babel.messages.extract import extract_from_dir

_PACKAGES: Final = ("bot", "cogs")
_METHOD: Final = f"{__name__}:extract_from_python"
_KEYWORDS: Final[dict[str, None]] = {"translate": None, "build_command_text": None}
"""Functions whose first argument is a key of the catalog ``clapper``."""


@cache
def extract_keys(root: Path) -> set[str]:
    """Return the keys that are literals in the code; others are built at run time."""
    return {
        str(key)
        for package in _PACKAGES
        for _, _, key, _, _ in extract_from_dir(
            root / package, method_map=[("**.py", _METHOD)], keywords=_KEYWORDS
        )
    }


def extract_from_python(
    fileobj: IO[bytes], keywords: Container[str], comment_tags: object, options: object
) -> Iterator[tuple[int, str, str, list[str]]]:
    """Yield line, function, key and no comments, as Babel expects of an extraction method."""
    for node in ast.walk(ast.parse(fileobj.read())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args):
            continue
        if node.func.id in keywords:
            for key in _read_keys(node.args[0]):
                yield node.lineno, node.func.id, key, []


def _read_keys(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _read_keys(node.body)
        yield from _read_keys(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
