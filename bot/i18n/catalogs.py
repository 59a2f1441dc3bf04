"""Everything people read, found by message id: no sentence stands in the code.

A text is a template of a Babel catalogue (``bot/locales/LANGUAGE/LC_MESSAGES/clapper.po``) whose
placeholders have names. Values, and so whatever a person typed, are only ever put *into* templates
that ship with the program: nothing user-given is used as a format string.
"""

import gettext
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from discord.app_commands import locale_str

DEFAULT_LOCALE: Final = "en-US"
_LOCALES_DIR: Final = Path(__file__).parent / "locales"
_GETTEXT_DOMAIN: Final = "clapper"


@cache
def list_languages() -> tuple[str, ...]:
    """Return the languages that have a catalogue, by the names of their folders (``en``)."""
    found = (
        path.parent.parent.name for path in _LOCALES_DIR.glob(f"*/LC_MESSAGES/{_GETTEXT_DOMAIN}.po")
    )
    return tuple(sorted(found))


@cache
def load_translations(language: str) -> gettext.GNUTranslations:
    """Return the texts of ``language``; compiled here, so that nothing generated is kept."""
    path = _LOCALES_DIR / language / "LC_MESSAGES" / f"{_GETTEXT_DOMAIN}.po"
    with path.open("rb") as file:
        messages = read_po(file, locale=language.replace("-", "_"))
    compiled = BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


@cache
def resolve_language(locale: str | None) -> str:
    """Return the language to speak to someone whose Discord is set to ``locale`` (``pt-BR``)."""
    wanted = locale or DEFAULT_LOCALE
    offered = list_languages()
    if wanted in offered:
        return wanted
    base = wanted.partition("-")[0]
    return base if base in offered else "en"


def translate(key: str, locale: str | None = None, /, **values: object) -> str:
    """Return the text ``key`` in the language of ``locale``, filled with ``values``.

    A text with plural forms is chosen by ``count``. Raises `KeyError` for a key that not even
    English has: a fault of the program, which a test finds.
    """
    count = values.get("count")
    plural = count if isinstance(count, int) else None
    template = _find_template(key, resolve_language(locale), plural)
    return template.format(**values) if values else template


def has_message(key: str) -> bool:
    """Return whether there is an English text ``key``."""
    return _find_message(key, "en", None) is not None


def build_command_text(key: str) -> locale_str:
    """Return the name or description ``key`` for a command: English, translatable by its key."""
    return locale_str(_find_template(key, "en", None), key=key)


def _find_template(key: str, language: str, count: int | None) -> str:
    for spoken in dict.fromkeys((language, "en")):
        found = _find_message(key, spoken, count)
        if found is not None:
            return found
    raise KeyError(key)


def _find_message(key: str, language: str, count: int | None) -> str | None:
    texts = load_translations(language)
    if count is not None:
        found = texts.ngettext(key, key, count)
        if found != key:
            return found
    found = texts.gettext(key)
    return None if found == key else found
