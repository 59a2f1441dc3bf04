"""Concurrent requests, and broken uploads."""

import asyncio

from sandbox.discord.entities import Message
from tests.sandbox.discord.discord_harness import PING, DiscordHarness


def posted(harness: DiscordHarness) -> list[Message]:
    return harness.world.visible_messages(harness.channel("general").id)


async def test_two_responses_at_once(harness: DiscordHarness) -> None:
    await harness.register(PING)
    interaction = await harness.command("ping")
    files = {"a.png": b"looked into while the other one arrives"}
    answers = await asyncio.gather(
        *(harness.respond(interaction, 4, {"content": str(n)}, files=files) for n in range(4))
    )
    assert sorted(answer.status for answer in answers) == [200, 400, 400, 400]
    assert {a.json["code"] for a in answers if a.status == 400} == {40060}
    assert len(posted(harness)) == 1


async def test_one_nonce_in_two_requests_at_once(harness: DiscordHarness) -> None:
    body = {"content": "x", "nonce": "job-1", "enforce_nonce": True}
    answers = await asyncio.gather(*(harness.send(body, files={"a.png": b"x"}) for _ in range(4)))
    assert len({answer.ok()["id"] for answer in answers}) == 1
    assert len(posted(harness)) == 1
    assert len(list((harness.directory / "discord" / "attachments").iterdir())) == 1
    assert not list((harness.directory / "discord" / "uploads").iterdir())


async def test_broken_multipart_is_refused(harness: DiscordHarness) -> None:
    url = f"{harness.world.public_base}/api/v10/channels/{harness.channel('general').id}/messages"
    headers = {"Authorization": f"Bot {harness.world.token}"}
    part = b'--b\r\nContent-Disposition: form-data; name="files[0]"; filename="a"\r\n\r\nx\r\n'
    bodies = {
        b"no boundary at all": "multipart/form-data; boundary=b",
        part: "multipart/form-data; boundary=b",
        part + part + b"--b--\r\n": "multipart/form-data; boundary=b",
        part + b"--b--\r\n ": "multipart/form-data",
    }
    for data, kind in bodies.items():
        async with harness.http.post(
            url, data=data, headers=headers | {"Content-Type": kind}
        ) as got:
            assert got.status == 400, (data, await got.text())
    assert posted(harness) == []
    assert not list((harness.directory / "discord" / "uploads").iterdir())


async def test_a_message_deleted_while_its_new_file_is_read(harness: DiscordHarness) -> None:
    sent = (await harness.send({"content": "x"})).ok()
    path = f"/channels/{sent['channel_id']}/messages/{sent['id']}"
    edited, deleted = await asyncio.gather(
        harness.edit(sent, {"content": "y"}, files={"a.png": b"x" * 1_000_000}),
        harness.bot("DELETE", path),
    )
    assert deleted.status == 204
    assert edited.status in {200, 404}
    (await harness.bot("GET", path)).assert_error(404, 10008)


async def test_a_channel_deleted_during_a_request(harness: DiscordHarness) -> None:
    await harness.register(PING)
    first, second = await harness.command("ping"), await harness.command("ping")
    (await harness.respond(first, 5)).ok()
    channel = harness.channel("general").id
    (await harness.control("DELETE", f"/channels/{channel}")).ok()
    (await harness.respond(second, 4, {"content": "x"})).assert_error(404, 10003)
    (
        await harness.call_webhook("PATCH", first, {"content": "x"}, tail="/messages/@original")
    ).assert_error(404, 10008)
    (await harness.bot("POST", f"/channels/{channel}/messages", {"content": "x"})).assert_error(
        404, 10003
    )
    assert (await harness.state(first))["messages"] == []
