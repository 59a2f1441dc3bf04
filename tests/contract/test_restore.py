"""After a backup is restored, numbers issued since that backup are not reused."""

from typing import Any

from sqlalchemy import delete, insert

from bot.store.engine.database import Database
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.restore import NUMBER_GAP, skip_given_numbers
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.tables.core import clips_table
from tests.contract.test_showcase_store import made, opened, shown
from tests.fakes.world import SimulatedWorld


async def make_clip_with_next_number(database: Database, **facts: Any) -> int:
    """Record a clip whose number the database chooses."""
    pattern = await ClipStore(database).get(50)
    assert pattern is not None
    columns = {column.name for column in clips_table.c} - {"id"}
    row = {name: getattr(pattern, name) for name in columns if hasattr(pattern, name)} | facts

    async def write(connection: Any) -> int:
        result = await connection.execute(
            insert(clips_table).values(row).returning(clips_table.c.id)
        )
        return int(result.scalar_one())

    return await database.write(write)


async def test_numbers_are_not_given_again_after_a_restore(world: SimulatedWorld) -> None:
    """Cards of clips made after the backup find no clip. [people-O18]"""
    database = world.database
    await opened(database)
    job = await world.admit_job("before")
    clip = await made(database, 50)
    post, _ = await shown(database, clip)
    highest = await make_clip_with_next_number(database, job_id=901)
    # the last clip was deleted before the backup: its number counts as given too
    await database.execute(delete(clips_table).where(clips_table.c.id == highest))

    last = await skip_given_numbers(database)

    assert last >= highest + NUMBER_GAP
    assert await make_clip_with_next_number(database, job_id=902) == last + 1
    assert (await world.admit_job("after")).id > job.id + NUMBER_GAP
    second = await made(database, last + 500)
    new_post, _ = await shown(database, second)
    assert new_post.id > post.id + NUMBER_GAP
    assert await ShowcasePostStore(database).get(post.id + 1) is None


async def test_skipping_twice_is_harmless(world: SimulatedWorld) -> None:
    first = await skip_given_numbers(world.database)
    assert await skip_given_numbers(world.database) == first + NUMBER_GAP
    assert (await world.admit_job("a")).id == 2 * NUMBER_GAP + 1
