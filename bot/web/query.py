"""The query of an address, read into a `Search` and back: every part checked, none used raw."""

from collections.abc import Mapping
from typing import Final

from yarl import Query

from bot.domain.showcase.gallery import Length, Order, Search

PAGE_SIZE: Final = 24
MOST: Final = 100
"""Entries that one answer of the API holds at most."""
LONGEST_TEXT: Final = 200
_LONGEST_MODEL: Final = 120
LONGEST_CURSOR: Final = 200
_MOST_ID: Final = 2**63 - 1


class QueryInvalid(ValueError):
    """A parameter that means nothing; ``parameter`` names it."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def read_search(query: Mapping[str, str]) -> Search:
    """Return what is looked for. Empty parameters mean nothing. Raises `QueryInvalid`."""
    text = " ".join(_plain(query.get("q", "")).split())
    if len(text) > LONGEST_TEXT:
        raise QueryInvalid("q", f"at most {LONGEST_TEXT} characters")
    model = _plain(query.get("model", ""))
    if len(model) > _LONGEST_MODEL:
        raise QueryInvalid("model", f"at most {_LONGEST_MODEL} characters")
    server = query.get("server", "")
    return Search(
        guild_id=_number("server", server) if server else None,
        model=model or None,
        length=_length(query.get("length", "")),
        text=text or None,
        order=_order(query.get("order", "")),
    )


def read_cursor(query: Mapping[str, str]) -> str | None:
    """Return where to go on, if anywhere. Raises `QueryInvalid`."""
    cursor = query.get("cursor", "")
    if len(cursor) > LONGEST_CURSOR or not cursor.isascii() or not cursor.isprintable():
        raise QueryInvalid("cursor", "not a cursor")
    return cursor or None


def read_limit(query: Mapping[str, str]) -> int:
    """Return how many entries are wanted. Raises `QueryInvalid`."""
    given = query.get("limit", "")
    if not given:
        return PAGE_SIZE
    limit = _number("limit", given)
    if not 1 <= limit <= MOST:
        raise QueryInvalid("limit", f"between 1 and {MOST}")
    return limit


def write(search: Search, **more: str | None) -> Query:
    """Return the query of the address that shows ``search``; what does not narrow is left out."""
    parts = {
        "server": None if search.guild_id is None else str(search.guild_id),
        "model": search.model,
        "length": search.length,
        "q": search.text,
        "order": None if search.order is Order.NEW else search.order,
    }
    return {name: str(value) for name, value in (parts | more).items() if value}


def _number(parameter: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19) or int(text) > _MOST_ID:
        raise QueryInvalid(parameter, "not a number")
    return int(text)


def _length(text: str) -> Length | None:
    if not text:
        return None
    try:
        return Length(text)
    except ValueError as error:
        raise QueryInvalid("length", f"one of {', '.join(Length)}") from error


def _order(text: str) -> Order:
    if not text:
        return Order.NEW
    try:
        return Order(text)
    except ValueError as error:
        raise QueryInvalid("order", f"one of {', '.join(Order)}") from error


def _plain(text: str) -> str:
    """Return ``text`` without what no database or page should be given."""
    return "".join(
        each if each.isprintable() else " " for each in text if not "\ud800" <= each <= "\udfff"
    )
