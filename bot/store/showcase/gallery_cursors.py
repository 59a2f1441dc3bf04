"""Where a page of the gallery ends, as a text for the address of the next page."""

import base64
import binascii
from typing import Any, Final

from sqlalchemy import ColumnElement, tuple_

from bot.domain.showcase.gallery import CursorInvalid, GalleryOrder
from bot.store.tables.showcase import showcase_posts_table

_posts = showcase_posts_table.c
_MAX_VOTES: Final = 2**31 - 1


def build_ordering(order: GalleryOrder) -> tuple[ColumnElement[Any], ...]:
    newest = _posts.id.desc()
    return (_posts.votes.desc(), newest) if order is GalleryOrder.TOP else (newest,)


def encode_cursor(order: GalleryOrder, entry_id: int, votes: int) -> str:
    position = f"{votes}.{entry_id}" if order is GalleryOrder.TOP else str(entry_id)
    return base64.urlsafe_b64encode(f"{order}.{position}".encode()).decode().rstrip("=")


def is_after_cursor(cursor: str, order: GalleryOrder) -> ColumnElement[bool]:
    kind, *numbers = _decode_cursor(cursor)
    if kind != order or len(numbers) != (2 if order is GalleryOrder.TOP else 1):
        raise CursorInvalid(order)
    if any(not (number.isascii() and number.isdigit() and len(number) <= 18) for number in numbers):
        raise CursorInvalid(order)
    *votes, entry_id = map(int, numbers)
    if any(count > _MAX_VOTES for count in votes):
        raise CursorInvalid(order)
    if not votes:
        return _posts.id < entry_id
    return tuple_(_posts.votes, _posts.id) < (votes[0], entry_id)


def _decode_cursor(cursor: str) -> list[str]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode("ascii").split(".")
    except (binascii.Error, ValueError) as error:
        raise CursorInvalid("not a cursor") from error
