"""Omni interactions are deleted with their clips, and the bot learns how long Google keeps them."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from unittest.mock import AsyncMock, Mock

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.config.model_catalog import load_catalog
from bot.domain.clips.clip import Clip
from bot.domain.clips.remote_deletion import GIVE_UP_AFTER, LONGEST_RETRY, compute_retry_delay
from bot.domain.errors import (
    AccessRefused,
    DatabaseUnavailable,
    GoogleUnavailable,
    RecordNotFound,
    RemoteNotFound,
    VideoError,
)
from bot.domain.jobs.job import JobState, Outcome
from bot.domain.jobs.request import GoogleRoute, VideoRequest
from bot.domain.ports import OperationFailed, OperationPending
from bot.media.local_store import LocalMediaStore
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.clips.interaction_lifetimes import InteractionLifetimes
from bot.services.clips.originals import Originals
from bot.services.clips.remote_deletions import RemoteDeletions
from bot.store.jobs.interaction_lifetimes import InteractionLifetimeStore
from bot.store.jobs.remote_deletions import RemoteDeletionStore
from bot.store.privacy.erasure import ErasureStore
from bot.store.tables.core import (
    clips_table,
    interaction_lifetimes_table,
    remote_deletions_table,
)
from tests.contract.test_omni_jobs import make_lost_job, submit
from tests.fakes.clock import FastClock, VirtualClock
from tests.fakes.google import FakeGoogle, FakeMediaProbe, ScriptStep
from tests.fakes.world import GUILD, MEMBER, SimulatedProcess, SimulatedWorld, make_origin
from tests.harness.waiting import eventually

PROMISED = timedelta(days=55)
DAY = timedelta(days=1)


@pytest.fixture
def world(world: SimulatedWorld) -> SimulatedWorld:
    world.google = FakeGoogle(route=GoogleRoute.OMNI)
    world.google.can_cancel = True
    world.google.interaction_expires_at = world.clock.now() + PROMISED
    return world


@pytest.fixture
async def process(world: SimulatedWorld) -> SimulatedProcess:
    return await world.start_process()


async def make_clip(world: SimulatedWorld, process: SimulatedProcess, key: int = 1) -> Clip:
    job = await world.wait_for_end(await submit(process, key))
    [clip] = await world.clips.list_for_job(job.id)
    assert clip.interaction_id == job.operation
    return clip


class TestDeletion:
    @pytest.fixture
    def given_up(self) -> list[int]:
        return []

    @pytest.fixture
    def deletions(
        self, world: SimulatedWorld, process: SimulatedProcess, given_up: list[int]
    ) -> RemoteDeletions:
        return RemoteDeletions(
            store=RemoteDeletionStore(world.database, now=world.now),
            routes=world.routes,
            worker=process.worker,
            clock=world.clock,
            count_given_up=lambda: given_up.append(1),
        )

    async def list_pending(self, world: SimulatedWorld) -> list[str]:
        rows = await world.database.read_rows(select(remote_deletions_table))
        return sorted(row["operation"] for row in rows)

    async def test_deleted_clip_is_deleted_at_google(
        self, world: SimulatedWorld, process: SimulatedProcess, deletions: RemoteDeletions
    ) -> None:
        clip, kept = await make_clip(world, process), await make_clip(world, process, 2)
        await world.clips.delete_for_job(clip.job_id)
        await world.clips.delete_for_job(clip.job_id)  # a press is repeated after a crash
        assert await self.list_pending(world) == [clip.interaction_id]
        await deletions.run_due()
        assert world.google.deleted == [clip.interaction_id]
        assert await self.list_pending(world) == []
        assert (await world.clips.list_for_job(kept.job_id)) == [kept]

    async def test_deletion_does_not_wait_for_the_next_look(
        self, world: SimulatedWorld, process: SimulatedProcess, deletions: RemoteDeletions
    ) -> None:
        clip = await make_clip(world, process)
        patient = replace(deletions, clock=FastClock(speed=1e-6))
        looking = asyncio.create_task(patient.run())
        try:
            await world.clips.delete_for_job(clip.job_id)
            patient.wake()
            await eventually(lambda: world.google.deleted, what="Google having deleted it")
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)
        assert world.google.deleted == [clip.interaction_id]

    async def test_id_may_be_of_any_length(
        self, world: SimulatedWorld, process: SimulatedProcess, deletions: RemoteDeletions
    ) -> None:
        """Google gives no maximum length, and the clip must be deletable in any case."""
        clip, long_id = await make_clip(world, process), "v1_" + "a" * 400
        await world.database.execute(
            update(clips_table).where(clips_table.c.id == clip.id).values(interaction_id=long_id)
        )
        await world.clips.delete_for_job(clip.job_id)
        await deletions.run_due()
        assert long_id in world.google.deleted

    async def test_veo_keeps_nothing_to_delete(self, world: SimulatedWorld) -> None:
        world.google = FakeGoogle(route=GoogleRoute.GEMINI)
        process = await world.start_process()
        job = await world.wait_for_end(await process.submit_job(1))
        await world.clips.delete_for_job(job.id)
        assert await self.list_pending(world) == []

    async def test_deletion_survives_a_crash(
        self, world: SimulatedWorld, process: SimulatedProcess, deletions: RemoteDeletions
    ) -> None:
        clip = await make_clip(world, process)
        await world.clips.delete_for_job(clip.job_id)
        world.google.delete_script.append(KeyError("killed"))
        with pytest.raises(KeyError):
            await deletions.run_due()
        assert await self.list_pending(world) == [clip.interaction_id]
        world.clock.jump(timedelta(hours=1))
        await deletions.run_due()
        assert world.google.deleted == [clip.interaction_id]

    @pytest.mark.parametrize("error", [GoogleUnavailable("503"), AccessRefused("403")])
    async def test_failed_deletion_is_tried_again_later(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        deletions: RemoteDeletions,
        error: VideoError,
    ) -> None:
        clip = await make_clip(world, process)
        await world.clips.delete_for_job(clip.job_id)
        world.google.delete_script.append(error)
        clock = VirtualClock(start=world.clock.now())

        async def read_clock(_: AsyncConnection) -> datetime:
            return clock.now()

        store = RemoteDeletionStore(world.database, now=read_clock)
        deletions = replace(deletions, store=store, clock=clock)
        for _ in range(2):  # the second finds nothing due
            await deletions.run_due()
        assert not world.google.deleted
        assert await self.list_pending(world) == [clip.interaction_id]
        clock.jump_ahead(300)
        await deletions.run_due()
        assert world.google.deleted == [clip.interaction_id]

    async def test_what_is_gone_is_done(
        self, world: SimulatedWorld, process: SimulatedProcess, deletions: RemoteDeletions
    ) -> None:
        clip = await make_clip(world, process)
        await world.clips.delete_for_job(clip.job_id)
        world.google.delete_script.append(RemoteNotFound("404"))
        await deletions.run_due()
        assert await self.list_pending(world) == []

    async def test_it_is_given_up_after_days(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        deletions: RemoteDeletions,
        given_up: list[int],
    ) -> None:
        clip = await make_clip(world, process)
        await world.clips.delete_for_job(clip.job_id)
        world.google.delete_script.extend([GoogleUnavailable("503")] * 2)
        await deletions.run_due()
        assert not given_up
        world.clock.jump(GIVE_UP_AFTER + timedelta(days=1))  # the database's own clock requested it
        await deletions.run_due()
        assert (given_up, await self.list_pending(world)) == ([1], [])

    async def test_route_that_is_off_waits(
        self, world: SimulatedWorld, process: SimulatedProcess, deletions: RemoteDeletions
    ) -> None:
        clip = await make_clip(world, process)
        await world.clips.delete_for_job(clip.job_id)
        await replace(deletions, routes={}).run_due()
        assert await self.list_pending(world) == [clip.interaction_id]

    async def test_one_process_carries_it_out(
        self, world: SimulatedWorld, process: SimulatedProcess, deletions: RemoteDeletions
    ) -> None:
        clips = [await make_clip(world, process, key) for key in range(3)]
        for clip in clips:
            await world.clips.delete_for_job(clip.job_id)
        taken = await deletions.store.claim_due(limit=2)
        rest = await deletions.store.claim_due(limit=9)
        assert len(taken) == 2
        assert {each.operation for each in (*taken, *rest)} == {
            clip.interaction_id for clip in clips
        }
        assert len(rest) == 1

    async def test_job_that_is_watched_keeps_its_operation(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        """*Delete* on its card removes messages; the clip may still be delivered."""
        job = await make_lost_job(world, process)
        await world.clips.delete_for_job(job.id)
        assert await self.list_pending(world) == []

    @pytest.mark.parametrize("is_guild", [False, True])
    async def test_erasure_deletes_what_has_no_clip_too(
        self, world: SimulatedWorld, process: SimulatedProcess, is_guild: bool
    ) -> None:
        clip = await make_clip(world, process)
        world.google.default_poll = OperationPending()
        stopped = await submit(process, 2)
        await world.wait_for_state(stopped, JobState.POLLING)
        await process.request_service.cancel(stopped.id, user_id=MEMBER, moderator=False)
        await world.wait_for_end(stopped, JobState.CANCELLED)
        lost = await make_lost_job(world, process, key=3)
        store = ErasureStore(world.database)
        if is_guild:
            batch = await store.load_guild_batch(GUILD)
        else:
            requested_at = world.clock.now() + DAY
            batch = await store.load_member_batch(MEMBER, requested_at=requested_at)
        await store.erase_batch(batch)
        assert await self.list_pending(world) == sorted(
            [str(clip.interaction_id), f"v1_{stopped.id}-2", str(lost.operation)]
        )


class TestOriginal:
    """The file's address expires after two days; the interaction gives a new one for weeks."""

    @pytest.fixture
    def originals(self, world: SimulatedWorld) -> Originals:
        return Originals(
            routes=world.routes,
            media_probe=FakeMediaProbe(),
            media_store=LocalMediaStore(world.data_dir),
            clock=world.clock,
        )

    async def make_lost_file(
        self, world: SimulatedWorld, process: SimulatedProcess, originals: Originals
    ) -> Clip:
        world.google.expires_at = world.clock.now() + 2 * DAY
        clip = await make_clip(world, process)
        (world.data_dir / clip.path).unlink()
        world.clock.jump(3 * DAY)
        return clip

    async def test_lost_file_comes_back_by_the_interaction(
        self, world: SimulatedWorld, process: SimulatedProcess, originals: Originals
    ) -> None:
        clip = await self.make_lost_file(world, process, originals)
        assert (await originals.load_facts(clip)).sha256 == clip.sha256

    @pytest.mark.parametrize(
        "answer", [OperationFailed(Outcome.OPERATION_FAILED, None), RemoteNotFound("404")]
    )
    async def test_file_that_google_has_no_more_is_lost(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        originals: Originals,
        answer: ScriptStep,
    ) -> None:
        clip = await self.make_lost_file(world, process, originals)
        world.google.poll_script.append(answer)
        with pytest.raises(RecordNotFound):
            await originals.load_facts(clip)

    async def test_expired_interaction_is_not_asked_for(
        self, world: SimulatedWorld, process: SimulatedProcess, originals: Originals
    ) -> None:
        clip = await self.make_lost_file(world, process, originals)
        world.clock.jump(PROMISED)
        polls = world.google.poll_counts.total()
        with pytest.raises(RecordNotFound):
            await originals.load_facts(clip)
        assert world.google.poll_counts.total() == polls


