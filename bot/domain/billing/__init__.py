"""Money, limits and the ledger.

Imports `bot.domain` only.
"""
