"""`/help`, and the welcome message in a server that the bot has joined."""

from discord import ui

from bot.domain.billing.limits import QuotaStatus
from bot.i18n.catalogs import translate
from bot.ui.components import build_text_view
from bot.ui.text_lists import format_quota_lines

_HELP_KEYS = ("help.title", "help.make", "help.extend", "help.find", "help.prompt")
_WELCOME_KEYS = (
    "welcome.title",
    "help.make",
    "help.extend",
    "help.prompt",
    "welcome.more",
    "help.admin",
)


def build_help_view(
    quota_status: QuotaStatus | None, locale: str | None, *, is_admin: bool
) -> ui.LayoutView:
    """Return the help text; ``quota_status`` is ``None`` if the database could not be asked."""
    lines = [translate(key, locale) for key in _HELP_KEYS]
    if quota_status is not None:
        lines.append(format_quota_lines(quota_status, locale))
    if is_admin:
        lines.append(translate("help.admin", locale))
    return build_text_view("\n".join(lines))


def build_welcome_view(locale: str | None) -> ui.LayoutView:
    return build_text_view("\n".join(translate(key, locale) for key in _WELCOME_KEYS))
