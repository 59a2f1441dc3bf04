"""Which messages are accepted, and which are refused with which error."""

import pytest

from sandbox.discord.entities import MessageFlag
from sandbox.discord.permissions import POSTING_BOT_PERMISSIONS
from tests.sandbox.discord.discord_harness import EPHEMERAL, DiscordHarness, button, row


async def test_a_message_is_returned_as_sent(harness: DiscordHarness) -> None:
    harness.collect_events()
    sent = (await harness.send({"content": "Hello", "tts": False})).ok()
    assert sent["content"] == "Hello"
    assert sent["author"]["bot"] is True
    assert sent["timestamp"].startswith("2026-")
    path = f"/channels/{sent['channel_id']}/messages/{sent['id']}"
    assert (await harness.bot("GET", path)).ok()["content"] == "Hello"
    heard = harness.events_named("MESSAGE_CREATE")[0]
    assert (heard["id"], heard["guild_id"]) == (
        sent["id"],
        str(harness.channel("general").guild_id),
    )


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
        ({"content": "x", "sticker_ids": ["1"]}, "sticker_ids", "SANDBOX_UNSUPPORTED"),
        ({"poll": {"question": {}}}, "poll.question.text", "BASE_TYPE_REQUIRED"),
        ({"poll": {"question": {"text": "?"}}}, "poll.answers", "BASE_TYPE_REQUIRED"),
        (
            {
                "poll": {
                    "question": {"text": "?"},
                    "answers": [{"poll_media": {"text": "x" * 56}}],
                }
            },
            "poll.answers.0.poll_media.text",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            {
                "poll": {
                    "question": {"text": "?"},
                    "answers": [{"poll_media": {"text": "yes"}}],
                    "duration": 769,
                }
            },
            "poll.duration",
            "NUMBER_TYPE_MAX",
        ),
    ],
)
async def test_a_bad_body_is_refused_field_by_field(
    harness: DiscordHarness, body: dict[str, object], path: str, code: str
) -> None:
    (await harness.send(body)).assert_field_error(path, code)
    assert harness.world.visible_messages(harness.channel("general").id) == []


async def test_an_empty_message_is_refused(harness: DiscordHarness) -> None:
    (await harness.send({})).assert_error(400, 50006)
    (await harness.send({"content": "  "})).assert_error(400, 50006)


async def test_a_body_that_is_not_json_is_refused(harness: DiscordHarness) -> None:
    url = f"{harness.world.public_base}/api/v10/channels/{harness.channel('general').id}/messages"
    headers = {"Authorization": f"Bot {harness.world.token}", "Content-Type": "application/json"}
    async with harness.http.post(url, data=b"{", headers=headers) as response:
        assert (response.status, (await response.json())["code"]) == (400, 50109)
    headers["Content-Type"] = "text/plain"
    async with harness.http.post(url, data=b"{}", headers=headers) as response:
        assert (response.status, (await response.json())["code"]) == (400, 50035)


async def test_a_wrong_token_and_unknown_things_are_refused(harness: DiscordHarness) -> None:
    (await harness.bot("GET", "/users/@me", token="wrong")).assert_error(401, 0)
    (await harness.bot("GET", "/channels/1")).assert_error(404, 10003)
    (await harness.bot("GET", "/channels/x")).assert_field_error("channel_id", "NUMBER_TYPE_COERCE")
    general = harness.channel("general").id
    (await harness.bot("GET", f"/channels/{general}/messages/1")).assert_error(404, 10008)
    (await harness.send({"content": "x"}, where="ideas")).assert_error(400, 50008)


@pytest.mark.parametrize(
    ("denied", "body", "files", "code"),
    [
        ("VIEW_CHANNEL", {"content": "x"}, None, 50001),
        ("SEND_MESSAGES", {"content": "x"}, None, 50013),
        ("EMBED_LINKS", {"embeds": [{"title": "x"}]}, None, 50013),
        ("ATTACH_FILES", {}, {"a.txt": b"x"}, 50013),
    ],
)
async def test_each_permission_is_required(
    harness: DiscordHarness,
    denied: str,
    body: dict[str, object],
    files: dict[str, bytes] | None,
    code: int,
) -> None:
    (await harness.send(body, files=files)).ok()
    await harness.deny("general", denied)
    (await harness.send(body, files=files)).assert_error(403, code)


async def test_threads_need_their_own_permission(harness: DiscordHarness) -> None:
    opened = await harness.control(
        "POST", "/threads", {"user": "Ada", "channel": "general", "name": "Talk"}
    )
    thread = opened.ok()["channel"]["name"]
    await harness.deny("general", "SEND_MESSAGES")
    (await harness.send({"content": "x"}, where=thread)).ok()
    await harness.deny("general", "SEND_MESSAGES_IN_THREADS")
    (await harness.send({"content": "x"}, where=thread)).assert_error(403, 50013)


