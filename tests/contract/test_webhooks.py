"""Webhook events wake the right job, find lost submits and nothing else, on both databases."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import AccessRefused, GoogleUnavailable, RemoteNotFound, SubmitUncertain
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.jobs.request import GoogleRoute
from bot.domain.jobs.webhook import SubmitLabels, WebhookRegistration, hash_request
from bot.domain.ports import OperationPending
from bot.services.jobs.stages.event_trust import EventTrust
from bot.services.jobs.stages.running_job import PollingTimes
from bot.services.webhooks.event_inbox import WebhookInbox
from bot.services.webhooks.registration import WebhookRegistrar
from bot.store.engine.database import Database
from bot.store.jobs.webhook_events import (
    EVENT_TAKEN_WITHIN,
    OPEN_EVENTS_KEPT_FOR,
    REPEATS_KNOWN_FOR,
    WebhookEventStore,
)
from bot.store.jobs.webhook_registrations import WebhookRegistrationStore
from tests.contract.test_unknown_jobs import ALL, load_sums
from tests.fakes.google import FakeGoogle
from tests.fakes.webhooks import FakeWebhookApi
from tests.fakes.world import SimulatedProcess, SimulatedWorld
from tests.harness.waiting import eventually

URL = "https://clips.example/webhooks/gemini"
DUE = EVENT_TAKEN_WITHIN + timedelta(seconds=1)


@pytest.fixture
def world(world: SimulatedWorld) -> SimulatedWorld:
    world.google = FakeGoogle(route=GoogleRoute.OMNI)
    world.polling_times = PollingTimes(poll_interval_s=100_000.0, first_omni_poll_s=100_000.0)
    return world


@pytest.fixture
def events(world: SimulatedWorld) -> WebhookEventStore:
    return WebhookEventStore(world.database, now=world.now)


@pytest.fixture
def api() -> FakeWebhookApi:
    return FakeWebhookApi()


@pytest.fixture
async def process(world: SimulatedWorld) -> SimulatedProcess:
    return await world.start_process()


def open_inbox(
    world: SimulatedWorld, process: SimulatedProcess, api: FakeWebhookApi
) -> WebhookInbox:
    return WebhookInbox(
        events=WebhookEventStore(world.database, now=world.now),
        jobs=world.jobs,
        api=api,
        routes=world.routes,
        worker=process.worker,
        clock=world.clock,
    )


async def start_polling(world: SimulatedWorld, process: SimulatedProcess, key: int = 1) -> Job:
    """Return a job that Google works on and that nobody polls for a day."""
    job = await process.submit_job(key, route=GoogleRoute.OMNI)
    await world.wait_for_state(job, JobState.POLLING)
    return await world.get_job(job.id)


async def lose_submit(world: SimulatedWorld, process: SimulatedProcess, key: int = 1) -> Job:
    """Return a job whose submit got no answer."""
    world.google.submit_script.append(SubmitUncertain("connection lost"))
    job = await process.submit_job(key, route=GoogleRoute.OMNI)
    return await world.wait_for_end(job, JobState.UNKNOWN)


def label(job: Job, **changes: object) -> SubmitLabels:
    labels = SubmitLabels(job.id, hash_request(job.origin.dedupe_key), True)
    return replace(labels, **changes)  # type: ignore[arg-type]


async def count_open(events: WebhookEventStore) -> int:
    return len(await events.list_open())


class SetTime:
    """The database's time as a test sets it, because a fast clock would not stand still."""

    def __init__(self) -> None:
        self.value = datetime(2026, 11, 30, tzinfo=UTC)

    async def read(self, _: AsyncConnection) -> datetime:
        return self.value


