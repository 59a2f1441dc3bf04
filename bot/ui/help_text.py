"""The first thing people read: `/help`, and the guide in a server that the bot has joined."""

from discord import ui

from bot.domain.billing.limits import QuotaStatus
from bot.i18n.catalogs import translate
from bot.ui.clip_card import build_text_view
from bot.ui.text_lists import format_quota_lines

_HELP_TOPICS = ("make", "extend", "find", "prompt")


def build_help_view(
    quota_status: QuotaStatus | None, locale: str | None, *, is_admin: bool
) -> ui.LayoutView:
    """Return what the bot can do, and how the reader's own limits stand.

    ``status`` is ``None`` where the database could not tell; admins also read where to begin.
    """
    lines = [
        translate("help.title", locale),
        *(translate(f"help.{part}", locale) for part in _HELP_TOPICS),
    ]
    if quota_status is not None:
        lines.append(format_quota_lines(quota_status, locale))
    if is_admin:
        lines.append(translate("help.admin", locale))
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay("\n".join(lines)))
    return view


def build_welcome_view(locale: str | None) -> ui.LayoutView:
    """Return the guide for everybody in a server."""
    keys = (
        "welcome.title",
        "help.make",
        "help.extend",
        "help.prompt",
        "welcome.more",
        "help.admin",
    )
    return build_text_view("\n".join(translate(key, locale) for key in keys))
