"""Two requests at once: what may happen once happens once, and broken uploads leave nothing."""

import asyncio

from sandbox.discord.entities import Message
from tests.sandbox.discord.town import PING, Town


def posted(town: Town) -> list[Message]:
    return town.world.visible_messages(town.channel("general").id)


async def test_two_answers_at_once(town: Town) -> None:
    await town.register(PING)
    interaction = await town.command("ping")
    files = {"a.png": b"looked into while the other one arrives"}
    answers = await asyncio.gather(
        *(town.respond(interaction, 4, {"content": str(n)}, files=files) for n in range(4))
    )
    assert sorted(answer.status for answer in answers) == [200, 400, 400, 400]
    assert {a.json["code"] for a in answers if a.status == 400} == {40060}
    assert len(posted(town)) == 1


async def test_one_nonce_at_once(town: Town) -> None:
    body = {"content": "x", "nonce": "job-1", "enforce_nonce": True}
    answers = await asyncio.gather(*(town.send(body, files={"a.png": b"x"}) for _ in range(4)))
    assert len({answer.ok()["id"] for answer in answers}) == 1
    assert len(posted(town)) == 1
    assert len(list((town.directory / "discord" / "attachments").iterdir())) == 1
    assert not list((town.directory / "discord" / "uploads").iterdir())


async def test_broken_multipart_is_refused(town: Town) -> None:
    url = f"{town.world.public_base}/api/v10/channels/{town.channel('general').id}/messages"
    headers = {"Authorization": f"Bot {town.world.token}"}
    part = b'--b\r\nContent-Disposition: form-data; name="files[0]"; filename="a"\r\n\r\nx\r\n'
    bodies = {
        b"no boundary at all": "multipart/form-data; boundary=b",
        part: "multipart/form-data; boundary=b",
        part + part + b"--b--\r\n": "multipart/form-data; boundary=b",
        part + b"--b--\r\n ": "multipart/form-data",
    }
    for data, kind in bodies.items():
        async with town.http.post(url, data=data, headers=headers | {"Content-Type": kind}) as got:
            assert got.status == 400, (data, await got.text())
    assert posted(town) == []
    assert not list((town.directory / "discord" / "uploads").iterdir())


async def test_a_message_deleted_while_its_new_file_is_read(town: Town) -> None:
    sent = (await town.send({"content": "x"})).ok()
    path = f"/channels/{sent['channel_id']}/messages/{sent['id']}"
    edited, deleted = await asyncio.gather(
        town.edit(sent, {"content": "y"}, files={"a.png": b"x" * 1_000_000}),
        town.bot("DELETE", path),
    )
    assert deleted.status == 204
    assert edited.status in {200, 404}
    (await town.bot("GET", path)).refuses(404, 10008)


async def test_a_channel_that_goes_away(town: Town) -> None:
    await town.register(PING)
    first, second = await town.command("ping"), await town.command("ping")
    (await town.respond(first, 5)).ok()
    channel = town.channel("general").id
    (await town.control("DELETE", f"/channels/{channel}")).ok()
    (await town.respond(second, 4, {"content": "x"})).refuses(404, 10003)
    (await town.hook("PATCH", first, {"content": "x"}, tail="/messages/@original")).refuses(
        404, 10008
    )
    (await town.bot("POST", f"/channels/{channel}/messages", {"content": "x"})).refuses(404, 10003)
    assert (await town.state(first))["messages"] == []
