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

from bot.i18n.catalogs import knows, language_for, say

_ENGLISH: Final = frozenset({"en"})


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
        key = text_key(string, context.data)
        if key is None or not knows(key) or language_for(locale.value) in _ENGLISH:
            return None
        return say(key, locale.value)


def text_key(string: locale_str, named: object) -> str | None:
    """Return the message id of a command's text; ``named`` is what it is the name of."""
    key = string.extras.get("key")
    if isinstance(key, str):
        return key
    if isinstance(named, Parameter):
        return f"name.option.{named.name}"
    if isinstance(named, (Command, Group)):
        path = named.qualified_name.replace(" ", ".")
        return f"name.command.{path}"
    return None
