"""Finished clips: finding them, their files and thumbnails, retention and deletion.

May import `bot.store`, `bot.observability` and `bot.domain`; Google, Discord and the encoder are
reached through the ports of `bot.domain`.
"""
