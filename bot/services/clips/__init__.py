"""Finished clips: finding them, their files and thumbnails, retention and deletion.

May import `bot.store`, `bot.observability` and `bot.domain`, but nothing of Google or Discord.
"""
