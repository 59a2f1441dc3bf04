"""What operators and the clean-up of files ask the database.

May import `bot.domain` and the rest of `bot.store`.
"""
