"""Veo over Google's two APIs: submit, poll, download, and what Google's errors mean.

May import `bot.transfer`, `bot.observability` and `bot.domain`, never the store or `bot.media`.
"""
