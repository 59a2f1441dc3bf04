"""The database: SQLAlchemy Core over SQLite or PostgreSQL, the same statements on both.

Every method of a store raises `DatabaseUnavailable` when the database cannot answer.

Changes of a job are fenced: they name the state, owner and epoch that they start from, and raise
`LeaseLost` when the row no longer has them, because another process has the job by then. A change
that is repeated after a lost answer finds its own work done and succeeds.

Whatever decides about money and pace (admissions, claims, grants, windows) takes the time from the
database's clock, which all processes share. A ``now`` that is passed in only says when something
happened.

May import `bot.domain` and nothing else of the program.
"""