class TestEventStore:
    async def test_an_event_is_stored_once(self, database: Database) -> None:
        events = WebhookEventStore(database)
        stored = await asyncio.gather(*(events.record_event("m", "v1_a") for _ in range(5)))
        assert sorted(stored) == [False, False, False, False, True]
        [event] = await events.list_open()
        await events.mark_handled([event])
        assert not await events.record_event("m", "v1_a")
        assert not await events.list_open()
        assert await events.find_latest_time() == event.received_at

    async def test_a_due_event_goes_to_one_process(self, database: Database) -> None:
        time = SetTime()
        events = WebhookEventStore(database, now=time.read)
        await events.record_event("m", "v1_a")
        assert not await events.claim_due(limit=5)
        for _ in range(2):  # it is still open, and due again
            time.value += DUE
            claims = await asyncio.gather(*(events.claim_due(limit=5) for _ in range(4)))
            assert sum(map(len, claims)) == 1

    async def test_old_events_are_deleted(self, database: Database) -> None:
        time = SetTime()
        events = WebhookEventStore(database, now=time.read)
        await events.record_event("handled", "v1_a")
        await events.mark_handled(await events.list_open())
        await events.record_event("open", "v1_b")
        await events.delete_old()
        assert not await events.record_event("handled", "v1_a")
        time.value += REPEATS_KNOWN_FOR + timedelta(seconds=1)
        await events.delete_old()
        assert [event.webhook_id for event in await events.list_open()] == ["open"]
        assert await events.record_event("handled", "v1_a")
        time.value += OPEN_EVENTS_KEPT_FOR
        await events.delete_old()
        assert [event.webhook_id for event in await events.list_open()] == ["handled"]


class TestWakingPolls:
    async def test_an_event_makes_its_job_poll(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        events: WebhookEventStore,
        api: FakeWebhookApi,
    ) -> None:
        job = await start_polling(world, process)
        other = await start_polling(world, process, key=2)
        assert job.operation is not None
        await events.record_event("m", job.operation)
        await open_inbox(world, process, api).run_once()
        assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
        assert (await world.get_job(other.id)).state is JobState.POLLING
        assert not await events.list_open()
        assert not api.asked

    async def test_a_process_leaves_the_events_of_others(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        events: WebhookEventStore,
        api: FakeWebhookApi,
    ) -> None:
        job = await start_polling(world, process)
        other = world.create_process()
        assert job.operation is not None
        await events.record_event("m", job.operation)
        inbox = open_inbox(world, other, api)
        await inbox.run_once()
        world.clock.jump(DUE)
        await inbox.run_once()
        assert await count_open(events) == 1
        await open_inbox(world, process, api).run_once()
        assert (await world.wait_for_end(job)).outcome is Outcome.DELIVERED
        assert not await events.list_open()
        assert not api.asked

    async def test_an_event_before_the_end_costs_one_poll(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        events: WebhookEventStore,
        api: FakeWebhookApi,
    ) -> None:
        world.google.default_poll = OperationPending()
        job = await start_polling(world, process)
        assert job.operation is not None
        await events.record_event("m", job.operation)
        await open_inbox(world, process, api).run_once()
        await eventually(lambda: world.google.poll_counts.total())
        assert (await world.get_job(job.id)).state is JobState.POLLING
        assert world.google.poll_counts.total() == 1


class TestTrust:
    async def test_announced_ends_are_trusted_until_one_is_not(self, world: SimulatedWorld) -> None:
        world.event_trust = trust = EventTrust(world.clock)
        world.polling_times = PollingTimes(poll_interval_s=20.0, first_omni_poll_s=20.0)
        world.google.default_poll = OperationPending()
        process = await world.start_process()
        job = await start_polling(world, process)
        assert job.operation is not None
        await eventually(lambda: world.google.poll_counts.total())
        world.google.default_poll = None
        process.worker.poll_now({job.operation})
        await world.wait_for_end(job)
        was_trusted = trust.is_trusted
        other = await start_polling(world, process, key=2)
        await world.wait_for_end(other)
        assert was_trusted
        assert not trust.is_trusted


