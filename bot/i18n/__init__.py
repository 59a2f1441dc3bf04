"""The texts of the bot and the web pages in six languages, and their formatting.

Imports the domain, Babel and, except for `bot.i18n.translations`, discord.py's value types.
"""
