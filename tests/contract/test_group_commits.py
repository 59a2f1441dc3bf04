"""Changes of several jobs share a commit, and each caller gets the result of its own."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import DatabaseUnavailable, LeaseLost
from bot.domain.jobs.job import Job, JobState
from bot.store.engine.database import Database
from bot.store.engine.group_writer import GroupWriter
from tests.fakes.world import SimulatedWorld

Work = Callable[[AsyncConnection], Awaitable[Any]]


async def claim_jobs(world: SimulatedWorld, count: int) -> list[Job]:
    for number in range(count):
        await world.admit_job(number)
    return await world.jobs.claim_jobs("w", policy=world.policy, limit=count)


async def refuse_statement(connection: AsyncConnection) -> None:
    await connection.execute(text("UPDATE jobs SET state = NULL"))


async def test_changes_that_arrive_together_share_one_commit(world: SimulatedWorld) -> None:
    jobs = await claim_jobs(world, 5)
    commits: list[object] = []
    record = commits.append
    event.listen(Engine, "commit", record)
    try:
        changed = await asyncio.gather(*(world.jobs.begin_sending(job) for job in jobs))
    finally:
        event.remove(Engine, "commit", record)
    assert len(commits) == 1
    assert [job.id for job in changed] == [job.id for job in jobs]
    assert not any([(await world.get_job(job.id)).unsent for job in jobs])


async def test_a_refused_change_fails_alone(world: SimulatedWorld) -> None:
    first, second, third = await claim_jobs(world, 3)
    stale = replace(second, epoch=second.epoch + 1)
    results = await asyncio.gather(
        *(world.jobs.begin_polling(job, f"op {job.id}") for job in (first, stale, third)),
        return_exceptions=True,
    )
    assert isinstance(results[1], LeaseLost)
    states = [(await world.get_job(job.id)).state for job in (first, second, third)]
    assert states == [JobState.POLLING, JobState.SUBMITTING, JobState.POLLING]
    assert (await world.get_job(third.id)).operation == f"op {third.id}"


async def test_only_one_of_two_callers_in_a_group_may_send(world: SimulatedWorld) -> None:
    [job] = await claim_jobs(world, 1)
    results = await asyncio.gather(
        world.jobs.begin_sending(job), world.jobs.begin_sending(job), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["Job", "LeaseLost"]


async def test_a_statement_that_the_database_refuses_fails_alone(
    world: SimulatedWorld, database: Database
) -> None:
    first, second = await claim_jobs(world, 2)
    results = await asyncio.gather(
        world.jobs.begin_polling(first, "op 1"),
        database.write_together(0, refuse_statement),
        world.jobs.begin_polling(second, "op 2"),
        return_exceptions=True,
    )
    assert isinstance(results[1], IntegrityError)
    states = [(await world.get_job(job.id)).state for job in (first, second)]
    assert states == [JobState.POLLING, JobState.POLLING]


async def test_a_change_of_a_canceled_caller_is_stored(
    world: SimulatedWorld, database: Database
) -> None:
    [job] = await claim_jobs(world, 1)
    saving = asyncio.create_task(world.jobs.begin_polling(job, "op"))
    await asyncio.sleep(0)
    saving.cancel()
    await asyncio.wait([saving])
    await database.write_together(job.id, lambda connection: connection.execute(text("SELECT 1")))
    assert (await world.get_job(job.id)).state is JobState.POLLING


async def test_a_group_whose_commit_is_not_answered_is_not_tried_again() -> None:
    """The commit may have been carried out, so a second `begin_sending` would be wrong."""
    alone: list[Work] = []

    async def lose_answer(work: Work) -> None:
        await work(None)  # type: ignore[arg-type]
        raise DatabaseUnavailable("the answer was lost")

    async def write_alone(work: Work) -> None:
        alone.append(work)

    async def change(_connection: AsyncConnection) -> str:
        return "changed"

    writer = GroupWriter(write_group=lose_answer, write_alone=write_alone)
    futures = [writer.add_change(number, change) for number in range(3)]
    await writer.run()
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert [type(result) for result in results] == [DatabaseUnavailable] * 3
    assert alone == []


async def test_changes_during_a_commit_are_the_next_group() -> None:
    sizes: list[int] = []
    futures: list[asyncio.Future[int]] = []

    async def write_group(work: Work) -> None:
        await work(None)  # type: ignore[arg-type]

    async def write_alone(work: Work) -> Any:
        sizes.append(1)
        result = await work(None)  # type: ignore[arg-type]
        futures.extend(writer.add_change(number, change) for number in (3, 2))
        return result

    async def change_first(_connection: AsyncConnection) -> int:
        return 1

    async def change(_connection: AsyncConnection) -> int:
        sizes.append(2)
        return 2

    writer = GroupWriter(write_group=write_group, write_alone=write_alone)
    first = writer.add_change(1, change_first)
    assert writer.must_run()
    assert not writer.must_run()
    await writer.run()
    assert await first == 1
    assert await asyncio.gather(*futures) == [2, 2]
    assert sizes == [1, 2, 2]
    assert not writer.must_run()


async def test_changes_of_successive_passes_share_a_group() -> None:
    """The jobs of a claim start in one pass of the event loop each."""
    groups: list[list[int]] = [[]]

    async def write_group(work: Work) -> None:
        await work(None)  # type: ignore[arg-type]
        groups.append([])

    async def add_changes() -> None:
        for number in range(50):
            futures.append(writer.add_change(number, partial(record_change, number)))
            await asyncio.sleep(0)

    async def record_change(number: int, _connection: AsyncConnection) -> None:
        groups[-1].append(number)

    writer = GroupWriter(write_group=write_group, write_alone=write_group)
    futures: list[asyncio.Future[None]] = []
    adding = asyncio.create_task(add_changes())
    await asyncio.sleep(0)
    await asyncio.gather(adding, writer.run())
    await asyncio.gather(*futures)
    assert [number for group in groups for number in group] == list(range(50))
    assert len(groups[0]) == 32


@pytest.mark.parametrize("count", [1, 3])
async def test_a_stopped_writer_cancels_its_callers(count: int) -> None:
    """Otherwise they would wait for ever."""

    async def wait_forever(_work: Work) -> None:
        await asyncio.Event().wait()

    async def change(_connection: AsyncConnection) -> None:
        """Change nothing."""

    writer = GroupWriter(write_group=wait_forever, write_alone=wait_forever)
    futures = [writer.add_change(number, change) for number in range(count)]
    running = asyncio.create_task(writer.run())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert all(future.cancelled() for future in futures)
