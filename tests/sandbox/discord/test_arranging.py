"""Arranging the world through the control API."""

from sandbox.discord.events import Intents
from tests.sandbox.discord.town import Town


async def test_world_lists_everything(town: Town) -> None:
    world = (await town.control("GET", "/world")).ok()
    guild = world["guilds"][0]
    assert guild["name"] == "Clapper Cinema"
    assert {c["name"]: c["kind"] for c in guild["channels"]}["ideas"] == "forum"
    names = {m["name"]: [r["name"] for r in m["roles"]] for m in guild["members"]}
    assert names == {"Ada": [], "Clapper": ["Clapper"], "Bea": ["Moderator"], "Cem": [], "Dia": []}
    assert isinstance(guild["id"], str)
    assert "SEND_MESSAGES" in guild["channels"][0]["bot_permissions"]
    assert town.world.token not in str(world)


async def test_a_new_guild(town: Town) -> None:
    town.listen(Intents.GUILDS)
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
    guild = (await town.control("POST", "/guilds", body)).ok()["guild"]
    assert (guild["file_limit"], guild["locale"]) == (50 * 1024 * 1024, "de")
    heard = town.heard("GUILD_CREATE")[0]
    assert (heard["id"], len(heard["channels"])) == (guild["id"], 2)
    assert heard["premium_tier"] == 2
    assert heard["system_channel_id"] == heard["channels"][0]["id"]
    # although @everyone may send: the bot has what was said, and nothing else
    assert "SEND_MESSAGES" not in guild["channels"][0]["bot_permissions"]
    later = {"guild": guild["id"], "name": "later"}
    opened = (await town.control("POST", "/channels", later)).ok()["channel"]
    assert "SEND_MESSAGES" not in opened["bot_permissions"]
    (await town.send({"content": "x"}, where="lobby")).refuses(403, 50013)
    more = {"permissions": ["VIEW_CHANNEL", "SEND_MESSAGES"]}
    (await town.control("PATCH", f"/guilds/{guild['id']}", more)).ok()
    assert town.heard("GUILD_ROLE_UPDATE")
    (await town.send({"content": "x"}, where="lobby")).ok()
    (await town.send({"content": "x"}, where="later")).ok()
    ids = [int(g["id"]) >> 22 for g in (await town.control("GET", "/world")).ok()["guilds"]]
    assert len(set(ids)) == 2
    for bad in ({"boost_tier": 4}, {"locale": "xx"}, {"name": 5}, {"permissions": ["FLY"]}):
        assert (await town.control("POST", "/guilds", body | bad)).status == 400
    talk = {"channels": ["lobby", {"name": "talk", "kind": "voice"}], "system_channel": "talk"}
    assert (await town.control("POST", "/guilds", body | talk)).status == 400


async def test_members_and_roles(town: Town) -> None:
    guild = f"/guilds/{next(iter(town.world.guilds))}"
    role = {"name": "Editor", "permissions": ["MANAGE_MESSAGES"]}
    (await town.control("POST", f"{guild}/roles", role)).ok()
    added = await town.control(
        "POST", f"{guild}/members", {"name": "Gil", "roles": ["Editor"], "locale": "ja"}
    )
    assert [r["name"] for r in added.ok()["member"]["roles"]] == ["Editor"]
    said = await town.post_message("x")
    (await town.control("DELETE", f"/messages/{said['id']}", {"user": "Gil"})).ok()
    (await town.control("PATCH", f"{guild}/roles/Editor", {"permissions": []})).ok()
    said = await town.post_message("x")
    (await town.control("DELETE", f"/messages/{said['id']}", {"user": "Gil"})).refused(
        403, "MANAGE_MESSAGES"
    )
    (await town.control("POST", f"{guild}/members", {"user": "Gil", "nick": "G"})).ok()
    assert town.world.guilds[int(guild.rsplit("/", 1)[-1])].members[town.user("Gil").id].role_ids
    (await town.control("POST", f"{guild}/members", {"user": "Gil", "roles": ["King"]})).refused(
        404, "King"
    )
    able = {"user": "Hal", "permissions": ["MANAGE_MESSAGES"]}
    (await town.control("POST", f"{guild}/members", able)).ok()
    said = await town.post_message("x")
    (await town.control("DELETE", f"/messages/{said['id']}", {"user": "Hal"})).ok()
    (await town.control("DELETE", f"{guild}/members/Gil")).ok()
    (await town.control("DELETE", f"{guild}/members/Ada")).refused(409, "owner")
    body = {"user": "Gil", "channel": str(town.channel("general").id), "content": "x"}
    (await town.control("POST", "/messages", body)).refused(403, "VIEW_CHANNEL")


async def test_channels_and_overwrites(town: Town) -> None:
    town.listen(Intents.GUILDS)
    guild = f"/guilds/{next(iter(town.world.guilds))}"
    hidden = {"name": "#hidden", "overwrites": [{"role": "@everyone", "deny": ["VIEW_CHANNEL"]}]}
    channel = (await town.control("POST", f"{guild}/channels", hidden)).ok()["channel"]
    assert (channel["name"], channel["bot_permissions"]) == ("hidden", [])
    assert town.heard("CHANNEL_CREATE") == []
    (await town.send({"content": "x"}, where="hidden")).refuses(403, 50001)
    path = f"/channels/{channel['id']}"
    (await town.control("PATCH", path, {"nsfw": True, "topic": "x"})).ok()
    (await town.control("PUT", f"{path}/overwrites", {"role": "everyone"})).ok()
    (await town.send({"content": "x"}, where="hidden")).ok()
    (await town.control("PUT", f"{path}/overwrites", {"member": "clapper-owner"})).refused(
        400, "no member"
    )
    text = {"name": "text", "permissions": ["VIEW_CHANNEL", "SEND_MESSAGES"]}
    made = (await town.control("POST", f"{guild}/channels", text)).ok()["channel"]
    assert "ATTACH_FILES" not in made["bot_permissions"]
    wider = {"permissions": ["VIEW_CHANNEL", "SEND_MESSAGES", "ATTACH_FILES"]}
    wide = (await town.control("PATCH", f"/channels/{made['id']}", wider)).ok()["channel"]
    assert "ATTACH_FILES" in wide["bot_permissions"]
    (await town.control("POST", f"{guild}/channels", {"name": "x", "type": "dm"})).refused(
        400, "dm"
    )
    (await town.control("POST", "/channels", {"name": "x"})).refused(400, "members")
    (await town.control("DELETE", path)).ok()
    assert town.heard("CHANNEL_DELETE")[0]["id"] == channel["id"]
    (await town.bot("GET", path)).refuses(404, 10003)


async def test_objects_are_listed_individually(town: Town) -> None:
    said = await town.post_message("x")
    assert (await town.control("GET", f"/messages/{said['id']}")).ok()["content"] == "x"
    assert (await town.control("GET", "/interactions")).ok() == []
    (await town.control("GET", "/interactions/1")).refused(404, "interaction")
    (await town.control("GET", "/channels/nowhere/messages")).refused(404, "nowhere")
    assert (await town.control("GET", "/commands")).ok() == []
