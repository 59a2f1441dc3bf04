"""Converts query strings to `GallerySearch` and back, and checks every parameter."""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeVar

from yarl import Query

from bot.domain.showcase.gallery import (
    ClipLength,
    ClipShape,
    GalleryOrder,
    GalleryPeriod,
    GallerySearch,
)

PAGE_SIZE: Final = 24
MAX_PAGE_SIZE: Final = 100
"""Maximum number of entries in one response of the API."""
MAX_TEXT_LENGTH: Final = 200
MAX_MODEL_LENGTH: Final = 120
MAX_CURSOR_LENGTH: Final = 200
MAKER_PATTERN: Final = "^[0-9a-z]{1,32}$"
"""Of the last part of the address of a maker's page."""
START_PARAMETER: Final = "t"
_MAX_ID: Final = 2**63 - 1
_Choice = TypeVar("_Choice", bound=StrEnum)


class QueryInvalid(ValueError):
    """A query parameter has an invalid value. ``parameter`` is its name."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def read_search(query: Mapping[str, str]) -> GallerySearch:
    """Return the search. Empty parameters count as absent. Raises `QueryInvalid`."""
    text = " ".join(_strip_unprintable(query.get("q", "")).split())
    if len(text) > MAX_TEXT_LENGTH:
        raise QueryInvalid("q", f"at most {MAX_TEXT_LENGTH} characters")
    model = _strip_unprintable(query.get("model", ""))
    if len(model) > MAX_MODEL_LENGTH:
        raise QueryInvalid("model", f"at most {MAX_MODEL_LENGTH} characters")
    server, maker = query.get("server", ""), query.get("maker", "")
    if maker and not re.fullmatch(MAKER_PATTERN, maker):
        raise QueryInvalid("maker", "not the last part of a maker's page")
    return GallerySearch(
        guild_id=_parse_number("server", server) if server else None,
        model=model or None,
        length=_parse_choice(ClipLength, "length", query),
        text=text or None,
        order=_parse_choice(GalleryOrder, "order", query) or GalleryOrder.NEW,
        shape=_parse_choice(ClipShape, "shape", query),
        period=_parse_choice(GalleryPeriod, "period", query),
        creator_page=maker or None,
    )


def read_cursor(query: Mapping[str, str]) -> str | None:
    """Return the cursor, if there is one. Raises `QueryInvalid`."""
    cursor = query.get("cursor", "")
    if len(cursor) > MAX_CURSOR_LENGTH or not cursor.isascii() or not cursor.isprintable():
        raise QueryInvalid("cursor", "not a valid cursor")
    return cursor or None


def read_limit(query: Mapping[str, str]) -> int:
    """Return how many entries to show. Raises `QueryInvalid`."""
    text = query.get("limit", "")
    if not text:
        return PAGE_SIZE
    limit = _parse_number("limit", text)
    if not 1 <= limit <= MAX_PAGE_SIZE:
        raise QueryInvalid("limit", f"between 1 and {MAX_PAGE_SIZE}")
    return limit


def read_start(query: Mapping[str, str]) -> int:
    """Return the second at which a clip is to begin. Raises `QueryInvalid`."""
    text = query.get(START_PARAMETER, "")
    return _parse_number(START_PARAMETER, text) if text else 0


def build_query(search: GallerySearch, **extra: str | None) -> Query:
    """Return the query string of ``search``, without parameters that have their default."""
    parts = {
        "server": None if search.guild_id is None else str(search.guild_id),
        "model": search.model,
        "length": search.length,
        "shape": search.shape,
        "q": search.text,
        "order": None if search.order is GalleryOrder.NEW else search.order,
        "period": search.period,
        "maker": search.creator_page,
    }
    return {name: str(value) for name, value in (parts | extra).items() if value}


def _parse_number(parameter: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 19) or int(text) > _MAX_ID:
        raise QueryInvalid(parameter, "not a number")
    return int(text)


def _parse_choice(
    choices: type[_Choice], parameter: str, query: Mapping[str, str]
) -> _Choice | None:
    text = query.get(parameter, "")
    if not text:
        return None
    try:
        return choices(text)
    except ValueError as error:
        raise QueryInvalid(parameter, f"one of {', '.join(choices)}") from error


def _strip_unprintable(text: str) -> str:
    """Return ``text`` without control characters and surrogates, which PostgreSQL refuses."""
    return "".join(
        character if character.isprintable() else " "
        for character in text
        if not "\ud800" <= character <= "\udfff"
    )
