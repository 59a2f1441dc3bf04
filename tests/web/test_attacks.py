"""Every attack on a signed link gets the same answer from the real web server.

Requests are sent as raw bytes, because HTTP clients would normalize some of these paths.
"""

import asyncio
import base64
import json
import re
import shutil
import socket
import sqlite3
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

import pytest

from bot.app.clock import SystemClock
from bot.domain.clips.clip import Clip
from bot.store.engine.database import open_database
from bot.store.jobs.clips import ClipStore
from bot.web.links import SignedLinks
from sandbox.google.encoding import RenderedClip
from tests.harness.waiting import stretch_timeout
from tests.web import seed
from tests.web.conftest import Serving

BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
KEYS = ("kept-for-old-addresses", "signs-now-and-later")
LIFETIME = timedelta(days=7)
ROUNDS = 25
MEASUREMENTS = 8
"""How often the rounds are measured again before a difference is believed."""
CLIP, OTHER, DELETED, CHANGED, LOST = 1, 2, 4, 5, 6
SAME_CLASS = 2.0
"""How many times as long as another the quickest answer to an attack may take, in the same run."""


class Then(SystemClock):
    """A clock set to another time."""

    def __init__(self, ago: timedelta) -> None:
        self._ago = ago

    def now(self) -> datetime:
        """Return the set time."""
        return super().now() - self._ago


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, without the headers that always differ."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Target:
    """A web server with clips, and addresses of them."""

    def __init__(self, url: str, clips: dict[int, Clip]) -> None:
        self.host = url.removeprefix("http://")
        self.clips = clips

    def path(self, number: int = CLIP, *, keys: tuple[str, ...] = KEYS, ago: int = 0) -> str:
        """Return a signed path, made some days ago."""
        links = SignedLinks(
            public_url="https://clips.example",
            keys=keys,
            lifetime=LIFETIME,
            clock=Then(timedelta(days=ago)),
        )
        return links.create_link(self.clips[number])[0].removeprefix("https://clips.example")

    def ask(self, connection: HTTPConnection, path: str, method: str = "GET") -> Answer:
        """Send one request unchanged."""
        connection.putrequest(method, path, skip_accept_encoding=True)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        headers = {name: value for name, value in response.getheaders() if name != "Date"}
        return Answer(response.status, tuple(sorted(headers.items())), body)


@pytest.fixture
async def target(
    rendered: tuple[Path, list[RenderedClip]], tmp_path: Path
) -> AsyncIterator[Target]:
    """A web server with PUBLIC_URL and signing keys."""
    folder, clips = rendered
    shutil.copytree(folder / "clips", tmp_path / "clips")
    await seed.fill(tmp_path, clips, entries=len(seed.SCENES))
    database = open_database(seed.data_url(tmp_path))
    clips_by_id = {}
    for number in (CLIP, OTHER, DELETED, CHANGED, LOST):
        clip = await ClipStore(database).get(number)
        assert clip is not None
        clips_by_id[number] = clip
    await database.close()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    serving = Serving(
        tmp_path,
        WEB_PORT=port,
        PUBLIC_URL=f"http://127.0.0.1:{port}",
        LINK_KEYS=",".join(KEYS),
        LINK_LIFETIME_DAYS="7",
    )
    try:
        yield Target(await serving.start(), clips_by_id)
    finally:
        await serving.close()


