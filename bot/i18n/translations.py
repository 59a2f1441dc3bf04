"""Message catalogs, read by Babel.

Each language has one for the bot (``clapper.po``) and one for the web pages (``web.po``). The web
server uses this module too, so it does not import discord.py.
"""

from collections.abc import Iterable
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.core import negotiate_locale
from babel.support import Translations

from bot.i18n.compiled_catalogs import read_compiled_catalog

DEFAULT_LANGUAGE: Final = "en"
_LOCALES_DIR: Final = Path(__file__).parent / "locales"


@cache
def list_languages() -> tuple[str, ...]:
    """Return the languages that have catalogs, by the names of their folders (``zh-CN``)."""
    return tuple(sorted(path.name for path in _LOCALES_DIR.iterdir() if path.is_dir()))


def compile_catalogs() -> None:
    """Compile all catalogs, for an image whose folders the bot cannot write to."""
    for language in list_languages():
        for path in (_LOCALES_DIR / language / "LC_MESSAGES").glob("*.po"):
            read_compiled_catalog(path, to_babel_locale(language))


@cache
def load_translations(language: str, domain: str = "clapper") -> Translations:
    path = _LOCALES_DIR / language / "LC_MESSAGES" / f"{domain}.po"
    return Translations(
        BytesIO(read_compiled_catalog(path, to_babel_locale(language))),
        domain,
    )


def negotiate_language(preferred: Iterable[str]) -> str:
    """Return the first language of ``preferred`` (locales such as ``pt-BR``), else English."""
    offered = {language.lower(): language for language in list_languages()}
    aliases = {language.partition("-")[0]: language for language in offered if "-" in language}
    match = negotiate_locale(preferred, offered, sep="-", aliases=aliases) or DEFAULT_LANGUAGE
    return offered[match.lower()]


def to_babel_locale(language: str) -> str:
    """Return ``language`` in Babel's spelling: ``zh_CN``."""
    return language.replace("-", "_")


def find_template(
    key: str, language: str, count: int | None = None, *, domain: str = "clapper"
) -> str:
    """Return the text ``key`` in ``language`` or else in English, in the plural form for ``count``.

    Raises `KeyError` if English does not have the key either.
    """
    for candidate in (language, DEFAULT_LANGUAGE):
        translations = load_translations(candidate, domain)
        # gettext returns the key itself if there is no translation
        if count is not None and (text := translations.ngettext(key, key, count)) != key:
            return text
        if (text := translations.gettext(key)) != key:
            return text
    raise KeyError(key)
