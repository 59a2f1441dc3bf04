"""Ordinary messages: what is accepted, what is refused and in which words."""

import pytest

from sandbox.discord.entities import MessageFlag
from sandbox.discord.permissions import POSTING_BOT_PERMISSIONS
from tests.sandbox.discord.town import EPHEMERAL, Town, button, row


async def test_a_message_comes_back_as_sent(town: Town) -> None:
    town.listen()
    sent = (await town.send({"content": "Hello", "tts": False})).ok()
    assert sent["content"] == "Hello"
    assert sent["author"]["bot"] is True
    assert sent["timestamp"].startswith("2026-")
    path = f"/channels/{sent['channel_id']}/messages/{sent['id']}"
    assert (await town.bot("GET", path)).ok()["content"] == "Hello"
    heard = town.heard("MESSAGE_CREATE")[0]
    assert (heard["id"], heard["guild_id"]) == (sent["id"], str(town.channel("general").guild_id))


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({"content": "x" * 2001}, "content", "BASE_TYPE_MAX_LENGTH"),
        ({"content": 5}, "content", "STRING_TYPE_CONVERT"),
        ({"content": "x", "nonce": "n" * 26}, "nonce", "BASE_TYPE_MAX_LENGTH"),
        ({"content": "x", "tts": "yes"}, "tts", "BOOLEAN_TYPE_CONVERT"),
        ({"content": "x", "flags": -1}, "flags", "NUMBER_TYPE_MIN"),
        ({"embeds": [{"title": "x" * 257}]}, "embeds.0.title", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"description": "x" * 4097}]}, "embeds.0.description", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{"description": "x" * 4096}] * 2}, "embeds.1", "MAX_EMBED_SIZE_EXCEEDED"),
        ({"embeds": [{"title": "x"}] * 11}, "embeds", "BASE_TYPE_MAX_LENGTH"),
        ({"embeds": [{}]}, "embeds.0", "EMBED_EMPTY"),
        ({"embeds": [{"url": "ftp://x", "title": "x"}]}, "embeds.0.url", "URL_TYPE_INVALID_SCHEME"),
        (
            {"embeds": [{"fields": [{"name": "n", "value": "v"}] * 26}]},
            "embeds.0.fields",
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            {"embeds": [{"fields": [{"name": "n"}]}]},
            "embeds.0.fields.0.value",
            "BASE_TYPE_REQUIRED",
        ),
        (
            {"embeds": [{"footer": {"text": "x" * 2049}}]},
            "embeds.0.footer.text",
            "BASE_TYPE_BAD_LENGTH",
        ),
        ({"embeds": ["x"]}, "embeds.0", "MODEL_TYPE_CONVERT"),
        (
            {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
            "allowed_mentions.parse",
            "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
        ),
        (
            {"content": "x", "allowed_mentions": {"parse": ["all"]}},
            "allowed_mentions.parse.0",
            "BASE_TYPE_CHOICES",
        ),
        ({"content": "x", "attachments": [{"id": 0}]}, "attachments.0.id", "ATTACHMENT_NOT_FOUND"),
        ({"content": "x", "poll": {"question": {}}}, "poll", "SANDBOX_UNSUPPORTED"),
    ],
)
async def test_a_bad_body_is_refused_field_by_field(
    town: Town, body: dict[str, object], path: str, code: str
) -> None:
    (await town.send(body)).refuses_field(path, code)
    assert town.world.visible_messages(town.channel("general").id) == []


async def test_an_empty_message_is_refused(town: Town) -> None:
    (await town.send({})).refuses(400, 50006)
    (await town.send({"content": "  "})).refuses(400, 50006)


async def test_a_body_that_is_not_json_is_refused(town: Town) -> None:
    url = f"{town.world.public_base}/api/v10/channels/{town.channel('general').id}/messages"
    headers = {"Authorization": f"Bot {town.world.token}", "Content-Type": "application/json"}
    async with town.http.post(url, data=b"{", headers=headers) as response:
        assert (response.status, (await response.json())["code"]) == (400, 50109)
    headers["Content-Type"] = "text/plain"
    async with town.http.post(url, data=b"{}", headers=headers) as response:
        assert (response.status, (await response.json())["code"]) == (400, 50035)


