"""Files: limits by boost tier, names, links that expire, ranges, uploads that cost no memory."""

import json
import tracemalloc
from collections.abc import AsyncIterator
from fractions import Fraction
from pathlib import Path

import aiohttp
import av
import numpy as np
import pytest

from sandbox.discord.files import MIB
from tests.sandbox.discord.town import PING, Town


async def test_a_file_comes_back_byte_for_byte(town: Town) -> None:
    data = Path(town.picture(size=(64, 36))).read_bytes()
    sent = (await town.send({}, files={"my clip 1/ü?.png": data})).ok()
    shown = sent["attachments"][0]
    assert shown["filename"] == "u.png"
    assert (shown["size"], shown["width"], shown["height"]) == (len(data), 64, 36)
    assert shown["content_type"] == "image/png"
    async with town.http.get(shown["url"]) as response:
        assert await response.read() == data
        assert response.headers["Content-Type"] == "image/png"
    async with town.http.get(shown["url"], headers={"Range": "bytes=2-5"}) as response:
        assert (response.status, await response.read()) == (206, data[2:6])


async def test_names_never_touch_the_disk(town: Town) -> None:
    (await town.send({}, files={"../../evil.sh": b"x", "..": b"y"})).ok()
    stored = [
        path.relative_to(town.directory) for path in town.directory.rglob("*") if path.is_file()
    ]
    assert len(stored) == 2
    assert all(path.parts[:2] == ("discord", "attachments") for path in stored)
    assert all(path.name.isdecimal() for path in stored)


