"""Setting up a new server: the welcome message, `/help`, and `/server setup` with its menus."""

import asyncio

import pytest

from bot.i18n.catalogs import translate
from bot.ui.error_messages import name_permissions
from tests.e2e.setup_message import (
    SetupMessage,
    TappingAdmin,
    menus_of,
    open_setup,
    selected_values,
)
from tests.e2e.stage import (
    BotStage,
    Json,
    buttons_of,
    clip_number_of,
    clips_of,
    text_of,
)
from tests.e2e.test_reply_spending import wait_for_tap
from tests.harness.texts import quote_pattern, quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def run_admin(stage: BotStage, room: str, command: str, **options: object) -> str:
    """Give an admin's command and return its answer."""
    asked = await stage.control.command(stage.people["Ada"], room, f"server {command}", options)
    return await stage.wait_for_answer(asked)


def format_lacking(channel: str, *permissions: str) -> str:
    """Return the line that names the permissions missing in a channel."""
    missing = name_permissions(permissions, "en")
    return quote_text("setup.lacking", channel=f"<#{channel}>", missing=missing)


# -- the guide


async def list_guides(stage: BotStage, room: str) -> list[Json]:
    return [
        m for m in await stage.control.messages(room) if quote_text("welcome.title") in text_of(m)
    ]


async def test_new_server_gets_guide_once_in_system_channel(stage: BotStage) -> None:
    guild = await stage.control.add_guild(
        "New", owner="Ada", channels=["rules", "lobby"], system_channel="lobby"
    )
    rooms = {channel["name"]: channel["id"] for channel in guild["channels"]}
    guide = await stage.wait_for_message(rooms["lobby"], quote_text("welcome.title"))
    assert quote_text("welcome.use") in text_of(guide)
    assert quote_text("welcome.admins") in text_of(guide)
    # after an outage Discord sends every server again
    before = (await stage.control.sessions())["identified"]
    await stage.control.gateway("invalid_session")

    async def has_new_session() -> bool:
        return bool((await stage.control.sessions())["identified"] > before)

    await stage.wait_until(has_new_session, "a new session")
    # the bot is removed and added again
    await stage.control.change_guild(guild["id"], bot=False)
    await stage.control.change_guild(guild["id"], bot=True)
    second = await stage.control.add_guild("Newer", owner="Ada", channels=["first", "second"])
    await stage.wait_for_message(second["channels"][0]["id"], quote_text("welcome.title"))
    assert len(await list_guides(stage, rooms["lobby"])) == 1
    assert not await list_guides(stage, rooms["rules"])
    assert not await list_guides(stage, second["channels"][1]["id"])


async def test_server_joined_during_downtime_gets_guide(
    stage: BotStage,
) -> None:
    assert await stage.bot.terminate(timeout=10) == 0
    guild = await stage.control.add_guild("Meanwhile", owner="Ada", channels=["hall"])
    await stage.bot.start()
    hall = guild["channels"][0]["id"]
    await stage.wait_for_message(hall, quote_text("welcome.title"))
    assert await stage.bot.terminate(timeout=10) == 0
    await stage.bot.start()
    # servers are handled in order: once this one is, so are all before it
    after = await stage.control.add_guild("After", owner="Ada", channels=["hall"])
    await stage.wait_for_message(after["channels"][0]["id"], quote_text("welcome.title"))
    assert len(await list_guides(stage, hall)) == 1
    world = await stage.control.world()
    old = next(known_guild for known_guild in world["guilds"] if known_guild["id"] == stage.guild)
    for channel in old["channels"]:
        if channel["kind"] == "text":
            assert not await list_guides(stage, channel["id"])


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
    await stage.wait_for_message(second["channels"][1]["id"], quote_text("welcome.title"))
    assert not await list_guides(stage, second["channels"][0]["id"])
    assert len(await stage.control.requests(method="POST", path="/messages$")) <= before + 2
    assert quiet["id"]


# -- help


