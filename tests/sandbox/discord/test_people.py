"""Acting as people: what Discord's client allows and refuses."""

from typing import Any

import pytest

from sandbox.discord.entities import MessageKind
from sandbox.discord.messages import MAX_LATE_EDITS
from tests.sandbox.discord.discord_harness import (
    EPHEMERAL,
    PING,
    DiscordHarness,
    HttpResult,
    button,
    row,
)

Json = dict[str, Any]
GENERATE: Json = {
    "name": "video",
    "description": "Clips",
    "options": [
        {
            "type": 1,
            "name": "generate",
            "description": "A clip",
            "options": [
                {
                    "type": 3,
                    "name": "prompt",
                    "description": "What",
                    "required": True,
                    "min_length": 2,
                    "max_length": 10,
                },
                {
                    "type": 3,
                    "name": "model",
                    "description": "Which",
                    "choices": [
                        {"name": "Fast", "value": "fast"},
                        {"name": "Best", "value": "best"},
                    ],
                },
                {
                    "type": 4,
                    "name": "videos",
                    "description": "How many",
                    "min_value": 1,
                    "max_value": 4,
                },
                {"type": 10, "name": "strength", "description": "How much"},
                {"type": 5, "name": "sound", "description": "Loud"},
                {"type": 11, "name": "image", "description": "First frame"},
                {"type": 6, "name": "person", "description": "Who"},
                {"type": 7, "name": "place", "description": "Where", "channel_types": [0]},
                {"type": 8, "name": "role", "description": "As"},
                {"type": 9, "name": "any", "description": "Whom"},
            ],
        }
    ],
}


async def ask(harness: DiscordHarness, command: str = "video generate", **body: Any) -> HttpResult:
    asked = {"user": "Cem", "channel": "#general", "command": command, **body}
    return await harness.control("POST", "/commands", asked)


async def test_options_are_typed_and_resolved(harness: DiscordHarness) -> None:
    await harness.register(GENERATE)
    harness.collect_events()
    given = {
        "prompt": "A cat",
        "model": "Best",
        "videos": 2,
        "strength": 0.5,
        "sound": True,
        "person": "Dia",
        "place": "#clips",
        "role": "Moderator",
        "any": "Bea",
    }
    (await ask(harness, options=given, attachments={"image": harness.create_image()})).ok()
    data = harness.events_named("INTERACTION_CREATE")[0]["data"]
    leaf = data["options"][0]
    assert (leaf["name"], leaf["type"]) == ("generate", 1)
    values = {option["name"]: option["value"] for option in leaf["options"]}
    assert (values["model"], values["videos"], values["strength"]) == ("best", 2, 0.5)
    resolved = data["resolved"]
    assert resolved["users"][values["person"]]["username"] == "dia"
    assert resolved["members"][values["any"]]["permissions"]
    assert resolved["channels"][values["place"]]["name"] == "clips"
    assert resolved["roles"][values["role"]]["name"] == "Moderator"
    picture = resolved["attachments"][values["image"]]
    assert (picture["ephemeral"], picture["width"]) == (True, 32)
    async with harness.http.get(picture["url"]) as response:
        assert response.status == 200


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"command": "nothing"}, 404, "no command 'nothing'"),
        ({"command": "video"}, 400, "needs a sub-command"),
        ({"command": "video nothing"}, 404, "no sub-command 'nothing'"),
        ({}, 400, "'prompt' is required"),
        ({"options": {"prompt": "A cat", "colour": "red"}}, 400, "no option 'colour'"),
        ({"options": {"prompt": "A"}}, 400, "must be 2 to 10"),
        ({"options": {"prompt": "x" * 11}}, 400, "must be 2 to 10"),
        ({"options": {"prompt": "A cat", "model": "old"}}, 400, "not one of the choices"),
        ({"options": {"prompt": "A cat", "videos": 5}}, 400, "out of range"),
        ({"options": {"prompt": "A cat", "videos": 1.5}}, 400, "not a whole number"),
        ({"options": {"prompt": "A cat", "strength": "much"}}, 400, "not a number"),
        ({"options": {"prompt": "A cat", "sound": "yes"}}, 400, "true or false"),
        ({"options": {"prompt": "A cat", "image": "/nowhere.png"}}, 400, "no file"),
        ({"options": {"prompt": "A cat", "person": "Nobody"}}, 404, "no user 'Nobody'"),
        ({"options": {"prompt": "A cat", "place": "ideas"}}, 400, "not a channel of that kind"),
        ({"options": {"prompt": "A cat", "role": "King"}}, 404, "no role 'King'"),
        ({"options": {"prompt": "A cat"}, "user": "Nobody"}, 404, "no user 'Nobody'"),
        ({"options": {"prompt": "A cat"}, "channel": "#nowhere"}, 404, "no channel '#nowhere'"),
        ({"options": {"prompt": "A cat"}, "channel": "@Dia"}, 409, "not part of"),
        ({"options": {"prompt": "A cat"}, "locale": "xx"}, 400, "not a locale"),
        ({"options": {"prompt": "A cat"}, "user": "Clapper"}, 400, "acts by itself"),
        ({"options": 5}, 400, "options must be an object"),
    ],
)
async def test_what_clients_never_send_is_refused(
    harness: DiscordHarness, body: Json, status: int, words: str
) -> None:
    await harness.register(GENERATE)
    (await ask(harness, **body)).assert_refused(status, words)
    assert harness.world.interactions == {}


