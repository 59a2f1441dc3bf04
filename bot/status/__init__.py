"""The operator's page in the terminal: what works, what waits, what was spent, what failed."""
