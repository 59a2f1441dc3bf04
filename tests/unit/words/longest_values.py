"""The longest value of each placeholder, and texts filled with them."""

import string
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from bot.config.model_catalog import load_catalog
from bot.domain.billing.limits import UsageLimits
from bot.domain.billing.money import Micros, to_micros
from bot.domain.moderation.word_list import MAX_ENTRY_LENGTH
from bot.i18n.formatting import MESSAGE_LIMIT, format_excerpt, format_money, join_list
from bot.i18n.translations import load_translations
from bot.ui.offer_text import format_model_strengths
from bot.ui.text_lists import format_limits

__all__ = ["fill_text", "format_price_of_clip", "list_texts"]


@cache
def list_texts(language: str) -> dict[str, tuple[str, ...]]:
    """Return every text of a language by its key, with all its plural forms."""
    forms: dict[str, tuple[str, ...]] = {}
    for key, text in load_translations(language)._catalog.items():
        if key:
            name = key[0] if isinstance(key, tuple) else key
            forms[name] = (*forms.get(name, ()), text)
    return forms


def fill_text(key: str, template: str, language: str) -> str:
    """Fill the placeholders with the longest values. Raises `KeyError` for one without a value."""
    names = {name for _, name, _, _ in string.Formatter().parse(template) if name}
    return template.format(**{name: _find_value(key, name, language) for name in names})


def _find_value(key: str, name: str, language: str) -> str:
    for pattern, value in _VALUES:
        if fnmatchcase(f"{key}:{name}", pattern):
            return value if isinstance(value, str) else value(language)
    raise KeyError(
        f"{key} has a placeholder {name}, of which longest_values.py knows no longest value"
    )


def _longest(*patterns: str) -> Callable[[str], str]:
    """Return the longest text whose key fits, filled."""

    def find(language: str) -> str:
        return max(_fill_all(patterns, language), key=len)

    return find


def _all(pattern: str) -> Callable[[str], str]:
    def join(language: str) -> str:
        return join_list(_fill_all((pattern,), language), language)

    return join


def _fill_all(patterns: tuple[str, ...], language: str) -> Iterator[str]:
    for key, forms in list_texts(language).items():
        if any(fnmatchcase(key, pattern) for pattern in patterns):
            yield from (fill_text(key, form, language) for form in forms)


def _format_price(language: str) -> str:
    return format_money(to_micros("9999.99"), language)


def format_price_of_clip(language: str) -> str:
    """Return the price of a dear clip; Veo's dearest costs under $5."""
    return format_money(Micros(9_990_000), language)


def _format_limits(language: str) -> str:
    million = to_micros("1000000")
    return format_limits(UsageLimits(10**6, 10**6, million, million, 10**6), language)


def _format_money_limits(language: str) -> str:
    million = to_micros("1000000")
    return format_limits(UsageLimits(usd_per_day=million, usd_per_month=million), language)


def _describe_model(language: str) -> str:
    models = load_catalog().models
    return max(
        (f"{model.name}: {format_model_strengths(model, language)}" for model in models), key=len
    )


def _list_permissions(language: str) -> str:
    return join_list((f"**{name}**" for name in _fill_all(("permission.*",), language)), language)


_NAMES: Final = [model.name for model in load_catalog().models]
_MODEL: Final = max(_NAMES, key=len)
_MODELS: Final = ", ".join(sorted(set(_NAMES)))
_MODEL_ID: Final = max((model.id for model in load_catalog().models), key=len)
_TIME: Final = "<t:1795608000:f>"
_TYPED: Final = "**_`~|" * 100
"""Each sign is escaped."""
_SNOWFLAKE: Final = "1234567890123456789"
_ADDRESS: Final = "https://gallery.example.org/" + "x" * 172
_MESSAGE: Final = f"https://discord.com/channels/{_SNOWFLAKE}/{_SNOWFLAKE}/{_SNOWFLAKE}"
_NAME: Final = "\\_" * 32
_CHANNEL: Final = f"<#{_SNOWFLAKE}>"
_NUMBER: Final = "9999999"
_LINKED_CLIP: Final = f"[#{_NUMBER}]({_MESSAGE})"

