"""Queued members see their position and an estimated time that includes the jobs before them."""

import asyncio
from datetime import timedelta
from itertools import pairwise

from bot.domain.billing.limits import PacingLimits, SpendingPolicy
from bot.domain.jobs.job import JobState
from bot.domain.jobs.poll_schedule import ENOUGH_DURATIONS
from bot.domain.jobs.progress import JobProgress
from bot.domain.jobs.request import GenerationMode, InputImage
from bot.domain.ports import OperationPending
from bot.services.jobs.estimates import WaitEstimates
from bot.services.jobs.queue_status import QueueStatusUpdater
from bot.services.jobs.requests import AcceptedRequest
from bot.services.jobs.stages.running_job import PollingTimes
from tests.fakes.clock import VirtualClock
from tests.fakes.world import SimulatedProcess, SimulatedWorld, make_origin, make_plan
from tests.harness.waiting import eventually

SPREAD_S = 6000.0
"""Half a minute of a test's time."""


async def measure_durations(world: SimulatedWorld) -> None:
    """Make all operations so far have taken that long."""
    for _ in range(5):
        await world.model_store.record_duration(
            make_plan(), duration_s=SPREAD_S, now=world.clock.now()
        )


async def ask(process: SimulatedProcess, member: int) -> AcceptedRequest:
    plan, origin = make_plan(), make_origin(f"member {member}", user_id=member)
    return await process.request_service.submit(plan, origin)


async def test_each_reads_a_place_and_a_later_time(world: SimulatedWorld) -> None:
    """One place at Google, four members. [people-M30]"""
    world.policy = SpendingPolicy(pace=PacingLimits(in_flight=1))
    await measure_durations(world)
    world.google.answer_gate = asyncio.Event()
    process = await world.start_process()
    first = await ask(process, 1)
    assert first.place == 0, "it does not wait"
    await world.wait_for_state(first.job, JobState.SUBMITTING)
    others = [await ask(process, member) for member in (2, 3, 4)]
    assert [each.place for each in others] == [1, 2, 3]
    times = [each.eta[1] for each in (first, *others) if each.eta is not None]
    assert len(times) == 4
    for earlier, later in pairwise(times):
        assert later - earlier > timedelta(seconds=SPREAD_S / 2)
    world.google.answer_gate.set()
    for each in (first, *others):
        await world.wait_for_end(each.job)


async def test_a_member_who_is_overtaken_reads_so(world: SimulatedWorld) -> None:
    """The order is fair between members, so a position can get worse. [people-M30]"""
    world.policy = SpendingPolicy(pace=PacingLimits(in_flight=1))
    await measure_durations(world)
    world.google.answer_gate = asyncio.Event()
    process = await world.start_process()
    running = await ask(process, 1)
    await world.wait_for_state(running.job, JobState.SUBMITTING)
    second = (await process.request_service.submit(make_plan(), make_origin("b", user_id=1))).job

    def shown_places() -> list[int | None]:
        shown = (p for p in world.discord.shown_progress if p.job.id == second.id)
        return [
            progress.queue_position for progress in shown if progress.job.state is JobState.QUEUED
        ]

    await eventually(lambda: shown_places()[-1:] == [1])
    newcomer = await ask(process, 2)
    assert newcomer.place == 1
    await eventually(lambda: shown_places()[-1:] == [2])
    world.google.answer_gate.set()
    for job in (running.job, second, newcomer.job):
        await world.wait_for_end(job)


async def test_an_estimate_that_has_passed_is_replaced(world: SimulatedWorld) -> None:
    """Running jobs take longer than expected; unchanged messages are not edited. [people-M30]"""
    world.policy = SpendingPolicy(pace=PacingLimits(in_flight=1))
    await measure_durations(world)
    process = world.create_process()
    await ask(process, 1)
    updater = QueueStatusUpdater(
        jobs=world.jobs,
        job_messages=world.discord,
        wait_estimates=WaitEstimates(
            model_states=world.model_store, clock=world.clock, pace=world.policy.pace
        ),
        model_states=world.model_store,
        clock=world.clock,
    )
    for _ in range(2):
        await updater.update_statuses(process.worker.worker_id)
    assert len(world.discord.shown_progress) == 1
    world.clock.jump(timedelta(seconds=2 * SPREAD_S))
    await updater.update_statuses(process.worker.worker_id)
    first, again = world.discord.shown_progress
    assert first.eta is not None
    assert again.eta is not None
    assert again.eta > first.eta