async def test_a_member_overwrite_beats_a_role_overwrite(harness: DiscordHarness) -> None:
    general = f"/channels/{harness.channel('general').id}/overwrites"
    await harness.control("PUT", general, {"role": "everyone", "deny": ["SEND_MESSAGES"]})
    (await harness.send({"content": "x"})).assert_error(403, 50013)
    await harness.control("PUT", general, {"role": "Clapper", "allow": ["SEND_MESSAGES"]})
    (await harness.send({"content": "x"})).ok()
    await harness.deny("general", "SEND_MESSAGES")
    (await harness.send({"content": "x"})).assert_error(403, 50013)


async def test_default_bot_permissions(harness: DiscordHarness) -> None:
    bot_roles = next(iter(harness.world.guilds.values())).members[harness.world.bot.id].role_ids
    roles = next(iter(harness.world.guilds.values())).roles
    assert [roles[i].permissions for i in bot_roles] == [POSTING_BOT_PERMISSIONS]


async def test_replies(harness: DiscordHarness) -> None:
    said = await harness.post_message("What now?")
    reply = (
        await harness.send({"content": "This", "message_reference": {"message_id": said["id"]}})
    ).ok()
    assert reply["type"] == 19
    assert reply["referenced_message"]["id"] == said["id"]
    assert [user["username"] for user in reply["mentions"]] == ["cem"]
    gone = {"content": "x", "message_reference": {"message_id": "1"}}
    (await harness.send(gone)).assert_field_error("message_reference", "REPLIES_UNKNOWN_MESSAGE")
    gone["message_reference"] = {"message_id": "1", "fail_if_not_exists": False}
    assert "message_reference" not in (await harness.send(gone)).ok()
    elsewhere = {"content": "x", "message_reference": {"message_id": said["id"]}}
    (await harness.send(elsewhere, where="clips")).assert_error(400, 50035)
    await harness.deny("general", "READ_MESSAGE_HISTORY")
    (await harness.send(elsewhere)).assert_error(403, 160002)


async def test_a_reply_to_a_deleted_message_shows_none(harness: DiscordHarness) -> None:
    said = await harness.post_message("Soon gone")
    body = {"content": "This", "message_reference": {"message_id": said["id"]}}
    sent = (await harness.send(body)).ok()
    (await harness.control("DELETE", f"/messages/{said['id']}?user=Cem")).ok()
    path = f"/channels/{sent['channel_id']}/messages/{sent['id']}"
    assert (await harness.bot("GET", path)).ok()["referenced_message"] is None
    (await harness.send(body)).assert_field_error("message_reference", "REPLIES_UNKNOWN_MESSAGE")


async def test_only_allowed_mentions_mention(harness: DiscordHarness) -> None:
    ada = harness.user("Ada").id
    content = f"<@{ada}> @everyone"
    assert [u["id"] for u in (await harness.send({"content": content})).ok()["mentions"]] == [
        str(ada)
    ]
    none = {"content": content, "allowed_mentions": {"parse": []}}
    assert (await harness.send(none)).ok()["mentions"] == []
    named = {"content": content, "allowed_mentions": {"users": [str(ada)]}}
    assert len((await harness.send(named)).ok()["mentions"]) == 1
    assert (await harness.send({"content": content})).ok()["mention_everyone"] is False


async def test_an_enforced_nonce_posts_once_for_a_few_minutes(harness: DiscordHarness) -> None:
    body = {"content": "Once", "nonce": "job-1", "enforce_nonce": True}
    first = (await harness.send(body)).ok()
    assert first["nonce"] == "job-1"
    harness.clock.advance(60)
    assert (await harness.send(body | {"content": "Twice"})).ok()["id"] == first["id"]
    assert (await harness.send(body, where="clips")).ok()["id"] != first["id"]
    assert (await harness.send(body | {"enforce_nonce": False})).ok()["id"] != first["id"]
    harness.clock.advance(400)
    assert (await harness.send(body)).ok()["id"] != first["id"]


async def test_an_edit_changes_only_what_it_names(harness: DiscordHarness) -> None:
    harness.collect_events()
    sent = (
        await harness.send(
            {"content": "One", "embeds": [{"title": "T"}], "components": [row(button())]}
        )
    ).ok()
    edited = (await harness.edit(sent, {"content": "Two"})).ok()
    assert (edited["content"], edited["embeds"][0]["title"]) == ("Two", "T")
    assert edited["edited_timestamp"]
    assert edited["components"]
    assert (await harness.edit(sent, {"components": [], "embeds": None})).ok()["embeds"] == []
    (await harness.edit(sent, {"content": ""})).assert_error(400, 50006)
    assert len(harness.events_named("MESSAGE_UPDATE")) == 2


async def test_only_own_messages_can_be_edited(harness: DiscordHarness) -> None:
    said = await harness.post_message("Mine")
    (await harness.edit(said, {"content": "Yours"})).assert_error(403, 50005)


