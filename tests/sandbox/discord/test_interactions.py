"""Responses to interactions: in time, once, of the right type, before the token expires."""

import asyncio
from typing import Any

import pytest

from sandbox.discord import person_interactions
from sandbox.discord.entities import MessageFlag, MessageKind
from sandbox.discord.interaction import Interaction
from tests.harness.waiting import eventually
from tests.sandbox.discord.discord_harness import (
    EPHEMERAL,
    PING,
    V2,
    DiscordHarness,
    HttpResult,
    button,
    row,
    text,
)

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
async def pinged(harness: DiscordHarness) -> Interaction:
    await harness.register(PING)
    harness.collect_events()
    return await harness.command("ping")


async def pressed(
    harness: DiscordHarness, shown: Json, user: str = "Cem", custom_id: str = "go"
) -> Interaction:
    asked = {"user": user, "message": shown["id"], "custom_id": custom_id}
    return harness.interaction((await harness.control("POST", "/components", asked)).ok())


async def test_interaction_payload_is_complete(
    harness: DiscordHarness, pinged: Interaction
) -> None:
    told = harness.events_named("INTERACTION_CREATE")[0]
    assert told["attachment_size_limit"] == 20 * 1024 * 1024
    assert told["version"] == 1
    assert int(told["app_permissions"]) & (1 << 15)
    assert int(told["member"]["permissions"]) & (1 << 31)
    assert (told["locale"], told["guild_locale"], told["context"]) == ("en-US", "en-US", 0)
    assert told["authorizing_integration_owners"] == {"0": told["guild_id"]}
    assert told["data"]["name"] == "ping"
    assert (await harness.state(pinged))["state"] == "pending"


async def test_an_immediate_response_is_shown(harness: DiscordHarness, pinged: Interaction) -> None:
    harness.clock.advance(1.25)
    answer = (await harness.respond(pinged, 4, {"content": "Pong"})).ok()
    message = answer["resource"]["message"]
    assert answer["interaction"]["response_message_id"] == message["id"]
    assert message["type"] == MessageKind.CHAT_INPUT_COMMAND
    assert message["interaction_metadata"]["user"]["username"] == "cem"
    state = await harness.state(pinged)
    assert (state["state"], state["acknowledged_ms"]) == ("answered", 1250)
    assert [m["content"] for m in state["messages"]] == ["Pong"]


async def test_a_late_response_is_refused(harness: DiscordHarness, pinged: Interaction) -> None:
    harness.clock.advance(3.01)
    assert (await harness.state(pinged))["state"] == "failed"
    (await harness.respond(pinged, 4, {"content": "Pong"})).assert_error(404, 10062)
    (await harness.call_webhook("POST", pinged, {"content": "Pong"})).assert_error(404, 10015)


async def test_a_second_response_is_refused(harness: DiscordHarness, pinged: Interaction) -> None:
    (await harness.respond(pinged, 5)).ok()
    (await harness.respond(pinged, 4, {"content": "Pong"})).assert_error(400, 40060)
    harness.clock.advance(60)
    (await harness.respond(pinged, 5)).assert_error(400, 40060)


async def test_an_unknown_interaction_or_token(
    harness: DiscordHarness, pinged: Interaction
) -> None:
    path = f"/interactions/{pinged.id}/wrong/callback"
    (await harness.bot("POST", path, {"type": 5})).assert_error(404, 10062)
    (
        await harness.bot("POST", f"/interactions/1/{pinged.token}/callback", {"type": 5})
    ).assert_error(404, 10062)
    (
        await harness.bot("POST", f"/webhooks/{harness.world.app.id}/wrong", {"content": "x"})
    ).assert_error(401, 50027)
    (await harness.bot("POST", f"/webhooks/1/{pinged.token}", {"content": "x"})).assert_error(
        404, 10015
    )


async def test_a_token_is_valid_for_fifteen_minutes(
    harness: DiscordHarness, pinged: Interaction
) -> None:
    (await harness.respond(pinged, 5)).ok()
    harness.clock.advance(15 * 60 - 1)
    (await harness.call_webhook("PATCH", pinged, {"content": "1"}, tail="/messages/@original")).ok()
    harness.clock.advance(2)
    for method, tail in (("PATCH", "/messages/@original"), ("POST", "")):
        (await harness.call_webhook(method, pinged, {"content": "2"}, tail=tail)).assert_error(
            401, 50027
        )