async def test_a_video_has_dimensions(town: Town) -> None:
    path = town.directory / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(24))
        stream.width, stream.height, stream.pix_fmt = 128, 72, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((72, 128, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    sent = (await town.send({}, files={"clip.mp4": path.read_bytes()})).ok()
    shown = sent["attachments"][0]
    assert (shown["width"], shown["height"], shown["content_type"]) == (128, 72, "video/mp4")


async def test_links_are_signed_and_expire(town: Town) -> None:
    sent = (await town.send({}, files={"a.txt": b"x"})).ok()
    url = sent["attachments"][0]["url"]

    async def fetch(address: str) -> tuple[int, str]:
        async with town.http.get(address) as response:
            return response.status, await response.text()

    assert (await fetch(url))[0] == 200
    gone = (404, "This content is no longer available.")
    assert await fetch(url.partition("?")[0]) == gone
    assert await fetch(url.replace("ex=", "ex=f")) == gone
    assert await fetch(url.replace("hm=", "hm=0")) == gone
    assert await fetch(url.replace("a.txt", "b.txt")) == gone
    assert await fetch(f"{town.world.public_base}/attachments/1/x/a.txt") == gone
    town.clock.advance(24 * 3600 + 1)
    assert await fetch(url) == gone
    path = f"/channels/{sent['channel_id']}/messages/{sent['id']}"
    assert (await fetch((await town.bot("GET", path)).ok()["attachments"][0]["url"]))[0] == 200


async def test_avatars(town: Town) -> None:
    for path in (
        f"/avatars/{town.user('Ada').id}/{town.user('Ada').avatar}.png",
        "/embed/avatars/1.png",
    ):
        async with town.http.get(town.world.public_base + path) as response:
            assert (response.status, response.content_type) == (200, "image/png")


@pytest.mark.parametrize(("tier", "limit"), [(0, 20), (1, 20), (2, 50), (3, 100)])
async def test_the_limit_follows_the_boost_tier(town: Town, tier: int, limit: int) -> None:
    guild = next(iter(town.world.guilds))
    (await town.control("PATCH", f"/guilds/{guild}", {"boost_tier": tier})).ok()
    await town.register(PING)
    town.listen()
    await town.command("ping")
    assert town.heard("INTERACTION_CREATE")[0]["attachment_size_limit"] == limit * MIB
    assert town.world.file_limit_bytes(guild) == limit * MIB


async def test_one_byte_over_the_limit(town: Town) -> None:
    await town.register(PING)
    interaction = await town.command("ping")
    assert (await upload(town, 20 * MIB)).status == 200
    response = await upload(town, 20 * MIB + 1)
    assert (response.status, (await response.json())["code"]) == (413, 40005)
    files = {"a.bin": bytes(20 * MIB + 1)}
    (await town.respond(interaction, 4, {}, files=files)).refuses(413, 40005)
    (await town.respond(interaction, 5)).ok()
    (await town.hook("POST", interaction, {}, files=files)).refuses(413, 40005)
    assert not list((town.directory / "discord" / "uploads").iterdir())


async def upload(town: Town, size: int) -> aiohttp.ClientResponse:
    """Streams a file of zeros into #general."""

    async def zeros() -> AsyncIterator[bytes]:
        chunk = bytes(MIB)
        for start in range(0, size, MIB):
            yield chunk[: size - start]

    with aiohttp.MultipartWriter("form-data") as form:
        meta = form.append_json({"attachments": [{"id": "0", "filename": "big.bin"}]})
        meta.set_content_disposition("form-data", name="payload_json")
        part = form.append(zeros(), {"Content-Type": "application/octet-stream"})
        part.set_content_disposition("form-data", name="files[0]", filename="big.bin")
    response = await town.http.post(
        f"{town.world.public_base}/api/v10/channels/{town.channel('general').id}/messages",
        data=form,
        headers={"Authorization": f"Bot {town.world.token}"},
    )
    await response.read()
    return response


async def test_a_large_upload_costs_no_memory(town: Town) -> None:
    guild = next(iter(town.world.guilds))
    (await town.control("PATCH", f"/guilds/{guild}", {"boost_tier": 3})).ok()
    tracemalloc.start()
    try:
        response = await upload(town, 60 * MIB)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert response.status == 200
    assert json.loads(await response.text())["attachments"][0]["size"] == 60 * MIB
    assert peak < 16 * MIB, f"{peak / MIB:.1f} MiB"


async def test_ten_files_and_no_more(town: Town) -> None:
    (await town.send({}, files={f"{n}.txt": b"x" for n in range(10)})).ok()
    answer = await town.send({}, files={f"{n}.txt": b"x" for n in range(11)})
    answer.refuses_field("attachments", "BASE_TYPE_MAX_LENGTH")


async def test_edits_keep_add_and_drop_files(town: Town) -> None:
    sent = (await town.send({"content": "x"}, files={"a.txt": b"a", "b.txt": b"b"})).ok()
    first, second = sent["attachments"]
    same = (await town.edit(sent, {"content": "y"})).ok()
    assert [a["id"] for a in same["attachments"]] == [first["id"], second["id"]]
    body = {"attachments": [{"id": second["id"]}, {"id": "0", "filename": "c.txt"}]}
    changed = (await town.edit(sent, body, files={"c.txt": b"c"})).ok()
    assert [a["filename"] for a in changed["attachments"]] == ["b.txt", "c.txt"]
    (await town.edit(sent, {"attachments": [{"id": first["id"]}]})).refuses_field(
        "attachments.0.id", "ATTACHMENT_NOT_FOUND"
    )
    assert (await town.edit(sent, {"attachments": []})).ok()["attachments"] == []


async def test_a_file_that_a_component_shows_cannot_be_dropped(town: Town) -> None:
    gallery = {"type": 12, "items": [{"media": {"url": "attachment://a.png"}}]}
    body = {"flags": 1 << 15, "components": [gallery]}
    sent = (await town.send(body, files={"a.png": b"x"})).ok()
    (await town.edit(sent, {"attachments": []})).refuses_field(
        "attachments", "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"
    )
    again = (await town.edit(sent, {"components": [gallery, {"type": 10, "content": "x"}]})).ok()
    assert again["components"][0]["items"][0]["media"]["attachment_id"]


async def test_an_embeds_picture_is_not_listed_twice(town: Town) -> None:
    body = {"embeds": [{"title": "x", "image": {"url": "attachment://a.png"}}]}
    sent = (await town.send(body, files={"a.png": Path(town.picture()).read_bytes()})).ok()
    assert sent["attachments"] == []
    assert sent["embeds"][0]["image"]["width"] == 32
    async with town.http.get(sent["embeds"][0]["image"]["url"]) as response:
        assert response.status == 200
    suppressed = (await town.edit(sent, {"flags": 4})).ok()
    assert suppressed["embeds"] == []


async def test_files_of_refused_messages_are_gone(town: Town) -> None:
    (await town.send({"content": "x" * 2001}, files={"a.txt": b"x"})).refuses(400, 50035)
    assert not list((town.directory / "discord" / "uploads").iterdir())
    assert not list((town.directory / "discord" / "attachments").iterdir())
