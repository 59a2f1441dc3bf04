"""The ledger, limits and usage.

May import `bot.domain`, `bot.store.engine` and `bot.store.tables`.
"""
