"""Where each text is shown, how long it may be there, and the longest values of placeholders."""

import string
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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

__all__ = ["PLACES", "Place", "fill_text", "find_places", "list_texts", "measure_width"]


@dataclass(frozen=True, slots=True)
class Place:
    """``patterns`` name the keys shown there, as in a shell; ``limit`` counts filled texts.

    ``in_columns`` counts signs of Chinese and Japanese twice, as they are twice as wide.
    """

    name: str
    limit: int
    patterns: tuple[str, ...]
    in_columns: bool = False
    suffix: Callable[[str], str] | None = None
    """What follows on the text in the same place, given the language."""


def _follow_with_price(language: str) -> str:
    return f" · {_format_price_of_clip(language)}"


PLACES: Final = (
    Place("name of a command or option: Discord's limit", 32, ("name.*",)),
    Place("name of a menu: Discord's limit", 32, ("menu.*",)),
    Place("description of a command or option: Discord's limit", 100, ("command.*", "option.*")),
    Place("choice of an option or select: Discord's limit", 100, ("choice.*",)),
    # Discord takes 80, but a phone of 360 pixels shows one button of about 34 columns in a row,
    # and cuts what is longer. The price comes last, where it would be cut.
    Place("button, in a phone's width", 34, ("button.*",), in_columns=True),
    Place(
        "button with a price behind it, in a phone's width",
        34,
        (
            "button.reply",
            "button.reply_edit",
            "button.reply_without_image",
            "button.edit_with_image",
            "button.extend_one",
            "button.edit_clip_one",
        ),
        in_columns=True,
        suffix=_follow_with_price,
    ),
    Place("title of a form: Discord's limit", 45, ("form.*.title",)),
    Place("label of an input: Discord's limit", 45, ("form.*.label",)),
    Place("placeholder of an input: Discord's limit", 100, ("form.*.hint",)),
    # Discord takes 150, and shows one line.
    Place("placeholder of a select", 60, ("setup.*_hint",)),
    # A sentence with several of them is still read at a glance.
    Place(
        "words within another text",
        60,
        (
            "clips",
            "content_kind.*",
            "limit.*_at_once",
            "limit.*_per_*",
            "list.separator",
            "log.former_member",
            "mode.*",
            "offer.*",
            "people.*",
            "permission.*",
            "plan.continuation",
            "plan.edit",
            "plan.extension",
            "quota.name.*",
            "quota.scope.*",
            "safety.*",
            "scope.*",
            "seconds",
            "server.people.left.*",
            "server.people.server",
            "server.words.operators",
            "server.words.servers",
            "server.quota.default",
            "server.quota.guild",
            "server.quota.nothing_set",
            "setup.everywhere",
            "setup.nowhere",
            "showcase.prompt_hidden",
            "showcase.prompt_shown",
            "state.*",
            "usage.former",
            "input_kind.*",
            "ask.videos",
            "details.cuts_allowed",
            "details.default",
            "details.random",
        ),
    ),
    # A card's line of facts, and what stands before a value in *Details*.
    Place(
        "fact in a line of several",
        80,
        (
            "card.*",
            "chain.begins_with_frame",
            "chain.edited",
            "chain.extended*",
            "chain.from",
            "chain.orphan",
            "details.*",
        ),
    ),
    # Lists end at `MESSAGE_LIMIT`, so longer lines only mean fewer of them: at least five.
    Place(
        "line of a list",
        MESSAGE_LIMIT // 5,
        (
            "chain.alone",
            "chain.more",
            "chain.title",
            "digest.*",
            "showcase_entry.*",
            "history.line",
            "history.title",
            "jobs.line",
            "jobs.title",
            "log.*",
            "models.*",
            "quota.frees",
            "quota.left*",
            "quota.line",
            "quota.title",
            "server.people.choice*",
            "server.quota.title",
            "setup.fine",
            "setup.lacking",
            "setup.unseen",
            "showcase.mine",
            "showcase.that_week",
            "showcase.top",
            "unknown.line",
            "unknown.watched",
            "usage.line",
            "usage.title",
        ),
    ),
    # What is joined is measured in its own place.
    Place("two texts joined", MESSAGE_LIMIT, ("list.labeled", "list.sentences")),
    # A message joins up to three: a note on a picture, a question with its price, what is left.
    Place(
        "sentences of a message",
        MESSAGE_LIMIT // 3,
        (
            "animate.which",
            "ask.*",
            "cancel.*",
            "report.*",
            "review.*",
            "server.reports.*",
            "server.review.*",
            "server.staff.*",
            "check.*",
            "content_refused.*",
            "content_unchecked.*",
            "card.differs",
            "card.fitted",
            "card.late",
            "card.missing",
            "card.original_*",
            "card.too_large",
            "clip.which",
            "delete.*",
            "error.*",
            "eta.*",
            "get.done",
            "history.none*",
            "showcase_settings.*",
            "image.*",
            "jobs.none",
            "limit.frees*",
            "limit.never_frees",
            "limit.reached",
            "log.arrange*",
            "log.none",
            "log.reason",
            "server.log.*",
            "mention.*",
            "moderated.*",
            "models.none",
            "not_allowed.*",
            "not_found.*",
            "notice.ready",
            "notify.*",
            "offer.changes",
            "outcome.*",
            "paused.*",
            "image_note.*",
            "plan.edit_keeps",
            "plan.new_shot",
            "privacy.export",
            "privacy.forgotten",
            "privacy.will_be",
            "privacy.working",
            "quota.unlimited",
            "reply.*",
            "rule.*",
            "server.budget.*",
            "server.confirm.*",
            "server.extending.*",
            "server.prices.*",
            "server.age.*",
            "server.block.*",
            "server.words.*",
            "question.*",
            "words_refused.*",
            "word_entry.*",
            "blocked.*",
            "server.paused",
            "server.people.*",
            "server.quota.*",
            "server.replies.*",
            "server.resumed",
            "server_page.*",
            "showcase.*",
            "stage.*",
            "status.*",
            "unknown.*",
            "usage.none",
            "user_install.opening",
        ),
    ),
    Place(
        "message of its own",
        MESSAGE_LIMIT,
        (
            "error.channel_not_allowed",
            "leaving.not_allowed",
            "image.of_file",
            "image.of_option",
            "privacy.confirm",
            "privacy.kept",
            "report.notice.*",
            "showcase.public_notice*",
        ),
    ),
    # 4,000 characters in all: `test_components` builds these cards whole.
    Place("part of a card", 1000, ("help.*", "setup.*", "welcome.*")),
    Place("what members type: not shown", 1000, ("reply_words.*",)),
)


