"""Jobs continue correctly when a process dies, stops, freezes or loses the database."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from structlog.testing import capture_logs

from bot.domain.errors import DatabaseUnavailable, DiscordUnavailable, LeaseLost
from bot.domain.jobs.job import AdmissionRequest, Job, JobState, Outcome
from bot.domain.jobs.request import GoogleRoute
from bot.domain.ports import OperationPending
from bot.services.jobs.lease import Lease
from bot.services.jobs.stages.running_job import BillingRules
from bot.store.engine.database import Database, DatabaseInUse, open_database
from bot.store.engine.schema import upgrade_schema
from bot.store.engine.types import DatabaseClock, database_time
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.restore import mark_pending_as_unknown
from bot.store.jobs.workers import WorkerStore
from bot.store.tables.core import jobs_table, submissions_table, workers_table
from tests.contract.conftest import ON_POSTGRESQL, ON_SQLITE, cut_connections
from tests.fakes.google import FakeGoogle
from tests.fakes.world import (
    MEMBER,
    NOTHING_STARTS,
    PRICE,
    SimulatedProcess,
    SimulatedWorld,
    make_origin,
    make_plan,
)
from tests.harness.waiting import eventually


async def wait_for_sending(world: SimulatedWorld, job: Job) -> None:
    """Wait until it is recorded that a byte may have been sent."""

    async def is_recorded() -> bool:
        current = await world.get_job(job.id)
        return current.state is JobState.SUBMITTING and not current.unsent

    await eventually(is_recorded)


async def expire_lease(world: SimulatedWorld, worker_id: str) -> None:
    """Expire a lease, by the database's clock."""
    statement = (
        update(workers_table)
        .where(workers_table.c.id == worker_id)
        .values(lease_until=database_time(-1.0))
    )
    await world.database.write(lambda connection: connection.execute(statement))


async def start_successor(world: SimulatedWorld, dead: SimulatedProcess) -> SimulatedProcess:
    """Start a process that finds the dead one's lease expired."""
    await expire_lease(world, dead.worker.worker_id)
    return await world.start_process()