async def test_file_limits_apply_to_people(harness: DiscordHarness) -> None:
    await harness.register(GENERATE)
    big = harness.directory / "big.png"
    with big.open("wb") as file:
        file.truncate(20 * 1024 * 1024 + 1)
    given: Json = {"options": {"prompt": "A cat"}, "attachments": {"image": str(big)}}
    (await ask(harness, **given)).assert_refused(400, "the limit here is")
    (await harness.control("PATCH", "/users/Cem", {"nitro": True})).ok()
    (await ask(harness, **given)).ok()


async def test_who_may_use_a_command(harness: DiscordHarness) -> None:
    await harness.register(PING | {"default_member_permissions": 1 << 5}, PING | {"name": "any"})
    (await ask(harness, "ping")).assert_refused(403, "MANAGE_GUILD")
    (await ask(harness, "ping", user="Bea")).ok()
    (await ask(harness, "ping", user="Ada")).ok()
    await harness.register(PING | {"default_member_permissions": 0}, PING | {"name": "any"})
    (await ask(harness, "ping", user="Bea")).assert_refused(403, "ADMINISTRATOR")
    (await ask(harness, "ping", user="Ada")).ok()
    general = f"/channels/{harness.channel('general').id}/overwrites"
    await harness.control(
        "PUT", general, {"role": "everyone", "deny": ["USE_APPLICATION_COMMANDS"]}
    )
    (await ask(harness, "any")).assert_refused(403, "USE_APPLICATION_COMMANDS")
    await harness.control("PUT", general, {"role": "everyone", "deny": ["VIEW_CHANNEL"]})
    (await ask(harness, "any")).assert_refused(403, "VIEW_CHANNEL")


async def test_threads_follow_their_channel_s_age_restriction(harness: DiscordHarness) -> None:
    await harness.register(PING | {"name": "adults", "nsfw": True})
    opened = {"user": "Cem", "channel": "#general", "name": "A thread"}
    thread = (await harness.control("POST", "/threads", opened)).ok()["channel"]["id"]
    (await ask(harness, "adults", channel=thread)).assert_refused(409, "age-restricted")
    general = f"/channels/{harness.channel('general').id}"
    (await harness.control("PATCH", general, {"nsfw": True})).ok()
    (await ask(harness, "adults", channel=thread)).ok()
    (await harness.control("PATCH", general, {"nsfw": False})).ok()
    (await ask(harness, "adults", channel=thread)).assert_refused(409, "age-restricted")
    group = await harness.control("POST", "/channels", {"name": "Us", "members": ["Cem", "Bea"]})
    (await harness.control("PATCH", "/users/Cem", {"allows_age_restricted": True})).ok()
    await harness.register(
        PING | {"name": "adults", "nsfw": True, "integration_types": [1], "contexts": [0, 1, 2]}
    )
    (
        await ask(harness, "adults", channel=group.ok()["channel"]["id"], user_install=True)
    ).assert_refused(409, "age-restricted")


