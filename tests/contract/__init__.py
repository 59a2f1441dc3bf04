"""The same tests over SQLite and PostgreSQL: what the store promises, whichever it is."""
