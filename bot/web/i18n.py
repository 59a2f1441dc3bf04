"""The language of a page: chosen by the visitor's switch, else by what their browser asks for.

The texts stand in catalogues of their own (``bot/locales/LANGUAGE/LC_MESSAGES/web.po``), because
a page needs other words than a message, and are looked up like the bot's.
"""

import gettext
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

LANGUAGES: Final[Mapping[str, str]] = {
    "en": "English",
    "zh-CN": "简体中文",
    "ja": "日本語",
    "es": "Español",
    "de": "Deutsch",
    "fr": "Français",
}
"""The languages of the pages, each in its own name."""
DEFAULT_LANGUAGE: Final = "en"
_LOCALES_FOLDER: Final = Path(__file__).parents[1] / "i18n" / "locales"
_MAX_LANGUAGE_RANGES: Final = 20


@dataclass(frozen=True, slots=True)
class PageTexts:
    """Texts, dates and numbers in one language (a key of `LANGUAGES`)."""

    language: str

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the text ``key``, filled; of plural forms the one for ``count``.

        Raises `KeyError` for a key that there is not: a fault of the program, which a test finds.
        """
        texts = load_translations(self.language)
        count = values.get("count")
        if isinstance(count, int):
            template = texts.ngettext(key, key, count)
            values["count"] = self.format_number(count)
        else:
            template = texts.gettext(key)
        if template == key:
            raise KeyError(key)
        return template.format(**values) if values else template

    def format_number(self, value: int) -> str:
        """Return a number as the language writes it."""
        return format_decimal(value, locale=_to_babel_locale(self.language))

    def format_day(self, at: datetime) -> str:
        """Return the day of a time, in UTC."""
        return format_date(at, "medium", locale=_to_babel_locale(self.language))


def _to_babel_locale(language: str) -> str:
    return language.replace("-", "_")


@cache
def load_translations(language: str) -> gettext.GNUTranslations:
    """Return the texts of a language, compiled here so that nothing generated is kept."""
    path = _LOCALES_FOLDER / language / "LC_MESSAGES" / "web.po"
    with path.open("rb") as file:
        messages = read_po(file, locale=_to_babel_locale(language))
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def negotiate_locale(switch: str | None, accepted: str | None) -> str:
    """Return the language to answer in.

    ``switch`` is what the visitor once chose, ``accepted`` their ``Accept-Language`` (RFC 9110,
    12.5.4): the range with the highest weight that we speak.
    """
    if switch is not None and switch in LANGUAGES:
        return switch
    for wanted in _sort_by_weight(accepted or ""):
        found = _match_language(wanted)
        if found is not None:
            return found
    return DEFAULT_LANGUAGE


def _sort_by_weight(accepted: str) -> list[str]:
    ranges = []
    for part in accepted.split(",")[:_MAX_LANGUAGE_RANGES]:
        name, _, parameter = part.partition(";")
        weight = parameter.strip().removeprefix("q=") or "1"
        try:
            quality = float(weight)
        except ValueError:
            continue
        if name.strip() and quality > 0:
            ranges.append((quality, name.strip().lower()))
    return [name for _, name in sorted(ranges, key=lambda each: -each[0])]


def _match_language(wanted: str) -> str | None:
    base = wanted.partition("-")[0]
    for language in LANGUAGES:
        if language.lower() == wanted or language.partition("-")[0] == base:
            return language
    return None
