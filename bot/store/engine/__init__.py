"""Connections to SQLite and PostgreSQL, column types, migrations at start.

May import `bot.domain`.
"""
