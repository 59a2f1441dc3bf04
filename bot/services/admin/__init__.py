"""Use cases around a server: its rules, limits, models and data.

May import `bot.store`, `bot.domain` and what they may import, but nothing of Discord.
"""
