"""A server's rules and budget as text, with what each choice costs."""

from collections.abc import Iterable, Iterator
from typing import Final

from bot.domain.billing.limits import NO_LIMITS, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.guild import NEVER_CONFIRM, GuildRules
from bot.domain.jobs.person_rule_effect import PersonRuleCost, RemainingOffer
from bot.domain.jobs.request import PersonRule
from bot.i18n.catalogs import translate
from bot.i18n.formatting import format_money, join_fitting_lines, join_list
from bot.ui.text_lists import format_limits

UNSET_RULE: Final = "unset"
"""The choice that removes the rule for people."""

_NO_PRICE: Final = Micros(0)


def describe_person_rules(
    rules: GuildRules, costs: Iterable[PersonRuleCost], locale: str | None
) -> str:
    """Return the server's person rule, what each rule would cost, and the rules of channels."""
    server = translate("server.people.server", locale)
    channels = sorted(rules.channel_person_rules.items())
    return join_fitting_lines(
        [
            _describe_set_rule(server, rules.person_rule, locale),
            translate("server.people.choices", locale),
            *(_describe_choice(cost, locale) for cost in costs),
            *(_describe_set_rule(f"<#{channel}>", rule, locale) for channel, rule in channels),
        ]
    )


def _describe_set_rule(where: str, rule: PersonRule | None, locale: str | None) -> str:
    name = translate(f"choice.people.{rule or UNSET_RULE}", locale)
    return translate("server.people.set", locale, where=where, rule=name)


def _describe_choice(cost: PersonRuleCost, locale: str | None) -> str:
    return translate(
        "server.people.choice",
        locale,
        rule=translate(f"people.{cost.rule}", locale),
        left=join_list(_list_remaining(cost, locale), locale),
    )


def describe_person_rule_cost(cost: PersonRuleCost, locale: str | None) -> list[str]:
    """Return lines about what a rule prevents and costs. There are none if it changes nothing."""
    if not cost.is_noticeable:
        return []
    lines = []
    if cost.clips.is_prevented:
        lines.append(translate("server.people.impossible", locale))
    elif cost.clips.price is not None:
        is_dearer = cost.clips.price != cost.clips.usual_price
        key = "server.people.cost" if is_dearer else "server.people.clips"
        lines.append(_describe_remaining(key, cost.clips, locale))
    for name, offer in (("extending", cost.extensions), ("editing", cost.edits)):
        if offer.is_prevented:
            lines.append(translate(f"server.people.no_{name}", locale))
        elif offer.price is not None:
            lines.append(_describe_remaining(f"server.people.{name}", offer, locale))
    if cost.unpromised:
        models = join_list(cost.unpromised, locale)
        lines.append(translate("server.people.unpromised", locale, models=models))
        if cost.rule is PersonRule.ADULTS:
            lines.append(translate("server.people.may_be_trusted", locale))
    return lines


def _describe_remaining(key: str, offer: RemainingOffer, locale: str | None) -> str:
    return translate(
        key,
        locale,
        models=join_list(offer.models, locale),
        price=format_money(offer.price or _NO_PRICE, locale),
        usual=format_money(offer.usual_price or _NO_PRICE, locale),
    )


def _list_remaining(cost: PersonRuleCost, locale: str | None) -> Iterator[str]:
    offers = {"clips": cost.clips, "extensions": cost.extensions, "edits": cost.edits}
    for name, offer in offers.items():
        if offer.price is not None:
            price = format_money(offer.price, locale)
            yield translate(f"server.people.left.{name}", locale, price=price)
        else:
            yield translate(f"server.people.left.no_{name}", locale)


def describe_confirmation_price(
    rules: GuildRules, default_price: Micros | None, locale: str | None
) -> str:
    """Return from which price on requests need a confirmation, and who decided that."""
    price = rules.confirm_above
    if price is not None and price >= NEVER_CONFIRM:
        return translate("server.confirm.never", locale)
    if price is not None:
        return translate("server.confirm.above", locale, price=format_money(price, locale))
    if default_price is None:
        return translate("server.confirm.default_never", locale)
    return translate("server.confirm.default", locale, price=format_money(default_price, locale))


def describe_budget(own: UsageLimits, ceiling: UsageLimits, locale: str | None) -> str:
    """Return the server's own budget and the operator's. The lower one applies."""
    lines = [
        translate("server.budget.cleared", locale)
        if own == NO_LIMITS
        else translate("server.budget.set", locale, limits=format_limits(own, locale))
    ]
    if ceiling != NO_LIMITS:
        ceiling_text = format_limits(ceiling, locale)
        lines.append(translate("server.budget.ceiling", locale, limits=ceiling_text))
    return "\n".join(lines)