class TestKilled:
    @pytest.fixture
    async def dying(self, world: SimulatedWorld) -> SimulatedProcess:
        world.discord.honors_nonce = False
        return await world.start_process()

    async def check(self, world: SimulatedWorld, outcome: Outcome, *, submits: int = 1) -> None:
        assert world.google.repeated_submits == 0
        assert world.discord.repeated_posts == 0
        assert len(world.google.submits) == submits
        assert len(world.discord.messages) == (1 if outcome is Outcome.DELIVERED else 0)
        assert await world.ledger.sum_reserved() == 0

    async def test_kill_while_queued(self, world: SimulatedWorld) -> None:
        world.discord.honors_nonce = False
        dying = await world.start_process(worker_policy=NOTHING_STARTS)
        job = await dying.submit_job(1)
        await dying.worker.crash()
        await start_successor(world, dying)
        assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
        await self.check(world, Outcome.DELIVERED)

    async def test_kill_between_authorisation_and_send_is_not_unknown(
        self, world: SimulatedWorld, dying: SimulatedProcess
    ) -> None:
        world.google.send_gate = asyncio.Event()
        job = await dying.submit_job(1)
        await world.wait_for_state(job, JobState.SUBMITTING)
        await dying.worker.crash()
        world.google.send_gate = None
        await start_successor(world, dying)
        after = await world.wait_for_end(job)
        assert (after.outcome, after.attempts) == (Outcome.DELIVERED, 2)
        await self.check(world, Outcome.DELIVERED)

    async def test_cancel_between_authorization_and_send_is_kept(
        self, world: SimulatedWorld, dying: SimulatedProcess
    ) -> None:
        world.google.send_gate = asyncio.Event()
        job = await dying.submit_job(1)
        await world.wait_for_state(job, JobState.SUBMITTING)
        await dying.request_service.cancel(job.id, user_id=MEMBER, moderator=False)
        await dying.worker.crash()
        world.google.send_gate = None
        await start_successor(world, dying)
        after = await world.wait_for_end(job)
        assert (after.state, after.outcome) == (JobState.CANCELLED, Outcome.CANCELLED)
        assert [notified.id for notified in world.discord.notified_jobs] == [job.id]
        await self.check(world, Outcome.CANCELLED, submits=0)
        kinds = [entry.posting.kind for entry in await world.ledger.list_entries(job.id)]
        assert kinds == ["reserve", "refund"]

    async def test_stop_before_the_first_byte_sends_nothing(
        self, world: SimulatedWorld, dying: SimulatedProcess
    ) -> None:
        """An upload may finish just when the process has to stop."""
        world.google.send_gate = asyncio.Event()
        job = await dying.submit_job(1)
        await world.wait_for_state(job, JobState.SUBMITTING)
        await eventually(lambda: dying.critical_sections.running_count)
        stopping = asyncio.create_task(dying.worker.stop(100.0))
        await eventually(lambda: dying.worker.running_count == 0)
        world.google.send_gate.set()
        await stopping
        assert world.google.submits == []
        assert (await world.get_job(job.id)).state is JobState.QUEUED
        await world.start_process()
        after = await world.wait_for_end(job)
        assert (after.outcome, after.attempts) == (Outcome.DELIVERED, 2)
        await self.check(world, Outcome.DELIVERED)

    @pytest.mark.parametrize("sent", [False, True])
    async def test_kill_after_send_never_resubmits(
        self, world: SimulatedWorld, dying: SimulatedProcess, sent: bool
    ) -> None:
        world.google.answer_gate = asyncio.Event()
        if not sent:
            world.google.before_submit = lambda: (_ for _ in ()).throw(asyncio.CancelledError())
        job = await dying.submit_job(1)
        await wait_for_sending(world, job)
        if sent:
            await eventually(lambda: world.google.submits)
        await dying.worker.crash()
        world.google.answer_gate = None
        world.google.before_submit = None
        await start_successor(world, dying)
        after = await world.wait_for_end(job)
        assert (after.state, after.outcome) == (JobState.UNKNOWN, Outcome.SUBMIT_UNKNOWN)
        assert [notified.id for notified in world.discord.notified_jobs] == [job.id]
        await self.check(world, Outcome.SUBMIT_UNKNOWN, submits=int(sent))

    async def test_kill_while_polling(self, world: SimulatedWorld, dying: SimulatedProcess) -> None:
        world.google.default_poll = OperationPending()
        job = await dying.submit_job(1)
        await world.wait_for_state(job, JobState.POLLING)
        await dying.worker.crash()
        world.google.default_poll = None
        await start_successor(world, dying)
        assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
        await self.check(world, Outcome.DELIVERED)

    async def test_kill_after_fetch_before_post(
        self, world: SimulatedWorld, dying: SimulatedProcess
    ) -> None:
        world.discord.post_script.extend([DiscordUnavailable("500")] * 1000)
        job = await dying.submit_job(1)
        await world.wait_for_state(job, JobState.POSTING)
        await dying.worker.crash()
        world.discord.post_script.clear()
        await start_successor(world, dying)
        assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
        assert world.google.fetch_count == 1
        await self.check(world, Outcome.DELIVERED)

    async def test_kill_after_post_before_record(
        self, world: SimulatedWorld, dying: SimulatedProcess
    ) -> None:
        world.discord.answer_gate = asyncio.Event()
        job = await dying.submit_job(1)
        await world.discord.post_made.wait()
        await dying.worker.crash()
        world.discord.answer_gate = None
        await start_successor(world, dying)
        after = await world.wait_for_end(job)
        [(_, message_id, _)] = world.discord.messages
        assert after.posted_message_id == message_id
        await self.check(world, Outcome.DELIVERED)

    async def test_kill_before_final_status(
        self, world: SimulatedWorld, dying: SimulatedProcess
    ) -> None:
        job = await dying.submit_job(1)
        await world.wait_for_end(job)
        closed = len(world.discord.closed_status_jobs)
        statement = update(jobs_table).values(owner=dying.worker.worker_id)
        await world.database.write(lambda connection: connection.execute(statement))
        await dying.worker.crash()
        await start_successor(world, dying)
        await world.wait_for_end(job)
        assert len(world.discord.closed_status_jobs) == closed + 1
        await self.check(world, Outcome.DELIVERED)