async def test_no_follow_up_before_the_response(
    harness: DiscordHarness, pinged: Interaction
) -> None:
    (await harness.call_webhook("POST", pinged, {"content": "x"})).assert_error(404, 10015)


async def test_the_first_follow_up_replaces_the_deferred_response(
    harness: DiscordHarness, pinged: Interaction
) -> None:
    deferred = (await harness.respond(pinged, 5)).ok()
    assert deferred["interaction"]["response_message_loading"] is True
    assert (await harness.state(pinged))["state"] == "deferred"
    first = (await harness.call_webhook("POST", pinged, {"content": "Done"})).ok()
    assert first["id"] == deferred["interaction"]["response_message_id"]
    assert first["flags"] & MessageFlag.LOADING == 0
    assert first["edited_timestamp"] is None
    second = (await harness.call_webhook("POST", pinged, {"content": "More"})).ok()
    assert second["id"] != first["id"]
    assert second["message_reference"]["message_id"] == first["id"]
    state = await harness.state(pinged)
    assert (state["state"], len(state["messages"])) == ("answered", 2)


async def test_a_deferred_ephemeral_response_stays_ephemeral(
    harness: DiscordHarness, pinged: Interaction
) -> None:
    (await harness.respond(pinged, 5, {"flags": EPHEMERAL})).ok()
    done = (await harness.call_webhook("POST", pinged, {"content": "Secret"})).ok()
    assert done["flags"] & EPHEMERAL
    assert harness.events_named("MESSAGE_CREATE") == []
    path = f"/channels/{done['channel_id']}/messages"
    (await harness.bot("GET", f"{path}/{done['id']}")).assert_error(404, 10008)
    assert (await harness.bot("GET", path)).ok() == []
    shown = (await harness.control("GET", "/channels/general/messages")).ok()
    assert shown == []
    mine = (await harness.control("GET", "/channels/general/messages?user=Cem")).ok()
    assert [m["content"] for m in mine] == ["Secret"]
    (await harness.call_webhook("GET", pinged, tail="/messages/@original")).ok()


async def test_original_and_follow_ups_can_be_read_edited_and_deleted(
    harness: DiscordHarness, pinged: Interaction
) -> None:
    (await harness.respond(pinged, 4, {"content": "One"})).ok()
    second = (await harness.call_webhook("POST", pinged, {"content": "Two"})).ok()
    tail = f"/messages/{second['id']}"
    assert (await harness.call_webhook("GET", pinged, tail=tail)).ok()["content"] == "Two"
    assert (await harness.call_webhook("PATCH", pinged, {"content": "2"}, tail=tail)).ok()[
        "content"
    ] == "2"
    assert (await harness.call_webhook("DELETE", pinged, tail=tail)).status == 204
    (await harness.call_webhook("GET", pinged, tail=tail)).assert_error(404, 10008)
    (await harness.call_webhook("DELETE", pinged, tail="/messages/@original")).ok()
    (
        await harness.call_webhook("PATCH", pinged, {"content": "x"}, tail="/messages/@original")
    ).assert_error(404, 10008)
    ordinary = (await harness.send({"content": "Not its own"})).ok()
    (await harness.call_webhook("DELETE", pinged, tail=f"/messages/{ordinary['id']}")).assert_error(
        404, 10008
    )


async def test_responses_need_no_permission(harness: DiscordHarness, pinged: Interaction) -> None:
    await harness.deny("general", "SEND_MESSAGES", "ATTACH_FILES", "EMBED_LINKS")
    (await harness.send({"content": "x"})).assert_error(403, 50013)
    (await harness.respond(pinged, 4, {"content": "x"}, files={"a.txt": b"x"})).ok()


@pytest.mark.parametrize("kind", [1, 3, 6, 7, 8, 99])
async def test_response_type_must_fit_a_command(
    harness: DiscordHarness, pinged: Interaction, kind: int
) -> None:
    (await harness.respond(pinged, kind)).assert_field_error("type", "BASE_TYPE_CHOICES")
    (await harness.respond(pinged, 4, {"content": "Pong"})).ok()