class TestLostSubmits:
    async def find(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        api: FakeWebhookApi,
        interaction: str,
    ) -> None:
        """Receive an event and deal with it when it is due."""
        await WebhookEventStore(world.database, now=world.now).record_event("m", interaction)
        world.clock.jump(DUE)
        await open_inbox(world, process, api).run_once()

    async def test_a_lost_submit_is_found_by_its_labels(
        self, world: SimulatedWorld, process: SimulatedProcess, api: FakeWebhookApi
    ) -> None:
        job = await lose_submit(world, process)
        operation = await world.google.submit(job.plan, job_id=job.id)
        api.labels[operation] = label(job)
        await self.find(world, process, api, operation)
        after = await world.wait_for_end(job, JobState.DONE)
        assert (after.outcome, after.operation) == (Outcome.DELIVERED, operation)
        assert api.asked == [operation]
        assert len(world.discord.messages) == 1
        assert await load_sums(world, job) == (ALL, ALL)

    async def test_a_job_that_is_still_submitting_gets_its_operation(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        events: WebhookEventStore,
        api: FakeWebhookApi,
    ) -> None:
        """Its process was killed after sending, and another one has adopted it."""
        world.google.answer_gate = asyncio.Event()
        job = await process.submit_job(1, route=GoogleRoute.OMNI)
        await eventually(lambda: world.google.submits)
        await process.worker.crash()
        world.google.answer_gate.set()
        operation = await world.google.submit(job.plan, job_id=job.id)
        api.labels[operation] = label(job)
        other = world.create_process()
        await self.find(world, other, api, operation)
        waiting = await world.get_job(job.id)
        assert (waiting.state, waiting.operation) == (JobState.SUBMITTING, operation)
        assert await count_open(events) == 1, "until its new process polls"

    @pytest.mark.parametrize(
        "changes",
        [{"request_hash": hash_request("interaction:of another")}, {"job_id": 10**17}],
    )
    async def test_a_submit_of_another_installation_is_left_alone(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        events: WebhookEventStore,
        api: FakeWebhookApi,
        changes: dict[str, object],
    ) -> None:
        job = await lose_submit(world, process)
        api.labels["v1_theirs"] = label(job, **changes)
        await self.find(world, process, api, "v1_theirs")
        assert await world.get_job(job.id) == job
        assert not await events.list_open()

    async def test_an_earlier_attempt_is_not_taken_for_the_last_one(
        self, world: SimulatedWorld, process: SimulatedProcess, api: FakeWebhookApi
    ) -> None:
        """Google made nothing of it, but gave it an id and the same labels."""
        world.google.submit_script.append(GoogleUnavailable("high demand"))
        job = await lose_submit(world, process)
        assert job.attempts == 2
        api.labels["v1_first"] = label(job, has_completed=False)
        await self.find(world, process, api, "v1_first")
        assert await world.get_job(job.id) == job
        operation = await world.google.submit(job.plan, job_id=job.id)
        api.labels[operation] = label(job)
        await WebhookEventStore(world.database, now=world.now).record_event("m2", operation)
        world.clock.jump(DUE)
        await open_inbox(world, process, api).run_once()
        assert (await world.wait_for_end(job, JobState.DONE)).outcome is Outcome.DELIVERED

    async def test_a_settled_job_is_not_reopened(
        self, world: SimulatedWorld, process: SimulatedProcess, api: FakeWebhookApi
    ) -> None:
        job, still_lost = await lose_submit(world, process), await lose_submit(world, process, 2)
        await world.jobs.settle_unknown(job.id, charge=False, actor_id=1, now=world.clock.now())
        api.labels["v1_a"] = label(job)
        await self.find(world, process, api, "v1_a")
        assert (await world.get_job(job.id)).state is JobState.FAILED
        assert await world.get_job(still_lost.id) == still_lost

    async def test_google_is_not_asked_while_nothing_is_lost(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        events: WebhookEventStore,
        api: FakeWebhookApi,
    ) -> None:
        await start_polling(world, process)
        await self.find(world, process, api, "v1_of_another_program")
        assert not api.asked
        assert not await events.list_open()

    @pytest.mark.parametrize("failure", [GoogleUnavailable("503"), AccessRefused("403")])
    async def test_google_is_asked_again_after_an_error(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        api: FakeWebhookApi,
        failure: GoogleUnavailable | AccessRefused,
    ) -> None:
        job = await lose_submit(world, process)
        operation = await world.google.submit(job.plan, job_id=job.id)
        api.labels[operation], api.failure = label(job), failure
        await self.find(world, process, api, operation)
        api.failure = None
        world.clock.jump(DUE)
        await open_inbox(world, process, api).run_once()
        assert (await world.wait_for_end(job, JobState.DONE)).outcome is Outcome.DELIVERED

    async def test_an_interaction_that_google_does_not_know_ends_the_event(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        events: WebhookEventStore,
        api: FakeWebhookApi,
    ) -> None:
        await lose_submit(world, process)
        api.failure = RemoteNotFound("404")
        await self.find(world, process, api, "v1_a")
        assert not await events.list_open()


