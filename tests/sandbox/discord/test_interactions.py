"""Answering interactions: in time, once, in a way that fits, and with a token that expires."""

import asyncio
from typing import Any

import pytest

from sandbox.discord import person_interactions
from sandbox.discord.entities import MessageFlag, MessageKind
from sandbox.discord.interaction import Interaction
from tests.harness.waiting import eventually
from tests.sandbox.discord.town import EPHEMERAL, PING, V2, Answer, Town, button, row, text

Json = dict[str, Any]
MODAL: Json = {
    "custom_id": "edit",
    "title": "Edit",
    "components": [
        {
            "type": 18,
            "label": "Prompt",
            "component": {"type": 4, "custom_id": "prompt", "style": 2, "max_length": 20},
        }
    ],
}


@pytest.fixture
async def pinged(town: Town) -> Interaction:
    await town.register(PING)
    town.listen()
    return await town.command("ping")


async def pressed(town: Town, shown: Json, user: str = "Cem", custom_id: str = "go") -> Interaction:
    asked = {"user": user, "message": shown["id"], "custom_id": custom_id}
    return town.interaction((await town.control("POST", "/components", asked)).ok())


async def test_the_bot_is_told_everything(town: Town, pinged: Interaction) -> None:
    told = town.heard("INTERACTION_CREATE")[0]
    assert told["attachment_size_limit"] == 20 * 1024 * 1024
    assert told["version"] == 1
    assert int(told["app_permissions"]) & (1 << 15)
    assert int(told["member"]["permissions"]) & (1 << 31)
    assert (told["locale"], told["guild_locale"], told["context"]) == ("en-US", "en-US", 0)
    assert told["authorizing_integration_owners"] == {"0": told["guild_id"]}
    assert told["data"]["name"] == "ping"
    assert (await town.state(pinged))["state"] == "pending"


async def test_direct_answer_is_shown(town: Town, pinged: Interaction) -> None:
    town.clock.advance(1.25)
    answer = (await town.respond(pinged, 4, {"content": "Pong"})).ok()
    message = answer["resource"]["message"]
    assert answer["interaction"]["response_message_id"] == message["id"]
    assert message["type"] == MessageKind.CHAT_INPUT_COMMAND
    assert message["interaction_metadata"]["user"]["username"] == "cem"
    state = await town.state(pinged)
    assert (state["state"], state["acknowledged_ms"]) == ("answered", 1250)
    assert [m["content"] for m in state["messages"]] == ["Pong"]


async def test_late_answer_is_refused(town: Town, pinged: Interaction) -> None:
    town.clock.advance(3.01)
    assert (await town.state(pinged))["state"] == "failed"
    (await town.respond(pinged, 4, {"content": "Pong"})).refuses(404, 10062)
    (await town.hook("POST", pinged, {"content": "Pong"})).refuses(404, 10015)


async def test_second_answer_is_refused(town: Town, pinged: Interaction) -> None:
    (await town.respond(pinged, 5)).ok()
    (await town.respond(pinged, 4, {"content": "Pong"})).refuses(400, 40060)
    town.clock.advance(60)
    (await town.respond(pinged, 5)).refuses(400, 40060)


async def test_an_unknown_interaction_or_token(town: Town, pinged: Interaction) -> None:
    path = f"/interactions/{pinged.id}/wrong/callback"
    (await town.bot("POST", path, {"type": 5})).refuses(404, 10062)
    (await town.bot("POST", f"/interactions/1/{pinged.token}/callback", {"type": 5})).refuses(
        404, 10062
    )
    (await town.bot("POST", f"/webhooks/{town.world.app.id}/wrong", {"content": "x"})).refuses(
        401, 50027
    )
    (await town.bot("POST", f"/webhooks/1/{pinged.token}", {"content": "x"})).refuses(404, 10015)


async def test_a_token_lives_fifteen_minutes(town: Town, pinged: Interaction) -> None:
    (await town.respond(pinged, 5)).ok()
    town.clock.advance(15 * 60 - 1)
    (await town.hook("PATCH", pinged, {"content": "1"}, tail="/messages/@original")).ok()
    town.clock.advance(2)
    for method, tail in (("PATCH", "/messages/@original"), ("POST", "")):
        (await town.hook(method, pinged, {"content": "2"}, tail=tail)).refuses(401, 50027)


async def test_no_follow_up_before_the_answer(town: Town, pinged: Interaction) -> None:
    (await town.hook("POST", pinged, {"content": "x"})).refuses(404, 10015)


