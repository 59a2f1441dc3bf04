"""How a server presents itself in the web gallery: its title, words, accent, invite and icon.

An admin fills them in as a form. Everybody on the web reads them, so they are cleaned and short.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from bot.domain.showcase.accent import format_color, parse_color

MAX_TITLE_LENGTH: Final = 80
MAX_DESCRIPTION_LENGTH: Final = 300
ICONS_FOLDER: Final = "icons"
ICON_SIDE: Final = 256
"""Width and height of a kept icon in pixels."""
_INVITE_PATTERN: Final = re.compile(
    r"(?:(?:https?://)?(?:www\.)?(?:discord\.gg/|discord\.com/invite/))?([a-z0-9-]{2,32})/?",
    re.IGNORECASE | re.ASCII,
)
_JOINERS: Final = "\u200c\u200d"
"""Invisible signs that words and emoji are made with, unlike the others of category Cf."""
_LEFT_OUT: Final = frozenset({"Cf", "Cs", "Co"})
"""Categories of invisible characters: formats (also of the direction), surrogates, private use."""


@dataclass(frozen=True, slots=True)
class ServerPage:
    """A server's page; `None` means not set.

    ``accent`` is 0xRRGGBB. ``icon_hash`` is Discord's hash of the icon that was looked at last.
    With ``has_icon`` the bot keeps a copy, without it the icon could not be used. ``icon_accent``
    is the color that stands out in it.
    """

    guild_id: int
    title: str | None = None
    description: str | None = None
    accent: int | None = None
    invite_code: str | None = None
    icon_hash: str | None = None
    has_icon: bool = False
    icon_accent: int | None = None

    @property
    def shown_accent(self) -> int | None:
        """The accent that an admin chose, or else the icon's."""
        return self.icon_accent if self.accent is None else self.accent

    @property
    def invite_url(self) -> str | None:
        return None if self.invite_code is None else f"https://discord.gg/{self.invite_code}"


class PageField(StrEnum):
    """What an admin fills in."""

    TITLE = "title"
    DESCRIPTION = "description"
    ACCENT = "accent"
    INVITE = "invite"


def read_page_form(page: ServerPage) -> dict[PageField, str]:
    """Return what stands in the form before an admin changes it."""
    return {
        PageField.TITLE: page.title or "",
        PageField.DESCRIPTION: page.description or "",
        PageField.ACCENT: "" if page.accent is None else format_color(page.accent),
        PageField.INVITE: page.invite_url or "",
    }


def apply_page_form(
    page: ServerPage, form: Mapping[PageField, str]
) -> tuple[ServerPage, list[PageField]]:
    """Return the page with what the form says, and the fields that cannot be used.

    An empty field clears. A field that cannot be used leaves what was set, so that a slip loses
    nothing.
    """
    page = replace(
        page,
        title=clean_page_text(form[PageField.TITLE], MAX_TITLE_LENGTH),
        description=clean_page_text(form[PageField.DESCRIPTION], MAX_DESCRIPTION_LENGTH),
    )
    unusable: list[PageField] = []
    accent, invite = form[PageField.ACCENT].strip(), form[PageField.INVITE].strip()
    color, code = parse_color(accent), parse_invite_code(invite)
    if accent and color is None:
        unusable.append(PageField.ACCENT)
    else:
        page = replace(page, accent=color)
    if invite and code is None:
        unusable.append(PageField.INVITE)
    else:
        page = replace(page, invite_code=code)
    return page, unusable


def clean_page_text(text: str, max_length: int) -> str | None:
    """Return one line of at most ``max_length`` characters, or `None` if nothing can be read.

    Control characters, and those that change the direction of other text, are left out.
    """
    visible = "".join(
        " " if unicodedata.category(character) == "Cc" else character
        for character in text
        if character in _JOINERS or unicodedata.category(character) not in _LEFT_OUT
    )
    line = " ".join(visible.split())[:max_length].rstrip()
    return line if line.strip(_JOINERS) else None


def parse_invite_code(text: str) -> str | None:
    """Return the code of an invite to a server, from a link of Discord's or the code alone."""
    match = _INVITE_PATTERN.fullmatch(text.strip())
    return None if match is None else match[1]


def build_icon_key(guild_id: int) -> str:
    """Return where the media store has a server's icon."""
    return f"{ICONS_FOLDER}/{guild_id}.webp"
