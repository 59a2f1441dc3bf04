"""Guilds, channels, threads, forums and reactions in the REST API."""

from typing import Any

import pytest

from sandbox.discord.entities import MessageKind
from sandbox.discord.events import ALL_INTENTS, Intents
from tests.sandbox.discord.discord_harness import DiscordHarness


async def test_bot_reads_guilds_roles_and_members(harness: DiscordHarness) -> None:
    guild = f"/guilds/{next(iter(harness.world.guilds))}"
    assert (await harness.bot("GET", "/users/@me")).ok()["bot"] is True
    application = (await harness.bot("GET", "/oauth2/applications/@me")).ok()
    assert application["owner"]["username"] == "clapper-owner"
    assert (await harness.bot("GET", "/applications/@me")).ok()["id"] == application["id"]
    assert (await harness.bot("GET", "/gateway")).ok()["url"].startswith("ws://")
    assert (await harness.bot("GET", "/gateway/bot")).ok()["shards"] == 1
    assert (await harness.bot("GET", "/users/@me/guilds")).ok()[0]["name"] == "Test Server"
    assert (await harness.bot("GET", guild)).ok()["preferred_locale"] == "en-US"
    counted = (await harness.bot("GET", guild, query={"with_counts": "true"})).ok()
    assert counted["approximate_member_count"] == 5
    names = [c["name"] for c in (await harness.bot("GET", f"{guild}/channels")).ok()]
    assert names == ["general", "clips", "showcase", "ideas", "Screening Room", "after-dark"]
    roles = (await harness.bot("GET", f"{guild}/roles")).ok()
    assert [r["name"] for r in roles] == ["@everyone", "Clapper", "Moderator"]
    (await harness.bot("GET", f"{guild}/roles/{roles[1]['id']}")).ok()
    (await harness.bot("GET", f"{guild}/roles/1")).assert_error(404, 10011)
    ada = harness.user("Ada").id
    assert (await harness.bot("GET", f"{guild}/members/{ada}")).ok()["user"]["username"] == "ada"
    (await harness.bot("GET", f"{guild}/members/1")).assert_error(404, 10013)
    (await harness.bot("GET", f"{guild}/members/{harness.world.app.owner_id}")).assert_error(
        404, 10007
    )
    assert (await harness.bot("GET", f"/users/{ada}")).ok()["global_name"] == "Ada"
    (await harness.bot("GET", "/users/1")).assert_error(404, 10013)
    (await harness.bot("GET", "/guilds/1")).assert_error(404, 10004)
    path = f"/applications/{harness.world.app.id}/entitlements"
    assert (await harness.bot("GET", path)).ok() == []


async def test_an_application_is_what_its_portal_says(harness: DiscordHarness) -> None:
    async def read() -> dict[str, Any]:
        application: dict[str, Any] = (await harness.bot("GET", "/applications/@me")).ok()
        return application

    before = await read()
    assert (before["bot_public"], before["bot_require_code_grant"]) == (True, False)
    assert "terms_of_service_url" not in before
    install = {"oauth2_install_params": {"scopes": ["bot"], "permissions": "2048"}}
    changes = {
        "public": False,
        "requires_code_grant": True,
        "install_contexts": {"0": install},
        "terms_of_service_url": "https://clips.example/terms",
        "privileged_intents": ["MESSAGE_CONTENT"],
    }
    (await harness.control("PATCH", "/application", changes)).ok()
    after = await read()
    assert (after["bot_public"], after["bot_require_code_grant"]) == (False, True)
    assert after["integration_types_config"] == {"0": install}
    assert after["terms_of_service_url"] == "https://clips.example/terms"
    assert after["flags"] & (1 << 19)
    (await harness.control("PATCH", "/application", {"terms_of_service_url": ""})).ok()
    last = await read()
    assert "terms_of_service_url" not in last
    assert last["flags"] == after["flags"], "what is not named stays"
    refusals: list[dict[str, Any]] = [{"2": {}}, {"0": {"oauth2_install_params": {"scopes": []}}}]
    for wrong in refusals:
        refused = await harness.control("PATCH", "/application", {"install_contexts": wrong})
        refused.assert_refused(400, "install_contexts")


async def test_listing_members_needs_the_intent(harness: DiscordHarness) -> None:
    path = f"/guilds/{next(iter(harness.world.guilds))}/members"
    (await harness.bot("GET", path)).assert_error(403, 50001)
    await harness.control("PATCH", "/application", {"privileged_intents": ["GUILD_MEMBERS"]})
    assert len((await harness.bot("GET", path, query={"limit": "1000"})).ok()) == 5