async def test_help_shows_quota_and_admin_setup(stage: BotStage) -> None:
    room = await stage.open_channel()
    dia = stage.people["Dia"]
    ada = stage.people["Ada"]
    assert f"<@{dia}>" in await run_admin(stage, room, "quota set", member=dia, clips_per_day=7)
    interaction = await stage.control.command(dia, room, "help", {})
    limit = quote_text("quota.name.clips_per_day")
    line = quote_text("quota.line", limit=limit, left=7, used=0, allowed=7)
    text = await stage.wait_for_answer(interaction, line)
    assert quote_text("help.extend") in text
    assert quote_text("help.prompt") in text
    assert quote_text("help.admin") not in text
    assert quote_text("help.admin") in await stage.wait_for_answer(
        await stage.control.command(ada, room, "help", {})
    )
    assert not await stage.control.messages(room)  # the answer is ephemeral


async def test_help_works_in_a_direct_message(stage: BotStage) -> None:
    interaction = await stage.control.command(stage.people["Cem"], "@Cem", "help", {})
    text = await stage.wait_for_answer(interaction, quote_text("help.title"))
    assert quote_text("help.admin") not in text


# -- setup


async def test_disallowed_channel_is_refused_with_allowed_ones(stage: BotStage) -> None:
    room, other = await stage.open_channel(), await stage.open_channel()
    setup_message = await open_setup(stage, other)
    assert await setup_message.selected("channels") == []
    assert f"<#{room}>" in await setup_message.choose("channels", room)
    assert await setup_message.selected("channels") == [room]
    before = len(await stage.list_submits())
    refused = await stage.wait_for_answer(
        await stage.request_clip(other, user="Cem"), quote_text("error.channel_not_allowed")
    )
    assert f"<#{room}>" in refused
    # a thread counts as its channel, and reposts are limited too
    thread = await stage.control.thread(stage.people["Ada"], "inside", channel=room)
    await stage.request_clip(thread)
    clip = await stage.wait_for_clip(thread)
    number = clip_number_of(clip)
    interaction = await stage.control.command(
        stage.people["Ada"], other, "video get", {"clip": number}
    )
    await stage.wait_for_answer(interaction, quote_text("error.channel_not_allowed"))
    assert len(await stage.list_submits()) == before + 1
    await setup_message.choose("channels")
    interaction = await stage.control.command(
        stage.people["Ada"], other, "video get", {"clip": number}
    )
    await stage.wait_for_answer(interaction, quote_text("get.done"))


async def test_setup_choices_survive_kill(stage: BotStage) -> None:
    room = await stage.open_channel()
    setup_message = await open_setup(stage, room)
    assert quote_text("setup.saved") in await setup_message.choose("people", "adults")
    assert await setup_message.selected("people") == ["adults"]
    assert quote_text("setup.saved") in await setup_message.choose("quota", "light")
    await stage.bot.restart()
    assert quote_text("setup.saved") in await setup_message.choose("quota", "regular")
    now = await setup_message.message()
    assert (selected_values(now, "people"), selected_values(now, "quota")) == (
        ["adults"],
        ["regular"],
    )
    listed = await stage.control.command(stage.people["Ada"], room, "server quota list", {})
    limit = quote_text("limit.clips_per_day", count=10)
    set_limit = quote_text("quota.left_part", left=10, limit=limit)
    await stage.wait_for_answer(listed, f"{quote_text('server.quota.default')}: {set_limit}")
    await setup_message.choose("people", "unset")
    await setup_message.choose("quota", "unset")
    again = await open_setup(stage, room)
    now = await again.message()
    assert (selected_values(now, "people"), selected_values(now, "quota")) == (["unset"], ["unset"])


async def test_custom_quota_is_kept_until_preset_chosen(stage: BotStage) -> None:
    room = await stage.open_channel()
    said = await run_admin(stage, room, "quota set", clips_per_day=4)
    assert quote_text("server.quota.default") in said
    setup_message = await open_setup(stage, room)
    assert await setup_message.selected("quota") == ["keep"]
    await setup_message.choose("quota", "keep")
    assert await setup_message.selected("quota") == ["keep"]
    await setup_message.choose("quota", "unset")


