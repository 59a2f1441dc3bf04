"""Cleans the texts of every statement of what PostgreSQL cannot store.

Texts come from Discord, Google and files. One U+0000 or half a surrogate pair in any of them, and a
row could not be written, however often it is tried.
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
    """Return a statement's parameters cleaned; SQLAlchemy's event ``before_cursor_execute``."""
    return statement, _clean(parameters)


def _clean(value: Any) -> Any:
    match value:
        case str():
            return _clean_text(value)
        case tuple():
            return tuple(_clean(each) for each in value)
        case list():
            return [_clean(each) for each in value]
        case dict():
            return {name: _clean(each) for name, each in value.items()}
    return value


def _clean_text(text: str) -> str:
    if text.isascii():
        return text.replace("\0", "")
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")
