"""The query of an address, read into a `Search` and back: every part checked, none used raw."""

from collections.abc import Mapping
from typing import Final

from yarl import Query

from bot.domain.showcase.gallery import ClipLength, GalleryOrder, GallerySearch

PAGE_SIZE: Final = 24
MAX_PAGE_SIZE: Final = 100
"""Entries that one answer of the API holds at most."""
MAX_TEXT_LENGTH: Final = 200
_MAX_MODEL_LENGTH: Final = 120
MAX_CURSOR_LENGTH: Final = 200
_MAX_ID: Final = 2**63 - 1


class QueryInvalid(ValueError):
    """A parameter that means nothing; ``parameter`` names it."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def read_search(query: Mapping[str, str]) -> GallerySearch:
    """Return what is looked for. Empty parameters mean nothing. Raises `QueryInvalid`."""
    text = " ".join(_strip_unprintable(query.get("q", "")).split())
    if len(text) > MAX_TEXT_LENGTH:
        raise QueryInvalid("q", f"at most {MAX_TEXT_LENGTH} characters")
    model = _strip_unprintable(query.get("model", ""))
    if len(model) > _MAX_MODEL_LENGTH:
        raise QueryInvalid("model", f"at most {_MAX_MODEL_LENGTH} characters")
    server = query.get("server", "")
    return GallerySearch(
        guild_id=_parse_number("server", server) if server else None,
        model=model or None,
        length=_parse_length(query.get("length", "")),
        text=text or None,
        order=_parse_order(query.get("order", "")),
    )


def read_cursor(query: Mapping[str, str]) -> str | None:
    """Return where to go on, if anywhere. Raises `QueryInvalid`."""
    cursor = query.get("cursor", "")
    if len(cursor) > MAX_CURSOR_LENGTH or not cursor.isascii() or not cursor.isprintable():
        raise QueryInvalid("cursor", "not a cursor")
    return cursor or None


def read_limit(query: Mapping[str, str]) -> int:
    """Return how many entries are wanted. Raises `QueryInvalid`."""
    given = query.get("limit", "")
    if not given:
        return PAGE_SIZE
    limit = _parse_number("limit", given)
    if not 1 <= limit <= MAX_PAGE_SIZE:
        raise QueryInvalid("limit", f"between 1 and {MAX_PAGE_SIZE}")
    return limit


def build_query(search: GallerySearch, **more: str | None) -> Query:
    """Return the query of the address that shows ``search``; what does not narrow is left out."""
    parts = {
        "server": None if search.guild_id is None else str(search.guild_id),
        "model": search.model,
        "length": search.length,
        "q": search.text,
        "order": None if search.order is GalleryOrder.NEW else search.order,
    }
    return {name: str(value) for name, value in (parts | more).items() if value}


def _parse_number(parameter: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19) or int(text) > _MAX_ID:
        raise QueryInvalid(parameter, "not a number")
    return int(text)


def _parse_length(text: str) -> ClipLength | None:
    if not text:
        return None
    try:
        return ClipLength(text)
    except ValueError as error:
        raise QueryInvalid("length", f"one of {', '.join(ClipLength)}") from error


def _parse_order(text: str) -> GalleryOrder:
    if not text:
        return GalleryOrder.NEW
    try:
        return GalleryOrder(text)
    except ValueError as error:
        raise QueryInvalid("order", f"one of {', '.join(GalleryOrder)}") from error


def _strip_unprintable(text: str) -> str:
    """Return ``text`` without what no database or page should be given."""
    return "".join(
        each if each.isprintable() else " " for each in text if not "\ud800" <= each <= "\udfff"
    )