async def test_showcase_needs_writable_channel(stage: BotStage) -> None:
    room = await stage.open_channel()
    bot_role = {"member": "Clapper", "deny": ["ATTACH_FILES"]}
    unusable, showcase = await stage.open_channel(overwrites=[bot_role]), await stage.open_channel()
    setup_message = await open_setup(stage, room)
    text = await setup_message.choose("showcase", unusable)
    assert format_lacking(unusable, "attach_files") in text
    assert await setup_message.selected("showcase") == []
    assert quote_text("setup.saved") in await setup_message.choose("showcase", showcase)
    assert await setup_message.selected("showcase") == [showcase]
    clip = await stage.make_clip(room)
    await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.showcase")), quote_text("showcase.added")
    )
    await stage.wait_for_clip(showcase)
    await setup_message.choose("showcase")
    assert await setup_message.selected("showcase") == []


async def test_permission_check_lists_missing_permissions(stage: BotStage) -> None:
    bot_role = {"member": "Clapper", "deny": ["EMBED_LINKS", "READ_MESSAGE_HISTORY"]}
    room, showcase = await stage.open_channel(overwrites=[bot_role]), await stage.open_channel()
    setup_message = await open_setup(stage, room)
    await setup_message.choose("showcase", showcase)
    await stage.control.change_channel(
        showcase, overwrites=[{"member": "Clapper", "deny": ["ATTACH_FILES", "ADD_REACTIONS"]}]
    )

    async def check_permissions() -> str | None:
        message = await setup_message.show("channels")
        pressed = await stage.press_button(message, quote_text("button.check"))
        await stage.control.wait_interaction(pressed, lambda s: s["messages"])
        text = text_of(await setup_message.message())
        return text if quote_text("permission.attach_files") in text else None

    text = await stage.wait_until(check_permissions, "the permissions having changed")
    assert format_lacking(room, "embed_links", "read_message_history") in text
    assert format_lacking(showcase, "attach_files", "add_reactions") in text
    await setup_message.choose("showcase")


async def test_server_language_applies_to_public_messages(stage: BotStage) -> None:
    room = await stage.open_channel()
    setup_message = await open_setup(stage, room)
    await setup_message.choose("language", "de")
    assert await setup_message.selected("language") == ["de"]
    clip = await stage.make_clip(room)
    assert translate("button.extend", "de") in buttons_of(clip)
    await stage.control.message(stage.people["Ada"], room, "again", reply_to=clip["id"])
    await stage.wait_for_message(room, translate("reply.again", "de"))
    await setup_message.choose("language", "unset")
    assert await setup_message.selected("language") == ["unset"]


async def test_setup_needs_manage_server(stage: BotStage) -> None:
    room = await stage.open_channel()
    bea = stage.people["Bea"]
    setup_message = await open_setup(stage, room, user="Bea")
    moderator = next(
        role
        for guild in (await stage.control.world())["guilds"]
        if guild["id"] == stage.guild
        for role in guild["roles"]
        if role["name"] == "Moderator"
    )
    path = f"guilds/{stage.guild}/roles/{moderator['id']}"
    permissions = moderator["permissions"]
    await stage.control.call("PATCH", path, {"permissions": ["MANAGE_MESSAGES"]})
    try:
        message = await setup_message.message()
        pressed = await stage.control.component(
            bea, message["id"], "clapper-set:people", ["nobody"]
        )
        await stage.wait_for_answer(pressed, quote_text("not_allowed.manage"))
    finally:
        await stage.control.call("PATCH", path, {"permissions": permissions})
    adas_setup = await open_setup(stage, room)
    assert await adas_setup.selected("people") == ["unset"]


async def test_concurrent_admin_choices_are_both_kept(stage: BotStage) -> None:
    room = await stage.open_channel()
    adas, beas = await open_setup(stage, room), await open_setup(stage, room, user="Bea")
    await asyncio.gather(adas.choose("people", "adults"), beas.choose("language", "fr", user="Bea"))
    now = await open_setup(stage, room)
    assert (await now.selected("people"), await now.selected("language")) == (["adults"], ["fr"])
    await adas.choose("people", "unset")
    await adas.choose("language", "unset")