async def test_channels(harness: DiscordHarness) -> None:
    for name in ("general", "ideas", "Screening Room"):
        path = f"/channels/{harness.channel(name).id}"
        assert (await harness.bot("GET", path)).ok()["name"] == name
        (await harness.bot("PATCH", path, {"topic": "x"})).assert_error(403, 50013)
    (await harness.send({"content": "x"}, where="Screening Room")).ok()
    assert (
        await harness.bot("POST", f"/channels/{harness.channel('general').id}/typing")
    ).status == 204
    direct = harness.world.get_direct_channel(harness.user("Ada").id).id
    assert (await harness.bot("GET", f"/channels/{direct}")).ok()["type"] == 1
    (await harness.bot("PATCH", f"/channels/{direct}", {"name": "x"})).assert_error(400, 50024)
    group = await harness.control("POST", "/channels", {"name": "Us", "members": ["Ada", "Bea"]})
    (await harness.bot("GET", f"/channels/{group.ok()['channel']['id']}")).assert_error(403, 50001)
    general = f"/channels/{harness.channel('general').id}"
    await harness.control(
        "PUT", f"{general}/overwrites", {"member": "Clapper", "allow": ["MANAGE_CHANNELS"]}
    )
    assert (await harness.bot("PATCH", general, {"topic": "New"})).ok()["topic"] == "New"


async def test_a_guild_the_bot_has_left(harness: DiscordHarness) -> None:
    harness.collect_events()
    guild = next(iter(harness.world.guilds))
    channel = harness.channel("general").id
    (await harness.control("PATCH", f"/guilds/{guild}", {"bot": False})).ok()
    assert harness.events_named("GUILD_DELETE")[0]["id"] == str(guild)
    (await harness.bot("GET", f"/guilds/{guild}")).assert_error(403, 50001)
    (await harness.bot("GET", f"/channels/{channel}")).assert_error(403, 50001)
    await harness.post_message("unheard")
    assert harness.events_named("MESSAGE_CREATE") == []
    (await harness.control("PATCH", f"/guilds/{guild}", {"bot": True})).ok()
    assert harness.events_named("GUILD_CREATE")[0]["member_count"] == 5
    (await harness.bot("GET", f"/channels/{channel}")).ok()


async def test_guild_create_lists_what_the_session_may_see(harness: DiscordHarness) -> None:
    guild = next(iter(harness.world.guilds))
    await harness.deny("clips", "VIEW_CHANNEL")
    few = harness.world.guild_create_payload(guild, Intents.GUILDS)
    assert [m["user"]["id"] for m in few["members"]] == [str(harness.world.bot.id)]
    assert "clips" not in [c["name"] for c in few["channels"]]
    assert len(harness.world.guild_create_payload(guild, ALL_INTENTS)["members"]) == 5


async def test_a_thread_under_a_message(harness: DiscordHarness) -> None:
    """Discord posts two messages about it, as the member who opened it. [discord-S3]"""
    harness.collect_events()
    path = f"/channels/{harness.channel('general').id}/messages"
    sent = (await harness.send({"content": "x"})).ok()
    start = f"{path}/{sent['id']}/threads"
    (await harness.bot("POST", start, {})).assert_field_error("name", "BASE_TYPE_REQUIRED")
    (await harness.bot("POST", start, {"name": "x" * 101})).assert_field_error(
        "name", "BASE_TYPE_BAD_LENGTH"
    )
    opened = await harness.bot("POST", start, {"name": "Talk", "auto_archive_duration": 60})
    assert opened.status == 201
    assert opened.json["id"] == sent["id"]
    assert harness.events_named("THREAD_CREATE")[0]["newly_created"] is True
    (await harness.bot("POST", start, {"name": "Again"})).assert_error(400, 160004)
    posted = (await harness.send({"content": "inside"}, where="Talk")).ok()
    history = (await harness.bot("GET", f"/channels/{sent['id']}/messages")).ok()
    assert [m["type"] for m in history] == [MessageKind.DEFAULT, MessageKind.THREAD_STARTER]
    assert history[1]["referenced_message"]["id"] == sent["id"]
    parent = (await harness.bot("GET", path)).ok()
    assert (parent[0]["type"], parent[0]["content"]) == (MessageKind.THREAD_CREATED, "Talk")
    assert parent[0]["message_reference"]["channel_id"] == sent["id"]
    kinds = [event["type"] for event in harness.events_named("MESSAGE_CREATE")]
    assert {MessageKind.THREAD_CREATED, MessageKind.THREAD_STARTER} <= set(kinds)
    shown = (await harness.bot("GET", f"{path}/{sent['id']}")).ok()
    assert shown["thread"]["message_count"] == 1
    (await harness.bot("DELETE", f"/channels/{posted['channel_id']}/messages/{posted['id']}")).ok()
    active = (await harness.bot("GET", f"/guilds/{opened.json['guild_id']}/threads/active")).ok()
    assert [t["name"] for t in active["threads"]] == ["Talk"]
    thread = f"/channels/{sent['id']}"
    assert (await harness.bot("GET", f"{thread}/thread-members")).ok()[0]["user_id"] == str(
        harness.world.bot.id
    )
    (await harness.bot("DELETE", f"{thread}/thread-members/@me")).ok()
    (await harness.bot("PUT", f"{thread}/thread-members/@me")).ok()
    (
        await harness.bot("PUT", f"/channels/{harness.channel('general').id}/thread-members/@me")
    ).assert_error(400, 50024)