class TestRegistration:
    def open_registrar(
        self, world: SimulatedWorld, api: FakeWebhookApi, url: str | None = URL
    ) -> WebhookRegistrar:
        store = WebhookRegistrationStore(world.database, now=world.now)
        return WebhookRegistrar(api=api, store=store, clock=world.clock, url=url)

    async def load(self, world: SimulatedWorld) -> WebhookRegistration | None:
        return await WebhookRegistrationStore(world.database, now=world.now).load()

    async def test_several_processes_register_once(
        self, world: SimulatedWorld, api: FakeWebhookApi
    ) -> None:
        registrars = [self.open_registrar(world, api) for _ in range(4)]
        await asyncio.gather(*(registrar.check_once() for registrar in registrars))
        assert list(api.webhooks) == ["w1"]
        known = await self.load(world)
        assert known == WebhookRegistration(webhook_id="w1", url=URL, secret="whsec_1")
        world.clock.jump(timedelta(minutes=11))
        await asyncio.gather(*(registrar.check_once() for registrar in registrars))
        assert api.created_count == 1
        assert await self.load(world) == known

    async def test_a_webhook_whose_secret_was_lost_is_replaced(
        self, world: SimulatedWorld, api: FakeWebhookApi
    ) -> None:
        """A process was killed after Google had created it."""
        await api.create_webhook(URL)
        other = await api.create_webhook("https://another.example/hook")
        await self.open_registrar(world, api).check_once()
        assert sorted(api.webhooks) == [other.id, "w3"]
        known = await self.load(world)
        assert known is not None
        assert known.webhook_id == "w3"

    @pytest.mark.parametrize(
        "changes",
        [{"is_enabled": False}, {"event_types": frozenset({"interaction.failed"})}],
    )
    async def test_an_unusable_webhook_is_replaced(
        self, world: SimulatedWorld, api: FakeWebhookApi, changes: dict[str, object]
    ) -> None:
        registrar = self.open_registrar(world, api)
        await registrar.check_once()
        api.webhooks["w1"] = replace(api.webhooks["w1"], **changes)  # type: ignore[arg-type]
        world.clock.jump(timedelta(minutes=11))
        await registrar.check_once()
        assert list(api.webhooks) == ["w2"]

    async def test_a_new_address_replaces_the_old_webhook(
        self, world: SimulatedWorld, api: FakeWebhookApi
    ) -> None:
        await self.open_registrar(world, api).check_once()
        world.clock.jump(timedelta(minutes=2))
        await self.open_registrar(world, api, "https://new.example/hook").check_once()
        assert [webhook.url for webhook in api.webhooks.values()] == ["https://new.example/hook"]

    async def test_a_failure_is_kept_for_the_operator_and_tried_again(
        self, world: SimulatedWorld, api: FakeWebhookApi
    ) -> None:
        registrar = self.open_registrar(world, api)
        api.failure = AccessRefused("the key may not do this")
        await registrar.check_once()
        known = await self.load(world)
        assert known == WebhookRegistration(problem="the key may not do this")
        api.failure = None
        await registrar.check_once()
        assert not api.webhooks, "not before a minute has passed"
        world.clock.jump(timedelta(minutes=2))
        await registrar.check_once()
        known = await self.load(world)
        assert known is not None
        assert (known.secret, known.problem) == ("whsec_1", None)

    async def test_switching_off_deletes_it(
        self, world: SimulatedWorld, api: FakeWebhookApi
    ) -> None:
        await self.open_registrar(world, api).check_once()
        off = self.open_registrar(world, api, None)
        api.failure = GoogleUnavailable("503")
        await off.check_once()
        assert await self.load(world) is not None
        api.failure = None
        await off.check_once()
        assert not api.webhooks
        assert await self.load(world) is None
        await off.check_once()
