"""Commands in every language: discord.py's translator over the catalogue.

Names are found by where they stand (``name.command.video.generate``, ``name.option.prompt``), so
that a command is declared under its plain English name; descriptions, choices and menus carry the
key of their text. Discord shows a person the language of their client and sends the English names
back, whatever was shown.
"""

from typing import Final

import discord
from discord.app_commands import (
    Command,
    Group,
    Parameter,
    TranslationContextTypes,
    Translator,
    locale_str,
)

from bot.i18n.catalogs import has_message, resolve_language, translate

_UNTRANSLATED_LANGUAGES: Final = frozenset({"en"})


class CommandTranslator(Translator):
    """Answers discord.py when it registers commands."""

    async def translate(
        self,
        string: locale_str,
        locale: discord.Locale,
        context: TranslationContextTypes,
    ) -> str | None:
        """Return ``string`` in a language, or ``None`` where English, the default, holds.

        A text that nobody wrote is English too: a test finds it, and it must not keep all the
        other commands from being registered.
        """
        key = find_text_key(string, context.data)
        if (
            key is None
            or not has_message(key)
            or resolve_language(locale.value) in _UNTRANSLATED_LANGUAGES
        ):
            return None
        return translate(key, locale.value)


def find_text_key(string: locale_str, command: object) -> str | None:
    """Return the message id of a command's text; ``named`` is what it is the name of."""
    key = string.extras.get("key")
    if isinstance(key, str):
        return key
    if isinstance(command, Parameter):
        return f"name.option.{command.name}"
    if isinstance(command, (Command, Group)):
        path = command.qualified_name.replace(" ", ".")
        return f"name.command.{path}"
    return None
