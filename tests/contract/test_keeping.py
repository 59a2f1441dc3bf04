"""What the database says of files, on both: what is in use, shared, settled, and nobody's."""

from datetime import timedelta
from pathlib import Path

from bot.domain.billing.ledger import Settlement, settle
from bot.domain.billing.limits import Amount
from bot.domain.clips.file_retention import Standing
from bot.domain.clips.upload_options import MIB
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.jobs.request import AspectRatio, Image, Mode, Route, Source
from bot.domain.stores import NewClip
from bot.services.clips.retention import Retention
from bot.store.engine.database import Database
from bot.store.operations.file_references import KeepingStore
from tests.contract.test_showcase import shown
from tests.fakes.world import World


def image(name: str) -> Image:
    return Image(f"inputs/{name}.png", "image/png", 64, 64, "0" * 64)


async def posting(world: World, key: int, **plan: object) -> Job:
    """Bring a job to its post: its clip is kept."""
    await world.admit(key, **plan)
    [job] = await world.jobs.claim("w", policy=world.policy, most=9)
    job = await world.jobs.begin_polling(job, "op")
    job = await world.jobs.begin_fetching(job, 1)
    clip = NewClip(0, 1280, 720, 8, f"clips/0000/{job.id}-0.mp4", "0" * 64, 9)
    job, _ = await world.jobs.keep(job, [clip])
    return job


async def done(world: World, job: Job) -> Job:
    return await world.jobs.end(
        job,
        JobState.DONE,
        outcome=Outcome.DELIVERED,
        postings=settle(Amount.of(job.plan), Settlement.CHARGE),
        now=world.clock.now(),
        message_id=40 + job.id,
    )


async def test_each_job_is_what_it_is(database: Database, world: World) -> None:
    settled = await done(world, await posting(world, 1))
    shared = await done(world, await posting(world, 2))
    running = await posting(world, 3)
    [clip] = await world.clips.of_job(shared.id)
    await shown(database, clip)
    found = await KeepingStore(database).standings([settled.id, shared.id, running.id, 999])
    assert found == {
        settled.id: Standing.SETTLED,
        shared.id: Standing.SHARED,
        running.id: Standing.IN_USE,
    }


async def test_the_source_of_a_running_extension_is_in_use(
    database: Database, world: World
) -> None:
    job = await done(world, await posting(world, 1))
    [clip] = await world.clips.of_job(job.id)
    source = Source(
        clip.id, clip.model, Route.GEMINI, Mode.TEXT, AspectRatio.LANDSCAPE, None, 8, 0, None, None
    )
    store = KeepingStore(database)
    assert await store.standings([job.id]) == {job.id: Standing.SETTLED}
    await world.admit(2, mode=Mode.EXTENSION, source=source)
    assert await store.standings([job.id]) == {job.id: Standing.IN_USE}


async def test_inputs_of_running_and_recent_jobs_are_in_use(
    database: Database, world: World
) -> None:
    await done(world, await posting(world, 1, image=image("a"), last_frame=image("b")))
    world.clock.skip(timedelta(days=30))
    await done(world, await posting(world, 2, references=(image("c"), image("a"))))
    store = KeepingStore(database)
    assert await store.inputs_in_use(since=None) == {f"inputs/{n}.png" for n in "abc"}
    later = world.clock.now() + timedelta(days=1)
    await world.admit(3, image=image("d"))
    assert await store.inputs_in_use(since=later) == {"inputs/d.png"}


async def test_removed_clips_are_nowhere_any_more(database: Database, world: World) -> None:
    job = await done(world, await posting(world, 1))
    other = await done(world, await posting(world, 2))
    [clip] = await world.clips.of_job(job.id)
    await world.clips.remove(job.id)
    await world.clips.remove(job.id)
    assert await world.clips.of_job(job.id) == []
    assert await world.clips.get(clip.id) is None
    assert clip.message_id is None or await world.clips.of_message(clip.message_id) is None
    [kept] = await world.clips.of_job(other.id)
    third = await done(world, await posting(world, 3))
    [fresh] = await world.clips.of_job(third.id)
    assert fresh.id > kept.id > clip.id, "a number is never given again"
    assert await KeepingStore(database).standings([job.id]) == {}


async def test_several_processes_tidy_one_folder(
    database: Database, world: World, tmp_path: Path
) -> None:
    job = await done(world, await posting(world, 1))
    running = await posting(world, 2)
    for each in (job, running):
        path = tmp_path / f"clips/0000/{each.id}-0.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * MIB)
    retentions = [
        Retention(
            files=KeepingStore(database),
            data_dir=tmp_path,
            clock=world.clock,
            keep_for=None,
            keep_bytes=1,
        )
        for _ in range(2)
    ]
    for retention in retentions:
        await retention.tidy()
    assert [path.name for path in tmp_path.rglob("*.mp4")] == [f"{running.id}-0.mp4"]