async def test_estimates_come_from_alike_operations(world: SimulatedWorld) -> None:
    """Clips of another length take another time; they count only until enough are measured."""
    start = world.clock.now()
    estimates = WaitEstimates(
        model_states=world.model_store, clock=VirtualClock(start=start), pace=world.policy.pace
    )
    for seconds, duration_s in ((4, 1000.0), (8, 3000.0)):
        for _ in range(ENOUGH_DURATIONS):
            await world.model_store.record_duration(
                make_plan(seconds=seconds), duration_s=duration_s, now=start
            )
    for seconds, expected_s in ((4, 1000.0), (8, 3000.0)):
        eta = await estimates.estimate_queued(make_plan(seconds=seconds))
        assert eta is not None
        assert [round((time - start).total_seconds()) for time in eta] == [expected_s, expected_s]
    eta = await estimates.estimate_queued(make_plan(seconds=6))
    assert eta is not None
    assert eta[1] - start == timedelta(seconds=3000.0), "the slowest of the model"


def list_waits(world: SimulatedWorld, number: int) -> list[JobProgress]:
    """Return what a job's status has shown while Google worked."""
    shown = (each for each in world.discord.shown_progress if each.job.id == number)
    return [progress for progress in shown if progress.job.state is JobState.POLLING]


def list_pictures(world: SimulatedWorld, number: int) -> list[str | None]:
    return [progress.picture for progress in list_waits(world, number)]


async def test_a_member_reads_that_it_takes_longer_than_usual(world: SimulatedWorld) -> None:
    """And until when the bot waits, which stays the same."""
    world.polling_times = PollingTimes(time_limit_s=10 * SPREAD_S)
    await measure_durations(world)
    world.google.default_poll = OperationPending()
    process = await world.start_process()
    job = await process.submit_job(1)
    await eventually(lambda: len(list_waits(world, job.id)) == 1)
    world.clock.jump(timedelta(seconds=SPREAD_S))
    await eventually(lambda: len(list_waits(world, job.id)) == 2)
    world.google.default_poll = None
    await world.wait_for_end(job, JobState.DONE)
    first, late = list_waits(world, job.id)
    assert (first.eta is None, first.is_late) == (False, False)
    assert (late.eta is None, late.is_late) == (True, True)
    submitted_at = late.job.submitted_at
    assert submitted_at is not None
    limit = submitted_at + timedelta(seconds=world.polling_times.time_limit_s)
    assert first.gives_up_at == late.gives_up_at == limit


async def test_a_wait_shows_the_clip_that_is_extended_where_it_was_posted(
    world: SimulatedWorld,
) -> None:
    process = await world.start_process()
    done = await world.wait_for_end(await process.submit_job(1), JobState.DONE)
    [clip] = await world.clips.list_for_job(done.id)
    plan = make_plan(mode=GenerationMode.EXTENSION, source=clip.as_source())
    world.google.default_poll = OperationPending()
    here = await process.request_service.submit(plan, make_origin("here"))
    elsewhere = await process.request_service.submit(plan, make_origin("else", channel_id=801))

    poster = clip.path.replace(".mp4", ".poster-640.webp")
    await eventually(lambda: list_pictures(world, here.job.id)[-1:] == [poster])
    world.google.default_poll = None
    for each in (here.job, elsewhere.job):
        await world.wait_for_end(each, JobState.DONE)
    assert set(list_pictures(world, elsewhere.job.id)) == {None}


async def test_a_wait_shows_the_picture_of_the_members_message(world: SimulatedWorld) -> None:
    process = await world.start_process()
    (world.data_dir / "inputs").mkdir(parents=True)
    (world.data_dir / "inputs/frame.png").write_bytes(b"picture")
    frame = InputImage("inputs/frame.png", "image/png", 1280, 720, "0" * 64)
    plan = make_plan(mode=GenerationMode.IMAGE, image=frame)
    world.google.default_poll = OperationPending()
    said = make_origin("said", request_message_id=77)
    by_message = await process.request_service.submit(plan, said)
    by_command = await process.request_service.submit(plan, make_origin("command"))

    small = "inputs/frame.small-640.webp"
    await eventually(lambda: list_pictures(world, by_message.job.id)[-1:] == [small])
    world.google.default_poll = None
    for each in (by_message.job, by_command.job):
        await world.wait_for_end(each, JobState.DONE)
    assert set(list_pictures(world, by_command.job.id)) == {None}
