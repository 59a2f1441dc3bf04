"""The bot copes with lost answers, unknown events and foreign commands from Discord."""

from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest

from tests.e2e.stage import BotStage, clips_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = dict[str, Any]

CALLBACK = "/callback"
LOST_ANSWERS = [
    pytest.param({"drop": "after"}, id="cut"),
    pytest.param({"drop": "after", "times": 2}, id="cut-twice"),
    pytest.param({"status": 502, "carry_out": True}, id="502"),
    pytest.param({"status": 503, "carry_out": True}, id="503"),
    pytest.param(
        {"status": 429, "body": {"message": "slow", "retry_after": 0.3, "global": False}}, id="429"
    ),
]


async def call_discord(stage: BotStage, method: str, path: str, body: Any) -> Any:
    """Send a request with the bot's token, as another deployment of it would."""
    environment = stage.sandbox.environment_for_bot
    url = environment["DISCORD_API_URL"] + path
    headers = {"Authorization": f"Bot {environment['DISCORD_TOKEN']}"}
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, url, json=body, headers=headers) as response,
    ):
        assert response.status < 300, await response.text()
        return await response.json()


async def post_as_bot(stage: BotStage, room: str, *components: Json) -> Json:
    """Post a message with components, as another version of the bot did."""
    body = {"content": "old", "components": [{"type": 1, "components": list(components)}]}
    message: Json = await call_discord(stage, "POST", f"/channels/{room}/messages", body)
    return message


def button(custom_id: str) -> Json:
    return {"type": 2, "style": 2, "label": "Old", "custom_id": custom_id}


async def application_path(stage: BotStage) -> str:
    return f"/applications/{(await stage.control.world())['application']['id']}"


async def test_unreadable_events_stop_nobody(stage: BotStage) -> None:
    """A poll without an end, a malformed channel, no JSON: logged once each. [discord-D01]"""
    room = await stage.open_channel()
    poll = {"question": "Which?", "answers": ["a", "b"], "expires": False}
    for _ in range(2):
        body = {"user": stage.people["Ada"], "channel": "@Ada", "content": "", "poll": poll}
        await stage.control.call("POST", "messages", body)
        channel = {"id": "1", "type": 13, "guild_id": stage.guild, "name": "stage"}
        await stage.control.gateway("send", event="CHANNEL_CREATE", data=channel)
        await stage.control.gateway("send", text="{")
    interaction = await stage.control.command(stage.people["Ada"], room, "quota show")
    await stage.wait_for_answer(interaction)
    log = stage.bot.read_log()
    for name in ("MESSAGE_CREATE", "CHANNEL_CREATE", "unreadable frame"):
        lines = [line for line in log.splitlines() if "event_dropped" in line and name in line]
        assert len(lines) == 1, name


@pytest.mark.parametrize("fault", LOST_ANSWERS)
async def test_a_lost_answer_to_the_first_response(
    stage: BotStage, fault: Mapping[str, Any]
) -> None:
    """Discord has accepted "thinking…", and the bot continues from there. [discord-D02]"""
    room = await stage.open_channel()
    await stage.control.fault("discord", method="POST", path=CALLBACK, **fault)
    interaction = await stage.request_clip(room)
    await stage.wait_for_answer(interaction, quote_text("ask.accepted"))
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert len(clips_of(await stage.control.messages(room))) == 1


async def test_lost_answers_to_buttons_and_forms(stage: BotStage) -> None:
    """*Redo*, a form that opens, its submission, a question's button. [discord-D02]"""
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    await stage.control.fault("discord", method="POST", path=CALLBACK, drop="after")
    await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.redo")), quote_text("ask.accepted")
    )
    await stage.wait_for_clip(room, 2)
    await stage.control.fault("discord", method="POST", path=CALLBACK, drop="after")
    form = await stage.press_button(clip, quote_text("button.extend"))
    await stage.control.wait_interaction(form, lambda state: state.get("modal"))
    fault = {"status": 502, "carry_out": True}
    await stage.control.fault("discord", method="POST", path=CALLBACK, **fault)
    await stage.wait_for_answer(
        await stage.submit_form(form, "it jumps"), quote_text("ask.accepted")
    )
    await stage.wait_for_clip(room, 3)
    await stage.wait_until_idle(room)


