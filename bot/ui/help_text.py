"""The texts of `/help` and of the welcome message in a new server."""

from discord import ui

from bot.domain.billing.limits import QuotaStatus, SpendingPolicy, UsageLimits
from bot.i18n.catalogs import translate
from bot.ui.components import build_button, build_text_view
from bot.ui.custom_ids import ButtonAction
from bot.ui.text_lists import format_limits, format_quota_lines

_HELP_KEYS = ("help.title", "help.make", "help.extend", "help.find", "help.prompt")


def build_help_view(
    quota_status: QuotaStatus | None, locale: str | None, *, is_admin: bool
) -> ui.LayoutView:
    """Return the help text. ``quota_status`` is `None` if the database is unavailable."""
    lines = [translate(key, locale) for key in _HELP_KEYS]
    if quota_status is not None:
        lines.append(format_quota_lines(quota_status, locale))
    if is_admin:
        lines.append(translate("help.admin", locale))
    return build_text_view("\n".join(lines))


def build_welcome_view(policy: SpendingPolicy, locale: str | None) -> ui.LayoutView:
    """Return the guide for a new server: what the bot does, who pays, and a setup button."""
    lines = [
        translate("welcome.title", locale),
        translate("welcome.use", locale),
        translate(
            "welcome.money",
            locale,
            member=format_limits(_keep_money(policy.member), locale),
            server=format_limits(_keep_money(policy.guild), locale),
        ),
        translate("welcome.admins", locale),
    ]
    setup = build_button(ButtonAction.SETUP, 0, locale, primary=True)
    return build_text_view("\n".join(lines), setup)


def _keep_money(limits: UsageLimits) -> UsageLimits:
    return UsageLimits(usd_per_day=limits.usd_per_day, usd_per_month=limits.usd_per_month)
