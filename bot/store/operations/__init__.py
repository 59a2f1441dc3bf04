"""Queries for operators and for the retention of files.

May import `bot.domain` and the rest of `bot.store`.
"""
