"""The database after five years: `database` makes it, `operations` are measured on it."""
