"""The database after five years: `rows` are made by `filling`, `operations` are measured on it."""
