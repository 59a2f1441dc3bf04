"""Guilds, channels, threads, forums, reactions: what the REST shows, changes and refuses."""

import pytest

from sandbox.discord.entities import MessageKind
from sandbox.discord.events import ALL_INTENTS, Intents
from tests.sandbox.discord.town import Town


async def test_the_bot_looks_around(town: Town) -> None:
    guild = f"/guilds/{next(iter(town.world.guilds))}"
    assert (await town.bot("GET", "/users/@me")).ok()["bot"] is True
    application = (await town.bot("GET", "/oauth2/applications/@me")).ok()
    assert application["owner"]["username"] == "clapper-owner"
    assert (await town.bot("GET", "/applications/@me")).ok()["id"] == application["id"]
    assert (await town.bot("GET", "/gateway")).ok()["url"].startswith("ws://")
    assert (await town.bot("GET", "/gateway/bot")).ok()["shards"] == 1
    assert (await town.bot("GET", "/users/@me/guilds")).ok()[0]["name"] == "Clapper Cinema"
    assert (await town.bot("GET", guild)).ok()["preferred_locale"] == "en-US"
    counted = (await town.bot("GET", guild, query={"with_counts": "true"})).ok()
    assert counted["approximate_member_count"] == 5
    names = [c["name"] for c in (await town.bot("GET", f"{guild}/channels")).ok()]
    assert names == ["general", "clips", "showcase", "ideas", "Screening Room", "after-dark"]
    roles = (await town.bot("GET", f"{guild}/roles")).ok()
    assert [r["name"] for r in roles] == ["@everyone", "Clapper", "Moderator"]
    (await town.bot("GET", f"{guild}/roles/{roles[1]['id']}")).ok()
    (await town.bot("GET", f"{guild}/roles/1")).refuses(404, 10011)
    ada = town.user("Ada").id
    assert (await town.bot("GET", f"{guild}/members/{ada}")).ok()["user"]["username"] == "ada"
    (await town.bot("GET", f"{guild}/members/1")).refuses(404, 10013)
    (await town.bot("GET", f"{guild}/members/{town.world.app.owner_id}")).refuses(404, 10007)
    assert (await town.bot("GET", f"/users/{ada}")).ok()["global_name"] == "Ada"
    (await town.bot("GET", "/users/1")).refuses(404, 10013)
    (await town.bot("GET", "/guilds/1")).refuses(404, 10004)
    path = f"/applications/{town.world.app.id}/entitlements"
    assert (await town.bot("GET", path)).ok() == []


async def test_listing_members_needs_the_intent(town: Town) -> None:
    path = f"/guilds/{next(iter(town.world.guilds))}/members"
    (await town.bot("GET", path)).refuses(403, 50001)
    await town.control("PATCH", "/application", {"privileged_intents": ["GUILD_MEMBERS"]})
    assert len((await town.bot("GET", path, query={"limit": "1000"})).ok()) == 5


async def test_channels(town: Town) -> None:
    for name in ("general", "ideas", "Screening Room"):
        path = f"/channels/{town.channel(name).id}"
        assert (await town.bot("GET", path)).ok()["name"] == name
        (await town.bot("PATCH", path, {"topic": "x"})).refuses(403, 50013)
    (await town.send({"content": "x"}, where="Screening Room")).ok()
    assert (await town.bot("POST", f"/channels/{town.channel('general').id}/typing")).status == 204
    direct = town.world.get_direct_channel(town.user("Ada").id).id
    assert (await town.bot("GET", f"/channels/{direct}")).ok()["type"] == 1
    (await town.bot("PATCH", f"/channels/{direct}", {"name": "x"})).refuses(400, 50024)
    group = await town.control("POST", "/channels", {"name": "Us", "members": ["Ada", "Bea"]})
    (await town.bot("GET", f"/channels/{group.ok()['channel']['id']}")).refuses(403, 50001)
    general = f"/channels/{town.channel('general').id}"
    await town.control(
        "PUT", f"{general}/overwrites", {"member": "Clapper", "allow": ["MANAGE_CHANNELS"]}
    )
    assert (await town.bot("PATCH", general, {"topic": "New"})).ok()["topic"] == "New"


async def test_a_guild_the_bot_has_left(town: Town) -> None:
    town.listen()
    guild = next(iter(town.world.guilds))
    channel = town.channel("general").id
    (await town.control("PATCH", f"/guilds/{guild}", {"bot": False})).ok()
    assert town.heard("GUILD_DELETE")[0]["id"] == str(guild)
    (await town.bot("GET", f"/guilds/{guild}")).refuses(403, 50001)
    (await town.bot("GET", f"/channels/{channel}")).refuses(403, 50001)
    await town.post_message("unheard")
    assert town.heard("MESSAGE_CREATE") == []
    (await town.control("PATCH", f"/guilds/{guild}", {"bot": True})).ok()
    assert town.heard("GUILD_CREATE")[0]["member_count"] == 5
    (await town.bot("GET", f"/channels/{channel}")).ok()


