"""Finds the texts for members by key, so that the code contains no sentences.

Only templates that ship with the program are used as format strings. What members typed is only
ever a value for a placeholder.
"""

from functools import cache

from discord.app_commands import locale_str

from bot.i18n.translations import (
    DEFAULT_LANGUAGE,
    find_template,
    list_languages,
    negotiate_language,
)

__all__ = ["build_command_text", "has_message", "list_languages", "resolve_language", "translate"]


@cache
def resolve_language(locale: str | None) -> str:
    """Return the language for someone whose Discord is set to ``locale`` (``pt-BR``)."""
    return negotiate_language([locale] if locale else [])


def translate(key: str, locale: str | None = None, /, **values: object) -> str:
    """Return the text ``key`` in the language of ``locale``, filled with ``values``.

    ``count`` chooses the plural form. Raises `KeyError` if English does not have the key either.
    """
    count = values.get("count")
    plural = count if isinstance(count, int) else None
    template = find_template(key, resolve_language(locale), plural)
    return template.format(**values) if values else template


def has_message(key: str) -> bool:
    try:
        find_template(key, DEFAULT_LANGUAGE)
    except KeyError:
        return False
    return True


def build_command_text(key: str) -> locale_str:
    """Return the English name or description ``key``, which Discord gets in every language."""
    return locale_str(find_template(key, DEFAULT_LANGUAGE), key=key)