async def test_a_wrong_token_and_unknown_things_are_refused(town: Town) -> None:
    (await town.bot("GET", "/users/@me", token="wrong")).refuses(401, 0)
    (await town.bot("GET", "/channels/1")).refuses(404, 10003)
    (await town.bot("GET", "/channels/x")).refuses_field("channel_id", "NUMBER_TYPE_COERCE")
    general = town.channel("general").id
    (await town.bot("GET", f"/channels/{general}/messages/1")).refuses(404, 10008)
    (await town.send({"content": "x"}, where="ideas")).refuses(400, 50008)


@pytest.mark.parametrize(
    ("denied", "body", "files", "code"),
    [
        ("VIEW_CHANNEL", {"content": "x"}, None, 50001),
        ("SEND_MESSAGES", {"content": "x"}, None, 50013),
        ("EMBED_LINKS", {"embeds": [{"title": "x"}]}, None, 50013),
        ("ATTACH_FILES", {}, {"a.txt": b"x"}, 50013),
    ],
)
async def test_each_permission_is_needed(
    town: Town, denied: str, body: dict[str, object], files: dict[str, bytes] | None, code: int
) -> None:
    (await town.send(body, files=files)).ok()
    await town.deny("general", denied)
    (await town.send(body, files=files)).refuses(403, code)


async def test_threads_need_their_own_permission(town: Town) -> None:
    opened = await town.control(
        "POST", "/threads", {"user": "Ada", "channel": "general", "name": "Talk"}
    )
    thread = opened.ok()["channel"]["name"]
    await town.deny("general", "SEND_MESSAGES")
    (await town.send({"content": "x"}, where=thread)).ok()
    await town.deny("general", "SEND_MESSAGES_IN_THREADS")
    (await town.send({"content": "x"}, where=thread)).refuses(403, 50013)


async def test_a_role_overwrite_counts_and_a_member_overwrite_beats_it(town: Town) -> None:
    general = f"/channels/{town.channel('general').id}/overwrites"
    await town.control("PUT", general, {"role": "everyone", "deny": ["SEND_MESSAGES"]})
    (await town.send({"content": "x"})).refuses(403, 50013)
    await town.control("PUT", general, {"role": "Clapper", "allow": ["SEND_MESSAGES"]})
    (await town.send({"content": "x"})).ok()
    await town.deny("general", "SEND_MESSAGES")
    (await town.send({"content": "x"})).refuses(403, 50013)


async def test_the_bot_starts_with_what_it_asks_for(town: Town) -> None:
    bot_roles = next(iter(town.world.guilds.values())).members[town.world.bot.id].role_ids
    roles = next(iter(town.world.guilds.values())).roles
    assert [roles[i].permissions for i in bot_roles] == [POSTING_BOT_PERMISSIONS]


async def test_replies(town: Town) -> None:
    said = await town.post_message("What now?")
    reply = (
        await town.send({"content": "This", "message_reference": {"message_id": said["id"]}})
    ).ok()
    assert reply["type"] == 19
    assert reply["referenced_message"]["id"] == said["id"]
    assert [user["username"] for user in reply["mentions"]] == ["cem"]
    gone = {"content": "x", "message_reference": {"message_id": "1"}}
    (await town.send(gone)).refuses_field("message_reference", "REPLIES_UNKNOWN_MESSAGE")
    gone["message_reference"] = {"message_id": "1", "fail_if_not_exists": False}
    assert "message_reference" not in (await town.send(gone)).ok()
    elsewhere = {"content": "x", "message_reference": {"message_id": said["id"]}}
    (await town.send(elsewhere, where="clips")).refuses(400, 50035)
    await town.deny("general", "READ_MESSAGE_HISTORY")
    (await town.send(elsewhere)).refuses(403, 160002)


