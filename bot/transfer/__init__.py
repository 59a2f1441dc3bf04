"""Getting bytes onto the disk: files that appear whole or not at all, and name resolution.

Shared by Google's and Discord's downloads; may import `bot.observability` and `bot.domain`.
"""