def find_places(key: str) -> list[Place]:
    """Return the places of a key: those with the most exact pattern for it."""
    found = [
        (len(pattern.replace("*", "")), place)
        for place in PLACES
        for pattern in place.patterns
        if fnmatchcase(key, pattern)
    ]
    most = max((exactness for exactness, _ in found), default=0)
    return [place for exactness, place in found if exactness == most]


@cache
def list_texts(language: str) -> dict[str, tuple[str, ...]]:
    """Return every text of a language by its key, with all its plural forms."""
    forms: dict[str, tuple[str, ...]] = {}
    for key, text in load_translations(language)._catalog.items():
        if key:
            name = key[0] if isinstance(key, tuple) else key
            forms[name] = (*forms.get(name, ()), text)
    return forms


def measure_width(text: str) -> int:
    """Return the columns that a text takes, where a Latin letter takes one."""
    return sum(1 + (unicodedata.east_asian_width(sign) in "WF") for sign in text)


def fill_text(key: str, template: str, language: str) -> str:
    """Fill the placeholders with the longest values. Raises `KeyError` for one without a value."""
    names = {name for _, name, _, _ in string.Formatter().parse(template) if name}
    return template.format(**{name: _find_value(key, name, language) for name in names})


def _find_value(key: str, name: str, language: str) -> str:
    for pattern, value in _VALUES:
        if fnmatchcase(f"{key}:{name}", pattern):
            return value if isinstance(value, str) else value(language)
    raise KeyError(f"{key} has a placeholder {name}, of which places.py knows no longest value")


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


def _format_price_of_clip(language: str) -> str:
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
    ("models.line:prices", lambda language: " / ".join([_format_price_of_clip(language)] * 4)),
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