async def test_a_reply_to_a_deleted_message_shows_none(town: Town) -> None:
    said = await town.post_message("Soon gone")
    body = {"content": "This", "message_reference": {"message_id": said["id"]}}
    sent = (await town.send(body)).ok()
    (await town.control("DELETE", f"/messages/{said['id']}?user=Cem")).ok()
    path = f"/channels/{sent['channel_id']}/messages/{sent['id']}"
    assert (await town.bot("GET", path)).ok()["referenced_message"] is None
    (await town.send(body)).refuses_field("message_reference", "REPLIES_UNKNOWN_MESSAGE")


async def test_only_allowed_mentions_mention(town: Town) -> None:
    ada = town.user("Ada").id
    content = f"<@{ada}> @everyone"
    assert [u["id"] for u in (await town.send({"content": content})).ok()["mentions"]] == [str(ada)]
    none = {"content": content, "allowed_mentions": {"parse": []}}
    assert (await town.send(none)).ok()["mentions"] == []
    named = {"content": content, "allowed_mentions": {"users": [str(ada)]}}
    assert len((await town.send(named)).ok()["mentions"]) == 1
    assert (await town.send({"content": content})).ok()["mention_everyone"] is False


async def test_an_enforced_nonce_posts_once_for_a_few_minutes(town: Town) -> None:
    body = {"content": "Once", "nonce": "job-1", "enforce_nonce": True}
    first = (await town.send(body)).ok()
    assert first["nonce"] == "job-1"
    town.clock.advance(60)
    assert (await town.send(body | {"content": "Twice"})).ok()["id"] == first["id"]
    assert (await town.send(body, where="clips")).ok()["id"] != first["id"]
    assert (await town.send(body | {"enforce_nonce": False})).ok()["id"] != first["id"]
    town.clock.advance(400)
    assert (await town.send(body)).ok()["id"] != first["id"]


async def test_an_edit_changes_only_what_it_names(town: Town) -> None:
    town.listen()
    sent = (
        await town.send(
            {"content": "One", "embeds": [{"title": "T"}], "components": [row(button())]}
        )
    ).ok()
    edited = (await town.edit(sent, {"content": "Two"})).ok()
    assert (edited["content"], edited["embeds"][0]["title"]) == ("Two", "T")
    assert edited["edited_timestamp"]
    assert edited["components"]
    assert (await town.edit(sent, {"components": [], "embeds": None})).ok()["embeds"] == []
    (await town.edit(sent, {"content": ""})).refuses(400, 50006)
    assert len(town.heard("MESSAGE_UPDATE")) == 2


async def test_only_own_messages_can_be_edited(town: Town) -> None:
    said = await town.post_message("Mine")
    (await town.edit(said, {"content": "Yours"})).refuses(403, 50005)


async def test_deleting(town: Town) -> None:
    town.listen()
    sent = (await town.send({"content": "x"})).ok()
    path = f"/channels/{sent['channel_id']}/messages/{sent['id']}"
    (await town.bot("DELETE", path)).ok()
    (await town.bot("DELETE", path)).refuses(404, 10008)
    (await town.edit(sent, {"content": "y"})).refuses(404, 10008)
    assert [e["id"] for e in town.heard("MESSAGE_DELETE")] == [sent["id"]]
    said = await town.post_message("Mine")
    others = f"/channels/{said['channel_id']}/messages/{said['id']}"
    (await town.bot("DELETE", others)).refuses(403, 50013)
    general = f"/channels/{said['channel_id']}"
    (
        await town.bot("POST", f"{general}/messages/bulk-delete", {"messages": [said["id"], "1"]})
    ).refuses(403, 50013)
    await town.control(
        "PUT", f"{general}/overwrites", {"member": "Clapper", "allow": ["MANAGE_MESSAGES"]}
    )
    (await town.bot("DELETE", others)).ok()


