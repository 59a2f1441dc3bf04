"""Removes characters that PostgreSQL cannot store from the parameters of every statement.

Texts come from Discord, Google and files. With U+0000 or a lone surrogate in one of them, a row
could never be written.
"""

from typing import Any


def drop_unstorable_characters(
    _connection: Any,
    _cursor: Any,
    statement: str,
    parameters: Any,
    _context: Any,
    _executemany: bool,
) -> tuple[str, Any]:
    """Clean a statement's parameters; a listener of the event ``before_cursor_execute``."""
    return statement, _clean(parameters)


def _clean(value: Any) -> Any:
    kind = type(value)  # compared by type, which is fast: this runs for each value of a statement
    if kind is int or value is None:
        return value
    if isinstance(value, str):
        return _clean_text(value)
    if kind is tuple:
        return tuple([_clean(item) for item in value])
    if kind is list:
        return [_clean(item) for item in value]
    if kind is dict:
        return {name: _clean(item) for name, item in value.items()}
    return value


def _clean_text(text: str) -> str:
    if text.isascii():
        return text.replace("\0", "")
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")