async def test_an_invalid_response_does_not_acknowledge(
    harness: DiscordHarness, pinged: Interaction
) -> None:
    (await harness.respond(pinged, 4, {"content": "x" * 2001})).assert_field_error(
        "data.content", "BASE_TYPE_MAX_LENGTH"
    )
    (await harness.respond(pinged, 4)).assert_error(400, 50006)
    (await harness.respond(pinged, 9)).assert_field_error("data", "BASE_TYPE_REQUIRED")
    (await harness.respond(pinged, 4, {"content": "Pong"})).ok()


async def test_a_button_updates_its_message(harness: DiscordHarness) -> None:
    shown = (await harness.send({"content": "x", "components": [row(button())]})).ok()
    interaction = await pressed(harness, shown)
    data = {"content": "y", "components": [row(button(disabled=True))]}
    answer = (await harness.respond(interaction, 7, data)).ok()
    assert answer["resource"]["message"]["id"] == shown["id"]
    again = await harness.control(
        "POST", "/components", {"user": "Cem", "message": shown["id"], "custom_id": "go"}
    )
    again.assert_refused(409, "disabled")


async def test_a_button_deferred_and_edited(harness: DiscordHarness) -> None:
    shown = (await harness.send({"content": "x", "components": [row(button())]})).ok()
    interaction = await pressed(harness, shown)
    (await harness.respond(interaction, 6)).ok()
    assert (await harness.state(interaction))["state"] == "deferred"
    edited = await harness.call_webhook(
        "PATCH", interaction, {"content": "y"}, tail="/messages/@original"
    )
    assert edited.ok()["id"] == shown["id"]
    assert (await harness.state(interaction))["state"] == "answered"


async def test_a_message_in_response_to_a_button_is_a_reply(harness: DiscordHarness) -> None:
    shown = (await harness.send({"content": "x", "components": [row(button())]})).ok()
    interaction = await pressed(harness, shown)
    answer = (await harness.respond(interaction, 4, {"content": "y", "flags": EPHEMERAL})).ok()
    reply = answer["resource"]["message"]
    assert reply["message_reference"]["message_id"] == shown["id"]
    assert reply["interaction_metadata"]["interacted_message_id"] == shown["id"]


async def test_a_modal_and_its_submission(harness: DiscordHarness, pinged: Interaction) -> None:
    (await harness.respond(pinged, 9, MODAL)).ok()
    assert (await harness.state(pinged))["modal"]["title"] == "Edit"
    body = {"user": "Cem", "interaction": str(pinged.id), "fields": {"prompt": "A cat"}}
    submitted = harness.interaction((await harness.control("POST", "/modals", body)).ok())
    data = harness.events_named("INTERACTION_CREATE")[-1]["data"]
    assert data["custom_id"] == "edit"
    assert data["components"][0]["component"]["value"] == "A cat"
    (await harness.respond(submitted, 9, MODAL)).assert_field_error("type", "BASE_TYPE_CHOICES")
    (await harness.respond(submitted, 7, {"content": "x"})).assert_field_error(
        "type", "BASE_TYPE_CHOICES"
    )
    answer = (await harness.respond(submitted, 4, {"content": "Done"})).ok()
    metadata = answer["resource"]["message"]["interaction_metadata"]
    assert metadata["triggering_interaction_metadata"]["id"] == str(pinged.id)
    (await harness.control("POST", "/modals", body)).assert_refused(409, "already")


async def test_a_modal_from_a_button_can_update_the_message(harness: DiscordHarness) -> None:
    shown = (await harness.send({"content": "x", "components": [row(button())]})).ok()
    interaction = await pressed(harness, shown)
    (await harness.respond(interaction, 9, MODAL)).ok()
    body = {"user": "Cem", "interaction": str(interaction.id), "fields": {"prompt": "A cat"}}
    submitted = harness.interaction((await harness.control("POST", "/modals", body)).ok())
    answer = (await harness.respond(submitted, 7, {"content": "y"})).ok()
    assert answer["resource"]["message"]["id"] == shown["id"]


async def test_follow_ups_of_a_user_installed_app(harness: DiscordHarness) -> None:
    await harness.register(PING | {"integration_types": [0, 1], "contexts": [0, 1, 2]})
    away = (
        await harness.control("POST", "/guilds", {"name": "Away", "owner": "Cem", "bot": False})
    ).ok()
    channel = away["guild"]["channels"][0]["id"]
    harness.collect_events()
    interaction = await harness.command("ping", channel=channel, user_install=True)
    told = harness.events_named("INTERACTION_CREATE")[0]
    assert told["authorizing_integration_owners"] == {"1": str(harness.user("Cem").id)}
    (await harness.respond(interaction, 5)).ok()
    for n in range(6):
        (await harness.call_webhook("POST", interaction, {"content": str(n)})).ok()
    (await harness.call_webhook("POST", interaction, {"content": "6"})).assert_error(400, 40094)
    (await harness.bot("POST", f"/channels/{channel}/messages", {"content": "x"})).assert_error(
        403, 50001
    )
    assert harness.events_named("MESSAGE_CREATE") == []