async def test_bulk_delete(town: Town) -> None:
    town.listen()
    general = f"/channels/{town.channel('general').id}"
    await town.control(
        "PUT", f"{general}/overwrites", {"member": "Clapper", "allow": ["MANAGE_MESSAGES"]}
    )
    ids = [(await town.post_message(str(n)))["id"] for n in range(3)]
    path = f"{general}/messages/bulk-delete"
    (await town.bot("POST", path, {"messages": ids[:1]})).refuses(400, 50035)
    (await town.bot("POST", path, {"messages": ids[:2]})).ok()
    assert town.heard("MESSAGE_DELETE_BULK")[0]["ids"] == ids[:2]
    town.clock.advance(15 * 24 * 3600)
    (await town.bot("POST", path, {"messages": [ids[2], ids[0]]})).refuses(400, 50034)


async def test_history_in_windows(town: Town) -> None:
    ids = [(await town.send({"content": str(n)})).ok()["id"] for n in range(6)]
    path = f"/channels/{town.channel('general').id}/messages"

    async def listed(**query: str) -> list[int]:
        found = (await town.bot("GET", path, query=query)).ok()
        return [int(message["content"]) for message in found]

    assert await listed() == [5, 4, 3, 2, 1, 0]
    assert await listed(limit="2") == [5, 4]
    assert await listed(before=ids[3], limit="2") == [2, 1]
    assert await listed(after=ids[1], limit="2") == [3, 2]
    assert await listed(around=ids[3], limit="3") == [4, 3, 2]
    (await town.bot("GET", path, query={"limit": "101"})).refuses_field("limit", "NUMBER_TYPE_MAX")
    (await town.bot("GET", path, query={"limit": "0"})).refuses_field("limit", "NUMBER_TYPE_MIN")
    (await town.bot("GET", path, query={"before": ids[0], "after": ids[0]})).refuses(400, 50035)
    await town.deny("general", "READ_MESSAGE_HISTORY")
    assert await listed() == []
    (await town.bot("GET", f"{path}/{ids[0]}")).refuses(403, 50013)


async def test_an_ordinary_message_cannot_be_ephemeral(town: Town) -> None:
    sent = (await town.send({"content": "x", "flags": EPHEMERAL})).ok()
    assert sent["flags"] & MessageFlag.EPHEMERAL == 0


async def test_pins_need_a_permission(town: Town) -> None:
    sent = (await town.send({"content": "x"})).ok()
    channel = f"/channels/{sent['channel_id']}"
    (await town.bot("PUT", f"{channel}/messages/pins/{sent['id']}")).refuses(403, 50013)
    await town.control(
        "PUT", f"{channel}/overwrites", {"member": "Clapper", "allow": ["PIN_MESSAGES"]}
    )
    (await town.bot("PUT", f"{channel}/messages/pins/{sent['id']}")).ok()
    pins = (await town.bot("GET", f"{channel}/messages/pins")).ok()
    assert [item["message"]["id"] for item in pins["items"]] == [sent["id"]]
    (await town.bot("DELETE", f"{channel}/messages/pins/{sent['id']}")).ok()
    assert (await town.bot("GET", f"{channel}/messages/pins")).ok()["items"] == []


async def test_direct_messages(town: Town) -> None:
    town.listen()
    ada = town.user("Ada")
    opened = (await town.bot("POST", "/users/@me/channels", {"recipient_id": str(ada.id)})).ok()
    path = f"/channels/{opened['id']}/messages"
    (await town.bot("POST", path, {"content": "Psst"})).ok()
    assert "guild_id" not in town.heard("MESSAGE_CREATE")[0]
    (await town.control("PATCH", f"/users/{ada.id}", {"accepts_dms": False})).ok()
    (await town.bot("POST", path, {"content": "Psst"})).refuses(403, 50007)
    (await town.bot("POST", "/users/@me/channels", {})).refuses_field(
        "recipient_id", "BASE_TYPE_REQUIRED"
    )
    said = await town.post_message("Hi", user="Ada", channel="@Ada")
    (await town.bot("DELETE", f"{path}/{said['id']}")).refuses(403, 50003)