async def test_where_a_command_is_offered(harness: DiscordHarness) -> None:
    await harness.register(
        PING | {"name": "here", "contexts": [0]},
        PING | {"name": "alone", "contexts": [1]},
        PING | {"name": "carried", "integration_types": [1], "contexts": [0, 1, 2]},
        PING | {"name": "adults", "nsfw": True},
        PING | {"name": "old", "dm_permission": False},
    )
    (await ask(harness, "here", channel="@Cem")).assert_refused(409, "not offered in this context")
    (await ask(harness, "old", channel="@Cem")).assert_refused(409, "not offered in this context")
    (await ask(harness, "alone")).assert_refused(409, "not offered in this context")
    harness.collect_events()
    (await ask(harness, "alone", channel="@Cem")).ok()
    told = harness.events_named("INTERACTION_CREATE")[0]
    assert (told["context"], told["user"]["username"]) == (1, "cem")
    assert told["authorizing_integration_owners"] == {"0": "0"}
    assert "member" not in told
    (await ask(harness, "carried")).assert_refused(409, "not offered to guild installations")
    (await ask(harness, "carried", user_install=True)).ok()
    (await ask(harness, "here", user_install=True)).ok()
    (await ask(harness, "adults")).assert_refused(409, "age-restricted")
    (await ask(harness, "adults", channel="#after-dark")).ok()
    (await ask(harness, "adults", channel="@Cem")).assert_refused(409, "direct messages")
    (await harness.control("PATCH", "/users/Cem", {"allows_age_restricted": True})).ok()
    (await ask(harness, "adults", channel="@Cem")).ok()
    await harness.register(PING | {"name": "here", "contexts": [0]})
    (await ask(harness, "here", channel="#ideas")).assert_refused(
        409, "nothing is typed into a forum"
    )
    post = await harness.control(
        "POST", "/threads", {"user": "Cem", "channel": "#ideas", "name": "A post", "content": "x"}
    )
    (await ask(harness, "here", channel=post.ok()["channel"]["id"])).ok()
    await harness.register(
        PING | {"name": "carried", "integration_types": [1], "contexts": [0, 1, 2]},
    )
    group = await harness.control("POST", "/channels", {"name": "Us", "members": ["Cem", "Bea"]})
    where = group.ok()["channel"]["id"]
    (await ask(harness, "carried", channel=where)).assert_refused(409, "not installed")
    (await ask(harness, "carried", channel=where, user_install=True)).ok()
    assert harness.events_named("INTERACTION_CREATE")[-1]["context"] == 2


async def test_locales(harness: DiscordHarness) -> None:
    await harness.register(PING)
    harness.collect_events()
    (await harness.control("PATCH", "/users/Cem", {"locale": "de"})).ok()
    guild = next(iter(harness.world.guilds))
    (await harness.control("PATCH", f"/guilds/{guild}", {"locale": "fr"})).ok()
    await harness.command("ping")
    await harness.command("ping", locale="ja")
    told = harness.events_named("INTERACTION_CREATE")
    assert [(t["locale"], t["guild_locale"]) for t in told] == [("de", "fr"), ("ja", "fr")]
    (await harness.control("PATCH", "/users/Cem", {"locale": "klingon"})).assert_refused(
        400, "locale"
    )