async def test_foreign_commands_are_replaced(stage: BotStage) -> None:
    """Somebody uses a command of another deployment: ours come back, for all and in one server.

    [discord-D07]
    """
    room = await stage.open_channel()
    base = await application_path(stage)
    ours = {command["name"] for command in await stage.control.commands()}
    foreign = [{"name": "imagine", "description": "x"}]
    await call_discord(stage, "PUT", f"{base}/commands", foreign)
    await call_discord(stage, "PUT", f"{base}/guilds/{stage.guild}/commands", foreign)
    interaction = await stage.control.command(stage.people["Ada"], room, "imagine")
    await stage.wait_for_answer(interaction, quote_text("error.command_outdated"))

    async def is_restored() -> bool:
        registered = {command["name"] for command in await stage.control.commands()}
        of_guild = await call_discord(
            stage, "GET", f"{base}/guilds/{stage.guild}/commands", body=None
        )
        return registered == ours and not of_guild

    await stage.wait_until(is_restored, "our commands being back")


async def test_foreign_commands_are_replaced_at_the_start(stage: BotStage) -> None:
    """And equal ones are left alone: registering is limited to 200 a day. [discord-D07]"""
    base = await application_path(stage)
    ours = {command["name"] for command in await stage.control.commands()}
    await stage.bot.kill_and_wait()
    await call_discord(stage, "PUT", f"{base}/commands", [{"name": "imagine", "description": "x"}])
    await stage.bot.start()

    async def is_restored() -> bool:
        return {command["name"] for command in await stage.control.commands()} == ours

    await stage.wait_until(is_restored, "our commands being back")
    requests = await stage.control.requests()
    await stage.bot.restart()
    after = requests[-1]["n"]
    await stage.control.wait_request(r"/commands\?with_localizations=true$", after=after)
    room = await stage.open_channel()
    await stage.wait_for_answer(
        await stage.control.command(stage.people["Ada"], room, "quota show")
    )
    assert not await stage.control.requests(after=after, method="PUT", path="/commands$")


@pytest.mark.parametrize(
    "component",
    [
        pytest.param(button("clapper:upscale:1"), id="unknown-action"),
        pytest.param(button(f"clapper:redo:{10**19}"), id="20-digits"),
        pytest.param(button("upscale_1"), id="foreign"),
        pytest.param(
            {"type": 3, "custom_id": "clapper-set:gone", "options": [{"label": "x", "value": "x"}]},
            id="unknown-menu",
        ),
        pytest.param(
            {
                "type": 3,
                "custom_id": "clapper-set:people",
                "options": [{"label": "x", "value": "gone"}],
            },
            id="unknown-choice",
        ),
    ],
)
async def test_buttons_and_menus_of_another_version(stage: BotStage, component: Json) -> None:
    """[discord-D19]"""
    room = await stage.open_channel()
    message = await post_as_bot(stage, room, component)
    values = [option["value"] for option in component.get("options", [])] or None
    pressed = await stage.control.component(
        stage.people["Ada"], message["id"], component["custom_id"], values
    )
    await stage.wait_for_answer(pressed, quote_text("not_found.component"))


@pytest.mark.parametrize(
    "order", [{"code": 10062}, {"code": 40060}, {"status": 503}, {"drop": "before"}]
)
async def test_a_late_suggestion_is_dropped_in_silence(
    stage: BotStage, order: Mapping[str, Any]
) -> None:
    """[discord-D20]"""
    room = await stage.open_channel()
    ada = stage.people["Ada"]
    await stage.control.fault("discord", method="POST", path=CALLBACK, times=9, **order)
    typed = await stage.control.call(
        "POST",
        "autocomplete",
        {
            "user": ada,
            "channel": room,
            "command": "video generate",
            "options": {"prompt": "x", "model": "v"},
            "focused": "model",
        },
    )
    assert typed["choices"] == []
    await stage.control.clear_faults()
    await stage.wait_for_answer(await stage.control.command(ada, room, "quota show"))
    assert "Ignoring exception" not in stage.bot.read_log()


async def test_a_message_of_an_unknown_server_is_ignored(stage: BotStage) -> None:
    """It is not treated as a direct message either. [discord-D23]"""
    room = await stage.open_channel()
    shown = (await stage.make_clip(room)) | {"guild_id": "123", "channel_id": "456"}
    member = {"roles": ["1"], "joined_at": "2026-01-01T00:00:00+00:00", "flags": 0}
    author = {"id": stage.people["Ada"], "username": "ada", "discriminator": "0", "avatar": None}
    reply = shown | {
        "id": str(int(shown["id"]) + 1),
        "type": 19,
        "content": "it jumps over the fence",
        "author": author,
        "member": member,
        "components": [],
        "attachments": [],
        "mentions": [],
        "message_reference": {"message_id": shown["id"], "channel_id": "456", "guild_id": "123"},
        "referenced_message": shown,
    }
    await stage.control.gateway("send", event="MESSAGE_CREATE", data=reply)
    await stage.wait_for_answer(
        await stage.control.command(stage.people["Ada"], room, "quota show")
    )
    log = stage.bot.read_log()
    assert "listener.failed" not in log
    assert not await stage.control.requests(path="/channels/456/")
