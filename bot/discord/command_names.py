"""Translates commands with the message catalogs.

Commands and options are declared with their English names, which also form the keys, such as
``name.command.video.generate`` and ``name.option.prompt``. Descriptions, choices and menus have
explicit keys. Discord shows the names of the member's language, but always sends the English ones.
"""

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
from bot.i18n.translations import DEFAULT_LANGUAGE


class CommandTranslator(Translator):
    async def translate(
        self, string: locale_str, locale: discord.Locale, context: TranslationContextTypes
    ) -> str | None:
        """Return ``string`` in a language, or `None` if it should stay in English."""
        key = find_text_key(string, context.data)
        is_english = resolve_language(locale.value) == DEFAULT_LANGUAGE
        if key is None or is_english or not has_message(key):
            return None
        return translate(key, locale.value)


def find_text_key(string: locale_str, command: object) -> str | None:
    key = string.extras.get("key")
    if isinstance(key, str):
        return key
    if isinstance(command, Parameter):
        return f"name.option.{command.name}"
    if isinstance(command, (Command, Group)):
        path = command.qualified_name.replace(" ", ".")
        return f"name.command.{path}"
    return None