_VALUES: Final[tuple[tuple[str, str | Callable[[str], str]], ...]] = (
    ("check.ours:clip", _LINKED_CLIP),
    ("check.ours:origin", _longest("card.origin")),
    ("check.how:*", _longest("name.option.*")),
    ("check.claim:says", _all("check.says.*")),
    ("check.*:signer", "\\_" * 80),
    ("setup.moderation:clips", _longest("choice.review.*")),
    ("setup.moderation:reports", _longest("choice.hide_after.*")),
    ("list.*:*", "x" * (MESSAGE_LIMIT // 3)),
    ("button.*:clip", _NUMBER),
    ("history.line:clip", lambda language: f"{_LINKED_CLIP} ⤷ {_longest('card.edit')(language)} ·"),
    ("showcase_entry.line:clip", _LINKED_CLIP),
    ("*:clip", f"#{_NUMBER}"),
    ("*:parent", f"#{_NUMBER}"),
    ("*:root", f"#{_NUMBER}"),
    ("*:job", _NUMBER),
    ("*:request", _NUMBER),
    ("form.*:word", "x" * MAX_ENTRY_LENGTH),
    ("*:word", "\\_" * MAX_ENTRY_LENGTH),
    ("*:entry", "\\_" * MAX_ENTRY_LENGTH),
    ("*:list", _longest("server.words.operators", "server.words.servers")),
    ("log.*:change", "+1000"),
    ("log.more_alike:line", "x" * 200),
    ("log.language:language", "Español"),
    ("*:member", f"<@{_SNOWFLAKE}>"),
    ("*:whom", f"<@&{_SNOWFLAKE}>"),
    ("*:who", f"<@{_SNOWFLAKE}>"),
    ("*:creator", _NAME),
    ("*:channel", _CHANNEL),
    ("*:staff", _CHANNEL),
    ("*:role", f"<@&{_SNOWFLAKE}>"),
    ("*:channels", ", ".join([_CHANNEL] * 25)),
    ("*:where", _MESSAGE),
    ("welcome.money:*", _format_money_limits),
    ("showcase.*:server", "\\_" * 100),
    ("report.*:server", "\\_" * 100),
    ("content_refused.*:kinds", _all("content_kind.*")),
    ("review.*:kinds", _all("content_kind.*")),
    ("outcome.*:kinds", _all("content_kind.*")),
    ("leaving.*:server", _SNOWFLAKE),
    ("showcase.choices:prompt", _longest("showcase.prompt_*")),
    ("status.*:prompt", format_excerpt(_TYPED)),
    ("takes.asks:prompt", format_excerpt(_TYPED)),
    ("*:prompt", format_excerpt(_TYPED, 60)),
    ("image.of_file:name", "\\_" * 60),
    ("server_page.*:text", format_excerpt(_TYPED, 60)),
    ("image.of_*:text", _longest("image.image_*", "image.not_*")),
    ("models.*:name", _MODEL),
    ("*:name", _NAME),
    ("*:id", _MODEL_ID),
    ("*:models", _MODELS),
    ("*:model", _MODEL),
    ("*:replacement", _MODEL),
    ("models.line:modes", _all("input_kind.*")),
    ("models.line:lengths", "3, 4, 5, 6, 7, 8, 9, 10"),
    ("models.line:prices", lambda language: " / ".join([format_price_of_clip(language)] * 4)),
    ("models.line:mark", "✓"),
    ("models.reason:reason", "x" * 100),
    ("*:reason", "x" * 400),
    ("*:link", _ADDRESS),
    ("help.legal:*", _ADDRESS),
    ("quota.left_part:left", _format_price),
    ("quota.line:left", _format_price),
    ("server.people.choice:left", _all("server.people.left.no_*")),
    ("limit.*:whose", _longest("scope.*")),
    ("quota.line:limit", _longest("quota.name.*")),
    ("limit.*:limit", _longest("limit.*_per_*")),
    ("quota.*:limit", _longest("limit.*_per_*")),
    ("*:limits", _format_limits),
    ("*:limit", "500 MiB"),
    ("quota.left:parts", _format_limits),
    ("jobs.*:asked", _TIME),
    ("unknown.*:asked", _TIME),
    ("question.*:asked", _TIME),
    ("*:asked", _format_price),
    ("*:used", _format_price),
    ("*:allowed", _format_price),
    ("choice.confirm.unset:default", lambda language: _longest("choice.confirm.amount")(language)),
    ("choice.*:language", "Português do Brasil"),
    ("choice.priced:value", _describe_model),
    ("choice.priced:price", lambda language: format_money(to_micros("99.99"), language)),
    ("choice.*:resolution", "1080p"),
    ("*:price", _format_price),
    ("*:usual", _format_price),
    ("takes.*:full", _format_price),
    ("*:paid", _format_price),
    ("*:reserved", _format_price),
    ("*:total", _format_price),
    ("showcase_settings.digest:day", _longest("choice.day.*")),
    ("showcase_settings.curation:rule", _longest("choice.curation.*")),
    ("*:rule", _longest("people.*", "choice.people.*")),
    ("showcase.*:consent", _longest("choice.consent.*")),
    ("showcase.*:period", _longest("choice.period.*")),
    ("*:zone", max(available_timezones(), key=len)),
    ("*:missing", _list_permissions),
    ("*:mode", _longest("mode.*")),
    ("rule.*:when", _longest("input_kind.*")),
    ("limit.*:when", f"{_TIME} ({_TIME})"),
    ("outcome.*:when", f"{_TIME} ({_TIME})"),
    ("*:when", _TIME),
    ("*:until", _TIME),
    ("*:since", _TIME),
    ("*:soon", _TIME),
    ("*:late", _TIME),
    ("*:made", _TIME),
    ("*:day", _TIME),
    ("*:date", _TIME),
    ("*:expired_at", _TIME),
    ("*:state", _longest("state.*")),
    ("*:clips", _longest("clips")),
    ("history.line:seconds", _longest("seconds")),
    ("usage.line:seconds", _longest("seconds")),
    ("*:seconds", "1048"),
    ("*:categories", _all("safety.*")),
    ("*:changes", _all("offer.[!c]*")),
    ("digest.*:line", _longest("showcase_entry.line")),
    ("*:what", f"{_MODEL} · 148 s · 16:9 · 1080p · **$99.99**"),
    ("*:known", ", ".join(["reference"] * 12)),
    ("*:parameter", _longest("name.option.*")),
    ("*:option", _longest("name.option.*")),
    ("*:value", "x" * 100),
    ("*:kind", "x" * 40),
    ("*:star", "<:star:1234567890123456789>"),
    ("*:size", "10000×10000"),
    ("*:good", "10000×10000"),
    ("*:aspect_ratio", "16:9"),
    ("*:ratio", "16:9"),
    ("*:wished", "10000×10000"),
    ("*:resolution", "1080p"),
    ("*:has", "1080p"),
    ("*:needs", "1080p"),
    ("*:added", "+148 s"),
    ("*:number", _SNOWFLAKE),
    *(
        (f"*:{name}", "1000000")
        for name in (
            "blocked",
            "characters",
            "count",
            "days",
            "excess",
            "grace",
            "height",
            "hops",
            "hour",
            "jobs",
            "least",
            "log",
            "mebibytes",
            "megapixels",
            "most",
            "percent",
            "place",
            "removed",
            "result",
            "side",
            "votes",
            "width",
            "words",
        )
    ),
)
"""The longest value of each placeholder; the first whose pattern fits ``key:name`` counts."""