async def test_where_google_can_be_searched_a_lost_submit_is_found(world: SimulatedWorld) -> None:
    world.google = FakeGoogle(can_find=True)
    world.searchable_routes = frozenset({GoogleRoute.GEMINI})
    world.google.answer_gate = asyncio.Event()
    dying = await world.start_process()
    job = await dying.submit_job(1)
    await eventually(lambda: world.google.submits)
    await dying.worker.crash()
    await start_successor(world, dying)
    after = await world.wait_for_end(job)
    assert after.outcome is Outcome.DELIVERED
    assert world.google.submits == [job.id]


async def test_graceful_stop_releases_all_jobs(world: SimulatedWorld) -> None:
    world.google.default_poll = OperationPending()
    first = await world.start_process()
    held = [await first.submit_job(n) for n in range(3)]
    for job in held:
        await world.wait_for_state(job, JobState.POLLING)
    await first.worker.stop(5.0)
    assert first.worker.running_count == 0
    world.google.default_poll = None
    await world.start_process()
    for job in held:
        assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
    assert world.google.repeated_submits == world.discord.repeated_posts == 0


async def test_a_graceful_stop_lets_a_submit_save_its_name(world: SimulatedWorld) -> None:
    world.google.answer_gate = asyncio.Event()
    first = await world.start_process()
    job = await first.submit_job(1)
    await eventually(lambda: world.google.submits)
    stopping = asyncio.create_task(first.worker.stop(50.0))
    await asyncio.sleep(0)
    world.google.answer_gate.set()
    await stopping
    assert (await world.get_job(job.id)).state is JobState.POLLING


async def test_a_claim_that_was_not_begun_goes_back_to_the_queue(world: SimulatedWorld) -> None:
    process = await world.start_process()
    await process.worker.stop(5.0)
    job = await world.admit_job(1)
    [claimed] = await world.jobs.claim_jobs(process.worker.worker_id, policy=world.policy, limit=1)
    lease = Lease(
        worker_id=process.worker.worker_id, length=timedelta(seconds=30), clock=world.clock
    )
    run = process.job_task_factory.build_job_task(claimed, lease, just_claimed=True)
    with pytest.raises(LeaseLost):
        await run.run()
    assert (await world.get_job(job.id)).state is JobState.QUEUED
    assert world.google.submits == []


async def test_a_claim_whose_answer_was_lost_is_picked_up_and_submitted_once(
    world: SimulatedWorld,
) -> None:
    process = await world.start_process(worker_policy=NOTHING_STARTS)
    job = await process.submit_job(1)
    owner = process.worker.worker_id
    await world.jobs.claim_jobs(owner, policy=world.policy, limit=1)
    process.worker.notify_job_changed(0)
    assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
    assert world.google.submits == [job.id]


async def test_answer_after_adoption_still_saves_operation(
    world: SimulatedWorld,
) -> None:
    """The sender lost its lease (the database was down) but is alive: the clip must not be lost."""
    world.polling_times = replace(
        world.polling_times, late_operation_wait_s=1e6
    )  # the machine may be slow
    world.google.answer_gate = asyncio.Event()
    sender = await world.start_process()
    job = await sender.submit_job(1)
    await eventually(lambda: world.google.submits)
    adopter = await start_successor(world, sender)

    async def is_adopted() -> bool:
        return (await world.get_job(job.id)).owner == adopter.worker.worker_id

    await eventually(is_adopted)
    world.google.answer_gate.set()
    after = await world.wait_for_end(job)
    assert (after.state, after.outcome) == (JobState.DONE, Outcome.DELIVERED)
    assert world.google.submits == [job.id]
    assert world.discord.repeated_posts == 0
    assert await world.ledger.sum_reserved() == 0


async def test_late_operation_is_not_saved_for_another_attempt(world: SimulatedWorld) -> None:
    await world.admit_job(1)
    [first] = await world.jobs.claim_jobs("w", policy=world.policy, limit=1)
    await world.jobs.requeue(first, retry_at=None, waiting_for=None)
    [second] = await world.jobs.claim_jobs("w", policy=world.policy, limit=1)
    assert not await world.jobs.record_late_operation(first, "operations/of-the-first")
    assert await world.jobs.record_late_operation(second, "operations/of-the-second")
    assert not await world.jobs.record_late_operation(second, "operations/again")
    assert (await world.get_job(first.id)).operation == "operations/of-the-second"


