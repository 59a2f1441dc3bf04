"""Chooses the language of a page, and finds its texts in the message catalog ``web``."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from babel.dates import format_date, format_timedelta
from babel.numbers import format_decimal

from bot.domain.guild import LANGUAGES as DISCORD_LANGUAGES
from bot.i18n.translations import find_template, negotiate_language, to_babel_locale
from bot.web.negotiation import parse_weighted_list

LANGUAGES: Final = {
    negotiate_language([locale]): name for locale, name in DISCORD_LANGUAGES.items()
}
"""The languages of the pages, with their native names."""

LANGUAGE_PARAMETER: Final = "lang"
"""Gives each language of a page an address, which search engines need; visitors need none."""


@dataclass(frozen=True, slots=True)
class PageTexts:
    """Texts, dates and numbers in one language (a key of `LANGUAGES`)."""

    language: str

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the text ``key``, filled with ``values``. ``count`` chooses the plural form.

        Raises `KeyError` if the key does not exist.
        """
        count = values.get("count")
        if not isinstance(count, int):
            template = find_template(key, self.language, domain="web")
        else:
            template = find_template(key, self.language, count, domain="web")
            values["count"] = self.format_number(count)
        return template.format(**values) if values else template

    def format_number(self, value: float) -> str:
        return format_decimal(value, locale=to_babel_locale(self.language))

    def format_days(self, days: float) -> str:
        """Return a number of days, such as "90 days"; parts of days in hours."""
        return format_timedelta(
            timedelta(days=days),
            granularity="day" if days == int(days) else "hour",
            threshold=float("inf"),  # otherwise 90 days were three months
            locale=to_babel_locale(self.language),
        )

    def format_day(self, at: datetime) -> str:
        """Return the day of a time, in UTC."""
        return format_date(at, "medium", locale=to_babel_locale(self.language))


def choose_language(
    cookie: str | None, accept_language: str | None, *, wanted: str | None = None
) -> str:
    """Return the language of the visitor's ``cookie``, or else the one their browser prefers.

    A language that is ``wanted`` by the page's address comes before both. ``accept_language`` is
    the header of RFC 9110, 12.5.4.
    """
    for chosen in (wanted, cookie):
        if chosen is not None and chosen in LANGUAGES:
            return chosen
    # there are no texts for zh-TW, but its readers get zh
    ranges = [
        (quality, [name, name.partition("-")[0]])
        for name, quality in parse_weighted_list(accept_language)
        if quality > 0
    ]
    ranges.sort(key=lambda weighted: -weighted[0])
    return negotiate_language(name for _, names in ranges for name in names)
