"""Jobs and related rows: admission, claims, transitions, clips, workers, models.

May import `bot.domain`, `bot.store.engine`, `bot.store.tables` and `bot.store.billing`.
"""