async def test_archived_and_locked_threads(harness: DiscordHarness) -> None:
    opened = await harness.control(
        "POST", "/threads", {"user": "Ada", "channel": "general", "name": "Talk"}
    )
    path = f"/channels/{opened.ok()['channel']['id']}"
    (await harness.control("PATCH", path, {"archived": True})).ok()
    (await harness.send({"content": "wakes it"}, where="Talk")).ok()
    assert (await harness.bot("GET", path)).ok()["thread_metadata"]["archived"] is False
    (await harness.control("PATCH", path, {"locked": True})).ok()
    (await harness.send({"content": "x"}, where="Talk")).assert_error(400, 50083)
    (await harness.bot("PATCH", path, {"locked": False})).assert_error(403, 50013)


async def test_threads_of_their_own_and_forum_posts(harness: DiscordHarness) -> None:
    general = f"/channels/{harness.channel('general').id}"
    alone = await harness.bot("POST", f"{general}/threads", {"name": "Alone", "type": 11})
    assert alone.status == 201
    (await harness.bot("PATCH", f"/channels/{alone.json['id']}", {"archived": True})).ok()
    ideas = f"/channels/{harness.channel('ideas').id}/threads"
    (await harness.bot("POST", ideas, {"name": "x"})).assert_field_error(
        "message", "BASE_TYPE_REQUIRED"
    )
    (await harness.bot("POST", ideas, {"name": "x", "message": {}})).assert_error(400, 50006)
    post = await harness.bot("POST", ideas, {"name": "Film it", "message": {"content": "A cat"}})
    assert post.status == 201
    assert post.json["message"]["id"] == post.json["id"]
    await harness.deny("general", "CREATE_PUBLIC_THREADS")
    (await harness.bot("POST", f"{general}/threads", {"name": "x", "type": 11})).assert_error(
        403, 50013
    )
    room = harness.channel("Screening Room").id
    (
        await harness.bot("POST", f"/channels/{room}/threads", {"name": "x", "type": 11})
    ).assert_error(400, 50024)


async def test_a_forum_can_require_tags(harness: DiscordHarness) -> None:
    guild = next(iter(harness.world.guilds))
    body = {"name": "tagged", "type": "forum", "tags": ["One"], "tag_required": True}
    forum = (await harness.control("POST", f"/guilds/{guild}/channels", body)).ok()["channel"]
    path = f"/channels/{forum['id']}/threads"
    post = {"name": "x", "message": {"content": "y"}}
    (await harness.bot("POST", path, post)).assert_error(400, 40067)
    post["applied_tags"] = [forum["available_tags"][0]["id"]]
    assert (await harness.bot("POST", path, post)).ok()["applied_tags"] == post["applied_tags"]


async def test_a_private_thread_is_visible_to_its_members_only(harness: DiscordHarness) -> None:
    body = {"user": "Ada", "channel": "general", "name": "Secret", "private": True}
    thread = (await harness.control("POST", "/threads", body)).ok()["channel"]
    (await harness.bot("GET", f"/channels/{thread['id']}")).assert_error(403, 50001)
    said = {"user": "Cem", "channel": thread["id"], "content": "x"}
    (await harness.control("POST", "/messages", said)).assert_refused(403, "VIEW_CHANNEL")


