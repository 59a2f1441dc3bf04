"""Probes and re-encodes videos and decodes images, with risky work in worker processes.

May import `bot.transfer`, `bot.observability` and `bot.domain`, but neither `bot.google` nor the
store. The `*_worker` modules are separate programs that import nothing of the bot.
"""
