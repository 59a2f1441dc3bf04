"""What an admin changed, from the comment of an audit entry: new rules and limits, as sentences.

The comments are JSON, written by `bot.services.admin`. What cannot be read is left out.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from bot.domain.billing.limits import LimitSubject, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.guild import LANGUAGES, NEVER_CONFIRM, GuildRules, ReviewScope
from bot.domain.showcase.post import AuditEntry
from bot.i18n.catalogs import translate
from bot.i18n.formatting import format_excerpt, format_money, join_list, join_sentences
from bot.ui.review import describe_review_rules
from bot.ui.server_rules import UNSET_RULE
from bot.ui.staff_channel import StaffChannelAccess
from bot.ui.text_lists import format_limits

_MOST_CHANNELS: Final = 5
Changes = Mapping[str, Any]


def describe_rule_changes(entry: AuditEntry, locale: str | None) -> list[str]:
    """Return one sentence for each rule that an entry has changed."""
    changes = _read_changes(entry)
    describers: dict[str, Callable[[Any], str]] = {
        "paused": lambda value: _describe_pause(value, changes.get("pause_reason"), locale),
        "person_rule": lambda value: _describe_people(
            translate("server.people.server", locale), value, locale
        ),
        "confirm_above": lambda value: _describe_confirmation(value, locale),
        "extend_by": lambda value: translate(f"server.extending.{value}", locale),
        "reply_mode": lambda value: translate(f"server.replies.{value}", locale),
        "shows_prices": lambda value: translate(
            "server.prices.shown" if value else "server.prices.private", locale
        ),
        "locale": lambda value: _describe_language(value, locale),
        "allowed_channels": lambda value: _describe_channels(value, locale),
        "reports_to_hide": lambda value: (
            translate("server.reports.limit", locale, count=value)
            if value
            else translate("server.reports.off", locale)
        ),
        "review_scope": lambda _: _describe_review(changes, entry.guild_id, locale),
        "staff_channel": lambda value: _describe_staff_channel(value, locale),
    }
    if "review_scope" in changes:  # its sentence names the staff channel
        del describers["staff_channel"]
    texts = [describers[name](value) for name, value in changes.items() if name in describers]
    by_channel = changes.get("channel_person_rules", {}).items()
    return texts + [_describe_people(f"<#{channel}>", rule, locale) for channel, rule in by_channel]


def describe_limit_change(entry: AuditEntry, locale: str | None) -> list[str]:
    """Return whose limits are what now."""
    changes = _read_changes(entry)
    if "subject" not in changes:
        return []
    given, subject = changes.get("limits"), LimitSubject(changes["subject"])
    limits = None if given is None else format_limits(UsageLimits(**given), locale)
    if subject is LimitSubject.GUILD:
        if limits is None:
            return [translate("server.budget.cleared", locale)]
        return [translate("server.budget.set", locale, limits=limits)]
    whom = {
        LimitSubject.DEFAULT: translate("server.quota.default", locale),
        LimitSubject.ROLE: f"<@&{changes.get('subject_id')}>",
        LimitSubject.MEMBER: f"<@{entry.target_user_id}>"
        if entry.target_user_id is not None
        else translate("log.former_member", locale),
    }[subject]
    if limits is None:
        return [translate("server.quota.cleared", locale, whom=whom)]
    return [translate("server.quota.set", locale, whom=whom, limits=limits)]


def _read_changes(entry: AuditEntry) -> Changes:
    try:
        read = json.loads(entry.comment or "{}")
    except json.JSONDecodeError:
        return {}
    return read if isinstance(read, dict) else {}


def _describe_pause(paused: bool, reason: str | None, locale: str | None) -> str:
    if not paused:
        return translate("server.resumed", locale)
    text = translate("server.paused", locale)
    if not reason:
        return text
    return join_sentences(
        text, translate("log.reason", locale, reason=format_excerpt(reason)), locale
    )


def _describe_people(where: str, rule: str | None, locale: str | None) -> str:
    name = translate(f"choice.people.{rule or UNSET_RULE}", locale)
    return translate("server.people.set", locale, where=where, rule=name)


def _describe_confirmation(price: int | None, locale: str | None) -> str:
    if price is None:
        return translate("log.confirm_default", locale)
    if price >= NEVER_CONFIRM:
        return translate("server.confirm.never", locale)
    return translate("server.confirm.above", locale, price=format_money(Micros(price), locale))


def _describe_language(code: str | None, locale: str | None) -> str:
    if code is None:
        return translate("log.language_of_server", locale)
    return translate("log.language", locale, language=LANGUAGES.get(code, code))


def _describe_channels(ids: list[int], locale: str | None) -> str:
    names = [f"<#{channel}>" for channel in ids[:_MOST_CHANNELS]]
    names += ["…"] if len(ids) > _MOST_CHANNELS else []
    channels = join_list(names, locale) if names else translate("setup.everywhere", locale)
    return translate("setup.channels", locale, channels=channels)


def _describe_staff_channel(channel: int | None, locale: str | None) -> str:
    if channel is None:
        return translate("log.no_staff_channel", locale)
    return translate("log.staff_channel", locale, channel=f"<#{channel}>")


def _describe_review(changes: Changes, guild_id: int, locale: str | None) -> str:
    rules = GuildRules(
        guild_id,
        review_scope=ReviewScope(changes["review_scope"]),
        staff_channel=changes.get("staff_channel"),
        trusted_role=changes.get("trusted_role"),
        review_channel=changes.get("review_channel"),
    )
    text = describe_review_rules(rules, StaffChannelAccess(), locale, waiting=0, unseen=0)
    return " ".join(_strip_lines(text))


def _strip_lines(text: str) -> Iterator[str]:
    return (line.strip() for line in text.splitlines())
