"""The Discord client, and the code that sends, edits, finds and deletes messages.

`bot.ui` builds the messages, and the cogs define the commands. May import `bot.ui`, `bot.transfer`,
`bot.i18n` and `bot.domain`.
"""
