"""Acting as people: what works, and what Discord's client would not let them do."""

from typing import Any

import pytest

from sandbox.discord.entities import MessageKind
from tests.sandbox.discord.town import EPHEMERAL, PING, Answer, Town, button, row

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


async def ask(town: Town, command: str = "video generate", **body: Any) -> Answer:
    asked = {"user": "Cem", "channel": "#general", "command": command, **body}
    return await town.control("POST", "/commands", asked)


async def test_options_are_typed_and_resolved(town: Town) -> None:
    await town.register(GENERATE)
    town.listen()
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
    (await ask(town, options=given, attachments={"image": town.picture()})).ok()
    data = town.heard("INTERACTION_CREATE")[0]["data"]
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
    async with town.http.get(picture["url"]) as response:
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
async def test_requests_clients_never_send_are_refused(
    town: Town, body: Json, status: int, words: str
) -> None:
    await town.register(GENERATE)
    (await ask(town, **body)).refused(status, words)
    assert town.world.interactions == {}


async def test_a_persons_files_are_limited_too(town: Town) -> None:
    await town.register(GENERATE)
    big = town.directory / "big.png"
    with big.open("wb") as file:
        file.truncate(20 * 1024 * 1024 + 1)
    given: Json = {"options": {"prompt": "A cat"}, "attachments": {"image": str(big)}}
    (await ask(town, **given)).refused(400, "the limit here is")
    (await town.control("PATCH", "/users/Cem", {"nitro": True})).ok()
    (await ask(town, **given)).ok()


async def test_who_may_use_a_command(town: Town) -> None:
    await town.register(PING | {"default_member_permissions": 1 << 5}, PING | {"name": "any"})
    (await ask(town, "ping")).refused(403, "MANAGE_GUILD")
    (await ask(town, "ping", user="Bea")).ok()
    (await ask(town, "ping", user="Ada")).ok()
    await town.register(PING | {"default_member_permissions": 0}, PING | {"name": "any"})
    (await ask(town, "ping", user="Bea")).refused(403, "ADMINISTRATOR")
    (await ask(town, "ping", user="Ada")).ok()
    general = f"/channels/{town.channel('general').id}/overwrites"
    await town.control("PUT", general, {"role": "everyone", "deny": ["USE_APPLICATION_COMMANDS"]})
    (await ask(town, "any")).refused(403, "USE_APPLICATION_COMMANDS")
    await town.control("PUT", general, {"role": "everyone", "deny": ["VIEW_CHANNEL"]})
    (await ask(town, "any")).refused(403, "VIEW_CHANNEL")


async def test_where_a_command_is_offered(town: Town) -> None:
    await town.register(
        PING | {"name": "here", "contexts": [0]},
        PING | {"name": "alone", "contexts": [1]},
        PING | {"name": "carried", "integration_types": [1], "contexts": [0, 1, 2]},
        PING | {"name": "adults", "nsfw": True},
        PING | {"name": "old", "dm_permission": False},
    )
    (await ask(town, "here", channel="@Cem")).refused(409, "not offered in this context")
    (await ask(town, "old", channel="@Cem")).refused(409, "not offered in this context")
    (await ask(town, "alone")).refused(409, "not offered in this context")
    town.listen()
    (await ask(town, "alone", channel="@Cem")).ok()
    told = town.heard("INTERACTION_CREATE")[0]
    assert (told["context"], told["user"]["username"]) == (1, "cem")
    assert told["authorizing_integration_owners"] == {"0": "0"}
    assert "member" not in told
    (await ask(town, "carried")).refused(409, "not offered to guild installations")
    (await ask(town, "carried", user_install=True)).ok()
    (await ask(town, "here", user_install=True)).ok()
    (await ask(town, "adults")).refused(409, "age-restricted")
    (await ask(town, "adults", channel="#after-dark")).ok()
    await town.register(PING | {"name": "here", "contexts": [0]})
    (await ask(town, "here", channel="#ideas")).refused(409, "nothing is typed into a forum")
    post = await town.control(
        "POST", "/threads", {"user": "Cem", "channel": "#ideas", "name": "A post", "content": "x"}
    )
    (await ask(town, "here", channel=post.ok()["channel"]["id"])).ok()
    await town.register(
        PING | {"name": "carried", "integration_types": [1], "contexts": [0, 1, 2]},
    )
    group = await town.control("POST", "/channels", {"name": "Us", "members": ["Cem", "Bea"]})
    where = group.ok()["channel"]["id"]
    (await ask(town, "carried", channel=where)).refused(409, "not installed")
    (await ask(town, "carried", channel=where, user_install=True)).ok()
    assert town.heard("INTERACTION_CREATE")[-1]["context"] == 2


