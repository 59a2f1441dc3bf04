"""What members see in Discord: texts, cards, buttons and menus.

This package builds messages, but never sends them. It imports `bot.services`, `bot.i18n`,
`bot.domain` and the view classes of discord.py.
"""
