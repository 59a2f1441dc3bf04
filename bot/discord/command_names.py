"""Commands in every language: discord.py's translator over the message catalogs.

Commands and options are declared with their English names, and the key is built from those
(``name.command.video.generate``, ``name.option.prompt``); descriptions, choices and menus carry
their own key. Discord shows the member's language and always sends the English names back.
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
    async def translate(
        self, string: locale_str, locale: discord.Locale, context: TranslationContextTypes
    ) -> str | None:
        """Return ``string`` in a language; ``None`` leaves it in English.

        A missing text stays English, so that it does not keep the commands from being registered;
        a test reports it.
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
    key = string.extras.get("key")
    if isinstance(key, str):
        return key
    if isinstance(command, Parameter):
        return f"name.option.{command.name}"
    if isinstance(command, (Command, Group)):
        path = command.qualified_name.replace(" ", ".")
        return f"name.command.{path}"
    return None
