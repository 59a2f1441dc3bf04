"""Configuring the world through the control API."""

from sandbox.discord.events import Intents
from tests.sandbox.discord.discord_harness import DiscordHarness


async def test_world_lists_everything(harness: DiscordHarness) -> None:
    world = (await harness.control("GET", "/world")).ok()
    guild = world["guilds"][0]
    assert guild["name"] == "Test Server"
    assert {c["name"]: c["kind"] for c in guild["channels"]}["ideas"] == "forum"
    names = {m["name"]: [r["name"] for r in m["roles"]] for m in guild["members"]}
    assert names == {"Ada": [], "Clapper": ["Clapper"], "Bea": ["Moderator"], "Cem": [], "Dia": []}
    assert isinstance(guild["id"], str)
    assert "SEND_MESSAGES" in guild["channels"][0]["bot_permissions"]
    assert harness.world.token not in str(world)


async def test_a_new_guild(harness: DiscordHarness) -> None:
    harness.collect_events(Intents.GUILDS)
    body = {
        "name": "Second",
        "owner": "Eve",
        "boost_tier": 2,
        "locale": "de",
        "members": ["Ada", "Finn"],
        "channels": ["lobby", {"name": "dark", "nsfw": True}],
        "system_channel": "lobby",
        "permissions": ["VIEW_CHANNEL"],
    }
    guild = (await harness.control("POST", "/guilds", body)).ok()["guild"]
    assert (guild["file_limit"], guild["locale"]) == (50 * 1024 * 1024, "de")
    heard = harness.events_named("GUILD_CREATE")[0]
    assert (heard["id"], len(heard["channels"])) == (guild["id"], 2)
    assert heard["premium_tier"] == 2
    assert heard["system_channel_id"] == heard["channels"][0]["id"]
    # although @everyone may send: the bot has the given permissions, and no others
    assert "SEND_MESSAGES" not in guild["channels"][0]["bot_permissions"]
    later = {"guild": guild["id"], "name": "later"}
    opened = (await harness.control("POST", "/channels", later)).ok()["channel"]
    assert "SEND_MESSAGES" not in opened["bot_permissions"]
    (await harness.send({"content": "x"}, where="lobby")).assert_error(403, 50013)
    more = {"permissions": ["VIEW_CHANNEL", "SEND_MESSAGES"]}
    (await harness.control("PATCH", f"/guilds/{guild['id']}", more)).ok()
    assert harness.events_named("GUILD_ROLE_UPDATE")
    (await harness.send({"content": "x"}, where="lobby")).ok()
    (await harness.send({"content": "x"}, where="later")).ok()
    ids = [int(g["id"]) >> 22 for g in (await harness.control("GET", "/world")).ok()["guilds"]]
    assert len(set(ids)) == 2
    for bad in ({"boost_tier": 4}, {"locale": "xx"}, {"name": 5}, {"permissions": ["FLY"]}):
        assert (await harness.control("POST", "/guilds", body | bad)).status == 400
    talk = {"channels": ["lobby", {"name": "talk", "kind": "voice"}], "system_channel": "talk"}
    assert (await harness.control("POST", "/guilds", body | talk)).status == 400


async def test_a_guild_has_an_icon(harness: DiscordHarness) -> None:
    guild = f"/guilds/{next(iter(harness.world.guilds))}"
    harness.collect_events(Intents.GUILDS)
    icon = "0123456789abcdef" * 2
    (await harness.control("PATCH", guild, {"icon": icon})).ok()
    assert harness.events_named("GUILD_UPDATE")[-1]["icon"] == icon
    assert (await harness.control("PATCH", guild, {"icon": "../evil"})).status == 400
    (await harness.control("PATCH", guild, {"icon": ""})).ok()
    assert harness.events_named("GUILD_UPDATE")[-1]["icon"] is None