async def test_menus(harness: DiscordHarness) -> None:
    await harness.register({"name": "Look", "type": 3}, {"name": "Wave", "type": 2})
    said = await harness.post_message("x")
    harness.collect_events()
    menu = {"user": "Dia", "command": "Look", "message": said["id"]}
    interaction = harness.interaction((await harness.control("POST", "/context-menus", menu)).ok())
    answer = (await harness.respond(interaction, 4, {"content": "y"})).ok()["resource"]["message"]
    assert answer["type"] == MessageKind.CONTEXT_MENU_COMMAND
    assert answer["interaction_metadata"]["target_message_id"] == said["id"]
    wave = {"user": "Dia", "command": "Wave", "target": "Ada", "channel": "general"}
    (await harness.control("POST", "/context-menus", wave)).ok()
    assert harness.events_named("INTERACTION_CREATE")[1]["data"]["resolved"]["users"]
    (await harness.control("POST", "/context-menus", menu | {"command": "Wave"})).assert_refused(
        404, "Wave"
    )
    (await harness.control("POST", "/context-menus", menu | {"message": "1"})).assert_refused(
        404, "message"
    )
    (await harness.control("POST", "/context-menus", menu | {"channel": "#clips"})).assert_refused(
        400, "another channel"
    )


async def press(
    harness: DiscordHarness, message: Json, custom_id: str = "go", **body: Any
) -> HttpResult:
    asked = {"user": "Cem", "message": message["id"], "custom_id": custom_id, **body}
    return await harness.control("POST", "/components", asked)


async def test_only_existing_enabled_buttons_can_be_pressed(harness: DiscordHarness) -> None:
    link = {"type": 2, "style": 5, "label": "x", "url": "https://example.org"}
    components = [row(button(), button("off", disabled=True), link)]
    sent = (await harness.send({"content": "x", "components": components})).ok()
    (await press(harness, sent)).ok()
    (await press(harness, sent, "nothing")).assert_refused(404, "no component 'nothing'")
    (await press(harness, sent, "off")).assert_refused(409, "disabled")
    (await press(harness, sent, values=["a"])).assert_refused(400, "no values")
    (await press(harness, await harness.post_message("x"))).assert_refused(404, "no component")
    (await press(harness, {"id": "1"})).assert_refused(404, "no message")
    general = f"/channels/{sent['channel_id']}/overwrites"
    await harness.control("PUT", general, {"role": "everyone", "deny": ["VIEW_CHANNEL"]})
    (await press(harness, sent)).assert_refused(403, "VIEW_CHANNEL")


async def test_ephemeral_buttons_are_for_one_person(harness: DiscordHarness) -> None:
    await harness.register(PING)
    interaction = await harness.command("ping")
    data = {"content": "x", "flags": EPHEMERAL, "components": [row(button())]}
    shown = (await harness.respond(interaction, 4, data)).ok()["resource"]["message"]
    (await press(harness, shown, user="Dia")).assert_refused(403, "cannot see")
    (await press(harness, shown)).ok()


async def test_selects(harness: DiscordHarness) -> None:
    options = [{"label": str(n), "value": str(n)} for n in range(3)]
    pick = {"type": 3, "custom_id": "pick", "options": options, "min_values": 1, "max_values": 2}
    who = {"type": 5, "custom_id": "who"}
    place = {"type": 8, "custom_id": "place", "channel_types": [0]}
    role = {"type": 6, "custom_id": "role"}
    any_one = {"type": 7, "custom_id": "any", "max_values": 2}
    components = [row(each) for each in (pick, who, place, role, any_one)]
    sent = (await harness.send({"content": "x", "components": components})).ok()
    harness.collect_events()
    (await press(harness, sent, "pick", values=["0", "2"])).ok()
    assert harness.events_named("INTERACTION_CREATE")[0]["data"]["values"] == ["0", "2"]
    (await press(harness, sent, "who", values=["Ada"])).ok()
    data = harness.events_named("INTERACTION_CREATE")[1]["data"]
    assert data["resolved"]["users"][data["values"][0]]["username"] == "ada"
    (await press(harness, sent, "place", values=["#clips"])).ok()
    (await press(harness, sent, "role", values=["Moderator"])).ok()
    (await press(harness, sent, "any", values=["Moderator", "Ada"])).ok()
    (await press(harness, sent, "pick", values=[])).assert_refused(400, "must be 1 to 2")
    (await press(harness, sent, "pick", values=["0", "1", "2"])).assert_refused(
        400, "must be 1 to 2"
    )
    (await press(harness, sent, "pick", values=["9"])).assert_refused(400, "not offered")
    (await press(harness, sent, "pick", values=["1", "1"])).assert_refused(400, "twice")
    (await press(harness, sent, "who", values=["Nobody"])).assert_refused(404, "no user")
    (await press(harness, sent, "place", values=["#ideas"])).assert_refused(400, "kind")
    (await press(harness, sent, "role", values=["King"])).assert_refused(404, "no role")