async def test_locales(town: Town) -> None:
    await town.register(PING)
    town.listen()
    (await town.control("PATCH", "/users/Cem", {"locale": "de"})).ok()
    guild = next(iter(town.world.guilds))
    (await town.control("PATCH", f"/guilds/{guild}", {"locale": "fr"})).ok()
    await town.command("ping")
    await town.command("ping", locale="ja")
    told = town.heard("INTERACTION_CREATE")
    assert [(t["locale"], t["guild_locale"]) for t in told] == [("de", "fr"), ("ja", "fr")]
    (await town.control("PATCH", "/users/Cem", {"locale": "klingon"})).refused(400, "locale")


async def test_menus(town: Town) -> None:
    await town.register({"name": "Look", "type": 3}, {"name": "Wave", "type": 2})
    said = await town.post_message("x")
    town.listen()
    menu = {"user": "Dia", "command": "Look", "message": said["id"]}
    interaction = town.interaction((await town.control("POST", "/context-menus", menu)).ok())
    answer = (await town.respond(interaction, 4, {"content": "y"})).ok()["resource"]["message"]
    assert answer["type"] == MessageKind.CONTEXT_MENU_COMMAND
    assert answer["interaction_metadata"]["target_message_id"] == said["id"]
    wave = {"user": "Dia", "command": "Wave", "target": "Ada", "channel": "general"}
    (await town.control("POST", "/context-menus", wave)).ok()
    assert town.heard("INTERACTION_CREATE")[1]["data"]["resolved"]["users"]
    (await town.control("POST", "/context-menus", menu | {"command": "Wave"})).refused(404, "Wave")
    (await town.control("POST", "/context-menus", menu | {"message": "1"})).refused(404, "message")
    (await town.control("POST", "/context-menus", menu | {"channel": "#clips"})).refused(
        400, "another channel"
    )


async def press(town: Town, message: Json, custom_id: str = "go", **body: Any) -> Answer:
    asked = {"user": "Cem", "message": message["id"], "custom_id": custom_id, **body}
    return await town.control("POST", "/components", asked)


async def test_only_buttons_that_are_there_and_enabled(town: Town) -> None:
    link = {"type": 2, "style": 5, "label": "x", "url": "https://example.org"}
    components = [row(button(), button("off", disabled=True), link)]
    sent = (await town.send({"content": "x", "components": components})).ok()
    (await press(town, sent)).ok()
    (await press(town, sent, "nothing")).refused(404, "no component 'nothing'")
    (await press(town, sent, "off")).refused(409, "disabled")
    (await press(town, sent, values=["a"])).refused(400, "no values")
    (await press(town, await town.post_message("x"))).refused(404, "no component")
    (await press(town, {"id": "1"})).refused(404, "no message")
    general = f"/channels/{sent['channel_id']}/overwrites"
    await town.control("PUT", general, {"role": "everyone", "deny": ["VIEW_CHANNEL"]})
    (await press(town, sent)).refused(403, "VIEW_CHANNEL")


async def test_ephemeral_buttons_are_for_one_person(town: Town) -> None:
    await town.register(PING)
    interaction = await town.command("ping")
    data = {"content": "x", "flags": EPHEMERAL, "components": [row(button())]}
    shown = (await town.respond(interaction, 4, data)).ok()["resource"]["message"]
    (await press(town, shown, user="Dia")).refused(403, "cannot see")
    (await press(town, shown)).ok()