async def test_late_operation_is_saved_on_unknown_job(
    world: SimulatedWorld,
) -> None:
    process = await world.start_process(worker_policy=NOTHING_STARTS)
    await process.submit_job(1)
    owner = process.worker.worker_id
    [job] = await world.jobs.claim_jobs(owner, policy=world.policy, limit=1)
    await world.jobs.finish_job(
        job, JobState.UNKNOWN, outcome=Outcome.SUBMIT_UNKNOWN, postings=[], now=world.clock.now()
    )
    assert not await world.jobs.record_late_operation(
        replace(job, attempts=job.attempts + 1), "operations/no"
    )
    assert not await world.jobs.record_late_operation(
        job, "operations/late"
    )  # no task waits for it
    assert not await world.jobs.record_late_operation(job, "operations/again")
    after = await world.get_job(job.id)
    assert (after.state, after.operation) == (JobState.UNKNOWN, "operations/late")


async def test_a_lease_lost_right_before_the_first_byte_sends_nothing(
    world: SimulatedWorld,
) -> None:
    """The last check, between the decision to submit and the sending: it is submitted later."""
    process = await world.start_process()
    lease = process.worker.lease
    world.google.before_send = lease.mark_lost
    job = await process.submit_job(1)
    await eventually(lambda: world.google.before_send is None)
    assert not world.google.submits
    await start_successor(world, process)
    after = await world.wait_for_end(job)
    assert (after.state, after.outcome) == (JobState.DONE, Outcome.DELIVERED)
    assert world.google.submits == [job.id]


class _FreezesAfterRecording(JobStore):
    """A store whose process finds its lease expired when the last change is committed."""

    freeze: Callable[[], Awaitable[None]] | None = None

    async def begin_sending(self, job: Job) -> Job:
        saved = await super().begin_sending(job)
        if self.freeze is not None:
            await self.freeze()
            self.freeze = None
        return saved


async def test_a_lease_lost_while_the_sending_is_written_down_sends_nothing(
    world: SimulatedWorld,
) -> None:
    """Nothing was sent, and the process that knows it lives: it is submitted later."""
    store = _FreezesAfterRecording(world.database, now=world.now)
    process = await world.start_process(jobs=store)

    async def lose_lease() -> None:
        process.worker.lease.mark_lost()

    store.freeze = lose_lease
    job = await process.submit_job(1)
    await eventually(lambda: store.freeze is None)
    await world.wait_for_state(job, JobState.QUEUED)
    assert not world.google.submits
    await start_successor(world, process)
    assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
    assert world.google.submits == [job.id]


async def test_a_task_stopped_while_the_sending_is_written_down_sends_nothing(
    world: SimulatedWorld,
) -> None:
    """Its worker found the lease lost first, and comes back as another that submits it."""
    store = _FreezesAfterRecording(world.database, now=world.now)
    process = await world.start_process(jobs=store, lease_s=1200.0)

    async def lose_lease_and_task() -> None:
        await expire_lease(world, process.worker.worker_id)
        await eventually(lambda: process.worker.running_count == 0)

    store.freeze = lose_lease_and_task
    job = await process.submit_job(1)
    assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
    assert world.google.submits == [job.id]


async def test_a_job_that_is_never_sent_ends_with_a_refund(world: SimulatedWorld) -> None:
    """This job may be what crashes every process."""
    max_attempts = world.polling_times.max_submit_attempts
    job = await world.admit_job(1)
    for _ in range(max_attempts):
        [claimed] = await world.jobs.claim_jobs("w", policy=world.policy, limit=1)
        await world.jobs.requeue(claimed, retry_at=None, waiting_for=None)
    await world.start_process()
    after = await world.wait_for_end(job)
    assert (after.state, after.outcome) == (JobState.FAILED, Outcome.NOT_SENT)
    assert after.attempts == max_attempts + 1
    assert world.google.submits == []
    assert await world.ledger.sum_reserved() == 0


