"""What downloads from Google and Discord share: atomic files and name resolution.

May import `bot.observability` and `bot.domain`.
"""
