"""Google's webhooks: registering ours, and what their events lead to.

May import `bot.store`, `bot.services.jobs`, `bot.observability` and `bot.domain`, but nothing of
Google or Discord.
"""