async def test_the_first_follow_up_replaces_thinking(town: Town, pinged: Interaction) -> None:
    deferred = (await town.respond(pinged, 5)).ok()
    assert deferred["interaction"]["response_message_loading"] is True
    assert (await town.state(pinged))["state"] == "deferred"
    first = (await town.hook("POST", pinged, {"content": "Done"})).ok()
    assert first["id"] == deferred["interaction"]["response_message_id"]
    assert first["flags"] & MessageFlag.LOADING == 0
    assert first["edited_timestamp"] is None
    second = (await town.hook("POST", pinged, {"content": "More"})).ok()
    assert second["id"] != first["id"]
    assert second["message_reference"]["message_id"] == first["id"]
    state = await town.state(pinged)
    assert (state["state"], len(state["messages"])) == ("answered", 2)


async def test_thinking_in_private_stays_private(town: Town, pinged: Interaction) -> None:
    (await town.respond(pinged, 5, {"flags": EPHEMERAL})).ok()
    done = (await town.hook("POST", pinged, {"content": "Secret"})).ok()
    assert done["flags"] & EPHEMERAL
    assert town.heard("MESSAGE_CREATE") == []
    path = f"/channels/{done['channel_id']}/messages"
    (await town.bot("GET", f"{path}/{done['id']}")).refuses(404, 10008)
    assert (await town.bot("GET", path)).ok() == []
    shown = (await town.control("GET", "/channels/general/messages")).ok()
    assert shown == []
    mine = (await town.control("GET", "/channels/general/messages?user=Cem")).ok()
    assert [m["content"] for m in mine] == ["Secret"]
    (await town.hook("GET", pinged, tail="/messages/@original")).ok()


async def test_original_and_follow_ups_get_edit_delete(town: Town, pinged: Interaction) -> None:
    (await town.respond(pinged, 4, {"content": "One"})).ok()
    second = (await town.hook("POST", pinged, {"content": "Two"})).ok()
    tail = f"/messages/{second['id']}"
    assert (await town.hook("GET", pinged, tail=tail)).ok()["content"] == "Two"
    assert (await town.hook("PATCH", pinged, {"content": "2"}, tail=tail)).ok()["content"] == "2"
    assert (await town.hook("DELETE", pinged, tail=tail)).status == 204
    (await town.hook("GET", pinged, tail=tail)).refuses(404, 10008)
    (await town.hook("DELETE", pinged, tail="/messages/@original")).ok()
    (await town.hook("PATCH", pinged, {"content": "x"}, tail="/messages/@original")).refuses(
        404, 10008
    )
    ordinary = (await town.send({"content": "Not its own"})).ok()
    (await town.hook("DELETE", pinged, tail=f"/messages/{ordinary['id']}")).refuses(404, 10008)


async def test_answers_need_no_permission(town: Town, pinged: Interaction) -> None:
    await town.deny("general", "SEND_MESSAGES", "ATTACH_FILES", "EMBED_LINKS")
    (await town.send({"content": "x"})).refuses(403, 50013)
    (await town.respond(pinged, 4, {"content": "x"}, files={"a.txt": b"x"})).ok()


@pytest.mark.parametrize("kind", [1, 3, 6, 7, 8, 99])
async def test_an_answer_has_to_fit_a_command(town: Town, pinged: Interaction, kind: int) -> None:
    (await town.respond(pinged, kind)).refuses_field("type", "BASE_TYPE_CHOICES")
    (await town.respond(pinged, 4, {"content": "Pong"})).ok()


async def test_bad_answers_leave_it_open(town: Town, pinged: Interaction) -> None:
    (await town.respond(pinged, 4, {"content": "x" * 2001})).refuses_field(
        "data.content", "BASE_TYPE_MAX_LENGTH"
    )
    (await town.respond(pinged, 4)).refuses(400, 50006)
    (await town.respond(pinged, 9)).refuses_field("data", "BASE_TYPE_REQUIRED")
    (await town.respond(pinged, 4, {"content": "Pong"})).ok()


async def test_a_button_updates_its_message(town: Town) -> None:
    shown = (await town.send({"content": "x", "components": [row(button())]})).ok()
    interaction = await pressed(town, shown)
    data = {"content": "y", "components": [row(button(disabled=True))]}
    answer = (await town.respond(interaction, 7, data)).ok()
    assert answer["resource"]["message"]["id"] == shown["id"]
    again = await town.control(
        "POST", "/components", {"user": "Cem", "message": shown["id"], "custom_id": "go"}
    )
    again.refused(409, "disabled")


async def test_a_button_deferred_and_edited(town: Town) -> None:
    shown = (await town.send({"content": "x", "components": [row(button())]})).ok()
    interaction = await pressed(town, shown)
    (await town.respond(interaction, 6)).ok()
    assert (await town.state(interaction))["state"] == "deferred"
    edited = await town.hook("PATCH", interaction, {"content": "y"}, tail="/messages/@original")
    assert edited.ok()["id"] == shown["id"]
    assert (await town.state(interaction))["state"] == "answered"