async def test_guild_create_lists_what_the_session_may_see(town: Town) -> None:
    guild = next(iter(town.world.guilds))
    await town.deny("clips", "VIEW_CHANNEL")
    few = town.world.guild_create_payload(guild, Intents.GUILDS)
    assert [m["user"]["id"] for m in few["members"]] == [str(town.world.bot.id)]
    assert "clips" not in [c["name"] for c in few["channels"]]
    assert len(town.world.guild_create_payload(guild, ALL_INTENTS)["members"]) == 5


async def test_a_thread_under_a_message(town: Town) -> None:
    town.listen()
    path = f"/channels/{town.channel('general').id}/messages"
    sent = (await town.send({"content": "x"})).ok()
    start = f"{path}/{sent['id']}/threads"
    (await town.bot("POST", start, {})).refuses_field("name", "BASE_TYPE_REQUIRED")
    (await town.bot("POST", start, {"name": "x" * 101})).refuses_field(
        "name", "BASE_TYPE_BAD_LENGTH"
    )
    opened = await town.bot("POST", start, {"name": "Talk", "auto_archive_duration": 60})
    assert opened.status == 201
    assert opened.json["id"] == sent["id"]
    assert town.heard("THREAD_CREATE")[0]["newly_created"] is True
    (await town.bot("POST", start, {"name": "Again"})).refuses(400, 160004)
    posted = (await town.send({"content": "inside"}, where="Talk")).ok()
    history = (await town.bot("GET", f"/channels/{sent['id']}/messages")).ok()
    assert [m["type"] for m in history] == [MessageKind.DEFAULT, MessageKind.THREAD_STARTER]
    assert history[1]["referenced_message"]["id"] == sent["id"]
    shown = (await town.bot("GET", f"{path}/{sent['id']}")).ok()
    assert shown["thread"]["message_count"] == 1
    (await town.bot("DELETE", f"/channels/{posted['channel_id']}/messages/{posted['id']}")).ok()
    active = (await town.bot("GET", f"/guilds/{opened.json['guild_id']}/threads/active")).ok()
    assert [t["name"] for t in active["threads"]] == ["Talk"]
    thread = f"/channels/{sent['id']}"
    assert (await town.bot("GET", f"{thread}/thread-members")).ok()[0]["user_id"] == str(
        town.world.bot.id
    )
    (await town.bot("DELETE", f"{thread}/thread-members/@me")).ok()
    (await town.bot("PUT", f"{thread}/thread-members/@me")).ok()
    (await town.bot("PUT", f"/channels/{town.channel('general').id}/thread-members/@me")).refuses(
        400, 50024
    )


async def test_archived_and_locked_threads(town: Town) -> None:
    opened = await town.control(
        "POST", "/threads", {"user": "Ada", "channel": "general", "name": "Talk"}
    )
    path = f"/channels/{opened.ok()['channel']['id']}"
    (await town.control("PATCH", path, {"archived": True})).ok()
    (await town.send({"content": "wakes it"}, where="Talk")).ok()
    assert (await town.bot("GET", path)).ok()["thread_metadata"]["archived"] is False
    (await town.control("PATCH", path, {"locked": True})).ok()
    (await town.send({"content": "x"}, where="Talk")).refuses(400, 50083)
    (await town.bot("PATCH", path, {"locked": False})).refuses(403, 50013)


async def test_threads_of_their_own_and_forum_posts(town: Town) -> None:
    general = f"/channels/{town.channel('general').id}"
    alone = await town.bot("POST", f"{general}/threads", {"name": "Alone", "type": 11})
    assert alone.status == 201
    (await town.bot("PATCH", f"/channels/{alone.json['id']}", {"archived": True})).ok()
    ideas = f"/channels/{town.channel('ideas').id}/threads"
    (await town.bot("POST", ideas, {"name": "x"})).refuses_field("message", "BASE_TYPE_REQUIRED")
    (await town.bot("POST", ideas, {"name": "x", "message": {}})).refuses(400, 50006)
    post = await town.bot("POST", ideas, {"name": "Film it", "message": {"content": "A cat"}})
    assert post.status == 201
    assert post.json["message"]["id"] == post.json["id"]
    await town.deny("general", "CREATE_PUBLIC_THREADS")
    (await town.bot("POST", f"{general}/threads", {"name": "x", "type": 11})).refuses(403, 50013)
    room = town.channel("Screening Room").id
    (await town.bot("POST", f"/channels/{room}/threads", {"name": "x", "type": 11})).refuses(
        400, 50024
    )


async def test_a_forum_that_wants_tags(town: Town) -> None:
    guild = next(iter(town.world.guilds))
    body = {"name": "tagged", "type": "forum", "tags": ["One"], "tag_required": True}
    forum = (await town.control("POST", f"/guilds/{guild}/channels", body)).ok()["channel"]
    path = f"/channels/{forum['id']}/threads"
    post = {"name": "x", "message": {"content": "y"}}
    (await town.bot("POST", path, post)).refuses(400, 40067)
    post["applied_tags"] = [forum["available_tags"][0]["id"]]
    assert (await town.bot("POST", path, post)).ok()["applied_tags"] == post["applied_tags"]


