"""Which shards this process has, shared with the other processes of its database.

May import `bot.store`, `bot.domain` and `bot.observability`, but nothing of Discord.
"""
