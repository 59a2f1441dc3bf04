"""The database: SQLAlchemy Core over SQLite or PostgreSQL, the same statements on both.

Implements the protocols of `bot.domain.stores`.
"""
