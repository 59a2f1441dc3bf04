"""First steps: the guide in a new server, `/help`, and `/server setup` with all its menus."""

import asyncio
from typing import Any

import pytest

from bot.i18n.catalogs import translate
from tests.e2e.stage import BotStage, Json, buttons_of, components_of, text_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


def menus_of(message: Json) -> dict[str, Json]:
    """Return a message's menus by what they choose."""
    return {
        each["custom_id"].removeprefix("clapper-set:"): each
        for each in components_of(message)
        if each.get("custom_id", "").startswith("clapper-set:")
    }


def chosen(message: Json, menu: str) -> list[str]:
    """Return what a menu shows as chosen."""
    found = menus_of(message)[menu]
    defaults = [each["id"] for each in found.get("default_values", [])]
    return defaults + [each["value"] for each in found.get("options", []) if each.get("default")]


class Panel:
    """`/server setup`, as Ada has it in front of her."""

    def __init__(self, stage: BotStage, room: str, interaction: str) -> None:
        self.stage = stage
        self.room = room
        self.interaction = interaction

    async def message(self) -> Json:
        """Return the message as it stands."""
        seen = await self.stage.control.wait_interaction(
            self.interaction, lambda s: s["messages"] and menus_of(s["messages"][0])
        )
        message: Json = seen["messages"][0]
        return message

    async def choose(self, menu: str, *values: str, user: str = "Ada") -> str:
        """Choose in a menu and return the message's text once that has come through."""
        message = await self.message()
        pressed = await self.stage.control.component(
            self.stage.people[user], message["id"], f"clapper-set:{menu}", values
        )
        await self.stage.control.wait_interaction(pressed, lambda s: s["messages"])
        return text_of(await self.message())


async def setup(stage: BotStage, room: str, user: str = "Ada", **more: Any) -> Panel:
    """Open `/server setup`."""
    asked = await stage.control.command(stage.people[user], room, "server setup", {}, **more)
    panel = Panel(stage, room, asked)
    await panel.message()
    return panel


# -- the guide


async def guides(stage: BotStage, room: str) -> list[Json]:
    return [m for m in await stage.control.messages(room) if "Hello! I am Clapper" in text_of(m)]


async def test_a_new_server_gets_the_guide_once_where_its_notices_go(stage: BotStage) -> None:
    guild = await stage.control.add_guild(
        "New", owner="Ada", channels=["rules", "lobby"], system_channel="lobby"
    )
    rooms = {channel["name"]: channel["id"] for channel in guild["channels"]}
    said = await stage.wait_for_message(rooms["lobby"], "Hello! I am Clapper")
    assert "Reply to a clip" in text_of(said)
    assert "/server setup" in text_of(said)
    # an outage: Discord tells of every server again
    before = (await stage.control.sessions())["identified"]
    await stage.control.gateway("invalid_session")

    async def back() -> bool:
        return bool((await stage.control.sessions())["identified"] > before)

    await stage.wait_until(back, "a new session")
    # the bot goes and comes back
    await stage.control.change_guild(guild["id"], bot=False)
    await stage.control.change_guild(guild["id"], bot=True)
    second = await stage.control.add_guild("Newer", owner="Ada", channels=["first", "second"])
    await stage.wait_for_message(second["channels"][0]["id"], "Hello! I am Clapper")
    assert len(await guides(stage, rooms["lobby"])) == 1
    assert not await guides(stage, rooms["rules"])
    assert not await guides(stage, second["channels"][1]["id"])


async def test_a_server_that_came_while_the_bot_was_down_is_greeted_and_an_old_one_is_not(
    stage: BotStage,
) -> None:
    assert await stage.bot.terminate(timeout=10) == 0
    guild = await stage.control.add_guild("Meanwhile", owner="Ada", channels=["hall"])
    await stage.bot.start()
    hall = guild["channels"][0]["id"]
    await stage.wait_for_message(hall, "Hello! I am Clapper")
    assert await stage.bot.terminate(timeout=10) == 0
    await stage.bot.start()
    # what is told of later is greeted later: by then the bot has heard of all the others
    after = await stage.control.add_guild("After", owner="Ada", channels=["hall"])
    await stage.wait_for_message(after["channels"][0]["id"], "Hello! I am Clapper")
    assert len(await guides(stage, hall)) == 1
    world = await stage.control.world()
    old = next(each for each in world["guilds"] if each["id"] == stage.guild)
    for channel in old["channels"]:
        if channel["kind"] == "text":
            assert not await guides(stage, channel["id"])


