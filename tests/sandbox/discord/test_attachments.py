"""Attachments: limits by boost tier, names, expiring links, ranges, and memory during uploads."""

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
from tests.sandbox.discord.discord_harness import PING, DiscordHarness


async def test_download_returns_the_uploaded_bytes(harness: DiscordHarness) -> None:
    data = Path(harness.create_image(size=(64, 36))).read_bytes()
    sent = (await harness.send({}, files={"my clip 1/ü?.png": data})).ok()
    shown = sent["attachments"][0]
    assert shown["filename"] == "u.png"
    assert (shown["size"], shown["width"], shown["height"]) == (len(data), 64, 36)
    assert shown["content_type"] == "image/png"
    async with harness.http.get(shown["url"]) as response:
        assert await response.read() == data
        assert response.headers["Content-Type"] == "image/png"
    async with harness.http.get(shown["url"], headers={"Range": "bytes=2-5"}) as response:
        assert (response.status, await response.read()) == (206, data[2:6])


async def test_client_given_names_are_not_used_on_disk(harness: DiscordHarness) -> None:
    (await harness.send({}, files={"../../evil.sh": b"x", "..": b"y"})).ok()
    stored = [
        path.relative_to(harness.directory)
        for path in harness.directory.rglob("*")
        if path.is_file()
    ]
    assert len(stored) == 2
    assert all(path.parts[:2] == ("discord", "attachments") for path in stored)
    assert all(path.name.isdecimal() for path in stored)


async def test_a_video_has_dimensions(harness: DiscordHarness) -> None:
    path = harness.directory / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(24))
        stream.width, stream.height, stream.pix_fmt = 128, 72, "yuv420p"
        frame = av.VideoFrame.from_ndarray(np.zeros((72, 128, 3), np.uint8), format="rgb24")
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    sent = (await harness.send({}, files={"clip.mp4": path.read_bytes()})).ok()
    shown = sent["attachments"][0]
    assert (shown["width"], shown["height"], shown["content_type"]) == (128, 72, "video/mp4")


async def test_links_are_signed_and_expire(harness: DiscordHarness) -> None:
    sent = (await harness.send({}, files={"a.txt": b"x"})).ok()
    url = sent["attachments"][0]["url"]

    async def fetch(address: str) -> tuple[int, str]:
        async with harness.http.get(address) as response:
            return response.status, await response.text()

    assert (await fetch(url))[0] == 200
    gone = (404, "This content is no longer available.")
    assert await fetch(url.partition("?")[0]) == gone
    assert await fetch(url.replace("ex=", "ex=f")) == gone
    assert await fetch(url.replace("hm=", "hm=0")) == gone
    assert await fetch(url.replace("a.txt", "b.txt")) == gone
    assert await fetch(f"{harness.world.public_base}/attachments/1/x/a.txt") == gone
    harness.clock.advance(24 * 3600 + 1)
    assert await fetch(url) == gone
    path = f"/channels/{sent['channel_id']}/messages/{sent['id']}"
    assert (await fetch((await harness.bot("GET", path)).ok()["attachments"][0]["url"]))[0] == 200


async def test_avatars(harness: DiscordHarness) -> None:
    for path in (
        f"/avatars/{harness.user('Ada').id}/{harness.user('Ada').avatar}.png",
        "/embed/avatars/1.png",
    ):
        async with harness.http.get(harness.world.public_base + path) as response:
            assert (response.status, response.content_type) == (200, "image/png")


@pytest.mark.parametrize(("tier", "limit"), [(0, 20), (1, 20), (2, 50), (3, 100)])
async def test_file_limit_depends_on_the_boost_tier(
    harness: DiscordHarness, tier: int, limit: int
) -> None:
    guild = next(iter(harness.world.guilds))
    (await harness.control("PATCH", f"/guilds/{guild}", {"boost_tier": tier})).ok()
    await harness.register(PING)
    harness.collect_events()
    await harness.command("ping")
    assert harness.events_named("INTERACTION_CREATE")[0]["attachment_size_limit"] == limit * MIB
    assert harness.world.file_limit_bytes(guild) == limit * MIB


