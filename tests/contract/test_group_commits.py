"""Changes of several jobs share a commit, and each caller gets the result of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import DatabaseUnavailable, LeaseLost
from bot.domain.jobs.job import Job, JobState
from bot.store.engine.database import Database
from bot.store.engine.group_writer import GroupWriter
from bot.store.engine.row_changes import RowChange
from bot.store.tables.core import jobs_table
from tests.fakes.world import SimulatedWorld

Work = Callable[[AsyncConnection], Awaitable[Any]]


async def claim_jobs(world: SimulatedWorld, count: int) -> list[Job]:
    for number in range(count):
        await world.admit_job(number)
    return await world.jobs.claim_jobs("w", policy=world.policy, limit=count)


def build_note(job: Job, detail: str) -> RowChange:
    """Return a change that nothing refuses."""
    return RowChange(jobs_table, job.id, {}, {"detail": detail})


@contextmanager
def recorded_commits() -> Iterator[list[object]]:
    commits: list[object] = []
    record = commits.append
    event.listen(Engine, "commit", record)
    try:
        yield commits
    finally:
        event.remove(Engine, "commit", record)


async def test_changes_that_arrive_together_share_one_commit(world: SimulatedWorld) -> None:
    jobs = await claim_jobs(world, 5)
    with recorded_commits() as commits:
        changed = await asyncio.gather(*(world.jobs.begin_sending(job) for job in jobs))
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
    first, wrong, second = await claim_jobs(world, 3)
    results = await asyncio.gather(
        world.jobs.begin_polling(first, "op 1"),
        database.write_together(RowChange(jobs_table, wrong.id, {}, {"state": None})),
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
    await database.write_together(build_note(job, "later"))
    assert (await world.get_job(job.id)).state is JobState.POLLING


async def test_changes_of_one_row_in_a_group_are_made_in_turn(
    world: SimulatedWorld, database: Database
) -> None:
    """The fence of the second sees the first, wherever alike changes of other rows come."""
    other, job = await claim_jobs(world, 2)
    to_second = RowChange(jobs_table, job.id, {"detail": "first"}, {"detail": "second"})
    to_other = RowChange(jobs_table, other.id, {"detail": None}, {"detail": "other"})
    changes = [to_other, build_note(job, "first"), to_second, to_second]
    answers, *_ = await asyncio.gather(
        asyncio.gather(*(database.write_together(change) for change in changes)),
        world.jobs.attach_status(job.id, 5),
        world.jobs.attach_status(job.id, 6),
    )
    assert answers == [True, True, True, False]
    assert (await world.get_job(job.id)).detail == "second"
    assert (await world.get_job(job.id)).status_message_id == 5
    assert (await world.get_job(other.id)).detail == "other"


@pytest.mark.parametrize("error", [DatabaseUnavailable("no answer"), OSError("another")])
async def test_a_group_whose_commit_is_not_answered_is_not_tried_again(
    world: SimulatedWorld, database: Database, error: Exception
) -> None:
    """The commit may have been carried out, so a second `begin_sending` would be wrong."""
    alone: list[Work] = []

    async def lose_answer(work: Work) -> None:
        await database.write(work)
        raise error

    async def write_alone(work: Work) -> None:
        alone.append(work)

    writer = GroupWriter(write_group=lose_answer, write_alone=write_alone)
    jobs = await claim_jobs(world, 3)
    futures = [writer.add_change(build_note(job, "sent")) for job in jobs]
    await writer.run()
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert results == [error] * 3
    assert alone == []


async def test_changes_during_a_commit_are_the_next_group(
    world: SimulatedWorld, database: Database
) -> None:
    sizes: list[str] = []
    futures: list[asyncio.Future[bool]] = []
    jobs = await claim_jobs(world, 3)

    async def write_group(work: Work) -> Any:
        sizes.append("several")
        return await database.write(work)

    async def write_alone(work: Work) -> Any:
        sizes.append("one")
        futures.extend(writer.add_change(build_note(job, "later")) for job in jobs[1:])
        return await database.write(work)

    writer = GroupWriter(write_group=write_group, write_alone=write_alone)
    first = writer.add_change(build_note(jobs[0], "first"))
    assert writer.must_run()
    assert not writer.must_run()
    await writer.run()
    assert await first
    assert await asyncio.gather(*futures) == [True, True]
    assert sizes == ["one", "several"]
    assert not writer.must_run()


async def test_changes_of_successive_passes_share_a_group(
    world: SimulatedWorld, database: Database
) -> None:
    """The jobs of a claim start in one pass of the event loop each."""
    [job] = await claim_jobs(world, 1)
    writes: list[asyncio.Task[bool]] = []
    with recorded_commits() as commits:
        for number in range(20):
            change = build_note(job, f"change {number}")
            writes.append(asyncio.create_task(database.write_together(change)))
            await asyncio.sleep(0)
        assert all(await asyncio.gather(*writes))
    assert len(commits) == 1
    assert (await world.get_job(job.id)).detail == "change 19"


@pytest.mark.parametrize("count", [1, 3])
async def test_a_stopped_writer_cancels_its_callers(count: int) -> None:
    """Otherwise they would wait for ever."""

    async def wait_forever(_work: Work) -> None:
        await asyncio.Event().wait()

    writer = GroupWriter(write_group=wait_forever, write_alone=wait_forever)
    futures = [
        writer.add_change(RowChange(jobs_table, number, {}, {"detail": None}))
        for number in range(count)
    ]
    running = asyncio.create_task(writer.run())
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.wait([running])
    assert all(future.cancelled() for future in futures)