async def test_server_without_writable_channel_gets_no_guide(stage: BotStage) -> None:
    before = len(await stage.control.requests(method="POST", path="/messages$"))
    mute = await stage.control.add_guild(
        "Mute", owner="Ada", channels=["quiet"], permissions=["VIEW_CHANNEL"]
    )
    quiet = mute["channels"][0]
    everyone = {"role": "@everyone", "deny": ["SEND_MESSAGES"]}
    second = await stage.control.add_guild(
        "Half",
        owner="Ada",
        channels=[{"name": "closed", "overwrites": [everyone]}, "open"],
        permissions=["VIEW_CHANNEL", "SEND_MESSAGES"],
    )
    await stage.wait_for_message(second["channels"][1]["id"], "Hello! I am Clapper")
    assert not await guides(stage, second["channels"][0]["id"])
    assert len(await stage.control.requests(method="POST", path="/messages$")) <= before + 2
    assert quiet["id"]


# -- help


async def test_help_shows_quota_and_admin_setup(stage: BotStage) -> None:
    room = await stage.open_channel()
    dia = stage.people["Dia"]
    ada = stage.people["Ada"]
    limits = {"member": dia, "clips_per_day": 7}
    await stage.wait_for_answer(
        await stage.control.command(ada, room, "server quota set", limits), "Set for"
    )
    asked = await stage.control.command(dia, room, "help", {})
    said = await stage.wait_for_answer(asked, "clips a day: 7 left (0 of 7 used)")
    assert "Reply to a clip" in said
    assert "nouns" in said
    assert "/server setup" not in said
    assert "/server setup" in await stage.wait_for_answer(
        await stage.control.command(ada, room, "help", {})
    )
    assert not await stage.control.messages(room)  # for the person alone


async def test_help_works_in_a_direct_message(stage: BotStage) -> None:
    asked = await stage.control.command(stage.people["Cem"], "@Cem", "help", {})
    said = await stage.wait_for_answer(asked, "Clapper makes videos")
    assert "/server setup" not in said


# -- setup


async def test_disallowed_channel_is_refused_with_allowed_ones(stage: BotStage) -> None:
    room, other = await stage.open_channel(), await stage.open_channel()
    panel = await setup(stage, other)
    assert chosen(await panel.message(), "channels") == []
    assert f"<#{room}>" in await panel.choose("channels", room)
    assert chosen(await panel.message(), "channels") == [room]
    before = len(await stage.list_submits())
    refused = await stage.wait_for_answer(
        await stage.request_clip(other, user="Cem"), "these channels only"
    )
    assert f"<#{room}>" in refused
    # a thread is its channel, and a clip is brought to allowed places only
    thread = await stage.control.thread(stage.people["Ada"], "inside", channel=room)
    await stage.request_clip(thread)
    clip = await stage.wait_for_clip(thread)
    number = buttons_of(clip)["Extend"].rpartition(":")[2]
    asked = await stage.control.command(stage.people["Ada"], other, "video get", {"clip": number})
    await stage.wait_for_answer(asked, "these channels only")
    assert len(await stage.list_submits()) == before + 1
    await panel.choose("channels")
    asked = await stage.control.command(stage.people["Ada"], other, "video get", {"clip": number})
    await stage.wait_for_answer(asked, "posted again")


async def test_setup_choices_survive_kill(stage: BotStage) -> None:
    room = await stage.open_channel()
    panel = await setup(stage, room)
    assert "Saved" in await panel.choose("people", "adults")
    assert chosen(await panel.message(), "people") == ["adults"]
    assert "Saved" in await panel.choose("quota", "light")
    await stage.bot.restart()
    assert "Saved" in await panel.choose("quota", "regular")
    now = await panel.message()
    assert (chosen(now, "people"), chosen(now, "quota")) == (["adults"], ["regular"])
    listed = await stage.control.command(stage.people["Ada"], room, "server quota list", {})
    assert "every member: 10 clips a day" in await stage.wait_for_answer(listed)
    await panel.choose("people", "unset")
    await panel.choose("quota", "unset")
    again = await setup(stage, room)
    now = await again.message()
    assert (chosen(now, "people"), chosen(now, "quota")) == (["unset"], ["unset"])


async def test_custom_quota_is_kept_until_preset_chosen(stage: BotStage) -> None:
    room = await stage.open_channel()
    limits = {"clips_per_day": 4}
    ada = stage.people["Ada"]
    await stage.wait_for_answer(
        await stage.control.command(ada, room, "server quota set", limits), "Set for"
    )
    panel = await setup(stage, room)
    assert chosen(await panel.message(), "quota") == ["keep"]
    await panel.choose("quota", "keep")
    assert chosen(await panel.message(), "quota") == ["keep"]
    await panel.choose("quota", "unset")