async def test_a_private_thread_is_for_its_members(town: Town) -> None:
    body = {"user": "Ada", "channel": "general", "name": "Secret", "private": True}
    thread = (await town.control("POST", "/threads", body)).ok()["channel"]
    (await town.bot("GET", f"/channels/{thread['id']}")).refuses(403, 50001)
    said = {"user": "Cem", "channel": thread["id"], "content": "x"}
    (await town.control("POST", "/messages", said)).refused(403, "VIEW_CHANNEL")


async def test_reactions(town: Town) -> None:
    town.listen()
    said = await town.post_message("x")
    path = f"/channels/{said['channel_id']}/messages/{said['id']}/reactions"
    for _ in range(2):
        (await town.bot("PUT", f"{path}/🎬/@me")).ok()
    assert len(town.heard("MESSAGE_REACTION_ADD")) == 1
    (
        await town.control(
            "POST", "/reactions", {"user": "Ada", "message": said["id"], "emoji": "🎬"}
        )
    ).ok()
    users = (await town.bot("GET", f"{path}/🎬")).ok()
    assert {user["username"] for user in users} == {"clapper", "ada"}
    shown = (await town.bot("GET", path.removesuffix("/reactions"))).ok()["reactions"][0]
    assert (shown["count"], shown["me"], shown["emoji"]["name"]) == (2, True, "🎬")
    (await town.bot("PUT", f"{path}/nonsense/@me")).refuses(400, 10014)
    (await town.bot("DELETE", f"{path}/🎬/{town.user('Ada').id}")).refuses(403, 50013)
    (await town.bot("DELETE", path)).refuses(403, 50013)
    (await town.bot("DELETE", f"{path}/🎬/@me")).ok()
    (await town.bot("DELETE", f"{path}/🎬/@me")).refuses(400, 10014)
    assert town.heard("MESSAGE_REACTION_REMOVE")[0]["user_id"] == str(town.world.bot.id)
    await town.deny("general", "ADD_REACTIONS")
    (await town.bot("PUT", f"{path}/🎬/@me")).ok()
    (await town.bot("PUT", f"{path}/👍/@me")).refuses(403, 50013)
    await town.deny("general", "READ_MESSAGE_HISTORY")
    (await town.bot("PUT", f"{path}/🎬/@me")).refuses(403, 50013)


async def test_moderating_reactions(town: Town) -> None:
    said = await town.post_message("x")
    channel = f"/channels/{said['channel_id']}"
    await town.control(
        "PUT", f"{channel}/overwrites", {"member": "Clapper", "allow": ["MANAGE_MESSAGES"]}
    )
    path = f"{channel}/messages/{said['id']}/reactions"
    for emoji in ("🎬", "👍"):
        body = {"user": "Ada", "message": said["id"], "emoji": emoji}
        (await town.control("POST", "/reactions", body)).ok()
    (await town.bot("DELETE", f"{path}/🎬/{town.user('Ada').id}")).ok()
    (await town.bot("DELETE", f"{path}/👍")).ok()
    (await town.bot("DELETE", path)).ok()
    for n in range(20):
        (await town.bot("PUT", f"{path}/{chr(0x1F600 + n)}/@me")).ok()
    (await town.bot("PUT", f"{path}/👍/@me")).refuses(400, 30010)


@pytest.mark.parametrize("name", ["ada", "@Ada", "Ada"])
async def test_people_by_any_name(town: Town, name: str) -> None:
    said = await town.post_message("x", user=name)
    assert said["author"]["username"] == "ada"


async def test_a_mention_brings_the_bot_into_a_private_thread(town: Town) -> None:
    body = {"user": "Ada", "channel": "general", "name": "Ours", "private": True}
    thread = (await town.control("POST", "/threads", body)).ok()["channel"]["id"]
    path = f"/channels/{thread}/messages"
    (await town.bot("POST", path, {"content": "x"})).refuses(403, 50001)
    town.listen()
    said = {"user": "Ada", "channel": thread, "content": f"<@{town.world.bot.id}> come in"}
    (await town.control("POST", "/messages", said)).ok()
    assert [told["id"] for told in town.heard("THREAD_CREATE")] == [thread]
    (await town.bot("POST", path, {"content": "x"})).ok()


async def test_a_sleeping_thread_takes_new_messages_but_no_edits(town: Town) -> None:
    body = {"user": "Ada", "channel": "general", "name": "Sleepy"}
    thread = (await town.control("POST", "/threads", body)).ok()["channel"]["id"]
    path = f"/channels/{thread}/messages"
    message = (await town.bot("POST", path, {"content": "x"})).ok()
    (await town.control("PATCH", f"/channels/{thread}", {"archived": True})).ok()
    one = f"{path}/{message['id']}"
    (await town.bot("PATCH", one, {"content": "y"})).refuses(400, 50083)
    (await town.bot("POST", path, {"content": "z"})).ok()  # which wakes it
    (await town.bot("PATCH", one, {"content": "y"})).ok()
