"""What holds for a process that is killed holds with clips in a bucket, too."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from bot.domain.errors import MediaUnavailable
from bot.domain.jobs.job import Outcome
from bot.domain.jobs.request import InputImage
from bot.media.object_store import BucketAccess, ObjectMediaStore
from bot.media.scratch import ScratchFolder
from tests.contract import test_process_failures
from tests.contract.conftest import ON_SQLITE
from tests.fakes.world import SimulatedWorld
from tests.harness.object_store import KEY, SECRET, create_client, run_server
from tests.harness.waiting import eventually

pytestmark = ON_SQLITE

IMAGE = InputImage("inputs/a.png", "image/png", 1280, 720, "0" * 64)


class FaultyMediaStore(ObjectMediaStore):
    """A bucket that may be out of reach."""

    is_away = False

    @asynccontextmanager
    async def read(self, key: str) -> AsyncIterator[Path]:
        if self.is_away:
            raise MediaUnavailable("no answer")
        async with super().read(key) as path:
            yield path


@pytest.fixture(scope="module")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with run_server(tmp_path_factory.mktemp("s3") / "server.log") as url:
        yield url


@pytest.fixture(autouse=True)
async def bucket(
    world: SimulatedWorld, server_url: str, tmp_path: Path
) -> AsyncIterator[FaultyMediaStore]:
    """Keep the world's clips in a new bucket, and look there for what was left."""
    name = f"clips-{uuid4().hex}"
    client = create_client(server_url)
    client.create_bucket(Bucket=name)
    access = BucketAccess(
        url=f"s3://{name}",
        access_key_id=KEY,
        secret_access_key=SECRET,
        endpoint_url=server_url,
    )
    store = FaultyMediaStore(access, scratch=ScratchFolder(tmp_path / "local"), has_links=False)
    world.media_store = store
    yield store
    for process in world.processes:
        await process.worker.stop(200.0)
    left = [path for path in store.working_folder.rglob("*") if path.is_file()]
    await store.close()
    assert left == []
    assert not world.data_dir.exists()


class TestKilled(test_process_failures.TestKilled):
    """The tests of a folder, with a bucket."""


async def test_a_clip_is_in_the_bucket(world: SimulatedWorld, bucket: FaultyMediaStore) -> None:
    process = await world.start_process()
    job = await world.wait_for_end(await process.submit_job(1))
    assert job.outcome is Outcome.DELIVERED
    [clip] = await world.clips.list_for_job(job.id)
    [file] = await bucket.list_files("clips")
    assert (file.key, file.size_bytes) == (clip.path, clip.size_bytes)


async def test_a_submit_waits_for_its_image(
    world: SimulatedWorld, bucket: FaultyMediaStore
) -> None:
    """Nothing is sent while the image cannot be read."""
    async with bucket.write_in("inputs") as folder:
        (folder / "a.png").write_bytes(b"image")
    bucket.is_away = True
    process = await world.start_process()
    with capture_logs() as logs:
        job = await process.submit_job(1, image=IMAGE)
        await eventually(lambda: any(log["event"] == "submit.postponed" for log in logs))
        assert world.google.submits == []
        bucket.is_away = False
        after = await world.wait_for_end(job)
    assert after.outcome is Outcome.DELIVERED
    assert len(world.google.submits) == 1


async def test_a_post_waits_for_its_clip(world: SimulatedWorld, bucket: FaultyMediaStore) -> None:
    """An outage of the bucket is no reason to give a paid clip up, however often it is tried."""
    world.discord.post_script.extend([MediaUnavailable("no answer")] * 10)
    process = await world.start_process()
    job = await world.wait_for_end(await process.submit_job(1))
    assert job.outcome is Outcome.DELIVERED
