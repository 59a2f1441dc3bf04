"""The database: SQLAlchemy Core over SQLite or PostgreSQL, with the same statements on both.

Every method of a store raises `DatabaseUnavailable` if the database cannot answer.

Changes of a job are fenced: they name the state, owner and epoch that they start from. They raise
`LeaseLost` if the row no longer has them, because another process owns the job by then. A change
that is repeated after a lost answer finds its own result and succeeds.

Decisions about money and pace (admissions, claims, grants, windows) use the database's clock, which
all processes share. A ``now`` that is passed in only says when something happened.

May import `bot.domain` and nothing else of the program.
"""

from bot.store.engine.sqlalchemy_core import import_without_orm

import_without_orm()
