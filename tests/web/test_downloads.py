"""A signed link gives its file to anyone until it expires; any other link is a 404."""

import json
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bot.app.clock import SystemClock
from bot.domain.clips.clip import Clip
from bot.media.local_store import LocalMediaStore
from bot.store.jobs.clips import ClipStore
from bot.web.downloads import OriginalDownloads
from bot.web.links import KEY_ROTATION_AGE, SignedLinks, load_or_rotate_keys
from bot.web.open_limits import OpenLimit, WebCapacity
from bot.web.security import STREAM_LIMIT, TRUSTED_PROXIES
from bot.web.site import WEB_CAPACITY
from tests.unit.words.examples import NOW, a_clip

WEEK = timedelta(days=7)
CONTENT = bytes(range(256)) * 1000


class ManualClock(SystemClock):
    at = NOW
    passed = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.passed


class ClipsInMemory(ClipStore):
    """The store, without a database."""

    def __init__(self, *clips: Clip) -> None:
        self.clips = {clip.id: clip for clip in clips}

    async def find_for_link(self, clip_id: int) -> Clip | None:
        return self.clips.get(clip_id)


class DownloadServer:
    """A web server with two clips, and a client of it."""

    def __init__(self, data_dir: Path) -> None:
        self.clock = ManualClock()
        self.clip = a_clip(path="clips/7-0.mp4", sha256="a" * 64)
        self.records = ClipsInMemory(
            self.clip, a_clip(id=13, path="clips/8-0.mp4", sha256="b" * 64)
        )
        self.file = data_dir / self.clip.path
        self.file.parent.mkdir()
        self.file.write_bytes(CONTENT)
        (data_dir / "clips/8-0.mp4").write_bytes(b"another")
        self.links = self.signed("new")
        self.data_dir = data_dir
        self.client: TestClient[Any, Any]

    def signed(self, *keys: str) -> SignedLinks:
        return SignedLinks(
            public_url="https://clips.example/", keys=keys, lifetime=WEEK, clock=self.clock
        )

    def path(self, links: SignedLinks | None = None, clip: Clip | None = None) -> str:
        url, _ = (links or self.links).create_link(clip or self.clip)
        assert url.startswith("https://clips.example/download/")
        return url.removeprefix("https://clips.example")

    async def get(self, path: str, **headers: str) -> aiohttp.ClientResponse:
        response: aiohttp.ClientResponse = await self.client.get(path, headers=headers)
        await response.read()
        return response


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[DownloadServer]:
    server = DownloadServer(tmp_path)
    app = web.Application()
    app[STREAM_LIMIT] = OpenLimit("streams", per_visitor=9, in_all=9)
    app[TRUSTED_PROXIES] = ()
    app[WEB_CAPACITY] = WebCapacity()
    OriginalDownloads(
        links=server.links, clips=server.records, media_store=LocalMediaStore(tmp_path)
    )(app)
    async with TestClient(TestServer(app)) as client:
        server.client = client
        yield server


async def test_the_original_comes_byte_for_byte(server: DownloadServer) -> None:
    response = await server.get(server.path())
    assert response.status == 200
    assert await response.read() == CONTENT
    assert response.headers["Content-Type"] == "video/mp4"
    assert (
        response.headers["Content-Disposition"]
        == 'attachment; filename="clip-12-ai-veo-3.1-fast.mp4"'
    )
    assert response.headers["Accept-Ranges"] == "bytes"
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert "noindex" in response.headers["X-Robots-Tag"]


async def test_ranges_tags_and_head(server: DownloadServer) -> None:
    path = server.path()
    part = await server.get(path, Range="bytes=100-199")
    assert part.status == 206
    assert await part.read() == CONTENT[100:200]
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(CONTENT)}"
    tag = part.headers["ETag"]
    assert (await server.get(path, **{"If-None-Match": tag})).status == 304
    assert (await server.get(path, Range="bytes=9999999-")).status == 416
    whole = await server.get(path, **{"Range": "bytes=0-9", "If-Range": '"another"'})
    assert whole.status == 200
    head = await server.client.head(path)
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(CONTENT)))
    assert (await server.client.post(path)).status == 405


async def test_link_expires(server: DownloadServer) -> None:
    _, until = server.links.create_link(server.clip)
    assert NOW + WEEK <= until <= NOW + WEEK + timedelta(hours=1)
    path = server.path()
    server.clock.at = until - timedelta(seconds=1)
    assert (await server.get(path)).status == 200
    server.clock.at = until
    assert (await server.get(path)).status == 404


async def test_invalid_links_get_identical_answers(server: DownloadServer) -> None:
    path = server.path()
    _, prefix, token, name = path.split("/")
    payload, _, signature = token.rpartition(".")
    other = server.path(clip=server.records.clips[13]).split("/")[2]
    unsigned = server.path(server.signed("guessed"))
    server.clock.at = NOW - 2 * WEEK
    expired = server.path()
    server.clock.at = NOW
    answers = [
        await server.get(invalid_path)
        for invalid_path in (
            f"/{prefix}/{token}x/{name}",
            f"/{prefix}/{payload}/{name}",
            f"/{prefix}/{payload}.{signature[::-1]}/{name}",
            f"/{prefix}/{payload[:-1]}.{signature}/{name}",
            f"/{prefix}/12/{name}",
            f"/{prefix}/{'t' * 5000}/{name}",
            f"/{prefix}/%00%ff/{name}",
            f"/{prefix}/{other}/{name}",
            f"/{prefix}/{token}/clip-13.mp4",
            f"/{prefix}/{token}/..%2f..%2fclapper.db",
            unsigned,
            expired,
        )
    ]
    del server.records.clips[12]
    answers.append(await server.get(path))
    assert {answer.status for answer in answers} == {404}
    bodies = {await answer.read() for answer in answers}
    assert len(bodies) == 1, bodies