async def test_one_byte_over_the_limit(harness: DiscordHarness) -> None:
    await harness.register(PING)
    interaction = await harness.command("ping")
    assert (await upload(harness, 20 * MIB)).status == 200
    response = await upload(harness, 20 * MIB + 1)
    assert (response.status, (await response.json())["code"]) == (413, 40005)
    files = {"a.bin": bytes(20 * MIB + 1)}
    (await harness.respond(interaction, 4, {}, files=files)).assert_error(413, 40005)
    (await harness.respond(interaction, 5)).ok()
    (await harness.call_webhook("POST", interaction, {}, files=files)).assert_error(413, 40005)
    assert not list((harness.directory / "discord" / "uploads").iterdir())


async def upload(harness: DiscordHarness, size: int) -> aiohttp.ClientResponse:
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
    response = await harness.http.post(
        f"{harness.world.public_base}/api/v10/channels/{harness.channel('general').id}/messages",
        data=form,
        headers={"Authorization": f"Bot {harness.world.token}"},
    )
    await response.read()
    return response


async def test_a_large_upload_costs_no_memory(harness: DiscordHarness) -> None:
    guild = next(iter(harness.world.guilds))
    (await harness.control("PATCH", f"/guilds/{guild}", {"boost_tier": 3})).ok()
    tracemalloc.start()
    try:
        response = await upload(harness, 60 * MIB)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert response.status == 200
    assert json.loads(await response.text())["attachments"][0]["size"] == 60 * MIB
    assert peak < 16 * MIB, f"{peak / MIB:.1f} MiB"


async def test_a_message_has_at_most_ten_files(harness: DiscordHarness) -> None:
    (await harness.send({}, files={f"{n}.txt": b"x" for n in range(10)})).ok()
    answer = await harness.send({}, files={f"{n}.txt": b"x" for n in range(11)})
    answer.assert_field_error("attachments", "BASE_TYPE_MAX_LENGTH")


async def test_edits_keep_add_and_drop_files(harness: DiscordHarness) -> None:
    sent = (await harness.send({"content": "x"}, files={"a.txt": b"a", "b.txt": b"b"})).ok()
    first, second = sent["attachments"]
    same = (await harness.edit(sent, {"content": "y"})).ok()
    assert [a["id"] for a in same["attachments"]] == [first["id"], second["id"]]
    body = {"attachments": [{"id": second["id"]}, {"id": "0", "filename": "c.txt"}]}
    changed = (await harness.edit(sent, body, files={"c.txt": b"c"})).ok()
    assert [a["filename"] for a in changed["attachments"]] == ["b.txt", "c.txt"]
    (await harness.edit(sent, {"attachments": [{"id": first["id"]}]})).assert_field_error(
        "attachments.0.id", "ATTACHMENT_NOT_FOUND"
    )
    assert (await harness.edit(sent, {"attachments": []})).ok()["attachments"] == []


async def test_a_file_used_by_a_component_cannot_be_removed(harness: DiscordHarness) -> None:
    gallery = {"type": 12, "items": [{"media": {"url": "attachment://a.png"}}]}
    body = {"flags": 1 << 15, "components": [gallery]}
    sent = (await harness.send(body, files={"a.png": b"x"})).ok()
    (await harness.edit(sent, {"attachments": []})).assert_field_error(
        "attachments", "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND"
    )
    again = (await harness.edit(sent, {"components": [gallery, {"type": 10, "content": "x"}]})).ok()
    assert again["components"][0]["items"][0]["media"]["attachment_id"]


async def test_an_embed_image_is_not_also_an_attachment(harness: DiscordHarness) -> None:
    body = {"embeds": [{"title": "x", "image": {"url": "attachment://a.png"}}]}
    sent = (
        await harness.send(body, files={"a.png": Path(harness.create_image()).read_bytes()})
    ).ok()
    assert sent["attachments"] == []
    assert sent["embeds"][0]["image"]["width"] == 32
    async with harness.http.get(sent["embeds"][0]["image"]["url"]) as response:
        assert response.status == 200
    suppressed = (await harness.edit(sent, {"flags": 4})).ok()
    assert suppressed["embeds"] == []


async def test_files_of_refused_messages_are_removed(harness: DiscordHarness) -> None:
    (await harness.send({"content": "x" * 2001}, files={"a.txt": b"x"})).assert_error(400, 50035)
    assert not list((harness.directory / "discord" / "uploads").iterdir())
    assert not list((harness.directory / "discord" / "attachments").iterdir())
