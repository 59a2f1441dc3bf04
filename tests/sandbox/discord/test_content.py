"""What the bot may read without the message-content intent."""

from sandbox.discord.events import ALL_INTENTS, Intents
from tests.sandbox.discord.town import PING, Town

WITHOUT = ALL_INTENTS & ~Intents.MESSAGE_CONTENT


async def test_only_what_concerns_the_bot_arrives_with_its_text(town: Town) -> None:
    own = (await town.send({"content": "A clip"})).ok()
    town.listen(WITHOUT)
    picture = town.picture()
    hidden = await town.post_message("for people", attachments=[picture])
    mentioned = await town.post_message("@Clapper look")
    pinged = await town.post_message("longer", reply_to=own["id"])
    silent = await town.post_message("longer", reply_to=own["id"], ping=False)
    direct = await town.post_message("psst", channel="@Cem")
    heard = {event["id"]: event for event in town.heard("MESSAGE_CREATE")}
    assert (heard[hidden["id"]]["content"], heard[hidden["id"]]["attachments"]) == ("", [])
    assert heard[mentioned["id"]]["content"] == f"<@{town.world.bot.id}> look"
    assert heard[pinged["id"]]["content"] == "longer"
    assert heard[pinged["id"]]["referenced_message"]["content"] == "A clip"
    assert heard[silent["id"]]["content"] == ""
    assert heard[silent["id"]]["referenced_message"]["id"] == own["id"]
    assert heard[direct["id"]]["content"] == "psst"


async def test_a_reply_to_an_interactions_response_stays_hidden(town: Town) -> None:
    await town.register(PING)
    interaction = await town.command("ping")
    answer = (await town.respond(interaction, 4, {"content": "Pong"})).ok()
    town.listen(WITHOUT)
    said = await town.post_message("longer", reply_to=answer["resource"]["message"]["id"])
    assert said["mentions"] == []
    assert town.heard("MESSAGE_CREATE")[0]["content"] == ""


async def test_the_rest_blanks_alike(town: Town) -> None:
    hidden = await town.post_message("for people")
    path = f"/channels/{hidden['channel_id']}/messages"
    assert (await town.bot("GET", f"{path}/{hidden['id']}")).ok()["content"] == ""
    assert [m["content"] for m in (await town.bot("GET", path)).ok()] == [""]
    granted = {"privileged_intents": ["MESSAGE_CONTENT"]}
    (await town.control("PATCH", "/application", granted)).ok()
    assert (await town.bot("GET", f"{path}/{hidden['id']}")).ok()["content"] == "for people"
    (await town.control("PATCH", "/application", {"privileged_intents": ["ALL"]})).refused(
        400, "ALL"
    )


async def test_with_the_intent_all_of_it_arrives(town: Town) -> None:
    town.listen(ALL_INTENTS)
    await town.post_message("for people")
    assert town.heard("MESSAGE_CREATE")[0]["content"] == "for people"


async def test_events_need_their_intents_and_a_visible_channel(town: Town) -> None:
    town.listen(Intents.GUILDS | Intents.DIRECT_MESSAGES)
    await town.post_message("for people")
    await town.post_message("psst", channel="@Cem")
    assert [event["content"] for event in town.heard("MESSAGE_CREATE")] == ["psst"]
    await town.deny("general", "VIEW_CHANNEL")
    town.events.clear()
    town.listen(ALL_INTENTS)
    said = await town.post_message("behind closed doors")
    (
        await town.control(
            "POST", "/reactions", {"user": "Ada", "message": said["id"], "emoji": "👍"}
        )
    ).ok()
    assert [name for name, _ in town.events] == []


async def test_a_menu_carries_the_whole_message(town: Town) -> None:
    await town.register({"name": "Look", "type": 3})
    said = await town.post_message("for people", attachments=[town.picture()])
    town.listen(WITHOUT)
    body = {"user": "Dia", "command": "Look", "message": said["id"]}
    (await town.control("POST", "/context-menus", body)).ok()
    data = town.heard("INTERACTION_CREATE")[0]["data"]
    shown = data["resolved"]["messages"][data["target_id"]]
    assert (shown["content"], len(shown["attachments"])) == ("for people", 1)
