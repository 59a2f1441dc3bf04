"""A server's showcase: adding and withdrawing clips, votes, the weekly digest, maintenance.

May import `bot.store`, `bot.observability` and `bot.domain`, but nothing of Discord.
"""
