"""How a server's rules and budget read, and what each choice costs."""

from typing import Final

from bot.domain.billing.limits import NO_LIMITS, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.guild import NEVER_CONFIRM, GuildRules
from bot.domain.jobs.person_rule_effect import PersonRuleCost
from bot.i18n.catalogs import translate
from bot.i18n.formatting import format_money, join_fitting_lines, join_list
from bot.ui.text_lists import format_limits

UNSET_RULE: Final = "unset"
"""The choice of no rule for people."""


def describe_person_rules(rules: GuildRules, locale: str | None) -> str:
    """Return the rules for people that are set, the server's first."""
    by_place = {
        translate("server.people.server", locale): rules.person_rule,
        **{f"<#{channel}>": rule for channel, rule in sorted(rules.channel_person_rules.items())},
    }
    return join_fitting_lines(
        [
            translate(
                "server.people.set",
                locale,
                where=where,
                rule=translate(f"choice.people.{rule or UNSET_RULE}", locale),
            )
            for where, rule in by_place.items()
        ]
    )


def describe_person_rule_cost(cost: PersonRuleCost, locale: str | None) -> list[str]:
    """Return what a rule for people costs, in lines; none where it changes nothing."""
    lines = []
    if cost.price is None:
        lines.append(translate("server.people.impossible", locale))
    elif cost.price != cost.usual_price:
        lines.append(
            translate(
                "server.people.cost",
                locale,
                models=join_list(cost.models, locale),
                price=format_money(cost.price, locale),
                usual=format_money(cost.usual_price or cost.price, locale),
            )
        )
    if cost.prevents_extending:
        lines.append(translate("server.people.no_extending", locale))
    return lines


def describe_confirmation_price(
    rules: GuildRules, default_price: Micros | None, locale: str | None
) -> str:
    """Return from which price on a request asks, and who says so."""
    price = rules.confirm_above
    if price is not None and price >= NEVER_CONFIRM:
        return translate("server.confirm.never", locale)
    if price is not None:
        return translate("server.confirm.above", locale, price=format_money(price, locale))
    if default_price is None:
        return translate("server.confirm.default_never", locale)
    return translate("server.confirm.default", locale, price=format_money(default_price, locale))


def describe_budget(own: UsageLimits, ceiling: UsageLimits, locale: str | None) -> str:
    """Return the server's own budget and the operator's, of which the tighter one holds."""
    lines = [
        translate("server.budget.cleared", locale)
        if own == NO_LIMITS
        else translate("server.budget.set", locale, limits=format_limits(own, locale))
    ]
    if ceiling != NO_LIMITS:
        shown = format_limits(ceiling, locale)
        lines.append(translate("server.budget.ceiling", locale, limits=shown))
    return "\n".join(lines)