def labelled(component: Json) -> Json:
    return {"type": 18, "label": "Label", "component": component}


OPTIONS = [{"label": "A", "value": "a"}, {"label": "B", "value": "b", "default": True}]
MODAL: Json = {
    "custom_id": "form",
    "title": "Form",
    "components": [
        labelled({"type": 4, "custom_id": "text", "style": 1, "min_length": 2, "max_length": 5}),
        labelled({"type": 19, "custom_id": "file", "required": False, "max_values": 2}),
        labelled({"type": 21, "custom_id": "radio", "options": OPTIONS}),
        labelled({"type": 22, "custom_id": "boxes", "options": OPTIONS, "max_values": 1}),
        labelled({"type": 23, "custom_id": "box"}),
    ],
}


async def test_every_input_of_a_modal(harness: DiscordHarness) -> None:
    await harness.register(PING)
    interaction = await harness.command("ping")
    (await harness.respond(interaction, 9, MODAL)).ok()
    harness.collect_events()
    fields = {
        "text": "Cat",
        "file": [harness.create_image()],
        "radio": "a",
        "boxes": ["a"],
        "box": True,
    }
    body = {"user": "Cem", "interaction": str(interaction.id), "fields": fields}
    (await harness.control("POST", "/modals", body)).ok()
    data = harness.events_named("INTERACTION_CREATE")[0]["data"]
    parts = [part["component"] for part in data["components"]]
    assert parts[0]["value"] == "Cat"
    assert data["resolved"]["attachments"][parts[1]["values"][0]]["filename"] == "picture.png"
    assert (parts[2]["value"], parts[3]["values"], parts[4]["value"]) == ("a", ["a"], True)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "text: this field is required"),
        ({"text": "C"}, "must be 2 to 5"),
        ({"text": "Caterpillar"}, "must be 2 to 5"),
        ({"text": 5}, "takes text"),
        ({"text": "Cat", "other": "x"}, "no field 'other'"),
        ({"text": "Cat", "radio": "c"}, "not offered"),
        ({"text": "Cat", "radio": ["a", "b"]}, "only one"),
        ({"text": "Cat", "radio": []}, "required"),
        ({"text": "Cat", "boxes": ["a", "b"]}, "must be 1 to 1"),
        ({"text": "Cat", "boxes": []}, "must be 1 to 1"),
        ({"text": "Cat", "box": "yes"}, "either true or false"),
        ({"text": "Cat", "file": ["/nowhere"]}, "no file"),
    ],
)
async def test_a_modal_that_cannot_be_sent(
    harness: DiscordHarness, fields: Json, words: str
) -> None:
    await harness.register(PING)
    interaction = await harness.command("ping")
    (await harness.respond(interaction, 9, MODAL)).ok()
    body = {"user": "Cem", "interaction": str(interaction.id), "fields": fields}
    (await harness.control("POST", "/modals", body)).assert_refused(400, words)
    body["fields"] = {"text": "Cat"}
    (await harness.control("POST", "/modals", body)).ok()


async def test_a_modal_can_be_submitted_by_its_person_only(harness: DiscordHarness) -> None:
    await harness.register(PING)
    interaction = await harness.command("ping")
    body = {"user": "Cem", "interaction": str(interaction.id), "fields": {"text": "Cat"}}
    (await harness.control("POST", "/modals", body)).assert_refused(
        409, "not answered with a modal"
    )
    (await harness.respond(interaction, 9, MODAL)).ok()
    (await harness.control("POST", "/modals", body | {"user": "Dia"})).assert_refused(
        403, "not shown to Dia"
    )
    (await harness.control("POST", "/modals", body | {"interaction": "1"})).assert_refused(
        404, "interaction"
    )


