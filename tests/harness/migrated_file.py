"""SQLite files with all tables and no rows, because migrating one takes longer than most tests."""

from pathlib import Path
from tempfile import TemporaryDirectory

from bot.store.engine.database import open_database
from bot.store.engine.schema import upgrade_schema


class MigratedFile:
    """A migrated file, made on first use in this process, of which tests get copies."""

    def __init__(self) -> None:
        self._content: bytes | None = None

    async def copy(self, destination: Path) -> Path:
        """Write a copy to ``destination`` and return that."""
        if self._content is None:
            with TemporaryDirectory(prefix="clapper-migrated-") as folder:
                self._content = await _build_content(Path(folder) / "migrated.db")
        destination.touch(mode=0o600)  # like the bot's own files
        destination.write_bytes(self._content)
        return destination


async def _build_content(path: Path) -> bytes:
    database = open_database(f"sqlite+aiosqlite:///{path}")
    await upgrade_schema(database)
    await database.close()
    return path.read_bytes()


MIGRATED_FILE = MigratedFile()
"""The one file of this process."""
