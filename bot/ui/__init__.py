"""What members see in Discord: texts, cards, buttons and menus.

Everything here builds messages and sends none. Imports `bot.services`, `bot.i18n` and
`bot.domain`, and discord.py for its view classes.
"""