async def test_a_button_answered_with_a_message_replies_to_it(town: Town) -> None:
    shown = (await town.send({"content": "x", "components": [row(button())]})).ok()
    interaction = await pressed(town, shown)
    answer = (await town.respond(interaction, 4, {"content": "y", "flags": EPHEMERAL})).ok()
    reply = answer["resource"]["message"]
    assert reply["message_reference"]["message_id"] == shown["id"]
    assert reply["interaction_metadata"]["interacted_message_id"] == shown["id"]


async def test_a_modal_and_its_submission(town: Town, pinged: Interaction) -> None:
    (await town.respond(pinged, 9, MODAL)).ok()
    assert (await town.state(pinged))["modal"]["title"] == "Edit"
    body = {"user": "Cem", "interaction": str(pinged.id), "fields": {"prompt": "A cat"}}
    submitted = town.interaction((await town.control("POST", "/modals", body)).ok())
    data = town.heard("INTERACTION_CREATE")[-1]["data"]
    assert data["custom_id"] == "edit"
    assert data["components"][0]["component"]["value"] == "A cat"
    (await town.respond(submitted, 9, MODAL)).refuses_field("type", "BASE_TYPE_CHOICES")
    (await town.respond(submitted, 7, {"content": "x"})).refuses_field("type", "BASE_TYPE_CHOICES")
    answer = (await town.respond(submitted, 4, {"content": "Done"})).ok()
    metadata = answer["resource"]["message"]["interaction_metadata"]
    assert metadata["triggering_interaction_metadata"]["id"] == str(pinged.id)
    (await town.control("POST", "/modals", body)).refused(409, "already")


async def test_a_modal_from_a_button_can_update_the_message(town: Town) -> None:
    shown = (await town.send({"content": "x", "components": [row(button())]})).ok()
    interaction = await pressed(town, shown)
    (await town.respond(interaction, 9, MODAL)).ok()
    body = {"user": "Cem", "interaction": str(interaction.id), "fields": {"prompt": "A cat"}}
    submitted = town.interaction((await town.control("POST", "/modals", body)).ok())
    answer = (await town.respond(submitted, 7, {"content": "y"})).ok()
    assert answer["resource"]["message"]["id"] == shown["id"]


async def test_follow_ups_of_a_user_installed_app(town: Town) -> None:
    await town.register(PING | {"integration_types": [0, 1], "contexts": [0, 1, 2]})
    away = (
        await town.control("POST", "/guilds", {"name": "Away", "owner": "Cem", "bot": False})
    ).ok()
    channel = away["guild"]["channels"][0]["id"]
    town.listen()
    interaction = await town.command("ping", channel=channel, user_install=True)
    told = town.heard("INTERACTION_CREATE")[0]
    assert told["authorizing_integration_owners"] == {"1": str(town.user("Cem").id)}
    (await town.respond(interaction, 5)).ok()
    for n in range(6):
        (await town.hook("POST", interaction, {"content": str(n)})).ok()
    (await town.hook("POST", interaction, {"content": "6"})).refuses(400, 40094)
    (await town.bot("POST", f"/channels/{channel}/messages", {"content": "x"})).refuses(403, 50001)
    assert town.heard("MESSAGE_CREATE") == []


async def test_who_has_the_app_brings_it_along_and_others_do_not(town: Town) -> None:
    await town.register(PING | {"integration_types": [0, 1], "contexts": [0, 1, 2]})
    away = {"name": "Away", "owner": "Cem", "members": ["Ada"], "bot": False}
    channel = (await town.control("POST", "/guilds", away)).ok()["guild"]["channels"][0]["id"]
    group = {"name": "us", "members": ["Cem", "Ada"]}
    talk = (await town.control("POST", "/channels", group)).ok()["channel"]["id"]
    (await town.control("PATCH", "/users/Cem", {"has_app": True})).ok()
    body = {"command": "ping", "channel": channel}
    (await town.control("POST", "/commands", body | {"user": "Ada"})).refused(409, "not installed")
    town.listen()
    for where, context in ((channel, 0), (talk, 2), ("#general", 0)):
        (await town.control("POST", "/commands", body | {"user": "Cem", "channel": where})).ok()
        told = town.heard("INTERACTION_CREATE")[-1]
        assert told["authorizing_integration_owners"]["1"] == str(town.user("Cem").id)
        assert ("0" in told["authorizing_integration_owners"]) is (where == "#general")
        assert told["context"] == context
        if where != "#general":
            path = f"/channels/{where}/messages"
            (await town.bot("POST", path, {"content": "x"})).refuses(403, 50001)
            (await town.bot("GET", path)).refuses(403, 50001)