async def test_messages_allow_no_mentions(stage: BotStage) -> None:
    requests = await stage.control.requests(bodies=True)
    sent = [
        body
        for request in requests
        if request["server"] == "discord" and request["method"] in ("POST", "PATCH")
        for body in [request.get("json") or {}]
        for body in [body.get("data", body) if isinstance(body, dict) else {}]
        if isinstance(body, dict) and ("content" in body or "components" in body)
    ]
    assert len(sent) > 30
    silent = [body for body in sent if body.get("allowed_mentions", {}).get("parse") == []]
    loud = [body for body in sent if body not in silent and "title" not in body]
    assert not loud, loud[:3]


async def test_the_guide_avoids_the_rules_and_opens_the_setup(stage: BotStage) -> None:
    """It is posted in a channel where people chat, and its button is for admins. [people-A1]"""
    guild = await stage.control.add_guild(
        "Orderly", owner="Ada", members=["Cem"], channels=["rules", "announcements", "talk"]
    )
    rooms = {channel["name"]: channel["id"] for channel in guild["channels"]}
    guide = await stage.wait_for_message(rooms["talk"], quote_text("welcome.title"))
    assert quote_text("welcome.money") in text_of(guide)
    assert not await list_guides(stage, rooms["rules"])
    refused = await stage.press_button(guide, quote_text("button.setup"), "Cem")
    assert quote_text("not_allowed.manage") in await stage.wait_for_answer(refused)
    opened = await stage.press_button(guide, quote_text("button.setup"))
    state = await stage.control.wait_interaction(
        opened, lambda s: s["messages"] and menus_of(s["messages"][0])
    )
    assert {"budget", "confirm", "quota", "replies", "people", "age"} <= set(
        menus_of(state["messages"][0])
    )


async def test_setup_sets_budget_and_price(stage: BotStage) -> None:
    """[people-A3]"""
    room = await stage.open_channel()
    setup_message = await open_setup(stage, room)
    assert quote_text("setup.saved") in await setup_message.choose("budget", "25000000")
    assert await setup_message.selected("budget") == ["25000000"]
    shown = await stage.control.command(stage.people["Ada"], room, "server budget", {})
    limit = quote_text("limit.usd_per_month")
    await stage.wait_for_answer(shown, quote_text("quota.left_part", left="$25.00", limit=limit))
    await setup_message.choose("confirm", "1000000")
    shown = await stage.control.command(stage.people["Ada"], room, "server confirm", {})
    await stage.wait_for_answer(shown, quote_text("server.confirm.above", price="$1.00"))
    said = await setup_message.choose("people", "adults")
    assert quote_pattern("server.people.cost", models="Veo 2").search(said)
    for menu in ("budget", "confirm", "people"):
        await setup_message.choose(menu, "unset")
    shown = await stage.control.command(stage.people["Ada"], room, "server budget", {})
    assert quote_text("server.budget.cleared") in await stage.wait_for_answer(shown)