async def test_deleting(harness: DiscordHarness) -> None:
    harness.collect_events()
    sent = (await harness.send({"content": "x"})).ok()
    path = f"/channels/{sent['channel_id']}/messages/{sent['id']}"
    (await harness.bot("DELETE", path)).ok()
    (await harness.bot("DELETE", path)).assert_error(404, 10008)
    (await harness.edit(sent, {"content": "y"})).assert_error(404, 10008)
    assert [e["id"] for e in harness.events_named("MESSAGE_DELETE")] == [sent["id"]]
    said = await harness.post_message("Mine")
    others = f"/channels/{said['channel_id']}/messages/{said['id']}"
    (await harness.bot("DELETE", others)).assert_error(403, 50013)
    general = f"/channels/{said['channel_id']}"
    (
        await harness.bot(
            "POST", f"{general}/messages/bulk-delete", {"messages": [said["id"], "1"]}
        )
    ).assert_error(403, 50013)
    await harness.control(
        "PUT", f"{general}/overwrites", {"member": "Clapper", "allow": ["MANAGE_MESSAGES"]}
    )
    (await harness.bot("DELETE", others)).ok()


async def test_bulk_delete(harness: DiscordHarness) -> None:
    harness.collect_events()
    general = f"/channels/{harness.channel('general').id}"
    await harness.control(
        "PUT", f"{general}/overwrites", {"member": "Clapper", "allow": ["MANAGE_MESSAGES"]}
    )
    ids = [(await harness.post_message(str(n)))["id"] for n in range(3)]
    path = f"{general}/messages/bulk-delete"
    (await harness.bot("POST", path, {"messages": ids[:1]})).assert_error(400, 50035)
    (await harness.bot("POST", path, {"messages": ids[:2]})).ok()
    assert harness.events_named("MESSAGE_DELETE_BULK")[0]["ids"] == ids[:2]
    harness.clock.advance(15 * 24 * 3600)
    (await harness.bot("POST", path, {"messages": [ids[2], ids[0]]})).assert_error(400, 50034)


async def test_history_in_windows(harness: DiscordHarness) -> None:
    ids = [(await harness.send({"content": str(n)})).ok()["id"] for n in range(6)]
    path = f"/channels/{harness.channel('general').id}/messages"

    async def listed(**query: str) -> list[int]:
        found = (await harness.bot("GET", path, query=query)).ok()
        return [int(message["content"]) for message in found]

    assert await listed() == [5, 4, 3, 2, 1, 0]
    assert await listed(limit="2") == [5, 4]
    assert await listed(before=ids[3], limit="2") == [2, 1]
    assert await listed(after=ids[1], limit="2") == [3, 2]
    assert await listed(around=ids[3], limit="3") == [4, 3, 2]
    (await harness.bot("GET", path, query={"limit": "101"})).assert_field_error(
        "limit", "NUMBER_TYPE_MAX"
    )
    (await harness.bot("GET", path, query={"limit": "0"})).assert_field_error(
        "limit", "NUMBER_TYPE_MIN"
    )
    (await harness.bot("GET", path, query={"before": ids[0], "after": ids[0]})).assert_error(
        400, 50035
    )
    await harness.deny("general", "READ_MESSAGE_HISTORY")
    assert await listed() == []
    (await harness.bot("GET", f"{path}/{ids[0]}")).assert_error(403, 50013)


async def test_an_ordinary_message_cannot_be_ephemeral(harness: DiscordHarness) -> None:
    sent = (await harness.send({"content": "x", "flags": EPHEMERAL})).ok()
    assert sent["flags"] & MessageFlag.EPHEMERAL == 0


async def test_pins_need_a_permission(harness: DiscordHarness) -> None:
    sent = (await harness.send({"content": "x"})).ok()
    channel = f"/channels/{sent['channel_id']}"
    (await harness.bot("PUT", f"{channel}/messages/pins/{sent['id']}")).assert_error(403, 50013)
    await harness.control(
        "PUT", f"{channel}/overwrites", {"member": "Clapper", "allow": ["PIN_MESSAGES"]}
    )
    (await harness.bot("PUT", f"{channel}/messages/pins/{sent['id']}")).ok()
    pins = (await harness.bot("GET", f"{channel}/messages/pins")).ok()
    assert [item["message"]["id"] for item in pins["items"]] == [sent["id"]]
    (await harness.bot("DELETE", f"{channel}/messages/pins/{sent['id']}")).ok()
    assert (await harness.bot("GET", f"{channel}/messages/pins")).ok()["items"] == []


async def test_direct_messages(harness: DiscordHarness) -> None:
    harness.collect_events()
    ada = harness.user("Ada")
    opened = (await harness.bot("POST", "/users/@me/channels", {"recipient_id": str(ada.id)})).ok()
    path = f"/channels/{opened['id']}/messages"
    (await harness.bot("POST", path, {"content": "Psst"})).ok()
    assert "guild_id" not in harness.events_named("MESSAGE_CREATE")[0]
    (await harness.control("PATCH", f"/users/{ada.id}", {"accepts_dms": False})).ok()
    (await harness.bot("POST", path, {"content": "Psst"})).assert_error(403, 50007)
    (await harness.bot("POST", "/users/@me/channels", {})).assert_field_error(
        "recipient_id", "BASE_TYPE_REQUIRED"
    )
    said = await harness.post_message("Hi", user="Ada", channel="@Ada")
    (await harness.bot("DELETE", f"{path}/{said['id']}")).assert_error(403, 50003)
