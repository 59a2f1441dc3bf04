"""The texts of `/help` and of the welcome message in a new server."""

from typing import Literal

from discord import ui

from bot.domain.billing.limits import QuotaStatus, SpendingPolicy, UsageLimits
from bot.domain.legal_pages import LegalAddresses
from bot.i18n.catalogs import translate
from bot.ui.components import build_button, build_section_views
from bot.ui.custom_ids import ButtonAction
from bot.ui.text_lists import format_limits, list_quota_sections

AgeRule = Literal["operator", "server"]
"""Who allows clips in age-restricted channels only."""
_HELP_KEYS = ("help.make", "help.extend", "help.find", "help.prompt")


def build_help_view(
    quota_status: QuotaStatus | None,
    locale: str | None,
    *,
    is_admin: bool,
    legal: LegalAddresses | None = None,
    age_rule: AgeRule | None = None,
) -> ui.LayoutView:
    """Return the help text. ``quota_status`` is `None` if the database is unavailable.

    ``legal`` are the pages to link to, if the web server has a public address. With an
    ``age_rule``, the text says that clips are made in age-restricted channels only.
    """
    first, *others = (translate(key, locale) for key in _HELP_KEYS)
    sections = [f"{translate('help.title', locale)}\n{first}", *others]
    if age_rule is not None:
        sections.append(translate(f"help.age_{age_rule}", locale))
    if quota_status is not None:
        sections += list_quota_sections(quota_status, locale)
    if is_admin:
        sections.append(translate("help.admin", locale))
    sections += _list_legal_links(legal, locale)
    [view] = build_section_views(sections)
    return view


def build_welcome_view(
    policy: SpendingPolicy,
    locale: str | None,
    *,
    legal: LegalAddresses | None = None,
    age_rule: AgeRule | None = None,
) -> ui.LayoutView:
    """Return the guide for a new server: what the bot does, who pays, and a setup button."""
    title = translate("welcome.title", locale)
    sections = [
        f"{title}\n{translate('welcome.use', locale)}",
        *([] if age_rule is None else [translate(f"help.age_{age_rule}", locale)]),
        translate(
            "welcome.money",
            locale,
            member=format_limits(_keep_money(policy.member), locale),
            server=format_limits(_keep_money(policy.guild), locale),
        ),
        translate("welcome.admins", locale),
        *_list_legal_links(legal, locale),
    ]
    setup = build_button(ButtonAction.SETUP, 0, locale, primary=True)
    [view] = build_section_views(sections, setup)
    return view


def _list_legal_links(legal: LegalAddresses | None, locale: str | None) -> list[str]:
    if legal is None:
        return []
    return [translate("help.legal", locale, terms=legal.terms, privacy=legal.privacy)]


def _keep_money(limits: UsageLimits) -> UsageLimits:
    return UsageLimits(usd_per_day=limits.usd_per_day, usd_per_month=limits.usd_per_month)
