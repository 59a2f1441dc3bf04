"""Talking to Discord: the client, and messages that are sent, edited, found and deleted.

What messages look like is `bot.ui`'s part; commands are the cogs'. Imports `bot.ui`,
`bot.transfer`, `bot.i18n` and `bot.domain`.
"""
