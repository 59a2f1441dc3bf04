"""Files of a bucket are served like those of a folder."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from bot.media.object_store import BucketAccess, ObjectMediaStore
from bot.media.scratch import ScratchFolder
from bot.web.open_limits import WebCapacity
from tests.harness.object_store import KEY, SECRET, S3Server
from tests.harness.process import find_free_port
from tests.harness.waiting import eventually
from tests.web.local_site import LocalSite, serve_locally

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONTENT = secrets.token_bytes(2**21 + 17)
LAST = len(CONTENT) - 1
LARGE_BYTES = 24_000_000
"""More than the buffers of a connection hold."""
PATH = "/clips/5/video.mp4"


@dataclass
class Sites:
    """The same clip from a folder and from a bucket."""

    folder: LocalSite
    bucket: LocalSite
    s3: S3Server
    media_store: ObjectMediaStore


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def s3(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[S3Server]:
    """An S3 server with the clips."""
    folder = tmp_path_factory.mktemp("s3")
    server = S3Server("clips-of-web", port=find_free_port())
    async with server.run(folder / "server.log"):
        store = create_store(server, folder)
        async with store.write_in("clips") as new:
            (new / "5.mp4").write_bytes(CONTENT)
        await write_large_file(store)
        await store.close()
        yield server


@pytest_asyncio.fixture(loop_scope="module")
async def sites(s3: S3Server, tmp_path: Path) -> AsyncIterator[Sites]:
    store = create_store(s3, tmp_path)
    (tmp_path / "empty").mkdir()
    async with (
        serve_locally(tmp_path) as local,
        serve_locally(tmp_path / "empty", media_store=store) as remote,
    ):
        (tmp_path / "clips" / "5.mp4").write_bytes(CONTENT)
        yield Sites(local, remote, s3, store)
    await store.close()


def create_store(server: S3Server, folder: Path) -> ObjectMediaStore:
    access = BucketAccess(
        url=f"s3://{server.bucket}",
        access_key_id=KEY,
        secret_access_key=SECRET,
        endpoint_url=server.url,
    )
    return ObjectMediaStore(access, scratch=ScratchFolder(folder), has_links=False)


async def write_large_file(store: ObjectMediaStore) -> None:
    async with store.write_in("clips") as new:
        (new / "6.mp4").write_bytes(bytes(LARGE_BYTES))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Range": "bytes=0-9"},
        {"Range": f"bytes=1000-{2**20 + 1000}"},
        {"Range": "bytes=-5"},
        {"Range": f"bytes={LAST}-"},
        {"Range": f"bytes={LAST + 1}-"},
        {"Range": "bytes=0-1,3-4"},
        {"Range": "bytes=0-9", "If-Range": '"another"'},
        {"If-Match": '"another"'},
        {"If-None-Match": "*"},
    ],
)
async def test_answers_are_those_of_a_folder(
    sites: Sites, method: str, headers: dict[str, str]
) -> None:
    answers = []
    async with aiohttp.ClientSession() as session:
        for site in (sites.folder, sites.bucket):
            async with session.request(method, site.url.with_path(PATH), headers=headers) as answer:
                kept = {
                    name: answer.headers.get(name)
                    for name in ("Content-Length", "Content-Range", "Content-Type", "Accept-Ranges")
                }
                answers.append((answer.status, kept, await answer.read()))
    assert answers[0] == answers[1]


async def test_a_known_version_is_not_sent_again(sites: Sites) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.get(sites.bucket.url.with_path(PATH)) as answer:
            assert await answer.read() == CONTENT
            tag, modified = answer.headers["ETag"], answer.headers["Last-Modified"]
        for headers in ({"If-None-Match": tag}, {"If-Modified-Since": modified}):
            async with session.get(sites.bucket.url.with_path(PATH), headers=headers) as answer:
                assert answer.status == 304
        headers = {"Range": "bytes=0-9", "If-Range": tag}
        async with session.get(sites.bucket.url.with_path(PATH), headers=headers) as answer:
            assert (answer.status, await answer.read()) == (206, CONTENT[:10])


async def test_an_outage_is_said_and_a_missing_file_too(sites: Sites) -> None:
    url = sites.bucket.url
    async with aiohttp.ClientSession() as session:
        await sites.media_store.remove(["clips/6.mp4"])
        async with session.get(url.with_path("/clips/6/video.mp4")) as answer:
            assert answer.status == 404
        await write_large_file(sites.media_store)
        sites.s3.refused_with = 400
        try:
            async with session.get(url.with_path(PATH)) as answer:
                assert answer.status == 503
                assert "Retry-After" in answer.headers
        finally:
            sites.s3.refused_with = None


async def test_a_connection_ends_if_the_bucket_fails_in_between(sites: Sites) -> None:
    held = sites.s3.hold("^GET .*5.mp4")
    async with aiohttp.ClientSession() as session:
        asking = asyncio.create_task(session.get(sites.bucket.url.with_path(PATH)).__aenter__())
        await held.wait_reached()
        sites.s3.release()
        sites.s3.hold("^GET .*5.mp4")  # the second piece
        answer = await asking
        sites.s3.refused_with = 400
        sites.s3.release()
        try:
            with pytest.raises(aiohttp.ClientPayloadError):
                await answer.read()
        finally:
            sites.s3.refused_with = None
            answer.close()


async def test_a_reader_that_stalls_is_cut_off(sites: Sites, tmp_path: Path) -> None:
    capacity = WebCapacity(stall_timeout_s=0.5)
    async with serve_locally(
        tmp_path / "empty", media_store=sites.media_store, capacity=capacity
    ) as site:
        await site.open_stream("/clips/6/video.mp4")
        await eventually(
            lambda: site.read_metric("clapper_web_stalled_readers_total") == 1,
            what="the reader being cut off",
        )
