"""The tables, and the mapping between rows and domain objects.

May import `bot.domain` and the column types of `bot.store.engine`.
"""
