"""The first thing people read: `/help`, and the guide in a server that the bot has joined."""

from discord import ui

from bot.domain.billing.limits import Standing
from bot.i18n.catalogs import say
from bot.ui.clip_card import text_view
from bot.ui.text_lists import standing

_PARTS = ("make", "extend", "find", "prompt")


def help_view(status: Standing | None, locale: str | None, *, admin: bool) -> ui.LayoutView:
    """Return what the bot can do, and how the reader's own limits stand.

    ``status`` is ``None`` where the database could not tell; admins also read where to begin.
    """
    lines = [say("help.title", locale), *(say(f"help.{part}", locale) for part in _PARTS)]
    if status is not None:
        lines.append(standing(status, locale))
    if admin:
        lines.append(say("help.admin", locale))
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay("\n".join(lines)))
    return view


def welcome_view(locale: str | None) -> ui.LayoutView:
    """Return the guide for everybody in a server."""
    keys = (
        "welcome.title",
        "help.make",
        "help.extend",
        "help.prompt",
        "welcome.more",
        "help.admin",
    )
    return text_view("\n".join(say(key, locale) for key in keys))
