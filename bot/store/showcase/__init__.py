"""The showcase: posts, stars, settings, weekly digests, the public gallery, the audit log.

May import `bot.domain`, `bot.store.engine`, `bot.store.tables` and `bot.store.jobs`.
"""
