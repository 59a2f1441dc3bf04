"""Use cases of admins and members about a server: its rules, limits, models and data.

May import `bot.store`, `bot.domain` and what lies below them; nothing of Discord.
"""