async def test_a_new_server_is_safe_after_eight_taps(stage: BotStage) -> None:
    """From the guide to a budget, a price that asks, replies, age and moderation."""
    private = [
        {"role": "@everyone", "deny": ["VIEW_CHANNEL"]},
        {"member": "Clapper", "allow": ["VIEW_CHANNEL"]},
    ]
    guild = await stage.control.add_guild(
        "Harbour",
        owner="Ada",
        members=["Cem"],
        channels=[
            "talk",
            {"name": "adults", "nsfw": True},
            {"name": "mods", "nsfw": True},
        ],
    )
    rooms = {channel["name"]: channel["id"] for channel in guild["channels"]}
    talk, adults, mods = (rooms[name] for name in ("talk", "adults", "mods"))
    await stage.control.change_channel(mods, overwrites=private)
    guide = await stage.wait_for_message(talk, quote_text("welcome.title"))
    opened = await stage.press_button(guide, quote_text("button.setup"))
    admin = TappingAdmin(SetupMessage(stage, talk, opened), taps=1)
    await admin.choose("budget", "25000000")
    await admin.choose("confirm", "500000")
    await admin.choose("replies", "ask")
    await admin.choose("age", "restricted")
    said = await admin.fill_form({"staff": mods}, {"words": "gore\nblood*"})
    assert quote_text("setup.words", added=2, total=2) in said
    assert f"<#{mods}>" in said
    assert admin.taps <= 8

    shown = await stage.control.command(stage.people["Ada"], talk, "server budget", {})
    limit = quote_text("limit.usd_per_month")
    await stage.wait_for_answer(shown, quote_text("quota.left_part", left="$25.00", limit=limit))
    asked = await stage.request_clip(talk, user="Cem")
    await stage.wait_for_answer(asked, quote_text("not_allowed.age_server"))
    asked = await stage.request_clip(adults, "a fight with gore", user="Cem")
    await stage.wait_for_answer(asked, quote_text("words_refused.server", word="gore"))
    asked = await stage.request_clip(adults, user="Cem", duration=8)
    await stage.wait_for_answer(asked, quote_text("ask.confirm"))
    await stage.press_answer(asked, quote_text("button.accept"), "Cem")
    review = await stage.wait_for_clip(mods)
    assert clips_of(await stage.control.messages(adults)) == []
    await stage.press_button(review, quote_text("button.review_post"))
    clip = await stage.wait_for_clip(adults)
    await stage.wait_until_idle(adults)
    before = len(await stage.list_submits())
    reply = await stage.control.message(
        stage.people["Cem"], adults, "the fox jumps over the fence", reply_to=clip["id"]
    )
    await wait_for_tap(stage, adults, reply)
    assert len(await stage.list_submits()) == before


async def test_the_form_says_what_it_could_not_save(stage: BotStage) -> None:
    """A channel that the bot cannot post in is not taken, and no good word is lost."""
    room, staff = await stage.open_channel(), await stage.open_channel()
    unusable = await stage.open_channel(
        overwrites=[{"member": "Clapper", "deny": ["SEND_MESSAGES"]}]
    )
    admin = TappingAdmin(await open_setup(stage, room))
    said = await admin.fill_form({"review": "everyone"}, {"words": "x\ngore"})
    assert quote_text("setup.review_without_channel") in said
    assert quote_text("word_entry.too_short", entry="x") in said
    assert quote_text("setup.words", added=1, total=1) in said
    said = await admin.fill_form({"staff": unusable, "review": "everyone"}, {})
    missing = name_permissions(["send_messages"], "en")
    assert quote_text("server.staff.lacking", staff=f"<#{unusable}>", missing=missing) in said
    said = await admin.fill_form({"staff": staff, "review": "untrusted", "reports": "3"}, {})
    assert quote_text("server.staff.public", staff=f"<#{staff}>") in said
    for_everybody = quote_text("server.staff.for_everybody", staff=f"<#{staff}>")
    assert for_everybody in said, "the default server has an age-restricted channel"
    assert quote_text("setup.no_trusted_role") in said
    role = (await stage.control.add_role(stage.guild, "trusted"))["id"]
    assert f"<@&{role}>" in await admin.setup.choose("trusted_role", role)
    answer = await run_admin(stage, room, "review")
    assert f"<@&{role}>" in answer
    assert quote_text("server.reports.limit", count=3) in await run_admin(stage, room, "reports")
    staff_needed = quote_text("server.staff.needed", staff=f"<#{staff}>")
    assert staff_needed in await run_admin(stage, room, "staff", clear=True)
    await admin.fill_form({"review": "off"}, {})
    assert quote_text("server.staff.none") in await run_admin(stage, room, "staff", clear=True)
    needed = quote_text("server.review.needs_staff_channel")
    assert needed in await run_admin(stage, room, "review", clips="everyone")
    await run_admin(stage, room, "words remove", words="gore")
