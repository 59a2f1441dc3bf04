"""Polls, stickers, forwards and other messages by people, bots and webhooks. [discord-S10]"""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.discord.discord_harness import DiscordHarness


@pytest.fixture
def seen(harness: DiscordHarness) -> DiscordHarness:
    harness.collect_events()
    return harness


async def test_a_poll(seen: DiscordHarness) -> None:
    """A poll without an end has ``expiry: null``. [discord-S10]"""
    asked = {"question": "Which?", "answers": ["a", "b"]}
    await seen.post_message("", poll=asked)
    await seen.post_message("", poll=asked | {"expires": False})
    with_end, without = (event["poll"] for event in seen.events_named("MESSAGE_CREATE"))
    assert with_end["expiry"] is not None
    assert without["expiry"] is None
    assert [answer["poll_media"]["text"] for answer in without["answers"]] == ["a", "b"]
    asked["answers"] = []
    body = {"user": "Cem", "channel": "#general", "poll": asked}
    (await seen.control("POST", "/messages", body)).assert_refused(400, "answers")


async def test_stickers_and_a_voice_message(seen: DiscordHarness) -> None:
    """[discord-S10]"""
    sound = seen.directory / "voice-message.ogg"
    sound.write_bytes(b"OggS")
    await seen.post_message("", stickers=["Wave"])
    await seen.post_message("", attachments=[str(sound)], voice=True)
    sticker, voice = seen.events_named("MESSAGE_CREATE")
    assert [item["name"] for item in sticker["sticker_items"]] == ["Wave"]
    assert voice["flags"] & 1 << 13
    assert voice["attachments"][0]["duration_secs"] > 0
    body: dict[str, Any] = {"user": "Cem", "channel": "#general", "voice": True, "content": "x"}
    (await seen.control("POST", "/messages", body)).assert_refused(400, "one file")


async def test_a_forward_is_a_snapshot(seen: DiscordHarness) -> None:
    """It keeps the message's content and refers to it without being a reply. [discord-S10]"""
    original = await seen.post_message("first words", attachments=[seen.create_image()])
    forward = await seen.post_message("", forward=original["id"], channel="#clips")
    body = {"user": "Cem", "content": "other words"}
    (await seen.control("PATCH", f"/messages/{original['id']}", body)).ok()
    (shown,) = (await seen.bot("GET", f"/channels/{seen.channel('clips').id}/messages")).ok()
    assert shown["id"] == forward["id"]
    assert (shown["type"], shown["message_reference"]["type"]) == (0, 1)
    assert "referenced_message" not in shown
    event = seen.events_named("MESSAGE_CREATE")[-1]
    (snapshot,) = event["message_snapshots"]
    assert snapshot["message"]["content"] == "first words"
    assert len(snapshot["message"]["attachments"]) == 1
    assert event["flags"] & 1 << 14


async def test_a_bot_sends_a_poll(seen: DiscordHarness) -> None:
    """It may be the whole message. [discord-S10]"""
    yes = {"poll_media": {"text": "Yes", "emoji": {"name": "👍"}}}
    asked = {"question": {"text": "Shall we?"}, "answers": [yes], "allow_multiselect": True}
    poll = (await seen.send({"poll": asked | {"duration": 2}})).ok()["poll"]
    assert poll["question"] == {"text": "Shall we?"}
    media = {"text": "Yes", "emoji": {"id": None, "name": "👍"}}
    assert poll["answers"] == [{"answer_id": 1, "poll_media": media}]
    assert poll["allow_multiselect"]
    left = datetime.fromisoformat(poll["expiry"]).timestamp() - seen.clock.now()
    assert left == pytest.approx(2 * 3600, abs=60)
    v2 = {"poll": asked, "flags": 1 << 15, "components": [{"type": 10, "content": "x"}]}
    code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
    (await seen.send(v2)).assert_field_error("poll", code)


async def test_a_bot_forwards_what_it_can_read(seen: DiscordHarness) -> None:
    """[discord-S10]"""
    original = await seen.post_message("first words")
    asked = {"question": "Which?", "answers": ["a", "b"]}
    poll = await seen.post_message("", poll=asked)
    general = str(seen.channel("general").id)

    def refer_to(message: str) -> dict[str, Any]:
        reference = {"type": 1, "message_id": message, "channel_id": general}
        return {"message_reference": reference}

    sent = (await seen.send(refer_to(original["id"]), where="clips")).ok()
    assert sent["message_reference"]["message_id"] == original["id"]
    (snapshot,) = sent["message_snapshots"]
    assert snapshot["message"]["content"] == "first words"
    for message, code in (("1", "REPLIES_UNKNOWN_MESSAGE"), (poll["id"], "SANDBOX_CANNOT_FORWARD")):
        refused = await seen.send(refer_to(message), where="clips")
        refused.assert_field_error("message_reference", code)
    no_channel = {"message_reference": {"type": 1, "message_id": original["id"]}}
    refused = await seen.send(no_channel, where="clips")
    refused.assert_field_error("message_reference.channel_id", "BASE_TYPE_REQUIRED")


