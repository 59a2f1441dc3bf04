"""Money, limits and the ledger."""