async def test_members_and_roles(harness: DiscordHarness) -> None:
    guild = f"/guilds/{next(iter(harness.world.guilds))}"
    role = {"name": "Editor", "permissions": ["MANAGE_MESSAGES"]}
    (await harness.control("POST", f"{guild}/roles", role)).ok()
    added = await harness.control(
        "POST", f"{guild}/members", {"name": "Gil", "roles": ["Editor"], "locale": "ja"}
    )
    assert [r["name"] for r in added.ok()["member"]["roles"]] == ["Editor"]
    said = await harness.post_message("x")
    (await harness.control("DELETE", f"/messages/{said['id']}", {"user": "Gil"})).ok()
    (await harness.control("PATCH", f"{guild}/roles/Editor", {"permissions": []})).ok()
    said = await harness.post_message("x")
    (await harness.control("DELETE", f"/messages/{said['id']}", {"user": "Gil"})).assert_refused(
        403, "MANAGE_MESSAGES"
    )
    (await harness.control("POST", f"{guild}/members", {"user": "Gil", "nick": "G"})).ok()
    assert (
        harness.world.guilds[int(guild.rsplit("/", 1)[-1])].members[harness.user("Gil").id].role_ids
    )
    (
        await harness.control("POST", f"{guild}/members", {"user": "Gil", "roles": ["King"]})
    ).assert_refused(404, "King")
    able = {"user": "Hal", "permissions": ["MANAGE_MESSAGES"]}
    (await harness.control("POST", f"{guild}/members", able)).ok()
    said = await harness.post_message("x")
    (await harness.control("DELETE", f"/messages/{said['id']}", {"user": "Hal"})).ok()
    (await harness.control("DELETE", f"{guild}/members/Gil")).ok()
    (await harness.control("DELETE", f"{guild}/members/Ada")).assert_refused(409, "owner")
    body = {"user": "Gil", "channel": str(harness.channel("general").id), "content": "x"}
    (await harness.control("POST", "/messages", body)).assert_refused(403, "VIEW_CHANNEL")


async def test_channels_and_overwrites(harness: DiscordHarness) -> None:
    harness.collect_events(Intents.GUILDS)
    guild = f"/guilds/{next(iter(harness.world.guilds))}"
    hidden = {"name": "#hidden", "overwrites": [{"role": "@everyone", "deny": ["VIEW_CHANNEL"]}]}
    channel = (await harness.control("POST", f"{guild}/channels", hidden)).ok()["channel"]
    assert (channel["name"], channel["bot_permissions"]) == ("hidden", [])
    assert harness.events_named("CHANNEL_CREATE") == []
    (await harness.send({"content": "x"}, where="hidden")).assert_error(403, 50001)
    path = f"/channels/{channel['id']}"
    (await harness.control("PATCH", path, {"nsfw": True, "topic": "x"})).ok()
    (await harness.control("PUT", f"{path}/overwrites", {"role": "everyone"})).ok()
    (await harness.send({"content": "x"}, where="hidden")).ok()
    (
        await harness.control("PUT", f"{path}/overwrites", {"member": "clapper-owner"})
    ).assert_refused(400, "no member")
    text = {"name": "text", "permissions": ["VIEW_CHANNEL", "SEND_MESSAGES"]}
    made = (await harness.control("POST", f"{guild}/channels", text)).ok()["channel"]
    assert "ATTACH_FILES" not in made["bot_permissions"]
    wider = {"permissions": ["VIEW_CHANNEL", "SEND_MESSAGES", "ATTACH_FILES"]}
    wide = (await harness.control("PATCH", f"/channels/{made['id']}", wider)).ok()["channel"]
    assert "ATTACH_FILES" in wide["bot_permissions"]
    (
        await harness.control("POST", f"{guild}/channels", {"name": "x", "type": "dm"})
    ).assert_refused(400, "dm")
    (await harness.control("POST", "/channels", {"name": "x"})).assert_refused(400, "members")
    (await harness.control("DELETE", path)).ok()
    assert harness.events_named("CHANNEL_DELETE")[0]["id"] == channel["id"]
    (await harness.bot("GET", path)).assert_error(404, 10003)


async def test_each_object_can_be_queried(harness: DiscordHarness) -> None:
    said = await harness.post_message("x")
    assert (await harness.control("GET", f"/messages/{said['id']}")).ok()["content"] == "x"
    assert (await harness.control("GET", "/interactions")).ok() == []
    (await harness.control("GET", "/interactions/1")).assert_refused(404, "interaction")
    (await harness.control("GET", "/channels/nowhere/messages")).assert_refused(404, "nowhere")
    assert (await harness.control("GET", "/commands")).ok() == []