async def test_reactions(harness: DiscordHarness) -> None:
    harness.collect_events()
    said = await harness.post_message("x")
    path = f"/channels/{said['channel_id']}/messages/{said['id']}/reactions"
    for _ in range(2):
        (await harness.bot("PUT", f"{path}/🎬/@me")).ok()
    assert len(harness.events_named("MESSAGE_REACTION_ADD")) == 1
    (
        await harness.control(
            "POST", "/reactions", {"user": "Ada", "message": said["id"], "emoji": "🎬"}
        )
    ).ok()
    users = (await harness.bot("GET", f"{path}/🎬")).ok()
    assert {user["username"] for user in users} == {"clapper", "ada"}
    shown = (await harness.bot("GET", path.removesuffix("/reactions"))).ok()["reactions"][0]
    assert (shown["count"], shown["me"], shown["emoji"]["name"]) == (2, True, "🎬")
    (await harness.bot("PUT", f"{path}/nonsense/@me")).assert_error(400, 10014)
    (await harness.bot("DELETE", f"{path}/🎬/{harness.user('Ada').id}")).assert_error(403, 50013)
    (await harness.bot("DELETE", path)).assert_error(403, 50013)
    (await harness.bot("DELETE", f"{path}/🎬/@me")).ok()
    (await harness.bot("DELETE", f"{path}/🎬/@me")).assert_error(400, 10014)
    assert harness.events_named("MESSAGE_REACTION_REMOVE")[0]["user_id"] == str(
        harness.world.bot.id
    )
    await harness.deny("general", "ADD_REACTIONS")
    (await harness.bot("PUT", f"{path}/🎬/@me")).ok()
    (await harness.bot("PUT", f"{path}/👍/@me")).assert_error(403, 50013)
    await harness.deny("general", "READ_MESSAGE_HISTORY")
    (await harness.bot("PUT", f"{path}/🎬/@me")).assert_error(403, 50013)


async def test_moderating_reactions(harness: DiscordHarness) -> None:
    said = await harness.post_message("x")
    channel = f"/channels/{said['channel_id']}"
    await harness.control(
        "PUT", f"{channel}/overwrites", {"member": "Clapper", "allow": ["MANAGE_MESSAGES"]}
    )
    path = f"{channel}/messages/{said['id']}/reactions"
    for emoji in ("🎬", "👍"):
        body = {"user": "Ada", "message": said["id"], "emoji": emoji}
        (await harness.control("POST", "/reactions", body)).ok()
    (await harness.bot("DELETE", f"{path}/🎬/{harness.user('Ada').id}")).ok()
    (await harness.bot("DELETE", f"{path}/👍")).ok()
    (await harness.bot("DELETE", path)).ok()
    for n in range(20):
        (await harness.bot("PUT", f"{path}/{chr(0x1F600 + n)}/@me")).ok()
    (await harness.bot("PUT", f"{path}/👍/@me")).assert_error(400, 30010)


@pytest.mark.parametrize("name", ["ada", "@Ada", "Ada"])
async def test_people_are_found_by_any_name(harness: DiscordHarness, name: str) -> None:
    said = await harness.post_message("x", user=name)
    assert said["author"]["username"] == "ada"


async def test_a_mention_adds_the_bot_to_a_private_thread(harness: DiscordHarness) -> None:
    body = {"user": "Ada", "channel": "general", "name": "Ours", "private": True}
    thread = (await harness.control("POST", "/threads", body)).ok()["channel"]["id"]
    path = f"/channels/{thread}/messages"
    (await harness.bot("POST", path, {"content": "x"})).assert_error(403, 50001)
    harness.collect_events()
    said = {"user": "Ada", "channel": thread, "content": f"<@{harness.world.bot.id}> come in"}
    (await harness.control("POST", "/messages", said)).ok()
    assert [told["id"] for told in harness.events_named("THREAD_CREATE")] == [thread]
    (await harness.bot("POST", path, {"content": "x"})).ok()


async def test_an_archived_thread_takes_new_messages_but_no_edits(harness: DiscordHarness) -> None:
    body = {"user": "Ada", "channel": "general", "name": "Sleepy"}
    thread = (await harness.control("POST", "/threads", body)).ok()["channel"]["id"]
    path = f"/channels/{thread}/messages"
    message = (await harness.bot("POST", path, {"content": "x"})).ok()
    (await harness.control("PATCH", f"/channels/{thread}", {"archived": True})).ok()
    one = f"{path}/{message['id']}"
    (await harness.bot("PATCH", one, {"content": "y"})).assert_error(400, 50083)
    (await harness.bot("POST", path, {"content": "z"})).ok()  # which wakes it
    (await harness.bot("PATCH", one, {"content": "y"})).ok()
