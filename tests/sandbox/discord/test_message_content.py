"""What the bot can read without the message-content intent."""

from sandbox.discord.events import ALL_INTENTS, Intents
from tests.sandbox.discord.discord_harness import PING, DiscordHarness

WITHOUT = ALL_INTENTS & ~Intents.MESSAGE_CONTENT


async def test_without_the_intent_only_messages_concerning_the_bot_have_content(
    harness: DiscordHarness,
) -> None:
    own = (await harness.send({"content": "A clip"})).ok()
    harness.collect_events(WITHOUT)
    picture = harness.create_image()
    hidden = await harness.post_message("for people", attachments=[picture])
    mentioned = await harness.post_message("@Clapper look")
    pinged = await harness.post_message("longer", reply_to=own["id"])
    silent = await harness.post_message("longer", reply_to=own["id"], ping=False)
    direct = await harness.post_message("psst", channel="@Cem")
    heard = {event["id"]: event for event in harness.events_named("MESSAGE_CREATE")}
    assert (heard[hidden["id"]]["content"], heard[hidden["id"]]["attachments"]) == ("", [])
    assert heard[mentioned["id"]]["content"] == f"<@{harness.world.bot.id}> look"
    assert heard[pinged["id"]]["content"] == "longer"
    assert heard[pinged["id"]]["referenced_message"]["content"] == "A clip"
    assert heard[silent["id"]]["content"] == ""
    assert heard[silent["id"]]["referenced_message"]["id"] == own["id"]
    assert heard[direct["id"]]["content"] == "psst"


async def test_a_reply_to_an_interactions_response_stays_hidden(harness: DiscordHarness) -> None:
    await harness.register(PING)
    interaction = await harness.command("ping")
    answer = (await harness.respond(interaction, 4, {"content": "Pong"})).ok()
    harness.collect_events(WITHOUT)
    said = await harness.post_message("longer", reply_to=answer["resource"]["message"]["id"])
    assert said["mentions"] == []
    assert harness.events_named("MESSAGE_CREATE")[0]["content"] == ""


async def test_rest_blanks_content_like_the_gateway(harness: DiscordHarness) -> None:
    hidden = await harness.post_message("for people")
    path = f"/channels/{hidden['channel_id']}/messages"
    assert (await harness.bot("GET", f"{path}/{hidden['id']}")).ok()["content"] == ""
    assert [m["content"] for m in (await harness.bot("GET", path)).ok()] == [""]
    granted = {"privileged_intents": ["MESSAGE_CONTENT"]}
    (await harness.control("PATCH", "/application", granted)).ok()
    assert (await harness.bot("GET", f"{path}/{hidden['id']}")).ok()["content"] == "for people"
    (
        await harness.control("PATCH", "/application", {"privileged_intents": ["ALL"]})
    ).assert_refused(400, "ALL")


async def test_with_the_intent_all_content_arrives(harness: DiscordHarness) -> None:
    harness.collect_events(ALL_INTENTS)
    await harness.post_message("for people")
    assert harness.events_named("MESSAGE_CREATE")[0]["content"] == "for people"


async def test_events_need_their_intents_and_a_visible_channel(harness: DiscordHarness) -> None:
    harness.collect_events(Intents.GUILDS | Intents.DIRECT_MESSAGES)
    await harness.post_message("for people")
    await harness.post_message("psst", channel="@Cem")
    assert [event["content"] for event in harness.events_named("MESSAGE_CREATE")] == ["psst"]
    await harness.deny("general", "VIEW_CHANNEL")
    harness.events.clear()
    harness.collect_events(ALL_INTENTS)
    said = await harness.post_message("behind closed doors")
    (
        await harness.control(
            "POST", "/reactions", {"user": "Ada", "message": said["id"], "emoji": "👍"}
        )
    ).ok()
    assert [name for name, _ in harness.events] == []


async def test_a_context_menu_carries_the_whole_message(harness: DiscordHarness) -> None:
    await harness.register({"name": "Look", "type": 3})
    said = await harness.post_message("for people", attachments=[harness.create_image()])
    harness.collect_events(WITHOUT)
    body = {"user": "Dia", "command": "Look", "message": said["id"]}
    (await harness.control("POST", "/context-menus", body)).ok()
    data = harness.events_named("INTERACTION_CREATE")[0]["data"]
    shown = data["resolved"]["messages"][data["target_id"]]
    assert (shown["content"], len(shown["attachments"])) == ("for people", 1)