async def test_a_frozen_process_that_wakes_up_submits_and_posts_nothing(
    world: SimulatedWorld,
) -> None:
    """Its jobs were adopted while it was paused past its lease, as by SIGSTOP."""
    world.google.default_poll = OperationPending()
    frozen = await world.start_process()
    job = await frozen.submit_job(1)
    await world.wait_for_state(job, JobState.POLLING)
    # its clock is past the lease, and other processes have continued
    frozen.worker.lease.mark_lost()
    await start_successor(world, frozen)
    world.google.default_poll = None
    after = await world.wait_for_end(job)
    assert after.epoch == 2
    assert world.google.repeated_submits == world.discord.repeated_posts == 0
    assert len(world.discord.messages) == 1
    old = frozen.worker.worker_id
    assert await world.workers.renew(old, lease=timedelta(seconds=30)) is False


async def test_a_post_that_hangs_ends_with_the_lease(world: SimulatedWorld) -> None:
    """It hangs for longer than Discord remembers its nonce, and another process has posted."""
    world.discord.honors_nonce = False
    world.discord.send_gate = held = asyncio.Event()
    first = await world.start_process()
    job = await first.submit_job(1)
    await eventually(lambda: world.discord.waiting_count == 1)
    assert first.critical_sections.running_count == 1
    with capture_logs() as logs:
        first.worker.lease.mark_lost()
        await eventually(lambda: first.worker.running_count == 0)
    assert "job.abandoned" in {line["event"] for line in logs}
    assert first.critical_sections.running_count == 0
    assert (await world.get_job(job.id)).state is JobState.POSTING
    assert world.discord.messages == []
    world.discord.send_gate = None
    second = await start_successor(world, first)
    assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
    held.set()
    for process in (first, second):
        await process.worker.stop(20.0)
    assert len(world.discord.messages) == 1


async def test_a_worker_that_lost_its_lease_comes_back_as_another(world: SimulatedWorld) -> None:
    process = await world.start_process(lease_s=1200.0)
    before = process.worker.worker_id
    await expire_lease(world, before)
    await eventually(lambda: process.worker.worker_id != before and process.worker.is_alive)
    job = await process.submit_job(1)
    assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED


async def test_a_worker_that_cannot_renew_stops_by_itself(world: SimulatedWorld) -> None:
    class Away(WorkerStore):
        away = False

        async def renew(self, worker_id: str, *, lease: timedelta) -> bool:
            if self.away:
                raise DatabaseUnavailable("gone")
            return await super().renew(worker_id, lease=lease)

        async def register(self, worker_id: str, *, host: str, lease: timedelta) -> None:
            if self.away:
                raise DatabaseUnavailable("gone")
            await super().register(worker_id, host=host, lease=lease)

    world.google.default_poll = OperationPending()
    store = Away(world.database)
    process = await world.start_process(lease_s=300.0, workers=store)
    job = await process.submit_job(1)
    await world.wait_for_state(job, JobState.POLLING)
    store.away = True
    await eventually(lambda: process.worker.running_count == 0)
    assert not process.worker.is_alive
    store.away = False
    world.google.default_poll = None
    await eventually(lambda: process.worker.is_alive)
    await expire_other_leases(world, process.worker.worker_id)
    process.worker.notify_job_changed(0)
    assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
    assert world.google.repeated_submits == world.discord.repeated_posts == 0


async def expire_other_leases(world: SimulatedWorld, worker_id: str) -> None:
    statement = (
        update(workers_table)
        .where(workers_table.c.id != worker_id)
        .values(lease_until=database_time(-1.0))
    )
    await world.database.write(lambda connection: connection.execute(statement))


async def test_queued_jobs_of_a_restored_backup_are_never_submitted(world: SimulatedWorld) -> None:
    """It may have been submitted since the backup; see `bot.store.jobs.restore`."""
    world.google.default_poll = OperationPending()
    waiting, authorised, sent = [await world.admit_job(n) for n in range(3)]
    await world.jobs.cancel(waiting.id, owner=None, now=world.clock.now())
    waiting = await world.admit_job(3)
    claimed = await world.jobs.claim_jobs("w", policy=world.policy, limit=2)
    assert [job.id for job in claimed] == [authorised.id, sent.id]
    polling = await world.jobs.begin_polling(await world.jobs.begin_sending(claimed[1]), "op")
    assert await mark_pending_as_unknown(world.database) == 2
    assert await world.get_job(sent.id) == replace(polling, claimed_epoch=None)
    assert await mark_pending_as_unknown(world.database) == 0
    world.polling_times = replace(world.polling_times, late_operation_wait_s=0.0)
    await world.start_process()
    for job in (waiting, authorised):
        after = await world.wait_for_end(job)
        assert (after.state, after.outcome) == (JobState.UNKNOWN, Outcome.SUBMIT_UNKNOWN)
    assert world.google.submits == []
    assert {notified.id for notified in world.discord.notified_jobs} >= {waiting.id, authorised.id}