async def test_a_deleted_clip_a_changed_and_a_missing_file_end_the_address(
    server: DownloadServer,
) -> None:
    path = server.path()
    server.records.clips[12] = replace(server.clip, sha256="c" * 64)
    assert (await server.get(path)).status == 404
    del server.records.clips[12]
    assert (await server.get(path)).status == 404
    server.records.clips[12] = server.clip
    assert (await server.get(path)).status == 200
    server.file.unlink()
    assert (await server.get(path)).status == 404


async def test_a_withheld_clip_has_a_link_for_moderators_until_they_decide(
    server: DownloadServer,
) -> None:
    public = server.path()
    withheld = replace(server.clip, withheld=True)
    server.records.clips[12] = withheld
    for_moderators = server.path(clip=withheld)
    assert (await server.get(for_moderators)).status == 200
    assert (await server.get(public)).status == 404
    server.records.clips[12] = server.clip  # they have let it pass
    assert (await server.get(for_moderators)).status == 404
    assert (await server.get(public)).status == 200
    del server.records.clips[12]  # they have refused it
    assert (await server.get(for_moderators)).status == 404


async def test_addresses_of_older_keys_stay_good(server: DownloadServer) -> None:
    old = server.signed("old").create_link(server.clip)[0].split("/")[-2]
    rotated = server.signed("old", "new")
    assert rotated.verify_token(old) is not None
    assert server.links.verify_token(old) is None
    fresh = rotated.create_link(server.clip)[0].split("/")[-2]
    assert server.links.verify_token(fresh) is not None, "the newest key signs"


class SharedKeys:
    """Keys in a file that another process writes, and that cannot always be read."""

    def __init__(self) -> None:
        self.keys = ["old"]
        self.error: OSError | None = None
        self.reads = 0

    def __call__(self) -> list[str]:
        self.reads += 1
        if self.error is not None:
            raise self.error
        return list(self.keys)


async def test_keys_that_another_process_has_rotated_are_read_again(server: DownloadServer) -> None:
    shared = SharedKeys()
    links = SignedLinks(
        public_url="https://x", keys=shared(), lifetime=WEEK, clock=server.clock, reload_keys=shared
    )
    shared.keys.append("new")
    token = server.signed("new").create_link(server.clip)[0].split("/")[-2]
    await links.refresh_keys()
    assert links.verify_token(token) is None, "a minute has not passed"
    server.clock.passed = 61.0
    shared.error = PermissionError(13, "no")
    await links.refresh_keys()
    assert links.verify_token(token) is None
    assert (
        links.verify_token(server.signed("old").create_link(server.clip)[0].split("/")[-2])
        is not None
    )
    shared.error = None
    await links.refresh_keys()
    assert shared.reads == 2, "also a failure counts as the minute's reading"
    server.clock.passed = 122.0
    await links.refresh_keys()
    assert links.verify_token(token) is not None
    assert links.verify_token("forged") is None


def test_an_address_stays_the_same_for_a_while(tmp_path: Path) -> None:
    server = DownloadServer(tmp_path)
    first = server.path()
    server.clock.at += timedelta(minutes=59)
    assert server.path() == first
    server.clock.at += timedelta(minutes=1)
    assert server.path() != first


def test_nothing_is_signed_without_a_key() -> None:
    with pytest.raises(ValueError, match="key"):
        SignedLinks(public_url="https://x", keys=[], lifetime=WEEK, clock=ManualClock())
    with pytest.raises(ValueError, match="key"):
        SignedLinks(public_url="https://x", keys=[""], lifetime=WEEK, clock=ManualClock())


def test_keys_are_made_kept_and_rotated(tmp_path: Path) -> None:
    [first] = load_or_rotate_keys(tmp_path, now=NOW, lifetime=WEEK)
    assert load_or_rotate_keys(tmp_path, now=NOW + timedelta(days=1), lifetime=WEEK) == [first]
    assert stat.S_IMODE((tmp_path / "link-keys.json").stat().st_mode) == 0o600
    later = NOW + KEY_ROTATION_AGE
    assert load_or_rotate_keys(tmp_path, now=later, lifetime=WEEK)[0] == first
    both = load_or_rotate_keys(tmp_path, now=later, lifetime=WEEK)
    assert len(both) == 2
    much_later = later + KEY_ROTATION_AGE
    latest = load_or_rotate_keys(tmp_path, now=much_later, lifetime=WEEK)
    assert latest[:-1] == both[1:], "what the first key signed has expired long ago"
    assert load_or_rotate_keys(tmp_path, now=much_later, lifetime=WEEK) == latest
    assert {path.name for path in tmp_path.iterdir()} == {"link-keys.json", "link-keys.lock"}


@pytest.mark.parametrize("content", ["", "{", "[1, {}]", json.dumps([{"key": ""}])])
def test_a_damaged_file_of_keys_costs_the_links_not_the_start(tmp_path: Path, content: str) -> None:
    (tmp_path / "link-keys.json").write_text(content)
    assert len(load_or_rotate_keys(tmp_path, now=NOW, lifetime=WEEK)) == 1