async def test_only_people_with_the_app_can_use_it_elsewhere(harness: DiscordHarness) -> None:
    await harness.register(PING | {"integration_types": [0, 1], "contexts": [0, 1, 2]})
    away = {"name": "Away", "owner": "Cem", "members": ["Ada"], "bot": False}
    channel = (await harness.control("POST", "/guilds", away)).ok()["guild"]["channels"][0]["id"]
    group = {"name": "us", "members": ["Cem", "Ada"]}
    talk = (await harness.control("POST", "/channels", group)).ok()["channel"]["id"]
    (await harness.control("PATCH", "/users/Cem", {"has_app": True})).ok()
    body = {"command": "ping", "channel": channel}
    (await harness.control("POST", "/commands", body | {"user": "Ada"})).assert_refused(
        409, "not installed"
    )
    harness.collect_events()
    for where, context in ((channel, 0), (talk, 2), ("#general", 0)):
        (await harness.control("POST", "/commands", body | {"user": "Cem", "channel": where})).ok()
        told = harness.events_named("INTERACTION_CREATE")[-1]
        assert told["authorizing_integration_owners"]["1"] == str(harness.user("Cem").id)
        assert ("0" in told["authorizing_integration_owners"]) is (where == "#general")
        assert told["context"] == context
        if where != "#general":
            path = f"/channels/{where}/messages"
            (await harness.bot("POST", path, {"content": "x"})).assert_error(403, 50001)
            (await harness.bot("GET", path)).assert_error(403, 50001)


async def test_without_external_apps_the_response_is_ephemeral(harness: DiscordHarness) -> None:
    await harness.register(PING | {"integration_types": [1]})
    away = (
        await harness.control("POST", "/guilds", {"name": "Away", "owner": "Ada", "bot": False})
    ).ok()
    guild, channel = away["guild"]["id"], away["guild"]["channels"][0]["id"]
    await harness.control("POST", f"/guilds/{guild}/members", {"user": "Cem"})
    await harness.control(
        "PUT",
        f"/channels/{channel}/overwrites",
        {"role": "everyone", "deny": ["USE_EXTERNAL_APPS"]},
    )
    interaction = await harness.command("ping", channel=channel, user_install=True)
    answer = (await harness.respond(interaction, 4, {"content": "x"})).ok()
    assert answer["interaction"]["response_message_ephemeral"] is True


async def test_a_deferred_response_can_use_components_v2(
    harness: DiscordHarness, pinged: Interaction
) -> None:
    (await harness.respond(pinged, 5)).ok()
    body = {
        "flags": V2,
        "components": [
            {"type": 12, "items": [{"media": {"url": "attachment://a.png"}}]},
            text("x"),
        ],
    }
    edited = await harness.call_webhook(
        "PATCH", pinged, body, tail="/messages/@original", files={"a.png": b"not really"}
    )
    media = edited.ok()["components"][0]["items"][0]["media"]
    assert media["content_type"] == "image/png"
    assert edited.json["flags"] & V2


OPTION: Json = {"type": 3, "name": "clip", "description": "Which", "autocomplete": True}


async def completed(
    harness: DiscordHarness, data: Json, **asked: Any
) -> tuple[HttpResult, HttpResult]:
    """A completion that the bot answers with ``data``: both responses."""
    body = {"user": "Cem", "channel": "#general", "command": "ping", "focused": "clip", **asked}
    before = len(harness.world.interactions)
    typing = asyncio.create_task(harness.control("POST", "/autocomplete", body))
    await eventually(lambda: len(harness.world.interactions) > before)
    interaction = list(harness.world.interactions.values())[-1]
    answer = await harness.respond(interaction, 8, data)
    if answer.status >= 300:
        await harness.respond(interaction, 8, {"choices": []})
    return answer, await typing