async def test_selects(town: Town) -> None:
    options = [{"label": str(n), "value": str(n)} for n in range(3)]
    pick = {"type": 3, "custom_id": "pick", "options": options, "min_values": 1, "max_values": 2}
    who = {"type": 5, "custom_id": "who"}
    place = {"type": 8, "custom_id": "place", "channel_types": [0]}
    role = {"type": 6, "custom_id": "role"}
    any_one = {"type": 7, "custom_id": "any", "max_values": 2}
    components = [row(each) for each in (pick, who, place, role, any_one)]
    sent = (await town.send({"content": "x", "components": components})).ok()
    town.listen()
    (await press(town, sent, "pick", values=["0", "2"])).ok()
    assert town.heard("INTERACTION_CREATE")[0]["data"]["values"] == ["0", "2"]
    (await press(town, sent, "who", values=["Ada"])).ok()
    data = town.heard("INTERACTION_CREATE")[1]["data"]
    assert data["resolved"]["users"][data["values"][0]]["username"] == "ada"
    (await press(town, sent, "place", values=["#clips"])).ok()
    (await press(town, sent, "role", values=["Moderator"])).ok()
    (await press(town, sent, "any", values=["Moderator", "Ada"])).ok()
    (await press(town, sent, "pick", values=[])).refused(400, "must be 1 to 2")
    (await press(town, sent, "pick", values=["0", "1", "2"])).refused(400, "must be 1 to 2")
    (await press(town, sent, "pick", values=["9"])).refused(400, "not offered")
    (await press(town, sent, "pick", values=["1", "1"])).refused(400, "twice")
    (await press(town, sent, "who", values=["Nobody"])).refused(404, "no user")
    (await press(town, sent, "place", values=["#ideas"])).refused(400, "kind")
    (await press(town, sent, "role", values=["King"])).refused(404, "no role")


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


async def test_every_input_of_a_modal(town: Town) -> None:
    await town.register(PING)
    interaction = await town.command("ping")
    (await town.respond(interaction, 9, MODAL)).ok()
    town.listen()
    fields = {"text": "Cat", "file": [town.picture()], "radio": "a", "boxes": ["a"], "box": True}
    body = {"user": "Cem", "interaction": str(interaction.id), "fields": fields}
    (await town.control("POST", "/modals", body)).ok()
    data = town.heard("INTERACTION_CREATE")[0]["data"]
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
async def test_a_modal_that_cannot_be_sent(town: Town, fields: Json, words: str) -> None:
    await town.register(PING)
    interaction = await town.command("ping")
    (await town.respond(interaction, 9, MODAL)).ok()
    body = {"user": "Cem", "interaction": str(interaction.id), "fields": fields}
    (await town.control("POST", "/modals", body)).refused(400, words)
    body["fields"] = {"text": "Cat"}
    (await town.control("POST", "/modals", body)).ok()


async def test_only_a_modal_that_was_shown_to_that_person(town: Town) -> None:
    await town.register(PING)
    interaction = await town.command("ping")
    body = {"user": "Cem", "interaction": str(interaction.id), "fields": {"text": "Cat"}}
    (await town.control("POST", "/modals", body)).refused(409, "not answered with a modal")
    (await town.respond(interaction, 9, MODAL)).ok()
    (await town.control("POST", "/modals", body | {"user": "Dia"})).refused(403, "not shown to Dia")
    (await town.control("POST", "/modals", body | {"interaction": "1"})).refused(404, "interaction")


async def test_completion_needs_an_option_with_one(town: Town) -> None:
    await town.register(GENERATE)
    body = {
        "user": "Cem",
        "channel": "general",
        "command": "video generate",
        "options": {"prompt": "x"},
        "focused": "prompt",
    }
    (await town.control("POST", "/autocomplete", body)).refused(400, "no completion")


async def test_people_write_messages(town: Town) -> None:
    async def said(**body: Any) -> Answer:
        asked = {"user": "Cem", "channel": "#general", "content": "x", **body}
        return await town.control("POST", "/messages", asked)

    first = (await said(content="Hi @Ada", attachments=[town.picture()])).ok()["message"]
    assert first["content"] == f"Hi <@{town.user('Ada').id}>"
    assert first["files"] == first["attachments"]
    reply = (await said(reply_to=first["id"], channel=None, user="Dia")).ok()["message"]
    assert reply["referenced_message"]["id"] == first["id"]
    (await said(content="")).refused(400, "empty")
    (await said(content="x" * 2001)).refused(400, "at most 2000")
    (await said(attachments=[town.picture()] * 11)).refused(400, "at most 10")
    (await said(channel="#ideas")).refused(409, "posts")
    (await said(channel="#clips", reply_to=first["id"])).refused(400, "channel of the message")
    (await said(user="clapper-owner", channel=str(town.channel("general").id))).refused(
        403, "VIEW_CHANNEL"
    )
    general = f"/channels/{town.channel('general').id}/overwrites"
    await town.control("PUT", general, {"role": "everyone", "deny": ["ATTACH_FILES"]})
    (await said(attachments=[town.picture()])).refused(403, "ATTACH_FILES")
    await town.control("PUT", general, {"role": "everyone", "deny": ["SEND_MESSAGES"]})
    (await said()).refused(403, "SEND_MESSAGES")
    (await said(user="Ada")).ok()