async def test_only_options_with_autocomplete_can_be_completed(harness: DiscordHarness) -> None:
    await harness.register(GENERATE)
    body = {
        "user": "Cem",
        "channel": "general",
        "command": "video generate",
        "options": {"prompt": "x"},
        "focused": "prompt",
    }
    (await harness.control("POST", "/autocomplete", body)).assert_refused(400, "no completion")


async def test_people_write_messages(harness: DiscordHarness) -> None:
    async def said(**body: Any) -> HttpResult:
        asked = {"user": "Cem", "channel": "#general", "content": "x", **body}
        return await harness.control("POST", "/messages", asked)

    first = (await said(content="Hi @Ada", attachments=[harness.create_image()])).ok()["message"]
    assert first["content"] == f"Hi <@{harness.user('Ada').id}>"
    assert first["files"] == first["attachments"]
    reply = (await said(reply_to=first["id"], channel=None, user="Dia")).ok()["message"]
    assert reply["referenced_message"]["id"] == first["id"]
    (await said(content="")).assert_refused(400, "empty")
    (await said(content="x" * 2001)).assert_refused(400, "at most 2000")
    (await said(attachments=[harness.create_image()] * 11)).assert_refused(400, "at most 10")
    (await said(channel="#ideas")).assert_refused(409, "posts")
    (await said(channel="#clips", reply_to=first["id"])).assert_refused(
        400, "channel of the message"
    )
    (await said(user="clapper-owner", channel=str(harness.channel("general").id))).assert_refused(
        403, "VIEW_CHANNEL"
    )
    general = f"/channels/{harness.channel('general').id}/overwrites"
    await harness.control("PUT", general, {"role": "everyone", "deny": ["ATTACH_FILES"]})
    (await said(attachments=[harness.create_image()])).assert_refused(403, "ATTACH_FILES")
    await harness.control("PUT", general, {"role": "everyone", "deny": ["SEND_MESSAGES"]})
    (await said()).assert_refused(403, "SEND_MESSAGES")
    (await said(user="Ada")).ok()


async def test_people_edit_and_delete_messages(harness: DiscordHarness) -> None:
    harness.collect_events()
    said = await harness.post_message("One")
    path = f"/messages/{said['id']}"
    changed = (await harness.control("PATCH", path, {"user": "Cem", "content": "Two"})).ok()[
        "message"
    ]
    assert (changed["content"], changed["edits"]) == ("Two", 1)
    (await harness.control("PATCH", path, {"user": "Dia", "content": "x"})).assert_refused(
        403, "author"
    )
    (await harness.control("PATCH", path, {"user": "Cem", "content": " "})).assert_refused(
        400, "empty"
    )
    (await harness.control("DELETE", path, {"user": "Dia"})).assert_refused(403, "MANAGE_MESSAGES")
    (await harness.control("DELETE", path, {"user": "Bea"})).ok()
    (await harness.control("DELETE", path, {"user": "Bea"})).assert_refused(404, "no message")
    assert harness.events_named("MESSAGE_DELETE")[0]["id"] == said["id"]
    assert (await harness.control("GET", "/channels/general/messages")).ok() == []
    left = (await harness.control("GET", "/channels/general/messages?deleted=1")).ok()
    assert [m["deleted"] for m in left] == [True]


async def test_super_reactions_are_a_kind_of_their_own(harness: DiscordHarness) -> None:
    """[discord-S6]"""
    said = await harness.post_message("x")
    normal = {"user": "Dia", "message": said["id"], "emoji": "⭐"}
    burst = normal | {"super": True}
    (await harness.control("POST", "/reactions", normal)).ok()
    shown = (await harness.control("POST", "/reactions", burst)).ok()["message"]
    assert shown["reactions"][0]["count"] == 2
    assert shown["reactions"][0]["count_details"] == {"burst": 1, "normal": 1}
    (await harness.control("POST", "/reactions", normal | {"remove": True})).ok()
    path = f"/channels/{said['channel_id']}/messages/{said['id']}/reactions/⭐"
    assert (await harness.bot("GET", path)).ok() == []
    [user] = (await harness.bot("GET", f"{path}?type=1")).ok()
    assert user["username"].lower() == "dia"