@ON_POSTGRESQL
async def test_restore_is_refused_while_process_runs(world: SimulatedWorld) -> None:
    process = await world.start_process(worker_policy=NOTHING_STARTS)
    job = await process.submit_job(1)
    with pytest.raises(DatabaseInUse):
        await mark_pending_as_unknown(world.database)
    assert (await world.get_job(job.id)).state is JobState.QUEUED


async def test_orphans_are_adopted_by_exactly_one(world: SimulatedWorld) -> None:
    await world.workers.register("dead", host="x", lease=timedelta(seconds=30))
    answers = await world.jobs.admit_requests(
        [AdmissionRequest(make_plan(), make_origin(n)) for n in range(300)],
        policy=world.policy,
        owner="dead",
    )
    claimed: list[Job] = []
    while batch := await world.jobs.claim_jobs("dead", policy=world.policy, limit=64):
        claimed += batch
    assert len(answers) == len(claimed) == 300
    assert await world.jobs.adopt_orphans("early", limit=999) == [], "its lease still holds"
    await expire_lease(world, "dead")

    async def adopt_all(owner: str) -> list[Job]:
        adopted: list[Job] = []
        while batch := await world.jobs.adopt_orphans(owner, limit=20):
            adopted += batch
        return adopted

    for name in "abc":
        await world.workers.register(name, host="x", lease=timedelta(seconds=300))
    if not world.database.is_shared:  # on SQLite a register declares the others dead
        taken = [await adopt_all("c")]
    else:
        taken = list(await asyncio.gather(*(adopt_all(name) for name in "abc")))
    ids = [job.id for batch in taken for job in batch]
    assert len(ids) == len(set(ids)) == 300
    assert all(job.epoch == 2 for batch in taken for job in batch)


@ON_POSTGRESQL
async def test_several_processes_share_the_queue_and_start_nothing_twice(
    world: SimulatedWorld,
) -> None:
    processes = [world.create_process() for _ in range(3)]
    for process in processes:
        await process.worker.start()
    accepted = [await processes[n % 3].submit_job(n) for n in range(30)]
    for job in accepted:
        assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
    assert world.google.repeated_submits == world.discord.repeated_posts == 0
    assert len(world.google.submits) == 30


