"""Backup and restore with the commands of docs/operations.md, while the database is in use."""

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from bot.domain.showcase.gallery import GallerySearch
from bot.store.engine.database import Database, open_database
from bot.store.engine.schema import upgrade_schema
from bot.store.showcase.gallery import GalleryStore
from bot.store.tables.showcase import showcase_blocks_table
from sandbox.google.encoding import RenderedClip
from tests.chaos.cluster import PostgresCluster, PostgresNotInstalled, find_programs
from tests.harness.waiting import stretch_timeout
from tests.web import seed

ENTRIES = 20
DOCUMENT = (Path(__file__).parents[2] / "docs" / "operations.md").read_text("utf-8")


def commands(name: str) -> str:
    """Return the commands that the document gives for ``name``."""
    match = re.search(rf"<!-- test: {name} -->\n```sh\n(.*?)```", DOCUMENT, re.DOTALL)
    assert match, name
    return match[1]


async def follow(name: str, **environment: str) -> None:
    """Run the commands of the document."""
    ran = await asyncio.to_thread(
        subprocess.run,
        ["/bin/sh", "-euc", commands(name)],
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=stretch_timeout(60),
    )
    assert ran.returncode == 0, ran.stderr


def files(data_dir: Path) -> None:
    """Lay out what a bot keeps."""
    (data_dir / "clips").mkdir(parents=True)
    (data_dir / "clips" / "4.mp4").write_bytes(b"a clip")
    (data_dir / "link-keys.json").write_text("[]")


async def entries(database: Database) -> int:
    page = await GalleryStore(database).load_page(GallerySearch(), cursor=None, limit=100)
    return len(page.entries)


async def block(database: Database) -> None:
    """Write something small, right before a backup."""
    values = {"guild_id": 1, "user_id": 2, "blocked_at": seed.NOW}
    await database.write(
        lambda connection: connection.execute(insert(showcase_blocks_table), values)
    )


def rows() -> list[dict[str, object]]:
    clip = RenderedClip(Path("4.mp4"), 6, "0" * 64, 4.0)
    return seed.rows([clip] * len(seed.SCENES), ENTRIES)


async def test_sqlite_backup_can_be_restored(tmp_path: Path) -> None:
    data_dir, backup = tmp_path / "data", tmp_path / "backup"
    files(data_dir)
    backup.mkdir()
    where = {"DATA_DIR": str(data_dir), "BACKUP": str(backup)}
    database = open_database(seed.data_url(data_dir))
    await upgrade_schema(database)
    await seed.write(database, rows())
    await block(database)
    assert (data_dir / "clapper.db-wal").stat().st_size > 0  # not all of it is in the file itself
    await follow("sqlite backup", **where)
    await database.close()
    for path in (*data_dir.glob("clapper.db*"), *(data_dir / "clips").iterdir()):
        path.unlink()
    await follow("sqlite restore", **where)
    restored = open_database(seed.data_url(data_dir))
    await upgrade_schema(restored)
    assert await entries(restored) == ENTRIES - 1
    await restored.close()
    assert (data_dir / "clips" / "4.mp4").read_bytes() == b"a clip"
    assert (data_dir / "link-keys.json").exists()


@pytest.fixture
async def cluster() -> AsyncIterator[PostgresCluster]:
    """A throwaway PostgreSQL with its programs. Skips where there is none."""
    try:
        cluster = PostgresCluster(durable=False)
    except PostgresNotInstalled as missing:
        pytest.skip(str(missing))
    async with cluster:
        yield cluster


@pytest.mark.postgresql
async def test_postgresql_backup_can_be_restored(tmp_path: Path, cluster: PostgresCluster) -> None:
    data_dir, backup = tmp_path / "data", tmp_path / "backup"
    files(data_dir)
    backup.mkdir()
    old, new = await cluster.create_database(), await cluster.create_database()
    where = {"DATA_DIR": str(data_dir), "BACKUP": str(backup)}
    where["PATH"] = f"{find_programs()}:{os.environ['PATH']}"
    database = open_database(old)
    await upgrade_schema(database)
    await seed.write(database, rows())
    await follow("postgresql backup", **where, DATABASE=old.replace("+asyncpg", ""))
    await database.close()
    (data_dir / "clips" / "4.mp4").unlink()
    await follow("postgresql restore", **where, DATABASE=new.replace("+asyncpg", ""))
    restored = open_database(new)
    await upgrade_schema(restored)
    assert await entries(restored) == ENTRIES - 1
    await block(restored)  # and it can be written to
    await restored.close()
    assert (data_dir / "clips" / "4.mp4").read_bytes() == b"a clip"
