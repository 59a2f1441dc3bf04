"""What HTTP requests share: name resolution, bodies of limited length, and atomic files.

May import `bot.observability` and `bot.domain`.
"""