class FlakyJobStore(JobStore):
    """A store that becomes unavailable by script, before a change or after it was committed."""

    def __init__(self, database: Database, *, now: DatabaseClock) -> None:
        super().__init__(database, now=now)
        self.before: dict[str, int] = {}
        self.after: dict[str, int] = {}

    async def play_script(self, name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        if self.before.get(name, 0) > 0:
            self.before[name] -= 1
            raise DatabaseUnavailable(name)
        answer = await work()
        if self.after.get(name, 0) > 0:
            self.after[name] -= 1
            raise DatabaseUnavailable(name)
        return answer


def make_flaky_method(name: str) -> Any:
    original = getattr(JobStore, name)

    async def method(self: FlakyJobStore, *args: Any, **kwargs: Any) -> Any:
        return await self.play_script(name, lambda: original(self, *args, **kwargs))

    return method


CHANGES = (
    "admit_requests",
    "claim_jobs",
    "begin_sending",
    "begin_polling",
    "begin_fetching",
    "save_clips",
    "finish_job",
    "mark_announced",
)
for _name in CHANGES:
    setattr(FlakyJobStore, _name, make_flaky_method(_name))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", CHANGES)
async def test_job_ends_once_despite_database_errors(
    world: SimulatedWorld, when: str, name: str
) -> None:
    store = FlakyJobStore(world.database, now=world.now)
    getattr(store, when)[name] = 3
    process = await world.start_process(jobs=store)
    job = await process.submit_job(1)
    process.worker.notify_job_changed(0)

    async def has_ended() -> bool:
        process.worker.notify_job_changed(0)
        return (await world.get_job(job.id)).state.has_ended

    await eventually(has_ended)
    assert (await world.get_job(job.id)).outcome is Outcome.DELIVERED
    assert len(world.google.submits) == len(world.discord.messages) == 1
    await eventually(lambda: job.id in world.starred_jobs)
    kinds = [entry.posting.kind for entry in await world.ledger.list_entries(job.id)]
    assert kinds == ["reserve", "settle"]


async def test_crashed_process_gives_nothing_back(world: SimulatedWorld) -> None:
    """A graceful stop would requeue this job, because no submit was begun."""
    world.billing_rules = BillingRules(paid_calls=False)
    store = FlakyJobStore(world.database, now=world.now)
    store.before["finish_job"] = 10**6
    process = await world.start_process(jobs=store)
    job = await world.admit_job(1)
    process.worker.wake()
    await eventually(lambda: store.before["finish_job"] < 10**6)
    await process.worker.crash()
    assert process.worker.running_count == 0
    after = await world.get_job(job.id)
    assert (after.state, after.owner) == (JobState.SUBMITTING, process.worker.worker_id)


class _LosesAdoptionAnswer(JobStore):
    """A database that commits the first adoption, but whose answer is lost."""

    answer_lost = False

    async def adopt_orphans(self, owner: str, *, limit: int) -> list[Job]:
        adopted = await super().adopt_orphans(owner, limit=limit)
        if adopted and not self.answer_lost:
            self.answer_lost = True
            raise DatabaseUnavailable("the answer was lost")
        return adopted


async def test_adoption_with_lost_answer_does_not_authorise_submit(world: SimulatedWorld) -> None:
    world.google.answer_gate = asyncio.Event()
    dying = await world.start_process()
    job = await dying.submit_job(1)
    await eventually(lambda: world.google.submits)
    await dying.worker.crash()
    world.google.answer_gate = None
    await expire_lease(world, dying.worker.worker_id)
    store = _LosesAdoptionAnswer(world.database, now=world.now)
    adopter = await world.start_process(jobs=store)

    async def has_ended() -> bool:
        adopter.worker.notify_job_changed(0)
        return (await world.get_job(job.id)).state.has_ended

    await eventually(has_ended)
    assert store.answer_lost
    assert world.google.submits == [job.id]
    assert (await world.get_job(job.id)).outcome is Outcome.SUBMIT_UNKNOWN


class _SlowClaim(JobStore):
    """A database whose answer to a claim takes until ``answer`` is set."""

    answer: asyncio.Event

    async def claim_jobs(self, owner: str, **how: Any) -> list[Job]:
        async def detached() -> list[Job]:
            claimed = await JobStore.claim_jobs(self, owner, **how)
            if claimed:
                await self.answer.wait()
            return claimed

        return await asyncio.shield(asyncio.ensure_future(detached()))


async def test_a_stop_in_the_middle_of_a_claim_puts_the_job_back(world: SimulatedWorld) -> None:
    store = _SlowClaim(world.database, now=world.now)
    store.answer = asyncio.Event()
    # the worker must not find the claimed job by itself while the claim's answer is held
    stopped = await world.start_process(jobs=store, reconcile_interval_s=2000.0)
    job = await stopped.submit_job(1)
    await world.wait_for_state(job, JobState.SUBMITTING)
    stopping = asyncio.create_task(stopped.worker.stop(50.0))
    await asyncio.sleep(0)
    store.answer.set()
    await stopping
    assert (await world.get_job(job.id)).state is JobState.QUEUED
    await world.start_process()
    assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
    assert world.google.submits == [job.id]


async def test_unexpected_error_is_reported_and_does_not_stop_dispatcher(
    world: SimulatedWorld,
) -> None:
    healthy_before_claim: list[bool] = []

    class Faulty(JobStore):
        error_count = 2

        async def claim_jobs(self, owner: str, **how: Any) -> list[Job]:
            healthy_before_claim.append(process.worker.is_loop_healthy("dispatcher"))
            if self.error_count:
                self.error_count -= 1
                raise ValueError("an unforeseen row")
            return await JobStore.claim_jobs(self, owner, **how)

    process = world.create_process(jobs=Faulty(world.database, now=world.now))
    await process.worker.start()
    job = await process.submit_job(1)
    assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
    assert healthy_before_claim[:3] == [True, False, False]
    assert process.reported_failures == ["dispatcher"] * 2
    await eventually(lambda: process.worker.is_loop_healthy("dispatcher"))


async def test_unavailable_database_accepts_nothing(world: SimulatedWorld) -> None:
    store = FlakyJobStore(world.database, now=world.now)
    store.before["admit_requests"] = 10**6
    process = world.create_process(jobs=store)
    with pytest.raises(DatabaseUnavailable):
        await process.submit_job(1)
    assert await world.ledger.sum_reserved() == 0


async def test_each_submit_authorisation_is_recorded(world: SimulatedWorld) -> None:
    job = await world.admit_job(1)
    await world.jobs.claim_jobs("w", policy=world.policy, limit=1)

    async def count(connection: Any) -> Any:
        return await connection.scalar(
            select(func.count())
            .select_from(submissions_table)
            .where(submissions_table.c.job_id == job.id)
        )

    assert await world.database.read(count) == 1
    assert await world.ledger.sum_reserved() == PRICE


@ON_POSTGRESQL
async def test_jobs_outlive_cut_connections(world: SimulatedWorld) -> None:
    process = await world.start_process(lease_s=60_000.0)
    schema = await world.database.read(
        lambda connection: connection.scalar(text("SELECT current_schema()"))
    )
    assert schema is not None
    accepted: list[Job] = []
    cut = 0
    for n in range(40):
        accepted.append(await process.submit_job(n))
        if n % 10 == 5:
            cut += await cut_connections(schema)
    assert cut > 0
    for job in accepted:
        process.worker.notify_job_changed(0)
        assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
    assert world.google.repeated_submits == world.discord.repeated_posts == 0
    assert len(world.google.submits) == 40
    assert await world.ledger.sum_reserved() == 0


async def test_unreachable_database_is_unavailable(tmp_path: Path) -> None:
    nobody = open_database("postgresql+asyncpg://nobody@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailable):
        await upgrade_schema(nobody)
    await nobody.close()
    (tmp_path / "folder.db").mkdir()
    folder = open_database(f"sqlite+aiosqlite:///{tmp_path}/folder.db")
    with pytest.raises(DatabaseUnavailable):
        await upgrade_schema(folder)
    await folder.close()


@ON_SQLITE
async def test_a_second_process_on_the_same_file_is_refused(
    database: Database, tmp_path: Path
) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/test.db"
    with pytest.raises(DatabaseInUse):
        open_database(url)
    program = f"from bot.store.engine.database import open_database; open_database({url!r})"
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, cwd=Path(__file__).parents[2], stderr=asyncio.subprocess.PIPE
    )
    _, errors = await other.communicate()
    assert other.returncode == 1
    assert b"DatabaseInUse" in errors
    await database.close()
    again = open_database(url)
    await again.close()


@ON_SQLITE
async def test_sqlite_keeps_what_it_has_committed(database: Database) -> None:
    async def pragmas(connection: Any) -> list[Any]:
        names = ("journal_mode", "synchronous")
        return [await connection.scalar(text(f"PRAGMA {name}")) for name in names]

    assert await database.write(pragmas) == ["wal", 2]  # 2 is FULL


@ON_SQLITE
async def test_sqlites_readers_cannot_write(database: Database) -> None:
    with pytest.raises(DatabaseUnavailable):
        await database.read(lambda connection: connection.execute(text("DELETE FROM jobs")))


async def test_cancelled_caller_does_not_break_transaction(world: SimulatedWorld) -> None:
    before = asyncio.all_tasks()
    asking = asyncio.create_task(world.admit_job(1))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    while unfinished := asyncio.all_tasks() - before:
        await asyncio.wait(unfinished)
    reserved = await world.ledger.sum_reserved()
    assert reserved in (0, PRICE)
    assert (await world.jobs.get(1) is not None) == (reserved == PRICE)