async def test_old_messages_take_only_so_many_edits(harness: DiscordHarness) -> None:
    """[discord-S9]"""
    room = f"/channels/{harness.channel('general').id}/messages"
    said = (await harness.bot("POST", room, {"content": "x"})).ok()
    path = f"{room}/{said['id']}"
    for number in range(40):
        (await harness.bot("PATCH", path, {"content": str(number)})).ok()
    harness.clock.advance(2 * 3600)
    for number in range(MAX_LATE_EDITS):
        (await harness.bot("PATCH", path, {"content": str(number)})).ok()
    refused = await harness.bot("PATCH", path, {"content": "one more"})
    refused.assert_error(429, 30046)
    harness.clock.advance(3601)
    (await harness.bot("PATCH", path, {"content": "later"})).ok()


async def test_people_add_and_remove_reactions(harness: DiscordHarness) -> None:
    said = await harness.post_message("x")
    body = {"user": "Dia", "message": said["id"], "emoji": "👍"}
    (await harness.control("POST", "/reactions", body | {"remove": True})).assert_error(400, 10014)
    (await harness.control("POST", "/reactions", body | {"emoji": "thumb"})).assert_error(
        400, 10014
    )
    shown = (await harness.control("POST", "/reactions", body)).ok()["message"]
    assert shown["reactions"][0]["count"] == 1
    (await harness.control("POST", "/reactions", body | {"remove": True})).ok()
    general = f"/channels/{harness.channel('general').id}/overwrites"
    await harness.control("PUT", general, {"role": "everyone", "deny": ["ADD_REACTIONS"]})
    (await harness.control("POST", "/reactions", body)).assert_refused(403, "ADD_REACTIONS")


async def test_threads_and_posts(harness: DiscordHarness) -> None:
    said = await harness.post_message("x")
    body = {"user": "Cem", "message": said["id"], "name": "Talk", "content": "first"}
    thread = (await harness.control("POST", "/threads", body)).ok()["channel"]
    assert (thread["kind"], thread["id"]) == ("thread", said["id"])
    (await harness.control("POST", "/threads", body | {"name": ""})).assert_refused(400, "1 to 100")
    (await harness.control("POST", "/threads", body)).assert_error(400, 160004)
    post = {"user": "Cem", "channel": "#ideas", "name": "Film", "content": "it", "tags": ["Idea"]}
    shown = (await harness.control("POST", "/threads", post)).ok()["channel"]
    assert len(shown["applied_tags"]) == 1
    listed = (await harness.control("GET", f"/channels/{shown['id']}/messages")).ok()
    assert [m["content"] for m in listed] == ["it"]
    (await harness.control("POST", "/threads", post | {"content": ""})).assert_refused(400, "empty")
    (await harness.control("PATCH", f"/channels/{shown['id']}", {"locked": True})).ok()
    answer = {"user": "Cem", "channel": shown["id"], "content": "x"}
    (await harness.control("POST", "/messages", answer)).assert_refused(409, "locked")


async def test_bad_control_requests_say_what_is_wrong(harness: DiscordHarness) -> None:
    url = harness.world.public_base + "/control/messages"
    async with harness.http.post(url, data=b"{") as response:
        assert response.status == 400
        assert "not JSON" in (await response.json())["message"]
    (await harness.control("POST", "/messages", [])).assert_refused(400, "JSON object")
    (await harness.control("POST", "/messages", {})).assert_refused(400, "user must be")
    (
        await harness.control("POST", "/messages", {"user": "Cem", "channel": "general"})
    ).assert_refused(400, "empty")