async def test_without_external_apps_the_answer_is_private(town: Town) -> None:
    await town.register(PING | {"integration_types": [1]})
    away = (
        await town.control("POST", "/guilds", {"name": "Away", "owner": "Ada", "bot": False})
    ).ok()
    guild, channel = away["guild"]["id"], away["guild"]["channels"][0]["id"]
    await town.control("POST", f"/guilds/{guild}/members", {"user": "Cem"})
    await town.control(
        "PUT",
        f"/channels/{channel}/overwrites",
        {"role": "everyone", "deny": ["USE_EXTERNAL_APPS"]},
    )
    interaction = await town.command("ping", channel=channel, user_install=True)
    answer = (await town.respond(interaction, 4, {"content": "x"})).ok()
    assert answer["interaction"]["response_message_ephemeral"] is True


async def test_deferred_answer_as_components_v2(town: Town, pinged: Interaction) -> None:
    (await town.respond(pinged, 5)).ok()
    body = {
        "flags": V2,
        "components": [
            {"type": 12, "items": [{"media": {"url": "attachment://a.png"}}]},
            text("x"),
        ],
    }
    edited = await town.hook(
        "PATCH", pinged, body, tail="/messages/@original", files={"a.png": b"not really"}
    )
    media = edited.ok()["components"][0]["items"][0]["media"]
    assert media["content_type"] == "image/png"
    assert edited.json["flags"] & V2


OPTION: Json = {"type": 3, "name": "clip", "description": "Which", "autocomplete": True}


async def completed(town: Town, data: Json, **asked: Any) -> tuple[Answer, Answer]:
    """A completion that the bot answers with ``data``: the bot's answer and the person's."""
    body = {"user": "Cem", "channel": "#general", "command": "ping", "focused": "clip", **asked}
    before = len(town.world.interactions)
    typing = asyncio.create_task(town.control("POST", "/autocomplete", body))
    await eventually(lambda: len(town.world.interactions) > before)
    interaction = list(town.world.interactions.values())[-1]
    answer = await town.respond(interaction, 8, data)
    if answer.status >= 300:
        await town.respond(interaction, 8, {"choices": []})
    return answer, await typing


async def test_autocomplete_returns_choices(town: Town) -> None:
    count = OPTION | {"type": 4, "name": "count"}
    await town.register(PING | {"options": [OPTION, count, OPTION | {"name": "other"}]})
    town.listen()
    choices = [{"name": "A clip", "value": "1"}]
    bot, person = await completed(town, {"choices": choices}, options={"clip": "cl", "other": "x"})
    assert bot.ok() == {"interaction": bot.json["interaction"]}
    assert person.ok()["choices"] == choices
    data = town.heard("INTERACTION_CREATE")[0]["data"]
    assert data["options"] == [
        {"type": 3, "name": "clip", "value": "cl", "focused": True},
        {"type": 3, "name": "other", "value": "x"},
    ]
    many = [{"name": str(n), "value": str(n)} for n in range(26)]
    bot, person = await completed(town, {"choices": many})
    bot.refuses_field("data.choices", "BASE_TYPE_MAX_LENGTH")
    bot, _ = await completed(town, {"choices": [{"name": "x" * 101, "value": "1"}]})
    bot.refuses_field("data.choices.0.name", "BASE_TYPE_BAD_LENGTH")
    bot, _ = await completed(town, {"choices": [{"name": "x", "value": "one"}]}, focused="count")
    bot.refuses_field("data.choices.0.value", "NUMBER_TYPE_COERCE")


async def test_a_completion_takes_nothing_but_choices(town: Town) -> None:
    await town.register(PING | {"options": [OPTION]})
    person = town.user("Cem")
    interaction = await person_interactions.use_command(
        town.world, person, town.channel("general"), "ping", {}, focused="clip"
    )
    (await town.respond(interaction, 4, {"content": "x"})).refuses_field(
        "type", "BASE_TYPE_CHOICES"
    )
    (await town.respond(interaction, 8, {"choices": []})).ok()
    (await town.hook("POST", interaction, {"content": "x"})).refuses(404, 10015)


async def test_a_completion_that_nobody_answers(town: Town) -> None:
    await town.register(PING | {"options": [OPTION]})
    body = {"user": "Cem", "channel": "#general", "command": "ping", "focused": "clip"}
    typing = asyncio.create_task(town.control("POST", "/autocomplete", body))
    await eventually(lambda: len(town.world.interactions) > 0)
    await eventually(
        lambda: next(iter(town.world.interactions.values())).on_acknowledged is not None
    )
    town.clock.advance(3.5)
    answer = (await typing).ok()
    assert (answer["choices"], answer["interaction"]["state"]) == ([], "failed")