async def test_people_edit_and_delete_messages(town: Town) -> None:
    town.listen()
    said = await town.post_message("One")
    path = f"/messages/{said['id']}"
    changed = (await town.control("PATCH", path, {"user": "Cem", "content": "Two"})).ok()["message"]
    assert (changed["content"], changed["edits"]) == ("Two", 1)
    (await town.control("PATCH", path, {"user": "Dia", "content": "x"})).refused(403, "author")
    (await town.control("PATCH", path, {"user": "Cem", "content": " "})).refused(400, "empty")
    (await town.control("DELETE", path, {"user": "Dia"})).refused(403, "MANAGE_MESSAGES")
    (await town.control("DELETE", path, {"user": "Bea"})).ok()
    (await town.control("DELETE", path, {"user": "Bea"})).refused(404, "no message")
    assert town.heard("MESSAGE_DELETE")[0]["id"] == said["id"]
    assert (await town.control("GET", "/channels/general/messages")).ok() == []
    left = (await town.control("GET", "/channels/general/messages?deleted=1")).ok()
    assert [m["deleted"] for m in left] == [True]


async def test_people_add_and_remove_reactions(town: Town) -> None:
    said = await town.post_message("x")
    body = {"user": "Dia", "message": said["id"], "emoji": "👍"}
    (await town.control("POST", "/reactions", body | {"remove": True})).refuses(400, 10014)
    (await town.control("POST", "/reactions", body | {"emoji": "thumb"})).refuses(400, 10014)
    shown = (await town.control("POST", "/reactions", body)).ok()["message"]
    assert shown["reactions"][0]["count"] == 1
    (await town.control("POST", "/reactions", body | {"remove": True})).ok()
    general = f"/channels/{town.channel('general').id}/overwrites"
    await town.control("PUT", general, {"role": "everyone", "deny": ["ADD_REACTIONS"]})
    (await town.control("POST", "/reactions", body)).refused(403, "ADD_REACTIONS")


async def test_threads_and_posts(town: Town) -> None:
    said = await town.post_message("x")
    body = {"user": "Cem", "message": said["id"], "name": "Talk", "content": "first"}
    thread = (await town.control("POST", "/threads", body)).ok()["channel"]
    assert (thread["kind"], thread["id"]) == ("thread", said["id"])
    (await town.control("POST", "/threads", body | {"name": ""})).refused(400, "1 to 100")
    (await town.control("POST", "/threads", body)).refuses(400, 160004)
    post = {"user": "Cem", "channel": "#ideas", "name": "Film", "content": "it", "tags": ["Idea"]}
    shown = (await town.control("POST", "/threads", post)).ok()["channel"]
    assert len(shown["applied_tags"]) == 1
    listed = (await town.control("GET", f"/channels/{shown['id']}/messages")).ok()
    assert [m["content"] for m in listed] == ["it"]
    (await town.control("POST", "/threads", post | {"content": ""})).refused(400, "empty")
    (await town.control("PATCH", f"/channels/{shown['id']}", {"locked": True})).ok()
    answer = {"user": "Cem", "channel": shown["id"], "content": "x"}
    (await town.control("POST", "/messages", answer)).refused(409, "locked")


async def test_bad_control_requests_say_what_is_wrong(town: Town) -> None:
    url = town.world.public_base + "/control/messages"
    async with town.http.post(url, data=b"{") as response:
        assert response.status == 400
        assert "not JSON" in (await response.json())["message"]
    (await town.control("POST", "/messages", [])).refused(400, "JSON object")
    (await town.control("POST", "/messages", {})).refused(400, "user must be")
    (await town.control("POST", "/messages", {"user": "Cem", "channel": "general"})).refused(
        400, "empty"
    )
