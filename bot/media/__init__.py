"""Video and image files: probing, re-encoding, decoding; risky work runs in worker processes.

May import `bot.transfer`, `bot.observability` and `bot.domain`, never `bot.google` or the store.
The `*_worker` modules are programs of their own and import nothing of the bot.
"""