async def test_the_showcase_needs_a_channel_that_clips_can_be_posted_in(stage: BotStage) -> None:
    room = await stage.open_channel()
    bot_role = {"member": "Clapper", "deny": ["ATTACH_FILES"]}
    poor, wall = await stage.open_channel(overwrites=[bot_role]), await stage.open_channel()
    panel = await setup(stage, room)
    said = await panel.choose("showcase", poor)
    assert f"<#{poor}>: I lack **Attach Files**" in said
    assert chosen(await panel.message(), "showcase") == []
    assert "Saved" in await panel.choose("showcase", wall)
    assert chosen(await panel.message(), "showcase") == [wall]
    clip = await stage.make_clip(room)
    await stage.wait_for_answer(await stage.press_button(clip, "Showcase"), "is in the showcase")
    await stage.wait_for_clip(wall)
    await panel.choose("showcase")
    assert chosen(await panel.message(), "showcase") == []


async def test_the_test_of_permissions_names_what_is_missing_and_where(stage: BotStage) -> None:
    bot_role = {"member": "Clapper", "deny": ["EMBED_LINKS", "READ_MESSAGE_HISTORY"]}
    room, wall = await stage.open_channel(overwrites=[bot_role]), await stage.open_channel()
    panel = await setup(stage, room)
    await panel.choose("showcase", wall)
    await stage.control.change_channel(
        wall, overwrites=[{"member": "Clapper", "deny": ["ATTACH_FILES"]}]
    )

    async def tested() -> str | None:
        message = await panel.message()
        pressed = await stage.press_button(message, "Test permissions")
        await stage.control.wait_interaction(pressed, lambda s: s["messages"])
        said = text_of(await panel.message())
        return said if "Attach Files" in said else None

    said = await stage.wait_until(tested, "the permissions having changed")
    assert f"<#{room}>: I lack **Embed Links**, **Read Message History**." in said
    assert f"<#{wall}>: I lack **Attach Files**." in said
    await panel.choose("showcase")


async def test_a_language_is_kept_and_public_messages_have_it(stage: BotStage) -> None:
    room = await stage.open_channel()
    panel = await setup(stage, room)
    await panel.choose("language", "de")
    assert chosen(await panel.message(), "language") == ["de"]
    clip = await stage.make_clip(room)
    assert translate("button.extend", "de") in buttons_of(clip)
    await stage.control.message(stage.people["Ada"], room, "again", reply_to=clip["id"])
    await stage.wait_for_message(room, translate("reply.again", "de"))
    await panel.choose("language", "unset")
    assert chosen(await panel.message(), "language") == ["unset"]


async def test_only_those_who_manage_the_server_choose(stage: BotStage) -> None:
    room = await stage.open_channel()
    bea = stage.people["Bea"]
    panel = await setup(stage, room, user="Bea")
    moderator = next(
        role
        for guild in (await stage.control.world())["guilds"]
        if guild["id"] == stage.guild
        for role in guild["roles"]
        if role["name"] == "Moderator"
    )
    where = f"guilds/{stage.guild}/roles/{moderator['id']}"
    kept = moderator["permissions"]
    await stage.control.call("PATCH", where, {"permissions": ["MANAGE_MESSAGES"]})
    try:
        message = await panel.message()
        pressed = await stage.control.component(
            bea, message["id"], "clapper-set:people", ["nobody"]
        )
        await stage.wait_for_answer(pressed, "needs the permission Manage Server")
    finally:
        await stage.control.call("PATCH", where, {"permissions": kept})
    mine = await setup(stage, room)
    assert chosen(await mine.message(), "people") == ["unset"]


async def test_concurrent_admin_choices_are_both_kept(stage: BotStage) -> None:
    room = await stage.open_channel()
    adas, beas = await setup(stage, room), await setup(stage, room, user="Bea")
    await asyncio.gather(adas.choose("people", "adults"), beas.choose("language", "fr", user="Bea"))
    now = await (await setup(stage, room)).message()
    assert (chosen(now, "people"), chosen(now, "language")) == (["adults"], ["fr"])
    await adas.choose("people", "unset")
    await adas.choose("language", "unset")


async def test_nothing_the_bot_sends_may_mention_anybody(stage: BotStage) -> None:
    asked = await stage.control.requests(bodies=True)
    sent = [
        body
        for request in asked
        if request["server"] == "discord" and request["method"] in ("POST", "PATCH")
        for body in [request.get("json") or {}]
        for body in [body.get("data", body) if isinstance(body, dict) else {}]
        if isinstance(body, dict) and ("content" in body or "components" in body)
    ]
    assert len(sent) > 30
    silent = [body for body in sent if body.get("allowed_mentions", {}).get("parse") == []]
    loud = [body for body in sent if body not in silent and "title" not in body]
    assert not loud, loud[:3]
