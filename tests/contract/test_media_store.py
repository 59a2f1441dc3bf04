"""The media store keeps its promises in a folder and in a bucket."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from bot.domain.clips.media_store import MediaStore
from bot.domain.errors import MediaUnavailable, MediaUnusable
from bot.media.local_store import LocalMediaStore
from bot.media.object_store import BucketAccess, ObjectMediaStore
from bot.media.scratch import ScratchFolder
from tests.harness.object_store import KEY, SECRET, S3Server
from tests.harness.process import find_free_port
from tests.unit.words.examples import a_clip

pytestmark = pytest.mark.asyncio(loop_scope="module")

MIB = 2**20


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[S3Server]:
    s3 = S3Server("clips-of-tests", port=find_free_port())
    async with s3.run(tmp_path_factory.mktemp("s3") / "server.log") as running:
        yield running


def create_bucket_store(
    server: S3Server, folder: Path, *, bucket: str = "", has_links: bool = False
) -> ObjectMediaStore:
    access = BucketAccess(
        url=f"s3://{bucket or server.bucket}/{folder.name.lower()}",
        access_key_id=KEY,
        secret_access_key=SECRET,
        endpoint_url=server.url,
    )
    return ObjectMediaStore(access, scratch=ScratchFolder(folder), has_links=has_links)


@pytest_asyncio.fixture(params=["folder", "bucket"], loop_scope="module")
async def media_store(
    request: pytest.FixtureRequest, server: S3Server, tmp_path: Path
) -> AsyncIterator[MediaStore]:
    if request.param == "folder":
        yield LocalMediaStore(tmp_path)
        return
    store = create_bucket_store(server, tmp_path)
    yield store
    await store.close()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()], "scratch files are left"


@pytest_asyncio.fixture(loop_scope="module")
async def bucket_store(server: S3Server, tmp_path: Path) -> AsyncIterator[ObjectMediaStore]:
    store = create_bucket_store(server, tmp_path)
    yield store
    server.refused_with = None
    await store.close()


async def write_file(store: MediaStore, key: str, content: bytes) -> None:
    folder, _, name = key.rpartition("/")
    async with store.write_in(folder) as path:
        (path / name).write_bytes(content)


async def read_file(store: MediaStore, key: str) -> bytes:
    async with store.read(key) as path:
        assert path == store.working_folder / key
        return path.read_bytes()


@pytest.mark.parametrize("size", [1, 12 * MIB + 5], ids=["in one request", "in parts"])
async def test_a_file_is_read_as_it_was_written(media_store: MediaStore, size: int) -> None:
    content = secrets.token_bytes(size)
    await write_file(media_store, "clips/0000/1-0.mp4", content)
    assert await read_file(media_store, "clips/0000/1-0.mp4") == content
    file = await media_store.find("clips/0000/1-0.mp4")
    assert file is not None
    assert (file.key, file.size_bytes) == ("clips/0000/1-0.mp4", size)
    assert abs(datetime.now(UTC) - file.modified_at) < timedelta(minutes=5)
    start, part = size // 3, size // 2
    streamed = b"".join([chunk async for chunk in media_store.stream(file, start, part)])
    assert streamed == content[start : start + part]


async def test_readers_share_a_copy(media_store: MediaStore) -> None:
    await write_file(media_store, "inputs/a.png", b"image")
    async with media_store.read("inputs/a.png") as first:
        assert await read_file(media_store, "inputs/a.png") == b"image"
        assert first.read_bytes() == b"image"
    contents = await asyncio.gather(*(read_file(media_store, "inputs/a.png") for _ in range(5)))
    assert contents == [b"image"] * 5


async def test_a_missing_file_is_not_found(media_store: MediaStore) -> None:
    assert await media_store.find("clips/0000/9-0.mp4") is None
    with pytest.raises(FileNotFoundError):
        await read_file(media_store, "clips/0000/9-0.mp4")
    await media_store.remove(["clips/0000/9-0.mp4"])
    await media_store.delete_files(["clips/0000/9-0.mp4"])
    assert await media_store.list_files("clips") == []


async def test_unfinished_files_are_not_stored(media_store: MediaStore) -> None:
    async with media_store.write_in("clips/0000") as folder:
        draft = folder / ".1-0.mp4.part"
        draft.write_bytes(b"half")
    assert await media_store.find("clips/0000/1-0.mp4") is None
    draft.unlink(missing_ok=True)


async def test_derived_files_are_deleted_with_their_original(media_store: MediaStore) -> None:
    keys = ["1-0.mp4", "1-0.poster.jpg", "1-0.999.mp4", "1-1.mp4", "10-0.mp4", "11-0.mp4"]
    for name in keys:
        await write_file(media_store, f"clips/0000/{name}", b"x")
    await media_store.delete_published(a_clip(path="clips/0000/1-0.mp4"))
    left = {file.key for file in await media_store.list_files("clips")}
    assert left == {f"clips/0000/{name}" for name in ("1-0.mp4", "1-1.mp4", "10-0.mp4", "11-0.mp4")}
    await media_store.delete_files(["clips/0000/1-0.mp4", "clips/0000/11-0.mp4"])
    left = {file.key for file in await media_store.list_files("clips")}
    assert left == {"clips/0000/1-1.mp4", "clips/0000/10-0.mp4"}


async def test_a_damaged_object_counts_as_missing(
    server: S3Server, bucket_store: ObjectMediaStore, tmp_path: Path
) -> None:
    await write_file(bucket_store, "clips/0000/1-0.mp4", b"film")
    client = server.create_client()
    key = f"{tmp_path.name.lower()}/clips/0000/1-0.mp4"
    metadata = client.head_object(Bucket=server.bucket, Key=key)["Metadata"]
    assert metadata == {"sha256": hashlib.sha256(b"film").hexdigest()}
    client.put_object(Bucket=server.bucket, Key=key, Body=b"fi1m", Metadata=metadata)
    with pytest.raises(FileNotFoundError):
        await read_file(bucket_store, "clips/0000/1-0.mp4")
    client.put_object(Bucket=server.bucket, Key=key, Body=b"copied")  # by another program
    assert await read_file(bucket_store, "clips/0000/1-0.mp4") == b"copied"


async def test_a_changed_object_is_not_streamed(bucket_store: ObjectMediaStore) -> None:
    await write_file(bucket_store, "clips/0000/1-0.mp4", b"film")
    file = await bucket_store.find("clips/0000/1-0.mp4")
    assert file is not None
    await write_file(bucket_store, "clips/0000/1-0.mp4", b"FILM")
    with pytest.raises(OSError, match="Precondition"):
        [chunk async for chunk in bucket_store.stream(file, 0, 4)]


async def test_an_outage_is_no_missing_file(
    server: S3Server, bucket_store: ObjectMediaStore, tmp_path: Path
) -> None:
    await write_file(bucket_store, "inputs/a.png", b"image")
    server.refused_with = 400
    for work in (
        bucket_store.find("inputs/a.png"),
        read_file(bucket_store, "inputs/a.png"),
        write_file(bucket_store, "inputs/b.png", b"image"),
        bucket_store.list_files("inputs"),
        bucket_store.delete_files(["inputs/a.png"]),
        bucket_store.check(),
    ):
        with pytest.raises(MediaUnavailable):
            await work
    server.refused_with = None
    assert [file.key for file in await bucket_store.list_files("inputs")] == ["inputs/a.png"]


async def test_old_unfinished_uploads_are_aborted(
    server: S3Server, bucket_store: ObjectMediaStore, tmp_path: Path
) -> None:
    """Of this folder only, and not those that another process may still be working on."""
    client, now = server.create_client(), datetime.now(UTC)
    own, other = f"{tmp_path.name.lower()}/clips/a b+c.mp4", "elsewhere/clips/1-0.mp4"
    for key in (own, other):
        client.create_multipart_upload(Bucket=server.bucket, Key=key)
    # this server says of every upload that it was begun in 2010
    assert await bucket_store.abort_uploads(before=datetime(2010, 1, 1, tzinfo=UTC)) == 0
    assert set(await server.list_unfinished()) >= {own, other}
    assert await bucket_store.abort_uploads(before=now + timedelta(minutes=5)) == 1
    left = await server.list_unfinished()
    assert own not in left
    assert other in left
    server.refused_with = 503
    with pytest.raises(MediaUnavailable):
        await bucket_store.abort_uploads(before=now)


async def test_the_check_says_what_is_wrong(server: S3Server, tmp_path: Path) -> None:
    store = create_bucket_store(server, tmp_path)
    await store.check()
    assert await store.list_files("checks") == []
    await store.close()
    server.refused_with = 403
    store = create_bucket_store(server, tmp_path)
    with pytest.raises(MediaUnusable, match="403"):
        await store.check()
    server.refused_with = None
    await store.close()
    store = create_bucket_store(server, tmp_path, bucket="no-such-bucket")
    with pytest.raises(MediaUnusable, match="no such bucket"):
        await store.check()
    await store.close()


async def test_the_scratch_files_of_dead_processes_are_deleted(tmp_path: Path) -> None:
    living = ScratchFolder(tmp_path)
    abandoned = tmp_path / "scratch" / "dead"
    abandoned.mkdir()
    (abandoned / "1-0.mp4").write_bytes(b"half")
    abandoned.with_suffix(".lock").touch()
    later = ScratchFolder(tmp_path)
    assert living.path.exists()
    assert not abandoned.exists()
    assert not abandoned.with_suffix(".lock").exists()
    for folder in (living, later):
        folder.close()
