"""The migrations of the tables, for both SQLite and PostgreSQL."""
