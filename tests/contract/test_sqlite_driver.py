"""SQLite's connection with one call for each statement does what aiosqlite's does."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.store.engine.sqlite_driver import use_single_calls


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    url = f"sqlite+aiosqlite:///{tmp_path}/driver.db"
    engine = use_single_calls(create_async_engine(url, pool_size=1, max_overflow=0))
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT)"))
    yield engine
    await engine.dispose()


async def count_words(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        return int(await connection.scalar(text("SELECT count(*) FROM words")) or 0)


async def test_results_of_every_kind_of_statement(engine: AsyncEngine) -> None:
    insert = text("INSERT INTO words (word) VALUES (:word)")
    async with engine.begin() as connection:
        assert (await connection.execute(insert, {"word": "heron"})).lastrowid == 1
        many = await connection.execute(insert, [{"word": "lake"}, {"word": "dawn"}])
        assert many.rowcount == 2
        changed = await connection.execute(text("UPDATE words SET word = upper(word)"))
        assert changed.rowcount == 3
        returned = await connection.execute(text("DELETE FROM words WHERE id > 1 RETURNING word"))
        assert returned.scalars().all() == ["LAKE", "DAWN"]
    assert await count_words(engine) == 1


async def test_a_transaction_with_an_error_is_rolled_back(engine: AsyncEngine) -> None:
    async def write_and_fail() -> None:
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO words (word) VALUES ('heron')"))
            raise LookupError

    with pytest.raises(LookupError):
        await write_and_fail()
    assert await count_words(engine) == 0


async def test_a_statement_whose_caller_was_canceled_leaves_no_transaction_open(
    engine: AsyncEngine,
) -> None:
    """The pool's only connection would keep it, and the next commit would store it."""
    began = asyncio.Event()

    async def write() -> None:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
            began.set()
            await connection.execute(text("INSERT INTO words (word) VALUES ('heron')"))

    writing = asyncio.create_task(write())
    await began.wait()
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.wait([writing])
    async with engine.begin() as connection:
        await connection.execute(text("INSERT INTO words (word) VALUES ('lake')"))
    assert await count_words(engine) == 1
