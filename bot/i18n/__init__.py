"""What the bot and its pages say, in six languages: catalogues, formatting, ``locales/*.po``.

Imports the domain, Babel and, except for `bot.i18n.translations`, discord.py's value types.
"""
