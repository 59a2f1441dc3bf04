"""Clients of Google's video APIs: they submit, poll, download and interpret errors.

May import `bot.transfer`, `bot.observability` and `bot.domain`, never the store or `bot.media`.
"""