def test_retries_become_rare_and_never_stop() -> None:
    delays = [compute_retry_delay(attempts) for attempts in range(1, 99)]
    assert delays == sorted(delays)
    assert delays[0] == timedelta(seconds=10)
    assert delays[-1] == LONGEST_RETRY


class TestLifetime:
    @pytest.fixture
    def store(self, world: SimulatedWorld) -> InteractionLifetimeStore:
        return InteractionLifetimeStore(world.database)

    async def load_expiry(self, world: SimulatedWorld, clip: Clip) -> datetime:
        read = await world.clips.get(clip.id)
        assert read is not None
        assert read.interaction_expires_at is not None
        expires_at = read.as_source().interaction_expires_at
        assert expires_at == read.interaction_expires_at.timestamp()
        return read.interaction_expires_at

    async def report(
        self, store: InteractionLifetimeStore, clip: Clip, age: timedelta, *, gone: bool = True
    ) -> timedelta | None:
        assert clip.interaction_id is not None
        record = store.record_gone if gone else store.record_alive
        return await record(clip.route, clip.interaction_id, now=clip.created_at + age)

    async def test_promise_counts_until_something_is_learned(
        self, world: SimulatedWorld, process: SimulatedProcess
    ) -> None:
        clip = await make_clip(world, process)
        assert await self.load_expiry(world, clip) == world.google.interaction_expires_at

    async def test_early_loss_shortens_what_is_expected_of_all(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        store: InteractionLifetimeStore,
    ) -> None:
        gone, other = await make_clip(world, process), await make_clip(world, process, 2)
        assert await self.report(store, gone, 8 * DAY) == 8 * DAY
        assert await self.load_expiry(world, gone) == gone.created_at + 8 * DAY
        assert await self.load_expiry(world, other) == other.created_at + 8 * DAY
        assert await self.report(store, gone, 9 * DAY) is None, "it was not expected any more"
        later = await make_clip(world, process, 3)
        assert await self.load_expiry(world, later) == later.created_at + 8 * DAY
        assert await self.report(store, other, 7.5 * DAY) == 7.5 * DAY
        assert await self.load_expiry(world, later) == later.created_at + 7.5 * DAY

    async def test_loss_within_a_day_is_about_one_clip(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        store: InteractionLifetimeStore,
    ) -> None:
        """Google keeps every interaction for a day, so somebody has deleted this one."""
        gone, other = await make_clip(world, process), await make_clip(world, process, 2)
        assert await self.report(store, gone, timedelta(hours=5)) is None
        assert await self.load_expiry(world, gone) == gone.created_at + timedelta(hours=5)
        assert await self.load_expiry(world, other) == world.google.interaction_expires_at

    async def test_older_one_that_is_alive_corrects_it(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        store: InteractionLifetimeStore,
    ) -> None:
        gone, other = await make_clip(world, process), await make_clip(world, process, 2)
        await self.report(store, gone, 3 * DAY)
        assert await self.report(store, other, 2 * DAY, gone=False) is None
        assert await self.load_expiry(world, other) == other.created_at + 3 * DAY
        assert await self.report(store, other, 4 * DAY, gone=False) == 3 * DAY
        assert await self.load_expiry(world, other) == world.google.interaction_expires_at
        assert await self.load_expiry(world, gone) == gone.created_at + 3 * DAY

    async def test_old_lesson_is_forgotten(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        store: InteractionLifetimeStore,
    ) -> None:
        """The operator may have enabled billing since."""
        gone, other = await make_clip(world, process), await make_clip(world, process, 2)
        await self.report(store, gone, 2 * DAY)
        old = world.clock.now() - 8 * DAY
        statement = update(interaction_lifetimes_table).values(learnt_at=old)
        await world.database.execute(statement)
        assert await self.load_expiry(world, other) == world.google.interaction_expires_at

    async def test_unknown_and_other_interactions_teach_nothing(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        store: InteractionLifetimeStore,
    ) -> None:
        clip = await make_clip(world, process)
        now = clip.created_at + 9 * DAY
        assert await store.record_gone(GoogleRoute.OMNI, "v1_nobody", now=now) is None
        elsewhere = GoogleRoute.VERTEX_OMNI
        assert await store.record_gone(elsewhere, str(clip.interaction_id), now=now) is None
        assert await self.load_expiry(world, clip) == world.google.interaction_expires_at

    async def test_watcher_does_not_fail_with_the_database(self, world: SimulatedWorld) -> None:
        away = AsyncMock(side_effect=DatabaseUnavailable("gone"))
        store = Mock(record_gone=away, record_alive=away)
        watcher = InteractionLifetimes(store=store, clock=world.clock)
        await watcher.record_gone(GoogleRoute.OMNI, "v1_a")
        await watcher.record_alive(GoogleRoute.OMNI, "v1_a")
        assert away.await_count == 2

    async def test_repeated_request_knows_what_was_learned_since(
        self,
        world: SimulatedWorld,
        process: SimulatedProcess,
        store: InteractionLifetimeStore,
    ) -> None:
        """Its plan has the lifetime known when it was first made."""
        world.model_availability.offered = load_catalog().restrict_to(GoogleRoute.OMNI).models
        clip = await make_clip(world, process)
        repeated = VideoRequest("make it dark", source=clip.as_source(), is_edit=True)
        rules = ServerRulesService(guilds=world.guilds, clock=world.clock)
        context = await rules.load_context(make_origin("again", guild_id=None))
        prepared = await process.request_service.prepare_request(repeated, context)
        assert prepared.plan.source == clip.as_source()
        now = world.clock.now()
        await store.record_gone(clip.route, str(clip.interaction_id), now=now)
        prepared = await process.request_service.prepare_request(repeated, context)
        assert prepared.plan.source == replace(
            clip.as_source(), interaction_expires_at=now.timestamp()
        )