async def test_autocomplete_returns_choices(harness: DiscordHarness) -> None:
    count = OPTION | {"type": 4, "name": "count"}
    await harness.register(PING | {"options": [OPTION, count, OPTION | {"name": "other"}]})
    harness.collect_events()
    choices = [{"name": "A clip", "value": "1"}]
    bot, person = await completed(
        harness, {"choices": choices}, options={"clip": "cl", "other": "x"}
    )
    assert bot.ok() == {"interaction": bot.json["interaction"]}
    assert person.ok()["choices"] == choices
    data = harness.events_named("INTERACTION_CREATE")[0]["data"]
    assert data["options"] == [
        {"type": 3, "name": "clip", "value": "cl", "focused": True},
        {"type": 3, "name": "other", "value": "x"},
    ]
    many = [{"name": str(n), "value": str(n)} for n in range(26)]
    bot, person = await completed(harness, {"choices": many})
    bot.assert_field_error("data.choices", "BASE_TYPE_MAX_LENGTH")
    bot, _ = await completed(harness, {"choices": [{"name": "x" * 101, "value": "1"}]})
    bot.assert_field_error("data.choices.0.name", "BASE_TYPE_BAD_LENGTH")
    bot, _ = await completed(harness, {"choices": [{"name": "x", "value": "one"}]}, focused="count")
    bot.assert_field_error("data.choices.0.value", "NUMBER_TYPE_COERCE")


async def test_autocomplete_accepts_choices_only(harness: DiscordHarness) -> None:
    await harness.register(PING | {"options": [OPTION]})
    person = harness.user("Cem")
    interaction = await person_interactions.use_command(
        harness.world, person, harness.channel("general"), "ping", {}, focused="clip"
    )
    (await harness.respond(interaction, 4, {"content": "x"})).assert_field_error(
        "type", "BASE_TYPE_CHOICES"
    )
    (await harness.respond(interaction, 8, {"choices": []})).ok()
    (await harness.call_webhook("POST", interaction, {"content": "x"})).assert_error(404, 10015)


async def test_autocomplete_without_a_response(harness: DiscordHarness) -> None:
    await harness.register(PING | {"options": [OPTION]})
    body = {"user": "Cem", "channel": "#general", "command": "ping", "focused": "clip"}
    typing = asyncio.create_task(harness.control("POST", "/autocomplete", body))
    await eventually(lambda: len(harness.world.interactions) > 0)
    await eventually(
        lambda: next(iter(harness.world.interactions.values())).on_acknowledged is not None
    )
    harness.clock.advance(3.5)
    answer = (await typing).ok()
    assert (answer["choices"], answer["interaction"]["state"]) == ([], "failed")


async def test_a_series_of_uses_comes_at_its_times_and_measures_each(
    harness: DiscordHarness,
) -> None:
    await harness.register(PING)
    series: Json = {"users": ["Cem", "Dia"], "channel": "clips", "command": "ping"}
    series |= {"count": 4, "per_second": 1}
    using = asyncio.create_task(harness.control("POST", "/command-series", series))
    interactions = harness.world.interactions

    for number in range(1, 5):

        async def are_created(count: int = number) -> bool:
            return len(interactions) == count

        await eventually(are_created, what="the interactions")
        harness.world.clock.advance(1)
    people = [harness.world.users[i.user_id].display_name for i in interactions.values()]
    assert people == ["Cem", "Dia", "Cem", "Dia"]
    first, *others = interactions.values()
    for interaction in others:
        interaction.acknowledged_at = interaction.created_at + 0.25
    harness.world.clock.advance(4)
    answer = (await using).ok()
    assert answer["acknowledged_ms"] == [None, 250.0, 250.0, 250.0]
    assert len(answer["late_ms"]) == len(answer["acknowledged_ms"])
    assert min(answer["late_ms"]) >= 0
    assert first.acknowledged_at is None


@pytest.mark.parametrize(
    "change",
    [{"count": 0}, {"per_second": 0}, {"users": []}, {"users": ["Clapper"]}, {"count": 10**6}],
)
async def test_a_series_that_cannot_be_is_refused(
    harness: DiscordHarness, change: dict[str, Any]
) -> None:
    await harness.register(PING)
    series: Json = {"users": ["Cem"], "channel": "clips", "command": "ping"}
    series |= {"count": 1, "per_second": 10}
    assert (await harness.control("POST", "/command-series", series | change)).status == 400