def attacks(target: Target) -> dict[str, str]:
    """Return the table of attacks: description and path."""
    path = target.path()
    _, prefix, token, name = path.split("/")
    payload, _, signature = token.rpartition(".")
    content = json.loads(_content(payload))
    later = _payload([content[0], content[1], content[2] + 86_400])
    other = _payload([OTHER, *content[1:]])
    _, _, others_token, others_name = target.path(OTHER).split("/")
    flipped = ("A" if signature[0] != "A" else "B") + signature[1:]
    respelt = signature[:-1] + BASE64[BASE64.index(signature[-1]) ^ 1]
    assert base64.urlsafe_b64decode(respelt + "=") == base64.urlsafe_b64decode(signature + "=")
    return {
        "another path": f"/{prefix}/{token}/clip-{OTHER}.mp4",
        "no name": f"/{prefix}/{token}",
        "an empty name": f"/{prefix}/{token}/",
        "one part more": f"{path}/more",
        "one slash more": f"/{prefix}//{token}/{name}",
        "a later expiry": f"/{prefix}/{later}.{signature}/{name}",
        "expired": target.path(ago=9),
        "another signature": f"/{prefix}/{payload}.{flipped}/{name}",
        "the signature in another spelling": f"/{prefix}/{payload}.{respelt}/{name}",
        "the signature padded": f"/{prefix}/{token}=/{name}",
        "the signature backwards": f"/{prefix}/{payload}.{signature[::-1]}/{name}",
        "the signature cut": f"/{prefix}/{payload}.{signature[:-4]}/{name}",
        "no signature": f"/{prefix}/{payload}/{name}",
        "an empty signature": f"/{prefix}/{payload}./{name}",
        "signed by a guess": target.path(keys=("guessed",)),
        "signed by a key that was rotated away": target.path(keys=("from-last-year",)),
        "another file": f"/{prefix}/{other}.{signature}/{name}",
        "another file by its name": f"/{prefix}/{others_token}/{name}",
        "another token for the name": f"/{prefix}/{token}/{others_name}",
        "up by dots": f"/{prefix}/{token}/../../clapper.db",
        "up by encoded dots": f"/{prefix}/{token}/%2e%2e/%2e%2e/clapper.db",
        "up by encoded slashes": f"/{prefix}/{token}/..%2f..%2fclapper.db",
        "up by backslashes": f"/{prefix}/{token}/..%5c..%5cclapper.db",
        "up twice encoded": f"/{prefix}/{token}/%252e%252e%252fclapper.db",
        "an absolute name": f"/{prefix}/{token}/%2fetc%2fpasswd",
        "a slash encoded": f"/{prefix}/{token}%2f{name}x",
        "a zero byte": f"/{prefix}/{token}/{name}%00.txt",
        "the token in capitals": f"/{prefix}/{token.upper()}/{name}",
        "the token's case swapped": f"/{prefix}/{token.swapcase()}/{name}",
        "the name in capitals": f"/{prefix}/{token}/{name.upper()}",
        "the prefix in capitals": f"/{prefix.upper()}/{token}/{name}",
        "a number for a token": f"/{prefix}/{CLIP}/{name}",
        "a very long token": f"/{prefix}/{'t' * 5000}/{name}",
        "letters of elsewhere": f"/{prefix}/%C3%A9%E2%98%83/{name}",
        "no letters at all": f"/{prefix}/%ff%fe/{name}",
        "nothing": f"/{prefix}/",
        "a picture": f"/{prefix}/{token}/poster.jpg",
        "a player": f"/{prefix}/{token}/player",
        "replayed after its clip was deleted": target.path(DELETED),
        "replayed after the file was replaced": target.path(CHANGED),
        "replayed after the file was tidied away": target.path(LOST),
    }


async def test_every_attack_gets_the_same_answer_in_the_same_time(
    target: Target, tmp_path: Path
) -> None:
    right = [target.path(number) for number in target.clips]
    right.append(target.path(keys=KEYS[:1]))
    connection = HTTPConnection(target.host, timeout=stretch_timeout(20))
    for path in right:
        assert (await asyncio.to_thread(target.ask, connection, path)).status == 200, path
    with closing(sqlite3.connect(tmp_path / "clapper.db")) as database, database:
        database.execute("DELETE FROM clips WHERE id = ?", (DELETED,))
        database.execute("UPDATE clips SET sha256 = ? WHERE id = ?", ("f" * 64, CHANGED))
    (tmp_path / target.clips[LOST].path).unlink()

    table = attacks(target)
    answers = {
        what: await asyncio.to_thread(target.ask, connection, path) for what, path in table.items()
    }
    common = next(iter(answers.values()))
    assert common.status == 404
    different = {what: answer for what, answer in answers.items() if answer != common}
    assert not different
    heads = {
        await asyncio.to_thread(target.ask, connection, path, "HEAD") for path in table.values()
    }
    assert {(head.status, head.headers) for head in heads} == {(404, common.headers)}
    assert not re.search(rb"clip-|/download|clapper\.db", common.body)

    # a busy machine only ever adds time: the quickest of many shows what the steps take
    took: dict[str, list[float]] = {what: [] for what in table}
    for _ in range(MEASUREMENTS):
        await asyncio.to_thread(_measure, target, connection, table, took)
        best = {what: min(times) for what, times in took.items()}
        slowest, quickest = max(best, key=best.__getitem__), min(best, key=best.__getitem__)
        ratio = best[slowest] / best[quickest]
        if ratio < SAME_CLASS:
            break
    connection.close()
    assert ratio < SAME_CLASS, f"{slowest} takes {ratio:.1f} times as long as {quickest}"
    # they are still refused, and nobody else is
    after = HTTPConnection(target.host, timeout=stretch_timeout(20))
    assert (await asyncio.to_thread(target.ask, after, target.path())).status == 200
    after.close()


def _measure(
    target: Target,
    connection: HTTPConnection,
    table: dict[str, str],
    took: dict[str, list[float]],
) -> None:
    """Add seconds for each attack, taken in turns so that load affects all alike."""
    for _ in range(ROUNDS):
        for what, path in table.items():
            began = time.perf_counter()
            target.ask(connection, path)
            took[what].append(time.perf_counter() - began)


def _content(payload: str) -> bytes:
    packed = payload.startswith(".")
    text = payload.removeprefix(".")
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return zlib.decompress(data) if packed else data


def _payload(content: object) -> str:
    data = json.dumps(content, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