@pytest.mark.parametrize("kind", ["bot", "webhook"])
async def test_other_bots_and_webhooks_post(seen: DiscordHarness, kind: str) -> None:
    """A webhook is a member of nothing and may post anywhere; neither uses commands.

    [discord-S10]
    """
    (await seen.control("POST", "/users", {"name": "Newsreader", "kind": kind})).ok()
    if kind == "bot":
        member = {"guild": "Test Server", "user": "Newsreader"}
        (await seen.control("POST", "/members", member)).ok()
    await seen.post_message("The news", user="Newsreader")
    (event,) = seen.events_named("MESSAGE_CREATE")
    assert event["author"]["bot"] is True
    assert ("webhook_id" in event, "member" in event) == (kind == "webhook", kind == "bot")
    body = {"user": "Newsreader", "channel": "#general", "command": "ping"}
    (await seen.control("POST", "/commands", body)).assert_refused(400, "only people")
    body = {"user": "Clapper", "channel": "#general", "content": "x"}
    (await seen.control("POST", "/messages", body)).assert_refused(400, "by itself")


@pytest.mark.parametrize("who", ["Cem", "Clapper"])
async def test_a_time_out_takes_the_permission_to_speak(seen: DiscordHarness, who: str) -> None:
    """Until it ends; the bot is told about its own time-out. [discord-S10, discord-S4]"""
    member = {"guild": "Test Server", "user": who, "timed_out_s": 600}
    (await seen.control("POST", "/members", member)).ok()
    event = seen.events_named("GUILD_MEMBER_UPDATE")[-1]
    assert event["communication_disabled_until"]

    async def post() -> int:
        if who == "Clapper":
            return (await seen.send({"content": "hello"})).status
        body = {"user": who, "channel": "#general", "content": "hello"}
        return (await seen.control("POST", "/messages", body)).status

    assert await post() == 403
    seen.clock.advance(600)
    assert await post() == 200


async def test_a_media_channel_takes_posts(seen: DiscordHarness, tmp_path: Path) -> None:
    """[discord-S10]"""
    channel = {"guild": "Test Server", "name": "films", "kind": "media"}
    (await seen.control("POST", "/channels", channel)).ok()
    body: dict[str, Any] = {"user": "Cem", "channel": "#films", "content": "x"}
    (await seen.control("POST", "/messages", body)).assert_refused(409, "posts")
    thread = (await seen.control("POST", "/threads", body | {"name": "A film"})).ok()["channel"]
    assert thread["parent_id"] == str(seen.channel("films").id)
    (await seen.send({"content": "x"}, where="films")).assert_error(400, 50008)


async def test_a_stage_channel_has_a_bitrate(seen: DiscordHarness) -> None:
    """[discord-S1]"""
    channel = {"guild": "Test Server", "name": "talks", "kind": "stage"}
    (await seen.control("POST", "/channels", channel)).ok()
    (event,) = seen.events_named("CHANNEL_CREATE")
    assert {"bitrate", "user_limit", "rtc_region"} <= event.keys()


async def test_a_deleted_message_keeps_its_nonce(seen: DiscordHarness) -> None:
    """Discord still finds the nonce and answers that there is no such message. [discord-S2]"""
    body = {"content": "x", "nonce": "n1", "enforce_nonce": True}
    first = (await seen.send(body)).ok()
    (await seen.bot("DELETE", f"/channels/{first['channel_id']}/messages/{first['id']}")).ok()
    (await seen.send(body)).assert_error(404, 10008)
    seen.clock.advance(301)
    assert (await seen.send(body)).ok()["id"] != first["id"]


async def test_nitro_raises_the_limit_of_responses_only(seen: DiscordHarness) -> None:
    """[discord-S5]"""
    await seen.register({"name": "ping", "description": "Answers"})
    (await seen.control("PATCH", f"/users/{seen.user('Cem').id}", {"nitro": True})).ok()
    interaction = await seen.command("ping")
    assert interaction.payload["attachment_size_limit"] == 500 << 20
    large = {"large.bin": bytes((20 << 20) + 1)}
    (await seen.respond(interaction, 4, {"content": "x"}, files=large)).ok()
    (await seen.send({"content": "x"}, files=large)).assert_error(413, 40005)


async def test_half_a_surrogate_pair_is_refused(seen: DiscordHarness) -> None:
    """Discord's texts never contain one, but they may contain U+0000. [discord-S8]"""
    body = {"user": "Cem", "channel": "#general", "content": "a\ud800b"}
    (await seen.control("POST", "/messages", body)).assert_refused(400, "surrogate")
    await seen.post_message("a\0b")
    (event,) = seen.events_named("MESSAGE_CREATE")
    assert event["content"] == "a\0b"
