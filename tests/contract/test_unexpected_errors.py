"""A job that always hits a program error ends with a visible outcome and settled money."""

import pytest

from bot.domain.billing.money import Micros
from bot.domain.jobs.job import JobState, Outcome
from bot.domain.ports import OperationFinished
from bot.services.jobs import task_pool
from tests.contract.test_job_lifecycle import sum_charged, sum_member_charged
from tests.fakes.world import PRICE, SimulatedProcess, SimulatedWorld

MAX_FAILURES = 1


@pytest.fixture
async def process(world: SimulatedWorld) -> SimulatedProcess:
    """Give one running process."""
    return await world.start_process()


@pytest.mark.parametrize(
    ("stage", "state", "outcome", "budget", "member"),
    [
        ("poll", JobState.UNKNOWN, Outcome.OPERATION_LOST, PRICE, 0),
        ("save", JobState.FAILED, Outcome.DOWNLOAD_FAILED, PRICE, 0),
        ("post", JobState.DONE, Outcome.DELIVERY_FAILED, PRICE, PRICE),
    ],
)
async def test_a_row_that_cannot_be_written_is_not_retried_forever(
    world: SimulatedWorld,
    process: SimulatedProcess,
    monkeypatch: pytest.MonkeyPatch,
    stage: str,
    state: JobState,
    outcome: Outcome,
    budget: Micros,
    member: Micros,
) -> None:
    """[discord-D08]"""
    attempts = 0
    monkeypatch.setattr(task_pool, "MAX_UNEXPECTED_FAILURES", MAX_FAILURES)

    async def fail(*_: object, **__: object) -> OperationFinished:
        nonlocal attempts
        attempts += 1
        raise ValueError("invalid byte sequence for encoding")

    match stage:
        case "poll":
            monkeypatch.setattr(world.google, "poll", fail)
        case "save":
            monkeypatch.setattr(world.jobs, "save_clips", fail)
        case "post":
            monkeypatch.setattr(world.discord, "post_clips", fail)
    job = await process.submit_job(1)
    after = await world.wait_for_end(job, state)
    assert after.outcome is outcome
    assert attempts == MAX_FAILURES
    assert await sum_charged(world) == budget
    assert await sum_member_charged(world) == member
    assert [told.id for told in world.discord.notified_jobs] == [job.id]


async def test_texts_are_stored_without_characters_that_databases_refuse(
    world: SimulatedWorld, process: SimulatedProcess
) -> None:
    """U+0000 and half surrogates, in a prompt or in any other text, also when searching.

    [discord-D08]
    """
    job = await process.submit_job(1, prompt="a\0b \ud800c 🦊")
    await world.wait_for_end(job, JobState.DONE)
    (clip,) = await world.clips.list_for_job(job.id)
    assert clip.prompt == "ab c 🦊"
    assert await world.clips.find_by_message(clip.message_id or 0) == clip
