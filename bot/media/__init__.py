"""Probes and re-encodes videos, decodes images and stores files in a folder or a bucket.

Risky work runs in worker processes.

May import `bot.transfer`, `bot.observability` and `bot.domain`, but neither `bot.google` nor the
store. The `*_worker` modules are separate programs that import nothing of the bot.
"""
