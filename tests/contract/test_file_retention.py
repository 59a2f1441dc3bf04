"""Which stored files are in use, shared, needed for a while, or orphaned."""

from datetime import timedelta
from pathlib import Path

from bot.domain.billing.ledger import Settlement, build_settlement
from bot.domain.billing.limits import UsageAmount
from bot.domain.clips.clip import NewClip
from bot.domain.clips.file_retention import RetentionClass
from bot.domain.clips.upload_options import MIB
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.jobs.request import AspectRatio, GenerationMode, GoogleRoute, InputImage, SourceClip
from bot.media.local_store import LocalMediaStore
from bot.services.clips.retention import FileRetention
from bot.store.engine.database import Database
from bot.store.operations.file_references import FileReferenceStore
from tests.contract.test_showcase_store import shown
from tests.fakes.world import SimulatedWorld


def image(name: str) -> InputImage:
    return InputImage(f"inputs/{name}.png", "image/png", 64, 64, "0" * 64)


async def posting(world: SimulatedWorld, key: int, **plan: object) -> Job:
    """Bring a job to its post, with its clip stored."""
    await world.admit_job(key, **plan)
    [job] = await world.jobs.claim_jobs("w", policy=world.policy, limit=9)
    job = await world.jobs.begin_polling(job, "op")
    job = await world.jobs.begin_fetching(job, 1)
    clip = NewClip(0, 1280, 720, 8, f"clips/0000/{job.id}-0.mp4", "0" * 64, 9)
    job, _ = await world.jobs.save_clips(job, [clip])
    return job


async def done(world: SimulatedWorld, job: Job) -> Job:
    return await world.jobs.finish_job(
        job,
        JobState.DONE,
        outcome=Outcome.DELIVERED,
        postings=build_settlement(UsageAmount.from_plan(job.plan), Settlement.CHARGE),
        now=world.clock.now(),
        message_id=40 + job.id,
    )


async def test_each_file_gets_its_retention_class(
    database: Database, world: SimulatedWorld
) -> None:
    settled = await done(world, await posting(world, 1))
    shared = await done(world, await posting(world, 2))
    running = await posting(world, 3)
    [clip] = await world.clips.list_for_job(shared.id)
    await shown(database, clip)
    found = await FileReferenceStore(database).classify_jobs(
        [settled.id, shared.id, running.id, 999]
    )
    assert found == {
        settled.id: RetentionClass.SETTLED,
        shared.id: RetentionClass.SHARED,
        running.id: RetentionClass.IN_USE,
    }


async def test_the_source_of_a_running_extension_is_in_use(
    database: Database, world: SimulatedWorld
) -> None:
    job = await done(world, await posting(world, 1))
    [clip] = await world.clips.list_for_job(job.id)
    source = SourceClip(
        clip.id,
        clip.model,
        GoogleRoute.GEMINI,
        GenerationMode.TEXT,
        AspectRatio.LANDSCAPE,
        None,
        8,
        0,
        None,
        None,
    )
    store = FileReferenceStore(database)
    assert await store.classify_jobs([job.id]) == {job.id: RetentionClass.SETTLED}
    await world.admit_job(2, mode=GenerationMode.EXTENSION, source=source)
    assert await store.classify_jobs([job.id]) == {job.id: RetentionClass.IN_USE}


async def test_inputs_of_running_and_recent_jobs_are_in_use(
    database: Database, world: SimulatedWorld
) -> None:
    await done(world, await posting(world, 1, image=image("a"), last_frame=image("b")))
    world.clock.jump(timedelta(days=30))
    await done(world, await posting(world, 2, references=(image("c"), image("a"))))
    store = FileReferenceStore(database)
    assert await store.list_inputs_in_use(since=None) == {f"inputs/{n}.png" for n in "abc"}
    later = world.clock.now() + timedelta(days=1)
    await world.admit_job(3, image=image("d"))
    assert await store.list_inputs_in_use(since=later) == {"inputs/d.png"}


async def test_removed_clips_leave_no_reference(database: Database, world: SimulatedWorld) -> None:
    job = await done(world, await posting(world, 1))
    other = await done(world, await posting(world, 2))
    [clip] = await world.clips.list_for_job(job.id)
    await world.clips.delete_for_job(job.id)
    await world.clips.delete_for_job(job.id)
    assert await world.clips.list_for_job(job.id) == []
    assert await world.clips.get(clip.id) is None
    assert clip.message_id is None or await world.clips.find_by_message(clip.message_id) is None
    [kept] = await world.clips.list_for_job(other.id)
    third = await done(world, await posting(world, 3))
    [fresh] = await world.clips.list_for_job(third.id)
    assert fresh.id > kept.id > clip.id, "a number is never given again"
    assert await FileReferenceStore(database).classify_jobs([job.id]) == {}


async def test_several_processes_clean_one_folder(
    database: Database, world: SimulatedWorld, tmp_path: Path
) -> None:
    job = await done(world, await posting(world, 1))
    running = await posting(world, 2)
    for each in (job, running):
        path = tmp_path / f"clips/0000/{each.id}-0.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * MIB)
    retentions = [
        FileRetention(
            file_references=FileReferenceStore(database),
            media_store=LocalMediaStore(tmp_path),
            clock=world.clock,
            keep_for=None,
            keep_bytes=1,
        )
        for _ in range(2)
    ]
    for retention in retentions:
        await retention.run_once()
    assert [path.name for path in tmp_path.rglob("*.mp4")] == [f"{running.id}-0.mp4"]
